//! A node is left in order: traffic moves away before the routes go, and they before the session.

use std::net::IpAddr;
use std::time::Duration;

use landfall_test_routers::{Frr, Neighbour, RemoteAs, RouterConfig, until};
use serde_json::json;

use crate::fake::{Fake, Heard, KEEPING, Open, Said};
use crate::routers::{Kind, OURS, THEIRS, V4, net, next_hops, peer, world};
use crate::world::World;

/// `GRACEFUL_SHUTDOWN` (RFC 8326).
const MOVE_AWAY: u32 = 0xffff_0000;

/// Routers that only listen: one of another autonomous system, one of ours, and one that keeps what it is told
/// over a restart.
struct Listeners([Fake; 3]);

impl Listeners {
    async fn new(world: &World) -> Self {
        let [external, internal, keeping] = [(); 3].map(|()| Fake::new(&world.lan));
        let only = world.selector("node1");
        let spec = json!({"families": ["IPv4"], "nodeSelector": only});
        world.peer("external", external.peer(spec)).await;
        let spec = json!({
            "families": ["IPv4"], "nodeSelector": only, "localASN": THEIRS, "peerASN": "Internal",
        });
        world.peer("internal", internal.peer(spec)).await;
        let spec = json!({"families": ["IPv4"], "nodeSelector": only, "gracefulRestart": {}});
        world.peer("keeping", keeping.peer(spec)).await;
        Self([external, internal, keeping])
    }

    /// Sessions in which the route is told.
    fn establish(&self) -> [Heard; 3] {
        let [external, internal, keeping] = &self.0;
        let open = Open {
            capabilities: &KEEPING,
            ..Open::default()
        };
        let mut sessions = [
            external.establish(&Open::default()),
            internal.establish(&Open::default()),
            keeping.establish(&open),
        ];
        for (heard, local_pref) in sessions.iter_mut().zip([None, Some(100), None]) {
            let announced = Said::Announced {
                communities: Vec::new(),
                local_pref,
            };
            assert_eq!(heard.of_route(), Some(announced));
        }
        sessions
    }
}

fn marked(local_pref: Option<u32>) -> Said {
    Said::Announced {
        communities: vec![MOVE_AWAY],
        local_pref,
    }
}

/// The order of words in which a node is left.
fn is_left(sessions: impl IntoIterator<Item = Heard>) {
    for (mut heard, local_pref) in sessions.into_iter().zip([None, Some(0), None]) {
        assert_eq!(heard.of_route(), Some(marked(local_pref)));
        assert_eq!(heard.of_route(), Some(Said::Withdrawn));
        assert_eq!(heard.of_route(), Some(Said::Ended(6, 2)));
        assert_eq!(heard.of_route(), None);
    }
}

fn until_by(world: &World, router: &Frr, hosts: &[&str]) {
    let addresses = hosts.iter().map(|it| world.lan.addresses(it).0);
    let addresses: Vec<_> = addresses.map(IpAddr::from).collect();
    until(&format!("by {hosts:?}"), || {
        next_hops(router, V4) == addresses
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_left_in_order_and_one_that_dies_at_once() {
    if !Kind::Frr.is_possible_or_skip() {
        return;
    }
    let mut world = world(2).await;
    let neighbour = Neighbour {
        // What ends sooner does not end by it.
        hold_time: Duration::from_mins(4),
        ..Neighbour::in_range(net("192.0.2.0/24"), RemoteAs::Asn(OURS))
    };
    let config = RouterConfig::new(THEIRS, world.lan.addresses("router").0).with(neighbour);
    let router = Frr::start(&world.lan, "router", &config);
    let mut spec = peer(&world.lan);
    spec["holdTime"] = json!("240s");
    world.peer("tor", spec).await;
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    let listeners = Listeners::new(&world).await;
    world.start_only(&["node1", "node2"]);

    let sessions = listeners.establish();
    until_by(&world, &router, &["node1", "node2"]);
    let annotation = |value| json!({"metadata": {"annotations": {"landfall.dev/drain": value}}});
    world.patch_node("node1", annotation(Some("true"))).await;
    is_left(sessions);
    until_by(&world, &router, &["node2"]);
    world.patch_node("node1", annotation(None)).await;
    let sessions = listeners.establish();
    until_by(&world, &router, &["node1", "node2"]);

    let taint = json!([{"key": "landfall.dev/drain", "effect": "NoSchedule"}]);
    let tainted = |taints| json!({"spec": {"taints": taints}});
    world.patch_node("node1", tainted(taint)).await;
    is_left(sessions);
    until_by(&world, &router, &["node2"]);
    world.patch_node("node1", tainted(json!(null))).await;
    let sessions = listeners.establish();
    until_by(&world, &router, &["node1", "node2"]);

    let [mut external, internal, mut keeping] = sessions;
    world.signal("node1", "TERM");
    assert_eq!(keeping.of_route(), None);
    drop(keeping);
    assert_eq!(external.of_route(), Some(marked(None)));
    // Whatever happens on the node now, nobody is called.
    world.lan.lay_cable(("node1", "new"), ("node2", "new"));
    assert_eq!(external.of_route(), Some(Said::Withdrawn));
    assert_eq!(external.of_route(), Some(Said::Ended(6, 2)));
    drop((external, internal));
    assert!(
        !listeners.0[2].is_called(),
        "a session was begun at the end"
    );
    let ended = world.speakers.get_mut("node1").unwrap().ended();
    assert!(ended.status.success(), "{}", ended.errors);
    until_by(&world, &router, &["node2"]);
    world.start_only(&["node1"]);
    let sessions = listeners.establish();
    until_by(&world, &router, &["node1", "node2"]);

    world.kill("node1");
    for mut heard in sessions {
        assert_eq!(heard.of_route(), None);
    }
    until_by(&world, &router, &["node2"]);
}
