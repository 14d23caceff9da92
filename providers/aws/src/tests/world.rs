//! A stand-in for AWS with a cluster in it, and Services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use futures::StreamExt;
use landfall_provider_api as api;
use landfall_provider_api::{
    Assigned, ClusterId, LoadBalancer, LoadBalancerId, Node, Outcome, Port, Protocol, Provider,
    Serving, Snapshot,
};
use landfall_test_aws as stand_in;
use stand_in::{Ids, Options, When};

use crate::asked::{Asked, PREFIX};
use crate::calls::Pace;
use crate::{Aws, Settings, Timing};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stand-in with a cluster.
pub(super) struct World {
    pub(super) aws: stand_in::Aws,
    pub(super) ids: Ids,
}

/// What AWS takes time for takes none, but for the tag query.
pub(super) fn quick() -> Options {
    Options {
        provisioning: Duration::ZERO,
        initial: Duration::ZERO,
        draining: Duration::ZERO,
        interface_lag: Duration::ZERO,
        ..Options::default()
    }
}

impl World {
    pub(super) fn start() -> Self {
        Self::with(quick())
    }

    pub(super) fn with(options: Options) -> Self {
        let aws = stand_in::Aws::start(options);
        let world = stand_in::World {
            cluster: "conformance".to_owned(),
            pods_per_node: 2,
            ..stand_in::World::default()
        };
        let ids = aws.world(&world);
        Self { aws, ids }
    }

    /// A provider as one that has just started, which has seen nothing.
    pub(super) fn provider(&self, cluster: &ClusterId) -> Aws {
        let settings = Settings {
            region: Some(self.aws.region()),
            vpc: Some(self.ids.vpc.clone()),
            endpoint: Some(self.aws.url()),
        };
        hurried(settings, &Options::default().keys[0], cluster)
    }

    /// One that has begun, in a cluster without Services.
    pub(super) async fn begun(&self) -> Aws {
        let provider = self.provider(&cluster());
        let begun = provider.begin(Snapshot::default().known()).await;
        begun.expect("it begins");
        provider
    }

    pub(super) fn nodes(&self) -> Vec<Node> {
        let nodes = self.ids.nodes.iter().enumerate();
        let nodes = nodes.map(|(index, node)| Node {
            name: format!("node-{index}"),
            addresses: vec![node.address.into()],
            provider_id: Some(node.provider_id.clone()),
            zone: Some(node.zone.clone()),
            labels: BTreeMap::new(),
        });
        nodes.collect()
    }

    /// A Service with TCP ports.
    pub(super) fn service(&self, uid: &str, ports: &[u16]) -> LoadBalancer {
        LoadBalancer {
            nodes: Arc::from(self.nodes()),
            ..service(uid, ports)
        }
    }

    /// Works until AWS stops at the n-th call from now; `false` if there are fewer.
    pub(super) async fn is_cut(
        &self,
        n: usize,
        when: When,
        work: impl Future<Output = ()>,
    ) -> bool {
        self.aws.stop_at(n, when);
        tokio::select! {
            () = work => false,
            () = self.aws.stopped() => true,
        }
    }

    /// AWS goes on, after whoever was held has ended.
    pub(super) fn go_on(&self) {
        self.aws.drop_held();
        self.aws.go_on();
    }

    /// How often AWS was called.
    pub(super) fn count(&self) -> usize {
        self.aws.counts().values().sum()
    }

    /// What was called, and how often, in one line.
    pub(super) fn called(&self) -> String {
        let counts = self.aws.counts();
        let counts: Vec<_> = counts
            .iter()
            .map(|(action, count)| format!("{action} {count}"))
            .collect();
        counts.join(", ")
    }
}

/// A provider with this access key, that waits for nothing longer than a test must.
pub(super) fn hurried(settings: Settings, key: &str, cluster: &ClusterId) -> Aws {
    let credentials = Credentials::new(key, "secret", None, None, "tests");
    Aws {
        pace: Pace::unlimited(),
        timing: Timing {
            farewell: Duration::from_millis(50),
            first_look: Duration::from_millis(20),
        },
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..Aws::new(settings, cluster.clone())
    }
}

pub(super) fn cluster() -> ClusterId {
    ClusterId {
        name: "conformance".into(),
        uid: "c1".into(),
    }
}

pub(crate) fn service(uid: &str, ports: &[u16]) -> LoadBalancer {
    let port = |port: &u16| Port {
        name: format!("port-{port}"),
        protocol: Protocol::Tcp,
        port: *port,
        node_port: Some(30_000 + *port % 1000),
    };
    LoadBalancer {
        ports: ports.iter().map(port).collect(),
        ..api::conformance::load_balancer(&cluster(), uid)
    }
}

/// The same with annotations, by the ends of their names.
pub(super) fn annotated(mut service: LoadBalancer, annotations: &[(&str, &str)]) -> LoadBalancer {
    for (suffix, value) in annotations {
        let name = format!("{PREFIX}{suffix}");
        service.annotations.insert(name, (*value).to_owned());
    }
    service
}

/// What annotations ask for.
pub(crate) fn asked(annotations: &[(&str, &str)]) -> Asked {
    let service = annotated(service("s1", &[80]), annotations);
    Asked::parse(&service).expect("it can be followed")
}

/// Ensures again and again, as the controller would, until this holds.
pub(super) async fn until(
    provider: &Aws,
    wanted: &LoadBalancer,
    what: &str,
    holds: impl Fn(&Outcome) -> bool,
) -> Outcome {
    let mut changes = provider.changes();
    let mut last = None;
    let looking = async {
        loop {
            let outcome = provider.ensure(wanted).await;
            if let Ok(outcome) = &outcome
                && holds(outcome)
            {
                return outcome.clone();
            }
            let is_failed = outcome.is_err();
            last = Some(outcome);
            if is_failed {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            while changes.next().await.as_ref() != Some(&wanted.id) {}
        }
    };
    let outcome = tokio::time::timeout(PATIENCE, looking).await;
    outcome.unwrap_or_else(|_| panic!("it never came to this: {what}; last: {last:?}"))
}

/// Ensures until traffic gets through.
pub(super) async fn served(provider: &Aws, wanted: &LoadBalancer) -> Assigned {
    let serves = |outcome: &Outcome| matches!(outcome, Outcome::Provisioned(it) if it.serving == Serving::Yes);
    match until(provider, wanted, "it serves", serves).await {
        Outcome::Provisioned(assigned) => assigned,
        other => panic!("it was provisioned, and is {other:?}"),
    }
}

/// Releases again and again, as the controller would, until nothing is left.
pub(super) async fn released(provider: &Aws, id: &LoadBalancerId) {
    let releasing = async {
        while provider.release(id).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let released = tokio::time::timeout(PATIENCE, releasing).await;
    released.expect("it is released in the end");
}

/// What there is at AWS for the Service that has this UID, in one word each.
pub(super) fn parts(world: &World, uid: &str) -> Vec<String> {
    let everything = world.aws.everything();
    let is_its =
        |tags: &stand_in::Map| tags.get(api::tags::SERVICE_UID).is_some_and(|it| it == uid);
    let mut parts: Vec<String> = Vec::new();
    let balancers = everything
        .load_balancers
        .iter()
        .filter(|it| is_its(&it.tags));
    parts.extend(balancers.map(|it| format!("load balancer {}", it.scheme)));
    let groups = everything
        .target_groups
        .iter()
        .filter(|it| is_its(&it.tags));
    parts.extend(groups.map(|it| {
        let registered = it.targets.len();
        format!("target group {} {} with {registered}", it.protocol, it.port)
    }));
    let listeners = everything.listeners.iter().filter(|it| is_its(&it.tags));
    parts.extend(listeners.map(|it| format!("listener {} {}", it.protocol, it.port)));
    let fronts = everything
        .security_groups
        .iter()
        .filter(|it| is_its(&it.tags));
    parts.extend(fronts.map(|it| format!("security group with {}", world.aws.rules(&it.id).len())));
    parts.sort();
    parts
}
