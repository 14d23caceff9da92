//! Whether a provider's answer makes sense: what it says is written to a Service for all to read.

use std::net::IpAddr;

use landfall_provider_api::{
    Assigned, Family, FamilyPolicy, Ingress, LoadBalancer, Outcome, Retry,
};

use crate::parse::Fault;
use crate::record::Failure;

/// Longest DNS name (RFC 1123).
const LONGEST_NAME: usize = 253;
/// Longest label of one.
const LONGEST_LABEL: usize = 63;

/// What is wrong with this answer, if anything is. It is asked for again with back-off: providers
/// come to their senses.
pub fn check(wanted: &LoadBalancer, outcome: &Outcome) -> Result<(), Failure> {
    let checked = match outcome {
        Outcome::Provisioned(assigned) => complete(wanted, assigned),
        Outcome::Provisioning { assigned, .. } | Outcome::Waiting { held: assigned, .. } => {
            assigned
                .iter()
                .try_for_each(|assigned| entries(wanted, assigned))
        }
    };
    checked.map_err(|fault| Failure {
        reason: "SenselessAnswer",
        message: format!("the provider's answer makes no sense: {fault}"),
        retry: Retry::BackOff,
    })
}

fn complete(wanted: &LoadBalancer, assigned: &Assigned) -> Result<(), Fault> {
    if assigned.ingress.is_empty() {
        return Err(Fault {
            field: "status.loadBalancer.ingress",
            message: "is empty, though the load balancer is said to be made".to_owned(),
        });
    }
    entries(wanted, assigned)?;
    let has = |family: Family| {
        assigned.ingress.iter().any(|entry| match entry {
            Ingress::Ip { address, .. } => Family::of(*address) == family,
            // A name may resolve to any.
            Ingress::Hostname(_) => true,
        })
    };
    let missing = wanted.families.iter().find(|family| !has(**family));
    match (wanted.family_policy, missing) {
        (FamilyPolicy::RequireDualStack, Some(family)) => Err(Fault {
            field: "status.loadBalancer.ingress",
            message: format!("has no {family} entry, which the Service requires"),
        }),
        _ => Ok(()),
    }
}

fn entries(wanted: &LoadBalancer, assigned: &Assigned) -> Result<(), Fault> {
    assigned.ingress.iter().try_for_each(|entry| match entry {
        Ingress::Ip { address, .. } => ip(wanted, *address),
        Ingress::Hostname(name) => hostname(name),
    })
}

fn ip(wanted: &LoadBalancer, address: IpAddr) -> Result<(), Fault> {
    let fault = |message| {
        Err(Fault {
            field: "status.loadBalancer.ingress[].ip",
            message,
        })
    };
    if address.to_canonical() != address {
        return fault(format!("{address} is an IPv4-mapped IPv6 address"));
    }
    if address.is_unspecified() || address.is_multicast() {
        return fault(format!("{address} is not the address of one host"));
    }
    let family = Family::of(address);
    if !wanted.families.contains(&family) {
        return fault(format!(
            "{address}: the Service asks for no {family} address"
        ));
    }
    Ok(())
}

fn hostname(name: &str) -> Result<(), Fault> {
    let is_label = |label: &str| {
        let fits = (1..=LONGEST_LABEL).contains(&label.len());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        fits && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_name = name.len() <= LONGEST_NAME
        && name.split('.').all(is_label)
        && name.parse::<IpAddr>().is_err();
    if is_name {
        return Ok(());
    }
    Err(Fault {
        field: "status.loadBalancer.ingress[].hostname",
        message: format!("{name:?} is not a lower-case DNS name"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::parse::parse;
    use crate::testing::{around, capabilities, service};
    use landfall_provider_api::{IpMode, Serving};
    use serde_json::json;

    fn complaint(policy: &str, families: &[&str], ingress: Vec<Ingress>) -> String {
        let service = service()
            .spec("ipFamilies", json!(families))
            .spec("ipFamilyPolicy", json!(policy))
            .into();
        let mut able = capabilities();
        able.families = vec![Family::IPv4, Family::IPv6];
        let wanted = parse(&service, &able, &around()).unwrap().wanted;
        let answer = Outcome::Provisioned(Assigned {
            ingress,
            failed_ports: Vec::new(),
            serving: Serving::Yes,
            conditions: Vec::new(),
            awaited: BTreeMap::new(),
            repaired: false,
        });
        check(&wanted, &answer).map_or_else(|failure| failure.message, |()| "none".into())
    }

    fn ip(text: &str) -> Ingress {
        Ingress::Ip {
            address: text.parse().unwrap(),
            mode: IpMode::Vip,
        }
    }

    fn name(text: &str) -> Ingress {
        Ingress::Hostname(text.into())
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_told_with_its_field() {
        let long = format!("{}.example.com", "a".repeat(64));
        let single: &[(Vec<Ingress>, &str)] = &[
            (vec![ip("192.0.2.1")], "none"),
            (vec![name("lb-1.example.com")], "none"),
            (vec![], "ingress: is empty"),
            (
                vec![ip("2001:db8::1")],
                "ip: 2001:db8::1: the Service asks for no IPv6",
            ),
            (
                vec![ip("::ffff:192.0.2.1")],
                "ip: ::ffff:192.0.2.1 is an IPv4-mapped",
            ),
            (
                vec![ip("0.0.0.0")],
                "ip: 0.0.0.0 is not the address of one host",
            ),
            (
                vec![ip("224.0.0.1")],
                "ip: 224.0.0.1 is not the address of one host",
            ),
            (
                vec![name("LB.example.com")],
                "hostname: \"LB.example.com\" is not",
            ),
            (vec![name("")], "hostname: \"\" is not"),
            (
                vec![name("lb_1.example.com")],
                "hostname: \"lb_1.example.com\" is not",
            ),
            (
                vec![name("lb.example.com.")],
                "hostname: \"lb.example.com.\" is not",
            ),
            (vec![name("192.0.2.1")], "hostname: \"192.0.2.1\" is not"),
            (vec![name(&long)], "is not a lower-case DNS name"),
        ];
        for (ingress, expected) in single {
            let found = complaint("SingleStack", &["IPv4"], ingress.clone());
            assert!(found.contains(expected), "{ingress:?}: {found}");
        }
    }

    #[test]
    fn two_families_that_are_required_are_never_silently_halved() {
        let of = |policy, ingress| complaint(policy, &["IPv4", "IPv6"], ingress);
        let half = vec![ip("192.0.2.1")];
        assert!(of("RequireDualStack", half.clone()).contains("has no IPv6 entry"));
        assert_eq!(of("PreferDualStack", half), "none");
        let both = vec![ip("192.0.2.1"), ip("2001:db8::1")];
        assert_eq!(of("RequireDualStack", both), "none");
    }
}
