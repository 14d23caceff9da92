//! The fields that the API server fills in when a Service is decoded.

use serde_json::{Value, json};

use super::{has_external_ips, has_node_ports, is_load_balancer, service_type};

/// Fills in what is missing and can be said without knowing other Services.
pub(crate) fn default(service: &mut Value) {
    if !service["spec"].is_object() {
        service["spec"] = json!({});
    }
    drop_empty(service);
    let kind = service_type(service).to_owned();
    let external = has_node_ports(service) || has_external_ips(service);
    let load_balancer = is_load_balancer(service);
    let spec = &mut service["spec"];
    set(spec, "type", || json!(kind));
    set(spec, "sessionAffinity", || json!("None"));
    if spec["sessionAffinity"] == "ClientIP" {
        let seconds = &mut spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"];
        if seconds.is_null() {
            *seconds = json!(10800);
        }
    } else if spec["sessionAffinity"] == "None" {
        remove(spec, "sessionAffinityConfig");
    }
    if kind != "ExternalName" {
        set(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if external {
        set(spec, "externalTrafficPolicy", || json!("Cluster"));
    }
    if load_balancer {
        set(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        set(port, "protocol", || json!("TCP"));
        let number = port["port"].clone();
        let target = &mut port["targetPort"];
        if target.is_null() || *target == json!(0) || *target == "" {
            *target = number;
        }
        if port["nodePort"] == json!(0) {
            remove(port, "nodePort");
        }
    }
    pair_cluster_ips(spec);
}

/// `clusterIP` and `clusterIPs[0]` are two spellings of one field; a client may send either.
fn pair_cluster_ips(spec: &mut Value) {
    let single = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
    if single.is_empty() {
        remove(spec, "clusterIP");
    } else if spec["clusterIPs"].is_null() {
        spec["clusterIPs"] = json!([single]);
    }
}

fn set(object: &mut Value, field: &str, value: impl FnOnce() -> Value) {
    let present = &mut object[field];
    if present.is_null() || *present == "" {
        *present = value();
    }
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

/// Go's `omitempty`: what is empty is not written.
fn drop_empty(service: &mut Value) {
    const MAY_BE_EMPTY: [&str; 1] = ["loadBalancerClass"];
    if let Some(spec) = service["spec"].as_object_mut() {
        spec.retain(|name, value| match value {
            Value::String(text) => !text.is_empty() || MAY_BE_EMPTY.contains(&name.as_str()),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Number(number) => number.as_i64() != Some(0),
            Value::Bool(flag) => *flag || name != "publishNotReadyAddresses",
            Value::Null => false,
        });
    }
}
