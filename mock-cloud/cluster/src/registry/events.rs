//! One Event, two groups: it is stored in its core form, and this file is the only one that
//! knows how events.k8s.io/v1 spells it. The conversion loses nothing in either direction.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::answer::FieldError;
use crate::names;
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
        return match &resource.custom {
            // Versions of a custom resource differ in their name alone (conversion `None`).
            Some(_) if object["apiVersion"] != resource.api_version().as_str() => {
                let mut served = object.clone();
                served["apiVersion"] = Value::from(resource.api_version());
                Cow::Owned(served)
            }
            _ => Cow::Borrowed(object),
        };
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

/// Every fault of an Event. One with an `eventTime` was made by the new API and is held to more,
/// through whichever group it comes; the new group takes no other.
pub(super) fn validate(resource: &Resource, event: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> = namespace_fault(event).into_iter().collect();
    if !event["eventTime"].is_null() {
        judge_report(is_new_group(resource), event, &mut faults);
    }
    if is_new_group(resource) && old.is_none() {
        judge_new(event, &mut faults);
    }
    faults
}

fn namespace_fault(event: &Value) -> Option<FieldError> {
    let involved = text(&event["involvedObject"]["namespace"]);
    let namespace = text(&event["metadata"]["namespace"]);
    let fits = match (involved, event["eventTime"].is_null()) {
        ("", true) => namespace == "default",
        ("", false) => matches!(namespace, "default" | "kube-system"),
        (involved, true) => namespace == involved,
        (_, false) => true,
    };
    let fault = || {
        let field = "involvedObject.namespace";
        FieldError::invalid(field, involved, "does not match event.namespace")
    };
    (!fits).then(fault)
}

fn judge_report(new_group: bool, event: &Value, faults: &mut Vec<FieldError>) {
    let controller = if new_group {
        "reportingController"
    } else {
        "reportingComponent"
    };
    let reporter = text(&event["reportingComponent"]);
    if reporter.is_empty() {
        faults.push(FieldError::required(controller, ""));
    }
    if let Some(fault) = names::qualified_fault(reporter) {
        faults.push(FieldError::invalid(controller, reporter, fault));
    }
    for field in ["reportingInstance", "action", "reason"] {
        let text = text(&event[field]);
        if text.is_empty() {
            faults.push(FieldError::required(field, ""));
        } else if text.len() > 128 {
            let why = "can have at most 128 characters";
            faults.push(FieldError::invalid(field, "", why));
        }
    }
    // Called so in the new group, too.
    if text(&event["message"]).len() > 1024 {
        let why = "can have at most 1024 characters";
        faults.push(FieldError::invalid("message", "", why));
    }
}

/// What the new group asks for besides.
fn judge_new(event: &Value, faults: &mut Vec<FieldError>) {
    let series = &event["series"];
    if !series.is_null() && series["count"].as_i64().unwrap_or_default() < 2 {
        let why = "should be at least 2";
        faults.push(FieldError::invalid("series.count", "", why));
    }
    if event["eventTime"].is_null() {
        faults.push(FieldError::required("eventTime", ""));
    }
    let kind = text(&event["type"]);
    if !matches!(kind, "Normal" | "Warning") {
        let why = format!("has invalid value: {kind}");
        faults.push(FieldError::invalid("type", "", why));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let unset = match &event[field] {
            Value::Null => true,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if !unset {
            faults.push(FieldError::invalid(field, "", "needs to be unset"));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
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
