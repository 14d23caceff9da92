//! Bytes through load balancers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::target::{Client, Target, reached};
use crate::world::{World, body, until};

#[tokio::test]
async fn connections_take_turns_among_the_targets() {
    let world = World::start().await;
    let (a, b, c) = (
        Target::start("a").await,
        Target::start("b").await,
        Target::start("c").await,
    );
    let address = world.serve("web", &[&a, &b, &c]).await;
    world.until_health("web", &["Healthy"; 3]).await;
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..9 {
        let client = Client::connect(address).await.unwrap();
        *count.entry(client.reached).or_default() += 1;
    }
    assert_eq!(count.into_values().collect::<Vec<_>>(), [3, 3, 3]);
}

#[tokio::test]
async fn the_first_connection_need_not_wait_for_a_check() {
    let world = World::with(|options| options.timing.check_interval *= 1000).await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    assert!(Client::connect(address).await.unwrap().echoes().await);
}

#[tokio::test]
async fn a_dead_target_is_skipped() {
    let world = World::with(|options| options.timing.check_interval *= 1000).await;
    let (alive, dead) = (Target::start("alive").await, Target::start("dead").await);
    let address = world.serve("web", &[&alive, &dead]).await;
    world.until_health("web", &["Healthy"; 2]).await;
    // No check comes any time soon: the connections themselves find out.
    dead.stop().await;
    assert_eq!(reached(address, 4).await, ["alive"]);
    let dead = &world.read("web").await["listeners"][0]["targets"][1]["health"];
    assert_eq!(dead["state"], "Unhealthy");
    assert!(
        dead["reason"].as_str().unwrap().contains("refused"),
        "{dead}"
    );
}

#[tokio::test]
async fn a_target_that_comes_back_is_used_again() {
    let world = World::start().await;
    let (alive, dead) = (Target::start("alive").await, Target::start("dead").await);
    let address = world.serve("web", &[&alive, &dead]).await;
    let place = dead.stop().await;
    world.until_health("web", &["Healthy", "Unhealthy"]).await;
    let _again = Target::at("again", place).await;
    world.until_health("web", &["Healthy", "Healthy"]).await;
    assert_eq!(reached(address, 4).await, ["again", "alive"]);
}

#[tokio::test]
async fn with_no_healthy_target_all_are_tried() {
    let world = World::with(|options| options.timing.retry_interval *= 10_000).await;
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let body = body(8080, &[&a, &b]);
    let (_, place) = (a.stop().await, b.stop().await);
    let made = world.put("web", &body).await;
    let address = made["addresses"][0].as_str().unwrap().parse().unwrap();
    world.until_health("web", &["Unhealthy"; 2]).await;
    // The next check is minutes away.
    let _again = Target::at("again", place).await;
    assert_eq!(reached(SocketAddr::new(address, 8080), 3).await, ["again"]);
}

#[tokio::test]
async fn without_targets_a_connection_is_closed_at_once() {
    let world = World::start().await;
    let address = world.serve("web", &[]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    let target = Target::start("a").await;
    assert_eq!(world.serve("web", &[&target]).await, address);
    assert!(Client::connect(address).await.unwrap().echoes().await);
}

#[tokio::test]
async fn one_side_may_be_done_before_the_other() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut client = Client::connect(address).await.unwrap();
    client.stream.write_all(b"the last words").await.unwrap();
    client.stream.shutdown().await.unwrap();
    let mut back = String::new();
    client.stream.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "the last words");
}

#[tokio::test]
async fn large_transfers_arrive_whole() {
    const SIZE: usize = 64 << 20;
    let world = World::start().await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let client = Client::connect(address).await.unwrap();
    let (mut from, mut to) = tokio::io::split(client.stream);
    let chunk: Vec<u8> = (0..=250_u8).cycle().take(1 << 20).collect();
    let expected = chunk.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..SIZE / chunk.len() {
            to.write_all(&chunk).await.unwrap();
        }
        to.shutdown().await.unwrap();
    });
    let mut back = vec![0; expected.len()];
    for _ in 0..SIZE / expected.len() {
        from.read_exact(&mut back).await.unwrap();
        assert!(back == expected, "bytes were changed on their way");
    }
    assert_eq!(from.read(&mut back).await.unwrap(), 0);
    sending.await.unwrap();
}

#[tokio::test]
async fn two_hundred_connections_at_once() {
    let world = World::start().await;
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let address = world.serve("web", &[&a, &b]).await;
    let clients = join_all((0..200).map(|_| Client::connect(address))).await;
    let mut clients: Vec<_> = clients.into_iter().map(Option::unwrap).collect();
    let echoes = join_all(clients.iter_mut().map(Client::echoes)).await;
    assert!(echoes.into_iter().all(|echoes| echoes));
}

#[tokio::test]
async fn a_load_balancer_serves_many_ports() {
    let world = World::start().await;
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let listener = |port: u16, target: &Target| json!({"protocol": "TCP", "port": port, "targets": [target.spec()]});
    let made = world
        .put(
            "web",
            &json!({"listeners": [listener(8080, &a), listener(8081, &b)]}),
        )
        .await;
    let address = made["addresses"][0].as_str().unwrap().parse().unwrap();
    assert_eq!(reached(SocketAddr::new(address, 8080), 2).await, ["a"]);
    assert_eq!(reached(SocketAddr::new(address, 8081), 2).await, ["b"]);
}

#[tokio::test]
async fn a_target_of_two_listeners_is_checked_once() {
    let world = World::with(|options| options.timing.check_interval *= 1000).await;
    let target = Target::start("a").await;
    let listener = |port: u16| json!({"protocol": "TCP", "port": port, "targets": [target.spec()]});
    let body = json!({"listeners": [listener(8080), listener(8081)]});
    world.put("web", &body).await;
    world.until_health("web", &["Healthy"]).await;
    world.put("web", &body).await;
    assert_eq!(target.accepted(), 1);
}

#[tokio::test]
async fn nothing_listens_once_the_cloud_has_stopped() {
    let mut world = World::start().await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut client = Client::connect(address).await.unwrap();
    world.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    until(async || !client.echoes().await).await;
}
