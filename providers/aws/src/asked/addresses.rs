//! Addresses that a Service names for its load balancer.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::reader::{PREFIX, Reader};
use crate::calls::{AddressType, Scheme};

/// Addresses that a Service names, one for each subnet.
pub(super) struct Addresses {
    pub(super) allocations: Vec<String>,
    pub(super) private_ipv4: Vec<Ipv4Addr>,
    pub(super) ipv6: Vec<Ipv6Addr>,
}

impl Addresses {
    pub(super) fn read(
        reader: &mut Reader<'_>,
        scheme: Option<Scheme>,
        address_type: &AddressType,
        subnets: Option<&[String]>,
    ) -> Self {
        const EIP: &str = "eip-allocations";
        const PRIVATE: &str = "private-ipv4-addresses";
        const IPV6: &str = "ipv6-addresses";
        let allocations = reader.list(EIP).unwrap_or_default();
        let private_ipv4: Vec<_> = reader
            .parsed(PRIVATE, "an IPv4 address")
            .unwrap_or_default();
        let ipv6: Vec<_> = reader.parsed(IPV6, "an IPv6 address").unwrap_or_default();
        for it in &allocations {
            if !it.starts_with("eipalloc-") {
                reader.fault(EIP, format!("{it:?} is not an allocation id, eipalloc-…"));
            }
        }
        if !allocations.is_empty() && scheme != Some(Scheme::InternetFacing) {
            reader.fault(EIP, format!("needs {PREFIX}scheme: internet-facing"));
        }
        if !private_ipv4.is_empty() && scheme == Some(Scheme::InternetFacing) {
            reader.fault(
                PRIVATE,
                "an internet-facing load balancer has public addresses: remove it, or make the scheme \
                 internal",
            );
        }
        if !ipv6.is_empty() && *address_type == AddressType::Ipv4 {
            reader.fault(IPV6, format!("needs {PREFIX}ip-address-type: dualstack"));
        }
        let counts = [
            (EIP, allocations.len()),
            (PRIVATE, private_ipv4.len()),
            (IPV6, ipv6.len()),
        ];
        for (suffix, count) in counts {
            check_count(reader, suffix, count, subnets);
        }
        Self {
            allocations,
            private_ipv4,
            ipv6,
        }
    }
}

/// What stands for subnets must be as many as these.
fn check_count(reader: &mut Reader<'_>, suffix: &str, count: usize, subnets: Option<&[String]>) {
    if let Some(subnets) = subnets
        && count > 0
        && count != subnets.len()
    {
        let of = subnets.len();
        let message =
            format!("names {count}, but {PREFIX}subnets names {of}: there must be one for each");
        reader.fault(suffix, message);
    }
}

pub(super) fn source_nat(
    reader: &mut Reader<'_>,
    address_type: &AddressType,
    has_udp: bool,
) -> Option<bool> {
    const SOURCE_NAT: &str = "enable-prefix-for-ipv6-source-nat";
    let declared = reader.switch(SOURCE_NAT);
    let is_needed = *address_type == AddressType::DualStack && has_udp;
    match declared {
        Some(true) if *address_type == AddressType::Ipv4 => {
            reader.fault(
                SOURCE_NAT,
                format!("needs {PREFIX}ip-address-type: dualstack"),
            );
            declared
        }
        Some(false) if is_needed => {
            reader.fault(
                SOURCE_NAT,
                "must be on for UDP on a dual-stack load balancer; remove it, and it will be",
            );
            declared
        }
        None if is_needed => Some(true),
        _ => declared,
    }
}

pub(super) fn source_nat_prefixes(
    reader: &mut Reader<'_>,
    source_nat: Option<bool>,
    subnets: Option<&[String]>,
) -> Vec<String> {
    const PREFIXES: &str = "source-nat-ipv6-prefixes";
    let Some(prefixes) = reader.text(PREFIXES) else {
        return Vec::new();
    };
    // The same word may stand for several subnets.
    let prefixes: Vec<_> = prefixes.split(',').map(|it| it.trim().to_owned()).collect();
    for it in &prefixes {
        let network = it.parse::<ipnet::Ipv6Net>();
        if it != "auto_assigned" && !network.is_ok_and(|it| it.prefix_len() == 80) {
            reader.fault(
                PREFIXES,
                format!("{it:?} is neither auto_assigned nor an IPv6 /80"),
            );
        }
    }
    if source_nat != Some(true) {
        let message = format!("needs {PREFIX}enable-prefix-for-ipv6-source-nat: on");
        reader.fault(PREFIXES, message);
    }
    check_count(reader, PREFIXES, prefixes.len(), subnets);
    prefixes
}
