//! Server-side apply: fields have owners.

use serde_json::{Value, json};

use crate::raw::{Answer, Raw};

const WEB: &str = "/api/v1/namespaces/default/services/web";
const STATUS: &str = "/api/v1/namespaces/default/services/web/status";

fn config(status: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" }, "status": status })
}

fn ingress(ip: &str) -> Value {
    config(json!({ "loadBalancer": { "ingress": [{ "ip": ip, "ipMode": "VIP" }] } }))
}

fn condition(kind: &str, status: &str) -> Value {
    config(json!({ "conditions": [{ "type": kind, "status": status }] }))
}

fn addresses(answer: &Answer) -> &Value {
    &answer.body["status"]["loadBalancer"]["ingress"]
}

#[tokio::test]
async fn conditions_of_two_managers_stand_side_by_side() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    raw.apply(STATUS, "A", false, condition("X", "True"))
        .await
        .expect(200);
    raw.apply(STATUS, "B", false, condition("Y", "True"))
        .await
        .expect(200);
    let refused = raw
        .apply(STATUS, "B", false, condition("X", "False"))
        .await
        .expect(409);
    assert_eq!(
        refused.message(),
        r#"Apply failed with 1 conflict: conflict with "A" with subresource "status": .status.conditions[type="X"].status"#
    );
    let own = raw
        .apply(STATUS, "A", false, condition("X", "False"))
        .await
        .expect(200);
    assert_eq!(
        own.body["status"]["conditions"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn the_ingress_has_one_owner() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    raw.apply(STATUS, "A", false, ingress("192.0.2.1"))
        .await
        .expect(200);
    raw.apply(STATUS, "B", false, ingress("192.0.2.2"))
        .await
        .expect(409);
    raw.apply(STATUS, "B", true, ingress("192.0.2.2"))
        .await
        .expect(200);
    let by_former = raw
        .apply(STATUS, "A", false, config(json!({})))
        .await
        .expect(200);
    assert_eq!(
        addresses(&by_former)[0]["ip"],
        "192.0.2.2",
        "a former owner has no say"
    );
    let dropped = raw
        .apply(STATUS, "B", false, config(json!({})))
        .await
        .expect(200);
    assert!(addresses(&dropped).is_null(), "{}", dropped.body["status"]);
}

#[tokio::test]
async fn an_empty_list_clears_and_other_writers_become_owners() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    raw.apply(STATUS, "A", false, ingress("192.0.2.1"))
        .await
        .expect(200);
    let empty = config(json!({ "loadBalancer": { "ingress": [] } }));
    let cleared = raw.apply(STATUS, "A", false, empty).await.expect(200);
    assert!(addresses(&cleared).is_null());
    let merge = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.3" }] } } });
    raw.merge(&format!("{STATUS}?fieldManager=C"), merge)
        .await
        .expect(200);
    raw.apply(STATUS, "A", false, ingress("192.0.2.1"))
        .await
        .expect(409);
    raw.apply(STATUS, "A", true, ingress("192.0.2.1"))
        .await
        .expect(200);
}

#[tokio::test]
async fn the_first_apply_is_a_write_and_the_second_is_none() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let merge = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1", "ipMode": "VIP" }] } } });
    let before = raw.merge(STATUS, merge).await.version().to_owned();
    let first = raw
        .apply(STATUS, "A", false, ingress("192.0.2.1"))
        .await
        .expect(200);
    assert_ne!(first.version(), before, "the record of managers is new");
    let second = raw
        .apply(STATUS, "A", false, ingress("192.0.2.1"))
        .await
        .expect(200);
    assert_eq!(second.version(), first.version());
}

#[tokio::test]
async fn apply_creates_and_through_status_it_fails_for_want_of_ports() {
    let raw = Raw::new();
    let answer = raw
        .apply(STATUS, "A", true, ingress("192.0.2.1"))
        .await
        .expect(422);
    assert!(
        answer.message().contains("spec.ports: Required value"),
        "{}",
        answer.message()
    );
    let mut with_uid = ingress("192.0.2.1");
    with_uid["metadata"]["uid"] = json!("b1946ac9-2491-4e1b-8f0a-6bd0e9a5f9a5");
    let answer = raw.apply(STATUS, "A", true, with_uid).await.expect(409);
    assert!(
        answer
            .message()
            .contains("uid mismatch: the provided object specified uid")
    );
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": { "a": "b" } },
        "spec": { "ports": [{ "port": 80 }, { "name": "b", "port": 81 }] },
    });
    let mut named = service.clone();
    named["spec"]["ports"][0]["name"] = json!("a");
    raw.apply(WEB, "A", false, named).await.expect(201);
    let mut fewer = service;
    fewer["spec"]["ports"] = json!([{ "name": "a", "port": 80 }]);
    fewer["metadata"]["labels"] = json!({});
    let answer = raw.apply(WEB, "A", false, fewer).await.expect(200);
    assert_eq!(answer.body["spec"]["ports"].as_array().unwrap().len(), 1);
    assert!(answer.body["metadata"]["labels"].is_null());
}

#[tokio::test]
async fn status_through_main_is_ignored_and_labels_through_status_are_kept() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let ignored = raw
        .apply(WEB, "A", false, ingress("192.0.2.1"))
        .await
        .expect(200);
    assert!(addresses(&ignored).is_null());
    let mut label = config(json!({}));
    label["metadata"]["labels"] = json!({ "a": "b" });
    let kept = raw.apply(STATUS, "A", false, label).await.expect(200);
    assert_eq!(kept.body["metadata"]["labels"]["a"], "b");
    let nameless = raw
        .call("PATCH", WEB, "application/apply-patch+yaml", &json!({}))
        .await;
    assert_eq!(nameless.status, 422, "an apply names its manager");
}
