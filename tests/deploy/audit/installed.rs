//! What `deploy/` has installed of the controller: the process that its Deployment would start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::account::Account;
use crate::plane::{Plane, object, until};
use crate::process::{Process, program};

const ACCOUNT: &str = "landfall-controller";
const LEASE: &str = "landfall-controller";
/// The label of a story's Services; its value is the story's name.
const STORY: &str = "landfall.dev/story";
/// A leader renews its Lease every two seconds.
const OVERDUE: Duration = Duration::from_millis(2500);

/// The controller as the Deployment starts it, but for the paths.
pub struct Installed {
    pub plane: Plane,
    pub folder: TempDir,
    pub account: Account,
    arguments: Vec<String>,
    story: &'static str,
}

impl Installed {
    /// What a story of this name has applied to this namespace. The configuration may be edited.
    pub async fn find(
        plane: Plane,
        story: &'static str,
        namespace: &str,
        edit: impl Fn(&str) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        plane
            .account_kubeconfig(namespace, ACCOUNT, &kubeconfig)
            .await;

        let maps = Api::<ConfigMap>::namespaced(plane.client.clone(), namespace);
        let maps = maps.list(&ListParams::default()).await.unwrap().items;
        let configured = |map: ConfigMap| map.data?.remove("landfall.yaml");
        let config = maps.into_iter().find_map(configured).unwrap();
        std::fs::write(folder.path().join("landfall.yaml"), edit(&config)).unwrap();

        let deployments = Api::<Deployment>::namespaced(plane.client.clone(), namespace);
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
        let mut arguments: Vec<_> = arguments.into_iter().map(here).collect();
        arguments.push(format!("--lease-namespace={namespace}"));
        let account = Account {
            client: plane.client.clone(),
            namespace: namespace.to_owned(),
            name: ACCOUNT,
        };
        let installed = Self {
            plane,
            folder,
            account,
            arguments,
            story,
        };
        installed.clear().await;
        installed
    }

    /// Removes what a try before this one has left of Services. Nobody is there to take their finalizers.
    async fn clear(&self) {
        let ours = ListParams::default().labels(&format!("{STORY}={}", self.story));
        for service in self.services().list(&ours).await.unwrap() {
            let name = service.name_any();
            let none = json!({"metadata": {"finalizers": null}});
            self.patch(&name, none).await;
            // It may have waited for that only.
            let _ = self
                .services()
                .delete(&name, &DeleteParams::default())
                .await;
            self.until_gone(&name).await;
        }
    }

    /// The account's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub fn start(&self) -> Process {
        self.start_with(&self.kubeconfig())
    }

    /// The same by another way to the API server.
    pub fn start_with(&self, kubeconfig: &Path) -> Process {
        self.start_where(kubeconfig, &[])
    }

    /// The same with variables in its environment.
    pub fn start_where(&self, kubeconfig: &Path, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(program("landfall"));
        command
            .envs(variables.iter().copied())
            .args(&self.arguments)
            .arg("--kubeconfig")
            .arg(kubeconfig);
        let mut process = Process::start(&mut command);
        process.wait_until_ready();
        process
    }

    pub fn services(&self) -> Api<Service> {
        Api::default_namespaced(self.plane.client.clone())
    }

    /// Creates a Service, whose metadata and spec are given but for name and type.
    pub async fn create(&self, name: &str, metadata: Value, spec: Value) {
        let mut service = json!({"metadata": metadata, "spec": spec});
        service["metadata"]["name"] = name.into();
        service["metadata"]["labels"] = json!({STORY: self.story});
        service["spec"]["type"] = "LoadBalancer".into();
        let parameters = PostParams::default();
        let created = self.services().create(&parameters, &object(service)).await;
        created.unwrap();
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.services().patch(name, &parameters, &patch).await;
        patched.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        let parameters = DeleteParams::default();
        self.services().delete(name, &parameters).await.unwrap();
    }

    pub async fn until_gone(&self, name: &str) {
        until(&format!("{name} is gone"), async || {
            self.services().get_opt(name).await.unwrap().is_none()
        })
        .await;
    }

    /// Waits until an event about this Service was counted up instead of written again.
    pub async fn until_counted_up(&self, name: &str) {
        until("an event is counted up", async || {
            let events = Api::<Event>::default_namespaced(self.plane.client.clone());
            let events = events.list(&ListParams::default()).await.unwrap().items;
            events.iter().any(|it| {
                let regarding = it.regarding.as_ref();
                regarding.and_then(|it| it.name.as_deref()) == Some(name)
                    && it.series.as_ref().is_some_and(|it| it.count >= 2)
            })
        })
        .await;
    }

    /// Ends a Service without waiting for its finalizer, while the controller sees nothing.
    pub async fn vanish(&self, name: &str, controller: &Process) {
        controller.signal("STOP");
        self.patch(name, json!({"metadata": {"finalizers": null}}))
            .await;
        self.delete(name).await;
        controller.signal("CONT");
    }

    /// Somebody else writes the Lease while the controller sees nothing and is late to renew it.
    /// What it does first then, look or write, is chance; only the latter meets a conflict.
    pub async fn contest_the_lease(&self, controller: &Process) {
        let leases = Api::<Lease>::namespaced(self.plane.client.clone(), &self.account.namespace);
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
            self.account
                .has_asked("get", "leases.coordination.k8s.io", LEASE)
        })
        .await;
    }
}
