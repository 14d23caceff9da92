//! A speaker is restarted, and no router notices: what it had told stays where packets are sent by it.

use landfall_test_process::{Process, Way};
use landfall_test_routers::{Neighbour, RemoteAs, Router, RouterConfig, SessionState, until};
use serde_json::json;

use crate::routers::Kind::{Bird, Frr, GoBgp};
use crate::routers::{
    Kind, OURS, THEIRS, V4, V6, are_possible_or_skip, net, next_hops, path, path_when, peer_at,
    world,
};
use crate::world::World;

const ROUTERS: [(Kind, &str); 3] = [(Frr, "router"), (Bird, "client"), (GoBgp, "node2")];
const NODE: &str = "192.0.2.11";

/// What the kernel of a host says of its routes, as they change.
struct Watch(Process);

impl Watch {
    fn new(world: &World, host: &str) -> Self {
        let mut command = world.lan.command(host, "ip");
        Self(Process::start(command.args(["-o", "monitor", "route"])))
    }

    /// Looks at all that was said so far: nothing that we announce may have gone.
    fn is_quiet(&mut self, world: &World, host: &str) {
        // What is said behind all else.
        world.lan.ip(host, "route add blackhole 198.18.99.99/32");
        self.0
            .wait_for("the last route", |it| it.contains("198.18.99.99"));
        world.lan.ip(host, "route del blackhole 198.18.99.99/32");
        self.0.wait_for("its end", |it| {
            it.contains("198.18.99.99") && it.contains("Deleted")
        });
        let mut gone = self.0.printed.iter().filter(|it| it.contains("Deleted"));
        let gone = gone.find(|it| it.contains("203.0.113.10") || it.contains("fd00:203:"));
        assert_eq!(gone, None, "{host}: {:#?}", self.0.printed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_speaker_that_is_restarted_is_missed_by_no_router() {
    if !are_possible_or_skip(&[Frr, Bird, GoBgp]) {
        return;
    }
    let mut world = world(2).await;
    for (_, host) in ROUTERS {
        let restart = json!({"gracefulRestart": {"restartTime": "120s"}});
        let address = world.lan.addresses(host).0.to_string();
        world.peer(host, peer_at(&address, restart)).await;
    }
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    let lan = &world.lan;
    let routers = ROUTERS.map(|(kind, host)| {
        let neighbour = Neighbour::in_range(net("192.0.2.0/24"), RemoteAs::Asn(OURS));
        let config = RouterConfig::new(THEIRS, lan.addresses(host).0).with(neighbour);
        kind.start(lan, host, &config)
    });
    let kernels = [0, 1];
    world.start_only(&["node1"]);
    until_fresh(&routers);
    for it in kernels {
        until("routes in the kernel", || {
            !next_hops(&*routers[it], V4).is_empty() && !next_hops(&*routers[it], V6).is_empty()
        });
    }
    let mut watches = kernels.map(|it| Watch::new(&world, ROUTERS[it].1));

    world.kill("node1");
    are_kept(&routers);
    world.start_only(&["node1"]);
    // GoBGP hears nobody for some seconds after a session.
    until_fresh(&routers[..2]);

    world.signal("node1", "TERM");
    world.speakers.get_mut("node1").unwrap().ended();
    are_kept(&routers);
    world.start_only(&["node1"]);
    until_fresh(&routers[..2]);

    // Who knows nothing yet tells nothing.
    world.kill("node1");
    are_kept(&routers);
    world.api_is(Way::Refused);
    world.start("node1");
    until("it has tried to read", || {
        world.speakers["node1"].errors().contains("WARN")
    });
    are_kept(&routers);
    world.api_is(Way::Open);
    world.until_ready("node1");
    until_fresh(&routers);
    for (watch, it) in watches.iter_mut().zip(kernels) {
        watch.is_quiet(&world, ROUTERS[it].1);
    }

    // A node that is drained does not come back soon.
    let drain = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
    world.patch_node("node1", drain).await;
    for router in &routers {
        until("no route", || router.route(net(V4)).is_empty());
    }
}

/// Waits until all have the routes, and wait for nobody.
fn until_fresh(routers: &[Box<dyn Router>]) {
    for router in routers {
        router.until_established(NODE);
        for prefix in [V4, V6] {
            path_when(&**router, prefix, NODE, |it| !it.stale);
        }
    }
}

/// Without a session, all keep the routes.
fn are_kept(routers: &[Box<dyn Router>]) {
    for router in routers {
        let what = format!("{} has no session", router.namespace());
        until(&what, || {
            let session = router.session(NODE);
            session.is_none_or(|it| it.state != SessionState::Established)
        });
        for prefix in [V4, V6] {
            assert!(path(&**router, prefix, NODE).stale, "{what}");
        }
    }
}
