//! `kubectl get events`, for Events of either group.

use serde_json::{Value, json};

use super::{Column, age, column, name, wide};

pub(super) const COLUMNS: [Column; 10] = [
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    wide("Subobject"),
    wide("Source"),
    column("Message"),
    wide("First Seen"),
    Column {
        name: "Count",
        kind: "integer",
        priority: 1,
    },
    wide("Name"),
];

pub(super) fn cells(event: &Value) -> Vec<Value> {
    // One of the two spellings is there, whichever group serves it.
    let either = |core: &str, new: &str| -> Value {
        match event.get(core) {
            Some(value) => value.clone(),
            None => event[new].clone(),
        }
    };
    let first = either("firstTimestamp", "deprecatedFirstTimestamp");
    let first = if first.is_null() {
        event["eventTime"].clone()
    } else {
        first
    };
    let last = either("lastTimestamp", "deprecatedLastTimestamp");
    let (last, count) = if !event["series"].is_null() {
        let series = &event["series"];
        (series["lastObservedTime"].clone(), series["count"].clone())
    } else if last.is_null() {
        (first.clone(), json!(1))
    } else {
        (last, either("count", "deprecatedCount"))
    };
    let about = either("involvedObject", "regarding");
    let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
    let object = format!("{kind}/{}", about["name"].as_str().unwrap_or_default());
    vec![
        age::since(&last),
        event["type"].clone(),
        event["reason"].clone(),
        json!(object),
        json!(about["fieldPath"].as_str().unwrap_or_default()),
        json!(source(event)),
        json!(
            either("message", "note")
                .as_str()
                .unwrap_or_default()
                .trim()
        ),
        age::since(&first),
        if count.is_null() { json!(1) } else { count },
        name(event),
    ]
}

fn source(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (source, controller) in [
        ("source", "reportingComponent"),
        ("deprecatedSource", "reportingController"),
    ] {
        let component = text(&event[source]["component"]);
        let host = text(&event[source]["host"]);
        if !component.is_empty() {
            return if host.is_empty() {
                component
            } else {
                format!("{component}, {host}")
            };
        }
        let component = text(&event[controller]);
        let instance = text(&event["reportingInstance"]);
        if !component.is_empty() {
            return if instance.is_empty() {
                component
            } else {
                format!("{component}, {instance}")
            };
        }
    }
    String::new()
}
