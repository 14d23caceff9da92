//! Two Landfalls with different classes in one cluster.

use serde_json::{Value, json};

use crate::world::{World, condition, has_finalizer, ingress, service};

const OTHER: &str = "landfall.dev/other";
const ANNOTATION: &str = "landfall.dev/load-balancer-class";

fn of_other(name: &str) -> Value {
    let mut service = service(name);
    service["spec"]["loadBalancerClass"] = json!(OTHER);
    service
}

async fn two() -> (World, World) {
    let one = World::start().await;
    let mut other = one.beside(OTHER);
    other.start_controller().await;
    (one, other)
}

#[tokio::test]
async fn two_landfalls_leave_each_other_s_services_alone() {
    let (mut one, mut other) = two().await;
    one.create(&service("web")).await;
    one.create(&of_other("api")).await;
    one.until_provisioned("web").await;
    one.until_provisioned("api").await;
    let before = (one.get("web").await, one.get("api").await);
    assert_eq!(
        before.0["metadata"]["annotations"][ANNOTATION],
        "landfall.dev/test"
    );
    assert_eq!(before.1["metadata"]["annotations"][ANNOTATION], OTHER);
    one.settle().await;
    // The other tells at its own pace, and what is not yet told ends with it.
    one.until_told("api", "EnsuredLoadBalancer").await;
    // Also when each meets what the other has done.
    one.stop_controller().await;
    other.stop_controller().await;
    one.start_controller().await;
    other.start_controller().await;
    one.settle().await;
    assert_eq!((one.get("web").await, one.get("api").await), before);
    assert_eq!(one.provider.count("api"), (0, 0));
    assert_eq!(other.provider.count("web"), (0, 0));
    let told = one.all_told("api", "EnsuredLoadBalancer").await;
    assert_eq!(told.len(), 1, "{told:#?}");

    one.delete("api").await;
    one.until_gone("api").await;
    // Each start asks once for what it finds.
    assert_eq!(other.provider.count("api"), (2, 1));
    assert_eq!(one.provider.count("api"), (0, 0));
}

#[tokio::test]
async fn a_service_goes_from_one_landfall_to_another() {
    let (one, other) = two().await;
    one.create(&service("web")).await;
    one.until_provisioned("web").await;
    // The API server lets a class be set only on the way from another type.
    one.patch("web", json!({"spec": {"type": "ClusterIP"}}))
        .await;
    one.patch(
        "web",
        json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": OTHER}}),
    )
    .await;
    one.until("web", "is the other's", |it| {
        it["metadata"]["annotations"][ANNOTATION] == OTHER && condition(it)["status"] == "True"
    })
    .await;
    one.until_asked("released it", |provider| provider.count("web").1 == 1)
        .await;
    one.settle().await;
    let service = one.get("web").await;
    assert!(has_finalizer(&service), "{service:#}");
    assert_eq!(condition(&service)["status"], "True", "{service:#}");
    assert_eq!(
        ingress(&service).as_array().map(Vec::len),
        Some(1),
        "{service:#}"
    );
    assert_eq!(other.provider.count("web"), (1, 0));
    assert!(one.provider.held("web").is_empty());
}

#[tokio::test]
async fn a_removed_annotation_is_put_back() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world
        .patch(
            "web",
            json!({"metadata": {"annotations": {ANNOTATION: null}}}),
        )
        .await;
    world
        .until("web", "is marked again", |it| {
            it["metadata"]["annotations"][ANNOTATION] == "landfall.dev/test"
        })
        .await;
    assert_eq!(world.provider.count("web"), (1, 0));
}
