//! Real traffic: from a client to an address, the node that has it, its kube-proxy, and a pod; while
//! things fail.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use landfall_test_process::{Process, program};
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::world::{KUBECONFIG, World, eventually};

const EVERY: Duration = Duration::from_millis(10);

/// On each node a pod, and kube-proxy in nftables mode.
struct Traffic {
    _processes: Vec<Process>,
}

impl Traffic {
    fn start(world: &World) -> Self {
        let nodes: Vec<_> = world.lan.nodes().map(str::to_owned).collect();
        let mut processes = Vec::new();
        for host in &nodes {
            let pod = world.pod_address(host);
            world.lan.give(host, pod.into());
            for other in nodes.iter().filter(|it| *it != host) {
                let (to, via) = (world.pod_address(other), world.lan.addresses(other).0);
                world.lan.ip(host, &format!("route add {to} via {via}"));
            }
            let mut command = world.lan.command(host, program("echo-pod"));
            let mut pod = Process::start(command.args([host, host, "8080"]));
            pod.wait_until_ready();
            processes.push(pod);
            let mut command = world.lan.command(host, proxy_program());
            let config = proxy_config(world, host);
            processes.push(Process::start(command.arg("--config").arg(config)));
        }
        Self {
            _processes: processes,
        }
    }
}

fn proxy_program() -> PathBuf {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS").expect("started by with-control-plane");
    Path::new(&folder).join("kube-proxy")
}

fn proxy_config(world: &World, host: &str) -> PathBuf {
    let folder = world.folder.path();
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": world.node(host),
        "clientConnection": {"kubeconfig": folder.join(KUBECONFIG)},
        "clusterCIDR": "10.244.0.0/16",
        "detectLocalMode": "ClusterCIDR",
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        // The size of the table of connections is the whole machine's, and cannot be set in a namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "nftables": {"minSyncPeriod": "100ms"},
    });
    let path = folder.join(format!("kube-proxy-{host}.yaml"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real control plane with kube-proxy"]
async fn connections_to_pods_come_through_whatever_fails() {
    if !is_possible_or_skip("traffic through kube-proxy") {
        return;
    }
    let mut world = World::new(THREE).await;
    let _traffic = Traffic::start(&world);
    let all = ["node1", "node2", "node3"];
    for (name, text, policy, pods) in [
        ("cluster", "192.0.2.210", "Cluster", &all[..1]),
        ("local", "192.0.2.211", "Local", &all[..]),
    ] {
        let address = address(text);
        world.service(name, &[text], policy, pods).await;
        let to = SocketAddr::new(address, 80);
        let client = Probe::connect(&world.lan, "client", to, EVERY);
        client.answer_after(now());
        let mut owner = world.owner(address).await;
        for fault in ["cut", "mute", "kill", "term", "drain"] {
            // The one pod stays reachable.
            if policy == "Cluster" && owner == "node1" && matches!(fault, "cut" | "mute") {
                let away = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
                world.patch_node("node1", away).await;
                owner = world.owner_but(address, "node1").await;
                let back = json!({"metadata": {"annotations": {"landfall.dev/drain": null}}});
                world.patch_node("node1", back).await;
                world
                    .until_status("node1", "drains no more", |it| it["draining"] == false)
                    .await;
            }
            let start = now();
            client.answer_after(start);
            match fault {
                "cut" => world.lan.cut(&owner),
                "mute" => world.lan.mute(&owner),
                "kill" => world.kill(&owner),
                "term" => world.signal(&owner, "TERM"),
                _ => {
                    let away = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
                    world.patch_node(&owner, away).await;
                }
            }
            let next = world.owner_but(address, &owner).await;
            let taken = now();
            client.answer_after(taken);
            client.pass(Duration::from_millis(300));
            // Connections that were under way when the last question was asked have their time.
            let until = now() - 200_000;
            let lost = client.lost(start, until);
            let gap = client.longest_gap(start, until);
            println!("{name}: {fault}: {lost} connections lost, longest gap {gap:?}");
            if matches!(fault, "term" | "drain") {
                assert_eq!(lost, 0, "{name}: {fault}");
            }
            if policy == "Local" {
                let answers = client.answers();
                let last = answers.last().unwrap();
                assert_eq!(last.by, next, "the pod of the node that has the address");
            }
            match fault {
                "cut" => world.lan.join(&owner),
                "mute" => world.lan.unmute(&owner),
                "drain" => {
                    let back = json!({"metadata": {"annotations": {"landfall.dev/drain": null}}});
                    world.patch_node(&owner, back).await;
                }
                _ => {
                    world.speakers.remove(&owner);
                    world.start(&owner);
                    world.until_ready(&owner);
                }
            }
            world.until_all_know_each_other().await;
            owner = next;
        }
    }
    eventually("nobody is left draining", async || {
        let mut left = 0;
        for host in all {
            left += usize::from(world.status(host).await["draining"] == true);
        }
        left == 0
    })
    .await;
}
