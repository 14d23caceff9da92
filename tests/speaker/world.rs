//! A local network of nodes with a speaker on each, and the API server that they read: a mock
//! cluster of the story's own, or the real one that `LANDFALL_CONTROL_PLANE` names.

// So that it is found where a bench takes this file in, too.
#[path = "world/objects.rs"]
mod objects;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::{DeleteParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use landfall_bare_metal_resources::kinds::{
    AddressPool, BGPAdvertisement, BGPPeer, L2Advertisement, SpeakerStatus,
};
use landfall_test_network::{Lan, now};
use landfall_test_process::{Gateway, Process, Way, program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Names the administrator's kubeconfig of a real control plane.
const CONTROL_PLANE: &str = "LANDFALL_CONTROL_PLANE";
/// A kubeconfig for those in the network, in the folder of the story.
pub const KUBECONFIG: &str = "speaker.yaml";
/// What the speakers of each story know each other by.
pub const KEY: &str = "a key that all of a story have";
/// Longest that anything may take; machines are shared and slow at times.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program of the image, where that is what is to run; else it is `landfall speaker`.
pub static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// How many nodes, and what the speakers' configuration says.
pub struct Shape {
    pub nodes: u8,
    pub config: &'static str,
}

/// A network, a cluster, and speakers.
pub struct World {
    pub lan: Lan,
    pub client: Client,
    /// Between the speakers and the API server.
    pub way: Gateway,
    pub folder: TempDir,
    pub namespace: String,
    kubeconfig: PathBuf,
    pub speakers: BTreeMap<String, Process>,
    /// Where they tell of themselves.
    admin: BTreeMap<String, SocketAddr>,
    /// Last, so that it is ended last.
    cluster: Option<Process>,
}

impl World {
    /// With a speaker on each node, all of which are ready.
    pub async fn new(shape: Shape) -> Self {
        let mut world = Self::without_speakers(shape).await;
        world.start_all().await;
        world
    }

    /// The same, where each address has its place at the first node that can have it, and next at the
    /// one after it: what concerns one node concerns all addresses.
    pub async fn in_order(nodes: u8) -> Self {
        let mut world = Self::without_speakers(Shape { nodes, config: "" }).await;
        world.advertise_in_order(json!({})).await;
        world.start_all().await;
        world
    }

    /// Starts the speakers of all nodes, and waits until they are ready.
    pub async fn start_all(&mut self) {
        let nodes: Vec<String> = self.lan.nodes().map(str::to_owned).collect();
        for node in &nodes {
            self.start(node);
        }
        for node in &nodes {
            self.until_ready(node);
        }
        self.until_all_know_each_other().await;
    }

    pub async fn without_speakers(shape: Shape) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let lan = Lan::new(shape.nodes);
        let folder = TempDir::new().unwrap();
        let (cluster, kubeconfig) = if let Some(kubeconfig) = std::env::var_os(CONTROL_PLANE) {
            (None, PathBuf::from(kubeconfig))
        } else {
            let path = folder.path().join("cluster.yaml");
            let mut command = std::process::Command::new(program("mock-cluster"));
            let mut cluster = Process::start(command.arg("--kubeconfig").arg(&path));
            cluster.wait_until_ready();
            (Some(cluster), path)
        };
        let (config, server) = config(&kubeconfig).await;
        let way = Gateway::on(lan.gateway().into(), server);
        let text = std::fs::read_to_string(&kubeconfig).unwrap();
        let text = moved(&text, server, way.address());
        std::fs::write(folder.path().join(KUBECONFIG), text).unwrap();
        std::fs::write(folder.path().join("config.yaml"), shape.config).unwrap();
        let world = Self {
            client: Client::try_from(config).unwrap(),
            // Numbers of networks come again while what is deleted may still be there.
            namespace: format!("{}-{}", lan.namespace("speakers"), now()),
            kubeconfig,
            lan,
            way,
            folder,
            speakers: BTreeMap::new(),
            admin: BTreeMap::new(),
            cluster,
        };
        world.install().await;
        world
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A speaker on a host, which takes the Node of this name for its own.
    pub fn command(&self, host: &str, node: &str) -> std::process::Command {
        let mut command = if let Some(alone) = PROGRAM.get() {
            self.lan.command(host, alone)
        } else {
            let mut command = self.lan.command(host, program("landfall"));
            command.arg("speaker");
            command
        };
        let folder = self.folder.path();
        let admin = format!("{}:0", self.lan.management_address(host));
        command
            .args(["--admin-address", &admin, "--node-name", node])
            .args(["--namespace", &self.namespace])
            .arg("--kubeconfig")
            .arg(folder.join(KUBECONFIG))
            .arg("--config")
            .arg(folder.join("config.yaml"))
            .arg("--run-directory")
            .arg(folder.join(node));
        command
    }

    /// Starts the speaker of a node.
    pub fn start(&mut self, host: &str) {
        let mut command = self.command(host, &self.node(host));
        self.speakers
            .insert(host.to_owned(), Process::start(&mut command));
    }

    pub fn until_ready(&mut self, host: &str) {
        let speaker = self.speakers.get_mut(host).unwrap();
        let admin = speaker.listens("admin");
        speaker.wait_until_ready();
        self.admin.insert(host.to_owned(), admin);
    }

    /// What a scrape of a host's speaker finds.
    pub fn metrics(&self, host: &str) -> String {
        let mut stream = TcpStream::connect(self.admin[host]).unwrap();
        let request = "GET /metrics HTTP/1.0\r\nHost: speaker\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends a speaker as a crash would.
    pub fn kill(&mut self, host: &str) {
        self.speakers.remove(host).unwrap().kill();
    }

    /// Sends a speaker a signal.
    pub fn signal(&self, host: &str, name: &str) {
        self.speakers[host].signal(name);
    }

    /// Lets the speakers reach the API server, or not.
    pub fn api_is(&self, way: Way) {
        self.way.set(way);
    }

    /// What the speaker of a host has written of itself.
    pub async fn status(&self, host: &str) -> Value {
        let api = self.everywhere::<SpeakerStatus>();
        let object = api.get_opt(&self.node(host)).await.unwrap();
        serde_json::to_value(object).unwrap()["status"].clone()
    }

    /// Waits until the status of a host's speaker is like this.
    pub async fn until_status(
        &self,
        host: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let seen = std::cell::RefCell::new(Value::Null);
        eventually(&format!("{host} {what}"), async || {
            seen.replace(self.status(host).await);
            is_so(&seen.borrow())
        })
        .await;
        seen.into_inner()
    }

    /// Waits until each speaker says that all others live.
    pub async fn until_all_know_each_other(&self) {
        let others = self.speakers.len() - 1;
        for host in self.speakers.keys() {
            self.until_status(host, "knows all others", |it| {
                it["peersAlive"].as_u64() == Some(others as u64)
            })
            .await;
        }
    }

    /// Which host announces each of these, in order.
    pub async fn owners(&self, addresses: &[&str]) -> Vec<String> {
        let mut owners = Vec::new();
        for address in addresses {
            owners.push(self.owner(address.parse().unwrap()).await);
        }
        owners
    }

    /// Which host announces an address, once one does.
    pub async fn owner(&self, address: IpAddr) -> String {
        self.owner_but(address, "").await
    }

    /// The same, besides the host that may not know yet that it does not.
    pub async fn owner_but(&self, address: IpAddr, host: &str) -> String {
        let hosts = || self.speakers.keys().filter(|it| *it != host);
        let found = std::cell::RefCell::new(None);
        eventually(&format!("{address} is announced by one"), async || {
            let mut owners = Vec::new();
            for host in hosts() {
                let status = self.status(host).await;
                let addresses = status["addresses"].as_array().cloned().unwrap_or_default();
                let is_it =
                    |it: &Value| it["address"] == json!(address) && it["state"] == "Announced";
                if addresses.iter().any(is_it) {
                    owners.push(host.clone());
                }
            }
            let is_one = owners.len() == 1;
            found.replace(owners.pop());
            is_one
        })
        .await;
        found.into_inner().unwrap()
    }
}

impl Drop for World {
    /// On a real control plane other stories follow. What is left of this one would be theirs.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (host, speaker) in &self.speakers {
                eprintln!("--- {host}\n{}", speaker.errors());
            }
        }
        self.speakers.clear();
        if self.cluster.is_some() {
            return;
        }
        let (client, namespace) = (self.client.clone(), self.namespace.clone());
        let nodes: Vec<_> = self.lan.nodes().map(|it| self.node(it)).collect();
        let clean = async move {
            let all = DeleteParams::default();
            let services = Api::<Service>::namespaced(client.clone(), &namespace);
            for service in services.list(&ListParams::default()).await.unwrap() {
                // Its address is another story's next.
                services.delete(&service.name_any(), &all).await.unwrap();
            }
            for node in nodes {
                let _ = Api::<Node>::all(client.clone()).delete(&node, &all).await;
                let _ = Api::<SpeakerStatus>::all(client.clone())
                    .delete(&node, &all)
                    .await;
            }
            let _ = Api::<AddressPool>::all(client.clone())
                .delete(&namespace, &all)
                .await;
            let _ = Api::<L2Advertisement>::all(client.clone())
                .delete(&namespace, &all)
                .await;
            let own = ListParams::default().labels(&format!("story={namespace}"));
            let _ = Api::<BGPPeer>::all(client.clone())
                .delete_collection(&all, &own)
                .await;
            let _ = Api::<BGPAdvertisement>::all(client.clone())
                .delete_collection(&all, &own)
                .await;
            let _ = Api::<Namespace>::all(client).delete(&namespace, &all).await;
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(clean));
    }
}

async fn config(kubeconfig: &Path) -> (Config, SocketAddr) {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    let authority = config.cluster_url.authority().unwrap().clone();
    (config, authority.as_str().parse().unwrap())
}

/// A kubeconfig for those who reach the server by another address; it shows its certificate for the
/// address that it has.
fn moved(kubeconfig: &str, from: SocketAddr, to: SocketAddr) -> String {
    let lines = kubeconfig
        .lines()
        .map(|line| match line.split_once("server: ") {
            Some((indent, _)) => {
                let within = indent.replace('-', " ");
                format!(
                    "{indent}server: https://{to}\n{within}tls-server-name: {}\n",
                    from.ip()
                )
            }
            None => format!("{line}\n"),
        });
    lines.collect()
}

/// Polls until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
