//! The sandbox through kubectl.

use std::path::Path;
use std::process::Command;

use crate::process::{kubectl, output};
use crate::world::{World, answer, until_silent};

/// Runs kubectl against the sandbox; it must succeed.
fn run(kubectl: &Path, world: &World, arguments: &str) -> String {
    let mut command = Command::new(kubectl);
    command
        .env("KUBECONFIG", &world.kubeconfig)
        .args(arguments.split(' '));
    let (succeeded, text) = output(&mut command);
    assert!(succeeded, "kubectl {arguments}: {text}");
    text
}

#[tokio::test]
async fn what_kubectl_shows_of_a_service() {
    let Some(kubectl) = kubectl() else { return };
    let world = World::start().await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hello.yaml");
    run(&kubectl, &world, &format!("apply -f {example}"));
    run(
        &kubectl,
        &world,
        "rollout status deployment/hello --timeout=60s",
    );
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    run(
        &kubectl,
        &world,
        "wait --for=condition=landfall.dev/Provisioned service/hello --timeout=60s",
    );

    let yaml = run(&kubectl, &world, "get service hello -o yaml");
    for expected in [
        "service.kubernetes.io/load-balancer-cleanup",
        &format!("- ip: {address}"),
        "ipMode: Proxy",
        "port: 8080",
        "type: landfall.dev/Provisioned",
    ] {
        assert!(yaml.contains(expected), "no {expected} in {yaml}");
    }
    let table = run(&kubectl, &world, "get service hello");
    assert!(
        table.contains("EXTERNAL-IP") && table.contains(&address),
        "{table}"
    );
    let mut description = String::new();
    for _ in 0..1000 {
        description = run(&kubectl, &world, "describe service hello");
        if description.contains("EnsuredLoadBalancer") {
            break;
        }
    }
    assert!(description.contains("EnsuredLoadBalancer"), "{description}");
    assert!(
        description.contains(&format!("traffic lands at {address}")),
        "{description}"
    );
}

#[tokio::test]
async fn a_port_patched_by_kubectl_takes_effect_on_live_traffic() {
    let Some(kubectl) = kubectl() else { return };
    let world = World::start().await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hello.yaml");
    run(&kubectl, &world, &format!("apply -f {example}"));
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    let patch = r#"[{"op":"replace","path":"/spec/ports/0/port","value":8081}]"#;
    run(
        &kubectl,
        &world,
        &format!("patch service hello --type=json -p {patch}"),
    );
    answer(&address, 8081).await;
    until_silent(&address, 8080).await;
    assert_eq!(world.address("hello").await, address);
    run(&kubectl, &world, "delete service hello --timeout=60s");
    until_silent(&address, 8081).await;
    assert_eq!(world.calls("DeleteLoadBalancer").await.len(), 1);
}

#[tokio::test]
async fn a_malformed_manifest_is_refused_with_its_field() {
    let Some(kubectl) = kubectl() else { return };
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    for (manifest, expected) in [
        (
            "spec: {type: LoadBalancer, ports: [{port: 80, portt: 1}]}",
            "spec.ports[0].portt",
        ),
        (
            "spec: {type: LoadBalancer, ports: [{port: 99999}]}",
            "spec.ports[0].port",
        ),
        (
            "spec: {type: LoadBalancers, ports: [{port: 80}]}",
            "spec.type",
        ),
        ("spec: {type: LoadBalancer}", "spec.ports"),
        ("spec: {type: LoadBalancer, ports: 80}", "ports"),
    ] {
        let path = folder.path().join("service.yaml");
        let head = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\n";
        std::fs::write(&path, format!("{head}{manifest}\n")).unwrap();
        let mut command = Command::new(&kubectl);
        command
            .env("KUBECONFIG", &world.kubeconfig)
            .args(["create", "-f"])
            .arg(&path);
        let (succeeded, text) = output(&mut command);
        assert!(!succeeded && text.contains(expected), "{manifest}: {text}");
    }
    // Everything else goes on.
    world.create(&crate::world::service("good")).await;
    world.address("good").await;
}
