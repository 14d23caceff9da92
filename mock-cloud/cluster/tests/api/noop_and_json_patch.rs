//! Writes that change nothing, and the leniencies of JSON patches.

use serde_json::{Value, json};

use crate::raw::Raw;

const WEB: &str = "/api/v1/namespaces/default/services/web";
const STATUS: &str = "/api/v1/namespaces/default/services/web/status";

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_write() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let full = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1", "ipMode": "VIP" }] } } });
    let bare = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
    let before = raw
        .merge(STATUS, full.clone())
        .await
        .expect(200)
        .version()
        .to_owned();
    let by_another = format!("{STATUS}?fieldManager=another");
    for answer in [
        raw.merge(STATUS, full.clone()).await,
        raw.merge(STATUS, bare).await,
        raw.merge(&by_another, full).await,
        raw.merge(STATUS, json!({})).await,
        raw.json_patch(STATUS, json!([])).await,
        raw.json_patch(
            STATUS,
            json!([{ "op": "replace", "path": "/status/loadBalancer/ingress/0/ip", "value": "192.0.2.1" }]),
        )
        .await,
    ] {
        assert_eq!(answer.expect(200).version(), before);
    }
    let read = raw.get(WEB).await.body;
    assert_eq!(raw.put(WEB, &read).await.expect(200).version(), before);
    assert_eq!(raw.put(STATUS, &read).await.expect(200).version(), before);
}

#[tokio::test]
async fn json_patches() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let refused = "the server rejected our request due to an error in our request";
    let add = json!({ "op": "add", "path": "/metadata/finalizers", "value": ["a/b"] });
    let test = |path: &str, value: Value| json!({ "op": "test", "path": path, "value": value });
    let rows = [
        (json!([test("/metadata/finalizers", Value::Null), add]), 200),
        (json!([test("/metadata/finalizers", Value::Null), add]), 422),
        (
            json!([{ "op": "test", "path": "/metadata/ownerReferences" }]),
            200,
        ),
        (json!([test("/metadata/annotations/x", Value::Null)]), 422),
        (
            json!([{ "op": "replace", "path": "/spec/loadBalancerIP", "value": "x" }]),
            200,
        ),
        (
            json!([{ "op": "remove", "path": "/metadata/annotations" }]),
            422,
        ),
        (
            json!([{ "op": "add", "path": "/metadata/annotations/x", "value": "y" }]),
            422,
        ),
        (json!([test("/metadata/resourceVersion", json!("1"))]), 422),
        (json!([test("/metadata/uid", json!("1"))]), 422),
    ];
    for (operations, status) in rows {
        let answer = raw.json_patch(WEB, operations.clone()).await;
        assert_eq!(answer.status, status, "{operations}: {}", answer.body);
        if status == 422 {
            assert_eq!(answer.body["reason"], "Invalid");
            assert_eq!(answer.message(), refused);
            // Absent, or an empty object: no cause is told.
            assert!(answer.body["details"]["causes"].is_null(), "{operations}");
        }
    }
}

#[tokio::test]
async fn an_old_version_conflicts() {
    let raw = Raw::new();
    let old = raw.web(json!({})).await.body;
    raw.merge(WEB, json!({ "metadata": { "labels": { "a": "b" } } }))
        .await
        .expect(200);
    let modified = "the object has been modified; please apply your changes to the latest version and try again";
    let answer = raw.put(WEB, &old).await.expect(409);
    assert!(answer.message().contains(modified));
    let version = old["metadata"]["resourceVersion"].clone();
    let patch = json!({ "metadata": { "resourceVersion": version, "labels": { "c": "d" } } });
    assert!(
        raw.merge(WEB, patch)
            .await
            .expect(409)
            .message()
            .contains(modified)
    );
    let uid = json!({ "metadata": { "uid": "another" } });
    let answer = raw.merge(WEB, uid).await.expect(422);
    assert!(
        answer
            .message()
            .contains("metadata.uid: Invalid value: \"another\": field is immutable")
    );
    raw.merge("/api/v1/namespaces/default/services/absent", json!({}))
        .await
        .expect(404);
}
