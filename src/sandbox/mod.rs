//! `landfall sandbox`: mock cluster, mock cloud or a pool of addresses, nodes and controller in one
//! process, to try a Service of type LoadBalancer with nothing but kubectl and curl.
//!
//! The controller speaks to the mock cloud over HTTP as it would elsewhere; it, the nodes and the
//! narrator speak to the mock cluster within the process.

mod bare_metal;
mod block;
mod datagrams;
mod files;
mod frontends;
mod kubelet;
mod narrate;
mod pod;
mod proxy;
mod routes;
mod speaker;

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use landfall_mock_cloud::{MockCloud, Options};
use landfall_mock_cluster::{Cluster, Credentials};
use landfall_process::{Failure, bind, listening, ready};
use landfall_provider_api::Family;
use landfall_service::Class;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::{SandboxArguments, SandboxProvider};
use crate::config::{self, Backend, Provider};
use crate::controller::{self, Metrics, Setup};
use crate::lease::Gate;
use crate::providers;
use block::Block;
use files::Files;
use kubelet::SandboxNode;
use landfall_watch::Health;
use narrate::Guide;
use proxy::Unserved;
use speaker::Speaker;

/// What the cluster is called, in tags and in the kubeconfig.
const NAME: &str = "landfall-sandbox";
/// The class that the provider owns; it is the default too.
const CLASS: &str = "landfall.dev/mock-cloud";
/// The same for the bare-metal provider.
const BARE_METAL_CLASS: &str = "landfall.dev/bare-metal";
const TOKEN_FILE: &str = "mock-cloud.token";
const ADMIN_TOKEN_FILE: &str = "mock-cloud-admin.token";
/// Services worked on at once.
const CONCURRENCY: usize = 32;

/// Runs a sandbox until `stop` is cancelled.
pub async fn run(arguments: SandboxArguments, stop: CancellationToken) -> Result<(), Failure> {
    let is_bare_metal = arguments.provider == SandboxProvider::BareMetal;
    if is_bare_metal && arguments.mock_cloud_address.is_some() {
        return Err(Failure::usage(
            "--mock-cloud-address: there is no mock cloud with --provider bare-metal; leave one out",
        ));
    }
    let block = Block::take(&arguments.pool)?;
    let api = bind("--api-address", arguments.api_address).await?;
    let api_address = api.local_addr().map_err(Failure::run)?;
    let credentials = Credentials::generate(api_address).map_err(Failure::run)?;
    let (token, admin_token) = (secret(), secret());
    let tokens = [(TOKEN_FILE, &*token), (ADMIN_TOKEN_FILE, &*admin_token)];
    let tokens = if is_bare_metal { &[] } else { &tokens[..] };
    let chosen = arguments.kubeconfig.as_deref();
    let files = Files::write(chosen, &credentials.kubeconfig(NAME), tokens)?;
    let pool = pool(&arguments.pool, &block);
    let cloud = if is_bare_metal {
        None
    } else {
        let address = arguments.mock_cloud_address;
        let address = address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = bind("--mock-cloud-address", address).await?;
        let options = Options::new(pool.clone(), token, admin_token);
        let started = MockCloud::start(options, listener, stop.clone());
        let failed = |error| Failure::usage(format!("the mock cloud cannot start: {error}"));
        Some(started.map_err(failed)?)
    };

    let cluster = Cluster::new();
    let nodes = kubelet::nodes(&block, arguments.nodes);
    kubelet::register(&cluster.client(), &nodes)
        .await
        .map_err(|error| Failure::run(format!("cannot register the nodes: {error}")))?;
    if is_bare_metal {
        bare_metal::install(&cluster.client(), &pool).await?;
    }

    listening("kubernetes", api_address)?;
    if let Some(cloud) = &cloud {
        listening("mock-cloud", cloud.address())?;
    }
    ready()?;
    let admin_token = files.token(ADMIN_TOKEN_FILE).display().to_string();
    Guide {
        nodes: arguments.nodes,
        kubeconfig: files.kubeconfig().display().to_string(),
        cloud: cloud.as_ref().map(|cloud| (cloud.url(), admin_token)),
    }
    .print()?;

    let (class, backend) = match &cloud {
        Some(cloud) => {
            let backend = Backend::MockCloud {
                url: cloud.url(),
                token_file: files.token(TOKEN_FILE),
                families: families(&pool),
            };
            (CLASS, backend)
        }
        None => (BARE_METAL_CLASS, Backend::BareMetal { read_metallb: None }),
    };
    let provider = Provider {
        class: Class::new(class),
        default: true,
        drift_interval: config::DRIFT_INTERVAL,
        sweep_after: config::SWEEP_AFTER,
        backend,
    };
    let outcome = run_together(&cluster, api, credentials, nodes, provider, stop.clone()).await;
    stop.cancel();
    if let Some(cloud) = cloud {
        cloud.stopped().await;
    }
    outcome
}

/// Where load balancers get their addresses from. There is always an IPv4 part, for that is what
/// Services ask for that say nothing.
fn pool(asked: &[IpNet], block: &Block) -> Vec<IpNet> {
    let lacks_ipv4 = !asked.iter().any(|net| matches!(net, IpNet::V4(_)));
    let own = lacks_ipv4.then(|| block.pool());
    own.into_iter().chain(asked.iter().copied()).collect()
}

fn families(pool: &[IpNet]) -> Vec<Family> {
    let has = |family: &Family| pool.iter().any(|net| Family::of(net.network()) == *family);
    [Family::IPv4, Family::IPv6]
        .into_iter()
        .filter(has)
        .collect()
}

/// Runs the parts until `stop` is cancelled or one of them fails.
async fn run_together(
    cluster: &Cluster,
    api: TcpListener,
    credentials: Credentials,
    nodes: Vec<SandboxNode>,
    provider: Provider,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let client = cluster.client();
    let mut parts: JoinSet<Result<(), Failure>> = JoinSet::new();
    parts.spawn({
        let (cluster, stop) = (cluster.clone(), stop.clone());
        async move {
            cluster
                .serve(api, credentials, stop)
                .await
                .map_err(Failure::run)
        }
    });
    parts.spawn({
        let (cluster, stop) = (cluster.clone(), stop.clone());
        async move {
            cluster.run_controllers(stop).await;
            Ok(())
        }
    });
    let addresses = nodes
        .iter()
        .map(|node| (node.name.clone(), node.address))
        .collect();
    let (unserved, told) = watch::channel(Unserved::new());
    let node_ports = proxy::run(client.clone(), addresses, unserved, stop.clone());
    parts.spawn(async move {
        node_ports.await;
        Ok(())
    });
    let kubelet = kubelet::run(client.clone(), nodes, stop.clone());
    parts.spawn(async move {
        Box::pin(kubelet).await;
        Ok(())
    });
    let narrator = stop
        .clone()
        .run_until_cancelled_owned(narrate::narrate(client.clone()));
    parts.spawn(async move { narrator.await.unwrap_or(Ok(())) });
    parts.spawn(control(client, provider, told, stop.clone()));

    let mut outcome = Ok(());
    while let Some(ended) = parts.join_next().await {
        let ended =
            ended.unwrap_or_else(|error| Err(Failure::run(format!("a part ended: {error}"))));
        if outcome.is_ok() {
            outcome = ended;
        }
        stop.cancel();
    }
    outcome
}

async fn control(
    client: kube::Client,
    provider: Provider,
    unserved: watch::Receiver<Unserved>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let takes_in = matches!(provider.backend, Backend::BareMetal { .. });
    let health = Health::default();
    let cluster = controller::identify(&client, NAME, &health).await;
    let metrics = Metrics::default();
    let prepared = providers::prepare(&[provider])?;
    let registrations = prepared
        .iter()
        .map(|provider| provider.register(&cluster, &client, None, &health, &metrics));
    let mut registrations = registrations.collect::<Result<Vec<_>, _>>()?;
    if takes_in {
        for registration in &mut registrations {
            let provider = registration.provider.clone();
            let speaker = Speaker::new(provider, cluster.clone(), unserved.clone());
            registration.provider = Arc::new(speaker);
        }
    }
    let setup = Setup {
        cluster,
        adopts: None,
        registrations,
        concurrency: CONCURRENCY,
        gate: Gate::open(),
        metrics,
        health,
    };
    let controller = Box::pin(controller::run(client, setup, stop));
    controller.await.map_err(Failure::run)
}

fn secret() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
