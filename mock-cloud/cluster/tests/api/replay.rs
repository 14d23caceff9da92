//! Any sequence of writes, seen by a watcher from any revision on, leads to what a list shows.
//! A failure prints the seed and the smallest sequence that fails.

use std::collections::BTreeMap;

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use landfall_mock_cluster::Cluster;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::raw::{Raw, SERVICES, service};

#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Label(u8, u8),
    Type(u8, bool),
    Hold(u8, bool),
    Delete(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..4_u8;
    prop_oneof![
        name.clone().prop_map(Step::Create),
        (name.clone(), 0..3_u8).prop_map(|(name, value)| Step::Label(name, value)),
        (name.clone(), any::<bool>()).prop_map(|(name, flag)| Step::Type(name, flag)),
        (name.clone(), any::<bool>()).prop_map(|(name, flag)| Step::Hold(name, flag)),
        name.prop_map(Step::Delete),
    ]
}

async fn perform(raw: &Raw, step: &Step) {
    let path = |name: &u8| format!("{SERVICES}/s{name}");
    // Half of them fail, on objects that are there already or not at all: that is as it should.
    match step {
        Step::Create(name) => drop(
            raw.post(SERVICES, service(&format!("s{name}"), json!({})))
                .await,
        ),
        Step::Label(name, value) => {
            let patch = json!({ "metadata": { "labels": { "v": value.to_string() } } });
            raw.merge(&path(name), patch).await;
        }
        Step::Type(name, balanced) => {
            let kind = if *balanced {
                "LoadBalancer"
            } else {
                "ClusterIP"
            };
            raw.strategic(&path(name), json!({ "spec": { "type": kind } }))
                .await;
        }
        Step::Hold(name, held) => {
            let value = if *held { json!(["a/b"]) } else { Value::Null };
            raw.merge(&path(name), json!({ "metadata": { "finalizers": value } }))
                .await;
        }
        Step::Delete(name) => drop(raw.delete(&path(name)).await),
    }
}

type Objects = BTreeMap<String, Value>;

async fn list(raw: &Raw, query: &str) -> (Objects, String) {
    let answer = raw.get(&format!("{SERVICES}?{query}")).await.expect(200);
    let items = answer.body["items"].as_array().unwrap();
    let named = |item: &Value| {
        (
            item["metadata"]["name"].as_str().unwrap().to_owned(),
            item.clone(),
        )
    };
    (
        items.iter().map(named).collect(),
        answer.version().to_owned(),
    )
}

/// Replays all that a watch shows up to now.
async fn replay(raw: &Raw, query: &str, from: &str, objects: &mut Objects) {
    let uri = format!("{SERVICES}?watch=true&resourceVersion={from}&{query}");
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let response = raw.cluster.router().oneshot(request).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    let mut text = Vec::new();
    // The log is read without waiting; the first time that it would wait, all was shown.
    while let std::task::Poll::Ready(Some(chunk)) = futures::poll!(body.next()) {
        text.extend_from_slice(&chunk.unwrap());
    }
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let event: Value = serde_json::from_slice(line).unwrap();
        let name = event["object"]["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        match event["type"].as_str().unwrap() {
            "ADDED" => assert!(
                objects.insert(name, event["object"].clone()).is_none(),
                "added twice"
            ),
            "MODIFIED" => assert!(
                objects.insert(name, event["object"].clone()).is_some(),
                "never added"
            ),
            "DELETED" => assert!(objects.remove(&name).is_some(), "deleted twice"),
            other => panic!("{other}"),
        }
    }
}

async fn check(steps: Vec<Step>, start: usize) {
    let raw = Raw::of(Cluster::new());
    let queries = [
        "",
        "labelSelector=v%3D1",
        "fieldSelector=spec.type%3DLoadBalancer",
    ];
    let mut starts = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if index == start % steps.len() {
            for query in queries {
                starts.push(list(&raw, query).await);
            }
        }
        perform(&raw, step).await;
    }
    for (query, (mut objects, from)) in queries.into_iter().zip(starts) {
        replay(&raw, query, &from, &mut objects).await;
        assert_eq!(objects, list(&raw, query).await.0, "{query}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_watcher_from_any_revision_arrives_at_the_list(
        steps in proptest::collection::vec(step(), 1..40),
        start in 0..40_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps, start));
    }
}
