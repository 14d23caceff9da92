//! Whether traffic gets through, as the provider tells it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use landfall_provider_api::{LoadBalancer, Protocol, Serving};
use tokio::net::TcpListener;

use crate::world::{World, assigned, next, wanted};

/// A Service whose nodes have this node port.
fn on(node_port: u16) -> LoadBalancer {
    let mut wanted = wanted("s1");
    wanted.ports[0].node_port = Some(node_port);
    wanted
}

/// A port that a node has open, and one that no node has.
async fn node_port() -> (TcpListener, u16) {
    let node = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 3).into(), 0);
    let socket = TcpListener::bind(node).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

#[tokio::test]
async fn the_first_answer_tells_whether_traffic_gets_through() {
    let world = World::start().await;
    let (_open, port) = node_port().await;
    let mut udp = on(port);
    udp.ports[0].protocol = Protocol::Udp;
    let mut without_nodes = on(port);
    without_nodes.nodes = Arc::default();
    let (_closed, closed) = {
        let (socket, port) = node_port().await;
        (drop(socket), port)
    };
    for (wanted, reason, message) in [
        (on(port), "", ""),
        (without_nodes, "NoTargets", "port 8080/TCP has no targets"),
        (
            on(closed),
            "TargetsUnhealthy",
            "all 2 targets of port 8080/TCP are unhealthy: Connection refused (os error 111)",
        ),
        (
            udp,
            "NoHealthCheck",
            "the targets of port 8080/UDP have no health check",
        ),
    ] {
        let provider = world.begun().await;
        let first = assigned(provider.ensure(&wanted).await.unwrap());
        let found = match &first.serving {
            Serving::Yes => ("", ""),
            Serving::No { reason, message }
            | Serving::Unknown { reason, message }
            | Serving::AsBefore { reason, message } => (*reason, message.as_str()),
        };
        assert_eq!(found, (reason, message));
        let restarted = world.begun().await;
        let again = assigned(restarted.ensure(&wanted).await.unwrap());
        assert_eq!(first, again, "a restart tells something else");
        restarted.release(&wanted.id).await.unwrap();
    }
}

#[tokio::test]
async fn when_the_last_target_goes_and_the_first_comes_it_is_told_and_costs_no_call() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    let (open, port) = node_port().await;
    let first = assigned(provider.ensure(&on(port)).await.unwrap());
    assert_eq!(first.serving, Serving::Yes);
    let etag = world.items().await[0]["etag"].clone();
    world.forget_calls().await;

    let node = open.local_addr().unwrap();
    drop(open);
    assert_eq!(next(&mut changes).await, "s1");
    let now = assigned(provider.ensure(&on(port)).await.unwrap());
    assert!(
        matches!(&now.serving, Serving::No { reason: "TargetsUnhealthy", message }
            if message.starts_with("all 2 targets of port 8080/TCP are unhealthy: ")),
        "{now:?}"
    );
    let _open = TcpListener::bind(node).await.unwrap();
    assert_eq!(next(&mut changes).await, "s1");
    let now = assigned(provider.ensure(&on(port)).await.unwrap());
    assert_eq!(now, first);
    assert_eq!(world.calls().await, [""; 0], "it was told, not asked for");
    assert_eq!(world.items().await[0]["etag"], etag);
}

#[tokio::test]
async fn how_it_serves_is_found_by_the_bulk_read_where_the_stream_is_silent() {
    let world = World::start().await;
    let (open, port) = node_port().await;
    // One that does not listen.
    let provider = world.begun().await;
    let first = assigned(provider.ensure(&on(port)).await.unwrap());
    assert_eq!(first.serving, Serving::Yes);
    drop(open);
    let serves = async || world.items().await[0]["serving"]["state"] == "Yes";
    while serves().await {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let same = assigned(provider.ensure(&on(port)).await.unwrap());
    assert_eq!(same, first, "nobody has told it");
    provider.owned().await.unwrap();
    let now = assigned(provider.ensure(&on(port)).await.unwrap());
    assert!(matches!(now.serving, Serving::No { .. }), "{now:?}");
}
