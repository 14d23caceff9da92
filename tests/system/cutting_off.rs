//! The API server goes away and comes back.

use std::time::Duration;

use crate::world::{World, addresses};
use landfall_test_process::Way;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_is_away_for_a_minute_costs_nothing_but_time() {
    let world = World::start().await;
    let gateway = world.gateway();
    let kubeconfig = world.through(&gateway);
    let mut controller = world.controller(&kubeconfig, &["--leader-elect", "false"]);
    controller.wait_until_ready();
    for name in ["kept", "deleted"] {
        world.create(name).await;
        world.until_provisioned(name).await;
    }
    let before = (world.get("kept").await, world.held().await);

    gateway.set(Way::Refused);
    world
        .until_readyz(&mut controller, 503, "Services: cannot be watched")
        .await;
    world.create("made").await;
    world.delete("deleted").await;
    // A minute of time is what the story is about, not a guess.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        world.held().await,
        before.1,
        "nothing is touched on silence"
    );
    let (status, _) = world.readyz(&mut controller).await;
    assert_eq!(status, 503);

    gateway.set(Way::Open);
    world.until_readyz(&mut controller, 200, "ok").await;
    world.until_provisioned("made").await;
    world.until_gone("deleted").await;
    assert_eq!(world.get("kept").await, before.0);
    let held = world.held().await;
    assert_eq!(held.len(), 2, "{held:?}");
    let kept = addresses(&before.0);
    assert!(held.values().any(|it| *it == kept), "{held:?}");

    // Also if nothing has changed meanwhile, of which a watch would tell.
    gateway.set(Way::Refused);
    world
        .until_readyz(&mut controller, 503, "Services: cannot be watched")
        .await;
    gateway.set(Way::Open);
    world.until_readyz(&mut controller, 200, "ok").await;
    controller.signal("TERM");
    assert_eq!(
        controller.ended().status.code(),
        Some(0),
        "the same process all the time"
    );
}
