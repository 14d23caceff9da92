//! Ranges of addresses, and the three forms in which people write them.

use std::cmp::{max, min};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::kinds::IpFamily;

/// Addresses of one family from the first to the last, both included. There always is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// The addresses from `first` to `last`. None if that is the wrong way round, or they are of
    /// different families.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        let fits = first.is_ipv4() == last.is_ipv4() && first <= last;
        fits.then_some(Self { first, last })
    }

    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// The family of all addresses.
    pub fn family(&self) -> IpFamily {
        IpFamily::of(self.first)
    }

    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.family() == IpFamily::of(address) && self.first <= address && address <= self.last
    }

    /// What both have. None if that is nothing.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        if self.family() != other.family() {
            return None;
        }
        Self::new(max(self.first, other.first), min(self.last, other.last))
    }

    /// How many addresses these are. All of IPv6, whose number does not fit, count one less.
    pub fn count(&self) -> u128 {
        (bits(self.last) - bits(self.first)).saturating_add(1)
    }

    /// The network that is exactly this range, if there is one.
    pub fn network(&self) -> Option<IpNet> {
        let width = width(self.family());
        let differing = bits(self.first) ^ bits(self.last);
        let host_bits = u128::BITS - differing.leading_zeros();
        let prefix = width - u8::try_from(host_bits).ok()?;
        let network = IpNet::new(self.first, prefix).ok()?;
        (network.network() == self.first && network.broadcast() == self.last).then_some(network)
    }
}

/// The shortest of the three forms: an address, a network, or a range.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return self.first.fmt(f);
        }
        match self.network() {
            Some(network) => network.fmt(f),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> Self {
        Self {
            first: address,
            last: address,
        }
    }
}

impl From<IpNet> for AddressRange {
    /// With its network and broadcast address.
    fn from(network: IpNet) -> Self {
        Self {
            first: network.network(),
            last: network.broadcast(),
        }
    }
}

/// The number of bits of an address.
fn width(family: IpFamily) -> u8 {
    match family {
        IpFamily::Ipv4 => 32,
        IpFamily::Ipv6 => 128,
    }
}

/// The address as a number.
pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address right behind this one. None behind the last of the family.
pub(crate) fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(it) => Some(Ipv4Addr::from_bits(it.to_bits().checked_add(1)?).into()),
        IpAddr::V6(it) => Some(Ipv6Addr::from_bits(it.to_bits().checked_add(1)?).into()),
    }
}

/// The address right before this one. None before the first of the family.
pub(crate) fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(it) => Some(Ipv4Addr::from_bits(it.to_bits().checked_sub(1)?).into()),
        IpAddr::V6(it) => Some(Ipv6Addr::from_bits(it.to_bits().checked_sub(1)?).into()),
    }
}

/// Addresses as somebody wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// `192.0.2.0/24`. No host bits are set.
    Network(IpNet),
    /// `192.0.2.10-192.0.2.20`.
    Range(AddressRange),
    /// `192.0.2.10`.
    Address(IpAddr),
}

impl Entry {
    /// The addresses that are meant.
    pub fn range(&self) -> AddressRange {
        match *self {
            Self::Network(network) => network.into(),
            Self::Range(range) => range,
            Self::Address(address) => address.into(),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Range(range) => write!(f, "{}-{}", range.first, range.last),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Why a text is not addresses that a Service could have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// None of the three forms.
    #[error(
        "'{0}' is neither a network (192.0.2.0/24) nor a range (192.0.2.10-192.0.2.20) nor an address (192.0.2.10)"
    )]
    Form(String),
    /// Not one address.
    #[error("'{0}' is no address, such as 192.0.2.10 or 2001:db8::10")]
    NoAddress(String),
    /// An address with a zone.
    #[error("'{0}' has a zone")]
    Zone(String),
    /// An IPv4 address written inside an IPv6 address.
    #[error("'{written}' is an IPv4 address inside an IPv6 address")]
    Nested {
        /// As it was written.
        written: String,
        /// The IPv4 address or network that is meant.
        meant: String,
    },
    /// A network with bits set beyond the prefix length.
    #[error("{written} has bits set beyond the prefix length")]
    HostBits {
        /// As it was written.
        written: IpNet,
        /// The network that such an address is in.
        meant: IpNet,
    },
    /// The first address is above the last.
    #[error("the range is reversed: {} is above {}", meant.last, meant.first)]
    Reversed {
        /// The range the other way round.
        meant: AddressRange,
    },
    /// The ends are of different families.
    #[error("a range has one family, but {0} is of one and {1} of the other")]
    MixedFamilies(IpAddr, IpAddr),
    /// Only addresses that no Service can have.
    #[error("no Service can have {0}: {1}")]
    Never(Entry, &'static str),
}

impl EntryError {
    /// What would be right, if that can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Form(text) if text.contains(char::is_whitespace) => {
                Some("write it without spaces".to_owned())
            }
            Self::Zone(_) => Some("leave out the % and what follows it".to_owned()),
            Self::Nested { meant, .. } => Some(format!("write {meant}")),
            Self::HostBits { meant, .. } => Some(format!("did you mean {meant}?")),
            Self::Reversed { meant } => {
                Some(format!("did you mean {}-{}?", meant.first, meant.last))
            }
            Self::Form(_) | Self::NoAddress(_) | Self::MixedFamilies(..) | Self::Never(..) => None,
        }
    }
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        if text.contains('%') {
            return Err(EntryError::Zone(text.to_owned()));
        }
        let form = || EntryError::Form(text.to_owned());
        let entry = if let Some((first, last)) = text.split_once('-') {
            Self::Range(range(address(first, form)?, address(last, form)?)?)
        } else if let Some((start, prefix)) = text.split_once('/') {
            Self::Network(network(text, start, prefix)?)
        } else {
            Self::Address(address(text, form)?)
        };
        match never(&entry.range()) {
            Some(why) => Err(EntryError::Never(entry, why)),
            None => Ok(entry),
        }
    }
}

/// One address of either family, without a zone, and not one inside another.
pub(crate) fn address(text: &str, form: impl FnOnce() -> EntryError) -> Result<IpAddr, EntryError> {
    match text.parse() {
        Ok(IpAddr::V6(address)) => match nested(text, address) {
            Some(meant) => Err(EntryError::Nested {
                written: text.to_owned(),
                meant: meant.to_string(),
            }),
            None => Ok(address.into()),
        },
        Ok(address) => Ok(address),
        Err(_) => Err(form()),
    }
}

/// The IPv4 address in an IPv6 one: mapped (RFC 4291 §2.5.5.2), or written with dots.
fn nested(text: &str, address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., c, d] = address.segments();
    let low = u32::from(c) << 16 | u32::from(d);
    let dotted = text.contains('.').then(|| Ipv4Addr::from_bits(low));
    address.to_ipv4_mapped().or(dotted)
}

fn range(first: IpAddr, last: IpAddr) -> Result<AddressRange, EntryError> {
    if first.is_ipv4() != last.is_ipv4() {
        return Err(EntryError::MixedFamilies(first, last));
    }
    AddressRange::new(first, last).ok_or(EntryError::Reversed {
        meant: AddressRange {
            first: last,
            last: first,
        },
    })
}

fn network(text: &str, start: &str, prefix: &str) -> Result<IpNet, EntryError> {
    let form = || EntryError::Form(text.to_owned());
    // A sign or leading zeros are numbers to Rust, but not to others.
    let plain = prefix == "0" || !prefix.starts_with(['0', '+']);
    let length: u8 = prefix.parse().ok().filter(|_| plain).ok_or_else(form)?;
    if let Ok(IpAddr::V6(address)) = start.parse()
        && let Some(meant) = nested(start, address)
        && (96..=128).contains(&length)
    {
        return Err(EntryError::Nested {
            written: text.to_owned(),
            meant: format!("{meant}/{}", length - 96),
        });
    }
    let written = IpNet::new(address(start, form)?, length).map_err(|_| form())?;
    let meant = written.trunc();
    if written != meant {
        return Err(EntryError::HostBits { written, meant });
    }
    Ok(written)
}

/// Addresses that no load balancer can have: first, last, and what they are.
pub(crate) const NEVER: [(IpAddr, IpAddr, &str); 5] = [
    (
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "it is the unspecified address",
    ),
    (
        IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)),
        IpAddr::V4(Ipv4Addr::new(239, 255, 255, 255)),
        "it is multicast",
    ),
    (
        IpAddr::V4(Ipv4Addr::BROADCAST),
        IpAddr::V4(Ipv4Addr::BROADCAST),
        "it is the limited broadcast",
    ),
    (
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "it is the unspecified address",
    ),
    (
        IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)),
        IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
        "it is multicast",
    ),
];

/// Why no Service can have any of these addresses. None if it can have some.
pub(crate) fn never(range: &AddressRange) -> Option<&'static str> {
    NEVER
        .iter()
        .find(|(first, last, _)| {
            first.is_ipv4() == range.first.is_ipv4() && *first <= range.first && range.last <= *last
        })
        .map(|(.., why)| *why)
}
