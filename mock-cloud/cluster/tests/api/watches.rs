//! Watches: where they start, what they show, and how they end.

use std::sync::Arc;

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use landfall_mock_cluster::Cluster;
use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES, service};
use crate::world::World;

/// A watch as its lines.
struct Watch {
    status: u16,
    world: Arc<World>,
    body: axum::body::BodyDataStream,
    buffer: Vec<u8>,
}

impl Watch {
    async fn start(raw: &Raw, query: &str) -> Self {
        let request = Request::get(format!("{SERVICES}?watch=true&{query}"));
        let response = raw.world.send(request.body(Body::empty()).unwrap()).await;
        Self {
            status: response.status().as_u16(),
            world: raw.world.clone(),
            body: response.into_body().into_data_stream(),
            buffer: Vec::new(),
        }
    }

    /// The next event, or `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_str(&self.world.read(&line)).unwrap());
            }
            self.buffer
                .extend_from_slice(&self.body.next().await?.unwrap());
        }
    }

    /// The next event's type and its object's name.
    async fn short(&mut self) -> (String, String) {
        let event = self.next().await.expect("the watch goes on");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        )
    }
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn from_a_revision_on() {
    let raw = Raw::new();
    let start = raw.web(json!({})).await.version().to_owned();
    let mut watch = Watch::start(&raw, &format!("resourceVersion={start}")).await;
    raw.post(SERVICES, service("b", json!({})))
        .await
        .expect(201);
    raw.merge(
        &format!("{SERVICES}/web"),
        json!({ "metadata": { "labels": { "a": "b" } } }),
    )
    .await
    .expect(200);
    raw.delete(&format!("{SERVICES}/b")).await.expect(200);
    assert_eq!(watch.short().await, pair("ADDED", "b"));
    assert_eq!(watch.short().await, pair("MODIFIED", "web"));
    assert_eq!(watch.short().await, pair("DELETED", "b"));
}

#[tokio::test]
async fn without_a_revision_it_begins_with_what_there_is() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    for query in ["", "resourceVersion=0"] {
        assert_eq!(
            Watch::start(&raw, query).await.short().await,
            pair("ADDED", "web")
        );
    }
}

#[tokio::test]
async fn an_object_that_leaves_the_selector_is_deleted_for_it() {
    let raw = Raw::new();
    let start = raw.web(json!({})).await.version().to_owned();
    let query = format!("resourceVersion={start}&labelSelector=a%3Db");
    let mut watch = Watch::start(&raw, &query).await;
    let label = |value: Value| json!({ "metadata": { "labels": { "a": value } } });
    let web = format!("{SERVICES}/web");
    raw.merge(&web, label(json!("b"))).await.expect(200);
    let left = raw.merge(&web, label(json!("c"))).await.expect(200);
    assert_eq!(watch.short().await, pair("ADDED", "web"));
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(
        event["object"]["metadata"]["labels"]["a"], "b",
        "as it was last seen"
    );
    assert_eq!(
        event["object"]["metadata"]["resourceVersion"],
        left.version()
    );
}

#[tokio::test]
async fn streaming_lists() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let initial = "sendInitialEvents=true&allowWatchBookmarks=true";
    let refused = Watch::start(&raw, initial).await;
    assert_eq!(refused.status, 422);
    let query = format!("{initial}&resourceVersionMatch=NotOlderThan");
    let mut watch = Watch::start(&raw, &query).await;
    assert_eq!(watch.short().await, pair("ADDED", "web"));
    let end = watch.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(
        end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let silent = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1";
    let mut watch = Watch::start(&raw, silent).await;
    assert_eq!(watch.short().await, pair("ADDED", "web"));
    assert!(
        watch.next().await.is_none(),
        "no end mark without bookmarks"
    );
}

#[tokio::test]
async fn a_watch_ends_when_its_time_is_up() {
    let raw = Raw::new();
    let start = raw.web(json!({})).await.version().to_owned();
    let mut watch = Watch::start(&raw, &format!("resourceVersion={start}&timeoutSeconds=1")).await;
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_watch_from_before_the_log_gets_410() {
    let raw = Raw::of(Cluster::with_event_log(3));
    let start = raw.web(json!({})).await.version().to_owned();
    let slow = Watch::start(&raw, &format!("resourceVersion={start}")).await;
    for number in 0..5 {
        let labels = json!({ "metadata": { "labels": { "n": number.to_string() } } });
        raw.merge(&format!("{SERVICES}/web"), labels)
            .await
            .expect(200);
    }
    let late = Watch::start(&raw, &format!("resourceVersion={start}")).await;
    for mut watch in [late, slow] {
        assert_eq!(watch.status, 200);
        let event = watch.next().await.unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
        assert_eq!(event["object"]["reason"], "Expired");
        assert!(watch.next().await.is_none());
    }
}

#[tokio::test]
async fn a_watch_that_has_seen_all_outlives_a_compaction() {
    let raw = Raw::of(Cluster::new());
    let start = raw.web(json!({})).await.version().to_owned();
    let mut watch = Watch::start(&raw, &format!("resourceVersion={start}")).await;
    // One poll brings its cursor to the present.
    assert!(futures::poll!(std::pin::pin!(watch.next())).is_pending());
    raw.cluster.compact();
    raw.post(SERVICES, service("b", json!({})))
        .await
        .expect(201);
    assert_eq!(watch.short().await, pair("ADDED", "b"));
}

#[tokio::test]
async fn a_watch_in_the_future_is_silent() {
    let raw = Raw::new();
    let mut watch = Watch::start(&raw, "resourceVersion=999999999&timeoutSeconds=1").await;
    assert_eq!(watch.status, 200);
    raw.web(json!({})).await;
    assert!(watch.next().await.is_none());
}
