//! `kubectl get deployments`, `endpointslices` and `leases`.

use serde_json::{Value, json};

use super::{Column, age, column, joined, name, or_none, wide};
use crate::selector::selector_text;

pub(super) const DEPLOYMENTS: [Column; 8] = [
    column("Name"),
    column("Ready"),
    column("Up-to-date"),
    column("Available"),
    column("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const ENDPOINT_SLICES: [Column; 5] = [
    column("Name"),
    column("AddressType"),
    column("Ports"),
    column("Endpoints"),
    column("Age"),
];

pub(super) const LEASES: [Column; 3] = [column("Name"), column("Holder"), column("Age")];

pub(super) const SECRETS: [Column; 4] = [
    column("Name"),
    column("Type"),
    column("Data"),
    column("Age"),
];

/// What fits in a cell before kubectl's printers write "more".
const SHOWN: usize = 3;

pub(super) fn deployment(deployment: &Value) -> Vec<Value> {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let count = |field: &str| status[field].as_u64().unwrap_or_default();
    let containers = &spec["template"]["spec"]["containers"];
    vec![
        name(deployment),
        json!(format!(
            "{}/{}",
            count("readyReplicas"),
            spec["replicas"].as_u64().unwrap_or_default()
        )),
        json!(count("updatedReplicas").to_string()),
        json!(count("availableReplicas").to_string()),
        age::of(deployment),
        json!(joined(containers, "name")),
        json!(joined(containers, "image")),
        json!(selector_text(&spec["selector"])),
    ]
}

pub(super) fn endpoint_slice(slice: &Value) -> Vec<Value> {
    let ports: Vec<String> = slice["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| port["port"].to_string())
        .collect();
    let endpoints: Vec<&str> = slice["endpoints"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|endpoint| endpoint["addresses"][0].as_str())
        .collect();
    vec![
        name(slice),
        slice["addressType"].clone(),
        shortened(&ports),
        shortened(&endpoints),
        age::of(slice),
    ]
}

fn shortened<T: AsRef<str>>(list: &[T]) -> Value {
    if list.is_empty() {
        return json!("<unset>");
    }
    let shown: Vec<&str> = list.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = match list.len() {
        ..=SHOWN => String::new(),
        all => format!(" + {} more...", all - SHOWN),
    };
    json!(shown.join(",") + &more)
}

pub(super) fn lease(lease: &Value) -> Vec<Value> {
    vec![
        name(lease),
        or_none(lease["spec"]["holderIdentity"].as_str().unwrap_or_default()),
        age::of(lease),
    ]
}

pub(super) fn secret(secret: &Value) -> Vec<Value> {
    let data = secret["data"].as_object().map_or(0, serde_json::Map::len);
    vec![
        name(secret),
        secret["type"].clone(),
        json!(data),
        age::of(secret),
    ]
}
