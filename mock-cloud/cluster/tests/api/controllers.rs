//! The controllers: Deployments, scheduling, EndpointSlices, garbage collection, namespaces.
//! These tests play the node: they say when a Pod runs.

use landfall_mock_cluster::Cluster;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::raw::{Raw, SERVICES, eventually, service};

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

fn start() -> (Raw, DropGuard) {
    let cluster = Cluster::new();
    let stop = CancellationToken::new();
    let (running, token) = (cluster.clone(), stop.clone());
    tokio::spawn(async move { running.run_controllers(token).await });
    (Raw::of(cluster), stop.drop_guard())
}

async fn node(raw: &Raw, name: &str) {
    let node = json!({
        "metadata": { "name": name, "labels": { "topology.kubernetes.io/zone": format!("zone-{name}") } },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    raw.post("/api/v1/nodes", node).await.expect(201);
}

fn deployment(replicas: u32, image: &str) -> Value {
    json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": image, "ports": [{ "name": "http", "containerPort": 8080 }] }] },
            },
        },
    })
}

async fn pods(raw: &Raw) -> Vec<Value> {
    raw.get(PODS).await.body["items"]
        .as_array()
        .unwrap()
        .clone()
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// Waits until so many Pods are on nodes and none is terminating.
async fn placed(raw: &Raw, count: usize) -> Vec<Value> {
    eventually("pods on nodes", async || {
        let pods = pods(raw).await;
        let all = pods.iter().all(|pod| {
            pod["spec"]["nodeName"].is_string() && pod["metadata"]["deletionTimestamp"].is_null()
        });
        (pods.len() == count && all).then_some(pods)
    })
    .await
}

/// Says that a Pod runs, at an address.
async fn run(raw: &Raw, pod: &Value, address: &str) {
    let status = json!({ "status": {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{ "ip": address }],
        "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    raw.merge(&format!("{PODS}/{}/status", name(pod)), status)
        .await
        .expect(200);
}

/// Plays the node for all Pods that are being deleted.
async fn stop_terminating(raw: &Raw) {
    for pod in pods(raw).await {
        if pod["metadata"]["deletionTimestamp"].is_string() {
            raw.delete(&format!("{PODS}/{}?gracePeriodSeconds=0", name(&pod)))
                .await;
        }
    }
}

#[tokio::test]
async fn a_deployment_has_its_pods_spread_over_the_nodes() {
    let (raw, _stop) = start();
    for name in ["a", "b", "c"] {
        node(&raw, name).await;
    }
    raw.post(DEPLOYMENTS, deployment(6, "v1")).await.expect(201);
    let pods = placed(&raw, 6).await;
    for node in ["a", "b", "c"] {
        let count = pods
            .iter()
            .filter(|pod| pod["spec"]["nodeName"] == node)
            .count();
        assert_eq!(count, 2, "{node}");
    }
    for (index, pod) in pods.iter().enumerate() {
        assert!(pod["metadata"]["labels"]["pod-template-hash"].is_string());
        run(&raw, pod, &format!("10.0.0.{index}")).await;
    }
    let status = eventually("an available deployment", async || {
        let status = raw.get(&format!("{DEPLOYMENTS}/web")).await.body["status"].clone();
        (status["availableReplicas"] == 6).then_some(status)
    })
    .await;
    assert_eq!(status["updatedReplicas"], 6);
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["conditions"][0]["status"], "True");
}

#[tokio::test]
async fn a_new_template_replaces_pods_new_ones_first() {
    let (raw, _stop) = start();
    node(&raw, "a").await;
    raw.post(DEPLOYMENTS, deployment(2, "v1")).await.expect(201);
    for (index, pod) in placed(&raw, 2).await.iter().enumerate() {
        run(&raw, pod, &format!("10.0.0.{index}")).await;
    }
    let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": "v2" }] } } } });
    raw.strategic(&format!("{DEPLOYMENTS}/web"), image)
        .await
        .expect(200);
    let all = placed(&raw, 4).await;
    let (new, old): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|pod| pod["spec"]["containers"][0]["image"] == "v2");
    assert_eq!(
        (new.len(), old.len()),
        (2, 2),
        "the old ones stay until new ones are ready"
    );
    for (index, pod) in new.iter().enumerate() {
        run(&raw, pod, &format!("10.0.1.{index}")).await;
    }
    eventually("only new pods", async || {
        stop_terminating(&raw).await;
        let pods = pods(&raw).await;
        let new = pods
            .iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "v2");
        (pods.len() == 2 && new).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pods_without_a_node_wait_and_say_so() {
    let (raw, _stop) = start();
    raw.post(DEPLOYMENTS, deployment(1, "v1")).await.expect(201);
    let event = eventually("an event", async || {
        let path = "/api/v1/namespaces/default/events?fieldSelector=reason%3DFailedScheduling";
        raw.get(path).await.body["items"].get(0).cloned()
    })
    .await;
    assert_eq!(event["message"], "no nodes available to schedule pods");
    let cordoned = json!({ "metadata": { "name": "x" }, "spec": { "unschedulable": true } });
    raw.post("/api/v1/nodes", cordoned).await.expect(201);
    node(&raw, "a").await;
    assert_eq!(placed(&raw, 1).await[0]["spec"]["nodeName"], "a");
}

#[tokio::test]
async fn endpoint_slices_follow_pods_and_few_writes_do() {
    let (raw, _stop) = start();
    node(&raw, "a").await;
    raw.post(
        SERVICES,
        service(
            "web",
            json!({ "ports": [{ "port": 80, "targetPort": "http" }] }),
        ),
    )
    .await
    .expect(201);
    let first = eventually("a slice without endpoints", async || {
        raw.get(SLICES).await.body["items"].get(0).cloned()
    })
    .await;
    assert_eq!(first["endpoints"], json!([]));
    raw.post(DEPLOYMENTS, deployment(30, "v1"))
        .await
        .expect(201);
    for (index, pod) in placed(&raw, 30).await.iter().enumerate() {
        run(&raw, pod, &format!("127.0.0.{index}")).await;
    }
    let ready = |slice: &Value| {
        let endpoints = slice["endpoints"].as_array().unwrap();
        endpoints
            .iter()
            .filter(|one| one["conditions"]["ready"] == true)
            .count()
    };
    let slice = eventually("thirty endpoints", async || {
        let items = raw.get(SLICES).await.body["items"]
            .as_array()
            .unwrap()
            .clone();
        items.into_iter().find(|slice| ready(slice) == 30)
    })
    .await;
    assert_eq!(
        slice["ports"],
        json!([{ "name": "", "port": 8080, "protocol": "TCP" }])
    );
    let labels = &slice["metadata"]["labels"];
    assert_eq!(labels["kubernetes.io/service-name"], "web");
    assert_eq!(
        labels["endpointslice.kubernetes.io/managed-by"],
        "endpointslice-controller.k8s.io"
    );
    assert_eq!(slice["endpoints"][0]["nodeName"], "a");
    assert_eq!(slice["endpoints"][0]["zone"], "zone-a");
    let writes = slice["metadata"]["generation"].as_u64().unwrap();
    assert!(writes <= 20, "{writes} writes for thirty pods");
    let pod = &pods(&raw).await[0];
    raw.delete(&format!("{PODS}/{}", name(pod)))
        .await
        .expect(200);
    eventually("a terminating endpoint", async || {
        let slice = raw.get(&format!("{SLICES}/{}", name(&slice))).await.body;
        let endpoints = slice["endpoints"].as_array().unwrap().clone();
        endpoints.into_iter().find(|one| {
            one["conditions"] == json!({ "ready": false, "serving": true, "terminating": true })
        })
    })
    .await;
    raw.delete(&format!("{SERVICES}/web")).await.expect(200);
    eventually("no slices", async || {
        raw.get(SLICES).await.body["items"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner_or_before_it_or_stays() {
    for (policy, pods_left) in [("Background", 0), ("Foreground", 0), ("Orphan", 2)] {
        let (raw, _stop) = start();
        raw.post(DEPLOYMENTS, deployment(2, "v1")).await.expect(201);
        eventually("two pods", async || {
            (pods(&raw).await.len() == 2).then_some(())
        })
        .await;
        let path = format!("{DEPLOYMENTS}/web?propagationPolicy={policy}");
        raw.delete(&path).await.expect(200);
        eventually("no deployment", async || {
            (raw.get(&format!("{DEPLOYMENTS}/web")).await.status == 404).then_some(())
        })
        .await;
        eventually("the right pods", async || {
            let pods = pods(&raw).await;
            let free = pods
                .iter()
                .all(|pod| pod["metadata"]["ownerReferences"].is_null());
            (pods.len() == pods_left && free).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_service_deleted_in_the_foreground_goes_after_its_slices() {
    let (raw, _stop) = start();
    raw.web(json!({})).await;
    eventually("a slice", async || {
        raw.get(SLICES).await.body["items"].get(0).cloned()
    })
    .await;
    let path = format!("{SERVICES}/web");
    raw.delete(&format!("{path}?propagationPolicy=Foreground"))
        .await
        .expect(200);
    eventually("no service", async || {
        (raw.get(&path).await.status == 404).then_some(())
    })
    .await;
    let left = raw.get(SLICES).await.body["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_namespace_takes_its_contents_along() {
    let (raw, _stop) = start();
    raw.post(
        "/api/v1/namespaces",
        json!({ "metadata": { "name": "blue" } }),
    )
    .await
    .expect(201);
    let services = "/api/v1/namespaces/blue/services";
    let mut held = service("held", json!({}));
    held["metadata"]["finalizers"] = json!(["a/b"]);
    raw.post(services, held).await.expect(201);
    raw.post(services, service("free", json!({})))
        .await
        .expect(201);
    let answer = raw.delete("/api/v1/namespaces/blue").await.expect(200);
    assert_eq!(answer.body["status"]["phase"], "Terminating");
    let refused = raw
        .post(services, service("late", json!({})))
        .await
        .expect(403);
    assert!(refused.message().contains("because it is being terminated"));
    eventually("one service", async || {
        (raw.get(services).await.body["items"].as_array()?.len() == 1).then_some(())
    })
    .await;
    raw.get("/api/v1/namespaces/blue").await.expect(200);
    raw.merge(
        &format!("{services}/held"),
        json!({ "metadata": { "finalizers": null } }),
    )
    .await
    .expect(200);
    eventually("no namespace", async || {
        (raw.get("/api/v1/namespaces/blue").await.status == 404).then_some(())
    })
    .await;
    raw.delete("/api/v1/namespaces/default").await.expect(403);
}

#[tokio::test]
async fn a_deployment_is_scaled() {
    let (raw, _stop) = start();
    raw.post(DEPLOYMENTS, deployment(1, "v1")).await.expect(201);
    let scale = format!("{DEPLOYMENTS}/web/scale");
    assert_eq!(
        raw.get(&scale).await.expect(200).body["spec"]["replicas"],
        1
    );
    let answer = raw
        .merge(&scale, json!({ "spec": { "replicas": 3 } }))
        .await
        .expect(200);
    assert_eq!(answer.body["kind"], "Scale");
    eventually("three pods", async || {
        (pods(&raw).await.len() == 3).then_some(())
    })
    .await;
    let mut zero = raw.get(&scale).await.body;
    zero["spec"]["replicas"] = json!(0);
    raw.put(&scale, &zero).await.expect(200);
    eventually("no pods", async || {
        pods(&raw).await.is_empty().then_some(())
    })
    .await;
    raw.put(&scale, &zero).await.expect(409);
}
