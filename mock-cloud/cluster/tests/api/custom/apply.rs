//! Server-side apply by the keys that a schema names.

use serde_json::{Value, json};

use super::{define, object, pool, pools};
use crate::raw::Raw;

fn spec() -> Value {
    object(json!({
        "size": { "type": "integer" },
        "peers": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"],
            "items": { "type": "object", "required": ["name"], "properties": {
                "name": { "type": "string" }, "port": { "type": "integer", "default": 179 }, "asn": { "type": "integer" } } } },
        "set": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
        "list": { "type": "array", "items": { "type": "string" } },
        "whole": { "type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": { "type": "string" } },
        "open": { "type": "object", "additionalProperties": { "type": "string" } },
    }))
}

#[tokio::test]
async fn managers_share_lists_by_their_keys() {
    let raw = Raw::new();
    let group = "applied.example.dev";
    let path = define(&raw, pools(group, spec())).await;
    let one = format!("{path}/a");
    let wants = |spec: Value| pool(group, "a", spec);
    let first = json!({ "size": 1, "peers": [{ "name": "p", "asn": 1 }], "set": ["a"], "list": ["a"], "open": { "x": "1" } });
    let made = raw
        .apply(&one, "first", false, wants(first.clone()))
        .await
        .expect(201);
    assert_eq!(
        made.body["spec"]["peers"],
        json!([{ "name": "p", "port": 179, "asn": 1 }])
    );
    let second =
        json!({ "peers": [{ "name": "q", "port": 1 }], "set": ["b"], "open": { "y": "2" } });
    let both = raw
        .apply(&one, "second", false, wants(second))
        .await
        .expect(200)
        .body;
    assert_eq!(both["spec"]["set"], json!(["a", "b"]));
    assert_eq!(both["spec"]["open"], json!({ "x": "1", "y": "2" }));
    assert_eq!(both["spec"]["peers"].as_array().unwrap().len(), 2);
    assert_eq!(both["metadata"]["generation"], 2);
    let taken = json!({ "peers": [{ "name": "p", "port": 179, "asn": 2 }], "list": ["b"] });
    let refused = raw
        .apply(&one, "second", false, wants(taken.clone()))
        .await
        .expect(409);
    assert_eq!(
        refused.message(),
        "Apply failed with 2 conflicts: conflicts with \"first\":\n- .spec.list\n- .spec.peers[name=\"p\",port=179].asn"
    );
    let forced = raw
        .apply(&one, "second", true, wants(taken))
        .await
        .expect(200)
        .body;
    assert_eq!(forced["spec"]["list"], json!(["b"]));
    // What the second manager left out of its second wish went with it.
    assert_eq!(forced["spec"]["set"], json!(["a"]));
    assert_eq!(
        forced["spec"]["peers"],
        json!([{ "name": "p", "port": 179, "asn": 2 }])
    );
    let nothing = raw
        .apply(&one, "first", false, wants(json!({ "size": 1 })))
        .await
        .expect(200)
        .body;
    assert!(nothing["spec"]["set"].is_null(), "{nothing}");
    assert_eq!(
        nothing["spec"]["peers"],
        json!([{ "name": "p", "port": 179, "asn": 2 }])
    );
}

#[tokio::test]
async fn maps_that_go_as_a_whole_and_a_status_that_is_applied() {
    let raw = Raw::new();
    let group = "applied-status.example.dev";
    let path = define(&raw, pools(group, spec())).await;
    let one = format!("{path}/a");
    let wants = |whole: Value| pool(group, "a", json!({ "whole": whole }));
    raw.apply(&one, "first", false, wants(json!({ "x": "1" })))
        .await
        .expect(201);
    let refused = raw
        .apply(&one, "second", false, wants(json!({ "y": "1" })))
        .await
        .expect(409);
    assert_eq!(
        refused.message(),
        "Apply failed with 1 conflict: conflict with \"first\": .spec.whole"
    );
    let forced = raw
        .apply(&one, "second", true, wants(json!({ "y": "1" })))
        .await
        .expect(200);
    assert_eq!(forced.body["spec"]["whole"], json!({ "y": "1" }));
    let status = json!({
        "apiVersion": format!("{group}/v1alpha1"), "kind": "Pool", "metadata": { "name": "a" },
        "status": { "free": 3 },
    });
    let written = raw
        .apply(&format!("{one}/status"), "controller", true, status.clone())
        .await
        .expect(200);
    assert_eq!(written.body["status"], json!({ "free": 3 }));
    assert_eq!(
        written.body["metadata"]["generation"],
        forced.body["metadata"]["generation"]
    );
    let again = raw
        .apply(&format!("{one}/status"), "controller", true, status)
        .await
        .expect(200);
    assert_eq!(again.version(), written.version());
    let strict = format!("{one}?fieldManager=first&fieldValidation=Strict");
    let unknown = pool(group, "a", json!({ "colour": 1 }));
    let refused = raw
        .call("PATCH", &strict, "application/apply-patch+yaml", &unknown)
        .await;
    assert!(
        refused.message().contains("colour"),
        "{} {}",
        refused.status,
        refused.body
    );
    assert!(refused.status >= 400);
}
