//! From what speakers report to what a Service is told of its addresses: whether the network sends
//! them to a node, and whether traffic gets through.

use std::collections::BTreeMap;
use std::net::IpAddr;

use landfall_bare_metal_resources::speaker::ANNOUNCED;
use landfall_provider_api::{ProviderCondition, Serving};

use crate::speakers::{Node, On};

const NOT_READY: &str = "no pod is ready to take what arrives";

/// What makes the network send an address to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    /// These nodes announce it.
    Announced(&'a BTreeMap<Node, On>),
    /// No node does, since another host has it: a node that would, and that host's MAC address.
    Contested(&'a Node, Option<&'a str>),
    /// An advertisement selects it, and no speaker announces it.
    Nobody,
    /// The same, for no speaker has reported at all.
    NoReport,
    /// The same, for no node is in a subnet that has it, as it would have to be.
    OffSubnet,
    /// The same as far as one can know: this node announces more than its report has room for.
    Unlisted(&'a Node),
    /// Routers are told of it.
    Routed,
    /// Only routers are to be told of it, and no node has a session with one of them.
    Unrouted,
    /// No advertisement selects its pool.
    Unadvertised,
    /// It is in no pool.
    OutOfPool,
}

impl Fate<'_> {
    /// Whether it is announced; `None` if that is not known.
    fn holds(self) -> Option<bool> {
        match self {
            Self::Announced(_) | Self::Routed => Some(true),
            Self::Unlisted(_) => None,
            Self::Contested(..)
            | Self::Nobody
            | Self::NoReport
            | Self::Unrouted
            | Self::OffSubnet
            | Self::Unadvertised
            | Self::OutOfPool => Some(false),
        }
    }

    /// Whether another host answers for it.
    fn is_contested(self) -> bool {
        match self {
            Self::Contested(..) => true,
            Self::Announced(nodes) => nodes.values().any(|on| on.contested_by.is_some()),
            _ => false,
        }
    }

    fn is_unadvertised(self) -> bool {
        matches!(self, Self::Unadvertised | Self::OutOfPool)
    }

    /// The same for people.
    fn told(self, address: IpAddr, is_ready: bool) -> String {
        match self {
            Self::Announced(nodes) => by(address, nodes),
            Self::Contested(node, mac) => {
                let host = host(mac);
                format!("{host} has {address}, so {node} does not announce it")
            }
            Self::NoReport => format!(
                "no speaker announces {address}: none has reported; does `landfall speaker` run on \
                 the nodes?"
            ),
            Self::OffSubnet => format!(
                "no speaker announces {address}: it is in no subnet of a node's interfaces; if \
                 routers send it to the nodes, say offSubnet: Allow in an L2Advertisement"
            ),
            Self::Nobody if is_ready => format!("no speaker announces {address}"),
            Self::Nobody => format!("no speaker announces {address}: {NOT_READY}"),
            Self::Unlisted(node) => format!(
                "no speaker reports {address}, but {node} announces more addresses than its report \
                 has room for"
            ),
            // Which nodes to which routers is not said: each session that is lost would be a write to
            // each Service.
            Self::Routed => format!("{address} to routers, by BGP"),
            Self::Unrouted => format!(
                "no router is told of {address}: no node has a session with a BGPPeer of its \
                 BGPAdvertisements; see `landfall status bgp`"
            ),
            // The pool is not named: a rename would be a write to each of its Services.
            Self::Unadvertised => format!(
                "no L2Advertisement and no BGPAdvertisement selects the AddressPool of {address}, so \
                 nothing sends its traffic to a node"
            ),
            Self::OutOfPool => {
                format!("{address} is in no AddressPool, so no advertisement selects it")
            }
        }
    }
}

fn by(address: IpAddr, nodes: &BTreeMap<Node, On>) -> String {
    let one = |(node, on): (&Node, &On)| {
        let interfaces = on.interfaces.join(", ");
        let at = match on.interfaces.len() {
            0 => String::new(),
            _ => format!(" ({interfaces})"),
        };
        let rival = on.contested_by.as_deref();
        let rival = rival.map(|mac| format!(", though {} answers for it, too", host(Some(mac))));
        format!("{node}{at}{}", rival.unwrap_or_default())
    };
    let all: Vec<_> = nodes.iter().map(one).collect();
    let cut = match nodes.len() {
        1 => "",
        _ => ", whose speakers do not hear each other",
    };
    format!("{address} by {}{cut}", all.join(" and "))
}

fn host(mac: Option<&str>) -> String {
    match mac {
        Some(mac) => format!("another host ({mac})"),
        None => "another host".to_owned(),
    }
}

/// The condition of a Service with these addresses. `is_ready` says whether a pod takes what arrives.
pub(crate) fn condition(fates: &[(IpAddr, Fate<'_>)], is_ready: bool) -> ProviderCondition {
    let told = |(address, fate): &(IpAddr, Fate<'_>)| fate.told(*address, is_ready);
    let all = || fates.iter().map(told).collect::<Vec<_>>().join("; ");
    let any = |holds| fates.iter().any(|(_, fate)| fate.holds() == holds);
    let is_contested = fates.iter().any(|(_, fate)| fate.is_contested());
    let unadvertised = fates.iter().find(|(_, fate)| fate.is_unadvertised());
    let (holds, reason, message) = if let Some(first) = unadvertised {
        (Some(false), "NoAdvertisement", told(first))
    } else if any(Some(false)) {
        let reason = if any(Some(true)) {
            "PartlyAnnounced"
        } else if is_contested {
            "AddressInUse"
        } else if fates.iter().any(|(_, fate)| matches!(fate, Fate::Unrouted)) {
            "NoSession"
        } else if is_ready {
            "NoSpeaker"
        } else {
            "NoEndpoints"
        };
        (Some(false), reason, all())
    } else if any(None) {
        (None, "NotListed", all())
    } else {
        let reason = if is_contested {
            "Contested"
        } else {
            "Announced"
        };
        (Some(true), reason, all())
    };
    ProviderCondition {
        type_: ANNOUNCED,
        holds,
        reason,
        message,
        warns: is_contested,
    }
}

/// Whether traffic to all of these addresses gets through.
pub(crate) fn serving(fates: &[(IpAddr, Fate<'_>)], is_ready: bool) -> Serving {
    let any = |holds| fates.iter().any(|(_, fate)| fate.holds() == holds);
    if !is_ready && !fates.iter().any(|(_, fate)| fate.is_unadvertised()) {
        return Serving::No {
            reason: "NoEndpoints",
            message: NOT_READY.to_owned(),
        };
    }
    if any(Some(false)) {
        let (reason, what) = if any(Some(true)) {
            ("PartlyAnnounced", "to all of its addresses")
        } else {
            ("NotAnnounced", "there")
        };
        return Serving::No {
            reason,
            message: format!(
                "no node makes the network send it {what}; see the condition {ANNOUNCED}"
            ),
        };
    }
    if any(None) {
        return Serving::Unknown {
            reason: "NoSpeaker",
            message: "no speaker reports that it announces it".to_owned(),
        };
    }
    Serving::Yes
}
