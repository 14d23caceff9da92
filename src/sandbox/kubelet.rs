//! The nodes of the sandbox: registers them, and runs the pods that are bound to them, as kubelets
//! do. One task for all nodes; it owns every pod that runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::events::{EventType, Recorder};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::block::{self, Block};
use super::pod::{EchoServers, Identity};

/// Time for which a pod that is being deleted still answers, so that whoever learns of it late
/// loses no connection.
const TERMINATION: Duration = Duration::from_secs(1);

/// As Kubernetes calls it (Go's GOARCH).
const ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

/// A node: its name and what addresses it has for pods.
#[derive(Debug)]
pub(super) struct SandboxNode {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pods: Vec<IpAddr>,
}

/// The nodes of a sandbox.
pub(super) fn nodes(block: &Block, count: u8) -> Vec<SandboxNode> {
    let node = |number| SandboxNode {
        name: format!("node-{number}"),
        address: block.node(number),
        pods: block.pods(number).collect(),
    };
    (1..=count).map(node).collect()
}

/// Makes the Node objects, each ready for pods.
pub(super) async fn register(client: &Client, nodes: &[SandboxNode]) -> Result<(), kube::Error> {
    let api = Api::<Node>::all(client.clone());
    for node in nodes {
        let object = serde_json::from_value(node_object(node)).map_err(kube::Error::SerdeError)?;
        api.create(&PostParams::default(), &object).await?;
        let status = json!({ "status": node_status(node) });
        api.patch_status(&node.name, &PatchParams::default(), &Patch::Merge(status))
            .await?;
    }
    Ok(())
}

fn node_object(node: &SandboxNode) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": std::env::consts::OS,
                "kubernetes.io/arch": ARCHITECTURE,
            },
        },
        "spec": { "providerID": format!("landfall-sandbox://{}", node.name) },
    })
}

fn node_status(node: &SandboxNode) -> Value {
    let now = Timestamp::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pods = node.pods.len().to_string();
    let room = json!({ "pods": pods, "cpu": cores.to_string(), "memory": "1Gi" });
    json!({
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": room,
        "allocatable": room,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "SandboxReady",
            "message": "the sandbox runs this node", "lastTransitionTime": now, "lastHeartbeatTime": now,
        }],
        "nodeInfo": {
            "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION")), "kubeProxyVersion": "",
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "",
            "osImage": "Landfall sandbox", "containerRuntimeVersion": "echo://1",
            "operatingSystem": std::env::consts::OS, "architecture": ARCHITECTURE,
        },
    })
}

/// Runs the pods of these nodes until `stop` is cancelled.
pub(super) async fn run(client: Client, nodes: Vec<SandboxNode>, stop: CancellationToken) {
    let mut kubelet = Kubelet {
        client: client.clone(),
        nodes: nodes
            .into_iter()
            .map(|node| (node.name.clone(), node))
            .collect(),
        running: HashMap::new(),
        used: BTreeSet::new(),
        waiting: HashMap::new(),
        recorder: Recorder::new(client.clone(), "landfall-sandbox".into()),
        ending: HashSet::new(),
        ended: JoinSet::new(),
    };
    let pods = watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff();
    let mut pods = std::pin::pin!(pods);
    let mut listed = BTreeSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = pods.next() => match event {
                Some(Ok(Event::Apply(pod))) => kubelet.sync(&pod).await,
                Some(Ok(Event::Delete(pod))) => kubelet.forget(&pod.uid().unwrap_or_default()).await,
                Some(Ok(Event::Init)) => listed.clear(),
                Some(Ok(Event::InitApply(pod))) => {
                    listed.extend(pod.uid());
                    kubelet.sync(&pod).await;
                }
                Some(Ok(Event::InitDone)) => kubelet.keep_only(&listed).await,
                Some(Err(error)) => tracing::warn!(%error, "the watch of Pods was interrupted"),
                None => return,
            },
            Some(Ok(uid)) = kubelet.ended.join_next() => {
                kubelet.ending.remove(&uid);
                kubelet.forget(&uid).await;
            }
        }
    }
}

struct Kubelet {
    client: Client,
    nodes: HashMap<String, SandboxNode>,
    /// By UID of the pod.
    running: HashMap<String, Running>,
    used: BTreeSet<IpAddr>,
    /// Pods for which their node had no address, by UID.
    waiting: HashMap<String, Pod>,
    recorder: Recorder,
    /// Pods that are being deleted, by UID; each task returns its own.
    ending: HashSet<String>,
    ended: JoinSet<String>,
}

struct Running {
    address: IpAddr,
    #[expect(dead_code, reason = "held to be dropped")]
    servers: Option<EchoServers>,
}

impl Kubelet {
    async fn sync(&mut self, pod: &Pod) {
        let uid = pod.uid().unwrap_or_default();
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        if node
            .as_ref()
            .is_none_or(|node| !self.nodes.contains_key(node))
        {
            return;
        }
        if pod.metadata.deletion_timestamp.is_some() {
            self.end(pod, uid);
        } else if !self.running.contains_key(&uid)
            && !self.waiting.contains_key(&uid)
            && let Some(node) = node
        {
            self.start(pod, uid, &node).await;
        }
    }

    async fn start(&mut self, pod: &Pod, uid: String, node: &str) {
        let Some((node_address, address)) = self.free_address(node) else {
            let message = format!("{node} has no address left for another pod; it waits for one");
            self.waiting.insert(uid, pod.clone());
            return self.fail(pod, "NoAddress", &message).await;
        };
        let identity = Identity {
            pod: pod.name_any(),
            node: node.to_owned(),
        };
        let started = EchoServers::start(identity, address, &ports(pod)).await;
        self.used.insert(address);
        match started {
            Ok(servers) => {
                self.running.insert(
                    uid,
                    Running {
                        address,
                        servers: Some(servers),
                    },
                );
                self.write_status(pod, &running_status(pod, address, node_address))
                    .await;
            }
            Err(error) => {
                self.running.insert(
                    uid,
                    Running {
                        address,
                        servers: None,
                    },
                );
                self.fail(pod, "CannotListen", &error.to_string()).await;
            }
        }
    }

    /// Says on the pod, and in an event of it, why it does not run.
    async fn fail(&self, pod: &Pod, reason: &str, message: &str) {
        tracing::warn!(pod = pod.name_any(), reason, "{message}");
        let event = kube::runtime::events::Event {
            type_: EventType::Warning,
            reason: reason.to_owned(),
            note: Some(message.to_owned()),
            action: "Start".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &pod.object_ref(&())).await {
            tracing::debug!(%error, "an event was not written");
        }
        self.write_status(pod, &failed_status(pod, reason, message))
            .await;
    }

    fn free_address(&self, node: &str) -> Option<(IpAddr, IpAddr)> {
        let node = self.nodes.get(node)?;
        let free = node
            .pods
            .iter()
            .find(|address| !self.used.contains(address))?;
        Some((node.address, *free))
    }

    /// Deletes the object once the pod has had its time to end.
    fn end(&mut self, pod: &Pod, uid: String) {
        if !self.ending.insert(uid.clone()) {
            return;
        }
        let api = self.api(pod);
        let name = pod.name_any();
        let at_once =
            DeleteParams::default()
                .grace_period(0)
                .preconditions(kube::api::Preconditions {
                    uid: Some(uid.clone()),
                    resource_version: None,
                });
        self.ended.spawn(async move {
            tokio::time::sleep(TERMINATION).await;
            match api.delete(&name, &at_once).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                Err(error) => tracing::warn!(pod = name, %error, "the pod could not be deleted"),
            }
            uid
        });
    }

    /// Frees what a pod had; one that waited for an address may have it.
    async fn forget(&mut self, uid: &str) {
        self.waiting.remove(uid);
        let Some(Running { address, .. }) = self.running.remove(uid) else {
            return;
        };
        self.used.remove(&address);
        let node = self
            .nodes
            .values()
            .find(|node| node.pods.contains(&address));
        let Some(node) = node.map(|node| node.name.clone()) else {
            return;
        };
        let is_here =
            |pod: &Pod| pod.spec.as_ref().and_then(|it| it.node_name.as_ref()) == Some(&node);
        let next = self
            .waiting
            .iter()
            .find(|(_, pod)| is_here(pod))
            .map(|(uid, _)| uid.clone());
        if let Some(uid) = next
            && let Some(pod) = self.waiting.remove(&uid)
        {
            self.start(&pod, uid, &node).await;
        }
    }

    /// Forgets pods that went while nobody watched.
    async fn keep_only(&mut self, listed: &BTreeSet<String>) {
        let gone: Vec<_> = self
            .running
            .keys()
            .filter(|uid| !listed.contains(*uid))
            .cloned()
            .collect();
        for uid in gone {
            self.forget(&uid).await;
        }
    }

    async fn write_status(&self, pod: &Pod, status: &Value) {
        let patch = Patch::Strategic(json!({ "status": status }));
        let (api, name) = (self.api(pod), pod.name_any());
        match api
            .patch_status(&name, &PatchParams::default(), &patch)
            .await
        {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => {
                tracing::warn!(pod = name, %error, "the pod's status was not written");
            }
        }
    }

    fn api(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default())
    }
}

/// The container ports. The protocol of one is only information: `kubectl create deployment
/// --port` can name none, and `kubectl expose --protocol=UDP` is to find an answer all the same.
fn ports(pod: &Pod) -> BTreeSet<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| u16::try_from(port.container_port).ok())
        .collect()
}

fn running_status(pod: &Pod, address: IpAddr, node: IpAddr) -> Value {
    let now = Timestamp::now();
    let state = json!({ "running": { "startedAt": now } });
    json!({
        "phase": "Running",
        "hostIP": node,
        "hostIPs": [{ "ip": node }],
        "podIP": address,
        "podIPs": [{ "ip": address }, { "ip": block::ipv6(address) }],
        "startTime": now,
        "conditions": conditions(true, now),
        "containerStatuses": container_statuses(pod, true, &state),
    })
}

fn failed_status(pod: &Pod, reason: &str, message: &str) -> Value {
    let state = json!({ "waiting": { "reason": reason, "message": message } });
    json!({
        "phase": "Pending",
        "conditions": conditions(false, Timestamp::now()),
        "containerStatuses": container_statuses(pod, false, &state),
    })
}

fn conditions(ready: bool, now: Timestamp) -> Value {
    let condition = |type_, holds| {
        json!({
            "type": type_, "status": if holds { "True" } else { "False" }, "lastTransitionTime": now,
        })
    };
    json!([
        condition("PodScheduled", true),
        condition("Initialized", true),
        condition("ContainersReady", ready),
        condition("Ready", ready),
    ])
}

fn container_statuses(pod: &Pod, ready: bool, state: &Value) -> Value {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let status = |container: &k8s_openapi::api::core::v1::Container| {
        json!({
            "name": container.name, "image": container.image, "imageID": "", "containerID": "",
            "ready": ready, "started": ready, "restartCount": 0, "state": state,
        })
    };
    containers.map(status).collect()
}
