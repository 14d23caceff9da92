//! An address is a route of every router.

use landfall_test_routers::{Frr, Router, until};
use serde_json::json;

use crate::routers::{net, next_hops, peer, waiting, world};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_a_route_by_every_node_and_goes_with_its_service() {
    if !Frr::is_possible_or_skip("speakers beside FRR") {
        return;
    }
    let mut world = world(3).await;
    let router = Frr::start(&world.lan, "router", &waiting(&world.lan));
    world.peer("tor", peer(&world.lan)).await;
    world.advertise_to_routers("all", json!({})).await;
    world.start_all().await;
    let addresses = ["203.0.113.10", "fd00:203:0:113::10"];
    world
        .service("web", &addresses, "Cluster", &["node1", "node2"])
        .await;
    for host in ["node1", "node2", "node3"] {
        let session = world.until_session(host, "tor").await;
        assert_eq!(session["peerASN"], 64500);
    }
    until("three ways", || {
        next_hops(&router, "203.0.113.10/32").len() == 3
    });
    until("three ways", || {
        next_hops(&router, "fd00:203:0:113::10/128").len() == 3
    });
    world.delete("web").await;
    until("no way", || router.route(net("203.0.113.10/32")).is_empty());
    until("no way", || {
        router.route(net("fd00:203:0:113::10/128")).is_empty()
    });
}
