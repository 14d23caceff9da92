//! Routers at the other end of a cable, which have no addresses but link-local ones.

use std::net::IpAddr;

use landfall_test_routers::{GracefulRestart, Neighbour, RemoteAs, Router, RouterConfig, until};
use serde_json::json;

use crate::routers::Kind::{Bird, Frr};
use crate::routers::{Kind, OURS, THEIRS, V4, V6, are_possible_or_skip, net, world};

const ROUTERS: [(Kind, &str, &str); 2] = [(Frr, "router", "up1"), (Bird, "client", "up2")];

/// Whether a prefix leads over the cable, to an address of this link.
fn is_by_cable(router: &dyn Router, prefix: &str) -> bool {
    let hops = router.kernel_routes(net(prefix));
    hops.iter().any(|it| {
        let is_local = matches!(it.gateway, Some(IpAddr::V6(it)) if it.is_unicast_link_local());
        is_local && it.device == "down1"
    })
}

fn until_by_cable(router: &dyn Router) {
    for prefix in [V4, V6] {
        let what = format!("{prefix} by the cable of {}", router.namespace());
        until(&what, || is_by_cable(router, prefix));
    }
}

fn until_none(router: &dyn Router) {
    for prefix in [V4, V6] {
        until("no route", || router.kernel_routes(net(prefix)).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_is_found_at_the_end_of_a_cable_and_again_after_a_cut() {
    if !are_possible_or_skip(&[Frr, Bird]) {
        return;
    }
    let mut world = world(1).await;
    let lan = &world.lan;
    let routers = ROUTERS.map(|(kind, host, interface)| {
        lan.lay_cable((host, "down1"), ("node1", interface));
        let neighbour = Neighbour {
            graceful_restart: GracefulRestart::Off,
            ..Neighbour::on("down1", RemoteAs::Asn(OURS))
        };
        let config = RouterConfig::new(THEIRS, lan.addresses(host).0).with(neighbour);
        kind.start(lan, host, &config)
    });
    for (_, host, interface) in ROUTERS {
        let spec = json!({
            "localASN": OURS, "peerASN": "External", "interface": interface,
            "connectRetryTime": "1s",
        });
        world.peer(host, spec).await;
    }
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    world.start_only(&["node1"]);
    for router in &routers {
        until_by_cable(&**router);
    }
    let session = world.until_session("node1", "router").await;
    assert_eq!(session["peerASN"], THEIRS);

    let frr = &*routers[0];
    world.lan.cut_cable("router", "down1");
    until_none(frr);
    world.until_error("node1", "router", "up1 is down").await;
    world.lan.join_cable("router", "down1");
    until_by_cable(frr);
    until_by_cable(&*routers[1]);

    // It may be waited for as well.
    let spec = json!({
        "localASN": OURS, "peerASN": THEIRS, "interface": "up1", "passive": true,
    });
    world.remove_peer("router").await;
    until_none(frr);
    world.peer("router", spec).await;
    until_by_cable(frr);
}
