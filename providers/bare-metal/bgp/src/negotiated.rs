//! What both sides agree on by their OPEN messages.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use rustbgpd_wire::{
    Afi, Capability, ExtendedNextHopFamily, GracefulRestartFamily, Message, OpenMessage, Safi,
};

use crate::message::{afi_of, encode, family_of};
use crate::notification::Notification;
use crate::route::Family;
use crate::settings::{RemoteAsn, Restart, Settings};

/// `AS_TRANS`: stands where a longer number has no room (RFC 6793 §9).
const AS_TRANS: u16 = 23_456;

/// What holds for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The router's autonomous system.
    pub remote_asn: u32,
    /// Its BGP identifier.
    pub remote_id: Ipv4Addr,
    /// Whether it is of our own autonomous system.
    pub is_internal: bool,
    /// How long the session lives without a message; None: for ever.
    pub hold_time: Option<Duration>,
    /// How often we send one; None: never.
    pub keepalive_time: Option<Duration>,
    /// The families of the routes.
    pub families: BTreeSet<Family>,
    /// Families that we wanted as well, and the router does not.
    pub missing_families: BTreeSet<Family>,
    /// Whether autonomous systems have four bytes (RFC 6793).
    pub is_four_octet: bool,
    /// Whether IPv4 routes may have an IPv6 next hop (RFC 8950).
    pub is_extended_next_hop: bool,
    /// Whether the router keeps our routes over a restart, of which families (RFC 4724).
    pub restart_families: BTreeSet<Family>,
}

/// What an OPEN says of a restart (RFC 4724 §3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits {
    /// We have restarted, and this is the first session after it.
    pub(crate) is_restart: bool,
    /// The kernel has forwarded on since the last session.
    pub(crate) is_forwarding: bool,
}

/// The OPEN that we send. Capabilities that we do not implement are not in it.
pub(crate) fn open(settings: &Settings, is_over_v6: bool, bits: Bits) -> Bytes {
    let families = settings.families.iter().map(|it| afi_of(*it));
    let mut capabilities: Vec<_> = families
        .clone()
        .map(|afi| Capability::MultiProtocol {
            afi,
            safi: Safi::Unicast,
        })
        .collect();
    capabilities.push(Capability::RouteRefresh);
    if offers_extended_next_hop(settings, is_over_v6) {
        capabilities.push(Capability::ExtendedNextHop(vec![V4_OVER_V6]));
    }
    capabilities.push(Capability::FourOctetAs {
        asn: settings.local_asn,
    });
    if let Some(restart) = settings.restart {
        let families = families.map(|afi| GracefulRestartFamily {
            afi,
            safi: Safi::Unicast,
            forwarding_preserved: bits.is_forwarding,
        });
        capabilities.push(Capability::GracefulRestart {
            restart_state: bits.is_restart,
            notification: false,
            restart_time: restart_seconds(restart),
            families: families.collect(),
        });
    }
    let hold = settings.hold_time.unwrap_or_default().as_secs();
    let message = OpenMessage {
        version: 4,
        my_as: settings.local_asn.try_into().unwrap_or(AS_TRANS),
        hold_time: u16::try_from(hold).unwrap_or(u16::MAX),
        bgp_identifier: settings.router_id,
        capabilities,
    };
    encode(&Message::Open(message))
}

/// The field has twelve bits (RFC 4724 §3).
fn restart_seconds(restart: Restart) -> u16 {
    let seconds = restart.time.as_secs().min(4095);
    u16::try_from(seconds).unwrap_or(4095)
}

fn offers_extended_next_hop(settings: &Settings, is_over_v6: bool) -> bool {
    is_over_v6 && settings.families.contains(&Family::Ipv4)
}

/// Judges the router's OPEN; Err: what it is to be told.
pub(crate) fn negotiate(
    settings: &Settings,
    is_over_v6: bool,
    open: &OpenMessage,
) -> Result<Negotiated, Notification> {
    let remote_asn = open.four_byte_as();
    let local_asn = settings.local_asn;
    let is_internal = remote_asn == local_asn;
    // Neither number is anybody's (RFC 7607 §2, RFC 6793 §9).
    let is_nobody = [0, AS_TRANS.into()].contains(&remote_asn) || open.my_as == 0;
    if is_nobody || !settings.remote_asn.accepts(remote_asn, local_asn) {
        return Err(Notification::bad_peer_as());
    }
    // Within an autonomous system it must be unique, and is never zero (RFC 6286 §2.2).
    let remote_id = open.bgp_identifier;
    if remote_id.is_unspecified() || is_internal && remote_id == settings.router_id {
        return Err(Notification::bad_identifier());
    }
    if matches!(open.hold_time, 1 | 2) {
        return Err(Notification::unacceptable_hold_time());
    }
    let theirs = families(open);
    let both = settings.families.intersection(&theirs);
    let both: BTreeSet<_> = both.copied().collect();
    if both.is_empty() {
        return Err(Notification::unsupported_capability(lacking(settings)));
    }
    let has = |wanted: fn(&Capability) -> bool| open.capabilities.iter().any(wanted);
    let hold_time = hold_time(settings, open);
    Ok(Negotiated {
        remote_asn,
        remote_id,
        is_internal,
        hold_time,
        keepalive_time: keepalive_time(settings, hold_time),
        missing_families: settings.families.difference(&both).copied().collect(),
        is_four_octet: has(|it| matches!(it, Capability::FourOctetAs { .. })),
        is_extended_next_hop: offers_extended_next_hop(settings, is_over_v6)
            && has(
                |it| matches!(it, Capability::ExtendedNextHop(all) if all.contains(&V4_OVER_V6)),
            ),
        restart_families: restart_families(settings, open, &both),
        families: both,
    })
}

const V4_OVER_V6: ExtendedNextHopFamily = ExtendedNextHopFamily {
    nlri_afi: Afi::Ipv4,
    nlri_safi: Safi::Unicast,
    next_hop_afi: Afi::Ipv6,
};

/// Who says nothing means IPv4 unicast (RFC 4760 §1).
fn families(open: &OpenMessage) -> BTreeSet<Family> {
    let capabilities = open.capabilities.iter();
    let named: Vec<_> = capabilities
        .filter_map(|it| match it {
            Capability::MultiProtocol { afi, safi } => Some(family_of(*afi, *safi)),
            // Of a family that the codec does not know.
            Capability::Unknown { code: 1, .. } => Some(None),
            _ => None,
        })
        .collect();
    if named.is_empty() {
        return BTreeSet::from([Family::Ipv4]);
    }
    named.into_iter().flatten().collect()
}

/// The capabilities that we need, as they stand in an OPEN (RFC 5492 §5).
fn lacking(settings: &Settings) -> Vec<u8> {
    let families = settings.families.iter();
    let each = families.map(|it| {
        let [high, low] = (afi_of(*it) as u16).to_be_bytes();
        [1, 4, high, low, 0, Safi::Unicast as u8]
    });
    each.flatten().collect()
}

/// The lower of both (RFC 4271 §4.2).
fn hold_time(settings: &Settings, open: &OpenMessage) -> Option<Duration> {
    let theirs = Duration::from_secs(open.hold_time.into());
    let ours = settings.hold_time.unwrap_or_default();
    let lower = ours.min(theirs);
    // Of either side 0 means that nobody looks at the time.
    (!lower.is_zero()).then_some(lower)
}

/// A third of the hold time that was agreed on, or less if it was asked for; not more than one a second
/// (RFC 4271 §4.4).
fn keepalive_time(settings: &Settings, hold_time: Option<Duration>) -> Option<Duration> {
    let third = hold_time? / 3;
    let wanted = settings.keepalive_time.unwrap_or(third);
    Some(wanted.max(Duration::from_secs(1)).min(third))
}

fn restart_families(
    settings: &Settings,
    open: &OpenMessage,
    both: &BTreeSet<Family>,
) -> BTreeSet<Family> {
    if settings.restart.is_none() {
        return BTreeSet::new();
    }
    // The last one counts, and its families are those that its sender can restart; a router that only
    // helps names none (RFC 4724 §3, §4.2).
    let has = open
        .capabilities
        .iter()
        .any(|it| matches!(it, Capability::GracefulRestart { .. }));
    if has { both.clone() } else { BTreeSet::new() }
}

impl Settings {
    /// Whether the router may be of our own autonomous system.
    pub fn is_internal(&self) -> bool {
        match self.remote_asn {
            RemoteAsn::Number(number) => number == self.local_asn,
            RemoteAsn::Internal => true,
            RemoteAsn::External => false,
        }
    }
}
