//! Any call may be a process's last: the next one makes exactly what is wanted of what it finds.

use landfall_provider_api::{LoadBalancer, Provider, Snapshot};
use landfall_test_aws::When;

use super::world::{World, annotated, parts, released, served};

/// A Service with much to it: two ports with attributes, for everybody.
fn rich(world: &World) -> LoadBalancer {
    annotated(
        world.service("s1", &[80, 443]),
        &[
            ("scheme", "internet-facing"),
            ("attributes", "load_balancing.cross_zone.enabled=true"),
            (
                "target-group-attributes",
                "deregistration_delay.timeout_seconds=5",
            ),
        ],
    )
}

/// What is there when that is served.
const RICH: [&str; 6] = [
    "listener TCP 443",
    "listener TCP 80",
    "load balancer internet-facing",
    "security group with 2",
    "target group TCP 443 with 3",
    "target group TCP 80 with 3",
];

/// What a process does that ends.
#[derive(Debug, Clone, Copy)]
enum Work {
    Create,
    Update,
    Delete,
}

/// Ends a process at its n-th call of this work, and starts another. `false` if it has fewer.
async fn cut(work: Work, n: usize, when: When) -> bool {
    let world = World::start();
    let wanted = rich(&world);
    {
        let provider = world.begun().await;
        match work {
            Work::Create => {}
            Work::Update => drop(served(&provider, &world.service("s1", &[80, 8080])).await),
            Work::Delete => drop(served(&provider, &wanted).await),
        }
        let work = async {
            match work {
                Work::Create | Work::Update => drop(served(&provider, &wanted).await),
                Work::Delete => released(&provider, &wanted.id).await,
            }
        };
        if !world.is_cut(n, when, work).await {
            return false;
        }
    }
    world.go_on();
    let provider = world.begun().await;
    let place = format!("{work:?}, call {n}, {when:?}");
    match work {
        Work::Create | Work::Update => {
            served(&provider, &wanted).await;
            settled(&world, &provider, &wanted, &RICH, &place).await;
        }
        Work::Delete => {
            released(&provider, &wanted.id).await;
            let parts = parts(&world, "s1");
            assert!(parts.is_empty(), "{place}: {parts:?} are left");
        }
    }
    true
}

/// Waits until exactly this is there: what is to go may go later.
async fn settled(
    world: &World,
    provider: &crate::Aws,
    wanted: &LoadBalancer,
    is: &[&str],
    place: &str,
) {
    let all = async {
        while parts(world, "s1") != is {
            provider.ensure(wanted).await.expect("it is there");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_mins(1), all).await;
    assert!(waited.is_ok(), "{place}: there is {:?}", parts(world, "s1"));
}

async fn cut_everywhere(work: Work) {
    let mut n = 0;
    loop {
        n += 1;
        let before = cut(work, n, When::Before).await;
        let after = cut(work, n, When::After).await;
        if !before && !after {
            break;
        }
    }
    assert!(n > 4, "there was hardly a call to end at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_creation_was_the_next_process_completes_it() {
    cut_everywhere(Work::Create).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_change_was_the_next_process_completes_it() {
    cut_everywhere(Work::Update).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_removal_was_the_next_process_completes_it() {
    cut_everywhere(Work::Delete).await;
}

/// The Service goes while nobody looks: what was half made is found, and released.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_half_made_for_a_service_that_is_gone_is_found() {
    for n in 1..=8 {
        let world = World::start();
        let wanted = world.service("s1", &[80]);
        {
            let provider = world.begun().await;
            let work = async { drop(provider.ensure(&wanted).await) };
            world.is_cut(n, When::After, work).await;
        }
        world.go_on();
        let there = parts(&world, "s1");
        let provider = world.provider(&wanted.id.cluster);
        let begun = provider.begin(Snapshot::default().known()).await;
        let owned = begun.expect("it begins");
        assert_eq!(
            owned.is_empty(),
            there.is_empty(),
            "call {n}: {there:?}, seen as {owned:?}"
        );
        for owned in owned {
            released(&provider, &owned.id.expect("it is a Service's")).await;
        }
        assert!(
            parts(&world, "s1").is_empty(),
            "call {n}: {:?}",
            parts(&world, "s1")
        );
    }
}
