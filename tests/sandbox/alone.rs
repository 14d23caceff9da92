//! The parts as programs of their own: a cluster, a cloud, and the controller between them.

use std::process::Command;

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{MockCloud, PATIENCE, Process, program};
use crate::world::{address_in, client, condition, pause, service};

/// A mock cluster and a mock cloud that run, and a configuration for a controller.
struct Parts {
    folder: TempDir,
    _cluster: Process,
    cloud: MockCloud,
    pool: String,
    services: Api<Service>,
}

impl Parts {
    async fn start(test: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let mut command = Command::new(program("mock-cluster"));
        let mut cluster = Process::start(
            command
                .args(["--listen", "127.0.0.1:0", "--kubeconfig"])
                .arg(&kubeconfig),
        );
        cluster.wait_until_ready();
        let pool = format!("127.{}.{}.0/28", 180 + test, std::process::id() % 256);
        let cloud = MockCloud::start(folder.path(), &pool);
        let address = cloud.address;
        let config = format!(
            "clusterName: demo\nproviders:\n- type: mock-cloud\n  class: landfall.dev/mock-cloud\n  \
             default: true\n  url: http://{address}\n  tokenFile: mock-cloud.token\n"
        );
        std::fs::write(folder.path().join("landfall.yaml"), config).unwrap();
        let client = client(&kubeconfig).await;
        let namespace = json!({"metadata": {"name": "landfall-system"}});
        let namespace = serde_json::from_value(namespace).unwrap();
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        let services = Api::default_namespaced(client);
        Self {
            folder,
            _cluster: cluster,
            cloud,
            pool,
            services,
        }
    }

    fn start_controller(&self) -> Process {
        let mut command = Command::new(program("landfall"));
        command.args(["controller", "--admin-address", "127.0.0.1:0", "--config"]);
        command
            .arg(self.folder.path().join("landfall.yaml"))
            .arg("--kubeconfig");
        Process::start(command.arg(self.folder.path().join("kubeconfig")))
    }

    async fn create(&self, name: &str) {
        let service = serde_json::from_value(service(name)).unwrap();
        self.services
            .create(&PostParams::default(), &service)
            .await
            .unwrap();
    }

    async fn until(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let seen = self.services.get_opt(name).await.unwrap();
            let seen = serde_json::to_value(seen).unwrap();
            if is_so(&seen) {
                return seen;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "waited too long: {seen:#}"
            );
            pause().await;
        }
    }
}

#[tokio::test]
async fn a_controller_of_its_own_serves_a_cluster() {
    let parts = Parts::start(1).await;
    let mut controller = parts.start_controller();
    let admin = controller.listens("admin");
    controller.wait_until_ready();
    for path in ["healthz", "readyz"] {
        let answer = reqwest::get(format!("http://{admin}/{path}"))
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }
    parts.create("hello").await;
    parts
        .until("hello", |it| condition(it)["status"] == "True")
        .await;
    let metrics = reqwest::get(format!("http://{admin}/metrics"))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("landfall_leader 1"), "{metrics}");
    let ensured = "operation=\"Ensure\",result=\"Ok\"} 1";
    assert!(metrics.contains(ensured), "{metrics}");
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
}

#[tokio::test]
async fn a_controller_that_is_killed_and_started_again_keeps_addresses_and_leaks_nothing() {
    let parts = Parts::start(2).await;
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    parts.create("kept").await;
    parts.create("deleted").await;
    let before = parts
        .until("kept", |it| condition(it)["status"] == "True")
        .await;
    parts
        .until("deleted", |it| condition(it)["status"] == "True")
        .await;
    controller.signal("KILL");
    controller.ended();

    parts
        .services
        .delete("deleted", &DeleteParams::default())
        .await
        .unwrap();
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    parts.until("deleted", Value::is_null).await;
    parts.create("new").await;
    let new = parts
        .until("new", |it| condition(it)["status"] == "True")
        .await;
    let after = parts.until("kept", |it| !it.is_null()).await;
    assert_eq!(before, after, "a restart wrote to a Service");
    assert_ne!(address_in(&new), address_in(&after));
}

#[tokio::test]
async fn a_sweep_shows_what_belongs_to_nobody_and_releases_it_when_confirmed() {
    let parts = Parts::start(7).await;
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    for name in ["kept", "vanished"] {
        parts.create(name).await;
        parts
            .until(name, |it| condition(it)["status"] == "True")
            .await;
    }
    controller.signal("TERM");
    controller.ended();
    // While nobody looks, one goes without waiting for its finalizer.
    let strip = json!({"metadata": {"finalizers": null}});
    let parameters = kube::api::PatchParams::default();
    let patch = kube::api::Patch::Merge(strip);
    parts
        .services
        .patch_status("vanished", &parameters, &patch)
        .await
        .unwrap();
    parts
        .services
        .delete("vanished", &DeleteParams::default())
        .await
        .unwrap();

    let sweep = |confirm: Option<&str>| {
        let mut command = Command::new(program("landfall"));
        command
            .args(["sweep", "--config"])
            .arg(parts.folder.path().join("landfall.yaml"));
        command
            .arg("--kubeconfig")
            .arg(parts.folder.path().join("kubeconfig"))
            .args(confirm);
        let (succeeded, text) = crate::process::output(&mut command);
        assert!(succeeded, "{text}");
        text
    };
    let shown = sweep(None);
    assert!(
        shown.contains("default/vanished") && !shown.contains("default/kept"),
        "{shown}"
    );
    assert!(shown.contains("nothing was released"), "{shown}");
    let released = sweep(Some("--confirm"));
    assert!(
        released.contains("released") && released.contains("default/vanished"),
        "{released}"
    );
    assert!(sweep(None).contains("nothing belongs to no Service"));
}

#[tokio::test]
async fn of_two_controllers_one_works_and_the_other_follows() {
    let parts = Parts::start(6).await;
    let mut first = parts.start_controller();
    first.wait_until_ready();
    parts.create("one").await;
    parts
        .until("one", |it| condition(it)["status"] == "True")
        .await;
    let mut second = parts.start_controller();
    second.wait_until_ready();
    first.signal("TERM");
    assert_eq!(first.ended().status.code(), Some(0));
    parts.create("two").await;
    parts
        .until("two", |it| condition(it)["status"] == "True")
        .await;

    // One that is killed gives nothing up: its Lease runs out.
    let mut third = parts.start_controller();
    third.wait_until_ready();
    second.signal("KILL");
    second.ended();
    parts.create("three").await;
    parts
        .until("three", |it| condition(it)["status"] == "True")
        .await;
    third.signal("TERM");
    assert_eq!(third.ended().status.code(), Some(0));
}

#[tokio::test]
async fn a_wrong_token_is_told_on_the_service_and_in_the_log() {
    let parts = Parts::start(3).await;
    std::fs::write(parts.folder.path().join("mock-cloud.token"), "wrong\n").unwrap();
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    parts.create("hello").await;
    let seen = parts
        .until("hello", |it| condition(it)["reason"] == "Unauthorized")
        .await;
    let message = condition(&seen)["message"].as_str().unwrap();
    assert!(message.contains("token"), "{message}");
    assert!(
        controller.errors().contains("token"),
        "{}",
        controller.errors()
    );
}

#[tokio::test]
async fn a_cloud_that_is_away_is_waited_for() {
    let mut parts = Parts::start(4).await;
    let address = parts.cloud.address.to_string();
    parts.cloud.process.signal("TERM");
    parts.cloud.process.ended();
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    parts.create("hello").await;
    let seen = parts
        .until("hello", |it| {
            condition(it)["reason"] == "ProviderUnavailable"
        })
        .await;
    let message = condition(&seen)["message"].as_str().unwrap();
    assert!(message.contains(&address), "{message}");
    parts.cloud = MockCloud::start_at(&address, parts.folder.path(), &parts.pool);
    parts
        .until("hello", |it| condition(it)["status"] == "True")
        .await;
}

#[tokio::test]
async fn a_service_of_another_class_is_none_of_our_business() {
    let parts = Parts::start(5).await;
    let mut controller = parts.start_controller();
    controller.wait_until_ready();
    let mut foreign = service("foreign");
    foreign["spec"]["loadBalancerClass"] = json!("example.com/other");
    let object = serde_json::from_value(foreign).unwrap();
    parts
        .services
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    parts.create("ours").await;
    parts
        .until("ours", |it| condition(it)["status"] == "True")
        .await;
    let seen = parts.until("foreign", |it| !it.is_null()).await;
    assert!(
        seen["metadata"]["finalizers"].is_null() && condition(&seen).is_null(),
        "{seen:#}"
    );
}
