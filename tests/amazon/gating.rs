//! Pods that wait, by a readiness gate, until AWS finds them healthy.

use std::time::Duration;

use landfall_test_aws::Options;

use crate::pods::{GATE, Member};
use crate::world::World;

/// How long AWS takes to find a target healthy.
const INITIAL: Duration = Duration::from_mins(5);

/// With a clock that moves only when the story says so, and a Service `web` of pods.
async fn world() -> World {
    let world = World::start(Options {
        frozen: true,
        provisioning: Duration::ZERO,
        initial: INITIAL,
        draining: Duration::ZERO,
        interface_lag: Duration::ZERO,
        ..Options::default()
    })
    .await;
    world.create_node(0).await;
    world
}

impl World {
    async fn create_web(&self) {
        self.create("web", &[80], &[("nlb-target-type", "ip")])
            .await;
    }

    /// A pod at the address of this index, which is ready and gets traffic.
    async fn serving_pod(&self, name: &'static str, index: usize) -> Member {
        let pod = self.create_pod(name, index, &[]).await;
        self.containers_are(&pod, true).await;
        pod
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_with_a_gate_is_ready_when_aws_finds_it_healthy_and_one_without_needs_nothing() {
    let world = world().await;
    let gated = world.create_pod("web-gated", 0, &[GATE]).await;
    let plain = world.create_pod("web-plain", 1, &[]).await;
    world.list_pods(&[(&gated, false), (&plain, false)]).await;
    world.create_web().await;
    let _controller = world.controller();

    let gate = world.until_gate(&gated, "False", "NotRegistered").await;
    world.until_provisioned("web").await;
    world.until_registered(&[]).await;
    let first = gate["lastTransitionTime"].clone();
    assert!(first.is_string(), "{gate}");
    world.containers_are(&plain, true).await;
    world.containers_are(&gated, true).await;
    // The slice says that neither is ready.
    world.until_registered(&[&gated]).await;
    let gate = world.until_gate(&gated, "False", "Registering").await;
    assert_eq!(gate["lastTransitionTime"], first, "the status is the same");
    world.aws.advance(INITIAL);
    let gate = world.until_gate(&gated, "True", "TargetHealthy").await;
    assert_ne!(gate["lastTransitionTime"], serde_json::Value::Null);
    world.until_serving("web").await;
    world.list_pods(&[(&gated, true), (&plain, false)]).await;
    world.until_registered(&[&gated]).await;
    assert!(world.gate(&plain).await.is_null(), "it has none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_whose_containers_have_ended_waits_for_aws_again() {
    let world = world().await;
    let old = world.serving_pod("web-old", 0).await;
    let gated = world.create_pod("web-gated", 1, &[GATE]).await;
    world.containers_are(&gated, true).await;
    world.list_pods(&[(&old, true), (&gated, false)]).await;
    world.create_web().await;
    let _controller = world.controller();
    world.until_provisioned("web").await;
    world.until_registered(&[&old, &gated]).await;
    world.aws.advance(INITIAL);
    world.until_gate(&gated, "True", "TargetHealthy").await;
    world.list_pods(&[(&old, true), (&gated, true)]).await;

    world.containers_are(&gated, false).await;
    world.list_pods(&[(&old, true), (&gated, false)]).await;
    world.until_gate(&gated, "False", "NotRegistered").await;
    world.until_registered(&[&old]).await;
    world.containers_are(&gated, true).await;
    world.until_registered(&[&old, &gated]).await;
    world.until_gate(&gated, "False", "Registering").await;
    let group = world.aws.target_groups().remove(0);
    let address = gated.address.to_string();
    assert!(world.aws.fail_target(&group.arn, &address, true));
    world.aws.advance(INITIAL);
    let gate = world.until_gate(&gated, "False", "TargetUnhealthy").await;
    let says = gate["message"].as_str().unwrap();
    assert!(says.contains("Health checks failed"), "{says}");
    assert!(world.aws.fail_target(&group.arn, &address, false));
    world.until_gate(&gated, "True", "TargetHealthy").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_starts_anew_leaves_pods_registered_that_wait() {
    let world = world().await;
    let gated = world.create_pod("web-gated", 0, &[GATE]).await;
    world.containers_are(&gated, true).await;
    world.list_pods(&[(&gated, false)]).await;
    world.create_web().await;
    let controller = world.controller();
    world.until_provisioned("web").await;
    world.until_registered(&[&gated]).await;
    world.until_gate(&gated, "False", "Registering").await;
    // AWS's tag query shows what is new only after a while.
    world.aws.advance(Duration::from_mins(2));
    drop(controller);
    let before = world.called("DeregisterTargets") + world.called("RegisterTargets");
    let _controller = world.controller();
    world.aws.advance(INITIAL);
    world.until_gate(&gated, "True", "TargetHealthy").await;
    let after = world.called("DeregisterTargets") + world.called("RegisterTargets");
    assert_eq!(before, after);

    // A pod that is gone is nobody's target, and whoever waited is let go.
    world.delete_pod(&gated).await;
    world.list_pods(&[]).await;
    world.until_registered(&[]).await;
    world.delete("web").await;
    world.until_gone("web").await;
}
