//! What the API server does to Services: defaults, cluster IPs and node ports, what a change of
//! type wipes, and all that can be wrong with one. It never stores anything; `registry` calls it
//! inside a write.

mod allocations;
mod defaults;
mod families;
mod status;
mod transition;
mod validate;
mod validate_policy;

pub(crate) use self::allocations::{Allocations, Lease, Refusal};
pub(crate) use self::defaults::default;
pub(crate) use self::status::{prepare_status, validate_status, warnings};
pub(crate) use self::transition::{carry_over, wipe};
pub(crate) use self::validate::{validate, validate_update};

use serde_json::Value;

/// `spec.type`, ClusterIP when it is missing.
pub(crate) fn service_type(service: &Value) -> &str {
    match service["spec"]["type"].as_str() {
        Some(text) if !text.is_empty() => text,
        _ => "ClusterIP",
    }
}

fn is_load_balancer(service: &Value) -> bool {
    service_type(service) == "LoadBalancer"
}

fn has_node_ports(service: &Value) -> bool {
    matches!(service_type(service), "NodePort" | "LoadBalancer")
}

/// Whether the server gives node ports to it unasked.
fn wants_node_ports(service: &Value) -> bool {
    match service_type(service) {
        "NodePort" => true,
        "LoadBalancer" => service["spec"]["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

fn has_cluster_ip(service: &Value) -> bool {
    service_type(service) != "ExternalName"
}

fn is_headless(service: &Value) -> bool {
    service["spec"]["clusterIP"] == "None" || service["spec"]["clusterIPs"][0] == "None"
}

fn is_local(service: &Value) -> bool {
    service["spec"]["externalTrafficPolicy"] == "Local"
}

fn wants_health_check_port(service: &Value) -> bool {
    is_load_balancer(service) && is_local(service)
}

fn has_external_ips(service: &Value) -> bool {
    service["spec"]["externalIPs"]
        .as_array()
        .is_some_and(|addresses| !addresses.is_empty())
}

fn ports(service: &Value) -> &[Value] {
    service["spec"]["ports"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}
