//! From a cluster with MetalLB's objects to one with ours, by kubectl and the program.

use std::process::Command;

use crate::kinds::kinds;
use crate::plane::until;
use crate::process::output;

/// The program's answer, from files or from the cluster.
fn migrate(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    let (fine, said) = output(command.arg("migrate").args(arguments));
    assert!(fine, "{said}");
    said
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no kinds of MetalLB's"]
async fn what_a_cluster_has_of_metallb_becomes_objects_that_an_api_server_takes() {
    let Some(plane) = kinds().await else {
        return;
    };
    let kubeconfig = std::env::var("LANDFALL_CONTROL_PLANE").unwrap();
    until("MetalLB's objects are there", async || {
        plane.try_kubectl("create namespace metallb-system");
        plane.try_kubectl("apply -f tests/deploy/metallb.yaml");
        plane.try_kubectl("apply -f tests/manifests/metallb.yaml").0
    })
    .await;
    let from_files = migrate(&["tests/manifests/metallb.yaml"]);
    let from_cluster = migrate(&["--kubeconfig", &kubeconfig]);
    let without_logs = |said: &str| {
        let lines = said.lines().skip_while(|it| !it.starts_with(['#', '-']));
        let lines = lines.take_while(|it| !it.contains("using this API server"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_logs(&from_cluster), without_logs(&from_files));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ours.yaml");
    std::fs::write(&file, without_logs(&from_files).join("\n")).unwrap();
    let (taken, said) = plane.try_kubectl(&format!("apply --dry-run=server -f {}", file.display()));
    assert!(taken && !said.contains("Warning"), "{said}");
    assert_eq!(
        said.matches("created (server dry run)").count(),
        8,
        "{said}"
    );
}
