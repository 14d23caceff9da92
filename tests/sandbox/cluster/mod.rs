//! A real control plane with nodes and pods in namespaces of the network, and kube-proxy on each node.
//!
//! A story has the control plane for itself while it lasts, because every node takes traffic of
//! every Service: such stories are told one after the other. The real API server refuses loopback
//! addresses in EndpointSlices, hence pods with addresses of their own.

mod kubelet;
mod net;
mod nodes;

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{MockCloud, Process, program};
use crate::world::{World, client};
use kubelet::Kubelet;
use net::Net;
use nodes::Nodes;

/// Names the administrator's kubeconfig of a real control plane.
const CONTROL_PLANE: &str = "LANDFALL_CONTROL_PLANE";

/// The nodes and pods of one story. Dropped in this order: what calls before what is called.
pub struct Cluster {
    _nodes: Nodes,
    _kubelet: Kubelet,
    /// The administrator's, whose default namespace is the story's own.
    pub kubeconfig: PathBuf,
    pub folder: TempDir,
}

impl Cluster {
    /// `None` if there is no real control plane.
    pub async fn start() -> Option<Self> {
        let admin = PathBuf::from(std::env::var_os(CONTROL_PLANE)?);
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = namespace_kubeconfig(&admin, folder.path()).await;
        let client = client(&kubeconfig).await;
        let net = Net::new();
        let nodes = Nodes::start(&net, &client, &admin, folder.path()).await;
        Some(Self {
            _nodes: nodes,
            _kubelet: Kubelet::start(net, kubeconfig.clone()),
            kubeconfig,
            folder,
        })
    }
}

impl World {
    /// A sandbox, or, when there is a real control plane, that with all the others as processes.
    pub async fn start() -> Self {
        let Some(cluster) = Cluster::start().await else {
            return Self::sandbox().await;
        };
        let (folder, kubeconfig) = (cluster.folder.path(), cluster.kubeconfig.clone());
        let pool = format!("127.194.{}.0/24", std::process::id() % 256);
        let cloud = MockCloud::start(folder, &pool);
        let mut controller = start_controller(folder, &kubeconfig, &cloud);
        controller.wait_until_ready();
        Self::of(controller, cloud, kubeconfig, Box::new(cluster)).await
    }
}

/// Makes a namespace for the story, where clients of this kubeconfig are at home.
async fn namespace_kubeconfig(admin: &Path, folder: &Path) -> PathBuf {
    let all = client(admin).await;
    forget_earlier_stories(&all).await;
    let ours = serde_json::from_value(json!({"metadata": {"generateName": "traffic-"}})).unwrap();
    let namespaces = Api::<Namespace>::all(all);
    let made = namespaces.create(&PostParams::default(), &ours).await;
    let text = std::fs::read_to_string(admin).unwrap();
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).unwrap();
    kubeconfig["contexts"][0]["context"]["namespace"] = json!(made.unwrap().name_any());
    let path = folder.join("kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    path
}

/// Their nodes are gone, and their Services would be ours.
async fn forget_earlier_stories(client: &Client) {
    let (all, delete) = (ListParams::default(), DeleteParams::default());
    let nodes = Api::<Node>::all(client.clone());
    nodes.delete_collection(&delete, &all).await.unwrap();
    let services = Api::<Service>::all(client.clone());
    for service in services.list(&all).await.unwrap() {
        if service
            .spec
            .iter()
            .all(|it| it.type_.as_deref() != Some("LoadBalancer"))
        {
            continue;
        }
        let (name, namespace) = (service.name_any(), service.namespace().unwrap());
        let services = Api::<Service>::namespaced(client.clone(), &namespace);
        let strip = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let parameters = PatchParams::default();
        // One that was terminating is gone then.
        services.patch(&name, &parameters, &strip).await.unwrap();
        match services.delete(&name, &delete).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => drop(deleted.unwrap()),
        }
    }
}

fn start_controller(folder: &Path, kubeconfig: &Path, cloud: &MockCloud) -> Process {
    let (url, token) = (cloud.address, MockCloud::TOKEN_FILE);
    let config = format!(
        "clusterName: traffic\nproviders:\n- type: mock-cloud\n  class: landfall.dev/mock-cloud\n  \
         default: true\n  url: http://{url}\n  tokenFile: {token}\n"
    );
    let path = folder.join("landfall.yaml");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new(program("landfall"));
    command.args([
        "controller",
        "--leader-elect=false",
        "--admin-address",
        "127.0.0.1:0",
    ]);
    command.arg("--config").arg(path).arg("--kubeconfig");
    Process::start(command.arg(kubeconfig))
}
