//! Pods of a Service, as kubelets and the EndpointSlice controller would have them: a story plays both.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use landfall_test_process::PATIENCE;
use serde_json::{Value, json};

use crate::cluster::object;
use crate::world::World;

/// The gate by which a pod waits for the load balancer of the Service `web`.
pub const GATE: &str = "target-health.landfall.dev/web";

/// A pod of the Service `web`, whose port is 8080.
pub struct Member {
    pub name: &'static str,
    pub uid: String,
    pub address: Ipv4Addr,
}

impl World {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace)
    }

    /// Makes a pod at the address of this index, with these gates. None of its containers is ready.
    pub async fn create_pod(&self, name: &'static str, index: usize, gates: &[&str]) -> Member {
        let gates: Vec<_> = gates
            .iter()
            .map(|it| json!({"conditionType": it}))
            .collect();
        let pod = json!({
            "metadata": {"name": name},
            "spec": {
                "containers": [{"name": "web", "image": "web"}],
                "readinessGates": gates,
                "automountServiceAccountToken": false,
            },
        });
        let (pods, parameters) = (self.pods(), PostParams::default());
        let made: Pod = pods.create(&parameters, &object(pod)).await.unwrap();
        let member = Member {
            name,
            uid: made.metadata.uid.unwrap(),
            address: self.ids.nodes[0].pods[index],
        };
        self.containers_are(&member, false).await;
        member
    }

    /// What a kubelet says of a pod's containers.
    pub async fn containers_are(&self, pod: &Member, ready: bool) {
        let status = if ready { "True" } else { "False" };
        let condition = json!({"type": "ContainersReady", "status": status});
        let patch = json!({"status": {"conditions": [condition]}});
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(patch));
        let pods = self.pods();
        let patched = pods.patch_status(pod.name, &parameters, &patch).await;
        patched.unwrap();
    }

    pub async fn delete_pod(&self, pod: &Member) {
        let now = DeleteParams::default().grace_period(0);
        self.pods().delete(pod.name, &now).await.unwrap();
    }

    /// Has the EndpointSlice of `web` list these, and whether they are ready.
    pub async fn list_pods(&self, pods: &[(&Member, bool)]) {
        let endpoint = |(pod, ready): &(&Member, bool)| {
            json!({
                "addresses": [pod.address],
                "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "targetRef": {
                    "kind": "Pod", "namespace": self.cluster.namespace, "name": pod.name, "uid": pod.uid,
                },
            })
        };
        let endpoints: Vec<_> = pods.iter().map(endpoint).collect();
        let slices =
            Api::<EndpointSlice>::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        if slices.get_opt("web-1").await.unwrap().is_some() {
            let patch = Patch::Merge(json!({ "endpoints": endpoints }));
            let parameters = PatchParams::default();
            slices.patch("web-1", &parameters, &patch).await.unwrap();
            return;
        }
        let slice = json!({
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "port-80", "port": 8080, "protocol": "TCP"}],
            "endpoints": endpoints,
        });
        let parameters = PostParams::default();
        slices.create(&parameters, &object(slice)).await.unwrap();
    }

    /// What a pod's gate says; null if nothing yet.
    pub async fn gate(&self, pod: &Member) -> Value {
        let pod = self.pods().get(pod.name).await.unwrap();
        let conditions = pod.status.unwrap().conditions.unwrap_or_default();
        let gate = conditions.into_iter().find(|it| it.type_ == GATE);
        serde_json::to_value(gate).unwrap()
    }

    /// Waits until a pod's gate says this, and returns it.
    pub async fn until_gate(&self, pod: &Member, status: &str, reason: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let gate = self.gate(pod).await;
            if gate["status"] == status && gate["reason"] == reason {
                return gate;
            }
            assert!(
                Instant::now() < deadline,
                "waited too long until the gate of {} says {status} {reason}: {gate:#}; AWS was called: {:#?}",
                pod.name,
                self.aws.counts()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until these and no others get traffic.
    pub async fn until_registered(&self, pods: &[&Member]) {
        let wanted: BTreeSet<_> = pods.iter().map(|it| it.address.to_string()).collect();
        let what = format!("the targets are {wanted:?}");
        let is_so = |aws: &landfall_test_aws::Aws| {
            let groups = aws.target_groups();
            let targets = groups.iter().flat_map(|it| &it.targets);
            let staying = targets.filter(|it| it.draining_since.is_none());
            !groups.is_empty() && staying.map(|it| it.id.clone()).collect::<BTreeSet<_>>() == wanted
        };
        self.until_at_aws(&what, is_so).await;
    }

    /// How often AWS was called for this.
    pub fn called(&self, action: &str) -> usize {
        self.aws.counts().get(action).copied().unwrap_or_default()
    }
}
