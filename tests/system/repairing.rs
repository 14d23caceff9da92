//! What somebody does to a load balancer behind the controller's back.

use std::time::{Duration, Instant};

use landfall_test_process::{PATIENCE, Process};
use serde_json::json;

use crate::world::World;

/// Waits until so many repairs are counted, and the load balancer is as it was.
async fn until_repaired(world: &World, controller: &mut Process, times: usize) {
    let class = world.class();
    let expected = format!("landfall_repairs_total{{class=\"{class}\"}} {times}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = world.metric(controller, "landfall_repairs_total").await;
        let port = world.items().await[0]["listeners"][0]["port"].clone();
        if found.as_ref() == Some(&expected) && port == 80 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "not {expected} but {found:?}, on port {port}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_altered_is_put_right_and_counted() {
    let world = World::start().await;
    let mut controller = world.lone_controller();
    world.create("web").await;
    let service = world.until_provisioned("web").await;
    world.alter("", json!({"listeners": []})).await;
    until_repaired(&world, &mut controller, 1).await;
    // Nobody tells of this, so the next comparison finds it.
    world.alter("?quietly=true", json!({"listeners": []})).await;
    until_repaired(&world, &mut controller, 2).await;
    let again = world.until_provisioned("web").await;
    assert_eq!(
        again["status"]["loadBalancer"],
        service["status"]["loadBalancer"]
    );

    // What changes by itself, while it works or not, is no repair.
    controller.kill();
    let changed = json!({"spec": {"ports": [{"port": 81}]}});
    world.patch("web", changed).await;
    let mut controller = world.lone_controller();
    world
        .until("web", "has its port", |it| {
            it["status"]["loadBalancer"]["ingress"][0]["ports"][0]["port"] == 81
        })
        .await;
    let found = world
        .metric(&mut controller, "landfall_repairs_total")
        .await;
    assert_eq!(found, None);
}
