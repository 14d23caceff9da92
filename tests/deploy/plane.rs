//! A real control plane, which this binary has for itself, and what of `deploy/` stands there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::process::{PATIENCE, kubectl, output};

pub const NAMESPACE: &str = "landfall-system";
/// MetalLB's namespace, as everywhere.
pub const METALLB: &str = "metallb-system";

/// A name of this try's own. What one before it has left has another, and its account other requests in the
/// audit log.
pub fn own(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

pub struct Plane {
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    pub client: Client,
}

impl Plane {
    /// The one that `with-control-plane` has started. `None` if there is no kubectl.
    pub async fn find() -> Option<Self> {
        let kubectl = kubectl()?;
        let kubeconfig = std::env::var_os("LANDFALL_CONTROL_PLANE");
        let kubeconfig = PathBuf::from(kubeconfig.expect("started by with-control-plane"));
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self {
            kubectl,
            client: client(&kubeconfig).await,
            kubeconfig,
        })
    }

    /// Runs kubectl in the root of the repository. Returns whether it succeeded and what it said.
    pub fn try_kubectl(&self, arguments: &str) -> (bool, String) {
        output(
            Command::new(&self.kubectl)
                .env("KUBECONFIG", &self.kubeconfig)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .args(arguments.split(' ')),
        )
    }

    /// Makes MetalLB's objects there, in a namespace of this name, and takes away the configuration of who
    /// is installed `here`: of two, the generated names would leave both.
    pub async fn had_metallb(&self, namespace: &str, objects: &str, here: &str) {
        self.try_kubectl(&format!("create namespace {namespace}"));
        let kinds = "tests/deploy/metallb.yaml";
        self.apply(kinds, &[]).await;
        self.apply(objects, &[(METALLB, namespace)]).await;
        let (deleted, said) = self.try_kubectl(&format!("-n {here} delete configmap --all"));
        assert!(deleted, "{said}");
    }

    /// Puts the controller's manifests there, beside others who do the same.
    pub async fn apply_controller(&self) {
        let mut said = String::new();
        let applied = async || {
            let applied = self.try_kubectl("apply -k deploy/controller");
            said = applied.1;
            applied.0
        };
        until("deploy/controller is applied", applied).await;
        assert!(!said.contains("Warning"), "{said}");
    }

    /// Applies an overlay, but to other namespaces: each of the first becomes the second.
    pub async fn install(&self, overlay: &str, moved: &[(&str, &str)]) {
        let (built, mut manifests) = self.try_kubectl(&format!("kustomize {overlay}"));
        assert!(built, "{manifests}");
        for (there, here) in moved {
            manifests = manifests.replace(there, here);
        }
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&manifests).unwrap();
        for object in &mut objects {
            // These have no namespace that would keep them apart.
            if object["kind"] == "ClusterRoleBinding" {
                let name = object["metadata"]["name"].as_str().unwrap();
                object["metadata"]["name"] = format!("{name}-{}", moved[0].1).into();
            }
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.apply_text(overlay, &list.to_string()).await;
    }

    /// Applies a file, moved likewise. What its objects need takes a moment: kinds, accounts.
    pub async fn apply(&self, file: &str, moved: &[(&str, &str)]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let mut text = std::fs::read_to_string(path).unwrap();
        for (there, here) in moved {
            text = text.replace(there, here);
        }
        self.apply_text(file, &text).await;
    }

    async fn apply_text(&self, what: &str, text: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifests.yaml");
        std::fs::write(&path, text).unwrap();
        let apply = format!("apply -f {}", path.display());
        let mut said = String::new();
        until(&format!("{what} is applied"), async || {
            let applied = self.try_kubectl(&apply);
            said = applied.1;
            applied.0
        })
        .await;
        assert!(!said.contains("Warning"), "{said}");
    }

    /// Makes a node, in the place of one that a try before this one has left.
    pub async fn make_node(&self, node: Value) {
        let nodes = Api::<Node>::all(self.client.clone());
        let name = node["metadata"]["name"].as_str().unwrap();
        if nodes.get_opt(name).await.unwrap().is_some() {
            nodes.delete(name, &DeleteParams::default()).await.unwrap();
        }
        let parameters = PostParams::default();
        nodes.create(&parameters, &object(node)).await.unwrap();
    }

    /// Writes a kubeconfig for a service account, with a token as a pod would have it.
    pub async fn account_kubeconfig(&self, namespace: &str, account: &str, path: &Path) {
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
        let request = TokenRequest::default();
        let parameters = PostParams::default();
        let answer = accounts.create_token_request(account, &parameters, &request);
        let token = answer.await.unwrap().status.unwrap().token;
        let admin = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let mut kubeconfig: Value = serde_saphyr::from_str(&admin).unwrap();
        kubeconfig["users"][0]["user"] = json!({"token": token});
        std::fs::write(path, kubeconfig.to_string()).unwrap();
    }
}

/// A client of the API server that a kubeconfig names.
pub async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// A typed object from JSON.
pub fn object<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// The documents of a file of manifests.
pub fn documents(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// Polls until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
