//! `kubectl get pods`.

use serde_json::{Value, json};

use super::{Column, age, column, name, or_none, wide};

pub(super) const COLUMNS: [Column; 9] = [
    column("Name"),
    column("Ready"),
    column("Status"),
    column("Restarts"),
    column("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

pub(super) fn cells(pod: &Value) -> Vec<Value> {
    let containers = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    let statuses = pod["status"]["containerStatuses"].as_array();
    let statuses = statuses.map_or(&[][..], Vec::as_slice);
    let ready = statuses
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    let restarts: u64 = statuses
        .iter()
        .filter_map(|status| status["restartCount"].as_u64())
        .sum();
    vec![
        name(pod),
        json!(format!("{ready}/{containers}")),
        json!(status(pod, statuses)),
        json!(restarts.to_string()),
        age::of(pod),
        or_none(pod["status"]["podIP"].as_str().unwrap_or_default()),
        or_none(pod["spec"]["nodeName"].as_str().unwrap_or_default()),
        or_none(
            pod["status"]["nominatedNodeName"]
                .as_str()
                .unwrap_or_default(),
        ),
        or_none(""),
    ]
}

fn status(pod: &Value, statuses: &[Value]) -> String {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".to_owned();
    }
    let reason = statuses.iter().find_map(|status| {
        let state = &status["state"];
        state["waiting"]["reason"]
            .as_str()
            .or(state["terminated"]["reason"].as_str())
    });
    reason
        .or(pod["status"]["reason"].as_str())
        .or(pod["status"]["phase"].as_str())
        .unwrap_or("Unknown")
        .to_owned()
}
