//! Properties of patches on random objects. A failure prints the seed and the smallest case.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES, service};

const WEB: &str = "/api/v1/namespaces/default/services/web";

/// What of a Service the properties are about.
fn part() -> impl Strategy<Value = Value> {
    let labels = proptest::collection::btree_map("[a-c]", "[x-z]", 0..3);
    let ports = proptest::collection::btree_set(80..84_u16, 1..4);
    (labels, ports, any::<bool>()).prop_map(|(labels, ports, sticky)| {
        let ports: Vec<Value> = ports
            .into_iter()
            .map(|port| json!({ "port": port, "name": format!("p{port}"), "protocol": "TCP" }))
            .collect();
        json!({
            "metadata": { "labels": labels },
            "spec": { "ports": ports, "sessionAffinity": if sticky { "ClientIP" } else { "None" } },
        })
    })
}

/// The same part of what the server shows.
fn shown(body: &Value) -> Value {
    let labels = &body["metadata"]["labels"];
    let ports: Vec<Value> = body["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| json!({ "port": port["port"], "name": port["name"], "protocol": port["protocol"] }))
        .collect();
    json!({
        "metadata": { "labels": if labels.is_null() { json!({}) } else { labels.clone() } },
        "spec": { "ports": ports, "sessionAffinity": body["spec"]["sessionAffinity"] },
    })
}

fn sorted(mut part: Value) -> Value {
    let ports = part["spec"]["ports"].as_array_mut().unwrap();
    ports.sort_by_key(|port| port["port"].as_u64());
    part
}

fn named(mut part: Value) -> Value {
    part["apiVersion"] = json!("v1");
    part["kind"] = json!("Service");
    part["metadata"]["name"] = json!("web");
    part
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future);
}

/// Asks for `wanted` from where `before` is, as a merge patch must: with null for what goes.
fn with_nulls(mut wanted: Value, before: &Value) -> Value {
    for label in before["metadata"]["labels"].as_object().unwrap().keys() {
        if wanted["metadata"]["labels"].get(label).is_none() {
            wanted["metadata"]["labels"][label] = Value::Null;
        }
    }
    wanted
}

/// The same for a strategic merge patch: elements that go are named.
fn with_deletions(wanted: Value, before: &Value) -> Value {
    let mut wanted = with_nulls(wanted, before);
    let kept = wanted["spec"]["ports"].as_array().unwrap().clone();
    for port in before["spec"]["ports"].as_array().unwrap() {
        if !kept.iter().any(|one| one["port"] == port["port"]) {
            let gone = json!({ "port": port["port"], "$patch": "delete" });
            wanted["spec"]["ports"].as_array_mut().unwrap().push(gone);
        }
    }
    wanted
}

async fn create(raw: &Raw, part: &Value) {
    let mut body = service("web", part["spec"].clone());
    body["metadata"]["labels"] = part["metadata"]["labels"].clone();
    raw.post(SERVICES, body).await.expect(201);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_kind_of_write_arrives_at_the_same_object(before in part(), wanted in part()) {
        block_on(async {
            for way in ["put", "merge", "strategic", "apply"] {
                let raw = Raw::new();
                if way == "apply" {
                    raw.apply(WEB, "m", false, named(before.clone())).await.expect(201);
                } else {
                    create(&raw, &before).await;
                }
                let answer = match way {
                    "put" => {
                        let mut body = raw.get(WEB).await.body;
                        body["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
                        body["spec"]["ports"] = wanted["spec"]["ports"].clone();
                        body["spec"]["sessionAffinity"] = wanted["spec"]["sessionAffinity"].clone();
                        raw.put(WEB, &body).await
                    }
                    "merge" => raw.merge(WEB, with_nulls(wanted.clone(), &before)).await,
                    "strategic" => raw.strategic(WEB, with_deletions(wanted.clone(), &before)).await,
                    _ => raw.apply(WEB, "m", false, named(wanted.clone())).await,
                };
                let answer = answer.expect(200);
                assert_eq!(sorted(shown(&answer.body)), sorted(wanted.clone()), "{way}");
                let again = match way {
                    "merge" => raw.merge(WEB, with_nulls(wanted.clone(), &before)).await,
                    "strategic" => raw.strategic(WEB, with_deletions(wanted.clone(), &before)).await,
                    "apply" => raw.apply(WEB, "m", false, named(wanted.clone())).await,
                    _ => raw.put(WEB, &answer.body).await,
                };
                assert_eq!(again.expect(200).version(), answer.version(), "{way} twice is once");
            }
        });
    }

    #[test]
    fn an_apply_that_is_withdrawn_leaves_what_others_have(base in part(), added in part()) {
        block_on(async {
            let raw = Raw::new();
            create(&raw, &base).await;
            let labels = json!({ "metadata": { "labels": added["metadata"]["labels"] } });
            raw.apply(WEB, "guest", true, named(labels)).await.expect(200);
            let mut nothing = named(json!({}));
            nothing["metadata"]["labels"] = json!({});
            let left = raw.apply(WEB, "guest", true, nothing).await.expect(200);
            let expected: serde_json::Map<String, Value> = base["metadata"]["labels"]
                .as_object()
                .unwrap()
                .iter()
                // A label taken by force from the creator went with the guest.
                .filter(|(key, value)| {
                    added["metadata"]["labels"].get(*key).is_none_or(|taken| taken == *value)
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            assert_eq!(shown(&left.body)["metadata"]["labels"], Value::Object(expected));
        });
    }
}
