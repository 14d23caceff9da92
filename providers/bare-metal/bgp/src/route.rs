//! What is announced of a prefix.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

#[cfg(doc)]
use crate::MOST_COMMUNITIES;

/// An address family, always unicast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// AFI 1, SAFI 1.
    Ipv4,
    /// AFI 2, SAFI 1.
    Ipv6,
}

impl Family {
    /// The family of a prefix.
    pub fn of(prefix: IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::Ipv4,
            IpNet::V6(_) => Self::Ipv6,
        }
    }

    /// As RFC 4760 and routers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4-unicast",
            Self::Ipv6 => "ipv6-unicast",
        }
    }
}

/// What is said of a route, whoever it is announced to. What is the router's own affair (`AS_PATH`, whether
/// `LOCAL_PREF` is sent at all, the next hop where none is given) follows from the session.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributes {
    /// `LOCAL_PREF`, for internal routers only; None: 100 (RFC 4271 §5.1.5).
    pub local_pref: Option<u32>,
    /// `MULTI_EXIT_DISC`; None: not sent (RFC 4271 §5.1.4).
    pub med: Option<u32>,
    /// How many more times our ASN stands in `AS_PATH`.
    pub prepend: u8,
    /// Communities (RFC 1997) without repetition and in order; beyond [`MOST_COMMUNITIES`] they are not sent.
    pub communities: Vec<u32>,
    /// Large communities (RFC 8092), the same; beyond a third of that number they are not sent.
    pub large_communities: Vec<[u32; 3]>,
    /// The next hop of an IPv4 route; None: our own address.
    pub next_hop_v4: Option<Ipv4Addr>,
    /// The next hop of an IPv6 route; None: our own address.
    pub next_hop_v6: Option<Ipv6Addr>,
}

/// Our own addresses on a connection: where the router is to send traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextHops {
    /// An IPv4 address that the router reaches.
    pub v4: Option<Ipv4Addr>,
    /// A global IPv6 address that the router reaches.
    pub v6: Option<Ipv6Addr>,
    /// The link-local address, if the router is on the same link (RFC 2545 §3).
    pub link_local: Option<Ipv6Addr>,
    /// Whether the connection itself is over IPv6.
    pub is_over_v6: bool,
}
