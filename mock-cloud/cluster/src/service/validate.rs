//! All that can be wrong with a Service's type, ports, addresses and names. Policies and the
//! fields of load balancers are next door, in `validate_policy`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    families, has_cluster_ip, is_headless, is_load_balancer, ports, service_type, validate_policy,
};
use crate::answer::FieldError;
use crate::names;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// Settles the IP families and returns every fault of a Service that is defaulted.
pub(crate) fn validate(service: &mut Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = families::settle(service, old).err().unwrap_or_default();
    let service = &*service;
    type_and_ports(service, &mut faults);
    for (index, port) in ports(service).iter().enumerate() {
        validate_port(service, port, &format!("spec.ports[{index}]"), &mut faults);
    }
    duplicate_ports(service, &mut faults);
    for (key, value) in service["spec"]["selector"]
        .as_object()
        .into_iter()
        .flatten()
    {
        selector_pair(key, value, &mut faults);
    }
    validate_policy::validate(service, &mut faults);
    faults
}

/// What an update may not change.
pub(crate) fn validate_update(service: &Value, old: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if has_cluster_ip(service) && has_cluster_ip(old) {
        let list = |service: &Value| -> Vec<Value> {
            service["spec"]["clusterIPs"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        };
        let (before, after) = (list(old), list(service));
        for (index, (was, is)) in before.iter().zip(&after).enumerate() {
            if was != is && was != "" {
                faults.push(FieldError::invalid(
                    format!("spec.clusterIPs[{index}]"),
                    after.clone(),
                    "may not change once set",
                ));
            }
        }
    }
    validate_policy::validate_update(service, old, &mut faults);
    faults
}

fn type_and_ports(service: &Value, faults: &mut Vec<FieldError>) {
    let kind = service_type(service);
    if !TYPES.contains(&kind) {
        faults.push(FieldError::not_supported("spec.type", kind, &TYPES));
    }
    if ports(service).is_empty() && !is_headless(service) && kind != "ExternalName" {
        faults.push(FieldError::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless(service) => {
            faults.push(FieldError::invalid(
                "spec.clusterIPs[0]",
                "None",
                format!("may not be set to 'None' for {kind} services"),
            ));
        }
        "ExternalName" => external_name(service, faults),
        _ => {}
    }
}

fn external_name(service: &Value, faults: &mut Vec<FieldError>) {
    if let Some(addresses) = service["spec"]["clusterIPs"].as_array()
        && !addresses.is_empty()
    {
        faults.push(FieldError::forbidden(
            "spec.clusterIPs[0]",
            "may not be set for ExternalName services",
        ));
    }
    let name = service["spec"]["externalName"].as_str().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        faults.push(FieldError::required("spec.externalName", ""));
    } else if let Some(fault) = names::subdomain_fault(name) {
        faults.push(FieldError::invalid("spec.externalName", name, fault));
    }
}

fn validate_port(service: &Value, port: &Value, path: &str, faults: &mut Vec<FieldError>) {
    match port["name"].as_str().unwrap_or_default() {
        "" if ports(service).len() > 1 => {
            faults.push(FieldError::required(format!("{path}.name"), ""));
        }
        "" => {}
        name => {
            if let Some(fault) = names::label_fault(name) {
                faults.push(FieldError::invalid(format!("{path}.name"), name, fault));
            }
        }
    }
    let number = port["port"].as_i64().unwrap_or_default();
    if !(1..=65535).contains(&number) {
        faults.push(out_of_range(format!("{path}.port"), number));
    }
    match port["protocol"].as_str() {
        Some(protocol) if PROTOCOLS.contains(&protocol) => {}
        protocol => faults.push(FieldError::not_supported(
            format!("{path}.protocol"),
            protocol.unwrap_or_default(),
            &PROTOCOLS,
        )),
    }
    target_port(&port["targetPort"], &format!("{path}.targetPort"), faults);
    if let Some(application) = port["appProtocol"].as_str()
        && let Some(fault) = names::qualified_fault(application)
    {
        let field = format!("{path}.appProtocol");
        faults.push(FieldError::invalid(field, application, fault));
    }
    if matches!(service_type(service), "ClusterIP" | "ExternalName") && !port["nodePort"].is_null()
    {
        faults.push(FieldError::forbidden(
            format!("{path}.nodePort"),
            &format!("may not be used when `type` is '{}'", service_type(service)),
        ));
    }
}

fn target_port(target: &Value, field: &str, faults: &mut Vec<FieldError>) {
    match target {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            if !(1..=65535).contains(&number) {
                faults.push(out_of_range(field.to_owned(), number));
            }
        }
        Value::String(name) => {
            if let Some(fault) = names::port_name_fault(name) {
                faults.push(FieldError::invalid(field, name.as_str(), fault));
            }
        }
        _ => {}
    }
}

fn out_of_range(field: String, number: i64) -> FieldError {
    FieldError::invalid(field, number, "must be between 1 and 65535, inclusive")
}

fn duplicate_ports(service: &Value, faults: &mut Vec<FieldError>) {
    let mut names = HashSet::new();
    let mut numbers = HashSet::new();
    let mut node_ports = HashSet::new();
    for (index, port) in ports(service).iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty())
            && !names.insert(name)
        {
            faults.push(FieldError::duplicate(format!("{path}.name"), name));
        }
        if !numbers.insert((protocol, port["port"].as_i64())) {
            let value = json!({ "port": port["port"], "protocol": protocol });
            faults.push(FieldError::duplicate(&path, value));
        }
        if let Some(node_port) = port["nodePort"].as_i64()
            && !node_ports.insert((protocol, node_port))
        {
            faults.push(FieldError::duplicate(format!("{path}.nodePort"), node_port));
        }
    }
    let health = service["spec"]["healthCheckNodePort"].as_i64();
    if is_load_balancer(service)
        && let Some(health) = health
        && node_ports.contains(&("TCP", health))
    {
        faults.push(FieldError::duplicate("spec.healthCheckNodePort", health));
    }
}

fn selector_pair(key: &str, value: &Value, faults: &mut Vec<FieldError>) {
    if let Some(fault) = names::qualified_fault(key) {
        faults.push(FieldError::invalid("spec.selector", key, fault));
    }
    let value = value.as_str().unwrap_or_default();
    if let Some(fault) = names::label_value_fault(value) {
        faults.push(FieldError::invalid("spec.selector", value, fault));
    }
}
