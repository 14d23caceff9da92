//! Neighbor Discovery (RFC 4861): solicitations and advertisements of neighbours.

use std::net::Ipv6Addr;

use etherparse::err::ipv6::HeaderSliceError;
use etherparse::icmpv6::{
    Icmpv6PayloadSlice, NdpOptionSlice, NdpOptionsIterator, NeighborAdvertisementHeader,
};
use etherparse::{
    EtherType, Icmpv6Header, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv6Header, Ipv6HeaderSlice,
};

use crate::frame::Frame;
use crate::heard::Malformed;
use crate::mac::Mac;

/// All nodes of a link (RFC 4291, section 2.7.1).
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Hop limit of what no router may have passed on (RFC 4861, section 11.2).
const HOP_LIMIT: u8 = 255;

/// Type of the option Source Link-layer Address, and its length in units of eight bytes.
const SOURCE_LINK_LAYER_ADDRESS: [u8; 2] = [1, 1];
/// Type of the option Target Link-layer Address, and its length in units of eight bytes.
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// Asks who has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solicitation {
    /// Who sent the frame.
    pub link_source: Mac,
    /// The sender's address; `::` of one who asks whether it may have the target (RFC 4862,
    /// section 5.4.2).
    pub source: Ipv6Addr,
    /// The solicited-node group of the target, or the target itself.
    pub destination: Ipv6Addr,
    /// The address asked for.
    pub target: Ipv6Addr,
    /// Where to answer, if it says so.
    pub source_mac: Option<Mac>,
}

/// Says who has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertisement {
    /// Who sent the frame.
    pub link_source: Mac,
    /// The address of whoever has it.
    pub target: Ipv6Addr,
    /// Where it is, if it says so.
    pub target_mac: Option<Mac>,
    /// Whether it answers a solicitation.
    pub is_solicited: bool,
    /// Whether it replaces what neighbours know.
    pub overrides: bool,
}

/// What of NDP concerns neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ndp {
    Solicitation(Solicitation),
    Advertisement(Advertisement),
}

/// The group in which whoever has an address is asked for it (RFC 4291, section 2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (a & 0xff), b)
}

impl Ndp {
    /// Reads what follows the Ethernet header. `None` is a packet for others, among them all with
    /// extension headers: nobody sends these with such, and fragments must be ignored (RFC 6980).
    pub(crate) fn read(link_source: Mac, bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|error| match error {
            HeaderSliceError::Len(_) => Malformed::Truncated,
            HeaderSliceError::Content(_) => Malformed::Version,
        })?;
        if header.next_header() != IpNumber::IPV6_ICMP {
            return Ok(None);
        }
        let payload = &bytes[Ipv6Header::LEN..];
        let length = usize::from(header.payload_length());
        let payload = payload.get(..length).ok_or(Malformed::Truncated)?;
        let icmp = Icmpv6Slice::from_slice(payload).map_err(|_| Malformed::Truncated)?;
        if !matches!(
            icmp.icmp_type(),
            Icmpv6Type::NeighborSolicitation | Icmpv6Type::NeighborAdvertisement(_)
        ) {
            // A code other than 0 makes it an unknown type for etherparse, and must be ignored.
            return Ok(None);
        }
        if header.hop_limit() != HOP_LIMIT {
            return Err(Malformed::HopLimit);
        }
        if !icmp.is_checksum_valid(header.source(), header.destination()) {
            return Err(Malformed::Checksum);
        }
        let (source, destination) = (header.source_addr(), header.destination_addr());
        // RFC 4291, section 2.7: a group sends nothing. It would be sent the answer.
        if !link_source.is_somebody() || source.is_multicast() {
            return Err(Malformed::SenderIsGroup);
        }
        match icmp.payload_slice().map_err(|_| Malformed::Truncated)? {
            Icmpv6PayloadSlice::NeighborSolicitation(said) => {
                let (source_mac, _) = link_layer_addresses(said.options())?;
                let said = Solicitation {
                    link_source,
                    source,
                    destination,
                    target: said.target_address(),
                    source_mac,
                };
                said.checked().map(Self::Solicitation).map(Some)
            }
            Icmpv6PayloadSlice::NeighborAdvertisement(said) => {
                let (_, target_mac) = link_layer_addresses(said.options())?;
                let target = said.target_address();
                let Icmpv6Type::NeighborAdvertisement(flags) = icmp.icmp_type() else {
                    return Ok(None);
                };
                if target.is_multicast() {
                    return Err(Malformed::TargetIsGroup);
                }
                if flags.solicited && destination.is_multicast() {
                    return Err(Malformed::SolicitedByAll);
                }
                Ok(Some(Self::Advertisement(Advertisement {
                    link_source,
                    target,
                    target_mac,
                    is_solicited: flags.solicited,
                    overrides: flags.r#override,
                })))
            }
            _ => Ok(None),
        }
    }
}

/// The options Source and Target Link-layer Address; others are passed over.
fn link_layer_addresses(options: &[u8]) -> Result<(Option<Mac>, Option<Mac>), Malformed> {
    let mac = |bytes: &[u8]| <[u8; 6]>::try_from(bytes).ok().map(Mac);
    let (mut source, mut target) = (None, None);
    for option in NdpOptionsIterator::from_slice(options) {
        match option.map_err(|_| Malformed::Option)? {
            NdpOptionSlice::SourceLinkLayerAddress(it) => source = mac(it.link_layer_address()),
            NdpOptionSlice::TargetLinkLayerAddress(it) => target = mac(it.link_layer_address()),
            _ => {}
        }
    }
    let mut said = source.into_iter().chain(target);
    if !said.all(Mac::is_somebody) {
        return Err(Malformed::SenderIsGroup);
    }
    Ok((source, target))
}

impl Solicitation {
    /// What RFC 4861, section 7.1.1, asks for.
    fn checked(self) -> Result<Self, Malformed> {
        if self.target.is_multicast() {
            return Err(Malformed::TargetIsGroup);
        }
        if self.source.is_unspecified() {
            if self.destination != solicited_node(self.target) {
                return Err(Malformed::Destination);
            }
            if self.source_mac.is_some() {
                return Err(Malformed::OptionOfNobody);
            }
        }
        Ok(self)
    }

    /// Whether it asks, with no address of its own, whether somebody has the target.
    pub fn is_probe(&self) -> bool {
        self.source.is_unspecified()
    }

    /// Asks everybody who has an address (RFC 4861, section 7.2.2).
    pub fn request(mac: Mac, source: Ipv6Addr, target: Ipv6Addr) -> Frame {
        let group = solicited_node(target);
        let mut body = [0; 24];
        body[..16].copy_from_slice(&target.octets());
        body[16..18].copy_from_slice(&SOURCE_LINK_LAYER_ADDRESS);
        body[18..].copy_from_slice(&mac.0);
        frame(
            (mac, Mac::of_group(group)),
            (source, group),
            Icmpv6Type::NeighborSolicitation,
            &body,
        )
    }

    /// Asks whether somebody has an address (RFC 4862, section 5.4.2).
    pub fn probe(mac: Mac, target: Ipv6Addr) -> Frame {
        let group = solicited_node(target);
        let addresses = (Ipv6Addr::UNSPECIFIED, group);
        let body = target.octets();
        frame(
            (mac, Mac::of_group(group)),
            addresses,
            Icmpv6Type::NeighborSolicitation,
            &body,
        )
    }

    /// Answers it, as one who has the target (RFC 4861, section 7.2.4).
    pub fn answer(&self, mac: Mac) -> Frame {
        if self.source.is_unspecified() {
            return advertisement(
                mac,
                self.target,
                (Mac::of_group(ALL_NODES), ALL_NODES),
                false,
            );
        }
        // One who says nothing of where it is has been heard from there.
        let to = self.source_mac.unwrap_or(self.link_source);
        advertisement(mac, self.target, (to, self.source), true)
    }
}

impl Advertisement {
    /// Says to everybody who has an address (RFC 4861, section 7.2.6).
    pub fn unsolicited(mac: Mac, target: Ipv6Addr) -> Frame {
        advertisement(mac, target, (Mac::of_group(ALL_NODES), ALL_NODES), false)
    }
}

/// An advertisement that replaces what neighbours know. It is no router's.
fn advertisement(
    mac: Mac,
    target: Ipv6Addr,
    (to_mac, to): (Mac, Ipv6Addr),
    is_solicited: bool,
) -> Frame {
    let flags = NeighborAdvertisementHeader {
        router: false,
        solicited: is_solicited,
        r#override: true,
    };
    let mut body = [0; 24];
    body[..16].copy_from_slice(&target.octets());
    body[16..18].copy_from_slice(&TARGET_LINK_LAYER_ADDRESS);
    body[18..].copy_from_slice(&mac.0);
    frame(
        (mac, to_mac),
        (target, to),
        Icmpv6Type::NeighborAdvertisement(flags),
        &body,
    )
}

fn frame(
    (from_mac, to_mac): (Mac, Mac),
    (from, to): (Ipv6Addr, Ipv6Addr),
    icmp_type: Icmpv6Type,
    body: &[u8],
) -> Frame {
    let mut icmp = Icmpv6Header::new(icmp_type);
    // It fails only for bodies of four gigabytes.
    let _ = icmp.update_checksum(from.octets(), to.octets(), body);
    let icmp = icmp.to_bytes();
    let length = u16::try_from(icmp.len() + body.len()).unwrap_or(u16::MAX);
    let ip = Ipv6Header {
        payload_length: length,
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: from.octets(),
        destination: to.octets(),
        ..Ipv6Header::default()
    };
    let mut frame = Frame::new(to_mac, from_mac, EtherType::IPV6.0);
    frame.put(&ip.to_bytes());
    frame.put(&icmp);
    frame.put(body);
    frame
}
