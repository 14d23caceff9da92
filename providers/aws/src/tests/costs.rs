//! How many calls work takes. The same is printed, beside what the AWS controller takes, by
//! `cargo bench --bench aws`.

use std::sync::Arc;

use landfall_provider_api::{Held, Ingress, LoadBalancer, Node, Provider, Snapshot};

use super::world::{World, cluster, parts, released, served};
use crate::Aws;

/// A world in which one Service has made what all share.
async fn warm() -> (World, Aws) {
    let world = World::start();
    let provider = world.begun().await;
    served(&provider, &world.service("first", &[80])).await;
    world.aws.clear_calls();
    (world, provider)
}

/// Calls that only ask how far AWS is, which come again until it is well.
fn looks(world: &World) -> usize {
    world.aws.count("DescribeTargetHealth") + world.aws.count("DescribeLoadBalancers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_takes_nine_calls_and_each_further_port_three() {
    let (world, provider) = warm().await;
    served(&provider, &world.service("one", &[80])).await;
    let of_one = world.count();
    assert!(of_one <= 9, "{of_one} calls: {}", world.called());
    let made_one = of_one - looks(&world);
    world.aws.clear_calls();
    served(&provider, &world.service("three", &[80, 81, 82])).await;
    let made_three = world.count() - looks(&world);
    assert!(
        made_three <= made_one + 6,
        "{made_three} calls: {}",
        world.called()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_change_takes_none() {
    let (world, provider) = warm().await;
    let wanted = world.service("one", &[80, 443]);
    served(&provider, &wanted).await;
    world.aws.clear_calls();
    for _ in 0..3 {
        provider.ensure(&wanted).await.expect("it is there");
    }
    assert_eq!(world.count(), 0, "{}", world.called());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_port_number_takes_eight_calls() {
    let (world, provider) = warm().await;
    let mut wanted = world.service("one", &[80]);
    served(&provider, &wanted).await;
    world.aws.clear_calls();
    wanted.ports[0].port = 81;
    provider.ensure(&wanted).await.expect("it is changed");
    assert!(
        world.count() <= 8,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    assert!(parts(&world, "one").contains(&"listener TCP 81".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_takes_six_calls() {
    let (world, provider) = warm().await;
    let one = world.service("one", &[80]);
    served(&provider, &one).await;
    world.aws.clear_calls();
    released(&provider, &one.id).await;
    assert!(
        world.count() <= 6,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    assert!(parts(&world, "one").is_empty());
    // And the last one with what all shared.
    world.aws.clear_calls();
    released(&provider, &world.service("first", &[80]).id).await;
    assert!(
        world.count() <= 6,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    let groups = world.aws.security_groups();
    let ours = groups
        .iter()
        .filter(|it| it.name.starts_with("lf-"))
        .count();
    assert_eq!(ours, 0, "what all shared is left");
    let rules = world.aws.rules(&world.ids.node_security_group);
    let described = rules
        .iter()
        .filter(|it| it.description.as_deref() == Some("Load balancers of Services"));
    assert_eq!(described.count(), 0, "the nodes let in what is gone");
}

fn held(wanted: &LoadBalancer) -> Held {
    Held {
        id: wanted.id.clone(),
        service: wanted.service.clone(),
        created: wanted.created,
        ours: true,
        ingress: vec![Ingress::Hostname("web.example".into())],
        wanted: Some(wanted.clone()),
    }
}

/// A provider that has taken over what another has left.
async fn inheriting(world: &World, wanted: &[LoadBalancer]) -> Aws {
    let provider = world.provider(&cluster());
    let snapshot = Snapshot {
        services: wanted.iter().map(held).collect(),
        adopts: None,
    };
    provider.begin(snapshot.known()).await.expect("it begins");
    for wanted in wanted {
        provider.ensure(wanted).await.expect("it is there");
    }
    provider
}

/// A hundred Services, made by a provider that has ended since.
async fn a_hundred(world: &World) -> Vec<LoadBalancer> {
    world.aws.set_quotas(landfall_test_aws::Quotas {
        load_balancers: 200,
        security_groups: 500,
        ..landfall_test_aws::Quotas::default()
    });
    let provider = world.begun().await;
    let wanted: Vec<_> = (0..100)
        .map(|it| world.service(&format!("s{it:03}"), &[80]))
        .collect();
    let made = futures::future::join_all(wanted.iter().map(|it| served(&provider, it)));
    made.await;
    world.aws.advance(std::time::Duration::from_mins(2));
    world.aws.clear_calls();
    wanted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_a_hundred_services_takes_twenty_five_calls_and_no_change() {
    let world = World::start();
    let wanted = a_hundred(&world).await;
    inheriting(&world, &wanted).await;
    assert!(
        world.count() <= 25,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    assert!(world.aws.changes().is_empty(), "{:?}", world.aws.changes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_services_are_compared_with_fifteen_calls() {
    let world = World::start();
    let wanted = a_hundred(&world).await;
    let provider = inheriting(&world, &wanted).await;
    world.aws.clear_calls();
    assert_eq!(provider.owned().await.expect("it is read").len(), 100);
    assert!(
        world.count() <= 15,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    assert!(world.aws.changes().is_empty(), "{:?}", world.aws.changes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_takes_one_call_for_each_target_group_and_five() {
    let world = World::start();
    let wanted = a_hundred(&world).await;
    let provider = inheriting(&world, &wanted).await;
    world.aws.clear_calls();
    let node = world.aws.add_node(&world.ids, 0);
    let mut nodes = world.nodes();
    nodes.push(Node {
        name: "new".into(),
        addresses: vec![node.address.into()],
        provider_id: Some(node.provider_id),
        zone: Some(node.zone),
        labels: std::collections::BTreeMap::new(),
    });
    let nodes: Arc<[Node]> = nodes.into();
    for wanted in wanted {
        let wanted = LoadBalancer {
            nodes: nodes.clone(),
            ..wanted
        };
        provider.ensure(&wanted).await.expect("it is registered");
    }
    assert!(
        world.count() <= 105,
        "{} calls: {}",
        world.count(),
        world.called()
    );
    let groups = world.aws.target_groups();
    assert!(groups.iter().all(|it| it.targets.len() == nodes.len()));
}
