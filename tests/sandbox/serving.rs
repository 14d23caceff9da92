//! What a user sees of a Service.

use std::collections::BTreeSet;

use futures::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{World, address_in, answer, ask, condition, own_address, service, until_silent};

#[tokio::test]
async fn a_service_gets_an_address_where_its_pods_answer() {
    let world = World::start().await;
    world.deploy("hello", 3).await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    let service = world
        .until("hello", "is provisioned", |it| {
            condition(it)["status"] == "True"
        })
        .await;
    assert_eq!(
        service["status"]["loadBalancer"]["ingress"],
        json!([{"ip": address, "ipMode": "Proxy", "ports": [{"port": 8080, "protocol": "TCP"}]}])
    );
    assert_eq!(
        service["metadata"]["finalizers"],
        json!(["service.kubernetes.io/load-balancer-cleanup"])
    );
    answer(&address, 8080).await;
    // All three pods, each on a node of its own, get their share.
    let (mut pods, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..60 {
        let answer = answer(&address, 8080).await;
        pods.insert(answer.pod);
        nodes.insert(answer.node);
    }
    assert_eq!((pods.len(), nodes.len()), (3, 3), "{pods:?} {nodes:?}");
}

#[tokio::test]
async fn bytes_that_are_no_http_come_back() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    let sent: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut stream = TcpStream::connect((address.as_str(), 8080)).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let send = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), read) = tokio::join!(send, reader.read_to_end(&mut received));
    read.unwrap();
    assert!(received == sent, "{} bytes came back", received.len());
}

#[tokio::test]
async fn a_patched_port_takes_effect_on_live_traffic_and_keeps_the_address() {
    let world = World::start().await;
    world.deploy("hello", 2).await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    let mut established = TcpStream::connect((address.as_str(), 8080)).await.unwrap();
    established.write_all(b"before").await.unwrap();
    let mut echo = [0; 6];
    established.read_exact(&mut echo).await.unwrap();

    let ports = json!([{"name": "http", "port": 9090, "targetPort": 8080}]);
    world
        .patch("hello", json!({"spec": {"ports": ports}}))
        .await;
    answer(&address, 9090).await;
    until_silent(&address, 8080).await;
    let service = world
        .until("hello", "shows the port", |it| {
            it["status"]["loadBalancer"]["ingress"][0]["ports"][0]["port"] == 9090
        })
        .await;
    assert_eq!(address_in(&service), Some(address.as_str()));
    established.write_all(b"after!").await.unwrap();
    established.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"after!", "an established connection was cut");
}

#[tokio::test]
async fn a_deleted_service_leaves_nothing_behind() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    world.delete("hello").await;
    world
        .until("hello", "is gone", serde_json::Value::is_null)
        .await;
    assert!(
        ask(&address, 8080).await.is_none(),
        "the address still answers"
    );
    assert_eq!(world.calls("DeleteLoadBalancer").await.len(), 1);
    // Its address is free for the next.
    world.create(&service("hello")).await;
    assert_eq!(world.address("hello").await, address);
}

#[tokio::test]
async fn with_local_policy_only_nodes_with_a_pod_answer_and_the_pod_sees_the_client() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let mut object = service("hello");
    object["spec"]["externalTrafficPolicy"] = json!("Local");
    world.create(&object).await;
    let address = world.address("hello").await;
    let served = answer(&address, 8080).await;
    for _ in 0..20 {
        assert_eq!(answer(&address, 8080).await.pod, served.pod);
    }
    let seen = world
        .until("hello", "has a node port", |it| {
            it["spec"]["ports"][0]["nodePort"].is_u64()
        })
        .await;
    let node_port = u16::try_from(seen["spec"]["ports"][0]["nodePort"].as_u64().unwrap()).unwrap();
    let nodes = world.nodes().await;
    let asked = nodes.iter().map(|node| ask(node, node_port));
    let answers = futures::future::join_all(asked).await;
    let mut open = 0;
    for (node, answer) in nodes.iter().zip(answers) {
        let Some(answer) = answer else { continue };
        open += 1;
        let us = format!("{}:", own_address(node));
        assert!(answer.client.starts_with(&us), "{us} is {answer:?}");
    }
    assert_eq!(open, 1, "only the node with the pod has the port open");
    let health = seen["spec"]["healthCheckNodePort"].as_u64().unwrap();
    let mut healthy = Vec::new();
    for node in world.nodes().await {
        let answer = reqwest::get(format!("http://{node}:{health}/healthz"))
            .await
            .unwrap();
        healthy.push(answer.status().as_u16());
    }
    healthy.sort_unstable();
    assert_eq!(
        healthy,
        [200, 503, 503],
        "one node of three has an endpoint"
    );
}

#[tokio::test]
async fn pods_that_come_and_go_lose_no_connection() {
    let world = World::start().await;
    world.deploy("hello", 3).await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    let (mut failed, mut asked) = (0, 0);
    for replicas in [1, 4, 1] {
        world.scale("hello", replicas).await;
        // While the pods come and go.
        for _ in 0..60 {
            asked += 1;
            failed += i32::from(ask(&address, 8080).await.is_none());
            crate::world::pause().await;
        }
    }
    assert_eq!(failed, 0, "of {asked} connections");
}

#[tokio::test]
async fn a_burst_of_services_is_one_call_each() {
    let world = World::start().await;
    let names: Vec<_> = (0..100).map(|n| format!("web-{n}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| world.create(&service(name)).await)
        .await;
    let mut addresses = BTreeSet::new();
    for name in &names {
        addresses.insert(world.address(name).await);
    }
    assert_eq!(
        addresses.len(),
        names.len(),
        "two Services share an address"
    );
    assert_eq!(world.calls("PutLoadBalancer").await.len(), names.len());
}
