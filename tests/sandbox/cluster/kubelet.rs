//! Scheduler and kubelets of a story: each of its pods gets a node, a namespace and a program that
//! answers there.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::net::{Namespace, Net};
use super::nodes::{self, NODES};
use crate::process::{Process, program};
use crate::world::client;

/// From one look at the pods to the next.
const BEAT: Duration = Duration::from_millis(50);
/// From one word of the kubelets to the next; they are missed after 50 seconds.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a pod goes on after it was told to end, as well-behaved ones do until all proxies have
/// heard of it.
const PRE_STOP: Duration = Duration::from_secs(1);

/// Runs until it is dropped, and ends what it started.
pub struct Kubelet {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Net>>,
}

impl Kubelet {
    /// On a thread of its own, so that stories may block, and therefore with a client of its own. It
    /// keeps the net.
    pub fn start(net: Net, kubeconfig: PathBuf) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            let mut work = Work {
                net,
                client: runtime.block_on(client(&kubeconfig)),
                running: BTreeMap::new(),
                last: 9,
            };
            runtime.block_on(async {
                tokio::select! {
                    () = work.go_on() => {}
                    _ = stopped => {}
                }
            });
            drop(work.running);
            work.net
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The net goes with it. If it panicked the story has failed by that.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

struct Work {
    net: Net,
    client: Client,
    running: BTreeMap<String, Running>,
    /// The last byte of the youngest pod's address.
    last: u8,
}

struct Running {
    namespace: Namespace,
    process: Process,
    ends: Option<Instant>,
}

impl Work {
    async fn go_on(&mut self) {
        let mut beaten = Instant::now();
        loop {
            // What fails is done at the next look.
            if let Err(error) = self.look().await {
                eprintln!("kubelet: {error}");
            }
            if beaten.elapsed() > HEARTBEAT {
                beaten = Instant::now();
                for node in NODES {
                    if let Err(error) = nodes::beat(&self.client, node).await {
                        eprintln!("kubelet: {error}");
                    }
                }
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn look(&mut self) -> Result<(), kube::Error> {
        let pods = Api::<Pod>::default_namespaced(self.client.clone());
        for pod in pods.list(&ListParams::default()).await? {
            let name = pod.name_any();
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
            match (node, self.running.contains_key(&name)) {
                _ if pod.metadata.deletion_timestamp.is_some() => self.end(&pods, &name).await?,
                (None, _) => self.schedule(&pods, &name).await?,
                (Some(node), false) => self.run(&pods, &pod, &node).await?,
                (Some(_), true) => {}
            }
        }
        Ok(())
    }

    /// To the node that has fewest pods.
    async fn schedule(&self, pods: &Api<Pod>, name: &str) -> Result<(), kube::Error> {
        let all = pods.list(&ListParams::default()).await?;
        let has = |node: &String| {
            let is_there = |pod: &&Pod| {
                let spec = pod.spec.as_ref();
                spec.and_then(|it| it.node_name.as_ref()) == Some(node)
            };
            all.iter().filter(is_there).count()
        };
        let node = NODES.into_iter().map(nodes::name).min_by_key(has);
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": node});
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": name}, "target": target,
        });
        let parameters = PostParams::default();
        let bound = pods.create_subresource("binding", name, &parameters, &binding);
        bound.await.map(|_: Status| ())
    }

    async fn run(&mut self, pods: &Api<Pod>, pod: &Pod, node: &str) -> Result<(), kube::Error> {
        let name = pod.name_any();
        let Some(number) = NODES.into_iter().find(|it| nodes::name(*it) == node) else {
            panic!("{name} is to run on {node}, which is not ours");
        };
        self.last += 1;
        let (namespace, address) = self.net.add_pod(number, self.last);
        let port = container_port(pod).to_string();
        let echo: PathBuf = program("echo-pod");
        let mut process =
            Process::start(namespace.command(echo).args([name.as_str(), node, &port]));
        process.wait_until_ready();
        let host = self.net.node_address(number);
        let running = Running {
            namespace,
            process,
            ends: None,
        };
        self.running.insert(name.clone(), running);
        let patch = Patch::Strategic(ready(address, host));
        let parameters = PatchParams::default();
        pods.patch_status(&name, &parameters, &patch).await?;
        Ok(())
    }

    async fn end(&mut self, pods: &Api<Pod>, name: &str) -> Result<(), kube::Error> {
        if let Some(running) = self.running.get_mut(name) {
            let ends = *running
                .ends
                .get_or_insert_with(|| Instant::now() + PRE_STOP);
            if Instant::now() < ends {
                return Ok(());
            }
        }
        if let Some(Running {
            namespace, process, ..
        }) = self.running.remove(name)
        {
            drop(process);
            self.net.remove(&namespace);
        }
        let now = DeleteParams::default().grace_period(0);
        match pods.delete(name, &now).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}

fn container_port(pod: &Pod) -> i32 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.next().map_or(8080, |port| port.container_port)
}

/// The status of a pod that serves.
fn ready(address: Ipv4Addr, host: Ipv4Addr) -> Value {
    let condition = |kind| json!({"type": kind, "status": "True"});
    json!({"status": {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": host,
        "conditions": [condition("Ready"), condition("ContainersReady")],
    }})
}
