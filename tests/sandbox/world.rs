//! A sandbox as a process, or a real control plane and the parts in its place (see `cluster`), and
//! words to tell stories with.

use std::any::Any;
use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::process::{Admin, MockCloud, PATIENCE, Process, program};

/// Dropped in this order: what calls before what is called.
pub struct World {
    /// If it is a process of its own.
    controller: Option<Process>,
    /// The process that is the cloud: the sandbox, or a mock cloud.
    pub cloud_process: Process,
    pub cloud: Admin,
    pub kubeconfig: PathBuf,
    pub client: Client,
    /// What else lasts as long as the story.
    _cluster: Option<Box<dyn Any>>,
}

/// What a pod answered over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub pod: String,
    pub node: String,
    pub client: String,
}

impl World {
    pub async fn sandbox() -> Self {
        Self::start_as(Command::new(program("landfall")).arg("sandbox")).await
    }

    /// Of a controller and a cloud that run, and the cluster that they serve.
    pub async fn of(
        controller: Process,
        cloud: MockCloud,
        kubeconfig: PathBuf,
        cluster: Box<dyn Any>,
    ) -> Self {
        Self {
            controller: Some(controller),
            cloud_process: cloud.process,
            cloud: cloud.admin,
            client: client(&kubeconfig).await,
            kubeconfig,
            _cluster: Some(cluster),
        }
    }

    /// A sandbox with this command line, which may have flags and another user.
    pub async fn start_as(command: &mut Command) -> Self {
        let mut sandbox = Process::start(command);
        sandbox.wait_until_ready();
        let url = format!("http://{}", sandbox.listens("mock-cloud"));
        let line = sandbox.wait_for("a kubeconfig", |line| line.contains("export KUBECONFIG="));
        let kubeconfig = PathBuf::from(line.split_once('=').unwrap().1);
        let line = sandbox.wait_for("a token", |line| line.contains("$(cat "));
        let token = line
            .split_once("$(cat ")
            .unwrap()
            .1
            .split_once(')')
            .unwrap()
            .0;
        let admin_token = std::fs::read_to_string(token).unwrap();
        let client = client(&kubeconfig).await;
        Self {
            controller: None,
            cloud_process: sandbox,
            cloud: Admin::new(url, admin_token),
            kubeconfig,
            client,
            _cluster: None,
        }
    }

    /// The process that is the controller.
    pub fn controller(&self) -> &Process {
        self.controller.as_ref().unwrap_or(&self.cloud_process)
    }

    pub fn services(&self) -> Api<Service> {
        Api::default_namespaced(self.client.clone())
    }

    /// Pods that answer on port 8080.
    pub async fn deploy(&self, name: &str, replicas: u32) {
        let labels = json!({"app": name});
        self.deploy_pods(name, replicas, labels, json!({})).await;
    }

    /// Pods of the application `hello` on this node. They are scaled by the node's name.
    pub async fn deploy_on(&self, node: &str, replicas: u32) {
        let labels = json!({"app": "hello", "on": node});
        let pod = json!({"nodeName": node});
        self.deploy_pods(node, replicas, labels, pod).await;
    }

    async fn deploy_pods(&self, name: &str, replicas: u32, labels: Value, mut pod: Value) {
        pod["containers"] = json!([{
            "name": "echo", "image": "echo", "ports": [{"containerPort": 8080}],
        }]);
        let deployment = json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        });
        let api = Api::<Deployment>::default_namespaced(self.client.clone());
        let deployment = serde_json::from_value(deployment).unwrap();
        api.create(&PostParams::default(), &deployment)
            .await
            .unwrap();
    }

    /// So many pods from now on.
    pub async fn scale(&self, name: &str, replicas: u32) {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        Api::<Deployment>::default_namespaced(self.client.clone())
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// The addresses of the nodes.
    pub async fn nodes(&self) -> Vec<String> {
        let api = Api::<Node>::all(self.client.clone());
        let nodes = api.list(&ListParams::default()).await.unwrap();
        let address = |node: Node| {
            let mut addresses = node.status.unwrap().addresses.unwrap().into_iter();
            let internal = addresses.find(|it| it.type_ == "InternalIP");
            internal.unwrap().address
        };
        nodes.items.into_iter().map(address).collect()
    }

    /// Sets a label of a node.
    pub async fn label_node(&self, name: &str, label: &str) {
        let patch = Patch::Merge(json!({"metadata": {"labels": {label: ""}}}));
        Api::<Node>::all(self.client.clone())
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub async fn create(&self, service: &Value) {
        let service = serde_json::from_value(service.clone()).unwrap();
        self.services()
            .create(&PostParams::default(), &service)
            .await
            .unwrap();
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        self.services()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.services()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Waits until the Service is like this, and returns it.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            seen = serde_json::to_value(self.services().get_opt(name).await.unwrap()).unwrap();
            if is_so(&seen) {
                return seen;
            }
            pause().await;
        }
        panic!(
            "waited too long until Service {name} {what}: {seen:#}; {}",
            self.controller().errors()
        );
    }

    /// Waits for the Service's address.
    pub async fn address(&self, name: &str) -> String {
        let service = self
            .until(name, "has an address", |it| address_in(it).is_some())
            .await;
        address_in(&service).unwrap().to_owned()
    }

    /// Nodes that the cloud has found to be healthy, of all its load balancers.
    pub async fn healthy_nodes(&self) -> BTreeSet<String> {
        let token = self.kubeconfig.with_file_name(MockCloud::TOKEN_FILE);
        let token = std::fs::read_to_string(token).unwrap();
        let url = format!("{}/v1/load-balancers", self.cloud.url);
        let request = reqwest::Client::new().get(url).bearer_auth(token.trim());
        let answer = request.send().await.unwrap();
        let list: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let items = list["items"].as_array().unwrap().iter();
        let listeners = items.flat_map(|it| it["listeners"].as_array().unwrap());
        let targets = listeners.flat_map(|it| it["targets"].as_array().unwrap());
        let healthy = targets.filter(|it| it["health"]["state"] == "Healthy");
        healthy
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The calls of this operation that the cloud got.
    pub async fn calls(&self, operation: &str) -> Vec<Value> {
        self.cloud.calls(operation).await
    }
}

pub async fn client(kubeconfig: &std::path::Path) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// A Service of type LoadBalancer for the pods of this name.
pub fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "type": "LoadBalancer", "selector": {"app": name},
            "ports": [{"name": "http", "port": 8080}],
        },
    })
}

pub fn address_in(service: &Value) -> Option<&str> {
    service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str()
}

/// The condition Provisioned.
pub fn condition(service: &Value) -> &Value {
    condition_of(service, "landfall.dev/Provisioned")
}

/// The condition of this type.
pub fn condition_of<'a>(service: &'a Value, type_: &str) -> &'a Value {
    let conditions = service["status"]["conditions"].as_array();
    conditions
        .and_then(|list| list.iter().find(|it| it["type"] == type_))
        .unwrap_or(&Value::Null)
}

/// The address by which this one is reached.
pub fn own_address(address: &str) -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect((address, 9)).unwrap();
    socket.local_addr().unwrap().ip()
}

/// Asks once, over a new connection.
pub async fn ask(address: &str, port: u16) -> Option<Answer> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let answer = client
        .get(format!("http://{address}:{port}/"))
        .send()
        .await
        .ok()?;
    let text = answer.text().await.ok()?;
    let field = |name: &str| {
        let start = format!("{name}: ");
        text.lines()
            .find_map(|line| Some(line.strip_prefix(&start)?.to_owned()))
    };
    Some(Answer {
        pod: field("pod")?,
        node: field("node")?,
        client: field("client")?,
    })
}

/// Waits for an answer.
pub async fn answer(address: &str, port: u16) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask(address, port).await {
            return answer;
        }
        pause().await;
    }
    panic!("nobody answers at {address}:{port}");
}

/// Waits until nobody answers any more.
pub async fn until_silent(address: &str, port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect((address, port))
        .await
        .is_ok()
    {
        assert!(
            Instant::now() < deadline,
            "somebody still answers at {address}:{port}"
        );
        pause().await;
    }
}

pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
