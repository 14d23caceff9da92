//! Who may connect: security groups, source ranges, prefix lists.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use landfall_provider_api::{Family, LoadBalancer};

use super::reader::{PREFIX, Reader, SOURCE_RANGES};
use super::{Admitted, Fault, Groups};
use crate::calls::AddressType;

pub(super) fn groups(
    reader: &mut Reader<'_>,
    wanted: &LoadBalancer,
    address_type: &AddressType,
) -> Groups {
    const NONE: &str = "disable-nlb-sg";
    let own = reader.list("security-groups");
    let manages = reader.flag("manage-backend-security-group-rules");
    let admitted = admitted(reader, wanted, address_type, manages.unwrap_or(true));
    let is_restricted = !wanted.source_ranges.is_empty() || !admitted.prefix_lists.is_empty();
    let disabled = reader.flag(NONE).unwrap_or(false);
    if disabled && own.is_some() {
        let message = format!("true contradicts {PREFIX}security-groups; one of them must go");
        reader.fault(NONE, message);
    }
    if disabled && is_restricted {
        reader.fault(
            NONE,
            "without a security group nobody can be kept out: remove it, or the source ranges and prefix lists",
        );
    }
    match own {
        _ if disabled => Groups::None {
            opens_targets: manages.unwrap_or(true),
        },
        Some(names) => Groups::Own {
            names,
            opens_targets: manages.unwrap_or(false),
        },
        None => Groups::Managed(admitted),
    }
}

fn admitted(
    reader: &mut Reader<'_>,
    wanted: &LoadBalancer,
    address_type: &AddressType,
    opens_targets: bool,
) -> Admitted {
    const LISTS: &str = "security-group-prefix-lists";
    let prefix_lists = reader.list(LISTS).unwrap_or_default();
    for it in &prefix_lists {
        if !it.starts_with("pl-") {
            reader.fault(LISTS, format!("{it:?} is not a prefix list's id, pl-…"));
        }
    }
    let declared = declared_ranges(reader);
    let (mut ranges, place) = if wanted.source_ranges.is_empty() {
        (declared, SOURCE_RANGES)
    } else {
        (
            wanted.source_ranges.clone(),
            "spec.loadBalancerSourceRanges",
        )
    };
    if *address_type == AddressType::Ipv4
        && let Some(range) = ranges.iter().find(|it| matches!(it, IpNet::V6(_)))
    {
        reader.faults.push(Fault {
            annotation: place.to_owned(),
            message: format!(
                "{range} is IPv6, and the load balancer is not: remove it, or set \
                 {PREFIX}ip-address-type: dualstack"
            ),
        });
    }
    if ranges.is_empty() && prefix_lists.is_empty() {
        ranges.push(everybody(Family::IPv4));
        if *address_type == AddressType::DualStack {
            ranges.push(everybody(Family::IPv6));
        }
    }
    let ranges: BTreeSet<_> = ranges.iter().map(IpNet::trunc).collect();
    Admitted {
        ranges: ranges.into_iter().collect(),
        prefix_lists,
        icmp: reader
            .switch("enable-icmp-for-path-mtu-discovery")
            .unwrap_or(false),
        opens_targets,
    }
}

/// All addresses of a family.
pub(crate) fn everybody(family: Family) -> IpNet {
    let any = match family {
        Family::IPv4 => IpAddr::from([0u8; 4]),
        Family::IPv6 => IpAddr::from([0u8; 16]),
    };
    IpNet::new(any, 0).expect("a prefix of no bits is always one")
}

fn declared_ranges(reader: &mut Reader<'_>) -> Vec<IpNet> {
    let Some(value) = reader.raw(SOURCE_RANGES) else {
        return Vec::new();
    };
    let mut ranges = Vec::new();
    for item in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        match item.parse() {
            Ok(range) => ranges.push(range),
            Err(_) => reader.faults.push(Fault {
                annotation: SOURCE_RANGES.to_owned(),
                message: format!("{item:?} is not a range such as 192.0.2.0/24"),
            }),
        }
    }
    ranges
}
