//! A cluster, a mock cloud, and controllers as processes.
//!
//! The cluster is a mock cluster of the story's own, or, when `LANDFALL_CONTROL_PLANE` names a
//! kubeconfig, a real control plane that it shares. There a story has a namespace, a class and a
//! cluster name of its own, so that stories don't meet.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use landfall_test_process::{Admin, Gateway, MockCloud, PATIENCE, Process, program};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub struct World {
    pub client: Client,
    pub namespace: String,
    pub folder: tempfile::TempDir,
    /// How the API server is reached without a gateway.
    pub kubeconfig: PathBuf,
    /// Where the mock cloud is.
    pub cloud: SocketAddr,
    pub admin: Admin,
    /// Where controllers find it, if that is somewhere else.
    pub to_cloud: Option<Gateway>,
    /// Owned so that they live as long as the story.
    _cloud: Option<Process>,
    _cluster: Option<Process>,
    pub http: reqwest::Client,
}

impl World {
    pub async fn start() -> Self {
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (kubeconfig, cluster) = cluster(folder.path());
        let client = client(&kubeconfig).await;
        let namespaces = Api::<Namespace>::all(client.clone());
        let ours = object(json!({"metadata": {"generateName": "system-"}}));
        let made = namespaces.create(&PostParams::default(), &ours).await;
        let namespace = made.unwrap().metadata.name.unwrap();
        // Stories run side by side, each in a process of its own.
        let pool = format!("127.193.{}.0/24", std::process::id() % 256);
        let cloud = MockCloud::start(folder.path(), &pool);
        let world = Self {
            cloud: cloud.address,
            admin: cloud.admin,
            _cloud: Some(cloud.process),
            to_cloud: None,
            client,
            namespace,
            folder,
            kubeconfig,
            _cluster: cluster,
            http: reqwest::Client::new(),
        };
        world.create_node().await;
        world
    }

    /// The same cluster, restored: another API server, whose namespace `kube-system` has another
    /// UID, with no Services yet, and the mock cloud of this world, which must outlive it. It is a mock
    /// cluster in any case.
    pub async fn restored(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join(MockCloud::TOKEN_FILE);
        std::fs::write(token, MockCloud::TOKEN).unwrap();
        let (kubeconfig, cluster) = mock_cluster(folder.path());
        let client = client(&kubeconfig).await;
        let namespaces = Api::<Namespace>::all(client.clone());
        let ours = object(json!({"metadata": {"name": self.namespace}}));
        let made = namespaces.create(&PostParams::default(), &ours).await;
        made.unwrap();
        let world = Self {
            client,
            namespace: self.namespace.clone(),
            folder,
            kubeconfig,
            cloud: self.cloud,
            admin: self.admin.clone(),
            _cloud: None,
            to_cloud: None,
            _cluster: Some(cluster),
            http: self.http.clone(),
        };
        world.create_node().await;
        world
    }

    /// What tells this cluster from others.
    pub async fn cluster_uid(&self) -> String {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let namespace = namespaces.get("kube-system").await.unwrap();
        namespace.metadata.uid.unwrap()
    }

    /// `spec.loadBalancerClass` of the story's Services.
    pub fn class(&self) -> String {
        format!("landfall.dev/{}", self.namespace)
    }

    async fn create_node(&self) {
        let name = format!("{}-node", self.namespace);
        let nodes = Api::<Node>::all(self.client.clone());
        let node = object(json!({"metadata": {"name": name}}));
        nodes.create(&PostParams::default(), &node).await.unwrap();
        let address = json!({"type": "InternalIP", "address": "10.0.0.1"});
        let status = Patch::Merge(json!({"status": {"addresses": [address]}}));
        let parameters = PatchParams::default();
        let changed = nodes.patch_status(&name, &parameters, &status).await;
        changed.unwrap();
    }

    /// The configuration file, written anew.
    pub fn config(&self) -> PathBuf {
        let gateway = self.to_cloud.as_ref().map(Gateway::address);
        let cloud = gateway.unwrap_or(self.cloud);
        let (name, class, token) = (&self.namespace, self.class(), MockCloud::TOKEN_FILE);
        self.write(
            "landfall.yaml",
            &format!(
                "clusterName: {name}
providers:
- {{type: mock-cloud, class: {class}, url: 'http://{cloud}', tokenFile: {token}, driftInterval: 5s}}
"
            ),
        )
    }

    /// Writes a file into the story's folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A kubeconfig that leads through this gateway.
    pub fn through(&self, gateway: &Gateway) -> PathBuf {
        let server = self.server();
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let text = text.replace(&server, &gateway.address().to_string());
        self.write(&format!("kubeconfig-{}", gateway.address().port()), &text)
    }

    /// Host and port of the API server.
    pub fn server(&self) -> String {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let cluster = kubeconfig.clusters[0].cluster.clone().unwrap();
        cluster
            .server
            .unwrap()
            .trim_start_matches("https://")
            .to_owned()
    }

    /// A gateway to the API server.
    pub fn gateway(&self) -> Gateway {
        Gateway::to(self.server().parse().unwrap())
    }

    /// Starts a controller, and does not wait for it.
    pub fn controller(&self, kubeconfig: &Path, flags: &[&str]) -> Process {
        let config = self.config();
        let mut command = Command::new(program("landfall"));
        command
            .args(["controller", "--admin-address", "127.0.0.1:0"])
            .arg("--config")
            .arg(config)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(flags);
        Process::start(&mut command)
    }

    /// The controller alone, with no election, ready.
    pub fn lone_controller(&self) -> Process {
        let kubeconfig = self.kubeconfig.clone();
        let mut controller = self.controller(&kubeconfig, &["--leader-elect", "false"]);
        controller.wait_until_ready();
        controller
    }

    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A Service of the story's class, on this port.
    pub fn service(&self, name: &str, port: u16) -> Value {
        json!({
            "metadata": {"name": name},
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": self.class(),
                "ports": [{"port": port}],
            },
        })
    }

    pub async fn create(&self, name: &str) {
        let service = object(self.service(name, 80));
        let made = self
            .services()
            .create(&PostParams::default(), &service)
            .await;
        made.unwrap();
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        let (services, parameters) = (self.services(), PatchParams::default());
        let patched = services
            .patch(name, &parameters, &Patch::Merge(patch))
            .await;
        patched.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        let services = self.services();
        services
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// The Service as JSON; null if it is gone.
    pub async fn get(&self, name: &str) -> Value {
        serde_json::to_value(self.services().get_opt(name).await.unwrap()).unwrap()
    }

    pub async fn until_provisioned(&self, name: &str) -> Value {
        self.until(name, "is provisioned", |it| {
            condition(it)["status"] == "True"
        })
        .await
    }

    pub async fn until_gone(&self, name: &str) {
        self.until(name, "is gone", Value::is_null).await;
    }

    /// Waits until the Service is like this, and returns it.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut service = self.get(name).await;
        let deadline = std::time::Instant::now() + PATIENCE;
        while !is_so(&service) {
            assert!(
                std::time::Instant::now() < deadline,
                "waited too long until Service {name} {what}: {service:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            service = self.get(name).await;
        }
        service
    }

    /// The line of `/metrics` that begins so.
    pub async fn metric(&self, controller: &mut Process, name: &str) -> Option<String> {
        let url = format!("http://{}/metrics", controller.listens("admin"));
        let answer = self.http.get(url).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        line.map(str::to_owned)
    }

    /// Status and text of `/readyz`.
    pub async fn readyz(&self, controller: &mut Process) -> (u16, String) {
        let url = format!("http://{}/readyz", controller.listens("admin"));
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until `/readyz` answers with this status and words.
    pub async fn until_readyz(&self, controller: &mut Process, status: u16, words: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let (found, text) = self.readyz(controller).await;
            if found == status && text.contains(words) {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "/readyz does not tell {status} {words:?}: {found} {text}; it logged:\n{}",
                controller.errors()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The kubeconfig of the cluster, and its process if it is the story's own.
fn cluster(folder: &Path) -> (PathBuf, Option<Process>) {
    if let Some(path) = std::env::var_os("LANDFALL_CONTROL_PLANE") {
        return (PathBuf::from(path), None);
    }
    let (path, process) = mock_cluster(folder);
    (path, Some(process))
}

fn mock_cluster(folder: &Path) -> (PathBuf, Process) {
    let path = folder.join("kubeconfig");
    let mut command = Command::new(program("mock-cluster"));
    let mut process = Process::start(command.arg("--kubeconfig").arg(&path));
    process.wait_until_ready();
    (path, process)
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// A typed object from JSON.
pub fn object<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// The condition Provisioned of a Service.
pub fn condition(service: &Value) -> &Value {
    let conditions = service["status"]["conditions"].as_array();
    let is_ours = |it: &&Value| it["type"] == "landfall.dev/Provisioned";
    conditions
        .and_then(|it| it.iter().find(is_ours))
        .unwrap_or(&Value::Null)
}

/// The addresses in a Service's status.
pub fn addresses(service: &Value) -> Vec<String> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let address = |entry: &Value| entry["ip"].as_str().map(str::to_owned);
    ingress.into_iter().flatten().filter_map(address).collect()
}
