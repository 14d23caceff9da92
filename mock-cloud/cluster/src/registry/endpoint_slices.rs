//! EndpointSlices: defaults and validation. Unlike the real server, this one takes loopback and
//! link-local addresses: in a sandbox Pods listen on loopback.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use crate::answer::FieldError;
use crate::names;

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;

/// Defaults of a slice.
pub(super) fn default(slice: &mut Value) {
    if slice["endpoints"].is_null() {
        slice["endpoints"] = json!([]);
    }
    if slice["ports"].is_null() {
        slice["ports"] = json!([]);
    }
    for port in slice["ports"].as_array_mut().into_iter().flatten() {
        if port["protocol"].is_null() {
            port["protocol"] = json!("TCP");
        }
        if port["name"].is_null() {
            port["name"] = json!("");
        }
    }
}

/// Every fault of a slice.
pub(super) fn validate(slice: &Value, old: Option<&Value>) -> Vec<FieldError> {
    const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
    let mut faults = Vec::new();
    let kind = slice["addressType"].as_str().unwrap_or_default();
    if kind.is_empty() {
        faults.push(FieldError::required("addressType", ""));
    } else if !TYPES.contains(&kind) {
        faults.push(FieldError::not_supported("addressType", kind, &TYPES));
    }
    if let Some(old) = old
        && old["addressType"] != slice["addressType"]
    {
        faults.push(FieldError::invalid(
            "addressType",
            kind,
            "field is immutable",
        ));
    }
    let endpoints = slice["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
    if endpoints.len() > MAX_ENDPOINTS {
        faults.push(FieldError::too_long("endpoints", MAX_ENDPOINTS));
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let path = format!("endpoints[{index}].addresses");
        let addresses = endpoint["addresses"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        if addresses.is_empty() {
            faults.push(FieldError::required(
                &path,
                "must contain at least 1 address",
            ));
        }
        if addresses.len() > MAX_ADDRESSES {
            faults.push(FieldError::too_long(&path, MAX_ADDRESSES));
        }
        for (at, address) in addresses.iter().enumerate() {
            let text = address.as_str().unwrap_or_default();
            if let Some(fault) = address_fault(kind, text) {
                faults.push(FieldError::invalid(format!("{path}[{at}]"), text, fault));
            }
        }
    }
    ports(slice, &mut faults);
    faults
}

fn ports(slice: &Value, faults: &mut Vec<FieldError>) {
    let ports = slice["ports"].as_array();
    for (index, port) in ports.into_iter().flatten().enumerate() {
        if let Some(number) = port["port"].as_i64()
            && !(1..=65535).contains(&number)
        {
            faults.push(FieldError::invalid(
                format!("ports[{index}].port"),
                number,
                "must be between 1 and 65535, inclusive",
            ));
        }
    }
}

fn address_fault(kind: &str, text: &str) -> Option<String> {
    match kind {
        "IPv4" => text
            .parse::<Ipv4Addr>()
            .is_err()
            .then(|| "must be a valid IPv4 address".to_owned()),
        "IPv6" => text
            .parse::<Ipv6Addr>()
            .is_err()
            .then(|| "must be a valid IPv6 address".to_owned()),
        "FQDN" => names::subdomain_fault(text),
        _ => None,
    }
}
