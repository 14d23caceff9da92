//! What a provider holds and what it should hold.

use std::time::Duration;

use landfall_provider_api::Error;

use crate::world::{World, service};

const SOON: Duration = Duration::from_millis(50);

/// A controller that compares all the time, and Services `names` that are provided.
async fn world(sweep_after: Duration, names: &[&str]) -> World {
    let mut world = World::without_controller().await;
    world.provider.compare_every(SOON, sweep_after);
    world.start_controller().await;
    for name in names {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    world
}

/// Waits until everything was compared twice more, so that one comparison began after now.
async fn compared(world: &World) {
    let before = world.provider.comparisons();
    world
        .until_asked("has compared", |provider| {
            provider.comparisons() >= before + 2
        })
        .await;
}

#[tokio::test]
async fn what_is_missing_is_made_again_without_a_write_to_the_service() {
    let world = world(Duration::from_hours(1), &["kept", "lost"]).await;
    world.settle().await;
    let before = world.get("lost").await;
    world.provider.lose("lost");
    world
        .until_asked("holds it again", |provider| {
            provider.held("lost").len() == 1
        })
        .await;
    compared(&world).await;
    assert_eq!(world.provider.count("lost"), (2, 0));
    assert_eq!(world.provider.count("kept"), (1, 0));
    // The scripted provider gives another address, so the status follows.
    let after = world.until_provisioned("lost").await;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
}

#[tokio::test]
async fn a_comparison_of_what_is_right_writes_and_asks_nothing() {
    let world = world(Duration::from_hours(1), &["a", "b"]).await;
    world.settle().await;
    let before = [world.get("a").await, world.get("b").await];
    compared(&world).await;
    assert_eq!(before, [world.get("a").await, world.get("b").await]);
    assert_eq!(world.provider.count("a"), (1, 0));
}

#[tokio::test]
async fn what_belongs_to_nobody_is_released_after_a_while() {
    let world = world(Duration::from_millis(200), &["web"]).await;
    world.provider.plant("web", "gone-uid", "gone");
    world
        .until_asked("has released it", |provider| {
            provider.held("gone").is_empty()
        })
        .await;
    assert_eq!(world.provider.count("web"), (1, 0));
    assert_eq!(world.provider.count("gone"), (0, 1));
}

#[tokio::test]
async fn what_belongs_to_nobody_is_left_alone_until_then() {
    let world = world(Duration::from_hours(1), &["web"]).await;
    world.provider.plant("web", "gone-uid", "gone");
    compared(&world).await;
    compared(&world).await;
    assert_eq!(world.provider.held("gone").len(), 1);
}

#[tokio::test]
async fn a_mass_that_belongs_to_nobody_is_left_alone() {
    let world = world(Duration::from_millis(1), &["web"]).await;
    for n in 0..6 {
        world
            .provider
            .plant("web", &format!("gone-{n}"), &format!("gone-{n}"));
    }
    compared(&world).await;
    compared(&world).await;
    for n in 0..6 {
        assert_eq!(world.provider.held(&format!("gone-{n}")).len(), 1);
    }
    // With one less they are few enough.
    world.provider.lose("gone-5");
    world
        .until_asked("has released them", |provider| {
            (0..5).all(|n| provider.held(&format!("gone-{n}")).is_empty())
        })
        .await;
}

#[tokio::test]
async fn a_comparison_that_fails_changes_nothing() {
    let world = world(Duration::from_millis(1), &["web"]).await;
    world
        .provider
        .fail_owned(Error::unavailable("the cloud is away"));
    compared(&world).await;
    compared(&world).await;
    assert_eq!(world.provider.count("web"), (1, 0));
}
