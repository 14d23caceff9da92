//! From routes to UPDATE messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use ipnet::IpNet;
use rustbgpd_wire::attribute::{
    AsPath, AsPathSegment, LargeCommunity, MpReachNlri, MpUnreachNlri, Origin, PathAttribute,
    encode_path_attributes,
};
use rustbgpd_wire::nlri::{Ipv4NlriEntry, Ipv4Prefix, Ipv6Prefix, NlriEntry, Prefix};
use rustbgpd_wire::{Ipv4UnicastMode, MAX_MESSAGE_LEN, Message, Safi, UpdateMessage};

use crate::message::{afi_of, encode};
use crate::negotiated::Negotiated;
use crate::route::{Attributes, Family, NextHops};

/// A router that has no opinion prefers by this (RFC 4271 §9.1.1 leaves the number to whoever sets it; all
/// routers take 100).
const USUAL_PREFERENCE: u32 = 100;
/// Marks routes of which traffic is to move away (RFC 8326 §4.2).
const GRACEFUL_SHUTDOWN: u32 = 0xffff_0000;
/// Bytes of an UPDATE that are neither attributes nor prefixes: the header and two lengths.
const FRAME: usize = 19 + 2 + 2;
/// Communities that a route has at most, and a third as many large ones: about a quarter of a message each.
pub const MOST_COMMUNITIES: usize = 255;

/// What is common to all UPDATEs of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech<'a> {
    pub(crate) local_asn: u32,
    pub(crate) negotiated: &'a Negotiated,
    pub(crate) next_hops: NextHops,
    /// Whether traffic is to move away first (RFC 8326).
    pub(crate) is_leaving: bool,
}

/// Where traffic is to be sent, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextHop {
    /// In `NEXT_HOP`, with prefixes in the body of the message.
    Plain(Ipv4Addr),
    /// In `MP_REACH_NLRI`.
    Extended(Ipv6Addr, Option<Ipv6Addr>),
}

impl Speech<'_> {
    fn next_hop(&self, family: Family, attributes: &Attributes) -> Option<NextHop> {
        let own = self.next_hops;
        let over_v6 = || match (own.v6, own.link_local) {
            (Some(global), link_local) => Some(NextHop::Extended(global, link_local)),
            // On an unnumbered link there is nothing else.
            (None, Some(link_local)) => Some(NextHop::Extended(link_local, None)),
            (None, None) => None,
        };
        match family {
            Family::Ipv6 => match attributes.next_hop_v6 {
                Some(given) => Some(NextHop::Extended(given, None)),
                None => over_v6(),
            },
            Family::Ipv4 => {
                let extended = self.negotiated.is_extended_next_hop;
                let plain = match attributes.next_hop_v4 {
                    Some(given) => Some(given),
                    None if extended => None,
                    None => own.v4,
                };
                match plain {
                    Some(plain) => Some(NextHop::Plain(plain)),
                    None if extended => over_v6(),
                    None => None,
                }
            }
        }
    }

    /// One UPDATE that announces as many of these prefixes as fit, all of one family; and how many they
    /// were. None: there is no next hop for them.
    pub(crate) fn announce(
        &self,
        family: Family,
        attributes: &Attributes,
        prefixes: &[IpNet],
    ) -> Option<(Bytes, usize)> {
        let next_hop = self.next_hop(family, attributes)?;
        let mut common = self.common(attributes);
        let used = encoded(&common, self.negotiated.is_four_octet).len();
        // Flags, type, length; AFI, SAFI, length, next hops, a reserved byte. And NEXT_HOP is shorter.
        let room = usize::from(MAX_MESSAGE_LEN) - FRAME - used - (4 + 2 + 1 + 1 + 32 + 1);
        let count = fitting(prefixes, room);
        let prefixes = &prefixes[..count];
        let body = match next_hop {
            NextHop::Plain(address) => {
                common.insert(2, PathAttribute::NextHop(address));
                plain(prefixes)
            }
            NextHop::Extended(address, link_local) => {
                // First, so that whatever is wrong with the rest, a router knows which routes are
                // meant (RFC 7606 §5.1).
                common.insert(0, reach(family, address, link_local, prefixes));
                Vec::new()
            }
        };
        Some((self.update(&body, &[], &common), count))
    }

    /// One UPDATE that withdraws as many of these prefixes as fit, all of one family; and how many they
    /// were.
    pub(crate) fn withdraw(&self, family: Family, prefixes: &[IpNet]) -> (Bytes, usize) {
        let room = usize::from(MAX_MESSAGE_LEN) - FRAME - (4 + 2 + 1);
        let count = fitting(prefixes, room);
        let prefixes = &prefixes[..count];
        let update = match family {
            Family::Ipv4 => self.update(&[], &plain(prefixes), &[]),
            Family::Ipv6 => self.update(&[], &[], &[unreach(family, prefixes)]),
        };
        (update, count)
    }

    /// All that there is of a family has been sent (RFC 4724 §2).
    pub(crate) fn end_of_rib(&self, family: Family) -> Bytes {
        self.withdraw(family, &[]).0
    }

    /// The attributes that do not depend on the family, in the order of their type codes (RFC 4271 §5).
    fn common(&self, attributes: &Attributes) -> Vec<PathAttribute> {
        let mut all = vec![
            PathAttribute::Origin(Origin::Igp),
            PathAttribute::AsPath(self.as_path(attributes)),
        ];
        if let Some(med) = attributes.med {
            all.push(PathAttribute::Med(med));
        }
        if self.negotiated.is_internal {
            let preference = attributes.local_pref.unwrap_or(USUAL_PREFERENCE);
            let preference = if self.is_leaving { 0 } else { preference };
            all.push(PathAttribute::LocalPref(preference));
        }
        let mut communities = attributes.communities.clone();
        communities.truncate(MOST_COMMUNITIES);
        if self.is_leaving && !communities.contains(&GRACEFUL_SHUTDOWN) {
            communities.truncate(MOST_COMMUNITIES - 1);
            communities.push(GRACEFUL_SHUTDOWN);
            communities.sort_unstable();
        }
        if !communities.is_empty() {
            all.push(PathAttribute::Communities(communities));
        }
        let large = attributes
            .large_communities
            .iter()
            .take(MOST_COMMUNITIES / 3);
        let large: Vec<_> = large
            .map(|[a, b, c]| LargeCommunity::new(*a, *b, *c))
            .collect();
        if !large.is_empty() {
            all.push(PathAttribute::LargeCommunities(large));
        }
        all
    }

    /// Towards an internal router it is empty, whatever is to be prepended (RFC 4271 §5.1.2).
    fn as_path(&self, attributes: &Attributes) -> AsPath {
        if self.negotiated.is_internal {
            return AsPath {
                segments: Vec::new(),
            };
        }
        let times = 1 + usize::from(attributes.prepend);
        AsPath {
            segments: vec![AsPathSegment::AsSequence(vec![self.local_asn; times])],
        }
    }

    fn update(
        &self,
        announced: &[Ipv4NlriEntry],
        withdrawn: &[Ipv4NlriEntry],
        attributes: &[PathAttribute],
    ) -> Bytes {
        let update = UpdateMessage::try_build(
            announced,
            withdrawn,
            attributes,
            self.negotiated.is_four_octet,
            false,
            Ipv4UnicastMode::Body,
        );
        let update = update.expect("our attributes have no values that cannot be written");
        encode(&Message::Update(update))
    }
}

fn encoded(attributes: &[PathAttribute], is_four_octet: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_path_attributes(attributes, &mut bytes, is_four_octet, false)
        .expect("our attributes have no values that cannot be written");
    bytes
}

/// How many prefixes fit into so many bytes.
fn fitting(prefixes: &[IpNet], room: usize) -> usize {
    let mut left = room;
    let fit = prefixes.iter().take_while(|it| {
        let length = 1 + usize::from(it.prefix_len()).div_ceil(8);
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    fit.count()
}

fn plain(prefixes: &[IpNet]) -> Vec<Ipv4NlriEntry> {
    let plain = prefixes.iter().filter_map(|it| match it {
        IpNet::V4(net) => Some(Ipv4NlriEntry {
            path_id: 0,
            prefix: Ipv4Prefix::new(net.network(), net.prefix_len()),
        }),
        IpNet::V6(_) => None,
    });
    plain.collect()
}

fn entries(prefixes: &[IpNet]) -> Vec<NlriEntry> {
    let entries = prefixes.iter().map(|it| NlriEntry {
        path_id: 0,
        prefix: match it {
            IpNet::V4(net) => Prefix::V4(Ipv4Prefix::new(net.network(), net.prefix_len())),
            IpNet::V6(net) => Prefix::V6(Ipv6Prefix::new(net.network(), net.prefix_len())),
        },
    });
    entries.collect()
}

fn reach(
    family: Family,
    next_hop: Ipv6Addr,
    link_local: Option<Ipv6Addr>,
    prefixes: &[IpNet],
) -> PathAttribute {
    PathAttribute::MpReachNlri(Box::new(MpReachNlri {
        afi: afi_of(family),
        safi: Safi::Unicast,
        next_hop: IpAddr::V6(next_hop),
        link_local_next_hop: link_local,
        announced: entries(prefixes),
        flowspec_announced: Vec::new(),
        evpn_announced: Vec::new(),
        bgpls_announced: Vec::new(),
        vpn_announced: Vec::new(),
        labeled_announced: Vec::new(),
        rtc_announced: Vec::new(),
    }))
}

fn unreach(family: Family, prefixes: &[IpNet]) -> PathAttribute {
    PathAttribute::MpUnreachNlri(Box::new(MpUnreachNlri {
        afi: afi_of(family),
        safi: Safi::Unicast,
        withdrawn: entries(prefixes),
        flowspec_withdrawn: Vec::new(),
        evpn_withdrawn: Vec::new(),
        bgpls_withdrawn: Vec::new(),
        vpn_withdrawn: Vec::new(),
        labeled_withdrawn: Vec::new(),
        rtc_withdrawn: Vec::new(),
    }))
}
