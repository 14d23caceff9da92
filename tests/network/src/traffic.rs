//! Pods on nodes, and kube-proxies that lead traffic to them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use landfall_test_process::{Process, program};
use serde_json::json;

use crate::Lan;
use crate::run::feed;

/// A node that takes traffic.
#[derive(Debug, Clone)]
pub struct Node {
    /// The host that it is.
    pub host: String,
    /// What the cluster calls it.
    pub name: String,
    /// Where its pod answers, on port 8080.
    pub pod: Ipv4Addr,
}

/// On each node a pod that says who answers, by the name of its host, and kube-proxy in nftables mode.
/// All are ended when this is dropped.
#[derive(Debug)]
pub struct Traffic {
    _processes: Vec<Process>,
}

impl Traffic {
    /// Starts them; the kube-proxies, which `KUBEBUILDER_ASSETS` has, follow the cluster of this
    /// kubeconfig. What they are told is written into the folder.
    pub fn start(lan: &Lan, nodes: &[Node], kubeconfig: &Path, folder: &Path) -> Self {
        let mut processes = Vec::new();
        for Node { host, name, pod } in nodes {
            lan.give(host, (*pod).into());
            for other in nodes.iter().filter(|it| it.host != *host) {
                let via = lan.addresses(&other.host).0;
                lan.ip(host, &format!("route add {} via {via}", other.pod));
            }
            let mut command = lan.command(host, program("echo-pod"));
            let mut pod = Process::start(command.args([host, host, "8080"]));
            pod.wait_until_ready();
            processes.push(pod);
            let path = folder.join(format!("kube-proxy-{host}.yaml"));
            std::fs::write(&path, config(name, kubeconfig)).unwrap();
            let mut command = lan.command(host, proxy());
            processes.push(Process::start(command.arg("--config").arg(path)));
        }
        Self {
            _processes: processes,
        }
    }
}

fn proxy() -> PathBuf {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS").expect("started by with-control-plane");
    Path::new(&folder).join("kube-proxy")
}

fn config(node: &str, kubeconfig: &Path) -> String {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": node,
        "clientConnection": {"kubeconfig": kubeconfig},
        "clusterCIDR": "10.244.0.0/16",
        "detectLocalMode": "ClusterCIDR",
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        // The size of the table of connections is the whole machine's, and cannot be set in a namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "nftables": {"minSyncPeriod": "100ms"},
    });
    config.to_string()
}

impl Lan {
    /// Has a host count the TCP connections that are opened through it, or at it, to an address of IPv4.
    pub fn count_connections(&self, host: &str, address: IpAddr) {
        let mut command = self.command(host, "nft");
        let rules = format!(
            "table ip counted {{
              counter opened {{}}
              chain in {{
                type filter hook prerouting priority raw
                ip daddr {address} tcp flags & (syn | ack) == syn counter name opened
              }}
            }}"
        );
        feed(command.args(["-f", "-"]), &rules);
    }

    /// How many were opened since [`Self::count_connections`]; one whose first packet was sent again is
    /// counted again.
    pub fn connections(&self, host: &str) -> usize {
        let mut command = self.command(host, "nft");
        let said = crate::run::output(command.args(["list", "counter", "ip", "counted", "opened"]));
        let mut words = said.split_whitespace().skip_while(|it| *it != "packets");
        let count = words.nth(1).and_then(|it| it.parse().ok());
        count.unwrap_or_else(|| panic!("no counter: {said}"))
    }
}
