//! How targets are checked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::target::{Target, reached};
use crate::world::{World, until};

/// Answers every request with this status.
async fn answering(status: Arc<AtomicU16>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = connection.read(&mut request).await.unwrap_or(0);
            let found = request[..length].starts_with(b"GET /healthz HTTP/1.1\r\n");
            let status = if found {
                status.load(Ordering::Relaxed)
            } else {
                404
            };
            let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    address
}

fn checked(targets: &[&Target], check: &Value) -> Value {
    let targets: Vec<_> = targets.iter().map(|target| target.spec()).collect();
    json!({"listeners": [{"protocol": "TCP", "port": 8080, "targets": targets,
                          "healthCheck": check}]})
}

#[tokio::test]
async fn a_target_is_healthy_while_its_health_port_says_so() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let status = Arc::new(AtomicU16::new(200));
    let port = answering(status.clone()).await.port();
    let check = json!({"protocol": "HTTP", "path": "/healthz", "port": port, "interval": "100ms"});
    let address = world.open("web", &checked(&[&target], &check)).await;
    world.until_health("web", &["Healthy"]).await;
    status.store(503, Ordering::Relaxed);
    world.until_health("web", &["Unhealthy"]).await;
    let health = &world.read("web").await["listeners"][0]["targets"][0]["health"];
    assert!(
        health["reason"].as_str().unwrap().contains("503"),
        "{health}"
    );
    // It is the only one, so it gets traffic all the same, which says nothing about its health.
    assert_eq!(reached(address, 1).await, ["a"]);
    world.until_health("web", &["Unhealthy"]).await;
    status.store(299, Ordering::Relaxed);
    world.until_health("web", &["Healthy"]).await;
    let elsewhere = json!({"protocol": "HTTP", "path": "/other", "port": port});
    world.open("web", &checked(&[&target], &elsewhere)).await;
    world.until_health("web", &["Unhealthy"]).await;
}

#[tokio::test]
async fn a_node_without_an_endpoint_gets_no_traffic() {
    let world = World::start().await;
    // Two nodes, and each has the health port; on one of them no endpoint lives.
    let (with, without) = ("127.0.0.61", "127.0.0.62");
    let start = async |name: &str, ip: &str| {
        Target::at(name, SocketAddr::new(ip.parse().unwrap(), 0)).await
    };
    let (a, b) = (start("with", with).await, start("without", without).await);
    let health = TcpListener::bind((with, 0)).await.unwrap();
    let port = health.local_addr().unwrap().port();
    let answers = async |listener: TcpListener, status: u16| {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            let answer = format!("HTTP/1.1 {status} X\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    };
    let other = TcpListener::bind((without, port)).await.unwrap();
    let nodes = async { tokio::join!(answers(health, 200), answers(other, 503)) };
    let story = async {
        let check = json!({"protocol": "HTTP", "path": "/healthz", "port": port});
        let address = world.open("web", &checked(&[&a, &b], &check)).await;
        world.until_health("web", &["Healthy", "Unhealthy"]).await;
        assert_eq!(reached(address, 6).await, ["with"]);
    };
    tokio::select! {
        _ = nodes => unreachable!("they do not end"),
        () = story => {}
    }
}

#[tokio::test]
async fn thresholds_are_counted() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let status = Arc::new(AtomicU16::new(200));
    let port = answering(status.clone()).await.port();
    let check = json!({"protocol": "HTTP", "path": "/healthz", "port": port, "interval": "20ms",
                       "unhealthyThreshold": 3, "healthyThreshold": 2});
    world.open("web", &checked(&[&target], &check)).await;
    world.until_health("web", &["Healthy"]).await;
    status.store(500, Ordering::Relaxed);
    world.until_health("web", &["Unhealthy"]).await;
    status.store(200, Ordering::Relaxed);
    world.until_health("web", &["Healthy"]).await;
}

#[tokio::test]
async fn changing_the_check_keeps_the_connections() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let check = json!({"protocol": "TCP"});
    let address = world.open("web", &checked(&[&target], &check)).await;
    let mut client = crate::target::Client::connect(address).await.unwrap();
    let check = json!({"protocol": "TCP", "interval": "50ms"});
    world.open("web", &checked(&[&target], &check)).await;
    until(async || target.accepted() > 4).await;
    assert!(client.echoes().await);
}
