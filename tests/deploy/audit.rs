//! The controller under exactly the rights of `deploy/`, through a whole life, and what the API
//! server's audit log says of it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::grants::{Request, granted_to};
use crate::plane::{ACCOUNT, NAMESPACE, Plane, object, until};
use crate::process::{MockCloud, Process, program};

/// The cloud that deploy/controller/landfall.yaml names, which is nowhere.
pub const EXAMPLE_CLOUD: &str = "http://mock-cloud.example:9090";
const LEASE: &str = "landfall-controller";
/// A leader renews its Lease every two seconds.
const OVERDUE: Duration = Duration::from_millis(2500);

/// The controller as the Deployment starts it, but for the paths.
struct Life {
    plane: Plane,
    folder: TempDir,
    cloud: MockCloud,
    arguments: Vec<String>,
}

impl Life {
    async fn prepare(plane: Plane) -> Self {
        plane.apply_controller().await;
        let folder = tempfile::tempdir().unwrap();
        plane
            .account_kubeconfig(&folder.path().join("kubeconfig"))
            .await;
        let pool = format!("127.190.{}.0/28", std::process::id() % 256);
        let cloud = MockCloud::start(folder.path(), &pool);

        let maps = Api::<ConfigMap>::namespaced(plane.client.clone(), NAMESPACE);
        let maps = maps.list(&ListParams::default()).await.unwrap().items;
        let configured = |map: ConfigMap| map.data?.remove("landfall.yaml");
        let config = maps.into_iter().find_map(configured).unwrap();
        assert!(config.contains(EXAMPLE_CLOUD), "{config}");
        let url = format!("http://{}", cloud.address);
        let config = config.replace(EXAMPLE_CLOUD, &url);
        std::fs::write(folder.path().join("landfall.yaml"), config).unwrap();

        let deployments = Api::<Deployment>::namespaced(plane.client.clone(), NAMESPACE);
        let deployment = deployments.get("landfall-controller").await.unwrap();
        let pod = deployment.spec.template.spec.unwrap();
        let arguments = pod.containers[0].args.clone().unwrap();
        let here = |argument: String| match argument.split_once('=') {
            Some(("--config", _)) => {
                format!("--config={}/landfall.yaml", folder.path().display())
            }
            Some(("--admin-address", _)) => "--admin-address=127.0.0.1:0".to_owned(),
            _ => argument,
        };
        let arguments = arguments.into_iter().map(here).collect();
        Self {
            plane,
            folder,
            cloud,
            arguments,
        }
    }

    fn start(&self) -> Process {
        let mut command = Command::new(program("landfall"));
        command
            .args(&self.arguments)
            .arg("--kubeconfig")
            .arg(self.folder.path().join("kubeconfig"));
        let mut process = Process::start(&mut command);
        process.wait_until_ready();
        process
    }

    fn services(&self) -> Api<Service> {
        Api::default_namespaced(self.plane.client.clone())
    }

    async fn create(&self, name: &str) {
        let service = json!({
            "metadata": {"name": name},
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": "landfall.dev/mock-cloud",
                "ports": [{"port": 80}],
            },
        });
        self.services()
            .create(&PostParams::default(), &object(service))
            .await
            .unwrap();
    }

    async fn until_port(&self, name: &str, port: u16) {
        let what = format!("{name} has an address and port {port}");
        until(&what, async || {
            let service = self.services().get(name).await.unwrap();
            let service = serde_json::to_value(service).unwrap();
            service["status"]["loadBalancer"]["ingress"][0]["ports"][0]["port"] == port
        })
        .await;
    }

    async fn until_gone(&self, name: &str) {
        until(&format!("{name} is gone"), async || {
            self.services().get_opt(name).await.unwrap().is_none()
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
        until("an event is counted up", async || {
            let events = Api::<Event>::default_namespaced(self.plane.client.clone());
            let events = events.list(&ListParams::default()).await.unwrap().items;
            events
                .iter()
                .any(|it| it.series.as_ref().is_some_and(|it| it.count >= 2))
        })
        .await;
    }

    async fn change(&self) {
        let patch = Patch::Merge(json!({"spec": {"ports": [{"port": 81}]}}));
        let parameters = PatchParams::default();
        self.services()
            .patch("web", &parameters, &patch)
            .await
            .unwrap();
        self.until_port("web", 81).await;
    }

    async fn puts(&self) -> usize {
        self.cloud.admin.calls("PutLoadBalancer").await.len()
    }

    async fn change_nodes(&self) {
        let nodes = Api::<Node>::all(self.plane.client.clone());
        let node = object(json!({"metadata": {"name": "worker"}}));
        nodes.create(&PostParams::default(), &node).await.unwrap();
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

    /// A Service that goes without waiting for its finalizer, while the controller sees nothing.
    async fn vanish(&self, controller: &Process) {
        self.create("vanishing").await;
        self.until_port("vanishing", 80).await;
        controller.signal("STOP");
        let strip = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let services = self.services();
        let parameters = PatchParams::default();
        services
            .patch("vanishing", &parameters, &strip)
            .await
            .unwrap();
        let parameters = DeleteParams::default();
        services.delete("vanishing", &parameters).await.unwrap();
        controller.signal("CONT");
        until("its load balancer is released", async || {
            self.cloud.admin.calls("DeleteLoadBalancer").await.len() == 1
        })
        .await;
    }

    /// Somebody else writes the Lease while the controller sees nothing and is late to renew it.
    /// What it does first then, look or write, is chance; only the latter meets a conflict.
    async fn contest_the_lease(&self, controller: &Process) {
        let leases = Api::<Lease>::namespaced(self.plane.client.clone(), NAMESPACE);
        let is_overdue = async || {
            let renewed = leases.get(LEASE).await.unwrap().spec.unwrap().renew_time;
            let age = Timestamp::now().duration_since(renewed.unwrap().0);
            age > OVERDUE.try_into().unwrap()
        };
        let mut turn = 0;
        until("a renewal of the Lease has met a conflict", async || {
            controller.signal("STOP");
            until("the Lease is not renewed in time", &is_overdue).await;
            turn += 1;
            let note = json!({"metadata": {"annotations": {"example.com/turn": turn.to_string()}}});
            let (parameters, note) = (PatchParams::default(), Patch::Merge(note));
            leases.patch(LEASE, &parameters, &note).await.unwrap();
            controller.signal("CONT");
            until("the Lease is renewed", async || !is_overdue().await).await;
            requests().iter().any(|it| it.is_for("get", "leases"))
        })
        .await;
    }
}

/// What the controller's account has asked for so far.
fn requests() -> Vec<Request> {
    let path = std::env::var_os("LANDFALL_AUDIT_LOG").expect("started by with-control-plane");
    let user = format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}");
    let log = std::fs::read_to_string(Path::new(&path)).unwrap();
    // The last line may be on its way.
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|event| Request::of_event(&event, &user))
        .collect()
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster has no rights and no audit log"]
async fn nothing_is_refused_to_the_controller_and_nothing_granted_in_vain() {
    let Some(plane) = Plane::find().await else {
        return;
    };
    let life = Life::prepare(plane).await;
    let mut controller = life.start();
    life.fail_twice().await;
    life.change().await;
    life.change_nodes().await;
    life.vanish(&controller).await;
    life.contest_the_lease(&controller).await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    let mut controller = life.start();
    let delete = DeleteParams::default();
    life.services().delete("web", &delete).await.unwrap();
    life.until_gone("web").await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));

    let grants = granted_to(&life.plane.client, NAMESPACE, ACCOUNT).await;
    let requests = requests();
    let shown = |found: Vec<&dyn std::fmt::Display>| {
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    let refused = requests.iter().filter(|it| it.is_refused());
    assert_eq!(shown(refused.map(|it| it as _).collect()), none, "refused");
    let covered = |request: &&Request| grants.iter().any(|grant| grant.covers(request));
    let borrowed = requests.iter().filter(|it| !covered(it));
    assert_eq!(
        shown(borrowed.map(|it| it as _).collect()),
        none,
        "allowed by rights of others only"
    );
    let unused = grants
        .iter()
        .filter(|grant| !requests.iter().any(|it| grant.covers(it)));
    assert_eq!(shown(unused.map(|it| it as _).collect()), none, "unused");
}
