//! A sandbox as a process, and words to tell stories with.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::process::{PATIENCE, Process, program};

pub struct World {
    pub sandbox: Process,
    pub kubeconfig: PathBuf,
    pub client: Client,
    pub cloud: String,
    admin_token: String,
}

/// What a pod answered over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub pod: String,
    pub node: String,
    pub client: String,
}

impl World {
    pub async fn start() -> Self {
        Self::start_as(Command::new(program("landfall")).arg("sandbox")).await
    }

    /// With this command line, which may have flags and another user.
    pub async fn start_as(command: &mut Command) -> Self {
        let mut sandbox = Process::start(command);
        sandbox.wait_until_ready();
        let cloud = format!("http://{}", sandbox.listens("mock-cloud"));
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
            sandbox,
            kubeconfig,
            client,
            cloud,
            admin_token,
        }
    }

    pub fn services(&self) -> Api<Service> {
        Api::default_namespaced(self.client.clone())
    }

    /// Pods that answer on port 8080.
    pub async fn deploy(&self, name: &str, replicas: u32) {
        let deployment = json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{
                        "name": "echo", "image": "echo", "ports": [{"containerPort": 8080}],
                    }]},
                },
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
            self.sandbox.errors()
        );
    }

    /// Waits for the Service's address.
    pub async fn address(&self, name: &str) -> String {
        let service = self
            .until(name, "has an address", |it| address_in(it).is_some())
            .await;
        address_in(&service).unwrap().to_owned()
    }

    /// The calls of this operation that the cloud got.
    pub async fn calls(&self, operation: &str) -> Vec<Value> {
        let answer = self.admin(reqwest::Method::GET, "calls", None).await;
        let calls = answer["calls"].as_array().unwrap();
        calls
            .iter()
            .filter(|call| call["operation"] == operation)
            .cloned()
            .collect()
    }

    /// Orders a fault of the mock cloud.
    pub async fn order_fault(&self, rule: Value) {
        self.admin(reqwest::Method::POST, "faults", Some(rule))
            .await;
    }

    async fn admin(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/admin/{path}", self.cloud);
        let request = reqwest::Client::new()
            .request(method, url)
            .bearer_auth(&self.admin_token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
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
