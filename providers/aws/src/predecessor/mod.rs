//! The AWS Load Balancer Controller, as the cluster shows it: whether it runs, and which
//! TargetGroupBindings it has left. When it does not run any more, its leader's Lease is taken and kept, so that it
//! finds the place taken if it is started again. What it has made at AWS is read and taken over in `succession`.

mod bindings;
mod lease;

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use landfall_provider_api::ServiceName;
use landfall_watch::{Health, explain};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use bindings::{Bound, removal};
use lease::{Leader, OURS, USUAL, Watched, holds_for};

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
    /// Whether its Lease may be taken.
    may_lead: watch::Sender<bool>,
    /// Services that it has left TargetGroupBindings for.
    bound: watch::Sender<Bound>,
}

/// The Lease, while it is followed.
#[derive(Debug, Default)]
struct Following {
    watched: Watched,
    /// Until when what we wrote into it holds, with some time to spare.
    until: Option<Instant>,
}

impl Following {
    fn kept(&mut self, now: Instant, holds_for: Duration) {
        self.until = Some(now + holds_for * 2 / 3);
    }

    /// Whether somebody else may hold it by now.
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

/// What is written to a Lease of this version that is to be, or to stay, ours.
fn held(version: Option<&str>, holds_for: Duration, is_new: bool) -> serde_json::Value {
    let now = format!("{:.6}", Timestamp::now());
    let mut spec = json!({
        "holderIdentity": OURS, "renewTime": now, "leaseDurationSeconds": holds_for.as_secs(),
    });
    if is_new {
        spec["acquireTime"] = json!(now);
    }
    json!({"metadata": {"resourceVersion": version}, "spec": spec})
}

impl Predecessor {
    pub(crate) fn new(settings: TakesOver) -> Self {
        let lease = settings.lease();
        let unread =
            format!("the Lease {lease} of the AWS Load Balancer Controller was not read yet");
        Self {
            settings,
            aside: watch::Sender::new(Some(unread)),
            may_lead: watch::Sender::new(false),
            bound: watch::Sender::default(),
        }
    }

    /// Why its Services are left to it, while they are.
    pub(crate) fn aside(&self) -> watch::Receiver<Option<String>> {
        self.aside.subscribe()
    }

    /// Whether it has left TargetGroupBindings for a Service.
    pub(crate) fn has_bound(&self, service: &ServiceName) -> bool {
        self.bound.borrow().contains(service)
    }

    /// All Services that it has left some for.
    pub(crate) fn bound(&self) -> watch::Receiver<Bound> {
        self.bound.subscribe()
    }

    /// The Lease may be taken from now on: this process is the one that works.
    pub(crate) fn may_lead(&self) {
        self.may_lead.send_replace(true);
    }

    /// Follows its Lease, for ever: takes it when nobody leads, and keeps it.
    pub(crate) async fn follow_lease(&self, client: Client, health: Health) {
        let leases = Api::<Lease>::namespaced(client, &self.settings.lease_namespace);
        let part = format!("Lease {}", self.settings.lease());
        let mut may_lead = self.may_lead.subscribe();
        let mut following = Following::default();
        let mut pause = PAUSE;
        loop {
            // A call that hangs must not outlast what it is to keep, which holds for three times as long.
            let looked = tokio::time::timeout(PAUSE, self.look(&leases, &mut following)).await;
            let error = match looked {
                Ok(Ok(next)) => {
                    health.well(&part);
                    pause = next;
                    None
                }
                Ok(Err(error)) => Some(explain(&error)),
                Err(_) => Some("the API server does not answer".to_owned()),
            };
            if let Some(error) = error {
                health.trouble(&part, format!("cannot be read or kept: {error}"));
                tracing::warn!(lease = part, error, "cannot be read or kept");
                following.watched.missed();
                if following.is_over(Instant::now()) {
                    self.note(Some(format!("the {part} could not be kept: {error}")));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Without a sender the process is about to end.
                _ = may_lead.changed() => {}
            }
        }
    }

    /// Looks at the Lease once, and takes or keeps it where that is ours to do. Tells when to look again.
    async fn look(
        &self,
        leases: &Api<Lease>,
        following: &mut Following,
    ) -> Result<Duration, kube::Error> {
        let name = self.settings.lease();
        let lease = leases.get_opt(&self.settings.lease_name).await?;
        let version = lease
            .as_ref()
            .and_then(|it| it.metadata.resource_version.clone());
        let spec = lease.map(|it| it.spec.unwrap_or_default());
        let holds_for = spec.as_ref().map_or(PAUSE * LOOKS, holds_for);
        let leader = following.watched.read(spec.as_ref(), Instant::now());
        // What is given up with a short one, or is ours, is kept as is usual.
        let kept_for = holds_for.max(USUAL);
        let is_free = matches!(leader, Leader::Gone | Leader::Ours);
        let mut why = why_aside(&leader, &name);
        if is_free && *self.may_lead.borrow() {
            let is_new = leader == Leader::Gone;
            let patch = held(version.as_deref(), kept_for, is_new);
            let by = PatchParams::default();
            let asked_at = Instant::now();
            let kept = leases
                .patch(&self.settings.lease_name, &by, &Patch::Merge(patch))
                .await;
            match kept {
                Ok(_) => {
                    following.kept(asked_at, kept_for);
                    why = None;
                    if is_new {
                        tracing::info!(lease = name, "nobody led any more, so it is taken");
                    }
                }
                // Somebody was faster; the next reading tells who.
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    why = Some(format!(
                        "the Lease {name} was written by somebody else just now"
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        self.note(why);
        Ok(PAUSE.min(holds_for / LOOKS))
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
        bindings::follow(client, health, &self.bound).await;
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
        Leader::Ours => None,
        Leader::Gone => Some(format!(
            "nobody holds the Lease {lease}, and it is not taken yet"
        )),
        Leader::Works { holder } => Some(format!(
            "the AWS Load Balancer Controller runs: {holder} renews the Lease {lease}; scale it down to have its \
             Services taken over"
        )),
        Leader::Unsure { holder } => Some(format!(
            "the AWS Load Balancer Controller may run, or be about to: the Lease {lease} is {} and is being watched",
            match holder.as_str() {
                "" => "nobody's".to_owned(),
                holder => format!("{holder}'s"),
            }
        )),
        Leader::Absent => Some(format!(
            "there is no Lease {lease}, so nobody can tell whether the AWS Load Balancer Controller runs: say in \
             takesOver which one is its, or make an empty one there if it is gone for good"
        )),
    }
}
