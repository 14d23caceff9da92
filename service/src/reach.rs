//! Where a load balancer is to be reached, and by whom: what a Service says of that in fields and
//! annotations.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::{Capabilities, Family};

use crate::marks::annotation;
use crate::parse::Fault;

/// Addresses asked for, a comma list, at most one of each family.
const ADDRESSES: &str = "landfall.dev/load-balancer-ips";
/// Where source ranges stood before there was a field for them.
const LEGACY_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Longest text that is repeated in a message, in bytes.
const LONGEST_QUOTE: usize = 64;

/// The addresses asked for: by annotation, or by `spec.loadBalancerIP`, which takes one only.
pub(crate) fn requested_addresses(
    service: &Service,
    families: &[Family],
    faults: &mut Vec<Fault>,
) -> Vec<IpAddr> {
    let spec = service.spec.as_ref();
    let by_field = spec
        .and_then(|spec| spec.load_balancer_ip.as_deref())
        .unwrap_or_default();
    let by_field = addresses(by_field, "spec.loadBalancerIP", families, faults);
    let Some(text) = annotation(service, ADDRESSES) else {
        return by_field;
    };
    let field = "metadata.annotations[landfall.dev/load-balancer-ips]";
    let addresses = addresses(text, field, families, faults);
    if let Some(address) = by_field.iter().find(|address| !addresses.contains(address)) {
        faults.push(Fault {
            field: "spec.loadBalancerIP",
            message: format!(
                "asks for {address}, which the annotation {ADDRESSES} does not; use one of the two"
            ),
        });
    }
    addresses
}

fn addresses(
    text: &str,
    field: &'static str,
    families: &[Family],
    faults: &mut Vec<Fault>,
) -> Vec<IpAddr> {
    let mut parsed: Vec<IpAddr> = Vec::new();
    for text in items(text) {
        let message = match text.parse::<IpAddr>() {
            Err(_) => format!("{} is not an IP address", quoted(text)),
            Ok(address) if address.to_canonical() != address => format!(
                "{address} is an IPv4 address in IPv6 form; write {}",
                address.to_canonical()
            ),
            Ok(address) if !families.contains(&Family::of(address)) => {
                format!("{address} is of a family that the Service does not have")
            }
            Ok(address)
                if parsed
                    .iter()
                    .any(|it| Family::of(*it) == Family::of(address)) =>
            {
                format!("{address} is a second one of its family; a Service has one of each")
            }
            Ok(address) => {
                parsed.push(address);
                continue;
            }
        };
        faults.push(Fault { field, message });
    }
    parsed
}

/// Who may connect; empty for everybody. The field wins over the annotation that it replaced.
pub(crate) fn source_ranges(
    service: &Service,
    capabilities: &Capabilities,
    faults: &mut Vec<Fault>,
) -> Vec<IpNet> {
    let by_field = service
        .spec
        .as_ref()
        .and_then(|spec| spec.load_balancer_source_ranges.as_deref());
    let (field, texts): (_, Vec<_>) = match by_field.filter(|ranges| !ranges.is_empty()) {
        Some(ranges) => (
            "spec.loadBalancerSourceRanges",
            ranges.iter().map(String::as_str).collect(),
        ),
        None => (
            "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
            annotation(service, LEGACY_RANGES)
                .into_iter()
                .flat_map(items)
                .collect(),
        ),
    };
    let mut ranges = Vec::new();
    for text in texts {
        // The API server lets blanks around a range pass.
        match text.trim().parse::<IpNet>() {
            Ok(range) => ranges.push(range.trunc()),
            Err(_) => faults.push(Fault {
                field,
                message: format!(
                    "{} is not an address range such as 192.0.2.0/24",
                    quoted(text)
                ),
            }),
        }
    }
    if !ranges.is_empty() && !capabilities.source_ranges {
        faults.push(Fault {
            field,
            message: "the provider cannot restrict who connects; remove the ranges to let \
                      everybody in"
                .to_owned(),
        });
    }
    ranges
}

/// Somebody's text, as far as it helps to find it again.
fn quoted(text: &str) -> String {
    if text.len() <= LONGEST_QUOTE {
        return format!("{text:?}");
    }
    format!("{:?}…", &text[..text.floor_char_boundary(LONGEST_QUOTE)])
}

/// The items of a comma list, without blanks around them.
fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ServiceBuilder, capabilities, service};
    use serde_json::json;

    const BOTH: [Family; 2] = [Family::IPv4, Family::IPv6];

    /// The addresses, or the faults, in one line.
    fn asked(service: ServiceBuilder) -> String {
        let mut faults = Vec::new();
        let addresses = requested_addresses(&service.into(), &BOTH, &mut faults);
        let told: Vec<_> = match faults.as_slice() {
            [] => addresses.iter().map(ToString::to_string).collect(),
            faults => faults.iter().map(ToString::to_string).collect(),
        };
        told.join("; ")
    }

    #[test]
    fn addresses_come_from_the_annotation_or_the_field() {
        let by_field = |text: &str| service().spec("loadBalancerIP", json!(text));
        let by_note = |service: ServiceBuilder, text: &str| service.annotation(ADDRESSES, text);
        assert_eq!(asked(service()), "");
        assert_eq!(asked(by_field(" 192.0.2.1 ")), "192.0.2.1");
        let two = "192.0.2.1, 2001:db8::1";
        assert_eq!(asked(by_note(service(), two)), "192.0.2.1; 2001:db8::1");
        assert_eq!(
            asked(by_note(by_field("192.0.2.1"), two)),
            "192.0.2.1; 2001:db8::1"
        );
        for (service, expected) in [
            (
                by_note(by_field("192.0.2.9"), two),
                "spec.loadBalancerIP: asks for 192.0.2.9",
            ),
            (
                by_note(service(), "192.0.2.1,192.0.2.2"),
                "192.0.2.2 is a second one",
            ),
            (
                by_note(service(), "::ffff:192.0.2.1"),
                "is an IPv4 address in IPv6 form; write 192.0.2.1",
            ),
            (
                by_note(service(), "192.0.2.300"),
                "load-balancer-ips]: \"192.0.2.300\" is not",
            ),
            (
                by_field("192.0.2.1,bad"),
                "spec.loadBalancerIP: \"bad\" is not",
            ),
        ] {
            let told = asked(service);
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn ranges_come_from_the_field_or_the_legacy_annotation() {
        let able = Capabilities {
            source_ranges: true,
            ..capabilities()
        };
        let ranges = |service: ServiceBuilder| {
            let mut faults = Vec::new();
            let ranges = source_ranges(&service.into(), &able, &mut faults);
            assert!(faults.is_empty(), "{faults:?}");
            ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let legacy = || service().annotation(LEGACY_RANGES, "10.0.0.0/8, 192.0.2.7/24");
        assert_eq!(ranges(legacy()), ["10.0.0.0/8", "192.0.2.0/24"]);
        let both = legacy().spec("loadBalancerSourceRanges", json!([" 172.16.0.0/12 "]));
        assert_eq!(ranges(both), ["172.16.0.0/12"]);
    }

    #[test]
    fn ranges_that_would_be_ignored_are_refused_wherever_they_stand() {
        let mut faults = Vec::new();
        let service = service().annotation(LEGACY_RANGES, "10.0.0.0/8");
        source_ranges(&service.into(), &capabilities(), &mut faults);
        assert!(
            faults[0]
                .to_string()
                .contains("cannot restrict who connects"),
            "{faults:?}"
        );
    }
}
