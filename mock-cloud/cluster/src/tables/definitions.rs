//! `kubectl get customresourcedefinitions`.

use serde_json::{Value, json};

use super::{Column, column, name, wide};

pub(super) const COLUMNS: [Column; 8] = [
    column("Name"),
    column("Scope"),
    column("Versions"),
    Column {
        name: "Created At",
        kind: "date",
        priority: 0,
    },
    wide("Group"),
    wide("Kind"),
    wide("ShortNames"),
    Column {
        name: "Established",
        kind: "boolean",
        priority: 1,
    },
];

pub(super) fn cells(definition: &Value) -> Vec<Value> {
    let spec = &definition["spec"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let served = list(&spec["versions"]).into_iter();
    let mut versions: Vec<String> = served
        .filter(|version| version["served"] == true)
        .map(|version| {
            let stored = if version["storage"] == true {
                "(storage)"
            } else {
                ""
            };
            text(&version["name"]) + stored
        })
        .collect();
    versions.sort();
    let short = list(&spec["names"]["shortNames"]);
    let short: Vec<String> = short.iter().map(text).collect();
    let established = list(&definition["status"]["conditions"])
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    vec![
        name(definition),
        spec["scope"].clone(),
        json!(versions.join(",")),
        definition["metadata"]["creationTimestamp"].clone(),
        spec["group"].clone(),
        spec["names"]["kind"].clone(),
        json!(short.join(",")),
        json!(established),
    ]
}
