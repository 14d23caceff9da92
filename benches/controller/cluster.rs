//! The real control plane, its many Services, and what its API server counts.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

/// Of all Services, whichever provider has it.
pub const CLASS: &str = "example.com/bench";
pub const CLUSTER_NAME: &str = "bench";
const NAMESPACE: &str = "bench";
const NODES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
/// The first node port of ours. Named ones are quicker to create than ones to be found.
const FIRST_NODE_PORT: usize = 20_000;
/// Requests of ours under way at once.
const HANDS: usize = 32;
/// Nothing was written for so long: it is over.
const QUIET: Duration = Duration::from_secs(2);

/// The kubeconfig of the control plane.
pub fn kubeconfig() -> PathBuf {
    let Some(path) = std::env::var_os("LANDFALL_CONTROL_PLANE") else {
        eprintln!(
            "this needs a real control plane:\n  KUBEBUILDER_ASSETS=… cargo run -p landfall-control-plane -- \
             --node-ports=20000-32767 cargo bench --bench controller"
        );
        std::process::exit(2);
    };
    path.into()
}

pub struct Cluster {
    pub client: Client,
    pub services: Api<Service>,
    /// How many Services were ever created.
    created: usize,
}

/// Writes, as the API server counts them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writes {
    /// To Services themselves: we alone do that.
    pub services: f64,
    /// To their status.
    pub statuses: f64,
    pub events: f64,
    pub leases: f64,
    /// To AddressPools, ours of their specs as well.
    pub pools: f64,
}

impl Writes {
    pub fn since(&self, before: &Self) -> Self {
        Self {
            services: self.services - before.services,
            statuses: self.statuses - before.statuses,
            events: self.events - before.events,
            leases: self.leases - before.leases,
            pools: self.pools - before.pools,
        }
    }

    /// Those for Services.
    pub fn total(&self) -> f64 {
        self.statuses + self.events
    }
}

impl Cluster {
    pub async fn find() -> Self {
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let read = Kubeconfig::read_from(kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        let client = Client::try_from(config.unwrap()).unwrap();
        Self {
            services: Api::namespaced(client.clone(), NAMESPACE),
            client,
            created: 0,
        }
    }

    /// Makes namespaces, nodes, and this many Services.
    pub async fn fill(&mut self, count: usize) {
        let parameters = PostParams::default();
        let namespaces = Api::<Namespace>::all(self.client.clone());
        for name in [NAMESPACE, "landfall-system"] {
            let namespace = object(json!({"metadata": {"name": name}}));
            namespaces.create(&parameters, &namespace).await.unwrap();
        }
        let nodes = Api::<Node>::all(self.client.clone());
        for (index, address) in NODES.iter().enumerate() {
            let name = format!("node-{index}");
            let node = object(json!({"metadata": {"name": name}}));
            nodes.create(&parameters, &node).await.unwrap();
            let addresses = json!([{"type": "InternalIP", "address": address}]);
            let patch = Patch::Strategic(json!({"status": {"addresses": addresses}}));
            let parameters = PatchParams::default();
            nodes
                .patch_status(&name, &parameters, &patch)
                .await
                .unwrap();
        }
        stream::iter(0..count)
            .for_each_concurrent(HANDS, async |index| {
                self.create(index, CLASS).await;
            })
            .await;
        self.created = count;
    }

    async fn create(&self, index: usize, class: &str) -> Service {
        let port = json!({"port": 80, "nodePort": FIRST_NODE_PORT + index});
        let spec = json!({"type": "LoadBalancer", "loadBalancerClass": class, "ports": [port]});
        let service = object(json!({"metadata": {"name": name(index)}, "spec": spec}));
        let parameters = PostParams::default();
        let created = self.services.create(&parameters, &service).await;
        created.unwrap_or_else(|error| {
            panic!("{error}; is the range of node ports 20000-32767, as --node-ports makes it?")
        })
    }

    /// Creates one more, and returns its name.
    pub async fn create_next(&mut self) -> String {
        let created = self.create_next_of(CLASS).await;
        created.metadata.name.unwrap()
    }

    pub async fn create_next_of(&mut self, class: &str) -> Service {
        let index = self.created;
        self.created += 1;
        self.create(index, class).await
    }

    pub async fn delete(&self, index: usize) {
        let parameters = DeleteParams::default();
        self.services
            .delete(&name(index), &parameters)
            .await
            .unwrap();
    }

    pub async fn until_gone(&self, index: usize) {
        while self.services.get_opt(&name(index)).await.unwrap().is_some() {
            pause().await;
        }
    }

    pub async fn until_served(&self, name: &str) {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut events = watcher(self.services.clone(), config).boxed();
        loop {
            if let Event::Apply(service) | Event::InitApply(service) = next(&mut events).await
                && is_served(&service)
            {
                return;
            }
        }
    }

    /// Makes all pending again, as if no controller had ever looked.
    pub async fn reset(&self) {
        let patch = Patch::Merge(json!({
            "metadata": {"finalizers": null, "annotations": null},
            "status": {"conditions": null, "loadBalancer": null},
        }));
        let (patch, parameters) = (&patch, &PatchParams::default());
        stream::iter(0..self.created)
            .for_each_concurrent(HANDS, async |index| {
                let name = name(index);
                let reset = self.services.patch_status(&name, parameters, patch).await;
                reset.unwrap();
            })
            .await;
    }

    /// Waits until nothing has been written for a while.
    pub async fn settle(&self) {
        let mut last = self.writes().await.total();
        let mut since = Instant::now();
        while since.elapsed() < QUIET {
            tokio::time::sleep(QUIET / 8).await;
            let now = self.writes().await.total();
            if now > last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// What was ever written, from the API server's own metrics.
    pub async fn writes(&self) -> Writes {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let text = self.client.request_text(request).await.unwrap();
        let mut writes = Writes::default();
        let requests = text
            .lines()
            .filter_map(|line| line.strip_prefix("apiserver_request_total{"));
        for (labels, count) in requests.filter_map(|line| line.rsplit_once("} ")) {
            let label = |name: &str| {
                let start = format!("{name}=\"");
                let value = &labels[labels.find(&start)? + start.len()..];
                value.split('"').next()
            };
            let is_read = |verb: &str| ["GET", "LIST", "WATCH", "CONNECT"].contains(&verb);
            if label("verb").is_none_or(is_read) {
                continue;
            }
            let counter = match (label(",resource"), label("subresource")) {
                (Some("services"), Some("status")) => &mut writes.statuses,
                (Some("services"), _) => &mut writes.services,
                (Some("events"), _) => &mut writes.events,
                (Some("leases"), _) => &mut writes.leases,
                (Some("addresspools"), _) => &mut writes.pools,
                _ => continue,
            };
            *counter += count.trim().parse::<f64>().unwrap();
        }
        writes
    }
}

/// Which Services were seen to have an address since a certain moment.
pub struct Seen {
    events: BoxStream<'static, watcher::Result<Event<Service>>>,
    served: HashSet<String>,
}

impl Seen {
    pub async fn from_now(cluster: &Cluster) -> Self {
        let mut events = watcher(cluster.services.clone(), watcher::Config::default()).boxed();
        while !matches!(next(&mut events).await, Event::InitDone) {}
        let served = HashSet::new();
        Self { events, served }
    }

    pub async fn until_served(&mut self, count: usize) {
        while self.served.len() < count {
            if let Event::Apply(service) = next(&mut self.events).await
                && is_served(&service)
            {
                self.served.extend(service.metadata.name);
            }
        }
    }
}

async fn next(events: &mut BoxStream<'static, watcher::Result<Event<Service>>>) -> Event<Service> {
    events.next().await.expect("a watch goes on").unwrap()
}

fn is_served(service: &Service) -> bool {
    let status = service.status.as_ref();
    let ingress = status.and_then(|it| it.load_balancer.as_ref()?.ingress.as_ref());
    ingress.is_some_and(|it| !it.is_empty())
}

pub fn name(index: usize) -> String {
    format!("web-{index}")
}

pub fn object<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
