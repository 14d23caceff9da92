//! The provider on moto, which others have written from what they know of AWS: what every provider must do,
//! and the life of a Service. What moto does otherwise than AWS, and is in the way, `tests/moto` corrects.

mod crashes;
mod world;

use std::fmt::Debug;

use landfall_provider_api::{
    Endpoint, LoadBalancer, Node, Protocol, Provider, Snapshot, conformance,
};

use super::world::{annotated, cluster, released, served, until};
use landfall_test_process::Moto;
use world::World;

fn moto() -> Option<&'static Moto> {
    landfall_test_process::moto("the AWS provider")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_what_every_provider_must() {
    let Some(moto) = moto() else { return };
    conformance::all(async || World::start(moto)).await;
}

/// A Service with two ports, one of them TLS with this certificate.
fn secure(world: &World, ports: &[u16], certificate: &str, ranges: &[&str]) -> LoadBalancer {
    let ranges = ranges.iter().map(|it| it.parse().unwrap()).collect();
    let service = LoadBalancer {
        source_ranges: ranges,
        ..world.service("s1", ports)
    };
    annotated(
        service,
        &[
            ("scheme", "internet-facing"),
            ("attributes", "load_balancing.cross_zone.enabled=true"),
            (
                "target-group-attributes",
                "deregistration_delay.timeout_seconds=5",
            ),
            ("ssl-cert", certificate),
            ("ssl-ports", "443"),
        ],
    )
}

/// Waits until exactly this is there.
async fn settled<S>(world: &World, provider: &crate::Aws, wanted: &LoadBalancer, is: &[S])
where
    S: Debug,
    String: PartialEq<S>,
{
    let all = format!("there is {is:?}");
    until(provider, wanted, &all, |_| world.parts("s1") == is).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_much_to_it_is_made_and_changed_and_leaves_nothing_behind() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let provider = world.begun().await;
    let [first, second] = &world.ids.certificates[..] else {
        panic!("there are two certificates: {:?}", world.ids)
    };
    let wanted = secure(&world, &[80, 443], first, &["203.0.113.0/24"]);
    let before = served(&provider, &wanted).await;
    assert_eq!(
        world.parts("s1"),
        [
            "listener TCP 80",
            &format!("listener TLS 443 {first}"),
            "load balancer internet-facing",
            "security group with 2",
            "target group TCP 443 with 3",
            "target group TCP 80 with 3",
        ]
    );
    let ranges = ["203.0.113.0/24", "198.51.100.0/24"];
    let changed = secure(&world, &[8080, 443], second, &ranges);
    let after = served(&provider, &changed).await;
    assert_eq!(before.ingress, after.ingress);
    let secured = format!("listener TLS 443 {second}");
    let is = [
        "listener TCP 8080",
        &secured,
        "load balancer internet-facing",
        "security group with 4",
        "target group TCP 443 with 3",
        // Targets stay where they are.
        "target group TCP 80 with 3",
    ];
    settled(&world, &provider, &changed, &is).await;
    released(&provider, &changed.id).await;
    assert_eq!(world.parts("s1"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_what_is_there_and_changes_nothing() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let wanted = secure(&world, &[80, 443], &world.ids.certificates[0], &[]);
    let before = served(&world.begun().await, &wanted).await;
    let changes = world.changes();
    assert_eq!(changes.get("CreateLoadBalancer"), Some(&1), "{changes:?}");
    let restarted = world.provider(&cluster());
    let owned = restarted.begin(Snapshot::default().known()).await;
    let owned: Vec<_> = owned.unwrap().into_iter().filter_map(|it| it.id).collect();
    assert_eq!(owned, std::slice::from_ref(&wanted.id));
    let after = served(&restarted, &wanted).await;
    assert_eq!(before.ingress, after.ingress);
    assert_eq!(world.changes(), changes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_scheme_is_another_load_balancer_and_the_old_one_goes() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let provider = world.begun().await;
    let internal = world.service("s1", &[80]);
    let before = served(&provider, &internal).await;
    let public = annotated(internal, &[("scheme", "internet-facing")]);
    let is = [
        "listener TCP 80",
        "load balancer internet-facing",
        "security group with 1",
        "target group TCP 80 with 3",
    ];
    settled(&world, &provider, &public, &is).await;
    let after = served(&provider, &public).await;
    assert_ne!(before.ingress, after.ingress);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_that_is_gone_is_made_again_before_the_same_target_groups() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let provider = world.begun().await;
    let wanted = world.service("s1", &[80]);
    served(&provider, &wanted).await;
    let before = world.parts("s1");
    world.ask("remove", serde_json::json!({}));
    assert_ne!(world.parts("s1"), before);
    provider.owned().await.expect("all is read");
    until(&provider, &wanted, "it is as before", |_| {
        world.parts("s1") == before
    })
    .await;
    assert_eq!(world.changes().get("CreateTargetGroup"), Some(&1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_protocol_and_pods_instead_of_nodes_come_behind_the_same_load_balancer() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let provider = world.begun().await;
    let mut wanted = world.service("s1", &[53]);
    let before = served(&provider, &wanted).await;
    wanted.ports[0].protocol = Protocol::Udp;
    let is = |group: &str| {
        [
            "listener UDP 53".to_owned(),
            "load balancer internal".to_owned(),
            "security group with 1".to_owned(),
            format!("target group UDP 53 with {group}"),
        ]
    };
    settled(&world, &provider, &wanted, &is("3")).await;
    let mut pods = annotated(wanted, &[("nlb-target-type", "ip")]);
    let endpoint = |node: &Node| Endpoint {
        port_name: "port-53".into(),
        protocol: Protocol::Udp,
        address: node.addresses[0],
        port: 5353,
        node: Some(node.name.clone()),
        zone: None,
    };
    pods.endpoints = pods.nodes.iter().take(2).map(endpoint).collect();
    settled(&world, &provider, &pods, &is("2")).await;
    let after = served(&provider, &pods).await;
    assert_eq!(before.ingress, after.ingress);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_at_chosen_addresses_is_made_once() {
    let Some(moto) = moto() else { return };
    let world = World::start(moto);
    let elastic = world.ids.elastic_ips.join(",");
    let rows: [(&str, &[(&str, &str)]); 2] = [
        (
            "s1",
            &[("scheme", "internet-facing"), ("eip-allocations", &elastic)],
        ),
        (
            "s2",
            &[("private-ipv4-addresses", "10.0.16.200,10.0.48.200")],
        ),
    ];
    for (made, (uid, annotations)) in (1..).zip(rows) {
        let wanted = annotated(world.service(uid, &[80]), annotations);
        served(&world.begun().await, &wanted).await;
        served(&world.begun().await, &wanted).await;
        let changes = world.changes();
        assert_eq!(changes.get("CreateLoadBalancer"), Some(&made), "{uid}");
    }
}
