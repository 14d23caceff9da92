//! From a frame's bytes to what it says.

use etherparse::{EtherType, Ethernet2HeaderSlice};

use crate::arp::Arp;
use crate::mac::Mac;
use crate::ndp::{Advertisement, Ndp, Solicitation};

/// What a frame says of who has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// ARP.
    Arp(Arp),
    /// NDP: somebody asks.
    Solicitation(Solicitation),
    /// NDP: somebody says.
    Advertisement(Advertisement),
}

/// Why a frame is dropped. Each has a name to be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Its length says more than there is.
    #[error("truncated")]
    Truncated,
    /// It is said to be IPv6, and says itself that it is not.
    #[error("version")]
    Version,
    /// Addresses of ARP that are not as long as those of Ethernet and IPv4.
    #[error("address length")]
    AddressLength,
    /// The sender's hardware address stands for a group, or for nobody; or its address is a group's.
    #[error("sender is a group")]
    SenderIsGroup,
    /// A router may have passed it on (RFC 4861, section 7.1).
    #[error("hop limit")]
    HopLimit,
    /// The checksum of `ICMPv6` is wrong.
    #[error("checksum")]
    Checksum,
    /// It asks for, or tells of, a group's address.
    #[error("target is a group")]
    TargetIsGroup,
    /// Who has no address asks another than the target's solicited-node group.
    #[error("destination")]
    Destination,
    /// An option of NDP that has no length, or is longer than the packet.
    #[error("option")]
    Option,
    /// Who has no address says where it is.
    #[error("option of nobody")]
    OptionOfNobody,
    /// It answers a question, and goes to everybody.
    #[error("solicited by all")]
    SolicitedByAll,
}

/// Reads an Ethernet frame as the kernel hands it over: without check sequence, without VLAN tags.
/// `None` is a frame for others.
pub fn hear(frame: &[u8]) -> Result<Option<Heard>, Malformed> {
    let header = Ethernet2HeaderSlice::from_slice(frame).map_err(|_| Malformed::Truncated)?;
    let payload = &frame[header.slice().len()..];
    match header.ether_type() {
        EtherType::ARP => Ok(Arp::read(payload)?.map(Heard::Arp)),
        EtherType::IPV6 => {
            let heard = Ndp::read(Mac(header.source()), payload)?;
            Ok(heard.map(|it| match it {
                Ndp::Solicitation(said) => Heard::Solicitation(said),
                Ndp::Advertisement(said) => Heard::Advertisement(said),
            }))
        }
        _ => Ok(None),
    }
}
