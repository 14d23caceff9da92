//! What AWS cannot change in place is replaced: who serves, serves until the new one does.

use std::time::Duration;

use landfall_provider_api::{Ingress, Outcome, Provider};
use landfall_test_aws::Options;

use super::world::{World, annotated, parts, quick, served, until};

fn named(outcome: &Outcome) -> Option<String> {
    let assigned = match outcome {
        Outcome::Provisioned(assigned) => Some(assigned),
        Outcome::Provisioning { assigned, .. } => assigned.as_ref(),
        Outcome::Waiting { .. } => None,
    };
    match assigned?.ingress.first()? {
        Ingress::Hostname(name) => Some(name.clone()),
        Ingress::Ip { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_scheme_is_another_load_balancer_and_the_status_follows_when_it_serves() {
    let world = World::with(Options {
        provisioning: Duration::from_mins(2),
        ..quick()
    });
    let provider = world.begun().await;
    let internal = world.service("s1", &[80]);
    provider.ensure(&internal).await.expect("it is made");
    world.aws.advance(Duration::from_secs(121));
    let before = served(&provider, &internal).await;
    let public = annotated(internal, &[("scheme", "internet-facing")]);
    let meanwhile = provider.ensure(&public).await.expect("it is begun");
    let Ingress::Hostname(old) = &before.ingress[0] else {
        panic!("{before:?}")
    };
    assert_eq!(named(&meanwhile).as_ref(), Some(old), "{meanwhile:?}");
    assert_eq!(world.aws.load_balancers().len(), 2);
    world.aws.advance(Duration::from_secs(121));
    let after = until(&provider, &public, "the new one is named", |it| {
        named(it).is_some_and(|it| it != *old)
    });
    let after = after.await;
    assert!(matches!(after, Outcome::Provisioned(_)), "{after:?}");
    until(&provider, &public, "the old one is gone", |_| {
        parts(&world, "s1")
            == [
                "listener TCP 80",
                "load balancer internet-facing",
                "security group with 1",
                "target group TCP 80 with 3",
            ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_take_over_from_nodes_behind_the_same_listener() {
    let world = World::start();
    let provider = world.begun().await;
    let nodes = world.service("s1", &[80]);
    let before = served(&provider, &nodes).await;
    let mut pods = annotated(nodes, &[("nlb-target-type", "ip")]);
    pods.endpoints = world
        .ids
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| landfall_provider_api::Endpoint {
            port_name: "port-80".into(),
            protocol: landfall_provider_api::Protocol::Tcp,
            address: node.pods[0].into(),
            port: 8080,
            node: Some(format!("node-{index}")),
            zone: None,
        })
        .collect();
    let after = served(&provider, &pods).await;
    assert_eq!(before.ingress, after.ingress);
    until(&provider, &pods, "the nodes' group is gone", |_| {
        let groups = world.aws.target_groups();
        groups.len() == 1 && groups[0].target_type == "ip"
    })
    .await;
}
