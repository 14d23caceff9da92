//! What the stories ask of every router.

use std::net::IpAddr;

use ipnet::IpNet;
use landfall_test_network::Lan;
use landfall_test_routers::{
    Bird, Frr, GoBgp, Neighbour, Path, RemoteAs, Router, RouterConfig, eventually,
};
use serde_json::{Value, json};

use crate::world::{Shape, World};

/// Our autonomous system, and the routers'.
pub const OURS: u32 = 64512;
pub const THEIRS: u32 = 64500;
/// What the Services of the stories have.
pub const V4: &str = "203.0.113.10/32";
pub const V6: &str = "fd00:203:0:113::10/128";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Frr,
    Bird,
    GoBgp,
}

impl Kind {
    pub fn start(self, lan: &Lan, host: &str, config: &RouterConfig) -> Box<dyn Router> {
        match self {
            Self::Frr => Box::new(Frr::start(lan, host, config)),
            Self::Bird => Box::new(Bird::start(lan, host, config)),
            Self::GoBgp => Box::new(GoBgp::start(lan, host, config)),
        }
    }

    pub fn is_possible_or_skip(self) -> bool {
        match self {
            Self::Frr => Frr::is_possible_or_skip("speakers beside FRR"),
            Self::Bird => Bird::is_possible_or_skip("speakers beside BIRD"),
            Self::GoBgp => GoBgp::is_possible_or_skip("speakers beside GoBGP"),
        }
    }
}

/// Whether there are all of these; which not is told.
pub fn are_possible_or_skip(kinds: &[Kind]) -> bool {
    let possible = kinds.iter().map(|it| it.is_possible_or_skip());
    let possible: Vec<bool> = possible.collect();
    !possible.contains(&false)
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A network with a speaker on each node, which have addresses of networks that only routers lead to.
pub async fn world(nodes: u8) -> World {
    let world = World::without_speakers(Shape { nodes, config: "" }).await;
    let pools = ["203.0.113.0/24", "fd00:203:0:113::/112"];
    world.pool(&pools).await;
    world
}

impl World {
    /// Starts speakers on these nodes alone.
    pub fn start_only(&mut self, hosts: &[&str]) {
        for host in hosts {
            self.start(host);
        }
        for host in hosts {
            self.until_ready(host);
        }
    }

    /// A Service with the addresses that all stories look at.
    pub async fn usual_service(&self, policy: &str, hosts: &[&str]) {
        let addresses = ["203.0.113.10", "fd00:203:0:113::10"];
        self.service("web", &addresses, policy, hosts).await;
    }
}

/// What the nodes are told of the router at the usual place.
pub fn peer(lan: &Lan) -> Value {
    peer_at(&lan.addresses("router").0.to_string(), json!({}))
}

/// The same of a router anywhere, with more to be said.
pub fn peer_at(address: &str, more: Value) -> Value {
    let mut spec = json!({
        "localASN": OURS, "peerASN": THEIRS, "address": address, "connectRetryTime": "1s",
    });
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    spec.as_object_mut().unwrap().extend(more);
    spec
}

/// A router that waits for all nodes.
pub fn waiting(lan: &Lan) -> RouterConfig {
    let range = net("192.0.2.0/24");
    RouterConfig::new(THEIRS, lan.addresses("router").0)
        .with(Neighbour::in_range(range, RemoteAs::Asn(OURS)))
}

/// The next hops of a prefix in the kernel of a router, in order.
pub fn next_hops(router: &(impl Router + ?Sized), prefix: &str) -> Vec<IpAddr> {
    let hops = router.kernel_routes(net(prefix)).into_iter();
    let mut hops: Vec<_> = hops.filter_map(|it| it.gateway).collect();
    hops.sort_unstable();
    hops
}

/// The path to a prefix that a router was told by this neighbour, once it was.
pub fn path(router: &dyn Router, prefix: &str, from: &str) -> Path {
    path_when(router, prefix, from, |_| true)
}

/// The same, once it is like this.
pub fn path_when(
    router: &dyn Router,
    prefix: &str,
    from: &str,
    is_so: impl Fn(&Path) -> bool,
) -> Path {
    let from = Some(ip(from));
    let mut last = Vec::new();
    let what = format!("{prefix} by {from:?} in {}", router.namespace());
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(&what, || {
            last = router.route(net(prefix));
            let mut paths = last.iter();
            paths.find(|it| it.from == from && is_so(it)).cloned()
        })
    }));
    found.unwrap_or_else(|_| panic!("{what}: {last:#?}"))
}
