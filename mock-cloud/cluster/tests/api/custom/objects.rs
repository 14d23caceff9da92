//! Custom objects are written, read, selected and deleted as others are.

use serde_json::{Value, json};

use super::{define, object, pool, pools};
use crate::raw::{Answer, Raw, eventually};

async fn sized(raw: &Raw, group: &str) -> String {
    let size = json!({ "size": { "type": "integer" }, "name": { "type": "string" } });
    define(raw, pools(group, object(size))).await
}

fn generation(answer: &Answer) -> u64 {
    answer.body["metadata"]["generation"].as_u64().unwrap()
}

#[tokio::test]
async fn generation_counts_the_spec_and_the_status_has_its_own_path() {
    let raw = Raw::new();
    let group = "generation.example.dev";
    let path = sized(&raw, group).await;
    let one = format!("{path}/a");
    let mut body = pool(group, "a", json!({ "size": 1 }));
    body["status"] = json!({ "free": 1 });
    let made = raw.post(&path, body).await.expect(201);
    assert_eq!(generation(&made), 1);
    assert!(made.body.get("status").is_none());
    let labelled = raw
        .merge(&one, json!({ "metadata": { "labels": { "a": "b" } } }))
        .await
        .expect(200);
    assert_eq!(generation(&labelled), 1);
    let both = json!({ "spec": { "size": 2 }, "status": { "free": 2 } });
    let changed = raw.merge(&one, both.clone()).await.expect(200);
    assert_eq!(generation(&changed), 2);
    assert!(changed.body.get("status").is_none());
    let mut status = both;
    status["spec"]["size"] = json!(9);
    status["metadata"] = json!({ "labels": { "a": "c" }, "finalizers": ["a.dev/b"] });
    let written = raw
        .merge(&format!("{one}/status"), status)
        .await
        .expect(200);
    assert_eq!(generation(&written), 2);
    assert_eq!(written.body["status"], json!({ "free": 2 }));
    assert_eq!(written.body["spec"], json!({ "size": 2 }));
    // Unlike with fixed kinds, metadata does not pass through the status.
    assert_eq!(written.body["metadata"]["labels"], json!({ "a": "b" }));
    assert!(written.body["metadata"]["finalizers"].is_null());
    let read = raw.get(&format!("{one}/status")).await.expect(200);
    assert_eq!(read.body, written.body);
    let same = raw
        .merge(&format!("{one}/status"), json!({ "status": { "free": 2 } }))
        .await
        .expect(200);
    assert_eq!(same.version(), written.version());
    let mut replaced = written.body.clone();
    replaced.as_object_mut().unwrap().remove("status");
    let replaced = raw.put(&one, &replaced).await.expect(200);
    assert_eq!(replaced.body["status"], json!({ "free": 2 }));
    assert_eq!(replaced.version(), written.version());
}

#[tokio::test]
async fn without_a_status_path_the_status_is_a_field_as_any() {
    let raw = Raw::new();
    let group = "plain.example.dev";
    let mut definition = pools(group, object(json!({})));
    definition["spec"]["versions"][0]
        .as_object_mut()
        .unwrap()
        .remove("subresources");
    let path = define(&raw, definition).await;
    let mut body = pool(group, "a", json!({}));
    body["status"] = json!({ "free": 1 });
    let made = raw.post(&path, body).await.expect(201);
    assert_eq!(made.body["status"], json!({ "free": 1 }));
    raw.get(&format!("{path}/a/status")).await.expect(404);
    let changed = raw
        .merge(&format!("{path}/a"), json!({ "status": { "free": 2 } }))
        .await
        .expect(200);
    assert_eq!(generation(&changed), 2);
}

#[tokio::test]
async fn patches_of_each_kind_and_conflicts() {
    let raw = Raw::new();
    let group = "patched.example.dev";
    let path = sized(&raw, group).await;
    let one = format!("{path}/a");
    let made = raw
        .post(&path, pool(group, "a", json!({ "size": 1 })))
        .await
        .expect(201);
    let again = raw
        .post(&path, pool(group, "a", json!({})))
        .await
        .expect(409);
    assert_eq!(
        again.message(),
        format!("pools.{group} \"a\" already exists")
    );
    let replace = json!([{ "op": "replace", "path": "/spec/size", "value": 2 }]);
    let changed = raw.json_patch(&one, replace).await.expect(200);
    assert_eq!(changed.body["spec"]["size"], 2);
    let refused = raw
        .strategic(&one, json!({ "spec": { "size": 3 } }))
        .await
        .expect(415);
    assert_eq!(
        refused.message(),
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );
    let late = raw.put(&one, &made.body).await.expect(409);
    let why = "the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!(
        late.message(),
        format!("Operation cannot be fulfilled on pools.{group} \"a\": {why}")
    );
    let mut free = changed.body.clone();
    free["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let refused = raw.put(&one, &free).await.expect(422);
    assert_eq!(
        refused.message(),
        format!(
            "pools.{group} \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
        )
    );
    assert_eq!(refused.body["details"]["kind"], "pools");
    raw.put(&format!("{path}/none"), &pool(group, "none", json!({})))
        .await
        .expect(404);
    let missing = raw.get(&format!("{path}/none")).await.expect(404);
    assert_eq!(
        missing.message(),
        format!("pools.{group} \"none\" not found")
    );
    let mut elsewhere = pool(group, "b", json!({}));
    elsewhere["kind"] = json!("Pond");
    let refused = raw.post(&path, elsewhere).await.expect(422);
    let why = "kind: Invalid value: \"Pond\": must be Pool";
    assert_eq!(
        refused.message(),
        format!("Pond.{group} \"b\" is invalid: {why}")
    );
    let mut elsewhere = pool(group, "b", json!({}));
    elsewhere["apiVersion"] = json!("other.example.dev/v1");
    raw.post(&path, elsewhere).await.expect(400);
    raw.delete(&one).await.expect(200);
    raw.get(&one).await.expect(404);
}

#[tokio::test]
async fn objects_are_selected_paged_and_deleted_together() {
    let raw = Raw::new();
    let group = "selected.example.dev";
    let mut definition = pools(group, object(json!({ "size": { "type": "integer" } })));
    definition["spec"]["versions"][0]["selectableFields"] = json!([{ "jsonPath": ".spec.size" }]);
    let path = define(&raw, definition).await;
    for number in 0..5 {
        let mut body = pool(group, &format!("p{number}"), json!({ "size": number % 2 }));
        body["metadata"]["labels"] = json!({ "odd": (number % 2).to_string() });
        raw.post(&path, body).await.expect(201);
    }
    let names = |answer: Answer| -> Vec<String> {
        let items = answer.expect(200).body["items"].as_array().unwrap().clone();
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
        items.iter().map(name).collect()
    };
    for (query, found) in [
        ("labelSelector=odd%3D1", &["p1", "p3"][..]),
        ("fieldSelector=metadata.name%3Dp2", &["p2"]),
        (
            "fieldSelector=metadata.namespace%3Ddefault,metadata.name!%3Dp0",
            &["p1", "p2", "p3", "p4"],
        ),
        ("fieldSelector=spec.size%3D1", &["p1", "p3"]),
        ("limit=2", &["p0", "p1"]),
    ] {
        let query = query.replace("namespace%3Ddefault", "namespace!%3Dx");
        assert_eq!(
            names(raw.get(&format!("{path}?{query}")).await),
            found,
            "{query}"
        );
    }
    let first = raw.get(&format!("{path}?limit=3")).await.expect(200).body;
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let next = first["metadata"]["continue"].as_str().unwrap();
    assert_eq!(
        names(raw.get(&format!("{path}?limit=3&continue={next}")).await),
        ["p3", "p4"]
    );
    let refused = raw
        .get(&format!("{path}?fieldSelector=spec.name%3Dx"))
        .await
        .expect(400);
    assert!(
        refused
            .message()
            .contains("field label not supported: spec.name"),
        "{}",
        refused.message()
    );
    raw.delete(&format!("{path}?labelSelector=odd%3D0"))
        .await
        .expect(200);
    assert_eq!(names(raw.get(&path).await), ["p1", "p3"]);
}

#[tokio::test]
async fn finalizers_hold_and_scope_counts() {
    let raw = Raw::new();
    let group = "wide.example.dev";
    let mut definition = pools(group, object(json!({})));
    definition["spec"]["scope"] = json!("Cluster");
    let path = define(&raw, definition).await;
    assert_eq!(path, format!("/apis/{group}/v1alpha1/pools"));
    let mut body = pool(group, "a", json!({}));
    body["metadata"]["finalizers"] = json!(["hold"]);
    let made = raw.post(&path, body).await.expect(201);
    assert!(made.body["metadata"]["namespace"].is_null());
    assert_eq!(
        made.warnings,
        [
            r#"299 - "metadata.finalizers: \"hold\": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers""#
        ]
    );
    let one = format!("{path}/a");
    let waiting = raw.delete(&one).await.expect(200);
    assert!(!waiting.body["metadata"]["deletionTimestamp"].is_null());
    assert_eq!(generation(&waiting), 2);
    let more = json!({ "metadata": { "finalizers": ["hold", "a.dev/b"] } });
    raw.merge(&one, more).await.expect(422);
    raw.merge(&one, json!({ "metadata": { "finalizers": [] } }))
        .await
        .expect(200);
    raw.get(&one).await.expect(404);
    raw.get(&format!("/apis/{group}/v1alpha1/namespaces/default/pools"))
        .await
        .expect(404);
}

/// Makes a namespace, fills it, deletes it and waits until it has gone.
async fn end_a_namespace(raw: &Raw, name: &str, fill: impl AsyncFnOnce()) {
    let space = json!({ "metadata": { "name": name } });
    raw.post("/api/v1/namespaces", space).await.expect(201);
    fill().await;
    let path = format!("/api/v1/namespaces/{name}");
    raw.delete(&path).await.expect(200);
    eventually("no namespace", async || {
        (raw.get(&path).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn objects_go_with_their_namespace_and_their_owner() {
    let raw = Raw::new();
    let group = "owned.example.dev";
    let shutdown = tokio_util::sync::CancellationToken::new();
    let cluster = raw.cluster.clone();
    let ends = shutdown.clone();
    let controllers = tokio::spawn(async move { cluster.run_controllers(ends).await });
    // Once a namespace has gone the controllers are at work: the kind is new to them.
    end_a_namespace(&raw, "pool-owner-first", async || {}).await;
    let path = sized(&raw, group).await;
    let owner = raw
        .post(&path, pool(group, "owner", json!({})))
        .await
        .expect(201)
        .body;
    let reference = json!([{
        "apiVersion": owner["apiVersion"], "kind": "Pool", "name": "owner", "uid": owner["metadata"]["uid"],
    }]);
    let mut owned = pool(group, "owned", json!({}));
    owned["metadata"]["ownerReferences"] = reference.clone();
    raw.post(&path, owned).await.expect(201);
    let mut service = crate::raw::service("owned", json!({}));
    service["metadata"]["ownerReferences"] = reference;
    raw.post(crate::raw::SERVICES, service).await.expect(201);
    raw.delete(&format!("{path}/owner")).await.expect(200);
    for dependent in [
        format!("{path}/owned"),
        format!("{}/owned", crate::raw::SERVICES),
    ] {
        eventually("nothing that lost its owner", async || {
            (raw.get(&dependent).await.status == 404).then_some(())
        })
        .await;
    }
    let name = "pool-owner-space";
    let inside = path.replace("/default/", &format!("/{name}/"));
    end_a_namespace(&raw, name, async || {
        let answer = raw.post(&inside, pool(group, "a", json!({}))).await;
        answer.expect(201);
    })
    .await;
    assert_eq!(raw.get(&inside).await.expect(200).body["items"], json!([]));
    shutdown.cancel();
    controllers.await.unwrap();
}
