//! An address of IPv6 is told in each way in which a router may be spoken with, and traffic comes to it.

use std::time::Duration;

use landfall_test_network::{Probe, now};
use landfall_test_routers::{Neighbour, RemoteAs, Router, RouterConfig, until};
use serde_json::{Value, json};

use crate::routers::Kind::{Bird, Frr};
use crate::routers::{
    Kind, OURS, THEIRS, V6, are_possible_or_skip, ip, net, next_hops, peer_at, world,
};
use crate::world::World;

const ADDRESS: &str = "fd00:203:0:113::10";
const NODES: [&str; 2] = ["node1", "node2"];
/// Each router, its host, and a host whose traffic it leads.
const ROUTERS: [(Kind, &str, &str); 2] = [(Frr, "router", "far"), (Bird, "client", "client")];
/// Where nodes listen.
const PORT: u16 = 1790;
/// The only addresses at the ends of a cable.
const AT_ROUTER: &str = "fe80::1:1";
const AT_NODE: &str = "fe80::2:1";

/// Calls the nodes at both of their addresses, and waits for them.
fn config(world: &World, host: &str) -> RouterConfig {
    let mut config = RouterConfig::new(THEIRS, world.lan.addresses(host).0);
    for node in NODES {
        let (v4, v6) = world.lan.addresses(node);
        config = config.with(Neighbour::at(v4, RemoteAs::Asn(OURS)));
        config = config.with(Neighbour {
            port: PORT,
            ..Neighbour::at(v6, RemoteAs::Asn(OURS))
        });
    }
    config
}

/// All that is sent comes to a node, and back.
fn is_reached(world: &World, router: &dyn Router, from: &str, ways: usize) {
    let what = format!("{V6} by {ways} ways in {}", router.namespace());
    until(&what, || next_hops(router, V6).len() == ways);
    let probe = Probe::ping(&world.lan, from, ip(ADDRESS), Duration::from_millis(5));
    let start = probe.answer_after(now()).at;
    probe.pass(Duration::from_millis(300));
    let end = now();
    probe.settle(start, end);
    assert_eq!(probe.lost(start, end), 0, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_comes_to_an_address_of_ipv6_however_it_was_told() {
    if !are_possible_or_skip(&[Frr, Bird]) {
        return;
    }
    let mut world = world(2).await;
    world.lan.add_second();
    world.lan.route_second();
    for node in NODES {
        world.lan.give(node, ip(ADDRESS));
    }
    let lan = &world.lan;
    let routers =
        ROUTERS.map(|(kind, host, from)| (kind.start(lan, host, &config(&world, host)), from));
    world.advertise_to_routers("all", json!({})).await;
    world
        .service("web", &[ADDRESS], "Cluster", &["node1"])
        .await;
    world.start_only(&NODES);

    let v4 = |host| world.lan.addresses(host).0.to_string();
    let v6 = |host| world.lan.addresses(host).1.to_string();
    let calling: [(&str, [Value; 2]); 2] = [
        (
            "over IPv6",
            ["router", "client"].map(|it| peer_at(&v6(it), json!({}))),
        ),
        (
            "over IPv4",
            ["router", "client"].map(|it| peer_at(&v4(it), json!({}))),
        ),
    ];
    for (what, specs) in calling {
        println!("{what}");
        for (name, spec) in ["one", "other"].into_iter().zip(specs) {
            world.peer(name, spec).await;
        }
        for (router, from) in &routers {
            is_reached(&world, &**router, from, 2);
        }
        for name in ["one", "other"] {
            world.remove_peer(name).await;
        }
        for (router, _) in &routers {
            until("no way", || router.kernel_routes(net(V6)).is_empty());
        }
    }
    let passive = json!({"passive": true, "port": PORT});
    let passive = peer_at("fd00:192:0:2::/64", passive);
    world.peer("one", passive).await;
    for (router, from) in &routers {
        is_reached(&world, &**router, from, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_comes_by_a_router_that_has_a_link_local_address_alone() {
    if !are_possible_or_skip(&[Frr, Bird]) {
        return;
    }
    let mut world = world(1).await;
    world.lan.add_second();
    world.lan.route_second();
    world.lan.give("node1", ip(ADDRESS));
    let lan = &world.lan;
    let routers = ROUTERS.map(|(kind, host, from)| {
        let at_node = format!("to-{host}");
        lan.lay_cable((host, "down1"), ("node1", &at_node));
        for (host, interface, address) in [
            (host, "down1", AT_ROUTER),
            ("node1", at_node.as_str(), AT_NODE),
        ] {
            lan.ip(host, &format!("address flush dev {interface}"));
            let line = format!("address add {address}/64 dev {interface} nodad");
            lan.ip(host, &line);
        }
        let neighbour = match kind {
            // By an interface it would wait for the node's advertisements.
            Frr => Neighbour::at(ip(AT_NODE), RemoteAs::Asn(OURS)),
            _ => Neighbour::on("down1", RemoteAs::Asn(OURS)),
        };
        let mut config = RouterConfig::new(THEIRS, lan.addresses(host).0).with(neighbour);
        if kind == Frr {
            let lines = ["router bgp 64500", "neighbor fe80::2:1 interface down1"];
            config.extra = lines.join("\n");
        }
        (kind.start(lan, host, &config), host, from)
    });
    for (_, host, _) in &routers {
        let interface = json!({"interface": format!("to-{host}")});
        world.peer(host, peer_at(AT_ROUTER, interface)).await;
    }
    world.advertise_to_routers("all", json!({})).await;
    world
        .service("web", &[ADDRESS], "Cluster", &["node1"])
        .await;
    world.start_only(&["node1"]);
    for (router, _, from) in &routers {
        is_reached(&world, &**router, from, 1);
        let hops = router.kernel_routes(net(V6));
        assert_eq!(hops[0].device, "down1", "{hops:?}");
    }
}
