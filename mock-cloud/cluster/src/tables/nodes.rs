//! `kubectl get nodes`.

use serde_json::{Value, json};

use super::{Column, age, column, name, or_none, wide};

pub(super) const COLUMNS: [Column; 10] = [
    column("Name"),
    column("Status"),
    column("Roles"),
    column("Age"),
    column("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];

pub(super) fn cells(node: &Value) -> Vec<Value> {
    let info = &node["status"]["nodeInfo"];
    let text = |field: &str| info[field].as_str().unwrap_or_default().to_owned();
    let or_unknown = |text: String| {
        json!(if text.is_empty() {
            "<unknown>".to_owned()
        } else {
            text
        })
    };
    vec![
        name(node),
        json!(status(node)),
        or_none(&roles(node)),
        age::of(node),
        json!(text("kubeletVersion")),
        or_none(&address(node, "InternalIP")),
        or_none(&address(node, "ExternalIP")),
        or_unknown(text("osImage")),
        or_unknown(text("kernelVersion")),
        or_unknown(text("containerRuntimeVersion")),
    ]
}

fn status(node: &Value) -> String {
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    let word = match ready.and_then(|condition| condition["status"].as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if node["spec"]["unschedulable"] == true {
        format!("{word},SchedulingDisabled")
    } else {
        word.to_owned()
    }
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object();
    labels
        .into_iter()
        .flatten()
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}

fn address(node: &Value, kind: &str) -> String {
    let addresses = node["status"]["addresses"].as_array();
    addresses
        .into_iter()
        .flatten()
        .find(|address| address["type"] == kind)
        .and_then(|address| address["address"].as_str())
        .unwrap_or_default()
        .to_owned()
}
