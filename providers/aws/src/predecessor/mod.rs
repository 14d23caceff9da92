//! The AWS Load Balancer Controller, as the cluster shows it: whether it runs, and which
//! TargetGroupBindings it has left. It reads two kinds at the API server and writes nothing; what that
//! controller has made at AWS is read and taken over in `succession`.

mod bindings;
mod lease;

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use landfall_provider_api::ServiceName;
use landfall_watch::{Health, explain};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use bindings::{Bindings, removal};
use lease::{Leader, Watched, holds_for};

/// From one reading of its Lease to the next, if it holds long enough.
const PAUSE: Duration = Duration::from_secs(5);
/// Readings while a Lease holds.
const LOOKS: u32 = 3;

/// How the AWS Load Balancer Controller was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakesOver {
    /// Its `--cluster-name`: the value of the tag `elbv2.k8s.aws/cluster` on what it has made.
    pub cluster_name: String,
    /// Namespace of its leader's Lease.
    pub lease_namespace: String,
    /// Name of that Lease: its `--leader-election-id`.
    pub lease_name: String,
}

/// What is known of it.
#[derive(Debug)]
pub(crate) struct Predecessor {
    pub(crate) settings: TakesOver,
    /// Why its Services are left to it, if they are.
    aside: watch::Sender<Option<String>>,
    bindings: watch::Sender<Bindings>,
}

impl Predecessor {
    pub(crate) fn new(settings: TakesOver) -> Self {
        let lease = settings.lease();
        let unread =
            format!("the Lease {lease} of the AWS Load Balancer Controller was not read yet");
        Self {
            settings,
            aside: watch::Sender::new(Some(unread)),
            bindings: watch::Sender::default(),
        }
    }

    /// Why its Services are left to it, while they are.
    pub(crate) fn aside(&self) -> watch::Receiver<Option<String>> {
        self.aside.subscribe()
    }

    /// The TargetGroupBindings that it has left for a Service, by name.
    pub(crate) fn bindings(&self, service: &ServiceName) -> Vec<String> {
        self.bindings.borrow().of(service)
    }

    /// Changes of them.
    pub(crate) fn bindings_change(&self) -> watch::Receiver<Bindings> {
        self.bindings.subscribe()
    }

    /// Follows its Lease, for ever.
    pub(crate) async fn follow_lease(&self, client: Client, health: Health) {
        let leases = Api::<Lease>::namespaced(client, &self.settings.lease_namespace);
        let name = self.settings.lease();
        let part = format!("Lease {name}");
        let mut watched = Watched::default();
        loop {
            let mut pause = PAUSE;
            match leases.get_opt(&self.settings.lease_name).await {
                Ok(lease) => {
                    health.well(&part);
                    let spec = lease.map(|it| it.spec.unwrap_or_default());
                    if let Some(spec) = &spec {
                        pause = pause.min(holds_for(spec) / LOOKS);
                    }
                    let leader = watched.read(spec.as_ref(), Instant::now());
                    self.note(why_aside(&leader, &name));
                }
                // It says nothing; what was known before stands.
                Err(error) => {
                    let error = explain(&error);
                    health.trouble(&part, format!("cannot be read: {error}"));
                    tracing::warn!(lease = name, error, "cannot be read");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Its Services are left to it for this reason from now on.
    pub(crate) fn note(&self, why: Option<String>) {
        self.aside.send_if_modified(|aside| {
            let is_another = *aside != why;
            *aside = why;
            is_another
        });
    }

    /// Follows its TargetGroupBindings, for ever.
    pub(crate) async fn follow_bindings(&self, client: Client, health: Health) {
        bindings::follow(client, health, &self.bindings).await;
    }
}

impl TakesOver {
    fn lease(&self) -> String {
        format!("{}/{}", self.lease_namespace, self.lease_name)
    }
}

/// Follows what is to be known of it, until the tasks are dropped.
pub(crate) fn follow(
    predecessor: &std::sync::Arc<Predecessor>,
    client: &Client,
    health: &Health,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (leased, client_of, health_of) = (predecessor.clone(), client.clone(), health.clone());
    tasks.spawn(async move { leased.follow_lease(client_of, health_of).await });
    let (bound, client, health) = (predecessor.clone(), client.clone(), health.clone());
    tasks.spawn(async move { bound.follow_bindings(client, health).await });
    tasks
}

/// Why its Services are left to it, of which the Lease of this name says that.
fn why_aside(leader: &Leader, lease: &str) -> Option<String> {
    match leader {
        Leader::Gone => None,
        Leader::Works { holder } => Some(format!(
            "the AWS Load Balancer Controller runs: {holder} renews the Lease {lease}; scale it down to have its \
             Services taken over"
        )),
        Leader::Unsure { holder } => Some(format!(
            "the AWS Load Balancer Controller may run: {holder} holds the Lease {lease}, which is being watched"
        )),
        Leader::Absent => Some(format!(
            "there is no Lease {lease}, so nobody can tell whether the AWS Load Balancer Controller runs: say in \
             takesOver which one is its, or make an empty one there if it is gone for good"
        )),
    }
}
