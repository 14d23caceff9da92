//! Who is served, and who stays with whom.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::datagram::{self, Asker, Echo};
use crate::target::{Client, Target};
use crate::world::{World, body, until};

async fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// The name of the target that a client at this address reaches; `None` if it is closed instead.
async fn reaches(from: &str, to: SocketAddr) -> Option<String> {
    let mut stream = BufReader::new(connect_from(from, to).await);
    let mut name = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut name)
        .await
        .ok()?;
    name.strip_suffix('\n').map(str::to_owned)
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn clients_outside_the_ranges_are_shut_out() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let ranges = json!(["127.0.5.0/24", "fd00::/8"]);
    let body = with(body(8080, &[&target]), "sourceRanges", ranges);
    let address = world.open("web", &body).await;
    assert_eq!(reaches("127.0.5.9:0", address).await.as_deref(), Some("a"));
    let mut outside = connect_from("127.0.6.9:0", address).await;
    let end = outside.read(&mut [0; 1]).await;
    let is_closed = match end {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(is_closed);
    assert_eq!(target_state(&world).await, "Healthy", "checks go on");
}

async fn target_state(world: &World) -> String {
    world.until_health("web", &["Healthy"]).await;
    "Healthy".to_owned()
}

#[tokio::test]
async fn ranges_that_name_only_another_family_admit_nobody() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let body = with(body(8080, &[&target]), "sourceRanges", json!(["fd00::/8"]));
    let address = world.open("web", &body).await;
    assert_eq!(reaches("127.0.0.1:0", address).await, None);
}

#[tokio::test]
async fn new_ranges_hold_at_once_and_cut_whom_they_do_not_name() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let open = body(8080, &[&target]);
    let address = world.open("web", &open).await;
    let mut before = Client::connect(address).await.unwrap();
    assert!(before.echoes().await);
    let narrow = with(open.clone(), "sourceRanges", json!(["127.0.5.0/24"]));
    world.open("web", &narrow).await;
    assert_eq!(reaches("127.0.0.1:0", address).await, None);
    until(async || !before.echoes().await).await;
    let inside = connect_from("127.0.5.1:0", address).await;
    world.open("web", &open).await;
    assert!(Client::connect(address).await.is_some());
    let mut inside = Client {
        stream: BufReader::new(inside),
        reached: String::new(),
    };
    let mut greeting = [0; 2];
    inside.stream.read_exact(&mut greeting).await.unwrap();
    assert!(
        inside.echoes().await,
        "who was admitted all along is not disturbed"
    );
}

#[tokio::test]
async fn datagrams_obey_the_ranges_too() {
    let world = World::start().await;
    let echo = Echo::start("a").await;
    let open = datagram::body(&[&echo]);
    let narrow = with(open.clone(), "sourceRanges", json!(["127.0.5.0/24"]));
    let address = world.open("web", &narrow).await;
    let inside = Asker::between("127.0.5.1:0", address).await;
    let outside = Asker::between("127.0.6.1:0", address).await;
    assert_eq!(inside.ask().await, "a");
    assert_eq!(outside.once("hello").await, None);
    world.open("web", &open).await;
    assert_eq!(outside.ask().await, "a");
    world.open("web", &narrow).await;
    assert_eq!(outside.once("hello").await, None);
    assert_eq!(inside.ask().await, "a");
}

#[tokio::test]
async fn a_client_comes_back_to_its_target_until_it_was_away_too_long() {
    let world = World::start().await;
    let targets = [
        Target::start("a").await,
        Target::start("b").await,
        Target::start("c").await,
    ];
    let plain = body(8080, &targets.each_ref());
    let sticky = |timeout: &str| {
        let affinity = json!({"type": "clientIp", "timeout": timeout});
        with(plain.clone(), "affinity", affinity)
    };
    let address = world.open("web", &sticky("60m")).await;
    world.until_health("web", &["Healthy"; 3]).await;
    let first = reaches("127.0.7.1:0", address).await;
    let mut others = Vec::new();
    for last in 1..=6 {
        others.push(reaches(&format!("127.0.8.{last}:0"), address).await);
        assert_eq!(reaches("127.0.7.1:0", address).await, first);
    }
    others.sort();
    others.dedup();
    assert_eq!(others.len(), 3, "clients are spread");
    world.open("web", &sticky("50ms")).await;
    until(async || {
        tokio::time::sleep(Duration::from_millis(60)).await;
        reaches("127.0.7.1:0", address).await != first
    })
    .await;
}

#[tokio::test]
async fn a_target_that_is_gone_or_dead_loses_its_clients() {
    let world = World::start().await;
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let affinity = json!({"type": "clientIp", "timeout": "60m"});
    let sticky = |targets: &[&Target]| with(body(8080, targets), "affinity", affinity.clone());
    let address = world.open("web", &sticky(&[&a, &b])).await;
    let first = reaches("127.0.0.1:0", address).await.unwrap();
    let (first, second) = if first == "a" { (a, b) } else { (b, a) };
    world.open("web", &sticky(&[&second])).await;
    let now = reaches("127.0.0.1:0", address).await;
    world.open("web", &sticky(&[&first, &second])).await;
    assert_eq!(
        reaches("127.0.0.1:0", address).await,
        now,
        "it stays where it is now"
    );
    second.stop().await;
    world.until_health("web", &["Healthy", "Unhealthy"]).await;
    assert_ne!(reaches("127.0.0.1:0", address).await, now);
}

#[tokio::test]
async fn flows_of_a_client_go_to_one_target() {
    let world = World::start().await;
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let affinity = json!({"type": "clientIp", "timeout": "60m"});
    let body = with(datagram::body(&[&a, &b]), "affinity", affinity);
    let address = world.open("web", &body).await;
    assert_eq!(datagram::reached(address, 6).await.len(), 1);
}
