//! A life that needs each action of AWS that there is a call for: the table of actions, and the policy that
//! is held against it, name what is used.

use std::collections::BTreeSet;

use landfall_provider_api::{
    ClusterId, Endpoint, Held, LoadBalancer, LoadBalancerId, Protocol, Provider, Snapshot,
};
use landfall_test_aws::Service;

use super::succession;
use super::world::{World, annotated, cluster, parts, released, served, until};
use crate::calls::ACTIONS;

/// What was called, in IAM's words.
fn used(world: &World) -> BTreeSet<String> {
    let calls = world.aws.calls().into_iter();
    let names = calls.map(|it| {
        let service = match it.service {
            Service::Elb => "elasticloadbalancing",
            Service::Ec2 => "ec2",
            Service::Sts => "sts",
            Service::Tagging => "tag",
        };
        format!("{service}:{}", it.action)
    });
    names.collect()
}

/// A Service with something of everything.
fn rich(world: &World) -> LoadBalancer {
    let certificates = world.ids.certificates.join(",");
    annotated(
        world.service("s1", &[80, 443, 8080]),
        &[
            ("ssl-cert", &certificates),
            ("ssl-ports", "443"),
            ("attributes", "load_balancing.cross_zone.enabled=true"),
            (
                "target-group-attributes",
                "deregistration_delay.timeout_seconds=5",
            ),
            ("listener-attributes.TCP-80", "tcp.idle_timeout.seconds=400"),
            ("minimum-load-balancer-capacity", "CapacityUnits=3000"),
        ],
    )
}

/// The same, with everything otherwise that can be changed in place.
fn changed(world: &World) -> LoadBalancer {
    let mut wanted = annotated(
        rich(world),
        &[
            ("ssl-cert", &world.ids.certificates[0]),
            (
                "ssl-negotiation-policy",
                "ELBSecurityPolicy-TLS13-1-2-2021-06",
            ),
            ("listener-attributes.TCP-80", "tcp.idle_timeout.seconds=500"),
            ("minimum-load-balancer-capacity", "CapacityUnits=4000"),
            ("healthcheck-interval", "20"),
            ("ip-address-type", "dualstack"),
            ("additional-resource-tags", "team=web"),
        ],
    );
    wanted.ports.retain(|it| it.port != 8080);
    wanted.nodes = wanted.nodes[..2].into();
    wanted
}

/// In two subnets that it names, with a security group of the user's own.
fn moved(world: &World) -> LoadBalancer {
    let subnets = world.ids.private_subnets[..2].join(",");
    annotated(
        changed(world),
        &[
            ("subnets", &subnets),
            ("security-groups", &world.ids.node_security_group),
        ],
    )
}

/// A Service whose targets are pods.
fn of_pods(world: &World) -> LoadBalancer {
    let mut wanted = annotated(
        world.service("s2", &[80]),
        &[("nlb-target-type", "ip"), ("scheme", "internal")],
    );
    let pods = world.ids.nodes.iter().map(|node| Endpoint {
        port_name: "port-80".into(),
        protocol: Protocol::Tcp,
        address: node.pods[0].into(),
        port: 8080,
        node: None,
        zone: None,
    });
    wanted.endpoints = pods.collect();
    wanted
}

/// The cluster after it was restored, under another UID.
fn restored() -> ClusterId {
    ClusterId {
        uid: "c2".into(),
        ..cluster()
    }
}

/// What is wanted once the cluster was restored.
fn again(before: LoadBalancer) -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId {
            cluster: restored(),
            service_uid: format!("{}-again", before.id.service_uid),
        },
        ..before
    }
}

/// A provider that takes over what the cluster had before it was restored.
async fn adopting(world: &World, wanted: &[LoadBalancer]) -> crate::Aws {
    let provider = world.provider(&restored());
    let held = |wanted: &LoadBalancer| Held {
        id: wanted.id.clone(),
        service: wanted.service.clone(),
        created: wanted.created,
        ours: false,
        ingress: Vec::new(),
        wanted: Some(wanted.clone()),
    };
    let snapshot = Snapshot {
        services: wanted.iter().map(held).collect(),
        adopts: Some(cluster().uid),
    };
    provider.begin(snapshot.known()).await.expect("it begins");
    provider
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_action_is_used_and_none_besides() {
    let world = World::start();
    // Where no subnet is tagged for load balancers, the routes tell which are public.
    let subnets = world.ids.public_subnets.iter();
    for subnet in subnets.chain(&world.ids.private_subnets) {
        for role in ["elb", "internal-elb"] {
            let key = format!("kubernetes.io/role/{role}");
            world.aws.untag(subnet, &key);
        }
    }
    {
        let provider = world.begun().await;
        served(&provider, &rich(&world)).await;
        served(&provider, &of_pods(&world)).await;
        served(&provider, &changed(&world)).await;
        let moved = moved(&world);
        until(&provider, &moved, "its own security group is gone", |_| {
            let parts = parts(&world, "s1");
            !parts.iter().any(|it| it.starts_with("security group"))
        })
        .await;
    }
    world.aws.advance(std::time::Duration::from_mins(2));
    let wanted = [again(moved(&world)), again(of_pods(&world))];
    let provider = adopting(&world, &wanted).await;
    let before = world.aws.load_balancers();
    for wanted in &wanted {
        served(&provider, wanted).await;
    }
    let arns = |of: &[landfall_test_aws::LoadBalancer]| {
        let arns = of.iter().map(|it| it.arn.clone());
        arns.collect::<BTreeSet<_>>()
    };
    assert_eq!(arns(&world.aws.load_balancers()), arns(&before));
    for wanted in &wanted {
        released(&provider, &wanted.id).await;
    }
    assert!(world.aws.load_balancers().is_empty());
    let (wanted, made) = succession::inherited(&world, "s3");
    let provider = succession::successor(&world);
    let held = succession::held(&wanted, &made.dns_name);
    succession::begin(&provider, vec![held]).await;
    served(&provider, &wanted).await;
    let used = used(&world);
    let known: BTreeSet<_> = ACTIONS.iter().map(|it| it.name.to_owned()).collect();
    let unused: Vec<_> = known.difference(&used).collect();
    assert!(unused.is_empty(), "nothing needed {unused:?}");
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "the table lacks {unknown:?}");
}
