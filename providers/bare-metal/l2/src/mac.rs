//! Hardware addresses of Ethernet.

use std::fmt;
use std::net::Ipv6Addr;

/// A hardware address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// To everybody on the network.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// Nobody's: what an ARP request says of the address that it asks for.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether it can be somebody's own: it stands for no group, and not for nobody.
    pub fn is_somebody(self) -> bool {
        self.0[0] & 1 == 0 && self != Self::ZERO
    }

    /// Where multicast for a group of IPv6 goes (RFC 2464, section 7).
    pub fn of_group(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
