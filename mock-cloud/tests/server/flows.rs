//! Datagrams through load balancers.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::datagram::{Asker, Echo, body, reached};
use crate::target::{self, Target};
use crate::world::{World, pool, until};

const SHORT: Duration = Duration::from_millis(300);

impl World {
    /// Makes a load balancer of this and tells where it answers; its listeners must.
    pub(crate) async fn open(&self, id: &str, body: &Value) -> SocketAddr {
        let made = self.put(id, body).await;
        for listener in made["listeners"].as_array().unwrap() {
            assert_eq!(listener["status"]["state"], "Listening", "{made}");
        }
        let address = made["addresses"][0].as_str().unwrap();
        SocketAddr::new(address.parse().unwrap(), 8080)
    }
}

#[tokio::test]
async fn a_client_stays_in_its_flow_and_flows_take_turns() {
    let world = World::start().await;
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let address = world.open("web", &body(&[&a, &b])).await;
    let client = Asker::to(address).await;
    let first = client.ask().await;
    for _ in 0..5 {
        assert_eq!(client.ask().await, first);
    }
    assert_eq!(reached(address, 4).await, ["a", "b"]);
    let states = &world.read("web").await["listeners"][0]["targets"];
    assert_eq!(states[0]["health"]["state"], "Healthy", "taken for healthy");
}

#[tokio::test]
async fn datagrams_of_every_size_arrive_whole() {
    let world = World::start().await;
    let echo = Echo::start("a").await;
    let address = world.open("web", &body(&[&echo])).await;
    let client = Asker::to(address).await;
    client.ask().await;
    for length in [0, 1, 1500, 9000, 65_000] {
        let words = "x".repeat(length);
        let mut answered = false;
        for _ in 0..10 {
            answered |= client.once(&words).await.is_some();
        }
        assert!(answered, "{length}");
    }
}

#[tokio::test]
async fn one_port_number_serves_both_protocols() {
    let world = World::start().await;
    let (tcp, udp) = (Target::start("tcp").await, Echo::start("udp").await);
    let listener = |protocol: &str, target: Value| json!({"protocol": protocol, "port": 8080, "targets": [target]});
    let both = json!({"listeners": [listener("TCP", tcp.spec()), listener("UDP", udp.spec())]});
    let address = world.open("web", &both).await;
    assert_eq!(target::reached(address, 1).await, ["tcp"]);
    assert_eq!(reached(address, 1).await, ["udp"]);
    // One goes, and the other is not disturbed.
    world.open("web", &body(&[&udp])).await;
    assert!(target::Client::connect(address).await.is_none());
    assert_eq!(reached(address, 1).await, ["udp"]);
}

#[tokio::test]
async fn an_idle_flow_is_forgotten() {
    let world = World::start().await;
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let mut body = body(&[&a, &b]);
    body["listeners"][0]["idleTimeout"] = json!("50ms");
    let address = world.open("web", &body).await;
    let client = Asker::to(address).await;
    let first = client.ask().await;
    until(async || {
        tokio::time::sleep(Duration::from_millis(60)).await;
        client.ask().await != first
    })
    .await;
}

#[tokio::test]
async fn where_nobody_listens_the_next_datagram_goes_elsewhere() {
    let world = World::start().await;
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let address = world.open("web", &body(&[&a, &b])).await;
    let client = Asker::to(address).await;
    let (gone, other) = if client.ask().await == "a" {
        (a, "b")
    } else {
        (b, "a")
    };
    gone.stop().await;
    // The first datagram shows it, and is lost.
    assert_eq!(client.ask().await, other);
    assert_eq!(reached(address, 4).await, [other]);
}

#[tokio::test]
async fn new_targets_get_new_flows_and_old_flows_end_in_peace() {
    let world = World::with(|options| options.timing.drain_timeout = SHORT).await;
    let (old, new) = (Echo::start("old").await, Echo::start("new").await);
    let address = world.open("web", &body(&[&old])).await;
    let client = Asker::to(address).await;
    assert_eq!(client.ask().await, "old");
    world.open("web", &body(&[&new])).await;
    assert_eq!(client.ask().await, "old");
    assert_eq!(reached(address, 3).await, ["new"]);
    until(async || client.ask().await == "new").await;
    world.until_health("web", &["Healthy"]).await;
}

#[tokio::test]
async fn a_deleted_load_balancer_is_silent_and_its_address_free_at_once() {
    let world = World::on(pool(32), |_| ()).await;
    let echo = Echo::start("a").await;
    for _ in 0..20 {
        let address = world.open("web", &body(&[&echo])).await;
        let client = Asker::to(address).await;
        assert_eq!(client.ask().await, "a");
        world.delete("web").await;
        assert_eq!(client.once("hello").await, None);
    }
}

#[tokio::test]
async fn without_targets_datagrams_are_dropped() {
    let world = World::start().await;
    let address = world.open("web", &body(&[])).await;
    assert_eq!(Asker::to(address).await.once("hello").await, None);
    let echo = Echo::start("a").await;
    world.open("web", &body(&[&echo])).await;
    assert_eq!(reached(address, 1).await, ["a"]);
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let world = World::start().await;
    let held = UdpSocket::bind((world.address(1), 8080)).await.unwrap();
    let mut body = body(&[]);
    body["requestedAddresses"] = json!([world.address(1)]);
    let made = world.put("web", &body).await;
    assert_eq!(made["listeners"][0]["status"]["code"], "PortTaken");
    drop(held);
    world.open("web", &body).await;
}

#[tokio::test]
async fn a_udp_target_is_judged_by_the_check_that_the_spec_names() {
    let world = World::start().await;
    let (up, down) = (Echo::start("up").await, Echo::start("down").await);
    let judge = Target::start("judge").await;
    let silent = Target::start("silent").await.stop().await;
    let listener = |port: u16, echo: &Echo, check: u16| {
        json!({"protocol": "UDP", "port": port, "targets": [echo.spec()],
               "healthCheck": {"protocol": "TCP", "port": check}})
    };
    let body = json!({"listeners": [
        listener(8080, &up, judge.address.port()),
        listener(8081, &down, silent.port()),
    ]});
    world.put("web", &body).await;
    until(async || {
        let now = world.read("web").await;
        let state = |index: usize| now["listeners"][index]["targets"][0]["health"]["state"].clone();
        state(0) == "Healthy" && state(1) == "Unhealthy"
    })
    .await;
}
