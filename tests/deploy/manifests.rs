//! The manifests: an API server takes them, and what they say of each other is so.

use std::collections::BTreeSet;
use std::process::Command;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::grants::Grant;
use crate::plane::{NAMESPACE, Plane, documents, object, until};
use crate::process::{kubectl, output};

/// A namespace where pods may be as they like.
const UNRESTRICTED: &str = "landfall-unrestricted";

/// Folders that `kubectl apply -k` takes. A component is none: it is part of one.
fn overlays() -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let mut open = vec![format!("{root}deploy"), format!("{root}examples")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.to_str().unwrap();
            if path.is_dir() {
                open.push(shown.to_owned());
            } else if let Some(folder) = shown.strip_suffix("/kustomization.yaml")
                && documents(shown)[0]["kind"] == "Kustomization"
            {
                found.push(folder[root.len()..].to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows few kinds"]
async fn an_api_server_takes_every_overlay() {
    let overlays = overlays();
    assert_eq!(
        overlays,
        [
            "deploy/aws",
            "deploy/bare-metal",
            "deploy/controller",
            "deploy/crds",
            "deploy/rights",
            "deploy/speaker",
            "examples/metallb",
            "examples/sidecar",
            "examples/taking-over"
        ]
    );
    let Some(plane) = Plane::find().await else {
        return;
    };
    // Even to a dry run a namespace that is not there is not there.
    until("the namespaces are there", async || {
        // Others make them at the same time.
        plane.try_kubectl("create namespace metallb-system");
        plane
            .try_kubectl("apply -f deploy/controller/namespace.yaml")
            .0
            && plane.try_kubectl("get namespace metallb-system").0
    })
    .await;
    plane.try_kubectl(&format!("create namespace {UNRESTRICTED} --save-config"));
    let folder = tempfile::tempdir().unwrap();
    for overlay in overlays {
        let (built, mut manifests) = plane.try_kubectl(&format!("kustomize {overlay}"));
        assert!(built, "{overlay}: {manifests}");
        if manifests.contains("kind: DaemonSet") {
            // A dry run does not lift the restrictions of the namespace that it would change.
            manifests = manifests.replace(NAMESPACE, UNRESTRICTED);
        }
        let file = folder.path().join("manifests.yaml");
        std::fs::write(&file, manifests).unwrap();
        let apply = format!("apply --dry-run=server -f {}", file.display());
        let (taken, said) = plane.try_kubectl(&apply);
        assert!(taken && !said.contains("Warning"), "{overlay}: {said}");
    }
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster admits any pod"]
async fn the_pods_are_admitted_where_pod_security_is_restricted() {
    let Some(plane) = Plane::find().await else {
        return;
    };
    plane.apply_controller().await;
    let (admitted, said) = plane.try_kubectl("-n landfall-system run any --image=any");
    assert!(!admitted && said.contains("violates PodSecurity"), "{said}");
    let pods = Api::<Pod>::namespaced(plane.client.clone(), NAMESPACE);
    let ours = ListParams::default().labels("app.kubernetes.io/name=landfall-controller");
    until("two pods are there", async || {
        pods.list(&ours).await.unwrap().items.len() == 2
    })
    .await;
    let deployments = Api::<Deployment>::namespaced(plane.client.clone(), NAMESPACE);
    let deployment = deployments.get("landfall-controller").await.unwrap();
    let conditions = deployment.status.unwrap().conditions.unwrap_or_default();
    let failed = conditions
        .iter()
        .find(|it| it.type_.as_deref() == Some("ReplicaFailure"));
    assert!(failed.is_none(), "{failed:?}");
}

#[test]
fn a_speaker_has_the_nodes_network_net_raw_and_no_more() {
    let (container, pod) = container("speaker/daemonset.yaml");
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
    for shared in ["hostPID", "hostIPC"] {
        assert!(pod[shared].is_null(), "{shared}");
    }
    let expected = json!({
        "runAsUser": 0, "runAsGroup": 0, "allowPrivilegeEscalation": false,
        "capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]}, "readOnlyRootFilesystem": true,
    });
    assert_eq!(container["securityContext"], expected);
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let shared = volumes.filter_map(|it| it["hostPath"]["path"].as_str());
    assert_eq!(shared.collect::<Vec<_>>(), ["/run/landfall"]);
}

#[test]
fn a_speaker_may_listen_below_1024_only_where_that_is_asked_for() {
    let Some(kubectl) = kubectl() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    // Kustomize takes what is beside it, and links.
    std::os::unix::fs::symlink(format!("{root}/deploy"), folder.path().join("deploy")).unwrap();
    let overlay = folder.path().join("overlay");
    std::fs::create_dir(&overlay).unwrap();
    let text = "resources: [../deploy/bare-metal]\ncomponents: [../deploy/bgp-listening]\n";
    std::fs::write(overlay.join("kustomization.yaml"), text).unwrap();
    let mut command = Command::new(kubectl);
    let (built, said) = output(command.arg("kustomize").arg(&overlay));
    assert!(built, "{said}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&said).unwrap();
    let set = objects.iter().find(|it| it["kind"] == "DaemonSet").unwrap();
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    let added = &container["securityContext"]["capabilities"]["add"];
    assert_eq!(*added, json!(["NET_RAW", "NET_BIND_SERVICE"]));
}

#[test]
fn the_sidecar_stands_beside_a_manager_that_leaves_services_alone() {
    let Some(kubectl) = kubectl() else { return };
    let root = env!("CARGO_MANIFEST_DIR");
    let (built, said) = output(
        Command::new(kubectl)
            .current_dir(root)
            .args(["kustomize", "examples/sidecar"]),
    );
    assert!(built, "{said}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&said).unwrap();
    let manager = objects.iter().find(|it| it["kind"] == "Deployment");
    let containers = &manager.unwrap()["spec"]["template"]["spec"]["containers"];
    let arguments = |name: &str| {
        let mut containers = containers.as_array().unwrap().iter();
        let container = containers.find(|it| it["name"] == name).unwrap();
        container["args"].as_array().unwrap().clone()
    };
    let off = "--controllers=*,-service-lb-controller";
    assert_eq!(*arguments("cloud-controller-manager").last().unwrap(), off);
    let ours = arguments("landfall");
    assert!(
        ours[0] == "controller" && !ours.contains(&off.into()),
        "{ours:?}"
    );
}

#[test]
fn the_tables_of_rights_are_what_the_roles_grant() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{root}/docs/deploy.md")).unwrap();
    // A heading names the folder whose roles the table below it tells.
    let sections = page.split("\n### `").skip(1);
    let sections = sections.map(|section| section.split_once('`').unwrap());
    let mut folders = Vec::new();
    for (folder, text) in sections {
        assert_eq!(told(text), granted(folder), "{folder}");
        folders.push(folder);
    }
    let all = [
        "deploy/rights",
        "deploy/aws",
        "deploy/taking-over",
        "deploy/bare-metal",
        "deploy/speaker",
        "deploy/metallb",
    ];
    assert_eq!(folders, all);
}

fn granted(folder: &str) -> BTreeSet<[String; 3]> {
    let root = env!("CARGO_MANIFEST_DIR");
    let roles = documents(&format!("{root}/{folder}/roles.yaml"));
    let rules = roles
        .into_iter()
        .flat_map(|role| object::<ClusterRole>(role).rules.unwrap());
    rules
        .flat_map(|rule| Grant::of_rule(&rule, None))
        .map(|grant| grant.table_row())
        .collect()
}

fn told(section: &str) -> BTreeSet<[String; 3]> {
    let mut told = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.split('|').skip(1).map(|it| it.replace('`', ""));
        let mut cell = || cells.next().unwrap().trim().to_owned();
        let (resources, name, verbs) = (cell(), cell(), cell());
        for resource in resources.split(", ") {
            for verb in verbs.split(", ") {
                told.insert([resource.to_owned(), name.clone(), verb.to_owned()]);
            }
        }
    }
    told
}

/// The container of ours in this manifest, and its pod.
pub fn container(manifest: &str) -> (Value, Value) {
    let path = format!("{}/deploy/{manifest}", env!("CARGO_MANIFEST_DIR"));
    let documents = documents(&path);
    let deployment = documents
        .iter()
        .find(|it| it["spec"]["template"].is_object());
    let pod = deployment.unwrap()["spec"]["template"]["spec"].clone();
    let containers = pod["containers"].as_array().unwrap();
    let container = containers.iter().find(|it| it["name"] == "landfall");
    (container.unwrap().clone(), pod)
}
