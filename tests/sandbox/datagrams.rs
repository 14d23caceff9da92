//! What a user sees of a UDP port.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::process::PATIENCE;
use crate::world::{World, answer, condition, pause, service};

/// Time for an answer to one datagram; one that does not come by then is asked for again.
const ANSWER: Duration = Duration::from_millis(200);

/// A client of its own.
pub async fn client(address: &str, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.connect((address, port)).await.unwrap();
    socket
}

/// What comes back for one datagram, if anything does.
async fn say(client: &UdpSocket, datagram: &[u8]) -> Option<Vec<u8>> {
    // What the system says of earlier ones is of no interest here.
    drop(client.take_error());
    client.send(datagram).await.ok()?;
    let mut answer = vec![0; 65_535];
    let received = tokio::time::timeout(ANSWER, client.recv(&mut answer)).await;
    let length = received.ok()?.ok()?;
    answer.truncate(length);
    Some(answer)
}

/// Waits for an answer to a new client.
pub async fn hear(address: &str, port: u16) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = say(&client(address, port).await, b"hello").await {
            return String::from_utf8(answer).unwrap();
        }
    }
    panic!("nobody answers datagrams at {address}:{port}");
}

/// Waits until nobody answers any more, whether new or known before.
pub async fn until_silent(known: &UdpSocket) {
    let SocketAddr::V4(place) = known.peer_addr().unwrap() else {
        panic!("an IPv4 address")
    };
    let deadline = Instant::now() + PATIENCE;
    let (address, port) = (place.ip().to_string(), place.port());
    while say(known, b"hello").await.is_some()
        || say(&client(&address, port).await, b"hello").await.is_some()
    {
        assert!(
            Instant::now() < deadline,
            "somebody still answers at {place}"
        );
    }
}

pub fn line(answer: &str, name: &str) -> String {
    let start = format!("{name}: ");
    let mut lines = answer.lines();
    let line = lines.find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {name} in {answer:?}"))
        .to_owned()
}

/// A Service with one UDP port.
fn datagrams(name: &str) -> Value {
    let mut object = service(name);
    object["spec"]["ports"] = json!([{"name": "udp", "port": 8080, "protocol": "UDP"}]);
    object
}

#[tokio::test]
async fn a_datagram_is_answered_by_a_pod_as_long_as_there_is_one() {
    let world = World::start().await;
    world.deploy("hello", 3).await;
    world.create(&datagrams("hello")).await;
    let address = world.address("hello").await;
    let seen = world
        .until("hello", "is provisioned", |it| {
            condition(it)["status"] == "True"
        })
        .await;
    assert_eq!(
        seen["status"]["loadBalancer"]["ingress"][0]["ports"],
        json!([{"port": 8080, "protocol": "UDP"}])
    );
    let said = hear(&address, 8080).await;
    assert!(said.ends_with("\nhello"), "{said:?}");
    let mut pods = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while pods.len() < 3 {
        assert!(Instant::now() < deadline, "only {pods:?} answer");
        pods.insert(line(&hear(&address, 8080).await, "pod"));
    }
    // A client stays with its pod, and large datagrams pass.
    let known = client(&address, 8080).await;
    let large = vec![b'x'; 60_000];
    let mut pods = BTreeSet::new();
    for _ in 0..10 {
        let Some(answer) = say(&known, &large).await else {
            continue;
        };
        assert!(answer.ends_with(&large));
        pods.insert(line(&String::from_utf8(answer).unwrap(), "pod"));
    }
    assert_eq!(pods.len(), 1, "{pods:?}");

    world.scale("hello", 0).await;
    until_silent(&known).await;
    world.scale("hello", 1).await;
    hear(&address, 8080).await;
    world.delete("hello").await;
    world
        .until("hello", "is gone", serde_json::Value::is_null)
        .await;
    until_silent(&known).await;
}

#[tokio::test]
async fn flows_end_with_their_service() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let before = until_settled(&world).await;
    world.create(&datagrams("hello")).await;
    let address = world.address("hello").await;
    hear(&address, 8080).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let client = client(&address, 8080).await;
        say(&client, b"hello").await;
        clients.push(client);
    }
    let at_work = files(&world);
    assert!(at_work > before + 100, "{before} files became {at_work}");
    world.delete("hello").await;
    let deadline = Instant::now() + PATIENCE;
    // Connections of clients of the APIs come and go.
    while files(&world) > before + 10 {
        let now = files(&world);
        assert!(
            Instant::now() < deadline,
            "of {before} files {now} are left"
        );
        pause().await;
    }
}

/// How many files and sockets the cloud has open.
fn files(world: &World) -> usize {
    let folder = format!("/proc/{}/fd", world.cloud_process.id());
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits for the pod, whose sockets are then there.
async fn until_settled(world: &World) -> usize {
    let pods =
        kube::Api::<k8s_openapi::api::core::v1::Pod>::default_namespaced(world.client.clone());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = pods.list(&kube::api::ListParams::default()).await.unwrap();
        let mut phases = list
            .items
            .iter()
            .filter_map(|pod| pod.status.as_ref()?.phase.clone());
        if phases.any(|phase| phase == "Running") {
            return files(world);
        }
        assert!(Instant::now() < deadline, "the pod does not run");
        pause().await;
    }
}

#[tokio::test]
async fn both_protocols_answer_on_one_port_and_with_local_policy_the_pod_sees_the_client() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let mut object = service("hello");
    object["spec"]["externalTrafficPolicy"] = json!("Local");
    object["spec"]["ports"] = json!([
        {"name": "http", "port": 4443, "targetPort": 8080, "nodePort": 30443},
        {"name": "quic", "port": 4443, "targetPort": 8080, "nodePort": 30443, "protocol": "UDP"},
    ]);
    world.create(&object).await;
    let address = world.address("hello").await;
    let by_tcp = answer(&address, 4443).await;
    assert_eq!(line(&hear(&address, 4443).await, "pod"), by_tcp.pod);
    // At the node, where no load balancer stands between.
    let mut open = 0;
    for node in world.nodes().await {
        let client = client(&node, 30443).await;
        let Some(said) = say(&client, b"hello").await else {
            continue;
        };
        open += 1;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(line(&said, "node"), by_tcp.node);
        let seen: SocketAddr = line(&said, "client").parse().unwrap();
        assert_eq!(seen.ip(), client.local_addr().unwrap().ip());
    }
    assert_eq!(open, 1, "only the node with the pod answers");
}
