//! What a provider looks at besides a Service's specification: its changes are one call, all
//! others none.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use landfall_provider_api::{EndpointInput, Inputs, LoadBalancer};
use serde_json::{Value, json};

use crate::place::object;
use crate::world::{World, service};

/// A world whose provider looks at this, with a Service `web` that has no pods.
async fn world(inputs: Inputs) -> World {
    let mut world = World::without_controller().await;
    world.provider.able(|it| it.inputs = inputs);
    world.start_controller().await;
    let mut web = service("web");
    // So that no controller of the cluster makes slices of its own.
    web["spec"].as_object_mut().unwrap().remove("selector");
    world.create(&web).await;
    world.until_provisioned("web").await;
    world
}

fn slices(world: &World) -> Api<EndpointSlice> {
    Api::namespaced(world.client.clone(), &world.place.namespace)
}

fn endpoint(address: &str, node: &str, conditions: &Value) -> Value {
    json!({"addresses": [address], "nodeName": node, "conditions": conditions})
}

fn ready() -> Value {
    json!({"ready": true, "serving": true, "terminating": false})
}

/// Makes the slice `web-1` of Service `web` hold these endpoints.
async fn put_slice(world: &World, endpoints: &[Value]) {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints,
    });
    let (api, change) = (slices(world), PatchParams::default());
    if api.get_opt("web-1").await.unwrap().is_some() {
        let patch = Patch::Merge(json!({ "endpoints": endpoints }));
        api.patch("web-1", &change, &patch).await.unwrap();
    } else {
        let create = PostParams::default();
        api.create(&create, &object(slice)).await.unwrap();
    }
}

/// Waits until the provider holds this, and checks how many calls it took in all.
async fn until_held(
    world: &World,
    calls: usize,
    what: &str,
    is_so: impl Fn(&LoadBalancer) -> bool,
) {
    let is_held = |it: &crate::provider::Scripted| it.held("web").first().is_some_and(&is_so);
    world.until_asked(what, is_held).await;
    world.settle().await;
    assert_eq!(world.provider.count("web"), (calls, 0), "until it {what}");
}

#[tokio::test]
async fn a_provider_that_takes_pods_follows_their_endpoints() {
    let world = world(Inputs {
        endpoints: EndpointInput::Pods,
        ..Inputs::default()
    })
    .await;
    let addresses = |it: &LoadBalancer| -> Vec<String> {
        it.endpoints
            .iter()
            .map(|pod| format!("{}:{}", pod.address, pod.port))
            .collect()
    };
    put_slice(&world, &[endpoint("10.1.0.1", "node-1", &ready())]).await;
    until_held(&world, 2, "has the pod", |it| {
        addresses(it) == ["10.1.0.1:8080"]
    })
    .await;

    let ending = || json!({"ready": false, "serving": true, "terminating": true});
    let both = [
        endpoint("10.1.0.1", "node-1", &ending()),
        endpoint("10.1.0.2", "node-1", &ready()),
    ];
    put_slice(&world, &both).await;
    until_held(&world, 3, "has the one that is ready", |it| {
        addresses(it) == ["10.1.0.2:8080"]
    })
    .await;

    let last = [endpoint("10.1.0.1", "node-1", &ending())];
    put_slice(&world, &last).await;
    until_held(&world, 4, "has the one that ends", |it| {
        addresses(it) == ["10.1.0.1:8080"]
    })
    .await;

    // A node that comes is none of its business.
    world.create_node("node-2", "10.0.0.2").await;
    slices(&world)
        .delete("web-1", &DeleteParams::default())
        .await
        .unwrap();
    until_held(&world, 5, "has no pod", |it| it.endpoints.is_empty()).await;
}

#[tokio::test]
async fn a_provider_that_looks_at_endpoint_nodes_is_asked_only_when_they_change() {
    let world = world(Inputs {
        endpoints: EndpointInput::Nodes,
        ..Inputs::default()
    })
    .await;
    let nodes = |it: &LoadBalancer| it.endpoint_nodes.iter().cloned().collect::<Vec<_>>();
    put_slice(&world, &[endpoint("10.1.0.1", "node-1", &ready())]).await;
    until_held(&world, 2, "has the node", |it| nodes(it) == ["node-1"]).await;
    let more = [
        endpoint("10.1.0.1", "node-1", &ready()),
        endpoint("10.1.0.2", "node-1", &ready()),
    ];
    put_slice(&world, &more).await;
    world.settle().await;
    assert_eq!(
        world.provider.count("web"),
        (2, 0),
        "another pod there is no call"
    );
    put_slice(&world, &[endpoint("10.1.0.3", "node-2", &ready())]).await;
    until_held(&world, 3, "has the other node", |it| {
        nodes(it) == ["node-2"]
    })
    .await;
}

#[tokio::test]
async fn labels_and_own_annotations_reach_a_provider_that_looks_at_them() {
    let world = world(Inputs {
        labels: true,
        annotations: &["example.com/"],
        ..Inputs::default()
    })
    .await;
    world
        .patch("web", json!({"metadata": {"labels": {"tier": "web"}}}))
        .await;
    until_held(&world, 2, "has the label", |it| {
        it.labels.contains_key("tier")
    })
    .await;
    let annotate = |name: &str| json!({"metadata": {"annotations": {name: "small"}}});
    world.patch("web", annotate("example.com/size")).await;
    let has = |it: &LoadBalancer| it.annotations.contains_key("example.com/size");
    until_held(&world, 3, "has the annotation", has).await;
    world.patch("web", annotate("example.org/size")).await;
    world.settle().await;
    assert_eq!(
        world.provider.count("web"),
        (3, 0),
        "another's annotation is no call"
    );
}

#[tokio::test]
async fn labels_of_the_namespace_reach_a_provider_that_looks_at_them() {
    let world = world(Inputs {
        namespace_labels: true,
        ..Inputs::default()
    })
    .await;
    let namespaces = Api::<Namespace>::all(world.client.clone());
    let patch = |labels: Value| Patch::Merge(json!({ "metadata": labels }));
    let name = &world.place.namespace;
    let labels = patch(json!({"labels": {"team": "a"}}));
    namespaces
        .patch(name, &PatchParams::default(), &labels)
        .await
        .unwrap();
    let has = |it: &LoadBalancer| it.namespace_labels.get("team").is_some_and(|it| it == "a");
    until_held(&world, 2, "has the label", has).await;
    let notes = patch(json!({"annotations": {"team": "a"}}));
    namespaces
        .patch(name, &PatchParams::default(), &notes)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(
        world.provider.count("web"),
        (2, 0),
        "an annotation is no call"
    );
}

#[tokio::test]
async fn a_provider_that_looks_at_nothing_is_not_asked_again() {
    let world = world(Inputs::default()).await;
    world.create_node("node-2", "10.0.0.2").await;
    put_slice(&world, &[endpoint("10.1.0.1", "node-1", &ready())]).await;
    let noted = json!({"metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}});
    world.patch("web", noted).await;
    world.settle().await;
    assert_eq!(world.provider.count("web"), (1, 0));
}
