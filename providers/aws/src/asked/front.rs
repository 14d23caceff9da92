//! What concerns a load balancer as a whole: scheme, families, attributes, tags.

use std::collections::BTreeMap;

use landfall_provider_api::{Family, FamilyPolicy, LoadBalancer};

use super::addresses::{Addresses, source_nat, source_nat_prefixes};
use super::admitting::groups;
use super::reader::{PREFIX, Reader};
use super::{Asked, DELETION_PROTECTION, TargetType, ports};
use crate::calls::{AddressType, Scheme};
use crate::given;

/// Tags that a Service may have besides ours (AWS allows 50).
const MOST_TAGS: usize = 40;
/// What `dns_record.client_routing_policy` can be.
const ROUTING: [&str; 3] = [
    "any_availability_zone",
    "availability_zone_affinity",
    "partial_availability_zone_affinity",
];

pub(super) fn read(reader: &mut Reader<'_>, wanted: &LoadBalancer) -> Asked {
    let target_type = target_type(reader);
    let (scheme, address_type) = (scheme(reader), address_type(reader, wanted));
    let ports = ports::read(reader, wanted, target_type);
    let subnets = reader.list("subnets");
    let addresses = Addresses::read(reader, scheme, &address_type, subnets.as_deref());
    let has_udp = ports.iter().any(|it| it.protocol.has_udp());
    let source_nat = source_nat(reader, &address_type, has_udp);
    let source_nat_prefixes = source_nat_prefixes(reader, source_nat, subnets.as_deref());
    let asked = Asked {
        name: name(reader),
        target_type,
        scheme,
        family: wanted.families.first().copied().unwrap_or(Family::IPv4),
        allocations: addresses.allocations,
        private_ipv4: addresses.private_ipv4,
        ipv6: addresses.ipv6,
        subnets,
        source_nat,
        source_nat_prefixes,
        attributes: attributes(reader),
        capacity: capacity(reader),
        groups: groups(reader, wanted, &address_type),
        private_link_rules: reader.switch("inbound-sg-rules-on-private-link-traffic"),
        node_labels: node_labels(reader, target_type),
        tags: own_tags(reader),
        ports,
        address_type,
        ignored: Vec::new(),
    };
    let ignored = ignored(reader, wanted);
    Asked { ignored, ..asked }
}

/// What nobody reads, by whole name.
fn ignored(reader: &Reader<'_>, wanted: &LoadBalancer) -> Vec<String> {
    let mut ignored = reader.rest();
    if !wanted.requested_addresses.is_empty() {
        ignored.push("spec.loadBalancerIP".to_owned());
    }
    ignored
}

fn name(reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.text("name")?;
    let is_made_of = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let is_good = name.len() <= 32
        && name.chars().all(is_made_of)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.starts_with("internal-");
    if !is_good {
        let message = format!(
            "{name:?} cannot be a load balancer's name: at most 32 letters, digits and hyphens, no \
             hyphen at either end, and not internal-…"
        );
        reader.fault("name", message);
    }
    Some(name.to_owned())
}

fn target_type(reader: &mut Reader<'_>) -> TargetType {
    let words = [("instance", TargetType::Instance), ("ip", TargetType::Ip)];
    let declared = reader.word("nlb-target-type", &words);
    // By this annotation that controller knows its own; here the class does that.
    let claimed = match reader.text("type") {
        Some("nlb-ip") => Some(TargetType::Ip),
        Some("external") | None => None,
        Some(other) => {
            let message = format!("{other:?} is none of: external, nlb-ip");
            reader.fault("type", message);
            None
        }
    };
    declared.or(claimed).unwrap_or(TargetType::Instance)
}

fn scheme(reader: &mut Reader<'_>) -> Option<Scheme> {
    let words = [
        ("internal", Scheme::Internal),
        ("internet-facing", Scheme::InternetFacing),
    ];
    let deprecated = reader.flag("internal").map(|is_internal| {
        if is_internal {
            Scheme::Internal
        } else {
            Scheme::InternetFacing
        }
    });
    reader.word("scheme", &words).or(deprecated)
}

fn address_type(reader: &mut Reader<'_>, wanted: &LoadBalancer) -> AddressType {
    let of = |has_ipv6| {
        if has_ipv6 {
            AddressType::DualStack
        } else {
            AddressType::Ipv4
        }
    };
    let has_ipv6 = wanted.families.contains(&Family::IPv6);
    let words = [("ipv4", false), ("dualstack", true)];
    let Some(declared) = reader.word("ip-address-type", &words) else {
        return of(has_ipv6);
    };
    let needs_ipv6 = wanted.families.first() == Some(&Family::IPv6)
        || (has_ipv6 && wanted.family_policy == FamilyPolicy::RequireDualStack);
    if !declared && needs_ipv6 {
        reader.fault(
            "ip-address-type",
            "ipv4 contradicts spec.ipFamilies, which needs IPv6; make it dualstack",
        );
    }
    of(declared)
}

fn attributes(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    const ATTRIBUTES: &str = "attributes";
    let mut attributes = reader.map(ATTRIBUTES).unwrap_or_default();
    for key in [
        DELETION_PROTECTION,
        "load_balancing.cross_zone.enabled",
        "access_logs.s3.enabled",
        "zonal_shift.config.enabled",
    ] {
        check_flag(reader, ATTRIBUTES, &attributes, key);
    }
    if let Some(policy) = attributes.get("dns_record.client_routing_policy")
        && !ROUTING.contains(&policy.as_str())
    {
        let message = format!(
            "dns_record.client_routing_policy={policy}: {policy:?} is none of: {}",
            ROUTING.join(", ")
        );
        reader.fault(ATTRIBUTES, message);
    }
    let flags = [
        ("access-log-enabled", "access_logs.s3.enabled"),
        (
            "cross-zone-load-balancing-enabled",
            "load_balancing.cross_zone.enabled",
        ),
    ];
    for (suffix, key) in flags {
        if let Some(value) = reader.flag(suffix) {
            attributes.insert(key.to_owned(), value.to_string());
        }
    }
    let texts = [
        ("access-log-s3-bucket-name", "access_logs.s3.bucket"),
        ("access-log-s3-bucket-prefix", "access_logs.s3.prefix"),
    ];
    for (suffix, key) in texts {
        if let Some(value) = reader.text(suffix) {
            attributes.insert(key.to_owned(), value.to_owned());
        }
    }
    attributes
}

/// An attribute that can be true or false only.
pub(super) fn check_flag(
    reader: &mut Reader<'_>,
    suffix: &str,
    attributes: &BTreeMap<String, String>,
    key: &str,
) {
    if let Some(value) = attributes.get(key)
        && !["true", "false"].contains(&value.as_str())
    {
        reader.fault(suffix, format!("{key}={value}: must be true or false"));
    }
}

fn capacity(reader: &mut Reader<'_>) -> Option<u32> {
    const CAPACITY: &str = "minimum-load-balancer-capacity";
    let map = reader.map(CAPACITY)?;
    let units = map.get("CapacityUnits").filter(|_| map.len() == 1);
    let units = units.and_then(|it| it.parse().ok());
    if units.is_none() {
        reader.fault(
            CAPACITY,
            "must be CapacityUnits=N, N a number; 0 ends a reservation",
        );
    }
    units
}

fn node_labels(reader: &mut Reader<'_>, target_type: TargetType) -> BTreeMap<String, String> {
    const LABELS: &str = "target-node-labels";
    let labels = reader.map(LABELS).unwrap_or_default();
    if !labels.is_empty() && target_type == TargetType::Ip {
        let message =
            format!("chooses nodes, and targets are pods: remove it, or {PREFIX}nlb-target-type");
        reader.fault(LABELS, message);
    }
    labels
}

fn own_tags(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    const TAGS: &str = "additional-resource-tags";
    let tags = reader.map(TAGS).unwrap_or_default();
    if tags.len() > MOST_TAGS {
        let message = format!(
            "{} are more than the {MOST_TAGS} that there is room for",
            tags.len()
        );
        reader.fault(TAGS, message);
    }
    for (key, value) in &tags {
        if !given::may_be(key) {
            reader.fault(
                TAGS,
                format!("{key}: tags of that name are not a Service's to give"),
            );
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            let message = format!("{key}: a key has at most 128 characters, a value 256");
            reader.fault(TAGS, message);
        }
    }
    tags
}
