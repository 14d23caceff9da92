//! The life of one Service, with an AWS that takes its time.

use std::collections::BTreeSet;
use std::time::Duration;

use landfall_test_aws::{Aws, Options};

use crate::world::{World, condition, hostname, message};

/// The instances that get traffic.
fn targets(aws: &Aws) -> BTreeSet<String> {
    let groups = aws.target_groups();
    let targets = groups.iter().flat_map(|it| &it.targets);
    let staying = targets.filter(|it| it.draining_since.is_none());
    staying.map(|it| it.id.clone()).collect()
}

async fn until_targets(world: &World, indices: &[usize]) {
    let nodes = &world.ids.nodes;
    let wanted: BTreeSet<_> = indices.iter().map(|it| nodes[*it].id.clone()).collect();
    let what = format!("the targets are the nodes {indices:?}");
    world
        .until_at_aws(&what, |aws| targets(aws) == wanted)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_told_what_aws_is_at_gets_traffic_follows_its_nodes_and_leaves_nothing() {
    // Its clock moves only when the story says so.
    let world = World::start(Options {
        frozen: true,
        provisioning: Duration::from_mins(2),
        initial: Duration::from_mins(5),
        interface_lag: Duration::from_mins(1),
        ..Options::default()
    })
    .await;
    world.create_node(0).await;
    world.create_node(1).await;
    let _controller = world.controller();
    world.create("web", &[80], &[]).await;

    let service = world
        .until_told("web", "Provisioned", "False", "Provisioning")
        .await;
    let says = message(&service, "Provisioned");
    assert!(says.contains("AWS is making the load balancer"), "{says}");
    let named = world
        .until("web", "has a name", |it| hostname(it).is_some())
        .await;
    let name = world.aws.load_balancers()[0].dns_name.to_lowercase();
    assert_eq!(hostname(&named), Some(name.as_str()));
    assert_eq!(condition(&named, "Provisioned")["status"], "False");
    assert_eq!(condition(&named, "Serving")["status"], "False");

    world.aws.advance(Duration::from_mins(2));
    world.until_provisioned("web").await;
    world
        .until_told("web", "Serving", "False", "TargetsNotChecked")
        .await;
    world.aws.advance(Duration::from_mins(5));
    let service = world.until_serving("web").await;
    assert_eq!(hostname(&service), Some(name.as_str()));

    until_targets(&world, &[0, 1]).await;
    world.create_node(2).await;
    until_targets(&world, &[0, 1, 2]).await;
    world.delete_node(0).await;
    until_targets(&world, &[1, 2]).await;

    world.delete("web").await;
    // AWS keeps the interfaces for a while, and so the group that is on them.
    world
        .until_at_aws("the load balancer is gone", |aws| {
            aws.load_balancers().is_empty()
        })
        .await;
    assert!(!world.get("web").await.is_null());
    world.aws.advance(Duration::from_mins(1));
    world.until_gone("web").await;
    world
        .until_at_aws("nothing is left", |_| world.parts().is_empty())
        .await;
}
