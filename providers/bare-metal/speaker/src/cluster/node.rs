//! What matters of a Node to who may announce.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1;

/// Label: no load balancer is to send traffic to the node, whatever the label's value says but false.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Taint: the node is gone for good, and whatever it had may be had by others (KEP-2268).
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// Our taint, and our annotation if it is `true`: the node's addresses are to move away.
const DRAIN: &str = "landfall.dev/drain";

/// A Node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether it may announce at all.
    pub(crate) may_serve: bool,
    /// Whether its addresses are to move away.
    pub(crate) is_draining: bool,
    /// Where other nodes reach it, at most one of each family.
    pub(crate) addresses: Vec<IpAddr>,
}

impl From<&v1::Node> for Node {
    fn from(node: &v1::Node) -> Self {
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let taints = node.spec.iter().flat_map(|it| it.taints.iter().flatten());
        let has_taint = |key: &str| taints.clone().any(|it| it.key == key);
        let spec = node.spec.as_ref();
        let is_cordoned = spec.and_then(|it| it.unschedulable).unwrap_or_default();
        let is_annotated = node.metadata.annotations.as_ref();
        let is_annotated = is_annotated.and_then(|it| it.get(DRAIN));
        let is_excluded = labels.get(EXCLUDED).is_some_and(|it| !is_false(it));
        let is_out = has_taint(OUT_OF_SERVICE);
        Self {
            may_serve: !is_excluded && (is_cordoned || !is_out) && has_network(node),
            is_draining: has_taint(DRAIN)
                || is_out && is_cordoned
                || is_annotated.is_some_and(|it| it == "true"),
            addresses: addresses(node),
            labels,
        }
    }
}

/// As Go's `strconv.ParseBool` reads it.
fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "False" | "FALSE")
}

fn has_network(node: &v1::Node) -> bool {
    let conditions = node.status.iter().flat_map(|it| it.conditions.iter());
    let mut conditions = conditions.flatten();
    !conditions.any(|it| it.type_ == "NetworkUnavailable" && it.status == "True")
}

/// The first internal address of each family; where there is none, the first external one.
fn addresses(node: &v1::Node) -> Vec<IpAddr> {
    let listed = node.status.iter().flat_map(|it| it.addresses.iter());
    let listed = listed.flatten();
    let of_type = |type_: &str| -> Vec<IpAddr> {
        let of_type = listed.clone().filter(|it| it.type_ == type_);
        of_type.filter_map(|it| it.address.parse().ok()).collect()
    };
    let internal = of_type("InternalIP");
    let all = if internal.is_empty() {
        of_type("ExternalIP")
    } else {
        internal
    };
    let first = |is_ipv4: bool| all.iter().copied().find(|it| it.is_ipv4() == is_ipv4);
    first(true).into_iter().chain(first(false)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(object: Value) -> Node {
        Node::from(&serde_json::from_value::<v1::Node>(object).unwrap())
    }

    #[test]
    fn which_nodes_may_announce_and_which_are_to_hand_over() {
        let labelled = |value: &str| json!({"metadata": {"labels": {EXCLUDED: value}}});
        let tainted = |key: &str, cordoned: bool| {
            let taints = [json!({"key": key, "effect": "NoExecute"})];
            json!({"metadata": {}, "spec": {"taints": taints, "unschedulable": cordoned}})
        };
        let annotated = |value: &str| json!({"metadata": {"annotations": {DRAIN: value}}});
        let condition = |type_: &str, status: &str| {
            let condition = json!({"type": type_, "status": status});
            json!({"metadata": {}, "status": {"conditions": [condition]}})
        };
        let rows = [
            ("plain", json!({"metadata": {}}), (true, false)),
            ("excluded", labelled(""), (false, false)),
            ("not excluded", labelled("false"), (true, false)),
            ("our taint", tainted(DRAIN, false), (true, true)),
            ("our annotation", annotated("true"), (true, true)),
            (
                "our annotation, not meant",
                annotated("false"),
                (true, false),
            ),
            (
                "out of service",
                tainted(OUT_OF_SERVICE, false),
                (false, false),
            ),
            (
                "cordoned and out of service",
                tainted(OUT_OF_SERVICE, true),
                (true, true),
            ),
            (
                "cordoned alone",
                json!({"metadata": {}, "spec": {"unschedulable": true}}),
                (true, false),
            ),
            (
                "no network",
                condition("NetworkUnavailable", "True"),
                (false, false),
            ),
            (
                "network",
                condition("NetworkUnavailable", "False"),
                (true, false),
            ),
            ("not ready", condition("Ready", "False"), (true, false)),
        ];
        for (what, object, expected) in rows {
            let node = node(object);
            assert_eq!((node.may_serve, node.is_draining), expected, "{what}");
        }
    }

    #[test]
    fn a_node_is_reached_at_its_first_internal_addresses() {
        let of = |addresses: &[(&str, &str)]| {
            let addresses = addresses.iter();
            let addresses = addresses.map(|(type_, it)| json!({"type": type_, "address": it}));
            let addresses: Vec<_> = addresses.collect();
            node(json!({"metadata": {}, "status": {"addresses": addresses}})).addresses
        };
        let parsed = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|it| it.parse().unwrap()).collect()
        };
        let all = [
            ("Hostname", "node-1"),
            ("ExternalIP", "203.0.113.1"),
            ("InternalIP", "2001:db8::1"),
            ("InternalIP", "192.0.2.1"),
            ("InternalIP", "192.0.2.2"),
        ];
        assert_eq!(of(&all), parsed(&["192.0.2.1", "2001:db8::1"]));
        assert_eq!(of(&all[..2]), parsed(&["203.0.113.1"]));
    }
}
