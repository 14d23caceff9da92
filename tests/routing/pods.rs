//! Pods as a real cluster has them: its controllers make EndpointSlices of what kubelets tell.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::world::{World, eventually};

impl World {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes a Service of all pods, with this address.
    pub async fn service_of_pods(&self, name: &str, address: &str, policy: &str) {
        let service = json!({
            "metadata": {"name": name},
            "spec": {
                "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
                "externalTrafficPolicy": policy, "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": 8080}],
            },
        });
        self.put_service(service).await;
        self.give(name, &[address]).await;
    }

    /// Makes the pod of a host, which is ready.
    pub async fn add_pod(&self, host: &str) {
        let pod = json!({
            "metadata": {"name": host, "labels": {"app": "web"}},
            "spec": {
                "nodeName": self.node(host), "terminationGracePeriodSeconds": 3600,
                "containers": [{"name": "web", "image": "web"}],
            },
        });
        let pod = serde_json::from_value(pod).unwrap();
        let (pods, parameters) = (self.pods(), PostParams::default());
        // The account that each pod has is made by a controller.
        eventually("a pod is made", async || {
            pods.create(&parameters, &pod).await.is_ok()
        })
        .await;
        self.pod_is(host, true).await;
    }

    /// Has the pod of a host be ready, or not.
    pub async fn pod_is(&self, host: &str, ready: bool) {
        self.beat(host).await;
        let status = if ready { "True" } else { "False" };
        let condition = |kind| json!({"type": kind, "status": status});
        let address = self.pod_address(host);
        let status = json!({"status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "hostIP": self.lan.addresses(host).0,
            "conditions": [condition("Ready"), condition("ContainersReady")],
        }});
        let (patch, parameters) = (Patch::Strategic(status), PatchParams::default());
        let pods = self.pods();
        pods.patch_status(host, &parameters, &patch).await.unwrap();
    }

    /// Has the pod of a host begin to end; it serves until [`Self::pod_ended`].
    pub async fn pod_ends(&self, host: &str) {
        let parameters = DeleteParams::default();
        self.pods().delete(host, &parameters).await.unwrap();
    }

    /// Has the pod of a host be gone.
    pub async fn pod_ended(&self, host: &str) {
        let parameters = DeleteParams::default().grace_period(0);
        self.pods().delete(host, &parameters).await.unwrap();
    }

    /// Says that the kubelet of a host lives: pods of others are taken to be not ready.
    async fn beat(&self, host: &str) {
        let ready = json!([{
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
            "lastHeartbeatTime": Timestamp::now(),
        }]);
        let patch = Patch::Strategic(json!({"status": {"conditions": ready}}));
        let (nodes, parameters) = (self.everywhere::<Node>(), PatchParams::default());
        let name = self.node(host);
        nodes
            .patch_status(&name, &parameters, &patch)
            .await
            .unwrap();
    }
}
