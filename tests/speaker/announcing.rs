//! Addresses are announced, by one node each.

use std::net::IpAddr;
use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};

use crate::world::{Shape, World, eventually};

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub const THREE: Shape = Shape {
    nodes: 3,
    config: "",
};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_answered_for_by_one_node_and_traffic_reaches_it() {
    if !is_possible_or_skip("speakers announce addresses") {
        return;
    }
    let world = World::new(THREE).await;
    let every = Duration::from_millis(5);
    for text in ["192.0.2.200", "fd00:192:0:2::1000"] {
        let address = address(text);
        let asked = Probe::who_has(&world.lan, "client", address, every);
        for node in world.lan.nodes().collect::<Vec<_>>() {
            world.lan.give(node, address);
        }
        let name = if address.is_ipv4() { "web" } else { "web6" };
        let start = now();
        world
            .service(name, &[text], "Cluster", &["node1", "node2"])
            .await;
        let answer = asked.answer_after(start);
        let owner = world.owner(address).await;
        assert_eq!(answer.by, world.lan.mac(&owner).to_string());
        let ping = Probe::ping(&world.lan, "client", address, every);
        ping.pass(Duration::from_millis(500));
        assert_eq!(asked.owners(start, now()).len(), 1, "never another");
        world.delete(name).await;
        eventually("withdrawn with its Service", async || {
            let last = asked.answers().last().unwrap().at;
            now() > last + 500_000
        })
        .await;
    }
}
