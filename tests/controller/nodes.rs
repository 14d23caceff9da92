//! Nodes of a story.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::place::{Place, STORY, object};

impl Place {
    /// The full name of a node of this story: nodes are the whole cluster's.
    pub fn node_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// A node without conditions, so that nobody waits for its kubelet.
    pub async fn create_node(&self, name: &str, address: &str) {
        let name = self.node_name(name);
        let nodes = Api::<Node>::all(self.client.clone());
        let node = json!({"metadata": {"name": name, "labels": {STORY: self.namespace}}});
        let made = nodes.create(&PostParams::default(), &object(node)).await;
        made.unwrap();
        let status = json!({"status": {"addresses": [{"type": "InternalIP", "address": address}]}});
        nodes
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(status))
            .await
            .unwrap();
    }
}
