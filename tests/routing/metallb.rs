//! A cluster that MetalLB has left: its routers are told what they were told, without an edit.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use landfall_bare_metal_resources::metallb::{KINDS, Kind};
use landfall_test_routers::{
    Bfd, BfdState, BfdTimers, Bird, Community, Frr, LargeCommunity, Neighbour, RemoteAs, Router,
    RouterConfig, until,
};
use serde_json::Value;

use crate::routers::Kind::{Bird as B, Frr as F};
use crate::routers::{OURS, THEIRS, V4, V6, are_possible_or_skip, ip, net, path};
use crate::world::{Shape, World};

const ONE: &str = "192.0.2.11";
const TWO: &str = "192.0.2.12";
const READING: Shape = Shape {
    nodes: 2,
    config: "readMetalLB: {namespace: metallb-spoken}",
};

/// Makes all objects of a file, each in the version that it has there.
async fn apply(world: &World, file: &str) {
    let objects: Vec<Value> = serde_saphyr::from_multiple(file).unwrap();
    for object in objects {
        let kind = KINDS.into_iter().find(|it| it.singular == object["kind"]);
        let secret = || ApiResource::erase::<Secret>(&());
        let resource = kind.map_or_else(secret, Kind::resource);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let namespace = object.metadata.namespace.clone().unwrap();
        let client = world.client.clone();
        let api = Api::<DynamicObject>::namespaced_with(client, &namespace, &resource);
        let made = api.create(&PostParams::default(), &object).await.unwrap();
        assert_eq!(made.types, object.types);
    }
}

fn edge(world: &World) -> Frr {
    let neighbour = Neighbour {
        password: Some("known-to-both".into()),
        hold_time: Duration::from_mins(4),
        bfd: Some(Bfd {
            interval: Duration::from_millis(100),
            multiplier: 3,
        }),
        ..Neighbour::in_range(net("192.0.2.0/24"), RemoteAs::Asn(OURS))
    };
    let own = world.lan.addresses("router").0;
    let config = RouterConfig::new(THEIRS, own).with(neighbour);
    Frr::start(&world.lan, "router", &config)
}

fn core(world: &World) -> Bird {
    let nodes = ["node1", "node2"].map(|it| world.lan.addresses(it).0);
    let [one, two] = nodes.map(|it| Neighbour {
        hold_time: Duration::from_mins(1),
        ..Neighbour::at(it, RemoteAs::Internal)
    });
    let own = world.lan.addresses("client").0;
    let config = RouterConfig::new(THEIRS, own).with(one).with(two);
    Bird::start(&world.lan, "client", &config)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_metallb_told_routers_they_are_told_without_an_edit() {
    if !are_possible_or_skip(&[F, B]) {
        return;
    }
    let mut world = World::without_speakers(READING).await;
    let (edge, core) = (edge(&world), core(&world));
    world.install_metallb().await;
    apply(&world, include_str!("metallb.yaml")).await;
    world.usual_service("Cluster", &["node1"]).await;
    world.start_only(&["node1", "node2"]);

    told_to_the_edge(&edge);
    told_to_the_core(&core);
    for host in ["node1", "node2"] {
        let is_watched = |it: &Value| {
            let mut sessions = it["bgpSessions"].as_array().into_iter().flatten();
            sessions.any(|it| it["peer"] == "edge" && it["bfdState"] == "Up")
        };
        world
            .until_status(host, "watches the edge", is_watched)
            .await;
    }
    world.remove_metallb("BGPAdvertisement", "hosts").await;
    for prefix in [V4, V6] {
        until("no host", || edge.route(net(prefix)).is_empty());
    }
    until("nothing", || core.route(net(V4)).is_empty());
    path(&edge, "203.0.113.0/24", TWO);
    world.remove_metallb("BGPAdvertisement", "network").await;
    until("no network", || {
        edge.route(net("203.0.113.0/24")).is_empty()
    });
}

/// By both nodes, signed, of both families, and watched as the profile says.
fn told_to_the_edge(edge: &Frr) {
    for node in [ONE, TWO] {
        let session = edge.until_established(node);
        assert_eq!(session.hold_time, Some(Duration::from_secs(150)));
        for prefix in [V4, V6] {
            let host = path(edge, prefix, node);
            let mut communities = host.communities.clone();
            communities.sort();
            let expected = [Community(64512, 1234), Community::NO_ADVERTISE];
            assert_eq!(communities, expected, "{host:?}");
            let large = [LargeCommunity(64512, 1, 2)];
            assert_eq!(host.large_communities, large, "{host:?}");
            assert_eq!((host.local_pref, host.med), (None, None), "{host:?}");
            assert_eq!(host.as_path, [OURS], "{host:?}");
        }
        for prefix in ["203.0.113.0/24", "fd00:203:0:113::10/124"] {
            let network = path(edge, prefix, node);
            assert_eq!(network.communities, [], "{network:?}");
        }
        until("BFD is up by the profile", || {
            let sessions = edge.bfd_sessions().into_iter();
            let mut theirs = sessions.filter(|it| it.address == ip(node));
            let profile = BfdTimers {
                receive: Duration::from_millis(180),
                transmit: Duration::from_millis(170),
                multiplier: 5,
            };
            let is_so = |timers| timers == profile;
            theirs
                .any(|it| it.state == BfdState::Up && it.details.is_some_and(|it| is_so(it.remote)))
        });
    }
}

/// By the node that is selected, and of the family of its address alone.
fn told_to_the_core(core: &Bird) {
    let session = core.until_established(ONE);
    assert_eq!(session.hold_time, Some(Duration::from_secs(30)));
    let host = path(core, V4, ONE);
    assert_eq!(host.local_pref, Some(150), "{host:?}");
    assert_eq!(host.as_path, [0; 0], "{host:?}");
    assert!(
        host.communities.contains(&Community(64512, 1234)),
        "{host:?}"
    );
    let all = core.routes();
    let paths = all.get(&net(V4)).unwrap();
    assert!(paths.iter().all(|it| it.from == Some(ip(ONE))), "{paths:?}");
    assert!(!all.contains_key(&net(V6)), "{all:?}");
    assert!(!all.contains_key(&net("203.0.113.0/24")), "{all:?}");
}
