//! What every provider must do, as checks that each provider's own tests run against its real
//! backend. A check panics with the promise that was broken.

mod adopting;
mod failing;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::{BoxFuture, FutureExt, ready};

use crate::{
    Affinity, Assigned, ClusterId, Error, Family, FamilyPolicy, Held, Ingress, LoadBalancer,
    LoadBalancerId, Node, Outcome, Port, Protocol, Provider, ServiceName, Snapshot, TrafficPolicy,
};

pub use failing::Trouble;

/// A backend under test, with nothing in it at the start of each check.
pub trait Subject {
    /// A provider for this cluster, as one that has just started would be made: it has seen
    /// nothing of what another made before it.
    fn provider(&self, cluster: &ClusterId) -> Box<dyn Provider>;

    /// Nodes that the backend can send traffic to.
    fn nodes(&self) -> Vec<Node>;

    /// Brings a trouble about; `false` if this subject cannot, and then its check shows nothing.
    fn provoke(&self, _trouble: Trouble) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }

    /// Ends all troubles that were brought about.
    fn mend(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

/// Runs the checks of a provider that has nothing outside the process, so that the Services'
/// statuses are the only record, each on a backend of its own that `start` makes.
pub async fn inside<S: Subject>(start: impl AsyncFn() -> S) {
    the_same_ensured_twice_is_one(&start().await).await;
    an_address_stays_when_the_rest_changes(&start().await).await;
    a_release_leaves_nothing_and_may_be_repeated(&start().await).await;
    what_another_process_made_is_taken_over(&start().await).await;
    load_balancers_do_not_share_an_address(&start().await).await;
    failing::who_found_nothing_left_is_woken(&start().await).await;
}

/// Runs every check, each on a backend of its own that `start` makes.
pub async fn all<S: Subject>(start: impl AsyncFn() -> S) {
    the_same_ensured_twice_is_one(&start().await).await;
    an_address_stays_when_the_rest_changes(&start().await).await;
    a_release_leaves_nothing_and_may_be_repeated(&start().await).await;
    what_another_process_made_is_taken_over(&start().await).await;
    clusters_of_one_name_do_not_meet(&start().await).await;
    load_balancers_do_not_share_an_address(&start().await).await;
    adopting::all(&start).await;
    failing::all(start).await;
}

async fn the_same_ensured_twice_is_one(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let first = ensured(&*provider, &wanted).await;
    let second = ensured(&*provider, &wanted).await;
    assert_eq!(first, second, "the same request got another answer");
    let owned = provider.owned().await.expect("owned");
    let mine = owned.iter().filter(|o| o.id.as_ref() == Some(&wanted.id));
    assert_eq!(
        mine.count(),
        1,
        "one Service has one load balancer: {owned:?}"
    );
}

async fn an_address_stays_when_the_rest_changes(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    let mut wanted = wanted(subject, &cluster("c1"), "s1");
    let before = ensured(&*provider, &wanted).await;
    wanted.ports[0].port += 1;
    wanted.nodes = wanted.nodes.iter().skip(1).cloned().collect();
    let after = ensured(&*provider, &wanted).await;
    assert_eq!(
        before.ingress, after.ingress,
        "an address that was assigned moved"
    );
}

async fn a_release_leaves_nothing_and_may_be_repeated(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    let wanted = wanted(subject, &cluster("c1"), "s1");
    ensured(&*provider, &wanted).await;
    for _ in 0..2 {
        provider.release(&wanted.id).await.expect("release");
        let owned = provider.owned().await.expect("owned");
        assert!(
            owned.iter().all(|o| o.id.as_ref() != Some(&wanted.id)),
            "a release left something behind: {owned:?}"
        );
    }
    ensured(&*provider, &wanted).await;
}

async fn what_another_process_made_is_taken_over(subject: &impl Subject) {
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let before = {
        let provider = begun(subject, &cluster("c1")).await;
        ensured(&*provider, &wanted).await
    };
    let held = |ingress: &[Ingress]| Snapshot {
        services: vec![Held {
            id: wanted.id.clone(),
            service: wanted.service.clone(),
            created: wanted.created,
            ours: true,
            ingress: ingress.to_vec(),
            wanted: Some(wanted.clone()),
        }],
        adopts: None,
    };
    let begun = async || {
        let provider = subject.provider(&cluster("c1"));
        let snapshot = held(&before.ingress).known();
        provider.begin(snapshot).await.expect("begin");
        provider
    };
    let provider = begun().await;
    let after = ensured(&*provider, &wanted).await;
    assert_eq!(before.ingress, after.ingress, "a restart moved an address");
    let owned = provider.owned().await.expect("owned");
    assert_eq!(
        owned.len(),
        1,
        "a restart made a second load balancer: {owned:?}"
    );
    let again = begun().await;
    again.release(&wanted.id).await.expect("release");
    assert!(again.owned().await.expect("owned").is_empty());
}

async fn clusters_of_one_name_do_not_meet(subject: &impl Subject) {
    let (ours, theirs) = (cluster("c1"), cluster("c2"));
    let provider = begun(subject, &ours).await;
    ensured(&*provider, &wanted(subject, &ours, "s1")).await;
    let other = subject.provider(&theirs);
    let refused = other.begin(Snapshot::default().known()).await;
    let Err(Error::NameTaken { name, uid }) = refused else {
        panic!("a second cluster of one name was let in: {refused:?}")
    };
    assert_eq!((name, uid), (ours.name, ours.uid));
    let seen = other.owned().await.expect("owned");
    assert!(
        seen.is_empty(),
        "another cluster's things were taken for ours: {seen:?}"
    );
    let same_service = LoadBalancerId {
        cluster: theirs,
        service_uid: "s1".into(),
    };
    other.release(&same_service).await.expect("release");
    let kept = provider.owned().await.expect("owned");
    assert_eq!(
        kept.len(),
        1,
        "another cluster's load balancer was released"
    );
}

async fn load_balancers_do_not_share_an_address(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    let mut seen = Vec::new();
    for uid in ["s1", "s2", "s3"] {
        let wanted = wanted(subject, &cluster("c1"), uid);
        seen.extend(ensured(&*provider, &wanted).await.ingress);
    }
    for (index, ingress) in seen.iter().enumerate() {
        assert!(
            !seen[..index].contains(ingress),
            "{ingress:?} was given twice"
        );
    }
}

async fn begun(subject: &impl Subject, cluster: &ClusterId) -> Box<dyn Provider> {
    let provider = subject.provider(cluster);
    provider
        .begin(Snapshot::default().known())
        .await
        .expect("begin");
    provider
}

/// Ensures until it is provisioned, as the controller would.
async fn ensured(provider: &dyn Provider, wanted: &LoadBalancer) -> Assigned {
    use futures::StreamExt;
    let mut changes = provider.changes();
    loop {
        match provider.ensure(wanted).await.expect("ensure") {
            Outcome::Provisioned(assigned) => {
                check_ingress(&assigned.ingress);
                return assigned;
            }
            Outcome::Provisioning { .. } | Outcome::Waiting { .. } => {
                changes.next().await.expect("a change ends the wait");
            }
        }
    }
}

fn check_ingress(ingress: &[Ingress]) {
    assert!(!ingress.is_empty(), "provisioned, but nowhere to land");
    for entry in ingress {
        match entry {
            Ingress::Ip { address, .. } => {
                let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
                assert!(!mapped, "{address} is an IPv4-mapped IPv6 address");
            }
            Ingress::Hostname(name) => {
                assert_eq!(*name, name.to_lowercase(), "host names are lower case");
            }
        }
    }
}

fn cluster(uid: &str) -> ClusterId {
    ClusterId {
        name: "conformance".into(),
        uid: uid.into(),
    }
}

fn wanted(subject: &impl Subject, cluster: &ClusterId, uid: &str) -> LoadBalancer {
    LoadBalancer {
        nodes: Arc::from(subject.nodes()),
        ..load_balancer(cluster, uid)
    }
}

/// What the Service `default/web-UID` of a cluster asks for who wants nothing special: TCP port 8080, with node port
/// 30080, for everybody, on no nodes.
pub fn load_balancer(cluster: &ClusterId, uid: &str) -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId {
            cluster: cluster.clone(),
            service_uid: uid.into(),
        },
        service: ServiceName {
            namespace: "default".into(),
            name: format!("web-{uid}"),
        },
        created: SystemTime::UNIX_EPOCH,
        ports: vec![Port {
            name: String::new(),
            protocol: Protocol::Tcp,
            port: 8080,
            node_port: Some(30080),
        }],
        families: vec![Family::IPv4],
        family_policy: FamilyPolicy::SingleStack,
        requested_addresses: Vec::new(),
        source_ranges: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        affinity: Affinity::None,
        nodes: Arc::default(),
        endpoint_nodes: BTreeSet::new(),
        endpoints: Vec::new(),
        labels: BTreeMap::new(),
        awaited: BTreeSet::new(),
        namespace_labels: Arc::default(),
        annotations: BTreeMap::new(),
    }
}
