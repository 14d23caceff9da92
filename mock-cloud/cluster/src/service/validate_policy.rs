//! What can be wrong with a Service's policies: traffic, affinity, and the fields that only load
//! balancers have.

use std::net::IpAddr;

use serde_json::Value;

use super::status::address_fault;
use super::{
    has_cluster_ip, has_external_ips, has_node_ports, is_load_balancer, wants_health_check_port,
};
use crate::answer::FieldError;
use crate::names;

const ONLY_LOAD_BALANCER: &str = "may only be used when `type` is 'LoadBalancer'";
const SOURCE_RANGES_ANNOTATION: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Every fault of the policies.
pub(super) fn validate(service: &Value, faults: &mut Vec<FieldError>) {
    affinity(service, faults);
    traffic(service, faults);
    external_ips(service, faults);
    load_balancer(service, faults);
}

/// What an update may not change about them.
pub(super) fn validate_update(service: &Value, old: &Value, faults: &mut Vec<FieldError>) {
    let (new_spec, old_spec) = (&service["spec"], &old["spec"]);
    if is_load_balancer(service)
        && is_load_balancer(old)
        && new_spec["loadBalancerClass"] != old_spec["loadBalancerClass"]
    {
        faults.push(FieldError::invalid(
            "spec.loadBalancerClass",
            new_spec["loadBalancerClass"].clone(),
            "may not change once set",
        ));
    }
    let port = &new_spec["healthCheckNodePort"];
    if wants_health_check_port(service)
        && wants_health_check_port(old)
        && *port != old_spec["healthCheckNodePort"]
    {
        faults.push(FieldError::invalid(
            "spec.healthCheckNodePort",
            port.clone(),
            "field is immutable",
        ));
    }
}

fn one_of(service: &Value, field: &str, supported: &[&str], faults: &mut Vec<FieldError>) {
    if let Some(value) = service["spec"][field].as_str()
        && !supported.contains(&value)
    {
        faults.push(FieldError::not_supported(
            format!("spec.{field}"),
            value,
            supported,
        ));
    }
}

fn affinity(service: &Value, faults: &mut Vec<FieldError>) {
    let spec = &service["spec"];
    one_of(service, "sessionAffinity", &["ClientIP", "None"], faults);
    let seconds = &spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"];
    if spec["sessionAffinity"] == "ClientIP"
        && let Some(seconds) = seconds.as_i64()
        && !(1..=86400).contains(&seconds)
    {
        faults.push(FieldError::invalid(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            seconds,
            "must be greater than 0 and less than 86400",
        ));
    }
}

fn traffic(service: &Value, faults: &mut Vec<FieldError>) {
    let spec = &service["spec"];
    let external = has_node_ports(service) || has_external_ips(service);
    let policy = &spec["externalTrafficPolicy"];
    if external {
        one_of(
            service,
            "externalTrafficPolicy",
            &["Cluster", "Local"],
            faults,
        );
    } else if !policy.is_null() {
        faults.push(FieldError::invalid(
            "spec.externalTrafficPolicy",
            policy.clone(),
            "may only be set for externally-accessible services",
        ));
    }
    let health = &spec["healthCheckNodePort"];
    if !health.is_null() && !wants_health_check_port(service) {
        faults.push(FieldError::invalid(
            "spec.healthCheckNodePort",
            health.clone(),
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ));
    }
    if has_cluster_ip(service) {
        one_of(
            service,
            "internalTrafficPolicy",
            &["Cluster", "Local"],
            faults,
        );
    }
    one_of(
        service,
        "trafficDistribution",
        &["PreferClose", "PreferSameNode", "PreferSameZone"],
        faults,
    );
}

fn external_ips(service: &Value, faults: &mut Vec<FieldError>) {
    let addresses = service["spec"]["externalIPs"].as_array();
    for (index, address) in addresses.into_iter().flatten().enumerate() {
        let text = address.as_str().unwrap_or_default();
        let field = format!("spec.externalIPs[{index}]");
        if let Some(fault) = address_fault(text) {
            faults.push(FieldError::invalid(field, text, fault));
            continue;
        }
        let unusable = text.parse::<IpAddr>().is_ok_and(|address| {
            address.is_loopback() || address.is_unspecified() || address.is_multicast()
        });
        if unusable {
            faults.push(FieldError::invalid(
                field,
                text,
                "may not be unspecified, loopback or multicast",
            ));
        }
    }
}

fn load_balancer(service: &Value, faults: &mut Vec<FieldError>) {
    let spec = &service["spec"];
    let ranges = spec["loadBalancerSourceRanges"].as_array();
    let class = &spec["loadBalancerClass"];
    if !is_load_balancer(service) {
        if ranges.is_some_and(|ranges| !ranges.is_empty()) {
            // The real server spells this field with a capital, and scripts match it.
            faults.push(FieldError::forbidden(
                "spec.LoadBalancerSourceRanges",
                ONLY_LOAD_BALANCER,
            ));
        }
        if !spec["allocateLoadBalancerNodePorts"].is_null() {
            faults.push(FieldError::forbidden(
                "spec.allocateLoadBalancerNodePorts",
                ONLY_LOAD_BALANCER,
            ));
        }
        if !class.is_null() {
            faults.push(FieldError::forbidden(
                "spec.loadBalancerClass",
                ONLY_LOAD_BALANCER,
            ));
        }
        return;
    }
    match ranges.filter(|ranges| !ranges.is_empty()) {
        Some(ranges) => {
            for (index, range) in ranges.iter().enumerate() {
                let text = range.as_str().unwrap_or_default();
                if let Some(fault) = range_fault(text.trim()) {
                    let field = format!("spec.loadBalancerSourceRanges[{index}]");
                    faults.push(FieldError::invalid(field, text, fault));
                }
            }
        }
        None => annotated_ranges(service, faults),
    }
    if let Some(class) = class.as_str()
        && let Some(fault) = names::qualified_fault(class)
    {
        faults.push(FieldError::invalid("spec.loadBalancerClass", class, fault));
    }
}

/// The annotation counts only where the field is empty.
fn annotated_ranges(service: &Value, faults: &mut Vec<FieldError>) {
    let annotation = &service["metadata"]["annotations"][SOURCE_RANGES_ANNOTATION];
    let Some(text) = annotation.as_str() else {
        return;
    };
    let bad = text
        .split(',')
        .map(str::trim)
        .any(|range| !text.trim().is_empty() && range_fault(range).is_some());
    if bad {
        faults.push(FieldError::invalid(
            format!("metadata.annotations[{SOURCE_RANGES_ANNOTATION}]"),
            text,
            "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24",
        ));
    }
}

/// What is wrong with a CIDR (KEP-4858's strict form).
fn range_fault(text: &str) -> Option<&'static str> {
    const SYNTAX: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    const LEADING_ZEROS: &str = "must not have leading 0s";
    let Some((address, length)) = text.split_once('/') else {
        return Some(SYNTAX);
    };
    if let Some(fault) = address_fault(address) {
        return Some(if fault == super::status::NOT_AN_ADDRESS {
            SYNTAX
        } else {
            fault
        });
    }
    if length.len() > 1 && length.starts_with('0') {
        return Some(LEADING_ZEROS);
    }
    match text.parse::<ipnet::IpNet>() {
        Err(_) => Some(SYNTAX),
        Ok(range) if range.addr() != range.network() => {
            Some("must not have bits set beyond the prefix length")
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::range_fault;

    #[test]
    fn ranges() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "192.0.2.1/32"] {
            assert_eq!(range_fault(good), None, "{good}");
        }
        for bad in [
            "10.0.0.1/8",
            "010.0.0.0/8",
            "10.0.0.0",
            "10.0.0.0/33",
            "x/8",
            "10.0.0.0/08",
        ] {
            assert!(range_fault(bad).is_some(), "{bad}");
        }
    }
}
