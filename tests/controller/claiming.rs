//! Which Services are touched.

use std::collections::BTreeMap;

use serde_json::json;

use crate::world::{CLASS, World, condition, has_finalizer, ingress, service};

#[tokio::test]
async fn a_service_without_a_class_goes_to_the_default_and_one_of_our_class_too() {
    let world = World::start().await;
    let mut classed = service("classed");
    classed["spec"]["loadBalancerClass"] = json!(CLASS);
    world.create(&classed).await;
    world.create(&service("plain")).await;
    world.until_provisioned("classed").await;
    world.until_provisioned("plain").await;
}

#[tokio::test]
async fn of_several_providers_in_one_process_each_has_its_own_services() {
    const OTHER: &str = "landfall.dev/other";
    let mut world = World::without_controller().await;
    let other = world.add_provider(OTHER);
    world.start_controller().await;
    let mut classed = service("classed");
    classed["spec"]["loadBalancerClass"] = json!(OTHER);
    world.create(&classed).await;
    world.create(&service("plain")).await;
    world.until_provisioned("classed").await;
    world.until_provisioned("plain").await;
    assert_eq!(
        (world.provider.count("classed"), other.count("classed")),
        ((0, 0), (1, 0))
    );
    assert_eq!(
        (world.provider.count("plain"), other.count("plain")),
        ((1, 0), (0, 0))
    );

    // A restart tells each of its own, of those that are new as well.
    world.stop_controller().await;
    world.create(&service("new")).await;
    world.start_controller().await;
    world.until_provisioned("new").await;
    let told = |names: &[(&str, bool)]| -> BTreeMap<String, bool> {
        let names = names.iter();
        names
            .map(|(name, ours)| ((*name).to_owned(), *ours))
            .collect()
    };
    let plain_and_new = told(&[("new", false), ("plain", true)]);
    assert_eq!(world.provider.taken_over(), plain_and_new);
    assert_eq!(other.taken_over(), told(&[("classed", true)]));

    // From one to the other: the first lets go before the second begins.
    world
        .patch("plain", json!({"spec": {"type": "ClusterIP"}}))
        .await;
    let balanced = json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": OTHER}});
    world.patch("plain", balanced).await;
    let moved = world
        .until("plain", "is the other's", |it| {
            it["metadata"]["annotations"]["landfall.dev/load-balancer-class"] == OTHER
                && condition(it)["status"] == "True"
        })
        .await;
    assert_eq!(other.count("plain"), (1, 0));
    assert_eq!(world.provider.count("plain").1, 1);
    assert!(has_finalizer(&moved), "{moved:#}");
}

#[tokio::test]
async fn a_service_that_nobody_claims_is_never_touched() {
    let world = World::start().await;
    let mut foreign = service("foreign");
    foreign["spec"]["loadBalancerClass"] = json!("example.com/other");
    let mut inner = service("inner");
    inner["spec"]["type"] = json!("ClusterIP");
    // With the finalizer that others use, too.
    let mut finalized = service("finalized");
    finalized["spec"]["loadBalancerClass"] = json!("example.com/other");
    finalized["metadata"]["finalizers"] = json!([crate::world::FINALIZER]);
    for object in [&foreign, &inner, &finalized] {
        world.create(object).await;
    }
    let before = world.get("finalized").await;
    world
        .patch("foreign", json!({"metadata": {"labels": {"a": "b"}}}))
        .await;
    world.delete("finalized").await;
    world.settle().await;

    for name in ["foreign", "inner"] {
        let service = world.get(name).await;
        assert!(
            !has_finalizer(&service) && condition(&service).is_null(),
            "{service:#}"
        );
        assert!(ingress(&service).is_null(), "{service:#}");
        assert!(world.events(name).await.is_empty());
        assert_eq!(world.provider.count(name), (0, 0));
    }
    let after = world.get("finalized").await;
    assert!(
        has_finalizer(&after),
        "another's finalizer was removed: {after:#}"
    );
    assert_eq!(after["status"], before["status"]);
    assert!(world.events("finalized").await.is_empty());
}

#[tokio::test]
async fn a_service_that_never_was_ours_ends_without_a_call() {
    let mut world = World::without_controller().await;
    let mut held = service("held");
    held["metadata"]["finalizers"] = json!(["example.com/other"]);
    world.create(&held).await;
    world.delete("held").await;
    world.start_controller().await;
    world.settle().await;
    assert_eq!(world.provider.count("held"), (0, 0));
    assert!(world.events("held").await.is_empty());
    assert!(!has_finalizer(&world.get("held").await));
}
