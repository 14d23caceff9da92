//! What a user sees while pods move and nodes stop taking traffic.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::datagrams::{self, hear, line};
use crate::process::PATIENCE;
use crate::world::{World, answer, ask, pause, service, until_silent};

/// Longest without an answer: the time to the next check of a health port, and room for a slow machine.
const GAP: Duration = Duration::from_secs(5);

/// A Service for the application `hello` with TCP and UDP on one port.
fn both_protocols() -> Value {
    let mut object = service("hello");
    object["spec"]["ports"] = json!([
        {"name": "tcp", "port": 8080},
        {"name": "udp", "port": 8080, "protocol": "UDP"},
    ]);
    object
}

#[tokio::test]
async fn an_address_is_silent_while_it_has_no_pods() {
    let world = World::start().await;
    world.deploy("hello", 2).await;
    world.create(&both_protocols()).await;
    let address = world.address("hello").await;
    for _ in 0..2 {
        let (mut by_tcp, mut by_udp) = (BTreeSet::new(), BTreeSet::new());
        let deadline = Instant::now() + PATIENCE;
        while by_tcp.len() < 2 || by_udp.len() < 2 {
            assert!(Instant::now() < deadline, "{by_tcp:?} {by_udp:?}");
            by_tcp.insert(answer(&address, 8080).await.pod);
            by_udp.insert(line(&hear(&address, 8080).await, "pod"));
        }
        let known = datagrams::client(&address, 8080).await;
        world.scale("hello", 0).await;
        until_unanswered(&address).await;
        datagrams::until_silent(&known).await;
        world.scale("hello", 2).await;
    }
    world.delete("hello").await;
    world.until("hello", "is gone", Value::is_null).await;
    until_silent(&address, 8080).await;
}

/// Waits until connections get no answer, whether they are accepted or not.
async fn until_unanswered(address: &str) {
    let deadline = Instant::now() + PATIENCE;
    while ask(address, 8080).await.is_some() {
        assert!(Instant::now() < deadline, "{address} still answers");
        pause().await;
    }
}

/// Waits until the cloud's checks have found these nodes to have pods, and no others.
async fn until_healthy(world: &World, expected: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = world.healthy_nodes().await;
        if found.iter().eq(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}, not {expected:?}");
        pause().await;
    }
}

#[tokio::test]
async fn traffic_follows_a_pod_to_another_node() {
    let world = World::start().await;
    world.deploy_on("node-1", 1).await;
    world.deploy_on("node-2", 0).await;
    let mut object = both_protocols();
    object["spec"]["externalTrafficPolicy"] = json!("Local");
    world.create(&object).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    until_healthy(&world, &["node-1"]).await;
    for _ in 0..20 {
        assert_eq!(answer(&address, 8080).await.node, "node-1");
    }
    // First the new pod, then the old one goes, as a roll-out does it.
    world.scale("node-2", 1).await;
    until_healthy(&world, &["node-1", "node-2"]).await;
    world.scale("node-1", 0).await;
    // Until its health port is asked again, node-1 may be given connections that nobody takes.
    let (mut answered, mut longest) = (Instant::now(), Duration::ZERO);
    let (mut in_a_row, deadline) = (0, Instant::now() + PATIENCE);
    while in_a_row < 50 {
        assert!(Instant::now() < deadline, "node-1 still takes traffic");
        if let Some(answer) = ask(&address, 8080).await {
            longest = longest.max(answered.elapsed());
            answered = Instant::now();
            let moved = answer.node == "node-2";
            in_a_row = if moved { in_a_row + 1 } else { 0 };
        } else {
            in_a_row = 0;
        }
    }
    println!("no answer for {longest:?} at most");
    assert!(longest < GAP, "no answer for {longest:?}");
    until_healthy(&world, &["node-2"]).await;
    assert_eq!(line(&hear(&address, 8080).await, "node"), "node-2");
}

#[tokio::test]
async fn an_excluded_node_gets_no_more_connections() {
    let world = World::start().await;
    for node in ["node-1", "node-2"] {
        world.deploy_on(node, 1).await;
    }
    let mut object = service("hello");
    object["spec"]["externalTrafficPolicy"] = json!("Local");
    world.create(&object).await;
    let address = world.address("hello").await;
    let mut nodes = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while nodes.len() < 2 {
        assert!(Instant::now() < deadline, "only {nodes:?}");
        nodes.insert(answer(&address, 8080).await.node);
    }
    let puts = world.calls("PutLoadBalancer").await.len();
    let label = "node.kubernetes.io/exclude-from-external-load-balancers";
    world.label_node("node-1", label).await;
    while world.calls("PutLoadBalancer").await.len() == puts {
        assert!(Instant::now() < deadline, "the cloud is not told");
        pause().await;
    }
    for _ in 0..50 {
        assert_eq!(answer(&address, 8080).await.node, "node-2");
    }
}
