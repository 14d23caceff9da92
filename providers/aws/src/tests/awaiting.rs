//! Pods that wait, by a readiness gate, until their targets are healthy.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use landfall_provider_api::{Endpoint, Finding, LoadBalancer, Outcome, Protocol, Provider};
use landfall_test_aws::Options;

use super::world::{World, annotated, quick, served, until};
use crate::Aws;

impl World {
    /// A Service of pods at these addresses, each with all of its ports.
    fn of_pods(&self, ports: &[u16], pods: &[IpAddr]) -> LoadBalancer {
        let wanted = annotated(self.service("s1", ports), &[("nlb-target-type", "ip")]);
        let endpoint = |port: &u16, address: &IpAddr| Endpoint {
            port_name: format!("port-{port}"),
            protocol: Protocol::Tcp,
            address: *address,
            port: 8000 + *port,
            node: Some("node-0".into()),
            zone: None,
        };
        let endpoints = ports.iter().flat_map(|port| {
            let pods = pods.iter();
            pods.map(move |address| endpoint(port, address))
        });
        LoadBalancer {
            endpoints: endpoints.collect(),
            ..wanted
        }
    }

    /// Addresses of pods of the first node.
    fn pods(&self) -> Vec<IpAddr> {
        let pods = self.ids.nodes[0].pods.iter();
        pods.map(|it| IpAddr::from(*it)).collect()
    }

    fn fail(&self, pod: IpAddr, failing: bool) {
        for group in self.aws.target_groups() {
            assert!(self.aws.fail_target(&group.arn, &pod.to_string(), failing));
        }
    }

    /// How often targets were asked how they are.
    fn asked(&self) -> usize {
        let counts = self.aws.counts();
        counts.get("DescribeTargetHealth").copied().unwrap_or(0)
    }
}

fn waits(wanted: &LoadBalancer, pods: &[IpAddr]) -> LoadBalancer {
    LoadBalancer {
        awaited: pods.iter().copied().collect::<BTreeSet<_>>(),
        ..wanted.clone()
    }
}

fn finding(outcome: &Outcome, pod: IpAddr) -> Option<&Finding> {
    match outcome {
        Outcome::Provisioned(assigned) => assigned.awaited.get(&pod),
        Outcome::Provisioning { assigned, .. } => assigned.as_ref()?.awaited.get(&pod),
        Outcome::Waiting { .. } => None,
    }
}

/// Ensures until this is said of a pod.
async fn told(provider: &Aws, wanted: &LoadBalancer, pod: IpAddr, reason: &str) -> Finding {
    let says = |it: &Outcome| finding(it, pod).is_some_and(|it| it.reason == reason);
    let outcome = until(provider, wanted, reason, says).await;
    finding(&outcome, pod).expect("it is told").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_waits_is_told_how_its_target_is_until_it_is_healthy_on_every_port() {
    let world = World::with(Options {
        frozen: true,
        initial: Duration::from_mins(3),
        ..quick()
    });
    let provider = world.begun().await;
    let pods = world.pods();
    let (old, new) = (pods[0], pods[1]);
    let before = world.of_pods(&[80, 81], &[old]);
    let outcome = until(&provider, &before, "it is made", |it| {
        matches!(it, Outcome::Provisioned(_))
    });
    assert_eq!(finding(&outcome.await, old), None, "nobody waits");
    world.aws.advance(Duration::from_mins(3));
    served(&provider, &before).await;

    let wanted = waits(&world.of_pods(&[80, 81], &[old, new]), &[new]);
    let first = told(&provider, &wanted, new, "Registering").await;
    assert!(!first.holds);
    world.fail(new, true);
    world.aws.advance(Duration::from_mins(3));
    let ill = told(&provider, &wanted, new, "TargetUnhealthy").await;
    assert!(
        !ill.holds && ill.message.contains("Health checks failed"),
        "{ill:?}"
    );
    assert!(
        ill.message
            .starts_with(&format!("port 80: target {new} port 8080")),
        "{ill:?}"
    );
    let [first, _] = &world.aws.target_groups()[..] else {
        panic!("a group for each port");
    };
    world.aws.fail_target(&first.arn, &new.to_string(), false);
    // On the other port it is not.
    let other = told(&provider, &wanted, new, "TargetUnhealthy").await;
    assert!(!other.holds);
    world.fail(new, false);
    let well = told(&provider, &wanted, new, "TargetHealthy").await;
    assert!(well.holds, "{well:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_asked_while_a_pod_waits_and_not_a_moment_longer() {
    let world = World::start();
    let provider = world.begun().await;
    let pods = world.pods();
    let whole = world.of_pods(&[80], &pods);
    served(&provider, &whole).await;
    let settled = world.asked();
    let wanted = waits(&whole, &pods[1..2]);
    world.fail(pods[1], true);
    told(&provider, &wanted, pods[1], "TargetUnhealthy").await;
    let asked = world.asked();
    let patience = tokio::time::timeout(Duration::from_secs(20), async {
        while world.asked() < asked + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    patience.await.expect("it is asked again and again");
    // Whoever waits no more, is asked about no more.
    let outcome = provider.ensure(&whole).await.expect("it is provisioned");
    assert_eq!(finding(&outcome, pods[1]), None);
    world.fail(pods[1], false);
    assert!(world.asked() > settled);
    let (account, _) = provider.account.get().expect("it has begun");
    assert_eq!(account.pending.next(), None, "nothing is asked any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_become_a_healthy_target_is_told_why_or_waits_for_nothing() {
    let world = World::start();
    let provider = world.begun().await;
    let pods = world.pods();
    let nodes = world.service("s1", &[80]);
    served(&provider, &nodes).await;
    let told_at_once = provider.ensure(&waits(&nodes, &pods)).await;
    let told_at_once = told_at_once.expect("it is provisioned");
    let found = finding(&told_at_once, pods[0]).expect("it is told");
    assert_eq!((found.holds, found.reason), (true, "NoPodTargets"));

    let mut wanted = world.of_pods(&[80], &pods);
    wanted.id.service_uid = "s2".into();
    let elsewhere: IpAddr = "203.0.113.9".parse().expect("an address");
    let mut refused = wanted.endpoints[0].clone();
    refused.address = elsewhere;
    wanted.endpoints.push(refused);
    let portless: IpAddr = "10.99.0.1".parse().expect("an address");
    let wanted = waits(&wanted, &[pods[1], elsewhere, portless]);
    let outcome = until(&provider, &wanted, "all that can be is healthy", |it| {
        finding(it, pods[1]).is_some_and(|it| it.holds)
    });
    let outcome = outcome.await;
    let found = |pod| {
        let found = finding(&outcome, pod).expect("it is told");
        (found.holds, found.reason)
    };
    assert_eq!(found(elsewhere), (false, "TargetRefused"));
    assert_eq!(found(portless), (true, "NoPodTargets"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_starts_anew_finds_out_how_those_are_that_wait() {
    let world = World::start();
    let pods = world.pods();
    let wanted = waits(&world.of_pods(&[80], &pods), &pods);
    let provider = world.begun().await;
    told(&provider, &wanted, pods[1], "TargetHealthy").await;
    drop(provider);
    // AWS's tag query shows what is new only after a while.
    world.aws.advance(Duration::from_mins(2));
    let provider = world.begun().await;
    let calls = world.aws.counts();
    told(&provider, &wanted, pods[1], "TargetHealthy").await;
    let count = |action| world.aws.counts().get(action) == calls.get(action);
    assert!(count("RegisterTargets") && count("DeregisterTargets"));
}
