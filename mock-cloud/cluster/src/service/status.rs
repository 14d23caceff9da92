//! `status.loadBalancer.ingress`: its defaults and what can be wrong with it (KEP-1860,
//! KEP-4858). Nothing else of a Service's status is validated, as on the real server.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::is_load_balancer;
use crate::answer::FieldError;
use crate::names;

/// What the server says about text that is no address.
pub(super) const NOT_AN_ADDRESS: &str =
    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

fn ingress(service: &Value) -> &[Value] {
    service["status"]["loadBalancer"]["ingress"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// Fills in ipMode and drops what Go does not write.
pub(crate) fn prepare_status(service: &mut Value) {
    let Some(status) = service["status"].as_object_mut() else {
        service["status"] = json!({ "loadBalancer": {} });
        return;
    };
    if status
        .get("conditions")
        .is_some_and(|list| list == &json!([]))
    {
        status.remove("conditions");
    }
    let balancer = status.entry("loadBalancer").or_insert_with(|| json!({}));
    let Some(balancer) = balancer.as_object_mut() else {
        return;
    };
    if balancer
        .get("ingress")
        .is_some_and(|list| list == &json!([]))
    {
        balancer.remove("ingress");
    }
    let entries = balancer.get_mut("ingress").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if let Some(fields) = entry.as_object_mut() {
            fields.retain(|_, value| *value != "" && *value != json!([]));
            if fields.contains_key("ip") {
                fields.entry("ipMode").or_insert_with(|| json!("VIP"));
            }
        }
    }
}

/// Every fault of the ingress. An address that is already stored may stay.
pub(crate) fn validate_status(service: &Value, old: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let base = "status.loadBalancer.ingress";
    if !ingress(service).is_empty() && !is_load_balancer(service) {
        faults.push(FieldError::forbidden(
            base,
            "may only be used when `spec.type` is 'LoadBalancer'",
        ));
        return faults;
    }
    for (index, entry) in ingress(service).iter().enumerate() {
        let path = format!("{base}[{index}]");
        if let Some(address) = entry["ip"].as_str()
            && let Some(fault) = address_fault(address)
            && !ingress(old).iter().any(|was| was["ip"] == entry["ip"])
        {
            faults.push(FieldError::invalid(format!("{path}.ip"), address, fault));
        }
        ip_mode(entry, &format!("{path}.ipMode"), &mut faults);
        if let Some(host) = entry["hostname"].as_str() {
            hostname(host, format!("{path}.hostname"), &mut faults);
        }
    }
    faults
}

fn ip_mode(entry: &Value, field: &str, faults: &mut Vec<FieldError>) {
    const MODES: [&str; 2] = ["Proxy", "VIP"];
    let has_address = !entry["ip"].is_null();
    match entry["ipMode"].as_str() {
        Some(_) if !has_address => faults.push(FieldError::forbidden(
            field,
            "may not be specified when `ip` is not set",
        )),
        Some(mode) if !MODES.contains(&mode) => {
            faults.push(FieldError::not_supported(field, mode, &MODES));
        }
        None if has_address => {
            faults.push(FieldError::required(
                field,
                "must be specified when `ip` is set",
            ));
        }
        _ => {}
    }
}

fn hostname(host: &str, field: String, faults: &mut Vec<FieldError>) {
    if host.parse::<IpAddr>().is_ok() {
        faults.push(FieldError::invalid(
            field,
            host,
            "must be a DNS name, not an IP address",
        ));
    } else if let Some(fault) = names::subdomain_fault(host) {
        faults.push(FieldError::invalid(field, host, fault));
    }
}

/// What is wrong with an address in the strict form of KEP-4858.
pub(super) fn address_fault(text: &str) -> Option<&'static str> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            Some("must not be an IPv4-mapped IPv6 address")
        }
        Ok(_) => None,
        Err(_) if only_leading_zeros(text) => Some("must not have leading 0s"),
        Err(_) => Some(NOT_AN_ADDRESS),
    }
}

fn only_leading_zeros(text: &str) -> bool {
    let parts: Vec<String> = text
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0".to_owned(),
            digits => digits.to_owned(),
        })
        .collect();
    parts.join(".").parse::<Ipv4Addr>().is_ok()
}

/// Warnings about a version of a Service that `old` did not deserve yet: addresses that are not
/// written as RFC 5952 §4 wants, and a traffic distribution that has a new name.
pub(crate) fn warnings(service: &Value, old: Option<&Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    let distribution = &service["spec"]["trafficDistribution"];
    if distribution == "PreferClose"
        && old.is_none_or(|old| old["spec"]["trafficDistribution"] != *distribution)
    {
        warnings.push(
            "spec.trafficDistribution: PreferClose is deprecated, use PreferSameZone".to_owned(),
        );
    }
    if old.is_some_and(|old| old["status"] == service["status"]) {
        return warnings;
    }
    for (index, entry) in ingress(service).iter().enumerate() {
        if let Some(text) = entry["ip"].as_str()
            && let Ok(IpAddr::V6(address)) = text.parse::<IpAddr>()
            && address.to_string() != text
        {
            warnings.push(format!(
                "status.loadBalancer.ingress[{index}].ip: IPv6 address {text:?} should be in RFC 5952 canonical format ({:?})",
                address.to_string()
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{prepare_status, validate_status, warnings};

    fn check(entry: &Value, kind: &str) -> (Value, usize) {
        let mut service = json!({ "spec": { "type": kind }, "status": { "loadBalancer": { "ingress": [entry] } } });
        prepare_status(&mut service);
        let faults = validate_status(&service, &json!({})).len();
        (
            service["status"]["loadBalancer"]["ingress"][0].clone(),
            faults,
        )
    }

    #[test]
    fn entries_as_the_real_server_judges_them() {
        let good = [
            json!({ "ip": "192.0.2.10" }),
            json!({ "ip": "192.0.2.10", "ipMode": "Proxy" }),
            json!({ "ip": "127.0.0.1" }),
            json!({ "ip": "2001:DB8::1" }),
            json!({ "hostname": "lb.example.com" }),
            json!({ "hostname": "a".repeat(64) }),
            json!({ "ip": "192.0.2.1", "hostname": "a.b" }),
            json!({ "ip": "" }),
            json!({}),
        ];
        for entry in good {
            assert_eq!(check(&entry, "LoadBalancer").1, 0, "{entry}");
        }
        let bad = [
            json!({ "ip": "192.0.2.10", "ipMode": "vip" }),
            json!({ "ipMode": "VIP" }),
            json!({ "hostname": "a", "ipMode": "VIP" }),
            json!({ "ip": "bad" }),
            json!({ "ip": "192.0.2.10/32" }),
            json!({ "ip": "010.1.1.1" }),
            json!({ "ip": "::ffff:1.2.3.4" }),
            json!({ "hostname": "LB.example.com" }),
            json!({ "hostname": "192.0.2.10" }),
        ];
        for entry in bad {
            assert_eq!(check(&entry, "LoadBalancer").1, 1, "{entry}");
        }
        assert_eq!(check(&json!({ "ip": "192.0.2.1" }), "ClusterIP").1, 1);
    }

    #[test]
    fn the_mode_is_filled_in_and_blanks_go() {
        assert_eq!(
            check(&json!({ "ip": "192.0.2.1" }), "LoadBalancer").0["ipMode"],
            "VIP"
        );
        assert_eq!(check(&json!({ "ip": "" }), "LoadBalancer").0, json!({}));
    }

    #[test]
    fn addresses_out_of_form_are_warned_about() {
        let service = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "2001:DB8::1" }, { "ip": "2001:db8::1" }] } } });
        assert_eq!(warnings(&service, None).len(), 1);
    }
}
