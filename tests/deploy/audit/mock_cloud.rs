//! `deploy/controller`, with the mock cloud.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::installed::Installed;
use crate::plane::{NAMESPACE, Plane, own, until};
use crate::process::MockCloud;

/// The cloud that deploy/controller/landfall.yaml names, which is nowhere.
pub const EXAMPLE_CLOUD: &str = "http://mock-cloud.example:9090";

/// How the namespace begins where it is installed here, beside others.
const HERE: &str = "landfall-mock-cloud";

struct Life {
    installed: Installed,
    cloud: MockCloud,
}

impl Life {
    async fn prepare(plane: Plane) -> Self {
        let here = own(HERE);
        plane
            .install("deploy/controller", &[(NAMESPACE, &here)])
            .await;
        let tokens = tempfile::tempdir().unwrap();
        let pool = format!("127.190.{}.0/28", std::process::id() % 256);
        let cloud = MockCloud::start(tokens.path(), &pool);
        let url = format!("http://{}", cloud.address);
        let edit = |config: &str| {
            assert!(config.contains(EXAMPLE_CLOUD), "{config}");
            config.replace(EXAMPLE_CLOUD, &url)
        };
        let installed = Installed::find(plane, HERE, &here, edit).await;
        let token = installed.folder.path().join(MockCloud::TOKEN_FILE);
        std::fs::copy(tokens.path().join(MockCloud::TOKEN_FILE), token).unwrap();
        Self { installed, cloud }
    }

    async fn create(&self, name: &str) {
        let spec = json!({"loadBalancerClass": "landfall.dev/mock-cloud", "ports": [{"port": 80}]});
        self.installed.create(name, json!({}), spec).await;
    }

    async fn until_port(&self, name: &str, port: u16) {
        let what = format!("{name} has an address and port {port}");
        until(&what, async || {
            let service = self.installed.services().get(name).await.unwrap();
            let service = serde_json::to_value(service).unwrap();
            service["status"]["loadBalancer"]["ingress"][0]["ports"][0]["port"] == port
        })
        .await;
    }

    /// Events: written at first, counted up when the same happens again.
    async fn fail_twice(&self) {
        let fault = json!({"kind": "error", "status": 503, "code": "maintenance"});
        let rule = json!({"operation": "PutLoadBalancer", "fault": fault, "times": 3});
        self.cloud.admin.order_fault(rule).await;
        self.create("web").await;
        self.until_port("web", 80).await;
        self.installed.until_counted_up("web").await;
    }

    async fn change(&self) {
        self.installed
            .patch("web", json!({"spec": {"ports": [{"port": 81}]}}))
            .await;
        self.until_port("web", 81).await;
    }

    async fn puts(&self) -> usize {
        self.cloud.admin.calls("PutLoadBalancer").await.len()
    }

    async fn change_nodes(&self) {
        let nodes = Api::<Node>::all(self.installed.plane.client.clone());
        let node = json!({"metadata": {"name": "worker"}});
        self.installed.plane.make_node(node).await;
        for address in ["10.0.0.1", "10.0.0.2"] {
            let before = self.puts().await;
            let addresses = json!([{"type": "InternalIP", "address": address}]);
            let patch = Patch::Strategic(json!({"status": {"addresses": addresses}}));
            let parameters = PatchParams::default();
            nodes
                .patch_status("worker", &parameters, &patch)
                .await
                .unwrap();
            until("the cloud is told of the node", async || {
                self.puts().await > before
            })
            .await;
        }
        let parameters = DeleteParams::default();
        nodes.delete("worker", &parameters).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster has no rights and no audit log"]
async fn nothing_is_refused_to_the_controller_and_nothing_granted_in_vain() {
    let Some(plane) = Plane::find().await else {
        return;
    };
    let life = Life::prepare(plane).await;
    let mut controller = life.installed.start();
    life.fail_twice().await;
    life.change().await;
    life.change_nodes().await;
    life.create("cloud-vanishing").await;
    life.until_port("cloud-vanishing", 80).await;
    life.installed.vanish("cloud-vanishing", &controller).await;
    until("its load balancer is released", async || {
        life.cloud.admin.calls("DeleteLoadBalancer").await.len() == 1
    })
    .await;
    life.installed.contest_the_lease(&controller).await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    let mut controller = life.installed.start();
    life.installed.delete("web").await;
    life.installed.until_gone("web").await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    life.installed.account.judge().await;
}
