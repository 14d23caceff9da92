//! An address of each family, side by side: what holds for one must hold for the other.

use std::net::IpAddr;
use std::time::Duration;

use landfall_test_network::{Microseconds, Probe, now};

use crate::announcing::address;
use crate::world::World;

pub const EVERY: Duration = Duration::from_millis(10);
pub const BOTH: [&str; 2] = ["192.0.2.200", "fd00:192:0:2::1000"];

/// An address, what a client sees of it, and who answers for it.
pub struct Family {
    pub address: IpAddr,
    ping: Probe,
    asked: Probe,
}

/// Two addresses of a Service, which always have the same owner: see [`World::in_order`].
pub struct Families(pub [Family; 2]);

impl Families {
    /// Has both announced, by a Service of this name.
    pub async fn served(world: &World, name: &str, texts: [&str; 2]) -> Self {
        Self::served_at(world, name, texts, "client").await
    }

    /// The same, as this host sees it.
    pub async fn served_at(world: &World, name: &str, texts: [&str; 2], host: &str) -> Self {
        let nodes: Vec<_> = world.lan.nodes().collect();
        for text in texts {
            for node in &nodes {
                world.lan.give(node, address(text));
            }
        }
        world.service(name, &texts, "Cluster", &nodes).await;
        Self::watched(world, texts, host)
    }

    /// Both, by a host that pings them and asks for them.
    pub fn watched(world: &World, texts: [&str; 2], host: &str) -> Self {
        Self(texts.map(|text| Family {
            address: address(text),
            ping: Probe::ping(&world.lan, host, address(text), EVERY),
            asked: Probe::who_has(&world.lan, host, address(text), EVERY),
        }))
    }

    /// The host that has both.
    pub async fn owner(&self, world: &World) -> String {
        self.owner_but(world, "").await
    }

    /// The same, besides the host that may not know yet that it has them no more.
    pub async fn owner_but(&self, world: &World, host: &str) -> String {
        let first = world.owner_but(self.0[0].address, host).await;
        let second = world.owner_but(self.0[1].address, host).await;
        assert_eq!(first, second, "both families at one node");
        first
    }

    /// Waits until both are answered, and tells the time.
    pub fn until_answered(&self) -> Microseconds {
        let start = now();
        for family in &self.0 {
            family.ping.answer_after(start);
            family.asked.answer_after(start);
        }
        start
    }

    /// Who answers for each now.
    pub fn answered_by(&self) -> [String; 2] {
        [0, 1].map(|it: usize| self.0[it].asked.answer_after(now()).by)
    }

    /// Nobody answers for any.
    pub fn are_silent(&self, what: &str) {
        let since = now();
        self.pass(Duration::from_millis(300));
        self.never_answered(since, what);
    }

    /// Nobody has answered for any since then.
    pub fn never_answered(&self, since: Microseconds, what: &str) {
        for Family { address, asked, .. } in &self.0 {
            assert_eq!(asked.owners(since, now()), [], "{what}: {address}");
        }
    }

    /// Waits until another than this hardware address answers for each, and the client is served
    /// from there. Tells how long it took, for either.
    pub fn taken_from(&self, mac: &str, since: Microseconds) -> [u64; 2] {
        [0, 1].map(|number| {
            let family = &self.0[number];
            let mut answer = family.asked.answer_after(since);
            while answer.by == mac {
                answer = family.asked.answer_after(answer.at);
            }
            family.ping.answer_after(answer.at);
            (answer.at - since) / 1000
        })
    }

    pub fn pass(&self, time: Duration) {
        for family in &self.0 {
            family.asked.pass(time);
            family.ping.pass(Duration::ZERO);
        }
    }

    /// From this time on one host answered for each, and no other: this one.
    pub fn stayed_at(&self, world: &World, host: &str, since: Microseconds, what: &str) {
        self.stayed_by(&world.lan.mac(host).to_string(), since, what);
    }

    /// The same, by hardware address.
    pub fn stayed_by(&self, mac: &str, since: Microseconds, what: &str) {
        self.stayed_by_each(&[mac, mac], since, what);
    }

    /// The same, where each address has a host of its own.
    pub fn stayed_by_each(&self, macs: &[impl AsRef<str>; 2], since: Microseconds, what: &str) {
        for (Family { address, asked, .. }, mac) in self.0.iter().zip(macs) {
            let owners = asked.owners(since, now());
            let by: Vec<_> = owners.iter().map(|it| it.by.as_str()).collect();
            assert_eq!(by, [mac.as_ref()], "{what}: {address}");
        }
    }

    /// From this time on one host answered for each, whichever it is.
    pub fn one_each(&self, since: Microseconds) {
        for Family { address, asked, .. } in &self.0 {
            let owners = asked.owners(since, now());
            assert_eq!(owners.len(), 1, "{address}: {owners:?}");
        }
    }

    /// No ping was lost since then. Those of the last tenth of a second may be under way.
    pub fn lost_nothing(&self, since: Microseconds, what: &str) {
        for Family { address, ping, .. } in &self.0 {
            let lost = ping.lost(since, now() - 100_000);
            assert_eq!(lost, 0, "{what}: {address}");
        }
    }

    /// Longest gaps in what the client had.
    pub fn gaps(&self, since: Microseconds) -> [Duration; 2] {
        [0, 1].map(|it: usize| self.0[it].ping.longest_gap(since, now()))
    }
}
