//! What an update of a Service keeps and wipes: allocated values that a client left out are
//! carried over, and fields that only the old type had go with it unless the client changed them.

use serde_json::{Value, json};

use super::{
    has_cluster_ip, has_external_ips, has_node_ports, is_load_balancer, ports,
    wants_health_check_port, wants_node_ports,
};

/// Carries allocated values over into a new version that left them out.
pub(crate) fn carry_over(new: &mut Value, old: &Value) {
    if has_cluster_ip(new) && has_cluster_ip(old) {
        if new["spec"]["clusterIP"].is_null() && new["spec"]["clusterIPs"].is_null() {
            for field in ["clusterIP", "clusterIPs"] {
                copy(new, old, field);
            }
        } else if new["spec"]["clusterIP"].is_null() {
            let first = new["spec"]["clusterIPs"][0].clone();
            new["spec"]["clusterIP"] = first;
        }
        if new["spec"]["clusterIPs"].is_null() {
            let single = new["spec"]["clusterIP"].clone();
            new["spec"]["clusterIPs"] = json!([single]);
        }
        if new["spec"]["ipFamilies"].is_null() {
            copy(new, old, "ipFamilies");
        }
    }
    if wants_node_ports(new) && wants_node_ports(old) {
        carry_node_ports(new, old);
    }
    if wants_health_check_port(new)
        && wants_health_check_port(old)
        && new["spec"]["healthCheckNodePort"].is_null()
    {
        copy(new, old, "healthCheckNodePort");
    }
}

fn carry_node_ports(new: &mut Value, old: &Value) {
    let taken: Vec<(Value, Value)> = ports(new)
        .iter()
        .map(|port| (port["protocol"].clone(), port["nodePort"].clone()))
        .collect();
    for port in new["spec"]["ports"].as_array_mut().into_iter().flatten() {
        if !port["nodePort"].is_null() {
            continue;
        }
        let before = ports(old).iter().find(|before| {
            before["port"] == port["port"] && before["protocol"] == port["protocol"]
        });
        if let Some(before) = before
            && !before["nodePort"].is_null()
            && !taken.contains(&(port["protocol"].clone(), before["nodePort"].clone()))
        {
            port["nodePort"] = before["nodePort"].clone();
        }
    }
}

fn copy(new: &mut Value, old: &Value, field: &str) {
    if !old["spec"][field].is_null() {
        new["spec"][field] = old["spec"][field].clone();
    }
}

/// Wipes what belonged to the old type and was not changed.
pub(crate) fn wipe(new: &mut Value, old: &Value) {
    if has_cluster_ip(old) && !has_cluster_ip(new) {
        if new["spec"]["clusterIP"] == old["spec"]["clusterIP"] {
            drop(new, old, &["clusterIP", "clusterIPs"]);
        }
        drop(
            new,
            old,
            &["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"],
        );
    }
    if has_node_ports(old) && !has_node_ports(new) && same_node_ports(new, old) {
        for port in new["spec"]["ports"].as_array_mut().into_iter().flatten() {
            if let Some(fields) = port.as_object_mut() {
                fields.remove("nodePort");
            }
        }
    }
    if wants_health_check_port(old) && !wants_health_check_port(new) {
        drop(new, old, &["healthCheckNodePort"]);
    }
    if is_load_balancer(old) && !is_load_balancer(new) {
        drop(
            new,
            old,
            &["allocateLoadBalancerNodePorts", "loadBalancerClass"],
        );
    }
    let external = |service: &Value| has_node_ports(service) || has_external_ips(service);
    if external(old) && !external(new) {
        drop(new, old, &["externalTrafficPolicy"]);
    }
    if !is_load_balancer(new)
        && let Some(status) = new["status"].as_object_mut()
    {
        status.insert("loadBalancer".to_owned(), json!({}));
    }
}

fn same_node_ports(new: &Value, old: &Value) -> bool {
    let numbers = |service: &Value| {
        let mut numbers: Vec<u64> = ports(service)
            .iter()
            .filter_map(|port| port["nodePort"].as_u64())
            .collect();
        numbers.sort_unstable();
        numbers
    };
    numbers(new) == numbers(old)
}

fn drop(new: &mut Value, old: &Value, fields: &[&str]) {
    for field in fields {
        if new["spec"][*field] == old["spec"][*field]
            && let Some(spec) = new["spec"].as_object_mut()
        {
            spec.remove(*field);
        }
    }
}
