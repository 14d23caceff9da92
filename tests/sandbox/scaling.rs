//! What the status says of a Service whose pods come and go.

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Service;
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::{Value, json};

use crate::world::{World, address_in, answer, condition_of, service};

/// Every state of one Service from now on.
async fn states(world: &World) -> BoxStream<'static, Value> {
    let config = Config::default().fields("metadata.name=hello");
    let mut events = watcher(world.services(), config).boxed();
    // What comes after the list is not missed, however late it is read.
    while !matches!(events.next().await.unwrap().unwrap(), Event::InitDone) {}
    let state = async |event: Result<Event<Service>, _>| match event.unwrap() {
        Event::Apply(service) => Some(serde_json::to_value(service).unwrap()),
        Event::Init | Event::InitApply(_) | Event::InitDone | Event::Delete(_) => None,
    };
    events.filter_map(state).boxed()
}

fn serving(service: &Value) -> &Value {
    condition_of(service, "landfall.dev/Serving")
}

/// Puts a mark on the Service, and returns all its states before that.
async fn until_marked(world: &World, states: &mut BoxStream<'static, Value>) -> Vec<Value> {
    let mark = json!({"metadata": {"annotations": {"mark": "here"}}});
    world.patch("hello", mark).await;
    let mut seen = Vec::new();
    loop {
        let state = states.next().await.unwrap();
        if state["metadata"]["annotations"]["mark"] == "here" {
            return seen;
        }
        seen.push(state);
    }
}

#[tokio::test]
async fn scaled_to_nothing_and_back_is_one_write_each() {
    let world = World::start().await;
    world.deploy("hello", 2).await;
    world.create(&service("hello")).await;
    world
        .until("hello", "serves", |it| serving(it)["status"] == "True")
        .await;
    let mut states = states(&world).await;

    world.scale("hello", 0).await;
    let down = world
        .until("hello", "serves no more", |it| {
            serving(it)["status"] == "False"
        })
        .await;
    assert_eq!(serving(&down)["reason"], "TargetsUnhealthy", "{down:#}");
    let message = serving(&down)["message"].as_str().unwrap();
    assert!(
        message.starts_with("all 3 targets of port 8080/TCP are unhealthy: "),
        "{message}"
    );
    world.scale("hello", 1).await;
    world
        .until("hello", "serves again", |it| {
            serving(it)["status"] == "True"
        })
        .await;
    let seen = until_marked(&world, &mut states).await;
    let told: Vec<_> = seen.iter().map(|it| &serving(it)["status"]).collect();
    assert_eq!(told, ["False", "True"], "{seen:#?}");
}

#[tokio::test]
async fn a_service_whose_pods_answer_is_told_to_serve_in_its_first_status() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let mut object = service("hello");
    object["spec"]["type"] = json!("NodePort");
    world.create(&object).await;
    let seen = world
        .until("hello", "has a node port", |it| {
            it["spec"]["ports"][0]["nodePort"].is_u64()
        })
        .await;
    let node_port = seen["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    answer(&world.nodes().await[0], node_port.try_into().unwrap()).await;

    let mut states = states(&world).await;
    world
        .patch("hello", json!({"spec": {"type": "LoadBalancer"}}))
        .await;
    world.address("hello").await;
    let seen = until_marked(&world, &mut states).await;
    let told = |it: &Value| {
        let has_address = address_in(it).is_some();
        (has_address, serving(it)["status"].clone())
    };
    let told: Vec<_> = seen.iter().map(told).collect();
    let expected = [
        (false, Value::Null),
        (false, Value::Null),
        (true, json!("True")),
    ];
    assert_eq!(told, expected, "{seen:#?}");
}

#[tokio::test]
async fn a_service_without_pods_is_told_not_to_serve_in_its_first_status() {
    let world = World::start().await;
    let mut states = states(&world).await;
    world.create(&service("hello")).await;
    world.address("hello").await;
    let seen = until_marked(&world, &mut states).await;
    let told: Vec<_> = seen.iter().map(|it| &serving(it)["status"]).collect();
    let expected = [&Value::Null, &Value::Null, &json!("False")];
    assert_eq!(told, expected, "{seen:#?}");
}
