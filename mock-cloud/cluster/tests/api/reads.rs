//! Lists, selectors, pages, tables and discovery.

use landfall_mock_cluster::Cluster;
use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES, service};

async fn three() -> Raw {
    three_in(Raw::new()).await
}

async fn three_in(raw: Raw) -> Raw {
    for (name, kind) in [
        ("a", "ClusterIP"),
        ("b", "LoadBalancer"),
        ("c", "LoadBalancer"),
    ] {
        let mut body = service(name, json!({ "type": kind }));
        body["metadata"]["labels"] = json!({ "name": name });
        raw.post(SERVICES, body).await.expect(201);
    }
    raw
}

fn names(body: &Value) -> Vec<&str> {
    let items = body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn selectors() {
    let raw = three().await;
    for (query, expected) in [
        ("labelSelector=name%3Da", &["a"][..]),
        ("labelSelector=name%20notin%20(a)", &["b", "c"]),
        ("labelSelector=!name", &[]),
        ("fieldSelector=spec.type%3DLoadBalancer", &["b", "c"]),
        ("fieldSelector=spec.clusterIP%3DNone", &[]),
        ("fieldSelector=metadata.name%3Db", &["b"]),
        ("fieldSelector=metadata.name!%3Db", &["a", "c"]),
    ] {
        let answer = raw.get(&format!("{SERVICES}?{query}")).await.expect(200);
        assert_eq!(names(&answer.body), expected, "{query}");
        if !raw.is_alone() {
            continue;
        }
        let everywhere = raw
            .get(&format!("/api/v1/services?{query}"))
            .await
            .expect(200);
        assert_eq!(names(&everywhere.body), expected, "{query}");
    }
    let query = "fieldSelector=spec.loadBalancerClass%3Dx";
    let answer = raw.get(&format!("{SERVICES}?{query}")).await.expect(400);
    assert_eq!(
        answer.message(),
        "field label not supported: spec.loadBalancerClass"
    );
    raw.get(&format!("{SERVICES}?labelSelector=a%20b"))
        .await
        .expect(400);
}

#[tokio::test]
async fn pages_show_one_moment() {
    // A real store is compacted when its server sees fit.
    let raw = three_in(Raw::of(Cluster::new())).await;
    let first = raw
        .get(&format!("{SERVICES}?limit=2"))
        .await
        .expect(200)
        .body;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    raw.delete(&format!("{SERVICES}/c")).await.expect(200);
    raw.post(SERVICES, service("d", json!({})))
        .await
        .expect(201);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let next = format!("{SERVICES}?limit=2&continue={token}");
    let second = raw.get(&next).await.expect(200).body;
    assert_eq!(names(&second), ["c"], "as it was when the list began");
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    raw.cluster.compact();
    let expired = raw.get(&next).await.expect(410);
    assert_eq!(expired.body["reason"], "Expired");
    raw.get(&format!("{SERVICES}?continue=x")).await.expect(400);
}

#[tokio::test]
async fn a_list_at_a_revision() {
    let raw = three().await;
    let then = raw.get(SERVICES).await.version().to_owned();
    raw.delete(&format!("{SERVICES}/a")).await.expect(200);
    let exact = format!("{SERVICES}?resourceVersion={then}&resourceVersionMatch=Exact");
    assert_eq!(names(&raw.get(&exact).await.body), ["a", "b", "c"]);
    let newer = format!("{SERVICES}?resourceVersion={then}");
    assert_eq!(names(&raw.get(&newer).await.body), ["b", "c"]);
    let future = raw
        .get(&format!("{SERVICES}?resourceVersion=999999999"))
        .await
        .expect(504);
    let expected = "Timeout: Too large resource version: 999999999, current: ";
    assert!(
        future.message().starts_with(expected),
        "{}",
        future.message()
    );
}

#[tokio::test]
async fn tables_have_kubectls_columns() {
    let raw = three().await;
    let expected = [
        (
            "/api/v1/services",
            "Name Type Cluster-IP External-IP Port(s) Age Selector",
        ),
        (
            "/api/v1/pods",
            "Name Ready Status Restarts Age IP Node Nominated Node Readiness Gates",
        ),
        ("/api/v1/namespaces", "Name Status Age"),
        (
            "/api/v1/nodes",
            "Name Status Roles Age Version Internal-IP External-IP OS-Image Kernel-Version Container-Runtime",
        ),
        (
            "/api/v1/events",
            "Last Seen Type Reason Object Subobject Source Message First Seen Count Name",
        ),
        (
            "/apis/apps/v1/deployments",
            "Name Ready Up-to-date Available Age Containers Images Selector",
        ),
        (
            "/apis/discovery.k8s.io/v1/endpointslices",
            "Name AddressType Ports Endpoints Age",
        ),
        ("/apis/coordination.k8s.io/v1/leases", "Name Holder Age"),
    ];
    for (path, columns) in expected {
        let table = raw.table(path).await.expect(200).body;
        let names: Vec<&str> = table["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(names.join(" "), columns, "{path}");
    }
    let table = raw
        .table(&format!("{SERVICES}/b?includeObject=Object"))
        .await
        .expect(200)
        .body;
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"][3], "<pending>");
    assert_eq!(table["rows"][0]["object"]["kind"], "Service");
    let none = raw
        .table(&format!("{SERVICES}?includeObject=None"))
        .await
        .body;
    assert!(none["rows"][0]["object"].is_null());
}

#[tokio::test]
async fn discovery_and_health() {
    // A real server serves more.
    let raw = Raw::of(Cluster::new());
    for path in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        assert_eq!(raw.get(path).await.expect(200).body, "ok");
    }
    let groups = raw.get("/apis").await.expect(200).body;
    assert_eq!(groups["groups"].as_array().unwrap().len(), 5);
    let core = raw.get("/api/v1").await.expect(200).body;
    let services = core["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "services");
    assert_eq!(services.unwrap()["shortNames"], json!(["svc"]));
    assert_eq!(raw.get("/version").await.body["minor"], "37");
    let paths = raw.get("/openapi/v3").await.body["paths"].clone();
    assert!(paths["apis/apps/v1"]["serverRelativeURL"].is_string());
    raw.get("/apis/nothing.example.com/v1").await.expect(404);
    raw.get("/openapi/v2").await.expect(404);
    raw.call("POST", "/version", "", &Value::Null)
        .await
        .expect(405);
}
