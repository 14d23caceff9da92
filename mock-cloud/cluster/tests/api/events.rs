//! Events: one object, two groups, and kube-rs' recorder between them.

use k8s_openapi::api::core::v1::{Event as CoreEvent, Service};
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Resource, ResourceExt};
use landfall_mock_cluster::Cluster;
use serde_json::{Value, json};

use crate::raw::Raw;

#[tokio::test]
async fn what_a_recorder_writes_is_shown_by_both_groups() {
    let cluster = Cluster::new();
    let client = cluster.client();
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service = serde_json::from_value(crate::raw::service("web", json!({}))).unwrap();
    let service = services
        .create(&PostParams::default(), &service)
        .await
        .unwrap();
    let reporter = Reporter {
        controller: "landfall.dev/controller".into(),
        instance: Some("one".into()),
    };
    let recorder = Recorder::new(client.clone(), reporter);
    let event = Event {
        type_: EventType::Warning,
        reason: "Pending".into(),
        note: Some("no address yet".into()),
        action: "Ensure".into(),
        secondary: None,
    };
    let reference = service.object_ref(&());
    for _ in 0..3 {
        recorder.publish(&event, &reference).await.unwrap();
    }
    let core: Api<CoreEvent> = Api::default_namespaced(client);
    let about = format!(
        "involvedObject.uid={},reason=Pending",
        service.uid().unwrap()
    );
    let found = core
        .list(&ListParams::default().fields(&about))
        .await
        .unwrap()
        .items;
    assert_eq!(found.len(), 1, "repeated events are a series");
    assert_eq!(found[0].message.as_deref(), Some("no address yet"));
    assert_eq!(
        found[0].reporting_component.as_deref(),
        Some("landfall.dev/controller")
    );
    assert!(found[0].event_time.is_some());
    assert_eq!(found[0].series.as_ref().unwrap().count, Some(3));

    let raw = Raw::of(cluster);
    let new = "/apis/events.k8s.io/v1/namespaces/default/events";
    let list = raw
        .get(&format!("{new}?fieldSelector=regarding.name%3Dweb"))
        .await
        .expect(200)
        .body;
    let event = &list["items"][0];
    assert_eq!(event["apiVersion"], "events.k8s.io/v1");
    assert_eq!(
        (&event["note"], &event["regarding"]["name"]),
        (&json!("no address yet"), &json!("web"))
    );
    for path in ["/api/v1/events", "/apis/events.k8s.io/v1/events"] {
        let row = raw.table(path).await.expect(200).body["rows"][0]["cells"].clone();
        assert_eq!(
            (&row[1], &row[2], &row[3], &row[5], &row[6], &row[8]),
            (
                &json!("Warning"),
                &json!("Pending"),
                &json!("service/web"),
                &json!("landfall.dev/controller, one"),
                &json!("no address yet"),
                &json!(3)
            ),
            "{path}"
        );
        assert!(
            row[0].as_str().unwrap().ends_with('s'),
            "an age: {}",
            row[0]
        );
    }
}

#[tokio::test]
async fn the_new_group_demands_what_the_old_one_does_not() {
    let raw = Raw::new();
    let time = "2026-01-01T00:00:00.000000Z";
    let reported = json!({
        "eventTime": time, "type": "Normal", "reportingController": "example.com/c",
        "reportingInstance": "i", "action": "a", "reason": "r",
    });
    let with = |field: &str, value: Value| {
        let mut event = reported.clone();
        event[field] = value;
        event
    };
    let rows = [
        (reported.clone(), ""),
        (
            json!({}),
            r#"[eventTime: Required value, type: Invalid value: "": has invalid value: ]"#,
        ),
        (with("eventTime", Value::Null), "eventTime: Required value"),
        (
            with("reportingInstance", json!("")),
            "reportingInstance: Required value",
        ),
        (with("action", json!("")), "action: Required value"),
        (with("reason", json!("")), "reason: Required value"),
        (
            with("reason", json!("r".repeat(129))),
            r#"reason: Invalid value: "": can have at most 128 characters"#,
        ),
        (
            with("reportingController", json!("c d")),
            r#"reportingController: Invalid value: "c d": name part must consist of"#,
        ),
        (
            with("type", json!("Odd")),
            r#"type: Invalid value: "": has invalid value: Odd"#,
        ),
        (
            with("note", json!("n".repeat(1025))),
            r#"message: Invalid value: "": can have at most 1024 characters"#,
        ),
        (
            with("deprecatedCount", json!(1)),
            r#"count: Invalid value: "": needs to be unset"#,
        ),
        (
            with("series", json!({ "count": 1, "lastObservedTime": time })),
            r#"series.count: Invalid value: "": should be at least 2"#,
        ),
    ];
    for (number, (mut event, why)) in rows.into_iter().enumerate() {
        event["metadata"] = json!({ "name": format!("e{number}") });
        event["regarding"] = json!({ "kind": "Service", "namespace": "default" });
        let answer = raw
            .post("/apis/events.k8s.io/v1/namespaces/default/events", event)
            .await;
        if why.is_empty() {
            answer.expect(201);
        } else {
            let expected = format!(r#"Event "e{number}" is invalid: {why}"#);
            let message = answer.expect(422).message().to_owned();
            assert!(message.starts_with(&expected), "{message}");
        }
    }
}

#[tokio::test]
async fn the_old_group_demands_it_only_of_an_event_with_a_time() {
    let raw = Raw::new();
    let path = "/api/v1/namespaces/default/events";
    let involved = json!({ "kind": "Service", "namespace": "default" });
    let bare = json!({ "metadata": { "name": "e" }, "involvedObject": involved });
    raw.post(path, bare.clone()).await.expect(201);
    raw.get("/apis/events.k8s.io/v1/namespaces/default/events/e")
        .await
        .expect(200);
    let mut timed = bare;
    timed["metadata"]["name"] = json!("timed");
    timed["eventTime"] = json!("2026-01-01T00:00:00.000000Z");
    let answer = raw.post(path, timed).await.expect(422);
    let expected = "Event \"timed\" is invalid: [reportingComponent: Required value, ";
    assert!(
        answer.message().starts_with(expected),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn an_event_lies_where_its_object_lies_unless_it_has_a_time() {
    let raw = Raw::new();
    let rows = [
        (json!({ "namespace": "default" }), false, 201),
        (json!({ "namespace": "elsewhere" }), false, 422),
        (json!({ "namespace": "elsewhere" }), true, 201),
    ];
    for (number, (involved, timed, status)) in rows.into_iter().enumerate() {
        let mut event = json!({
            "metadata": { "name": format!("e{number}") }, "involvedObject": involved,
            "reportingComponent": "c", "reportingInstance": "i", "action": "a", "reason": "r",
        });
        if timed {
            event["eventTime"] = json!("2026-01-01T00:00:00.000000Z");
        }
        let answer = raw.post("/api/v1/namespaces/default/events", event).await;
        assert_eq!(answer.status, status, "{number}: {}", answer.body);
    }
}
