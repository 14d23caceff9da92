//! A cluster with nodes and Services, and controllers as processes that ask some AWS.
//!
//! It is a mock cluster of the story's own, or, when `LANDFALL_CONTROL_PLANE` names a kubeconfig, a real control
//! plane that it shares. There a story has a namespace, a class and nodes of its own, so that stories don't meet.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use landfall_test_process::{Process, program};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How the names of annotations begin.
const ANNOTATION: &str = "service.beta.kubernetes.io/aws-load-balancer-";
/// The label of a story's nodes; its value is the story's namespace.
const STORY: &str = "landfall.dev/story";

pub struct Cluster {
    pub namespace: String,
    pub kubeconfig: PathBuf,
    pub folder: tempfile::TempDir,
    pub client: Client,
    /// Owned so that it lives as long as the story.
    _process: Option<Process>,
}

/// Whom a controller asks, for what.
pub struct Asks<'a> {
    /// `clusterName`.
    pub cluster: &'a str,
    pub region: &'a str,
    pub vpc: &'a str,
    pub url: &'a str,
    /// The access key.
    pub key: &'a str,
    /// More lines of its provider's configuration.
    pub more: &'a str,
}

impl Cluster {
    pub async fn start() -> Self {
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (kubeconfig, process) = cluster(folder.path());
        let client = client(&kubeconfig).await;
        let namespaces = Api::<Namespace>::all(client.clone());
        let ours = object(json!({"metadata": {"generateName": "amazon-"}}));
        let made = namespaces.create(&PostParams::default(), &ours).await;
        let namespace = made.unwrap().metadata.name.unwrap();
        Self {
            namespace,
            kubeconfig,
            folder,
            client,
            _process: process,
        }
    }

    /// The class of the story's Services.
    pub fn class(&self) -> String {
        format!("landfall.dev/{}", self.namespace)
    }

    /// Makes the story's node of this index.
    pub async fn create_node(&self, index: usize, provider_id: &str) {
        let nodes = Api::<Node>::all(self.client.clone());
        let node = object(json!({
            "metadata": {"name": self.node(index), "labels": {STORY: self.namespace}},
            "spec": {"providerID": provider_id},
        }));
        nodes.create(&PostParams::default(), &node).await.unwrap();
    }

    pub async fn delete_node(&self, index: usize) {
        let nodes = Api::<Node>::all(self.client.clone());
        let deleted = nodes
            .delete(&self.node(index), &DeleteParams::default())
            .await;
        deleted.unwrap();
    }

    fn node(&self, index: usize) -> String {
        format!("{}-node-{index}", self.namespace)
    }

    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A Service with these TCP ports, and annotations by the ends of their names.
    pub fn service(&self, name: &str, ports: &[u16], annotations: &[(&str, &str)]) -> Value {
        let mut annotations = annotated(annotations);
        if annotations[format!("{ANNOTATION}nlb-target-type")] != "ip" {
            // Other stories' nodes are other instances, which may even have the same ids.
            annotations[format!("{ANNOTATION}target-node-labels")] =
                json!(format!("{STORY}={}", self.namespace));
        }
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "type": "LoadBalancer", "ports": tcp(ports), "loadBalancerClass": self.class(),
            },
        })
    }

    /// Starts a controller, and does not wait for it.
    pub fn start_controller(&self, asks: &Asks<'_>) -> Process {
        let Asks {
            cluster,
            region,
            vpc,
            url,
            key,
            more,
        } = asks;
        let class = self.class();
        let config = self.folder.path().join("landfall.yaml");
        let text = format!(
            "clusterName: {cluster}
providers:
- type: aws
  class: {class}
  region: {region}
  vpcId: {vpc}
  endpointUrl: {url}
  driftInterval: 2s
{more}"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program("landfall"));
        command
            .args(["controller", "--admin-address", "127.0.0.1:0"])
            .args(["--leader-elect", "false"])
            .arg("--config")
            .arg(config)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        Process::start(&mut command)
    }
}

/// Ports of a Service.
fn tcp(ports: &[u16]) -> Value {
    let port = |it: &u16| json!({"name": format!("port-{it}"), "protocol": "TCP", "port": it});
    ports.iter().map(port).collect()
}

/// Annotations by the ends of their names.
pub fn annotated(annotations: &[(&str, &str)]) -> Value {
    let whole = |(end, value): &(&str, &str)| (format!("{ANNOTATION}{end}"), json!(value));
    Value::Object(annotations.iter().map(whole).collect())
}

/// The kubeconfig of the cluster, and its process if it is the story's own.
fn cluster(folder: &Path) -> (PathBuf, Option<Process>) {
    if let Some(path) = std::env::var_os("LANDFALL_CONTROL_PLANE") {
        return (PathBuf::from(path), None);
    }
    let path = folder.join("kubeconfig");
    let mut command = Command::new(program("mock-cluster"));
    let mut process = Process::start(command.arg("--kubeconfig").arg(&path));
    process.wait_until_ready();
    (path, Some(process))
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
