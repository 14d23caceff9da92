//! Providers that fail.

use std::time::Duration;

use landfall_provider_api::Error;
use serde_json::json;

use crate::world::{World, condition, ingress, service};

#[tokio::test]
async fn a_failed_call_is_told_and_tried_again() {
    let world = World::start().await;
    world
        .provider
        .fail_ensure(Error::unavailable("the cloud is away"));
    world.create(&service("web")).await;
    let failed = world.until_condition("web", "ProviderUnavailable").await;
    assert_eq!(condition(&failed)["message"], "the cloud is away");
    world.until_told("web", "SyncLoadBalancerFailed").await;
    world.until_provisioned("web").await;
    assert_eq!(world.provider.count("web"), (2, 0));
}

#[tokio::test]
async fn a_failure_clears_nothing_that_serves() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let before = world.until_provisioned("web").await;
    world
        .provider
        .fail_ensure(Error::unavailable("the cloud is away"));
    world
        .patch("web", json!({"spec": {"ports": [{"port": 81}]}}))
        .await;
    let failed = world
        .until("web", "says that it failed", |it| {
            condition(it)["status"] == "False"
        })
        .await;
    assert_eq!(ingress(&before), ingress(&failed));
    world.until_provisioned("web").await;
}

#[tokio::test]
async fn what_is_exhausted_waits_for_the_provider_to_say_so() {
    let world = World::start().await;
    world
        .provider
        .fail_ensure(Error::Exhausted("the pool is empty".into()));
    let made = world.create(&service("web")).await;
    world.until_condition("web", "Exhausted").await;
    world.settle().await;
    assert_eq!(world.provider.count("web"), (1, 0));
    let cluster =
        landfall::controller::identify(&world.client, "test", &landfall_watch::Health::default())
            .await;
    world
        .provider
        .change_id(&cluster, &made.metadata.uid.unwrap());
    world.until_provisioned("web").await;
    assert_eq!(world.provider.count("web"), (2, 0));
}

#[tokio::test]
async fn a_throttled_call_waits_as_long_as_it_is_told() {
    let world = World::start().await;
    let after = Duration::from_millis(1500);
    world.provider.fail_ensure(Error::Throttled {
        after: Some(after),
        message: "slow down".into(),
    });
    let start = std::time::Instant::now();
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    assert!(
        start.elapsed() >= after,
        "tried again after {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_call_that_fails_while_a_node_comes_is_told_and_tried_again_at_its_time() {
    let world = World::start().await;
    world.provider.hang_for("web");
    world.create(&service("web")).await;
    world
        .until_asked("is asked", |it| it.count("web") == (1, 0))
        .await;
    world.create_node("node-2", "10.0.0.2").await;
    let node = world.place.node_name("node-2");
    world.create(&service("other")).await;
    world
        .until_asked("has heard of the node", |it| {
            let held = it.held("other");
            let mut nodes = held.iter().flat_map(|it| it.nodes.iter());
            nodes.any(|it| it.name == node)
        })
        .await;
    let after = Duration::from_secs(3);
    world.provider.fail_ensure(Error::Throttled {
        after: Some(after),
        message: "slow down".into(),
    });
    let start = std::time::Instant::now();
    world.provider.let_go();
    world.until_condition("web", "Throttled").await;
    world.until_provisioned("web").await;
    let took = start.elapsed();
    assert!(took >= after, "tried again after {took:?}");
    assert_eq!(world.provider.count("web"), (2, 0));
}

#[tokio::test]
async fn nodes_are_followed_within_seconds_however_long_the_back_off_has_grown() {
    let world = World::start().await;
    for _ in 0..100 {
        world
            .provider
            .fail_ensure(Error::unavailable("the cloud is away"));
    }
    let made = world.create(&service("web")).await;
    let cluster =
        landfall::controller::identify(&world.client, "test", &landfall_watch::Health::default())
            .await;
    let uid = made.metadata.uid.unwrap();
    // After so many, the next attempt would come in two minutes at least.
    for failures in 1..=8 {
        world
            .until_asked("fails", |it| it.count("web").0 >= failures)
            .await;
        world.provider.change_id(&cluster, &uid);
    }
    world.until_asked("fails", |it| it.count("web").0 > 8).await;
    world.until_condition("web", "ProviderUnavailable").await;
    world.provider.heal();
    world.settle().await;
    let (failures, _) = world.provider.count("web");
    world.create_node("node-2", "10.0.0.2").await;
    world.until_provisioned("web").await;
    assert_eq!(world.provider.count("web"), (failures + 1, 0));
}

#[tokio::test]
async fn a_provider_that_cannot_start_says_so_on_each_service_and_heals() {
    let mut world = World::without_controller().await;
    world
        .provider
        .fail_begin(Error::Unauthorized("the token is wrong".into()));
    world.start_controller().await;
    world.create(&service("web")).await;
    let waiting = world.until_condition("web", "Unauthorized").await;
    assert_eq!(condition(&waiting)["message"], "the token is wrong");
    world.until_provisioned("web").await;
}

#[tokio::test]
async fn a_word_of_the_provider_brings_one_more_call_and_no_write() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world.settle().await;
    let before = world.get("web").await;
    world.provider.change("web");
    world
        .until_asked("is asked again", |provider| provider.count("web").0 == 2)
        .await;
    world.settle().await;
    assert_eq!(before, world.get("web").await);
}

#[tokio::test]
async fn a_refusal_is_told_once() {
    let world = World::start().await;
    let refusal = || Error::Invalid {
        field: "spec.ports".into(),
        message: "no".into(),
    };
    world.provider.fail_ensure(refusal());
    world.create(&service("web")).await;
    world.until_condition("web", "Invalid").await;
    let events = world.all_told("web", "SyncLoadBalancerFailed").await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert!(events[0].series.is_none(), "{events:#?}");
}
