//! A controller that is killed at each call that it makes to AWS, before AWS has done what it was asked and
//! after: the next one makes exactly what is wanted of what it finds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use landfall_test_aws::{Call, Outcome, When};
use landfall_test_process::{PATIENCE, Process};
use serde_json::json;

use crate::cluster::annotated;
use crate::world::{World, is_provisioned};

/// What a controller does that is killed: one after the other for the same Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    /// Of a Service with much to it: two ports with attributes, for everybody.
    Create,
    /// Of a port and of attributes.
    Change,
    Delete,
}

use Work::{Change, Create, Delete};

/// A call to AWS that controllers were killed at.
type Cut = (Work, bool, String);

impl Work {
    async fn ask(self, world: &World, name: &str) {
        let cross_zone = |it| format!("load_balancing.cross_zone.enabled={it}");
        let delay = |it| format!("deregistration_delay.timeout_seconds={it}");
        match self {
            Create => {
                let (cross_zone, delay) = (cross_zone(true), delay(5));
                let annotations = [
                    ("scheme", "internet-facing"),
                    ("attributes", &cross_zone),
                    ("target-group-attributes", &delay),
                ];
                world.create(name, &[80, 443], &annotations).await;
            }
            Change => {
                let (cross_zone, delay) = (cross_zone(false), delay(7));
                let annotations = annotated(&[
                    ("attributes", &cross_zone),
                    ("target-group-attributes", &delay),
                ]);
                // One port has another number, and one another protocol.
                let spec = json!({"ports": [
                    {"name": "port-80", "protocol": "TCP", "port": 8080},
                    {"name": "port-53", "protocol": "UDP", "port": 53},
                ]});
                let patch = json!({"metadata": {"annotations": annotations}, "spec": spec});
                world.patch(name, patch).await;
            }
            Delete => world.delete(name).await,
        }
    }

    /// All that is to be at AWS afterwards.
    fn leaves(self) -> &'static [&'static str] {
        match self {
            Create => &[
                "listener TCP 443",
                "listener TCP 80",
                "load balancer internet-facing, across true",
                "rule of nodes",
                "security group with 2",
                "shared group with 0",
                "target group with 3, delay 5",
                "target group with 3, delay 5",
            ],
            Change => &[
                "listener TCP 8080",
                "listener UDP 53",
                "load balancer internet-facing, across false",
                "rule of nodes",
                "rule of nodes",
                "security group with 2",
                "shared group with 0",
                "target group with 3, delay 7",
                "target group with 3, delay 7",
            ],
            Delete => &[],
        }
    }

    /// What it has to call for this at least.
    fn calls(self) -> &'static [&'static str] {
        match self {
            Create => &[
                "CreateSecurityGroup",
                "AuthorizeSecurityGroupIngress",
                "CreateLoadBalancer",
                "ModifyLoadBalancerAttributes",
                "CreateTargetGroup",
                "ModifyTargetGroupAttributes",
                "RegisterTargets",
                "CreateListener",
            ],
            Change => &[
                "AuthorizeSecurityGroupIngress",
                "RevokeSecurityGroupIngress",
                "ModifyLoadBalancerAttributes",
                "CreateTargetGroup",
                "ModifyTargetGroupAttributes",
                "RegisterTargets",
                "CreateListener",
                "DeleteListener",
                "DeleteTargetGroup",
            ],
            Delete => &[
                "DeleteLoadBalancer",
                "DeleteTargetGroup",
                "RevokeSecurityGroupIngress",
                "DeleteSecurityGroup",
            ],
        }
    }

    /// Whether the cluster says that it is done, and it is.
    async fn is_done(self, world: &World, name: &str) -> bool {
        let service = world.get(name).await;
        let is_told = match self {
            Create | Change => is_provisioned(&service),
            Delete => service.is_null(),
        };
        is_told && world.parts() == self.leaves()
    }
}

/// Waits until the work is done, or the world stands still if it may. Tells whether it does.
async fn done_or_stopped(world: &World, work: Work, name: &str, may_stop: bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if may_stop && world.aws.is_stopped() {
            return true;
        }
        if work.is_done(world, name).await {
            return false;
        }
        assert!(
            Instant::now() < deadline,
            "{work:?} of {name} is not done: there is {:#?}, and {:#}",
            world.parts(),
            world.get(name).await
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Has the work done. Kills the controller at the n-th call, and starts another that ends it. Tells
/// which call it was; `None` if there are fewer.
async fn cut(
    world: &World,
    controller: Process,
    work: Work,
    name: &str,
    (n, when): (usize, When),
) -> (Process, Option<String>) {
    world.aws.clear_calls();
    world.aws.stop_at(n, when);
    work.ask(world, name).await;
    if !done_or_stopped(world, work, name, true).await {
        world.aws.go_on();
        return (controller, None);
    }
    let is_held = |it: &Call| matches!(it.outcome, Outcome::HeldBefore | Outcome::HeldAfter(_));
    let held = world.aws.calls().into_iter().find(is_held).unwrap();
    controller.kill();
    world.aws.drop_held();
    world.aws.go_on();
    let controller = world.start_controller();
    done_or_stopped(world, work, name, false).await;
    (controller, Some(held.action))
}

/// Has everything done with controllers that are killed at the first call, the second, and so on to the last.
async fn cut_everywhere(
    world: &World,
    mut controller: Process,
    pass: usize,
    cuts: &mut BTreeSet<Cut>,
) -> Process {
    for n in 1.. {
        let mut is_over = true;
        for when in [When::Before, When::After] {
            let is_after = when == When::After;
            let side = if is_after { "after" } else { "before" };
            let name = format!("web-{pass}-{n}-{side}");
            for work in [Create, Change, Delete] {
                let call;
                (controller, call) = cut(world, controller, work, &name, (n, when)).await;
                is_over &= call.is_none();
                cuts.extend(call.map(|it| (work, is_after, it)));
            }
        }
        if is_over {
            break;
        }
    }
    controller
}

/// Those that no controller was killed at yet.
fn missing(cuts: &BTreeSet<Cut>) -> Vec<Cut> {
    let works = [Create, Change, Delete].into_iter();
    let all = works.flat_map(|work| {
        let calls = work.calls().iter();
        calls.flat_map(move |it| [false, true].map(|is_after| (work, is_after, (*it).to_owned())))
    });
    all.filter(|it| !cuts.contains(it)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_of_a_killed_controller_was_the_next_one_leaves_exactly_what_is_wanted()
 {
    let world = World::quick().await;
    let mut controller = world.controller();
    let mut cuts = BTreeSet::new();
    // A look at what is there, which comes by itself, may take the place of a call.
    for pass in 1..=3 {
        controller = cut_everywhere(&world, controller, pass, &mut cuts).await;
        if missing(&cuts).is_empty() {
            return;
        }
    }
    let missing = missing(&cuts);
    panic!("no controller was killed at {missing:#?}, but at {cuts:#?}");
}
