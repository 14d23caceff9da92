//! Where traffic may go: nodes.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use landfall_provider_api::LoadBalancer;
use serde_json::{Value, json};

use crate::world::{World, service};

async fn world(services: &[&str]) -> World {
    let world = World::start().await;
    for name in services {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    world
}

fn nodes(world: &World) -> Api<Node> {
    Api::all(world.client.clone())
}

async fn patch_node(world: &World, name: &str, patch: Value) {
    let (name, parameters) = (world.place.node_name(name), PatchParams::default());
    let patch = Patch::Strategic(patch);
    // Both halves: each ignores what is the other's.
    nodes(world)
        .patch(&name, &parameters, &patch)
        .await
        .unwrap();
    nodes(world)
        .patch_status(&name, &parameters, &patch)
        .await
        .unwrap();
}

/// Waits until the provider holds this for the Service.
async fn until_held(world: &World, name: &str, what: &str, is_so: impl Fn(&LoadBalancer) -> bool) {
    let is_held = |it: &crate::provider::Scripted| it.held(name).first().is_some_and(&is_so);
    world.until_asked(what, is_held).await;
}

fn names(wanted: &LoadBalancer) -> Vec<&str> {
    wanted.nodes.iter().map(|node| node.name.as_str()).collect()
}

#[tokio::test]
async fn nodes_that_come_and_go_reach_every_load_balancer() {
    let world = world(&["web", "api"]).await;
    world.create_node("node-2", "10.0.0.2").await;
    for name in ["web", "api"] {
        until_held(&world, name, "knows both nodes", |it| it.nodes.len() == 2).await;
    }
    let first = world.place.node_name("node-1");
    nodes(&world)
        .delete(&first, &DeleteParams::default())
        .await
        .unwrap();
    let left = world.place.node_name("node-2");
    for name in ["web", "api"] {
        until_held(&world, name, "knows the one that is left", |it| {
            names(it) == [&*left]
        })
        .await;
    }
}

#[tokio::test]
async fn a_hundred_nodes_at_once_are_a_handful_of_calls() {
    let world = world(&["web"]).await;
    let made = (0..100).map(|number| {
        let world = &world;
        async move {
            world
                .create_node(&format!("more-{number}"), &format!("10.0.1.{number}"))
                .await;
        }
    });
    let start = std::time::Instant::now();
    futures::future::join_all(made).await;
    let took = start.elapsed();
    let all = |it: &LoadBalancer| {
        it.nodes
            .iter()
            .filter(|it| !it.addresses.is_empty())
            .count()
    };
    until_held(&world, "web", "knows all nodes", |it| all(it) == 101).await;
    let (calls, _) = world.provider.count("web");
    // One for each half second that they took to come, and a little more.
    let most = 4 + usize::try_from(took.as_millis() / 500).unwrap();
    assert!(
        calls <= most,
        "{calls} calls for nodes that came within {took:?}"
    );
}

#[tokio::test]
async fn what_changes_of_a_node_reaches_a_load_balancer_if_it_concerns_it() {
    let world = world(&["web"]).await;
    let address = json!({"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.9"}]}});
    patch_node(&world, "node-1", address).await;
    until_held(&world, "web", "knows the address", |it| {
        it.nodes[0].addresses == ["10.0.0.9".parse::<std::net::IpAddr>().unwrap()]
    })
    .await;
    let zone = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}});
    patch_node(&world, "node-1", zone).await;
    until_held(&world, "web", "knows the zone", |it| {
        it.nodes[0].zone.as_deref() == Some("a")
    })
    .await;
    patch_node(
        &world,
        "node-1",
        json!({"spec": {"providerID": "mock:///a/1"}}),
    )
    .await;
    until_held(&world, "web", "knows the provider's id", |it| {
        it.nodes[0].provider_id.is_some()
    })
    .await;
    assert_eq!(world.provider.count("web"), (4, 0));

    // None of its business: readiness, cordons, other labels.
    let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    patch_node(&world, "node-1", not_ready).await;
    patch_node(&world, "node-1", json!({"spec": {"unschedulable": true}})).await;
    patch_node(
        &world,
        "node-1",
        json!({"metadata": {"labels": {"a": "b"}}}),
    )
    .await;
    // A later change of nodes has been seen, and with it the earlier ones.
    world.create_node("node-2", "10.0.0.2").await;
    until_held(&world, "web", "knows both nodes", |it| it.nodes.len() == 2).await;
    assert_eq!(world.provider.count("web"), (5, 0));
}

#[tokio::test]
async fn a_node_that_is_excluded_or_about_to_go_takes_no_more_traffic() {
    let world = world(&["web"]).await;
    world.create_node("node-2", "10.0.0.2").await;
    until_held(&world, "web", "knows both nodes", |it| it.nodes.len() == 2).await;
    let exclude = "node.kubernetes.io/exclude-from-external-load-balancers";
    patch_node(
        &world,
        "node-2",
        json!({"metadata": {"labels": {exclude: ""}}}),
    )
    .await;
    until_held(&world, "web", "knows one node", |it| it.nodes.len() == 1).await;
    patch_node(
        &world,
        "node-2",
        json!({"metadata": {"labels": {exclude: "false"}}}),
    )
    .await;
    until_held(&world, "web", "knows both nodes again", |it| {
        it.nodes.len() == 2
    })
    .await;
    let taint = json!({"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"});
    patch_node(&world, "node-2", json!({"spec": {"taints": [taint]}})).await;
    until_held(&world, "web", "knows one node again", |it| {
        it.nodes.len() == 1
    })
    .await;
}
