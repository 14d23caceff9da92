//! The provider that makes Network Load Balancers at AWS.
//!
//! `calls` is all that speaks to AWS, and knows nothing of Services. `asked` parses what a Service asks for,
//! `build` looks up what that means here, `plan` compares it with what is seen and says one step at a time,
//! `act` takes it. `view` holds what is seen of all Services: it is read once, when a controller starts
//! (`begin`), then compared with AWS in bulk (`refreshing`) or, where AWS has no bulk read, one by one
//! (`rotation`). What AWS needs time for is asked about in `pending`.

mod account;
mod act;
mod answer;
mod asked;
mod awaited;
mod begin;
mod build;
mod calls;
mod ensuring;
mod gates;
mod given;
mod names;
mod pending;
mod plan;
mod predecessor;
mod read;
mod refreshing;
mod releasing;
mod rotation;
mod seen;
mod subnets;
mod succession;
mod surroundings;
mod targets;
#[cfg(test)]
mod tests;
mod view;
mod waiting;
mod wanted;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::SharedCredentialsProvider;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use kube::Client;
use landfall_provider_api::{
    Capabilities, ClusterId, EndpointInput, Error, Family, Inputs, LoadBalancer, LoadBalancerId,
    Outcome, Owned, Protocol, Provider, Snapshot,
};
use landfall_watch::Health;
use prometheus_client::collector::Collector;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;

pub use predecessor::TakesOver;

use account::Account;
use calls::{Counters, Pace};
use predecessor::Predecessor;
use waiting::Waiting;

/// Where AWS is, and which part of it is the cluster's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `eu-west-1`; else from the environment, the profile, or the instance metadata service.
    pub region: Option<String>,
    /// Id of the cluster's VPC; else from the instance metadata service.
    pub vpc: Option<String>,
    /// URL that takes the calls of every service, instead of AWS's own.
    pub endpoint: Option<String>,
}

/// How long what takes its time is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// How long a load balancer stays whose place another has taken.
    pub(crate) farewell: Duration,
    /// When AWS is first asked how far it is.
    pub(crate) first_look: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            farewell: plan::FAREWELL,
            first_look: Duration::from_secs(1),
        }
    }
}

/// The provider, for one cluster.
#[derive(Debug)]
pub struct Aws {
    cluster: ClusterId,
    settings: Settings,
    pace: Pace,
    timing: Timing,
    /// Instead of those that are found where the program runs.
    credentials: Option<SharedCredentialsProvider>,
    /// What is counted of the calls.
    counters: Counters,
    waiting: Waiting,
    /// Whose load balancers it takes over, with the tasks that follow it.
    predecessor: Option<(Arc<Predecessor>, JoinSet<()>)>,
    /// Since it has begun, with the tasks that ask AWS by themselves.
    account: OnceCell<(Arc<Account>, JoinSet<()>)>,
}

impl Aws {
    /// A provider that calls nobody yet.
    pub fn new(settings: Settings, cluster: ClusterId) -> Self {
        Self {
            cluster,
            settings,
            pace: Pace::default(),
            timing: Timing::default(),
            credentials: None,
            counters: Counters::default(),
            waiting: Waiting::default(),
            predecessor: None,
            account: OnceCell::new(),
        }
    }

    /// Takes over what the AWS Load Balancer Controller has made, as soon as that does not run any more: what
    /// it is found out from the API server that the client speaks to. What keeps it from that goes to
    /// `health`. To be called within a runtime.
    #[must_use]
    pub fn taking_over(mut self, settings: TakesOver, client: &Client, health: &Health) -> Self {
        let predecessor = Arc::new(Predecessor::new(settings));
        let tasks = predecessor::follow(&predecessor, client, health);
        self.predecessor = Some((predecessor, tasks));
        self
    }

    /// Why Services that are not of its own class are left to somebody else, while they are.
    pub fn aside(&self) -> Option<watch::Receiver<Option<String>>> {
        let (predecessor, _) = self.predecessor.as_ref()?;
        Some(predecessor.aside())
    }

    /// Tells a scrape of the metrics how often AWS was called, how that ended and how long it took.
    pub fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.counters.clone())
    }

    /// How many calls it lets itself make, for people: the rate and the burst of each family of
    /// AWS's actions, in one line.
    pub fn budgets() -> String {
        calls::budgets()
    }

    async fn account(&self) -> Result<&Arc<Account>, Error> {
        let connect = async || {
            let Settings {
                region,
                vpc,
                endpoint,
            } = self.settings.clone();
            let settings = calls::Settings {
                region,
                vpc,
                endpoint,
                imds: None,
            };
            let (cluster, pace) = (self.cluster.clone(), self.pace.clone());
            let (waiting, counters) = (self.waiting.clone(), self.counters.clone());
            let calls = calls::connect(settings, pace, self.credentials.clone(), counters).await;
            let calls = calls.map_err(|error| Error::unavailable(error.to_string()))?;
            let predecessor = self.predecessor.as_ref().map(|(it, _)| it.clone());
            let account = Account::new(cluster, calls, self.timing, waiting, predecessor.clone());
            let account = Arc::new(account);
            let mut tasks = JoinSet::new();
            if let Some(predecessor) = predecessor {
                let telling = account.clone();
                tasks.spawn(async move { telling.tell_of_bindings(&predecessor).await });
            }
            let asking = account.clone();
            tasks.spawn(async move { asking.ask_of_pending().await });
            let rotating = account.clone();
            tasks.spawn(async move { rotating.rotate().await });
            Ok((account, tasks))
        };
        let (account, _) = self.account.get_or_try_init(connect).await?;
        Ok(account)
    }
}

#[async_trait]
impl Provider for Aws {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            protocols: vec![Protocol::Tcp, Protocol::Udp],
            families: vec![Family::IPv4, Family::IPv6],
            // Pods need none; a Service that wants nodes and has no node ports is told so.
            node_ports: false,
            source_ranges: true,
            client_affinity: true,
            outside_effects: true,
            inputs: Inputs {
                nodes: true,
                node_labels: true,
                endpoints: EndpointInput::Pods,
                readiness_gates: true,
                annotations: &[asked::PREFIX, asked::SOURCE_RANGES],
                ..Inputs::default()
            },
        }
    }

    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error> {
        self.account().await?.begin(snapshot).await
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        self.account().await?.ensure(wanted).await
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        self.account().await?.release(id).await
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        self.account().await?.owned().await
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        self.waiting.wakes()
    }
}
