//! What we are and announce, made from bytes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use landfall_bare_metal_bgp::{Attributes, Family, NextHops, RemoteAsn, Restart, Settings};

/// Prefixes of which a story tells.
const PREFIXES: u8 = 16;

pub(super) fn settings(kind: u8) -> Settings {
    Settings {
        local_asn: if kind & 1 == 0 { 64512 } else { 4_200_000_000 },
        remote_asn: match kind & 6 {
            2 => RemoteAsn::Internal,
            4 => RemoteAsn::External,
            _ => RemoteAsn::Number(64500),
        },
        router_id: Ipv4Addr::new(192, 0, 2, 11),
        hold_time: (kind & 8 == 0).then(|| Duration::from_secs(9)),
        keepalive_time: None,
        connect_retry_time: Duration::from_secs(5),
        passive: kind & 16 != 0,
        families: BTreeSet::from([Family::Ipv4, Family::Ipv6]),
        restart: (kind & 32 != 0).then(|| Restart {
            time: Duration::from_mins(2),
            has_restarted: kind & 64 != 0,
        }),
    }
}

pub(super) fn hops(kind: u8) -> NextHops {
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    NextHops {
        v4: (kind & 1 == 0).then_some(Ipv4Addr::new(192, 0, 2, 11)),
        v6: (kind & 2 == 0).then_some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 11)),
        link_local: (kind & 4 != 0).then_some(link_local),
        is_over_v6: kind & 8 != 0,
    }
}

pub(super) fn prefix(number: u8) -> IpNet {
    let last = number % PREFIXES;
    if last.is_multiple_of(2) {
        IpNet::from(IpAddr::from([203, 0, 113, last]))
    } else {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, last.into(), 0, 0, 0, 0);
        IpNet::new(address.into(), 64).expect("a prefix")
    }
}

pub(super) fn attributes(kind: u8) -> Attributes {
    let many = u32::from(kind) * 8;
    Attributes {
        local_pref: Some(kind.into()),
        med: (kind & 1 != 0).then_some(7),
        prepend: kind,
        communities: (0..many).collect(),
        large_communities: (0..many).map(|it| [it; 3]).collect(),
        next_hop_v4: (kind & 2 != 0).then_some(Ipv4Addr::new(192, 0, 2, 99)),
        next_hop_v6: (kind & 4 != 0).then_some(Ipv6Addr::LOCALHOST),
    }
}
