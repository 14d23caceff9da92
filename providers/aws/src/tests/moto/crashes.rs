//! Any call to moto may be a process's last: the next one makes exactly what is wanted of what it finds.

use landfall_provider_api::LoadBalancer;
use serde_json::json;

use landfall_test_process::Moto;

use super::moto;
use super::world::World;
use super::{released, served, settled};
use crate::tests::world::annotated;

/// What is there when the Service is served.
const SERVED: [&str; 6] = [
    "listener TCP 443",
    "listener TCP 80",
    "load balancer internal",
    "security group with 2",
    "target group TCP 443 with 3",
    "target group TCP 80 with 3",
];

/// What a process does that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Create,
    Delete,
}

fn wanted(world: &World) -> LoadBalancer {
    let attributes = "load_balancing.cross_zone.enabled=true";
    annotated(
        world.service("s1", &[80, 443]),
        &[("attributes", attributes)],
    )
}

/// Ends a process at its n-th call of this work, before or after it is carried out, and starts another.
/// `false` if it has fewer.
async fn cut(moto: &'static Moto, work: Work, n: usize, when: &str) -> bool {
    eprintln!("{work:?}: {when} call {n}");
    let world = World::start(moto);
    let wanted = wanted(&world);
    {
        let provider = world.begun().await;
        if work == Work::Delete {
            served(&provider, &wanted).await;
        }
        world.ask("stop-at", json!({"call": n, "when": when}));
        let work = async {
            match work {
                Work::Create => drop(served(&provider, &wanted).await),
                Work::Delete => released(&provider, &wanted.id).await,
            }
        };
        tokio::select! {
            () = work => return false,
            () = world.stopped() => {}
        }
    }
    world.ask("go-on", json!({}));
    let provider = world.begun().await;
    match work {
        Work::Create => {
            served(&provider, &wanted).await;
            settled(&world, &provider, &wanted, &SERVED).await;
        }
        Work::Delete => {
            released(&provider, &wanted.id).await;
            assert_eq!(world.parts("s1"), [""; 0], "something is left");
        }
    }
    true
}

async fn cut_everywhere(moto: &'static Moto, work: Work) {
    let mut n = 0;
    loop {
        n += 1;
        let before = cut(moto, work, n, "before").await;
        let after = cut(moto, work, n, "after").await;
        if !before && !after {
            break;
        }
    }
    assert!(n > 4, "there was hardly a call to end at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_creation_was_the_next_process_completes_it() {
    let Some(moto) = moto() else { return };
    cut_everywhere(moto, Work::Create).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_removal_was_the_next_process_completes_it() {
    let Some(moto) = moto() else { return };
    cut_everywhere(moto, Work::Delete).await;
}
