//! Services, and doing with them what the controller does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use landfall_provider_api::{
    ClusterId, Error, Held, Ingress, LoadBalancer, LoadBalancerId, Node, Outcome, Port, Protocol,
    Provider, Retry, Serving, Snapshot, conformance,
};
use landfall_provider_aws::{Aws, Settings};
use landfall_test_aws::Ids;

/// Services that are worked on at once, as in the controller.
pub(crate) const AT_ONCE: usize = 8;

pub(crate) fn cluster() -> ClusterId {
    ClusterId {
        name: "bench".into(),
        uid: "c1".into(),
    }
}

pub(crate) fn settings(url: &str, region: &str, vpc: &str) -> Settings {
    Settings {
        region: Some(region.to_owned()),
        vpc: Some(vpc.to_owned()),
        endpoint: Some(url.to_owned()),
    }
}

pub(crate) fn nodes(ids: &[landfall_test_aws::Node]) -> Arc<[Node]> {
    let nodes = ids.iter().enumerate().map(|(index, node)| Node {
        name: format!("node-{index}"),
        addresses: vec![node.address.into()],
        provider_id: Some(node.provider_id.clone()),
        zone: Some(node.zone.clone()),
        labels: BTreeMap::new(),
    });
    nodes.collect()
}

pub(crate) fn service(uid: &str, ports: &[u16], nodes: &Arc<[Node]>) -> LoadBalancer {
    let port = |port: &u16| Port {
        name: format!("port-{port}"),
        protocol: Protocol::Tcp,
        port: *port,
        node_port: Some(30_000 + *port % 1000),
    };
    LoadBalancer {
        ports: ports.iter().map(port).collect(),
        nodes: nodes.clone(),
        ..conformance::load_balancer(&cluster(), uid)
    }
}

pub(crate) fn services(count: usize, ids: &Ids) -> Vec<LoadBalancer> {
    let nodes = nodes(&ids.nodes);
    let service = |index| service(&format!("s{index:04}"), &[80], &nodes);
    (0..count).map(service).collect()
}

pub(crate) async fn begun(provider: &Aws, wanted: &[LoadBalancer]) {
    let held = |wanted: &LoadBalancer| Held {
        id: wanted.id.clone(),
        service: wanted.service.clone(),
        created: wanted.created,
        ours: true,
        ingress: vec![Ingress::Hostname("web.example".into())],
        wanted: Some(wanted.clone()),
    };
    let snapshot = Snapshot {
        services: wanted.iter().map(held).collect(),
        adopts: None,
    };
    provider.begin(snapshot.known()).await.expect("it begins");
}

/// Ensures until everything is made; a failure is tried again after a growing delay.
pub(crate) async fn made(provider: &Aws, wanted: &LoadBalancer) {
    let mut delay = Duration::from_millis(100);
    loop {
        match provider.ensure(wanted).await {
            Ok(
                Outcome::Provisioned(_)
                | Outcome::Provisioning {
                    assigned: Some(_), ..
                },
            ) => return,
            Ok(_) => {}
            Err(error) => assert_ne!(error.retry(), Retry::WhenChanged, "{error}"),
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(Duration::from_secs(5));
    }
}

/// Makes all, as many at once as the controller works on.
pub(crate) async fn all_made(provider: &Aws, wanted: &[LoadBalancer]) {
    stream::iter(wanted)
        .for_each_concurrent(AT_ONCE, |it| made(provider, it))
        .await;
}

/// Ensures until traffic gets through.
pub(crate) async fn served(provider: &Aws, wanted: &LoadBalancer) {
    let mut changes = provider.changes();
    loop {
        match provider.ensure(wanted).await.expect("it is made") {
            Outcome::Provisioned(assigned) if assigned.serving == Serving::Yes => return,
            _ => while changes.next().await.as_ref() != Some(&wanted.id) {},
        }
    }
}

pub(crate) async fn released(provider: &Aws, id: &LoadBalancerId) {
    while let Err(error) = provider.release(id).await {
        assert!(
            matches!(error, Error::Unavailable { .. } | Error::Throttled { .. }),
            "{error}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
