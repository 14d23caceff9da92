//! keepalived on the same network: VRRP for one address among three nodes.
//!
//! Priorities are near the top, where the nodes that wait add least to their time (the skew of RFC 5798).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use landfall_test_network::{Lan, now};
use landfall_test_process::PATIENCE;
use tempfile::TempDir;

use crate::rows::{Seen, add};
use crate::speakers::{Fault, V4, any_rest};
use crate::table::Table;

/// The shortest `advert_int` that it takes, in seconds.
pub const SHORTEST: &str = "0.01";
pub const SHORTEST_NAME: &str = "keepalived, advert_int 0.01";
/// The node that has the address whenever it can.
const FIRST: &str = "node1";
const PRIORITIES: [(&str, u8); 3] = [(FIRST, 250), ("node2", 240), ("node3", 230)];

pub fn is_there() -> bool {
    let found = Command::new("keepalived")
        .arg("--version")
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("keepalived is not installed; its part is left out");
    }
    found.is_ok()
}

pub struct Keepalived {
    running: BTreeMap<&'static str, Child>,
    interval: &'static str,
    folder: TempDir,
    lan: Lan,
}

impl Keepalived {
    pub fn new(interval: &'static str) -> Self {
        let mut keepalived = Self {
            running: BTreeMap::new(),
            interval,
            folder: TempDir::new().unwrap(),
            lan: Lan::new(3),
        };
        for (host, priority) in PRIORITIES {
            let config = format!(
                "global_defs {{\n  router_id {host}\n  vrrp_version 3\n}}\n\
                 vrrp_instance one {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n  \
                 priority {priority}\n  advert_int {interval}\n  \
                 virtual_ipaddress {{\n    {V4}/32 dev eth0\n  }}\n}}\n"
            );
            let path = keepalived.folder.path().join(format!("{host}.conf"));
            std::fs::write(path, config).unwrap();
            keepalived.start(host);
        }
        keepalived
    }

    fn name(&self) -> &'static str {
        match self.interval {
            "1" => "keepalived, advert_int 1",
            "0.1" => "keepalived, advert_int 0.1",
            _ => SHORTEST_NAME,
        }
    }

    fn start(&mut self, host: &'static str) {
        let file = |what: &str| self.folder.path().join(format!("{host}.{what}"));
        // One that was killed leaves them.
        for what in ["pid", "vrrp"] {
            let _ = std::fs::remove_file(file(what));
        }
        let mut command = self.lan.command(host, "keepalived");
        command
            .args(["--dont-fork", "--log-console", "--vrrp", "--use-file"])
            .arg(file("conf"))
            .arg("--pid")
            .arg(file("pid"))
            .arg("--vrrp_pid")
            .arg(file("vrrp"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.running.insert(host, command.spawn().unwrap());
    }

    /// Signals it, and for a kill its child as well.
    fn signal(&self, host: &str, name: &str) {
        let id = self.running[host].id();
        let children = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let mut command = Command::new("kill");
        command.args([format!("-{name}"), id.to_string()]);
        if name == "KILL" {
            command.args(children.split_whitespace());
        }
        // Whoever is gone already is meant to be.
        let _ = command.stderr(Stdio::null()).status();
    }

    fn end(&mut self, host: &str, name: &str) {
        self.signal(host, name);
        let mut child = self.running.remove(host).unwrap();
        child.wait().unwrap();
    }

    fn has_address(&self, host: &str) -> bool {
        let said = self.lan.ip(host, "-brief -4 address show dev eth0");
        said.contains(&format!("{V4}/"))
    }

    /// Waits until the first node alone has the address.
    fn until_steady(&self) {
        let start = Instant::now();
        loop {
            let having = PRIORITIES.iter().filter(|it| self.has_address(it.0));
            if having.map(|it| it.0).eq([FIRST]) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "keepalived never gets steady");
            sleep(Duration::from_millis(20));
        }
    }

    pub fn failover(&mut self, fault: Fault, runs: usize, table: &Table) {
        self.until_steady();
        let seen = Seen::of(&self.lan, V4);
        let mac = self.lan.mac(FIRST).to_string();
        let mut outages = Vec::new();
        for _ in 0..runs {
            self.until_steady();
            sleep(any_rest());
            let start = seen.begin();
            let faulted = now();
            match fault {
                Fault::Cut => self.lan.cut(FIRST),
                Fault::Silent => self.lan.mute(FIRST),
                Fault::Kill => self.signal(FIRST, "KILL"),
                _ => self.signal(FIRST, "TERM"),
            }
            outages.push(seen.outage(start, faulted, &mac));
            match fault {
                Fault::Cut => self.lan.join(FIRST),
                Fault::Silent => self.lan.unmute(FIRST),
                _ => self.restart(),
            }
        }
        add(table, fault, false, self.name(), &outages);
    }

    fn restart(&mut self) {
        self.running.remove(FIRST).unwrap().wait().unwrap();
        // One that was killed leaves the address as well.
        if self.has_address(FIRST) {
            let IpAddr::V4(address) = V4 else {
                unreachable!()
            };
            let delete = format!("address delete {address}/32 dev eth0");
            self.lan.ip(FIRST, &delete);
        }
        self.start(FIRST);
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        for (host, _) in PRIORITIES {
            if self.running.contains_key(host) {
                self.end(host, "TERM");
            }
        }
    }
}
