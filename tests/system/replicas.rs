//! Two replicas: one leads, and the other takes over when it is gone.

use landfall_test_process::Process;

use crate::world::World;
use landfall_test_process::{Gateway, Way};

/// A replica, behind a gateway of its own.
struct Replica {
    process: Process,
    gateway: Gateway,
}

/// Starts the first, waits until it leads, and starts the second.
async fn two(world: &World) -> [Replica; 2] {
    let first = replica(world);
    world.create("first").await;
    world.until_provisioned("first").await;
    [first, replica(world)]
}

fn replica(world: &World) -> Replica {
    let gateway = world.gateway();
    let (kubeconfig, namespace) = (world.through(&gateway), world.namespace.clone());
    let mut process = world.controller(&kubeconfig, &["--lease-namespace", &namespace]);
    process.wait_until_ready();
    Replica { process, gateway }
}

/// Whoever works now works right: a Service comes, another goes, and nothing is left over.
async fn works(world: &World) {
    world.create("second").await;
    world.until_provisioned("second").await;
    world.delete("first").await;
    world.until_gone("first").await;
    assert_eq!(world.held().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_is_killed_the_other_takes_over() {
    let world = World::start().await;
    let [leader, _other] = two(&world).await;
    leader.process.kill();
    works(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_is_told_to_end_the_other_takes_over_at_once() {
    let world = World::start().await;
    let [mut leader, _other] = two(&world).await;
    let start = std::time::Instant::now();
    leader.process.signal("TERM");
    world.create("third").await;
    world.until_provisioned("third").await;
    println!("served by the other {:?} after the signal", start.elapsed());
    let ended = leader.process.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    world.delete("third").await;
    world.until_gone("third").await;
    works(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_stopped_ends_when_it_goes_on() {
    let world = World::start().await;
    let [mut leader, _other] = two(&world).await;
    leader.process.signal("STOP");
    works(&world).await;
    leader.process.signal("CONT");
    let ended = leader.process.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(ended.errors.contains("Lease"), "{}", ended.errors);
    // It has undone nothing.
    world.until_provisioned("second").await;
    assert_eq!(world.held().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_ends_and_the_other_takes_over() {
    let world = World::start().await;
    let [mut leader, _other] = two(&world).await;
    leader.gateway.set(Way::Silent);
    let ended = leader.process.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(ended.errors.contains("Lease"), "{}", ended.errors);
    works(&world).await;
}
