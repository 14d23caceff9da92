//! Routes lead to nodes that may serve, and to them whether or not the API server can be reached.

use std::net::IpAddr;
use std::time::Duration;

use landfall_test_process::Way;
use landfall_test_routers::{Frr, Router, until};
use serde_json::json;

use crate::routers::{Kind, V4, V6, next_hops, path_when, peer, waiting, world};
use crate::world::World;

const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Waits until both prefixes lead to these nodes and no others.
fn until_by(world: &World, router: &Frr, hosts: &[&str]) {
    let addresses = hosts.iter().map(|it| world.lan.addresses(it));
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.unzip();
    let v4: Vec<IpAddr> = v4.into_iter().map(IpAddr::from).collect();
    until(&format!("{V4} by {hosts:?}"), || {
        next_hops(router, V4) == v4
    });
    // Of IPv6 the kernel is told the link-local addresses.
    until(&format!("{V6} by {hosts:?}"), || {
        next_hops(router, V6).len() == v6.len()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_lead_to_nodes_that_serve_also_while_the_api_server_is_away() {
    if !Kind::Frr.is_possible_or_skip() {
        return;
    }
    let mut world = world(3).await;
    let router = Frr::start(&world.lan, "router", &waiting(&world.lan));
    let mut spec = peer(&world.lan);
    spec["holdTime"] = json!("3s");
    world.peer("tor", spec).await;
    world.advertise_to_routers("all", json!({})).await;
    world.start_only(&["node1", "node2", "node3"]);

    world.usual_service("Local", &["node1", "node2"]).await;
    until_by(&world, &router, &["node1", "node2"]);
    world.set_pods("web", &["node3"]).await;
    until_by(&world, &router, &["node3"]);
    world.set_pods("web", &[]).await;
    until_by(&world, &router, &[]);
    world.delete("web").await;
    world.usual_service("Cluster", &["node2"]).await;
    until_by(&world, &router, &["node1", "node2", "node3"]);
    let label = |value: Option<&str>| json!({"metadata": {"labels": {EXCLUDED: value}}});
    world.patch_node("node1", label(Some(""))).await;
    until_by(&world, &router, &["node2", "node3"]);
    world.set_pods("web", &[]).await;
    until_by(&world, &router, &[]);
    world.set_pods("web", &["node2"]).await;
    world.patch_node("node1", label(None)).await;
    let all = ["node1", "node2", "node3"];
    until_by(&world, &router, &all);

    away(&world, &router, &all).await;
}

/// Longer than routers wait for a word.
async fn away(world: &World, router: &Frr, all: &[&str]) {
    let nodes = all.iter().map(|it| world.lan.addresses(it).0.to_string());
    let nodes: Vec<_> = nodes.collect();
    let up = |node: &String| router.session(node).unwrap().up.unwrap();
    let before: Vec<_> = nodes.iter().map(up).collect();
    for (way, seconds) in [(Way::Refused, 2), (Way::Silent, 4)] {
        world.api_is(way);
        let time = Duration::from_secs(seconds);
        until("more than the hold time", || {
            assert_eq!(next_hops(router, V4).len(), all.len(), "{way:?}");
            let mut both = nodes.iter().map(up).zip(&before);
            both.all(|(now, before)| now > *before + time)
        });
    }
    world.api_is(Way::Open);
    let attributes = json!({"med": 9});
    world.advertise_to_routers("all", attributes).await;
    for node in &nodes {
        path_when(router, V4, node, |it| it.med == Some(9));
    }
}
