//! One Event, two groups: it is stored in its core form, and this file is the only one that
//! knows how events.k8s.io/v1 spells it. The conversion loses nothing in either direction.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::answer::FieldError;
use crate::resource::{Kind, Resource};

/// Core name, events.k8s.io name.
const FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn is_new_group(resource: &Resource) -> bool {
    resource.storage == Kind::Event && !resource.group.is_empty()
}

fn renamed(object: Value, rename: impl Fn(&str) -> Option<&'static str>) -> Value {
    match object {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (rename(&name).map_or(name.clone(), str::to_owned), value))
                .collect::<Map<_, _>>(),
        ),
        other => other,
    }
}

/// From the form of a resource to the stored form.
pub(crate) fn to_stored(resource: &Resource, object: Value) -> Value {
    if !is_new_group(resource) {
        return object;
    }
    renamed(object, |name| {
        FIELDS
            .iter()
            .find(|(_, new)| *new == name)
            .map(|(core, _)| *core)
    })
}

/// From the stored form to the form of a resource.
pub(crate) fn to_served<'a>(resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
    if !is_new_group(resource) {
        return Cow::Borrowed(object);
    }
    let mut served = renamed(object.clone(), |name| {
        FIELDS
            .iter()
            .find(|(core, _)| *core == name)
            .map(|(_, new)| *new)
    });
    served["apiVersion"] = Value::from(resource.api_version());
    Cow::Owned(served)
}

/// Every fault of an Event. The new group demands more, as on the real server.
pub(super) fn validate(resource: &Resource, event: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let involved = event["involvedObject"]["namespace"]
        .as_str()
        .unwrap_or_default();
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let expected = if involved.is_empty() {
        "default"
    } else {
        involved
    };
    if namespace != expected && !(involved.is_empty() && namespace == "kube-system") {
        faults.push(FieldError::invalid(
            "involvedObject.namespace",
            involved,
            "does not match event.namespace",
        ));
    }
    if !is_new_group(resource) || old.is_some() {
        return faults;
    }
    for (stored, field, limit) in [
        ("reportingComponent", "reportingController", 253),
        ("reportingInstance", "reportingInstance", 128),
        ("action", "action", 128),
        ("reason", "reason", 128),
    ] {
        let text = event[stored].as_str().unwrap_or_default();
        if text.is_empty() {
            faults.push(FieldError::required(field, ""));
        } else if text.len() > limit {
            let why = format!("can have at most {limit} characters");
            faults.push(FieldError::invalid(field, text, why));
        }
    }
    if event["eventTime"].is_null() {
        faults.push(FieldError::required("eventTime", ""));
    }
    let kind = event["type"].as_str().unwrap_or_default();
    if !matches!(kind, "Normal" | "Warning") {
        faults.push(FieldError::invalid("type", kind, "has invalid value"));
    }
    if event["message"].as_str().unwrap_or_default().len() > 1024 {
        faults.push(FieldError::invalid(
            "note",
            "",
            "can have at most 1024 characters",
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{to_served, to_stored};
    use crate::resource;

    #[test]
    fn there_and_back() {
        let new = resource::find("events.k8s.io", "v1", "events").unwrap();
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "n", "action": "a",
            "regarding": { "kind": "Service" }, "reportingController": "c",
            "series": { "count": 2 }, "deprecatedCount": 3,
        });
        let stored = to_stored(new, event.clone());
        assert_eq!(stored["involvedObject"]["kind"], "Service");
        assert_eq!(stored["count"], 3);
        assert_eq!(*to_served(new, &stored), event);
    }
}
