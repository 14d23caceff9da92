//! IP families and their policy (KEP-563): what a Service that says nothing gets, and what does
//! not go together. The cluster is dual-stack, IPv4 first.

use serde_json::{Value, json};

use super::{has_cluster_ip, is_headless};
use crate::answer::FieldError;

const NAMES: [&str; 2] = ["IPv4", "IPv6"];

/// Settles policy and families before cluster IPs are taken.
pub(super) fn settle(service: &mut Value, old: Option<&Value>) -> Result<(), Vec<FieldError>> {
    if !has_cluster_ip(service) {
        return Ok(());
    }
    let old = old.filter(|old| has_cluster_ip(old));
    let headless_without_selector = is_headless(service) && service["spec"]["selector"].is_null();
    if service["spec"]["ipFamilyPolicy"].is_null() {
        let inherited = old.map(|old| old["spec"]["ipFamilyPolicy"].clone());
        service["spec"]["ipFamilyPolicy"] = match inherited {
            Some(Value::String(policy)) => json!(policy),
            _ if headless_without_selector => json!("RequireDualStack"),
            _ => json!("SingleStack"),
        };
    }
    let faults = syntax(service);
    if !faults.is_empty() {
        return Err(faults);
    }
    let single = service["spec"]["ipFamilyPolicy"] == "SingleStack";
    if let Some(old) = old {
        follow_policy(service, old, single)?;
    }
    together(service, single)?;
    infer_from_addresses(service);
    let families = list(service, "ipFamilies");
    if families.is_empty() {
        service["spec"]["ipFamilies"] = json!(["IPv4"]);
    }
    let families = list(service, "ipFamilies");
    if !single && families.len() == 1 {
        let other = if families[0] == "IPv4" {
            "IPv6"
        } else {
            "IPv4"
        };
        service["spec"]["ipFamilies"] = json!([families[0], other]);
    }
    Ok(())
}

fn list(service: &Value, field: &str) -> Vec<String> {
    service["spec"][field]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn syntax(service: &Value) -> Vec<FieldError> {
    const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    let mut faults = Vec::new();
    if let Some(policy) = service["spec"]["ipFamilyPolicy"].as_str()
        && !POLICIES.contains(&policy)
    {
        faults.push(FieldError::not_supported(
            "spec.ipFamilyPolicy",
            policy,
            &POLICIES,
        ));
    }
    let families = list(service, "ipFamilies");
    for (index, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{index}]");
        if !NAMES.contains(&family.as_str()) {
            faults.push(FieldError::not_supported(field, family.as_str(), &NAMES));
        } else if families[..index].contains(family) {
            faults.push(FieldError::duplicate(field, family.as_str()));
        }
    }
    addresses(service, &families, &mut faults);
    faults
}

fn addresses(service: &Value, families: &[String], faults: &mut Vec<FieldError>) {
    let cluster_ips = list(service, "clusterIPs");
    let headless = cluster_ips.first().is_some_and(|first| first == "None");
    if headless && cluster_ips.len() > 1 {
        faults.push(FieldError::invalid(
            "spec.clusterIPs",
            cluster_ips.clone(),
            "'None' must be the first and only value",
        ));
    }
    let single = service["spec"]["clusterIP"].as_str().unwrap_or_default();
    if let Some(first) = cluster_ips.first()
        && single != first
    {
        faults.push(FieldError::invalid(
            "spec.clusterIPs",
            cluster_ips.clone(),
            "first value must match `clusterIP`",
        ));
    }
    if headless {
        return;
    }
    for (index, text) in cluster_ips.iter().enumerate() {
        let field = format!("spec.clusterIPs[{index}]");
        let Ok(address) = text.parse::<std::net::IpAddr>() else {
            faults.push(FieldError::invalid(
                field,
                text.as_str(),
                super::status::NOT_AN_ADDRESS,
            ));
            continue;
        };
        let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
        if let Some(expected) = families.get(index)
            && expected != family
        {
            faults.push(FieldError::invalid(
                field,
                text.as_str(),
                format!("expected an {expected} value as indicated by `ipFamilies[{index}]`"),
            ));
        }
    }
}

/// `SingleStack` over two families is the order to give the second up; without that order
/// leaving one out is a mistake.
fn follow_policy(service: &mut Value, old: &Value, single: bool) -> Result<(), Vec<FieldError>> {
    for (field, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (before, after) = (list(old, field), list(service, field));
        if single {
            if before == after && after.len() > 1 {
                service["spec"][field] = json!([after[0]]);
            }
        } else if before.len() > 1 && after.len() == 1 && is_prefix(&after, &before) {
            return Err(vec![FieldError::invalid(
                "spec.ipFamilyPolicy",
                service["spec"]["ipFamilyPolicy"].clone(),
                format!("must be 'SingleStack' to release the secondary {what}"),
            )]);
        }
    }
    Ok(())
}

fn is_prefix(short: &[String], long: &[String]) -> bool {
    long.starts_with(short)
}

fn together(service: &Value, single: bool) -> Result<(), Vec<FieldError>> {
    let mut faults = Vec::new();
    if single {
        for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
            if list(service, field).len() == 2 {
                faults.push(FieldError::invalid(
                    "spec.ipFamilyPolicy",
                    "SingleStack",
                    format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"),
                ));
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn infer_from_addresses(service: &mut Value) {
    let mut families = list(service, "ipFamilies");
    for address in list(service, "clusterIPs").iter().skip(families.len()) {
        if address == "None" {
            break;
        }
        families.push(
            if address.contains(':') {
                "IPv6"
            } else {
                "IPv4"
            }
            .to_owned(),
        );
    }
    if !families.is_empty() {
        service["spec"]["ipFamilies"] = json!(families);
    }
}
