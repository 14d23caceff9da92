//! Controllers that stop, are killed, and start again.

use serde_json::json;

use crate::provider::Call;
use crate::world::{World, condition, has_finalizer, service};

#[tokio::test]
async fn a_restart_writes_nothing_and_keeps_every_address() {
    let mut world = World::start().await;
    for name in ["a", "b", "c"] {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    world.settle().await;
    let before = [
        world.get("a").await,
        world.get("b").await,
        world.get("c").await,
    ];
    world.stop_controller().await;
    world.start_controller().await;
    world.settle().await;
    let after = [
        world.get("a").await,
        world.get("b").await,
        world.get("c").await,
    ];
    assert_eq!(before, after);
    let bulk = world
        .provider
        .calls()
        .iter()
        .filter(|call| matches!(call, Call::Begin | Call::Owned))
        .count();
    assert_eq!(bulk, 2, "one bulk read for each start");
}

#[tokio::test]
async fn what_happened_while_nobody_looked_is_put_right() {
    let mut world = World::start().await;
    for name in ["deleted", "retyped", "changed"] {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    world.stop_controller().await;
    world.delete("deleted").await;
    world
        .patch("retyped", json!({"spec": {"type": "ClusterIP"}}))
        .await;
    world
        .patch("changed", json!({"spec": {"ports": [{"port": 81}]}}))
        .await;
    world.create(&service("new")).await;
    world.start_controller().await;
    world.until_gone("deleted").await;
    world
        .until("retyped", "is let go", |it| {
            !has_finalizer(it) && condition(it).is_null()
        })
        .await;
    world.until_provisioned("new").await;
    world
        .until_asked("has put all right", |provider| {
            provider.held("deleted").is_empty()
                && provider.held("retyped").is_empty()
                && provider
                    .held("changed")
                    .first()
                    .is_some_and(|it| it.ports[0].port == 81)
        })
        .await;
}

#[tokio::test]
async fn a_controller_that_is_killed_inside_a_call_leaks_nothing() {
    let mut world = World::start().await;
    world.provider.hang_for("web");
    world.create(&service("web")).await;
    world
        .until_asked("is asked", |provider| provider.count("web").0 == 1)
        .await;
    world.kill_controller().await;
    world.delete("web").await;
    world.provider.let_go();
    world.start_controller().await;
    world.until_gone("web").await;
    assert!(world.provider.held("web").is_empty());
}
