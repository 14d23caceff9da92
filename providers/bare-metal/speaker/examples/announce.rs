//! Announces addresses on the interfaces of this machine, without a cluster, and prints what happens.
//!
//! ```text
//! announce INTERFACE probe|at-once ADDRESS…
//! ```
//!
//! Lines on standard input: `withdraw ADDRESS`, `announce ADDRESS`, `ask ADDRESS`, `other MAC`, and
//! `counters all`, `interfaces all`. It ends with its input.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use landfall_bare_metal_l2::{Mac, Pace};
use landfall_speaker::network::{Happened, Network, Start};
use tokio::sync::mpsc;

struct Node {
    network: Network,
    interface: String,
    start: Start,
    addresses: BTreeSet<IpAddr>,
    others: HashSet<Mac>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [interface, start, addresses @ ..] = &arguments[..] else {
        bail!("announce INTERFACE probe|at-once ADDRESS…");
    };
    let start = match start.as_str() {
        "probe" => Start::Probe(Pace::Fast),
        "at-once" => Start::AtOnce,
        other => bail!("no way to start: {other}"),
    };
    let addresses = addresses.iter().map(|it| it.parse());
    let mut node = Node {
        network: Network::open().await?,
        interface: interface.clone(),
        start,
        addresses: addresses.collect::<Result<_, _>>()?,
        others: HashSet::new(),
    };
    node.announce_all();
    let mut lines = lines();
    loop {
        tokio::select! {
            happened = node.network.next() => node.take(happened),
            line = lines.recv() => match line {
                Some(line) => node.obey(&line)?,
                None => return Ok(()),
            },
        }
    }
}

/// Lines of standard input.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Node {
    fn announce_all(&mut self) {
        for address in self.addresses.clone() {
            self.announce(address);
        }
    }

    fn announce(&mut self, address: IpAddr) {
        let interfaces = self.network.interfaces().values();
        let on = interfaces.filter(|it| it.name == self.interface);
        let on = on.map(|it| it.index).collect();
        self.network.announce(address, &on, self.start);
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Interfaces => {
                self.print_interfaces();
                self.announce_all();
            }
            Happened::Announced(address) => println!("announced {address}"),
            Happened::Contested(it) => {
                let state = if it.was_announced {
                    "defended"
                } else {
                    "yielded"
                };
                println!("contested {} by {} {state}", it.address, it.by);
            }
            Happened::Answered(address) => {
                println!("answered {address} heard {}", self.has_heard());
            }
        }
    }

    fn print_interfaces(&self) {
        let interfaces = self.network.interfaces().values();
        let said = interfaces.map(|it| {
            let is_up = if it.is_up { "up" } else { "down" };
            format!("{}={is_up}:{}", it.name, it.subnets.len())
        });
        println!("interfaces {}", said.collect::<Vec<_>>().join(" "));
    }

    fn has_heard(&self) -> bool {
        let interfaces = self.network.interfaces().values();
        let mut on = interfaces.filter(|it| it.name == self.interface);
        on.any(|it| self.network.last_heard(it.index).is_some())
    }

    fn obey(&mut self, line: &str) -> anyhow::Result<()> {
        let (verb, object) = line.split_once(' ').context(line.to_owned())?;
        match verb {
            "withdraw" => {
                let address = object.parse()?;
                self.addresses.remove(&address);
                self.network.withdraw(address);
            }
            "announce" => {
                let address = object.parse()?;
                self.addresses.insert(address);
                self.announce(address);
            }
            "ask" => {
                let asked = self
                    .network
                    .ask(object.parse()?, Duration::from_millis(300));
                println!("asked {object} {asked}");
            }
            "other" => {
                let bytes = object.split(':').map(|it| u8::from_str_radix(it, 16));
                let bytes: Vec<_> = bytes.collect::<Result<_, _>>()?;
                let Ok(bytes) = bytes.try_into() else {
                    bail!("{object} is no hardware address");
                };
                self.others.insert(Mac(bytes));
                self.network.set_others(self.others.clone());
            }
            "interfaces" => self.print_interfaces(),
            "counters" => println!("counters {:?}", self.network.counters()),
            other => bail!("no verb {other}"),
        }
        Ok(())
    }
}
