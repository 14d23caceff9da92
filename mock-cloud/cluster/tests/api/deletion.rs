//! Finalizers, preconditions, and what stays until it may go.

use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES, service};

const WEB: &str = "/api/v1/namespaces/default/services/web";
const STATUS: &str = "/api/v1/namespaces/default/services/web/status";

#[tokio::test]
async fn finalizers_are_added_in_five_ways_through_both_paths() {
    for path in [WEB, STATUS] {
        let raw = Raw::new();
        raw.web(json!({})).await;
        let one = |name: &str| json!({ "metadata": { "finalizers": [name] } });
        raw.merge(path, one("a/merge")).await.expect(200);
        raw.strategic(path, one("a/strategic")).await.expect(200);
        let add = json!([{ "op": "add", "path": "/metadata/finalizers/-", "value": "a/json" }]);
        raw.json_patch(path, add).await.expect(200);
        let mut apply = one("a/apply");
        apply["apiVersion"] = json!("v1");
        apply["kind"] = json!("Service");
        apply["metadata"]["name"] = json!("web");
        raw.apply(path, "m", false, apply).await.expect(200);
        let mut whole = raw.get(WEB).await.body;
        whole["metadata"]["finalizers"]
            .as_array_mut()
            .unwrap()
            .push(json!("a/put"));
        let answer = raw.put(path, &whole).await.expect(200);
        let list = answer.body["metadata"]["finalizers"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(list, 5, "{}", answer.body["metadata"]);
    }
}

#[tokio::test]
async fn odd_finalizers() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let set = |list: Value| json!({ "metadata": { "finalizers": list } });
    let refused = raw.merge(WEB, set(json!(["noslash"]))).await.expect(422);
    let why = "name is neither a standard finalizer name nor is it fully qualified";
    assert!(refused.message().contains(why));
    let twice = raw.merge(WEB, set(json!(["a/b", "a/b"]))).await.expect(200);
    assert_eq!(twice.body["metadata"]["finalizers"], json!(["a/b", "a/b"]));
}

#[tokio::test]
async fn a_terminating_object_waits_and_changes_but_takes_no_new_finalizer() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    raw.merge(
        WEB,
        json!({ "metadata": { "finalizers": ["example.com/first"] } }),
    )
    .await
    .expect(200);
    for _ in 0..2 {
        let answer = raw.delete(WEB).await.expect(200);
        assert!(answer.body["metadata"]["deletionTimestamp"].is_string());
    }
    let second =
        json!({ "metadata": { "finalizers": ["example.com/first", "example.com/second"] } });
    let refused = raw.merge(WEB, second).await.expect(422);
    let why = r#"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/second"}"#;
    assert!(refused.message().contains(why), "{}", refused.message());
    raw.merge(WEB, json!({ "metadata": { "annotations": { "a": "b" } } }))
        .await
        .expect(200);
    raw.merge(WEB, json!({ "spec": { "loadBalancerIP": "x" } }))
        .await
        .expect(200);
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
    raw.merge(STATUS, status).await.expect(200);
    let last = raw
        .merge(STATUS, json!({ "metadata": { "finalizers": null } }))
        .await
        .expect(200);
    assert_eq!(
        last.body["metadata"]["name"], "web",
        "the object is in the body"
    );
    raw.get(WEB).await.expect(404);
}

#[tokio::test]
async fn preconditions() {
    let raw = Raw::new();
    let web = raw.web(json!({})).await.body;
    let delete = |preconditions: Value| {
        let raw = raw.clone();
        async move {
            let body = json!({ "preconditions": preconditions });
            raw.call("DELETE", WEB, "application/json", &body).await
        }
    };
    let uid = delete(json!({ "uid": "another" })).await.expect(409);
    assert!(uid.message().contains("the UID in the precondition"));
    let version = delete(json!({ "resourceVersion": "1" })).await.expect(409);
    assert!(
        version
            .message()
            .contains("the ResourceVersion in the precondition")
    );
    let right = json!({ "uid": web["metadata"]["uid"], "resourceVersion": web["metadata"]["resourceVersion"] });
    delete(right).await.expect(200);
    raw.get(WEB).await.expect(404);
}

#[tokio::test]
async fn a_collection_goes_by_selector() {
    let raw = Raw::new();
    for name in ["a", "b", "c"] {
        let mut body = service(name, json!({}));
        body["metadata"]["labels"] = json!({ "name": name });
        raw.post(SERVICES, body).await.expect(201);
    }
    let answer = raw
        .delete(&format!("{SERVICES}?labelSelector=name%20in%20(a,b)"))
        .await
        .expect(200);
    assert_eq!(answer.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        raw.get(SERVICES).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_pod_on_a_node_is_given_time() {
    let raw = Raw::new();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |name: &str, node: Option<&str>| {
        json!({
            "metadata": { "name": name },
            "spec": { "nodeName": node, "containers": [{ "name": "a", "image": "a" }] },
        })
    };
    raw.post(pods, pod("free", None)).await.expect(201);
    raw.post(pods, pod("bound", Some("n"))).await.expect(201);
    raw.delete(&format!("{pods}/free")).await.expect(200);
    raw.get(&format!("{pods}/free")).await.expect(404);
    let waiting = raw.delete(&format!("{pods}/bound")).await.expect(200);
    assert_eq!(waiting.body["metadata"]["deletionGracePeriodSeconds"], 30);
    raw.get(&format!("{pods}/bound")).await.expect(200);
    raw.delete(&format!("{pods}/bound?gracePeriodSeconds=0"))
        .await
        .expect(200);
    raw.get(&format!("{pods}/bound")).await.expect(404);
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let raw = Raw::new();
    let before = raw.get(SERVICES).await;
    let dry = format!("{SERVICES}?dryRun=All");
    let answer = raw.post(&dry, service("web", json!({}))).await.expect(201);
    let port = answer.body["spec"]["ports"][0]["nodePort"]
        .as_u64()
        .unwrap();
    raw.get(WEB).await.expect(404);
    let after = raw.get(SERVICES).await;
    assert_eq!(after.body["items"], before.body["items"]);
    if raw.is_alone() {
        assert_eq!(after.version(), before.version());
    }
    if raw.is_alone() {
        let asked = json!({ "ports": [{ "port": 80, "nodePort": port }] });
        raw.web(asked).await;
    } else {
        // A real server answers a dry run with a port that nobody can have.
        assert_eq!(port, 32_769);
        raw.web(json!({})).await;
    }
    let patch = json!({ "metadata": { "labels": { "a": "b" } } });
    let answer = raw
        .merge(&format!("{WEB}?dryRun=All"), patch)
        .await
        .expect(200);
    assert_eq!(answer.body["metadata"]["labels"]["a"], "b");
    raw.delete(&format!("{WEB}?dryRun=All")).await.expect(200);
    assert!(raw.get(WEB).await.expect(200).body["metadata"]["labels"].is_null());
}
