//! What advertisements and Services say of routes is what routers hear.

use landfall_test_routers::{
    Community, LargeCommunity, Neighbour, Path, RemoteAs, Router, RouterConfig, until,
};
use serde_json::{Value, json};

use crate::routers::Kind::{Bird, Frr};
use crate::routers::{
    OURS, THEIRS, V4, V6, are_possible_or_skip, ip, net, path, path_when, peer, peer_at, waiting,
    world,
};
use crate::world::World;

const ONE: &str = "192.0.2.11";
const TWO: &str = "192.0.2.12";
const API: &str = "203.0.113.11/32";

/// In order, as routers may tell them in any.
fn communities(path: &Path) -> Vec<Community> {
    let mut all = path.communities.clone();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_told_with_all_that_advertisements_and_services_say() {
    if !are_possible_or_skip(&[Frr, Bird]) {
        return;
    }
    let mut world = world(2).await;
    let external = Frr.start(&world.lan, "router", &waiting(&world.lan));
    let own = world.lan.addresses("client").0;
    let config = RouterConfig::new(THEIRS, own)
        .with(Neighbour::at(ip(ONE), RemoteAs::Internal))
        .with(Neighbour::at(ip(TWO), RemoteAs::Internal));
    let internal = Bird.start(&world.lan, "client", &config);
    world.peer("external", peer(&world.lan)).await;
    let within = json!({"localASN": THEIRS, "peerASN": "Internal"});
    let within = peer_at(&own.to_string(), within);
    world.peer("internal", within).await;
    world.start_only(&["node1", "node2"]);
    world.usual_service("Cluster", &["node1"]).await;

    let (external, internal) = (&*external, &*internal);
    every_attribute(&world, external, internal).await;
    several(&world, external, internal).await;
    only_these_nodes(&world, external).await;
    of_a_service(&world, internal).await;
    aggregated(&world, internal).await;
}

async fn every_attribute(world: &World, external: &dyn Router, internal: &dyn Router) {
    let full = json!({
        "communities": ["64512:1", "large:64512:1:2", "no-export", "gold"],
        "communityAliases": {"gold": "64512:99"},
        "med": 50, "asPathPrepend": 2, "localPref": 250,
        "nextHop": {"ipv4": "192.0.2.77", "ipv6": "fd00:192:0:2::77"},
    });
    world.advertise_to_routers("full", full).await;
    let expected = [
        Community(64512, 1),
        Community(64512, 99),
        Community::NO_EXPORT,
    ];
    for (prefix, hop) in [(V4, "192.0.2.77"), (V6, "fd00:192:0:2::77")] {
        for (router, as_path, preference) in
            [(external, &[OURS; 3][..], None), (internal, &[], Some(250))]
        {
            let path = path(router, prefix, ONE);
            let what = format!("{}: {path:?}", router.namespace());
            assert_eq!(communities(&path), expected, "{what}");
            assert_eq!(
                path.large_communities,
                [LargeCommunity(64512, 1, 2)],
                "{what}"
            );
            assert_eq!(path.med, Some(50), "{what}");
            assert_eq!(path.as_path, as_path, "{what}");
            assert_eq!(path.local_pref, preference, "{what}");
            assert_eq!(path.next_hops[0], ip(hop), "{what}");
        }
    }
}

/// Two of one prefix: communities are joined, and of the rest the first name counts; each for its routers.
async fn several(world: &World, external: &dyn Router, internal: &dyn Router) {
    let more = json!({
        "communities": ["64512:2"], "med": 70, "peers": ["external"],
    });
    world.advertise_to_routers("more", more).await;
    let joined = path_when(external, V4, ONE, |it| it.communities.len() == 4);
    assert_eq!(communities(&joined)[1], Community(64512, 2), "{joined:?}");
    assert_eq!(joined.med, Some(50));
    assert_eq!(path(internal, V4, ONE).communities.len(), 3);

    let full = json!({"peers": ["internal"]});
    world.advertise_to_routers("full", full).await;
    let alone = path_when(external, V4, ONE, |it| it.med == Some(70));
    assert_eq!(alone.communities, [Community(64512, 2)]);
    assert_eq!(alone.as_path, [OURS]);
    assert_eq!(alone.next_hops, [ip(ONE)]);
    let plain = path_when(internal, V4, ONE, |it| it.med.is_none());
    assert_eq!(
        (plain.communities.len(), plain.large_communities.len()),
        (0, 0)
    );
    assert_eq!(plain.local_pref, Some(100));
}

async fn only_these_nodes(world: &World, external: &dyn Router) {
    let nodes = json!({"nodeSelector": world.selector("node2"), "peers": ["external"]});
    world.advertise_to_routers("more", nodes).await;
    path_when(external, V4, TWO, |it| it.communities.is_empty());
    until("no path by another node", || {
        let paths = external.route(net(V4));
        paths.iter().all(|it| it.from == Some(ip(TWO)))
    });
}

/// What a Service asks for counts where the advertisement lets it, and only Services that it selects.
async fn of_a_service(world: &World, internal: &dyn Router) {
    let service: Value = json!({
        "metadata": {"name": "api", "labels": {"tier": "gold"}, "annotations": {
            "landfall.dev/bgp-med": "5",
            "landfall.dev/bgp-local-pref": "400",
            "landfall.dev/bgp-as-path-prepend": "3",
            "landfall.dev/bgp-communities": "64512:7, silver",
        }},
        "spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    });
    world.put_service(service).await;
    world.set_pods("api", &["node1"]).await;
    world.give("api", &["203.0.113.11"]).await;
    let plain = path(internal, API, ONE);
    assert_eq!(
        (plain.med, plain.local_pref),
        (None, Some(100)),
        "{plain:?}"
    );
    assert_eq!(plain.communities, []);

    let gold = json!({
        "peers": ["internal"], "serviceSelector": {"matchLabels": {"tier": "gold"}},
        "serviceAttributes": ["MED", "Communities"], "communities": ["64512:6"],
        "communityAliases": {"silver": "64512:8"},
    });
    world.advertise_to_routers("full", gold).await;
    let asked = path_when(internal, API, ONE, |it| it.med == Some(5));
    let expected = [6, 7, 8].map(|it| Community(64512, it));
    assert_eq!(communities(&asked), expected);
    assert_eq!(asked.local_pref, Some(100));
    until("no path of the other", || {
        internal.route(net(V4)).is_empty()
    });
}

/// A network is told as long as one address of it is.
async fn aggregated(world: &World, internal: &dyn Router) {
    let networks = json!({
        "peers": ["internal"], "aggregationLength": 24, "aggregationLengthV6": 112,
    });
    world.advertise_to_routers("sum", networks).await;
    let (v4, v6) = ("203.0.113.0/24", "fd00:203:0:113::/112");
    path(internal, v4, ONE);
    path(internal, v6, ONE);
    world.delete("web").await;
    until("none of IPv6", || internal.route(net(v6)).is_empty());
    path(internal, v4, ONE);
    world.delete("api").await;
    until("none of IPv4", || internal.route(net(v4)).is_empty());
    until("no address", || internal.route(net(API)).is_empty());
}
