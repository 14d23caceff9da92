//! Deployments: defaults and validation. What a Deployment does is a controller's.

use serde_json::{Value, json};

use super::pods;
use crate::answer::FieldError;
use crate::selector::LabelSelector;

/// Defaults of a Deployment.
pub(super) fn default(deployment: &mut Value) {
    if !deployment["spec"].is_object() {
        deployment["spec"] = json!({});
    }
    let spec = &mut deployment["spec"];
    for (field, value) in [
        ("replicas", json!(1)),
        ("revisionHistoryLimit", json!(10)),
        ("progressDeadlineSeconds", json!(600)),
    ] {
        if spec[field].is_null() {
            spec[field] = value;
        }
    }
    let strategy = &mut spec["strategy"];
    if strategy["type"].as_str().unwrap_or_default().is_empty() {
        strategy["type"] = json!("RollingUpdate");
    }
    if strategy["type"] == "RollingUpdate" {
        for field in ["maxSurge", "maxUnavailable"] {
            if strategy["rollingUpdate"][field].is_null() {
                strategy["rollingUpdate"][field] = json!("25%");
            }
        }
    }
    if !spec["template"].is_object() {
        spec["template"] = json!({});
    }
    let metadata = &mut spec["template"]["metadata"];
    if !metadata.is_object() {
        *metadata = json!({});
    }
    pods::default_spec(&mut spec["template"]["spec"]);
}

/// Every fault of a Deployment.
pub(super) fn validate(deployment: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let spec = &deployment["spec"];
    let mut faults = pods::validate_spec(&spec["template"]["spec"], "spec.template.spec");
    let selector = &spec["selector"];
    let empty = ["matchLabels", "matchExpressions"].iter().all(|field| {
        let part = &selector[*field];
        part.as_object().is_none_or(serde_json::Map::is_empty)
            && part.as_array().is_none_or(Vec::is_empty)
    });
    let labels = &spec["template"]["metadata"]["labels"];
    if selector.is_null() {
        faults.push(FieldError::required("spec.selector", ""));
    } else if empty {
        faults.push(FieldError::invalid(
            "spec.selector",
            selector.clone(),
            "empty selector is invalid for deployment",
        ));
    } else if !LabelSelector::from_object(selector).matches(labels) {
        faults.push(FieldError::invalid(
            "spec.template.metadata.labels",
            labels.clone(),
            "`selector` does not match template `labels`",
        ));
    }
    replicas_and_strategy(spec, &mut faults);
    if let Some(old) = old
        && old["spec"]["selector"] != *selector
    {
        faults.push(FieldError::invalid(
            "spec.selector",
            selector.clone(),
            "field is immutable",
        ));
    }
    faults
}

fn replicas_and_strategy(spec: &Value, faults: &mut Vec<FieldError>) {
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        faults.push(FieldError::invalid(
            "spec.replicas",
            replicas,
            "must be greater than or equal to 0",
        ));
    }
    let kind = spec["strategy"]["type"].as_str().unwrap_or_default();
    let kinds = ["Recreate", "RollingUpdate"];
    if !kinds.contains(&kind) {
        faults.push(FieldError::not_supported(
            "spec.strategy.type",
            kind,
            &kinds,
        ));
    } else if kind == "Recreate" && !spec["strategy"]["rollingUpdate"].is_null() {
        faults.push(FieldError::forbidden(
            "spec.strategy.rollingUpdate",
            "may not be specified when strategy `type` is 'Recreate'",
        ));
    }
}
