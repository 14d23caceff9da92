//! Nodes and routers call each other at the same time.

use landfall_test_network::Lan;
use landfall_test_routers::{Neighbour, RemoteAs, Router, RouterConfig};
use serde_json::json;

use crate::routers::Kind::{Bird, Frr, GoBgp};
use crate::routers::{Kind, OURS, THEIRS, V4, V6, are_possible_or_skip, ip, path, peer_at, world};

const ROUTERS: [(Kind, &str); 3] = [(Frr, "router"), (Bird, "client"), (GoBgp, "node2")];
const NODE: &str = "192.0.2.11";

fn start(lan: &Lan, kind: Kind, host: &str) -> Box<dyn Router> {
    let neighbour = Neighbour {
        password: Some("right".into()),
        ..Neighbour::at(ip(NODE), RemoteAs::Asn(OURS))
    };
    let config = RouterConfig::new(THEIRS, lan.addresses(host).0).with(neighbour);
    kind.start(lan, host, &config)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_one_is_kept_and_both_are_signed() {
    if !are_possible_or_skip(&[Frr, Bird, GoBgp]) {
        return;
    }
    let mut world = world(2).await;
    world.password("tcp", "right").await;
    for (_, host) in ROUTERS {
        let address = world.lan.addresses(host).0.to_string();
        let signed = json!({"passwordSecretRef": {"name": "tcp"}});
        world.peer(host, peer_at(&address, signed)).await;
    }
    // So the node listens where routers call.
    let others = json!({"passive": true});
    world.peer("others", peer_at("198.18.0.0/24", others)).await;
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    // Whom the node cannot call it hears all the same.
    let mut deaf = world.lan.command("router", "nft");
    let rule = "tcp dport 179 tcp flags & (syn | ack) == syn drop";
    let chain = format!("{{ type filter hook input priority 0; {rule}\n}}");
    let deaf = deaf.arg(format!("table inet deaf {{ chain heard {chain}\n}}\n"));
    assert!(deaf.status().unwrap().success());
    let lan = &world.lan;
    let routers = std::thread::scope(|scope| {
        let starting = ROUTERS.map(|(kind, host)| scope.spawn(move || start(lan, kind, host)));
        starting.map(|it| it.join().unwrap())
    });
    world.start_only(&["node1"]);
    for round in 0..3 {
        // GoBGP would wait for half a minute.
        let cleared = if round == 0 {
            &routers[..0]
        } else {
            &routers[..2]
        };
        for router in cleared {
            router.clear(NODE);
        }
        for router in &routers {
            router.until_established(NODE);
            path(&**router, V4, NODE);
            path(&**router, V6, NODE);
        }
    }
    for (_, host) in ROUTERS {
        let session = world.until_session("node1", host).await;
        assert_eq!(session["prefixes"], 2, "{session}");
    }
}
