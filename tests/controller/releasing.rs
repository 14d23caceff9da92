//! Deletion.

use landfall_provider_api::Error;
use serde_json::json;

use crate::world::{World, has_finalizer, service};

#[tokio::test]
async fn a_deleted_service_is_released_once_and_then_gone() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world.delete("web").await;
    world.until_gone("web").await;
    assert!(world.provider.held("web").is_empty());
    world.until_told("web", "DeletedLoadBalancer").await;
    world.settle().await;
    assert_eq!(world.provider.count("web"), (1, 1));
}

#[tokio::test]
async fn a_service_stays_until_its_release_succeeds() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world
        .provider
        .fail_release(Error::unavailable("the cloud is away"));
    world.delete("web").await;
    assert_eq!(
        world.until_told("web", "SyncLoadBalancerFailed").await,
        "the cloud is away"
    );
    world
        .until("web", "is let go", |service| {
            let released = world.provider.held("web").is_empty();
            let let_go = !has_finalizer(service);
            assert!(
                released || !let_go,
                "the finalizer went before the release: {service:#}"
            );
            let_go
        })
        .await;
    world.until_gone("web").await;
    assert_eq!(world.provider.count("web"), (1, 2));
    assert!(world.provider.held("web").is_empty());
}

#[tokio::test]
async fn a_service_made_again_under_its_name_is_another() {
    let world = World::start().await;
    let first = world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world.delete("web").await;
    world.until_gone("web").await;
    let second = world.create(&service("web")).await;
    world.until_provisioned("web").await;
    let held = world.provider.held("web");
    assert_eq!(held.len(), 1, "nothing of the first is left");
    assert_eq!(Some(&held[0].id.service_uid), second.metadata.uid.as_ref());
    assert_ne!(first.metadata.uid, second.metadata.uid);
}

#[tokio::test]
async fn a_service_that_vanished_without_its_finalizer_is_released_all_the_same() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    // Deleted first, so that stripping the finalizer removes it at once.
    world.provider.fail_release(Error::unavailable("not yet"));
    world.delete("web").await;
    world.until_told("web", "SyncLoadBalancerFailed").await;
    world
        .patch_status("web", json!({"metadata": {"finalizers": null}}))
        .await;
    world.until_gone("web").await;
    world
        .until_asked("has released it", |provider| {
            provider.held("web").is_empty()
        })
        .await;
}
