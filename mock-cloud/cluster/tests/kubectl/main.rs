//! The program `mock-cluster` and a real kubectl: started as a user starts them, over TLS.
//! Without a kubectl (1.27 or newer, from `LANDFALL_KUBECTL` or the path) it says so and stops.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod custom;
mod world;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::world::World;

const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello, labels: {app: hello}}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec: {containers: [{name: echo, image: echo, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: hello, labels: {app: hello}}
spec: {type: LoadBalancer, selector: {app: hello}, ports: [{port: 8080}]}
";

const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 127.0.0.1}]}
";

#[test]
fn a_first_walk_through_the_cluster() {
    let Some(world) = World::start() else { return };
    assert!(world.run("version").contains("v1.37"));
    assert!(world.run("cluster-info").contains("is running at"));
    let resources = world.run("api-resources");
    for name in [
        "services",
        "endpointslices",
        "leases",
        "deployments",
        "events",
    ] {
        assert!(resources.contains(name), "{name}");
    }
    world.feed("create -f -", NODE);
    world.run("create deployment hello --image=echo --port=8080 --replicas=3");
    world.run("expose deployment hello --type=LoadBalancer --port=8080");
    world.until("get pods -o wide", "one");
    world.run_pods();
    assert!(
        world
            .run("rollout status deployment/hello")
            .contains("successfully rolled out")
    );
    let all = world.run("get all");
    assert!(
        all.contains("service/hello") && all.contains("<pending>"),
        "{all}"
    );
    assert!(
        all.contains("deployment.apps/hello") && all.contains("3/3"),
        "{all}"
    );
    world.until("get endpointslices", "127.0.0.2,127.0.0.3,127.0.0.4");
    let wide = world.run("get svc,pods,nodes,deploy,endpointslices,events -o wide");
    assert!(
        wide.contains("app=hello") && wide.contains("Scheduled"),
        "{wide}"
    );
    for format in [
        "yaml",
        "json",
        "name",
        "'jsonpath={.items[*].metadata.name}'",
    ] {
        world.run(&format!(
            "get svc,pods,nodes,deploy,endpointslices,events -o {format}"
        ));
    }
    let service = world.run("describe service hello");
    assert!(service.contains("127.0.0.2:8080"), "{service}");
    world.run("describe node one");
    assert!(world.run("describe pod").contains("Successfully assigned"));
    assert!(
        world
            .run("describe deployment hello")
            .contains("3 desired | 3 updated")
    );
    assert!(world.run("events").contains("Scheduled"));
    world.stop();
}

#[test]
fn objects_change_in_every_way_that_kubectl_knows() {
    let Some(world) = World::start() else { return };
    world.feed("apply -f -", MANIFEST);
    assert!(
        world
            .feed("apply -f -", MANIFEST)
            .contains("service/hello unchanged")
    );
    let more = MANIFEST.replace("replicas: 2", "replicas: 3");
    let diff = world.output("diff -f -", &more);
    assert_eq!(
        diff.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&diff.stderr)
    );
    assert!(String::from_utf8_lossy(&diff.stdout).contains("+  replicas: 3"));
    world.feed("apply -f -", &more);
    let unknown = MANIFEST.replace("selector: {app", "selectr: {app");
    let refused = world.refuse("apply -f -", &unknown);
    assert!(
        refused.contains(r#"unknown field "spec.selectr""#),
        "{refused}"
    );
    world.run("scale deployment hello --replicas=1");
    let refused = world.refuse("apply --server-side -f -", MANIFEST);
    assert!(refused.contains(".spec.replicas"), "{refused}");
    world.feed("apply --server-side --force-conflicts -f -", MANIFEST);
    world.run("label service hello colour=blue");
    world.run("annotate service hello note=x");
    world.run("set image deployment/hello echo=echo:2");
    world.run(r#"patch service hello -p '{"spec":{"ports":[{"port":8080,"name":"web"}]}}'"#);
    world.run(r#"patch service hello --type=merge -p '{"spec":{"sessionAffinity":"ClientIP"}}'"#);
    world.run(
        r#"patch service hello --type=json -p '[{"op":"add","path":"/metadata/labels/a","value":"b"}]'"#,
    );
    world.run(
        r#"patch service hello --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":[{"ip":"127.0.0.1"}]},"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'"#,
    );
    world.run("wait --for=jsonpath={.status.loadBalancer.ingress[0].ip}=127.0.0.1 service/hello");
    world.run("wait --for=condition=Ready service/hello");
    let shown = world.run("get service hello -o json");
    for text in [
        "\"colour\": \"blue\"",
        "\"note\": \"x\"",
        "\"name\": \"web\"",
        "ClientIP",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let replaced = world.feed("replace -f -", &shown.replace("blue", "green"));
    assert!(replaced.contains("replaced"));
    let refused = world.refuse(r#"patch service hello -p '{"spec":{"type":"X"}}'"#, "");
    assert!(
        refused.contains(r#"supported values: "ClusterIP""#),
        "{refused}"
    );
    world.stop();
}

#[test]
fn what_is_deleted_goes_and_what_is_watched_is_seen() {
    let Some(world) = World::start() else { return };
    world.feed("apply -f -", MANIFEST);
    let mut watch = world
        .command("get service hello -w")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.next().unwrap().contains("EXTERNAL-IP"));
    assert!(lines.next().unwrap().contains("<pending>"));
    world.run(
        r#"patch service hello --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":[{"ip":"127.0.0.9"}]}}}'"#,
    );
    assert!(lines.next().unwrap().contains("127.0.0.9"));
    watch.kill().unwrap();
    watch.wait().unwrap();

    world.run(r#"patch service hello --type=merge -p '{"metadata":{"finalizers":["a/b"]}}'"#);
    let mut deletion = world.command("delete service hello").spawn().unwrap();
    world.until("get service hello -o yaml", "deletionTimestamp");
    assert!(
        deletion.try_wait().unwrap().is_none(),
        "kubectl waits for the finalizer"
    );
    world.run(r#"patch service hello --type=merge -p '{"metadata":{"finalizers":null}}'"#);
    assert!(deletion.wait().unwrap().success());

    world.run("create namespace blue");
    world.run("create service clusterip one --tcp=80 -n blue");
    world.run("create service loadbalancer two --tcp=80 -n blue");
    world.run("label service one kind=x -n blue");
    world.run("delete service -l kind=x -n blue");
    assert_eq!(
        world.run("get service -n blue -o name").trim(),
        "service/two"
    );
    world.run("delete namespace blue");
    assert!(!world.run("get namespaces").contains("blue"));
    world.feed("apply -f -", MANIFEST);
    world.feed("delete -f -", MANIFEST);
    world.run("delete service --all");
    assert_eq!(world.run("get service,deployment -o name"), "");
    world.stop();
}
