//! From the command line to what runs.

use std::path::Path;

use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use landfall_process::{Failure, bind, listening, ready, say};
use tokio_util::sync::CancellationToken;

use crate::args::{
    Action, Arguments, ControllerArguments, LeaseArguments, MigrateArguments, SpeakerProgram,
};
use crate::config::Config;
use crate::controller::{self, Metrics, Setup};
use crate::lease::election::Timing;
use crate::lease::{self, Candidate, Gate, Lost};
use crate::providers::{self, Prepared};
use crate::{admin, crds, kubernetes, migrate, speaker, status, sweep, validate};
use landfall_watch::Health;

/// Runs what the command line asks for until `stop` is cancelled.
pub async fn start(arguments: Arguments, stop: CancellationToken) -> Result<(), Failure> {
    use_ring();
    match arguments.action {
        Action::Controller(arguments) => Box::pin(run_controller(arguments, stop)).await,
        Action::Sweep(arguments) => {
            let config = read_config(&arguments.cluster.config)?;
            let providers = prepare(&arguments.cluster.config, &config)?;
            let client = kubernetes::client(arguments.cluster.kubeconfig.as_deref()).await?;
            let swept = sweep::run(client, &config.cluster_name, &providers, arguments.confirm);
            stop.run_until_cancelled(swept).await.unwrap_or(Ok(()))
        }
        Action::Speaker(arguments) => Box::pin(speaker::run(arguments, stop)).await,
        Action::Crds => crds::print(),
        Action::Migrate(arguments) => run_migrate(arguments, stop).await,
        Action::Status(arguments) => {
            let printed = status::print(arguments.kubeconfig.as_deref(), arguments.what);
            stop.run_until_cancelled(printed).await.unwrap_or(Ok(()))
        }
        Action::Validate(arguments) => validate::run(&arguments.files),
        #[cfg(feature = "sandbox")]
        Action::Sandbox(arguments) => crate::sandbox::run(arguments, stop).await,
    }
}

/// Runs a speaker until `stop` is cancelled.
pub async fn speak(arguments: SpeakerProgram, stop: CancellationToken) -> Result<(), Failure> {
    use_ring();
    speaker::run(arguments.speaker, stop).await
}

/// One provider for all TLS of the process. An error only says that there is one already.
fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn run_migrate(arguments: MigrateArguments, stop: CancellationToken) -> Result<(), Failure> {
    if !arguments.files.is_empty() {
        return migrate::files(&arguments.files);
    }
    let migrated = migrate::cluster(arguments.kubeconfig.as_deref(), &arguments.namespace);
    stop.run_until_cancelled(migrated).await.unwrap_or(Ok(()))
}

async fn run_controller(
    arguments: ControllerArguments,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let config = read_config(&arguments.cluster.config)?;
    if arguments.print_config {
        return print(&config);
    }
    let providers = prepare(&arguments.cluster.config, &config)?;
    let client = kubernetes::client(arguments.cluster.kubeconfig.as_deref()).await?;
    let health = Health::default();
    let metrics = Metrics::default();
    let admin = match arguments.admin_address {
        Some(address) => {
            let listener = bind("--admin-address", address).await?;
            listening("admin", listener.local_addr().map_err(Failure::run)?)?;
            let metrics = metrics.clone();
            Some(admin::serve(
                listener,
                health.clone(),
                move || metrics.encode(),
                Router::new(),
                stop.clone(),
            ))
        }
        None => None,
    };
    let admin = async {
        match admin {
            Some(admin) => admin.await,
            None => Ok(()),
        }
    };
    // Given up only when the controller has stopped.
    let over = CancellationToken::new();
    let namespace = arguments.lease.lease_namespace.clone();
    let (gate, election) = elect(&client, arguments.lease, over.clone());
    let controller = Controller {
        client,
        cluster_name: config.cluster_name,
        namespace,
        adopts: arguments.adopt_cluster_uid,
        providers,
        concurrency: arguments.concurrency,
        gate,
        metrics,
        health: health.clone(),
    };
    let controller = controller.run(stop.clone());
    let work = async {
        controller.await?;
        over.cancel();
        Ok(())
    };
    let election = async { election.await.map_err(Failure::run) };
    tokio::try_join!(work, election, admin, announce(health, stop)).map(|_| ())
}

fn prepare(path: &Path, config: &Config) -> Result<Vec<Prepared>, Failure> {
    providers::prepare(&config.providers).map_err(|faults| {
        Failure::usage(format!(
            "--config {}: cannot be used:\n{faults}",
            path.display()
        ))
    })
}

fn elect(
    client: &Client,
    arguments: LeaseArguments,
    over: CancellationToken,
) -> (Gate, BoxFuture<'static, Result<(), Lost>>) {
    if !arguments.leader_elect {
        return (Gate::open(), std::future::ready(Ok(())).boxed());
    }
    let candidate = Candidate {
        namespace: arguments.lease_namespace,
        name: arguments.lease_name,
        identity: format!("{}_{}", host_name(), uuid::Uuid::new_v4()),
        timing: Timing::default(),
    };
    let (gate, election) = lease::campaign(client.clone(), candidate, over);
    (gate, election.boxed())
}

/// For people who look at the Lease; the UUID beside it tells replicas apart.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "landfall".to_owned(),
        name => name.to_owned(),
    }
}

/// A controller that has yet to learn which cluster it works for.
struct Controller {
    client: Client,
    cluster_name: String,
    /// Its own namespace: the Lease's.
    namespace: String,
    adopts: Option<String>,
    providers: Vec<Prepared>,
    concurrency: usize,
    gate: Gate,
    metrics: Metrics,
    health: Health,
}

impl Controller {
    async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let identified = controller::identify(&self.client, &self.cluster_name, &self.health);
        let Some(cluster) = stop.run_until_cancelled(identified).await else {
            return Ok(());
        };
        tracing::info!(%cluster, "cluster identified");
        let registrations = self.providers.iter().map(|provider| {
            let (namespace, health) = (Some(&*self.namespace), &self.health);
            provider.register(&cluster, &self.client, namespace, health, &self.metrics)
        });
        let setup = Setup {
            registrations: registrations.collect::<Result<_, _>>()?,
            cluster,
            adopts: self.adopts,
            concurrency: self.concurrency,
            gate: self.gate,
            metrics: self.metrics,
            health: self.health,
        };
        let controller = Box::pin(controller::run(self.client, setup, stop));
        controller.await.map_err(Failure::run)
    }
}

/// Says `ready` once the cluster was read, whatever a provider does. What is in trouble then, and
/// later, `/readyz` tells.
pub(crate) async fn announce(health: Health, stop: CancellationToken) -> Result<(), Failure> {
    match stop.run_until_cancelled(health.is_complete()).await {
        Some(()) => ready(),
        None => Ok(()),
    }
}

fn print(config: &Config) -> Result<(), Failure> {
    let text = serde_saphyr::to_string(config).map_err(Failure::run)?;
    say(format_args!("{}", text.trim_end()))
}

fn read_config(path: &Path) -> Result<Config, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--config {shown}: cannot be read: {error}")))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    Config::parse(&text, folder)
        .map_err(|faults| Failure::usage(format!("--config {shown}: cannot be used:\n{faults}")))
}
