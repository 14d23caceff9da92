//! Which nodes load balancers may send traffic to.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use landfall_provider_api as api;

const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
const AUTOSCALER_TAINT: &str = "ToBeDeletedByClusterAutoscaler";

/// The nodes that take traffic from load balancers, by name. Readiness and cordons don't count
/// (KEP-3458): health checks see to that, and the set stays still. Their labels are told only if
/// somebody looks at them.
pub fn targets<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    with_labels: bool,
) -> Arc<[api::Node]> {
    let mut targets: Vec<_> = nodes
        .into_iter()
        .filter(|node| is_target(node))
        .map(|node| target(node, with_labels))
        .collect();
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    targets.into()
}

fn is_target(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    node.metadata.deletion_timestamp.is_none()
        && !label(node, EXCLUDE_LABEL).is_some_and(excludes)
        && !taints
            .into_iter()
            .flatten()
            .any(|taint| taint.key == AUTOSCALER_TAINT)
}

/// The label's value is read as Go's `strconv.ParseBool` reads it: what parses as false includes
/// the node, all else, the empty value too, excludes it.
fn excludes(value: &str) -> bool {
    !matches!(value, "0" | "f" | "F" | "false" | "False" | "FALSE")
}

fn target(node: &Node, with_labels: bool) -> api::Node {
    let labels = node.metadata.labels.as_ref().filter(|_| with_labels);
    api::Node {
        name: node.metadata.name.clone().unwrap_or_default(),
        addresses: addresses(node),
        provider_id: node.spec.as_ref().and_then(|spec| spec.provider_id.clone()),
        zone: label(node, ZONE_LABEL).map(str::to_owned),
        labels: labels.cloned().unwrap_or_default(),
    }
}

fn addresses(node: &Node) -> Vec<IpAddr> {
    let listed = node
        .status
        .as_ref()
        .and_then(|status| status.addresses.as_ref());
    let of_type = |wanted: &str| -> Vec<IpAddr> {
        listed
            .into_iter()
            .flatten()
            .filter(|address| address.type_ == wanted)
            .filter_map(|address| address.address.parse().ok())
            .collect()
    };
    let internal = of_type("InternalIP");
    if internal.is_empty() {
        return of_type("ExternalIP");
    }
    internal
}

fn label<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    let labels = node.metadata.labels.as_ref()?;
    labels.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;
    use serde_json::json;

    fn is_included(patch: serde_json::Value) -> bool {
        !targets([&node("n1", patch)], false).is_empty()
    }

    #[test]
    fn which_nodes_take_traffic() {
        let excluded = |value| json!({"metadata": {"labels": {EXCLUDE_LABEL: value}}});
        let taint = |key| json!({"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
        let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        for (what, patch, included) in [
            ("a plain node", json!({}), true),
            ("excluded by an empty label", excluded(""), false),
            ("excluded", excluded("true"), false),
            ("excluded by nonsense", excluded("no"), false),
            ("not excluded", excluded("false"), true),
            ("not excluded either", excluded("0"), true),
            ("about to be removed", taint(AUTOSCALER_TAINT), false),
            ("cordoned", json!({"spec": {"unschedulable": true}}), true),
            ("not ready", not_ready, true),
            (
                "uninitialized",
                taint("node.cloudprovider.kubernetes.io/uninitialized"),
                true,
            ),
            (
                "being deleted",
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                false,
            ),
        ] {
            assert_eq!(is_included(patch), included, "{what}");
        }
    }

    #[test]
    fn nodes_come_by_name_with_their_internal_addresses() {
        let address = |type_: &str, address: &str| json!({"type": type_, "address": address});
        let both = json!({"status": {"addresses": [
            address("ExternalIP", "192.0.2.1"), address("InternalIP", "10.0.0.1"),
            address("Hostname", "b"), address("InternalIP", "fd00::1"),
        ]}});
        let outside = json!({"status": {"addresses": [address("ExternalIP", "192.0.2.2")]}});
        let found = targets([&node("b", both), &node("a", outside)], false);
        let shown: Vec<_> = found
            .iter()
            .map(|n| (n.name.as_str(), n.addresses.clone()))
            .collect();
        let parsed = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        assert_eq!(
            shown,
            [
                ("a", parsed(&["192.0.2.2"])),
                ("b", parsed(&["10.0.0.1", "fd00::1"]))
            ]
        );
    }
}
