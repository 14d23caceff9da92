//! Speakers in a world, seen through their admin addresses, which tell sooner than status objects.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use landfall_test_process::PATIENCE;
use serde_json::{Value, json};

use crate::world::{Shape, World};

pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x192, 0, 2, 0, 0, 0, 0x1000));

/// How speakers are configured.
#[derive(Clone, Copy)]
pub struct Settings {
    pub name: &'static str,
    config: &'static str,
}

pub const DEFAULT_NAME: &str = "Landfall";
pub const TUNED_NAME: &str = "Landfall, heartbeat: 10ms";
pub const DEFAULT: Settings = Settings {
    name: DEFAULT_NAME,
    config: "",
};
pub const TUNED: Settings = Settings {
    name: TUNED_NAME,
    config: "heartbeat: 10ms\n",
};

/// What happens to the node that announces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Cut,
    Silent,
    Kill,
    Term,
    Drain,
}

pub struct Speakers {
    pub world: World,
    pub name: &'static str,
    admins: BTreeMap<String, SocketAddr>,
    http: reqwest::Client,
}

impl Speakers {
    pub async fn new(nodes: u8, settings: Settings) -> Self {
        let config = settings.config;
        let mut speakers = Self {
            world: World::new(Shape { nodes, config }).await,
            name: settings.name,
            admins: BTreeMap::new(),
            http: reqwest::Client::new(),
        };
        for host in speakers.hosts() {
            speakers.look_up(&host);
        }
        speakers
    }

    pub fn hosts(&self) -> Vec<String> {
        self.world.speakers.keys().cloned().collect()
    }

    fn look_up(&mut self, host: &str) {
        let speaker = self.world.speakers.get_mut(host).unwrap();
        self.admins
            .insert(host.to_owned(), speaker.listens("admin"));
    }

    /// Has an address of each family announced.
    pub async fn serve(&self) {
        let hosts = self.hosts();
        let names: Vec<_> = hosts.iter().map(String::as_str).collect();
        for (name, address) in [("web", V4), ("web6", V6)] {
            for host in &hosts {
                self.world.lan.give(host, address);
            }
            let text = address.to_string();
            self.world.service(name, &[&text], "Cluster", &names).await;
            self.owner(address).await;
        }
    }

    /// A list at the admin address; `None` if nobody answers there.
    async fn list(&self, host: &str, what: &str) -> Option<Vec<Value>> {
        let url = format!("http://{}/{what}", self.admins[host]);
        let answer = self.http.get(url).send().await.ok()?;
        let list: Value = answer.json().await.ok()?;
        list.as_array().cloned()
    }

    /// A number of a speaker's metrics.
    pub async fn metric(&self, host: &str, name: &str) -> u64 {
        let url = format!("http://{}/metrics", self.admins[host]);
        let answer = self.http.get(url).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let start = format!("landfall_speaker_{name}{{}} ");
        let line = text.lines().find_map(|it| it.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .parse()
            .unwrap()
    }

    /// How many addresses a speaker announces.
    pub async fn announced(&self, host: &str) -> usize {
        let list = self.list(host, "addresses").await.unwrap_or_default();
        let announced = list.iter().filter(|it| it["state"] == "Announced");
        announced.count()
    }

    /// Which host alone announces an address, once one does.
    pub async fn owner(&self, address: IpAddr) -> String {
        let is_it = |it: &Value| it["address"] == json!(address) && it["state"] == "Announced";
        let start = Instant::now();
        loop {
            let mut owners = Vec::new();
            for host in self.hosts() {
                let list = self.list(&host, "addresses").await.unwrap_or_default();
                if list.iter().any(is_it) {
                    owners.push(host);
                }
            }
            if let [owner] = &owners[..] {
                return owner.clone();
            }
            wait(start, &format!("one owner of {address}, but {owners:?}")).await;
        }
    }

    /// Waits until all other speakers say that this host's is alive, or that it is not.
    async fn until_alive(&self, host: &str, is_alive: bool) {
        let node = self.world.node(host);
        let start = Instant::now();
        for other in self.hosts().iter().filter(|it| *it != host) {
            loop {
                let peers = self.list(other, "peers").await.unwrap_or_default();
                let mut peers = peers.iter();
                let said = peers.any(|it| it["node"] == json!(node) && it["alive"] == json!(true));
                if said == is_alive {
                    break;
                }
                wait(start, &format!("{other} says {is_alive} of {host}")).await;
            }
        }
    }

    pub async fn until_dead(&self, host: &str) {
        self.until_alive(host, false).await;
    }

    pub async fn until_all_know_each_other(&self) {
        for host in self.hosts() {
            self.until_alive(&host, true).await;
        }
    }

    /// Starts the speaker of a host, and waits until it can work.
    pub fn start(&mut self, host: &str) {
        self.world.start(host);
        self.world.until_ready(host);
        self.look_up(host);
    }

    async fn drain(&self, host: &str, value: Option<&str>) {
        let nodes = Api::<Node>::all(self.world.client.clone());
        let patch = json!({"metadata": {"annotations": {"landfall.dev/drain": value}}});
        let patch = Patch::Merge(patch);
        let parameters = PatchParams::default();
        let node = self.world.node(host);
        nodes.patch(&node, &parameters, &patch).await.unwrap();
    }

    pub async fn inflict(&mut self, fault: Fault, host: &str) {
        match fault {
            Fault::Cut => self.world.lan.cut(host),
            Fault::Silent => self.world.lan.mute(host),
            Fault::Kill => self.world.kill(host),
            Fault::Term => self.world.signal(host, "TERM"),
            Fault::Drain => self.drain(host, Some("true")).await,
        }
    }

    /// Undoes a fault once all know of it, and waits until all is as before.
    pub async fn repair(&mut self, fault: Fault, host: &str) {
        if fault == Fault::Drain {
            self.drain(host, None).await;
            let start = Instant::now();
            while self.metric(host, "draining").await != 0 {
                wait(start, &format!("{host} does not drain")).await;
            }
            return;
        }
        if fault == Fault::Term {
            // Its drop waits for the end.
            self.world.speakers.remove(host);
        }
        self.until_dead(host).await;
        match fault {
            Fault::Cut => self.world.lan.join(host),
            Fault::Silent => self.world.lan.unmute(host),
            _ => self.start(host),
        }
        self.until_all_know_each_other().await;
    }
}

/// Waits a little for something that began to be waited for then.
pub async fn wait(start: Instant, what: &str) {
    assert!(start.elapsed() < PATIENCE, "never: {what}");
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Lets a while pass that is not always the same, so that faults come at any time of a beat.
pub async fn rest() {
    tokio::time::sleep(any_rest()).await;
}

pub fn any_rest() -> Duration {
    Duration::from_micros(fastrand::u64(300_000..800_000))
}
