//! Events: one object, two groups, and kube-rs' recorder between them.

use k8s_openapi::api::core::v1::{Event as CoreEvent, Service};
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Resource, ResourceExt};
use landfall_mock_cluster::Cluster;
use serde_json::json;

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
    let bare = json!({ "metadata": { "name": "e" }, "regarding": { "kind": "Service", "namespace": "default" } });
    let new = "/apis/events.k8s.io/v1/namespaces/default/events";
    let answer = raw.post(new, bare).await.expect(422);
    for field in [
        "reportingController",
        "reportingInstance",
        "action",
        "eventTime",
    ] {
        assert!(
            answer.message().contains(field),
            "{field}: {}",
            answer.message()
        );
    }
    let core = json!({ "metadata": { "name": "e" }, "involvedObject": { "kind": "Service", "namespace": "default" } });
    raw.post("/api/v1/namespaces/default/events", core)
        .await
        .expect(201);
    raw.get(&format!("{new}/e")).await.expect(200);
}
