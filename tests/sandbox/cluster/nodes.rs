//! The nodes of a story: for each a namespace, a Node, and a kube-proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use serde_json::json;

use super::net::Net;
use crate::process::{Gateway, PATIENCE, Process};
use crate::world::pause;

/// Numbers of the nodes, which are called `node-1` and so on, as the sandbox has them.
pub const NODES: [u8; 3] = [1, 2, 3];
/// Where each kube-proxy tells that it is healthy.
const HEALTH_PORT: u16 = 10256;

pub struct Nodes {
    _proxies: Vec<Process>,
    /// How they reach the API server, which listens on the loopback only.
    _api: Gateway,
}

pub fn name(node: u8) -> String {
    format!("node-{node}")
}

impl Nodes {
    /// Makes them, and waits until they take traffic.
    pub async fn start(net: &Net, client: &Client, admin: &Path, folder: &Path) -> Self {
        let api = Gateway::on(net.gateway().into(), server(admin));
        let kubeconfig = proxy_kubeconfig(admin, &api, folder);
        let mut proxies = Vec::new();
        for node in NODES {
            register(client, node, net.node_address(node)).await;
            let namespace = net.add_node(node, NODES.into_iter());
            let config = proxy_config(node, &kubeconfig, folder);
            let mut command = namespace.command(proxy_program());
            proxies.push(Process::start(command.arg("--config").arg(config)));
        }
        for (node, proxy) in NODES.into_iter().zip(&proxies) {
            until_healthy(net.node_address(node), proxy).await;
        }
        Self {
            _proxies: proxies,
            _api: api,
        }
    }
}

/// Says that the kubelet is well.
pub async fn beat(client: &Client, node: u8) -> Result<(), kube::Error> {
    let now = k8s_openapi::jiff::Timestamp::now();
    let ready = json!([{
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
        "lastHeartbeatTime": now,
    }]);
    let patch = Patch::Strategic(json!({"status": {"conditions": ready}}));
    let nodes = Api::<Node>::all(client.clone());
    nodes
        .patch_status(&name(node), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

async fn register(client: &Client, node: u8, address: Ipv4Addr) {
    let nodes = Api::<Node>::all(client.clone());
    let name = name(node);
    let labels = json!({"kubernetes.io/hostname": name});
    let object = json!({"metadata": {"name": name, "labels": labels}});
    let object = serde_json::from_value(object).unwrap();
    nodes.create(&PostParams::default(), &object).await.unwrap();
    let addresses = json!([{"type": "InternalIP", "address": address}]);
    let status = Patch::Strategic(json!({"status": {"addresses": addresses}}));
    let parameters = PatchParams::default();
    nodes
        .patch_status(&name, &parameters, &status)
        .await
        .unwrap();
    beat(client, node).await.unwrap();
}

fn proxy_program() -> PathBuf {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS").expect("started by with-control-plane");
    Path::new(&folder).join("kube-proxy")
}

fn server(admin: &Path) -> SocketAddr {
    let kubeconfig = Kubeconfig::read_from(admin).unwrap();
    let cluster = kubeconfig.clusters[0].cluster.clone().unwrap();
    let server = cluster.server.unwrap();
    server.trim_start_matches("https://").parse().unwrap()
}

/// The administrator may act for anybody: here for kube-proxy, with no more rights than it has.
fn proxy_kubeconfig(admin: &Path, api: &Gateway, folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(admin).unwrap();
    let mut kubeconfig: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let cluster = &mut kubeconfig["clusters"][0]["cluster"];
    cluster["server"] = json!(format!("https://{}", api.address()));
    cluster["tls-server-name"] = json!("kubernetes");
    kubeconfig["users"][0]["user"]["as"] = json!("system:kube-proxy");
    let path = folder.join("kube-proxy.kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    path
}

/// The size of the table of connections is the whole machine's, and cannot be set in a namespace.
fn proxy_config(node: u8, kubeconfig: &Path, folder: &Path) -> PathBuf {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": name(node),
        "clientConnection": {"kubeconfig": kubeconfig},
        "clusterCIDR": "10.244.0.0/16",
        "detectLocalMode": "ClusterCIDR",
        "healthzBindAddress": format!("0.0.0.0:{HEALTH_PORT}"),
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0},
        "nftables": {"minSyncPeriod": "100ms"},
    });
    let path = folder.join(format!("kube-proxy-{node}.yaml"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

async fn until_healthy(address: Ipv4Addr, proxy: &Process) {
    let deadline = Instant::now() + PATIENCE;
    let url = format!("http://{address}:{HEALTH_PORT}/healthz");
    loop {
        if let Ok(answer) = reqwest::get(&url).await
            && answer.status().is_success()
        {
            return;
        }
        let said = proxy.errors();
        assert!(Instant::now() < deadline, "not healthy: {url}\n{said}");
        pause().await;
    }
}
