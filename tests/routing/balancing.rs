//! All nodes carry an address at once: a router spreads connections over them, and over those that are left.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use landfall_test_network::{Probe, Traffic, now};
use landfall_test_routers::{
    Bfd, GracefulRestart, Neighbour, RemoteAs, Router, RouterConfig, eventually, until,
};
use serde_json::json;

use crate::routers::Kind::{self, Bird, Frr};
use crate::routers::{OURS, THEIRS, V4, ip, net, next_hops, peer_at, world};
use crate::world::World;

const ADDRESS: &str = "203.0.113.10";
const ALL: [&str; 3] = ["node1", "node2", "node3"];
const EVERY: Duration = Duration::from_millis(3);
/// So many connections are looked at, and so many of them are the share of each at least.
const CONNECTIONS: usize = 300;
const SHARE: usize = 50;

/// Nodes with pods and kube-proxies, and a router between them and the client, which is far away.
struct Balancing {
    world: World,
    router: Box<dyn Router>,
    _traffic: Traffic,
}

/// Who took connections.
#[derive(Debug)]
struct Taken {
    /// By the node that the router chose.
    nodes: BTreeMap<&'static str, usize>,
    /// By the pod that answered.
    pods: BTreeMap<String, usize>,
    lost: usize,
}

impl Balancing {
    async fn start(kind: Kind) -> Self {
        let mut world = world(3).await;
        world.lan.add_second();
        world.lan.route_second();
        let neighbour = Neighbour {
            // Nobody is gone by this within the time of a story.
            hold_time: Duration::from_mins(4),
            graceful_restart: GracefulRestart::Off,
            bfd: Some(Bfd {
                interval: Duration::from_millis(50),
                multiplier: 3,
            }),
            ..Neighbour::in_range(net("192.0.2.0/24"), RemoteAs::Asn(OURS))
        };
        let own = world.lan.addresses("router").0;
        let config = RouterConfig::new(THEIRS, own).with(neighbour);
        let router = kind.start(&world.lan, "router", &config);
        let bfd = json!({"transmitInterval": "50ms", "receiveInterval": "50ms", "multiplier": 3});
        let spec = json!({"bfd": bfd, "holdTime": "240s"});
        world.peer("tor", peer_at(&own.to_string(), spec)).await;
        world.advertise_to_routers("all", json!({})).await;
        let traffic = world.traffic();
        for host in ALL {
            world.lan.count_connections(host, ip(ADDRESS));
        }
        world.start_only(&ALL);
        Self {
            world,
            router,
            _traffic: traffic,
        }
    }

    fn probe(&self) -> Probe {
        let to = SocketAddr::new(ip(ADDRESS), 80);
        let probe = Probe::connect(&self.world.lan, "far", to, EVERY);
        probe.answer_after(0);
        probe
    }

    /// Waits until the router sends by these nodes and no others.
    fn until_by(&self, hosts: &[&str]) {
        let addresses = hosts.iter().map(|it| self.world.lan.addresses(it).0);
        let addresses: Vec<IpAddr> = addresses.map(IpAddr::from).collect();
        until(&format!("by {hosts:?}"), || {
            next_hops(&*self.router, V4) == addresses
        });
    }

    fn connections(&self) -> BTreeMap<&'static str, usize> {
        let counted = ALL.map(|it| (it, self.world.lan.connections(it)));
        counted.into_iter().collect()
    }

    /// How often sessions of these nodes began or ended.
    fn changes(&self, hosts: &[&str]) -> usize {
        let logs = hosts.iter().map(|it| self.world.speakers[*it].errors());
        logs.map(|it| it.matches(" BGP session ").count()).sum()
    }

    fn is_watched(&self, host: &str) -> bool {
        let told = self.world.metrics(host);
        let mut lines = told.lines();
        lines.any(|it| it.starts_with("landfall_bfd_session_up{") && it.ends_with(" 1"))
    }

    /// What came of it while the sessions of these nodes stayed: where the machine was too busy for BFD, it is
    /// done again.
    fn undisturbed<T>(&self, hosts: &[&str], act: impl Fn() -> T) -> T {
        eventually("sessions stay", || {
            let before = self.changes(hosts);
            let result = act();
            let changes = self.changes(hosts) - before;
            if changes > 0 {
                println!("done again: sessions of {hosts:?} have changed {changes} times");
            }
            (changes == 0).then_some(result)
        })
    }

    /// The router sends by these nodes and no others, and these pods and no others answer; each has its share.
    /// A kube-proxy may hear of a pod after the router has: until it does, connections are lost.
    fn is_spread(&self, nodes: &[&str], pods: &[&str]) {
        let taken = eventually("all connections are answered", || {
            let taken = self.undisturbed(nodes, || self.connect());
            println!("{taken:?}");
            (taken.lost == 0).then_some(taken)
        });
        for (host, count) in &taken.nodes {
            let is_so = if nodes.contains(host) {
                *count >= SHARE
            } else {
                *count == 0
            };
            assert!(is_so, "by {nodes:?}: {taken:?}");
        }
        assert!(taken.pods.keys().eq(pods), "by {pods:?}: {taken:?}");
        let mut shares = taken.pods.values();
        assert!(shares.all(|it| *it >= SHARE), "by {pods:?}: {taken:?}");
    }

    fn connect(&self) -> Taken {
        let before = self.connections();
        let probe = self.probe();
        until("connections are answered", || {
            probe.answers().len() >= CONNECTIONS
        });
        let end = now();
        probe.settle(0, end);
        let lost = probe.lost(0, end);
        let mut pods = BTreeMap::new();
        for answer in probe.answers() {
            *pods.entry(answer.by).or_default() += 1;
        }
        drop(probe);
        let after = self.connections().into_iter();
        let nodes = after.map(|(host, count)| (host, count - before[host]));
        Taken {
            pods,
            nodes: nodes.collect(),
            lost,
        }
    }

    /// A node falls silent while connections are made, and comes back. Those that are begun after the router
    /// has turned away from it are answered, by the others.
    fn silent(&self, node: &str, left: &[&str]) {
        let lost = self.undisturbed(left, || {
            until("it is watched", || self.is_watched(node));
            let probe = self.probe();
            let start = now();
            self.world.lan.mute(node);
            self.until_by(left);
            let gone = now();
            probe.answer_after(gone);
            probe.pass(Duration::from_millis(500));
            let end = now();
            probe.settle(gone, end);
            let lost = probe.lost_at(start, end);
            let last = lost.last().map_or(0, |it| (it - start) / 1000);
            println!(
                "{node} silent: no route after {} ms; {} connections lost, of one each {EVERY:?}, the last \
                 one begun after {last} ms; longest gap between answers {:?}",
                (gone - start) / 1000,
                lost.len(),
                probe.longest_gap(start, end),
            );
            self.is_back(node, &probe);
            lost.iter().filter(|it| **it > gone).count()
        });
        assert_eq!(lost, 0, "connections after the route was gone");
    }

    fn is_back(&self, node: &str, probe: &Probe) {
        let back = now();
        self.world.lan.unmute(node);
        self.until_by(&ALL);
        let there = now();
        probe.pass(Duration::from_millis(300));
        let end = now();
        probe.settle(back, end);
        let lost = probe.lost(back, end);
        let took = (there - back) / 1000;
        println!("{node} is back after {took} ms; {lost} connections lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real control plane with kube-proxy"]
async fn connections_to_local_pods_are_spread_over_the_nodes_that_serve() {
    if !Frr.is_possible_or_skip() {
        return;
    }
    let story = Balancing::start(Frr).await;
    let world = &story.world;
    world.service_of_pods("web", ADDRESS, "Local").await;
    for host in &ALL[..2] {
        world.add_pod(host).await;
    }
    story.until_by(&ALL[..2]);
    story.is_spread(&ALL[..2], &ALL[..2]);
    world.add_pod("node3").await;
    story.until_by(&ALL);
    story.is_spread(&ALL, &ALL);

    story.silent("node3", &["node1", "node2"]);
    story.is_spread(&ALL, &ALL);

    world.pod_is("node2", false).await;
    let left = ["node1", "node3"];
    story.until_by(&left);
    story.is_spread(&left, &left);
    world.pod_ends("node1").await;
    story.until_by(&["node3"]);
    let one = ["node3"];
    story.is_spread(&one, &one);
    // Where all are about to end, they serve as long as they do.
    world.pod_ends("node3").await;
    story.until_by(&left);
    story.is_spread(&left, &left);
    world.pod_ended("node3").await;
    story.until_by(&["node1"]);
    world.pod_ended("node1").await;
    story.until_by(&[]);
    world.pod_is("node2", true).await;
    story.until_by(&["node2"]);
    let one = ["node2"];
    story.is_spread(&one, &one);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real control plane with kube-proxy"]
async fn connections_to_pods_anywhere_are_spread_over_all_nodes() {
    if !Bird.is_possible_or_skip() {
        return;
    }
    let story = Balancing::start(Bird).await;
    let world = &story.world;
    world.service_of_pods("web", ADDRESS, "Cluster").await;
    let pods = ["node1", "node2"];
    for host in pods {
        world.add_pod(host).await;
    }
    story.until_by(&ALL);
    story.is_spread(&ALL, &pods);

    story.silent("node3", &pods);
    story.is_spread(&ALL, &pods);

    world.pod_is("node1", false).await;
    world.pod_is("node2", false).await;
    story.until_by(&[]);
    world.pod_is("node2", true).await;
    story.until_by(&ALL);
    story.is_spread(&ALL, &["node2"]);
}
