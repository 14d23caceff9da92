//! Each router hears each way of speaking.

use std::time::Duration;

use landfall_test_network::Lan;
use landfall_test_routers::{Community, Neighbour, RemoteAs, Router, RouterConfig};
use serde_json::json;

use crate::routers::Kind::{Bird, Frr, GoBgp};
use crate::routers::{
    Kind, OURS, THEIRS, V4, V6, are_possible_or_skip, ip, net, path, path_when, peer_at, world,
};
use crate::world::{World, eventually};

/// Each router, its host, and the last part of the address that it calls the node from.
const ROUTERS: [(Kind, &str, u8); 3] = [
    (Frr, "router", 121),
    (Bird, "client", 122),
    (GoBgp, "node2", 123),
];
/// Addresses of the node that sessions come from, besides its own.
const INTERNAL: &str = "192.0.2.111";
const CALLED: &str = "192.0.2.112";
/// Where the node listens.
const PORT: u16 = 1790;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_both_sides_change_is_used_at_once() {
    if !Frr.is_possible_or_skip() {
        return;
    }
    let mut world = world(1).await;
    let (host, node) = ("router", world.lan.addresses("node1").0);
    let neighbour = Neighbour {
        password: Some("right".into()),
        ..Neighbour::at(node, RemoteAs::Asn(OURS))
    };
    let own = world.lan.addresses(host).0;
    let config = RouterConfig::new(THEIRS, own).with(neighbour);
    let router = landfall_test_routers::Frr::start(&world.lan, host, &config);
    world.password("tcp", "right").await;
    // Nobody waits so long here: what is tried is tried because the password is another.
    let spec = json!({"passwordSecretRef": {"name": "tcp"}, "connectRetryTime": "1h"});
    world.peer("tor", peer_at(&own.to_string(), spec)).await;
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    world.start_only(&["node1"]);
    let node = node.to_string();
    path(&router, V4, &node);
    world.until_session("node1", "tor").await;

    let other = format!("neighbor {node} password other");
    let bgp = format!("router bgp {THEIRS}");
    router.vtysh(&["configure terminal", &bgp, &other]);
    // FRR ends the session of which it is told another password, and we call in vain with the old one.
    world
        .until_session_is("node1", "tor", |it| it["state"] == "Connect")
        .await;
    world.password("tcp", "other").await;
    router.until_established(&node);
    path(&router, V4, &node);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_router_hears_every_way_of_speaking() {
    if !are_possible_or_skip(&[Frr, Bird, GoBgp]) {
        return;
    }
    let mut world = world(2).await;
    for own in [INTERNAL, CALLED] {
        let line = format!("address add {own}/24 dev eth0");
        world.lan.ip("node1", &line);
    }
    introduce(&world).await;
    // Who calls the node does not wait for it.
    world.start_only(&["node1"]);
    let lan = &world.lan;
    let routers = std::thread::scope(|scope| {
        let starting = ROUTERS.map(|(kind, host, number)| {
            scope.spawn(move || {
                let caller = format!("192.0.2.{number}");
                lan.ip(host, &format!("address add {caller}/24 dev eth0"));
                kind.start(lan, host, &config(lan, host, &caller))
            })
        });
        starting.map(|it| it.join().unwrap())
    });
    world.usual_service("Cluster", &["node1"]).await;

    let node = world.lan.addresses("node1");
    for (router, (kind, host, _)) in routers.iter().zip(ROUTERS) {
        let router = &**router;
        over_ipv6(router, &node.1.to_string(), kind);
        internally(router, kind);
        let name = format!("secret-{host}");
        let session = world.until_error("node1", &name, "tcp is not there").await;
        assert_eq!(session["state"], "Idle", "{kind:?}");
    }
    signed(&world, &routers).await;
    // GoBGP calls nobody before some seconds have gone by.
    for (router, (kind, ..)) in routers.iter().zip(ROUTERS) {
        called(&**router, kind);
    }
}

fn config(lan: &Lan, host: &str, caller: &str) -> RouterConfig {
    let (own, node) = (lan.addresses(host).0, lan.addresses("node1"));
    RouterConfig::new(THEIRS, own)
        .with(Neighbour {
            password: Some("right".into()),
            ..Neighbour::at(node.0, RemoteAs::Asn(OURS))
        })
        .with(Neighbour {
            ttl_security: true,
            extended_next_hop: true,
            ..Neighbour::at(node.1, RemoteAs::Asn(OURS))
        })
        .with(Neighbour::at(ip(INTERNAL), RemoteAs::Internal))
        .with(Neighbour {
            port: PORT,
            source: Some(ip(caller)),
            ..Neighbour::at(ip(CALLED), RemoteAs::Asn(OURS))
        })
}

async fn introduce(world: &World) {
    for (_, host, _) in ROUTERS {
        let (v4, v6) = world.lan.addresses(host);
        let (v4, v6) = (v4.to_string(), v6.to_string());
        let secret = json!({"passwordSecretRef": {"name": "tcp"}, "holdTime": "30s"});
        let name = format!("secret-{host}");
        world.peer(&name, peer_at(&v4, secret)).await;
        let secure = json!({"ttlSecurity": true, "peerASN": "External"});
        let name = format!("secure-{host}");
        world.peer(&name, peer_at(&v6, secure)).await;
        let internal = json!({
            "localASN": THEIRS, "peerASN": "Internal", "sourceAddress": INTERNAL,
            "holdTime": "6s",
        });
        let name = format!("internal-{host}");
        world.peer(&name, peer_at(&v4, internal)).await;
    }
    let passive = json!({"passive": true, "port": PORT});
    let passive = peer_at("192.0.2.120/29", passive);
    world.peer("waited-for", passive).await;
    let attributes = json!({"localPref": 300, "med": 7, "communities": ["64512:1"]});
    world.advertise_to_routers("all", attributes).await;
}

/// With a hop limit that no router has lessened, and routes of IPv4 that lead to an IPv6 address.
fn over_ipv6(router: &dyn Router, node: &str, kind: Kind) {
    let session = router.until_established(node);
    assert!(session.capabilities.extended_next_hop, "{kind:?}");
    for prefix in [V4, V6] {
        let path = path(router, prefix, node);
        assert_eq!(path.next_hops[0], ip(node), "{kind:?}: {path:?}");
        assert_eq!(path.as_path, [OURS], "{kind:?}");
        assert_eq!(path.med, Some(7), "{kind:?}");
        assert_eq!(path.communities, [Community(64512, 1)], "{kind:?}");
    }
}

/// Within an autonomous system, from an address that the object names, with a hold time of ours.
fn internally(router: &dyn Router, kind: Kind) {
    let session = router.until_established(INTERNAL);
    assert_eq!(session.hold_time, Some(Duration::from_secs(6)), "{kind:?}");
    for prefix in [V4, V6] {
        let path = path(router, prefix, INTERNAL);
        assert_eq!(path.as_path, [0; 0], "{kind:?}: {path:?}");
        assert_eq!(path.local_pref, Some(300), "{kind:?}");
    }
    let hop = path(router, V4, INTERNAL).next_hops;
    assert_eq!(hop, [ip(INTERNAL)], "{kind:?}");
}

/// By the router, at a port of the node's.
fn called(router: &dyn Router, kind: Kind) {
    let session = router.until_established(CALLED);
    assert_eq!(session.hold_time, Some(Duration::from_secs(9)), "{kind:?}");
    let path = path(router, V4, CALLED);
    assert_eq!(path.next_hops, [ip(CALLED)], "{kind:?}: {path:?}");
    assert_eq!(path.as_path, [OURS], "{kind:?}");
}

/// With a password: no session before it is there. Where it is changed, and back within the hold time, the
/// session stays; with another one there is none.
async fn signed(world: &World, routers: &[Box<dyn Router>; 3]) {
    world.password("tcp", "right").await;
    let (v4, v6) = world.lan.addresses("node1");
    let (node, v6) = (v4.to_string(), v6.to_string());
    for router in routers {
        let session = router.until_established(&node);
        assert_eq!(session.hold_time, Some(Duration::from_secs(9)));
        assert_eq!(path(&**router, V4, &node).next_hops, [v4]);
        assert_eq!(path(&**router, V6, &node).next_hops[0], ip(&v6));
    }
    let mut before = Vec::new();
    for (_, host, _) in ROUTERS {
        let session = world
            .until_session("node1", &format!("secret-{host}"))
            .await;
        before.push(session["since"].clone());
    }
    // What the routers are told now has another signature, and is not heard. What the speaker reads of a
    // Secret and of an advertisement comes to it in no order: what it is told second waits for the first.
    let reads = ROUTERS.map(|(_, host, _)| (host, reads_of(world, host)));
    world.password("tcp", "other").await;
    for (host, before) in reads {
        let what = format!("the other password of {host} is used");
        eventually(&what, async || reads_of(world, host) > before).await;
    }
    let attributes = json!({"localPref": 300, "med": 8, "communities": ["64512:1"]});
    world.advertise_to_routers("all", attributes).await;
    for router in routers {
        path_when(&**router, V4, INTERNAL, |it| it.med == Some(8));
        assert_eq!(path(&**router, V4, &node).med, Some(7));
    }
    world.password("tcp", "right").await;
    for (router, ((_, host, _), since)) in routers.iter().zip(ROUTERS.iter().zip(before)) {
        path_when(&**router, V4, &node, |it| it.med == Some(8));
        let session = world
            .until_session("node1", &format!("secret-{host}"))
            .await;
        assert_eq!(session["since"], since, "the session did not stay: {host}");
    }
    let router = &*routers[0];
    router.disable(&node);
    world
        .until_error(
            "node1",
            "secret-router",
            "received: Administrative Shutdown",
        )
        .await;
    world.password("tcp", "wrong").await;
    router.enable(&node);
    world
        .until_error("node1", "secret-router", "same password")
        .await;
    let mut paths = router.route(net(V4)).into_iter();
    assert!(paths.all(|it| it.from != Some(ip(&node))));
}

/// How often the speaker has said that it has read the password of this router.
fn reads_of(world: &World, host: &str) -> usize {
    let log = world.speakers["node1"].errors();
    let peer = world.own(&format!("secret-{host}"));
    let is_it = |line: &&str| line.contains("the password was read") && line.contains(&peer);
    log.lines().filter(is_it).count()
}
