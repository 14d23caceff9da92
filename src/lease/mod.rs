//! Leader election on a Lease (`coordination.k8s.io/v1`): of several replicas one works.
//!
//! [`election`] decides; here are the reads, writes and waits. Whoever leads learns it from a
//! [`Gate`] and asks it right before each effect. Whoever has lost the Lease ends: what it had in
//! mind may be out of date.

pub mod election;

use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use landfall_watch::{explain, sleep_until};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use election::{Election, Holding, Next, Timing};

/// Time that the API server has to answer one call.
const ANSWER: Duration = Duration::from_secs(5);

/// Which Lease, and who we are.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Namespace of the Lease. It must exist.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// `spec.holderIdentity`; no two candidates may share it.
    pub identity: String,
    /// The periods.
    pub timing: Timing,
}

/// Whether effects are allowed now.
#[derive(Debug, Clone)]
pub struct Gate(Option<watch::Receiver<Option<Instant>>>);

/// The Lease was ours and is no longer.
#[derive(Debug, thiserror::Error)]
#[error("the Lease {namespace}/{name} was lost: {why}; another replica works now")]
pub struct Lost {
    namespace: String,
    name: String,
    why: &'static str,
}

impl Gate {
    /// For those who run alone.
    pub fn open() -> Self {
        Self(None)
    }

    /// Whether we lead now.
    pub fn is_open(&self) -> bool {
        let Some(until) = &self.0 else { return true };
        until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until we lead.
    pub async fn opened(&mut self) {
        if let Some(until) = &mut self.0
            && until.wait_for(Option::is_some).await.is_err()
        {
            // The election has ended without us.
            std::future::pending::<()>().await;
        }
    }
}

/// Why a call about the Lease came to nothing.
enum Failed {
    /// Somebody else wrote it, or it is gone: this is what stands now.
    Overtaken(Option<Holding>),
    /// The API server did not do it.
    Not(String),
}

/// Takes part in the election until `stop` is cancelled, then gives the Lease up. The gate that
/// comes with it opens when we lead.
pub fn campaign(
    client: Client,
    candidate: Candidate,
    stop: CancellationToken,
) -> (Gate, impl Future<Output = Result<(), Lost>>) {
    let (sender, receiver) = watch::channel(None);
    let campaign = Campaign {
        api: Api::namespaced(client, &candidate.namespace),
        election: Election::new(candidate.identity.clone(), candidate.timing),
        candidate,
        gate: sender,
    };
    (Gate(Some(receiver)), campaign.run(stop))
}

struct Campaign {
    api: Api<Lease>,
    candidate: Candidate,
    election: Election,
    gate: watch::Sender<Option<Instant>>,
}

impl Campaign {
    async fn run(mut self, stop: CancellationToken) -> Result<(), Lost> {
        let name = format!("metadata.name={}", self.candidate.name);
        let config = watcher::Config::default().fields(&name);
        let events = watcher(self.api.clone(), config).default_backoff();
        let mut events = std::pin::pin!(events);
        // What a list finds is seen when the list is complete.
        let mut listed = None;
        let mut known = false;
        loop {
            let wait_until = if known { self.step().await? } else { None };
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(wait_until) => {}
                event = events.next() => match event {
                    Some(Ok(Event::Init)) => listed = None,
                    Some(Ok(Event::InitApply(lease))) => listed = Some(holding(&lease)),
                    Some(Ok(Event::InitDone)) => {
                        known = true;
                        self.see(listed.take());
                    }
                    Some(Ok(Event::Apply(lease))) => self.see(Some(holding(&lease))),
                    Some(Ok(Event::Delete(_))) => self.see(None),
                    Some(Err(error)) => {
                        tracing::warn!(error = explain(&error), "the watch of the Lease was interrupted; trying again");
                    }
                    None => break,
                },
            }
        }
        self.give_up().await;
        Ok(())
    }

    fn see(&mut self, holding: Option<Holding>) {
        let led = self.election.leads_until().is_some();
        if let Some(holding) = holding
            .as_ref()
            .filter(|it| it.holder != self.candidate.identity)
            && !led
            && !holding.holder.is_empty()
        {
            tracing::debug!(leader = holding.holder, "another replica leads");
        }
        self.election.see(holding, Instant::now());
    }

    /// Does what is to be done now. Returns when to look again.
    async fn step(&mut self) -> Result<Option<Instant>, Lost> {
        let now = Instant::now();
        self.check_lost(now)?;
        let written = match self.election.next(now) {
            Next::Wait(at) => {
                let deadline = self.election.leads_until();
                return Ok(Some(deadline.map_or(at, |deadline| deadline.min(at))));
            }
            Next::Create => self.create().await,
            Next::Write { transitions, taken } => self.write(transitions, taken).await,
        };
        match written {
            Ok(holding) => {
                if self.gate.borrow().is_none() {
                    tracing::info!(identity = self.candidate.identity, "leading");
                }
                self.election.wrote(holding, now);
                self.gate.send_replace(self.election.leads_until());
            }
            Err(Failed::Overtaken(holding)) => {
                self.election.overtaken(holding, Instant::now());
            }
            Err(Failed::Not(why)) => {
                let Candidate {
                    namespace, name, ..
                } = &self.candidate;
                tracing::warn!(lease = %format_args!("{namespace}/{name}"), why, "the Lease could not be written");
                self.election.failed(Instant::now());
            }
        }
        Ok(Some(Instant::now()))
    }

    /// A gate that was open and is closed now is the end.
    fn check_lost(&self, now: Instant) -> Result<(), Lost> {
        if self.gate.borrow().is_none() || self.election.leads(now) {
            return Ok(());
        }
        self.gate.send_replace(Some(now));
        Err(Lost {
            namespace: self.candidate.namespace.clone(),
            name: self.candidate.name.clone(),
            why: if self.election.leads_until().is_some() {
                "it could not be renewed in time"
            } else {
                "another holds it"
            },
        })
    }

    async fn create(&self) -> Result<Holding, Failed> {
        let mut lease = Lease::default();
        lease.metadata.name = Some(self.candidate.name.clone());
        let now = MicroTime(jiff::Timestamp::now());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.candidate.identity.clone()),
            lease_duration_seconds: Some(self.lease_seconds()),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        });
        let parameters = PostParams::default();
        self.answer(self.api.create(&parameters, &lease)).await
    }

    async fn write(&self, transitions: i32, taken: bool) -> Result<Holding, Failed> {
        let now = MicroTime(jiff::Timestamp::now());
        let mut spec = json!({
            "holderIdentity": self.candidate.identity,
            "leaseDurationSeconds": self.lease_seconds(),
            "renewTime": now,
            "leaseTransitions": transitions,
        });
        if taken {
            spec["acquireTime"] = json!(now);
        }
        self.patch(spec).await
    }

    /// Lets another take the Lease at once.
    async fn give_up(mut self) {
        if !self.election.leads(Instant::now()) {
            return;
        }
        self.gate.send_replace(Some(Instant::now()));
        let spec = json!({"holderIdentity": "", "leaseDurationSeconds": 1});
        match self.patch(spec).await {
            Ok(holding) => self.election.see(Some(holding), Instant::now()),
            Err(Failed::Overtaken(_)) => {}
            Err(Failed::Not(why)) => tracing::warn!(why, "the Lease was not given up; it runs out"),
        }
    }

    /// Writes at the version that was seen, so that what somebody else wrote since stands.
    async fn patch(&self, spec: serde_json::Value) -> Result<Holding, Failed> {
        let version = self.election.version();
        let body = json!({"metadata": {"resourceVersion": version}, "spec": spec});
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(body));
        self.answer(self.api.patch(&self.candidate.name, &parameters, &patch))
            .await
    }

    async fn answer(
        &self,
        call: impl Future<Output = Result<Lease, kube::Error>>,
    ) -> Result<Holding, Failed> {
        match timeout(self.patience(), call).await {
            Ok(Ok(lease)) => Ok(holding(&lease)),
            Ok(Err(kube::Error::Api(status)))
                if status.is_conflict() || status.is_already_exists() =>
            {
                Err(self.read().await)
            }
            Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Err(
                if status
                    .details
                    .as_ref()
                    .is_some_and(|it| it.kind == "namespaces")
                {
                    Failed::Not(format!("{}; create that namespace", status.message))
                } else {
                    Failed::Overtaken(None)
                },
            ),
            Ok(Err(error)) => Err(Failed::Not(explain(&error))),
            Err(_) => Err(Failed::Not("no answer in time".to_owned())),
        }
    }

    async fn read(&self) -> Failed {
        match timeout(self.patience(), self.api.get_opt(&self.candidate.name)).await {
            Ok(Ok(lease)) => Failed::Overtaken(lease.as_ref().map(holding)),
            Ok(Err(error)) => Failed::Not(explain(&error)),
            Err(_) => Failed::Not("no answer in time".to_owned()),
        }
    }

    /// How long an answer is waited for: a leader must notice when its time is up.
    fn patience(&self) -> Duration {
        let until = self.election.leads_until();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(ANSWER, |left| left.min(ANSWER))
    }

    fn lease_seconds(&self) -> i32 {
        i32::try_from(self.candidate.timing.lease.as_secs()).unwrap_or(i32::MAX)
    }
}

fn holding(lease: &Lease) -> Holding {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|it| u64::try_from(it).ok());
    Holding {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds.unwrap_or_default()),
        transitions: spec.lease_transitions.unwrap_or_default(),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    }
}
