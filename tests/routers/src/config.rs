//! What a router is told, in words that are none of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;

use crate::answers::{Community, Family, LargeCommunity};

/// What a router is told at its start.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Its autonomous system.
    pub asn: u32,
    /// Its BGP identifier (RFC 4271 §4.2).
    pub router_id: Ipv4Addr,
    /// The TCP port that it listens on.
    pub port: u16,
    /// Whom it speaks with.
    pub neighbours: Vec<Neighbour>,
    /// What it announces of its own, besides what it has learnt from others.
    pub originates: Vec<Originated>,
    /// What a test needs beyond, in the router's own syntax: lines of FRR's that begin at its top
    /// level, statements of BIRD's, or tables of GoBGP's TOML.
    pub extra: String,
}

impl RouterConfig {
    /// A router that knows nobody yet.
    pub fn new(asn: u32, router_id: Ipv4Addr) -> Self {
        Self {
            asn,
            router_id,
            port: BGP_PORT,
            neighbours: Vec::new(),
            originates: Vec::new(),
            extra: String::new(),
        }
    }

    /// The same, with one neighbour more.
    #[must_use]
    pub fn with(mut self, neighbour: Neighbour) -> Self {
        self.neighbours.push(neighbour);
        self
    }

    /// The same, with one announcement more.
    #[must_use]
    pub fn originating(mut self, route: Originated) -> Self {
        self.originates.push(route);
        self
    }
}

/// The port of BGP (RFC 4271 §8.2.1).
pub const BGP_PORT: u16 = 179;

/// Who a neighbour is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The one with this address.
    Address(IpAddr),
    /// Whoever connects from one of these addresses; nobody of them is called.
    Range(IpNet),
    /// Whoever is at the other end of this interface, found by its router advertisements
    /// ("unnumbered"). BIRD is not told where that is and waits to be called.
    Interface(String),
}

/// The autonomous system of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteAs {
    /// This one.
    Asn(u32),
    /// The router's own.
    Internal,
    /// Any other.
    External,
}

/// What BFD is to do for a session (RFC 5880).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bfd {
    /// Both the desired interval to send and the required interval to receive; whole milliseconds.
    pub interval: Duration,
    /// So many lost packets are a death.
    pub multiplier: u8,
}

/// What is said of graceful restart (RFC 4724).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GracefulRestart {
    /// Nothing: the capability is not sent, and nothing is kept of who goes.
    Off,
    /// The capability names no family: routes of who restarts are kept.
    Helper,
    /// The same, and the router asks for it: all families are named, for two minutes.
    Restarting,
}

/// One whom the router speaks with, or several alike.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Who it is.
    pub peer: Peer,
    /// In which autonomous system.
    pub remote_as: RemoteAs,
    /// The key of TCP MD5 signatures (RFC 2385).
    pub password: Option<String>,
    /// What routes are spoken of.
    pub families: Vec<Family>,
    /// Whether packets that came over a router are ignored (RFC 5082); with [`Self::multihop`], over
    /// that many routers.
    pub ttl_security: bool,
    /// Over how many hops an external neighbour may be; `None` for one at the same network.
    pub multihop: Option<u8>,
    /// The router's own address to it. BIRD must know it for [`Self::bfd`] over several hops.
    pub source: Option<IpAddr>,
    /// Whether it is waited for, and not called.
    pub passive: bool,
    /// Whether the way to it is watched by BFD. GoBGP has none. BIRD 2.0 sends over several hops with
    /// a hop limit of 64, and FRR drops what has less than 256 without [`Self::multihop`]. An external
    /// neighbour with [`Self::ttl_security`] is one over several hops to FRR 8.4: it sends to port 4784.
    pub bfd: Option<Bfd>,
    /// What is said of graceful restart.
    pub graceful_restart: GracefulRestart,
    /// The proposed hold time, in whole seconds.
    pub hold_time: Duration,
    /// From keepalive to keepalive, in whole seconds.
    pub keepalive: Duration,
    /// The TCP port that it is called at.
    pub port: u16,
    /// Whether routes of IPv4 may have next hops of IPv6 (RFC 8950). FRR has it on
    /// [`Peer::Interface`] in any case, GoBGP for each neighbour.
    pub extended_next_hop: bool,
}

impl Neighbour {
    fn new(peer: Peer, remote_as: RemoteAs) -> Self {
        Self {
            peer,
            remote_as,
            password: None,
            families: vec![Family::Ipv4, Family::Ipv6],
            ttl_security: false,
            multihop: None,
            source: None,
            passive: false,
            bfd: None,
            graceful_restart: GracefulRestart::Helper,
            hold_time: Duration::from_secs(9),
            keepalive: Duration::from_secs(3),
            port: BGP_PORT,
            extended_next_hop: false,
        }
    }

    /// One at an address, with both families, a hold time of 9 s, and the rest left out.
    pub fn at(address: impl Into<IpAddr>, remote_as: RemoteAs) -> Self {
        Self::new(Peer::Address(address.into()), remote_as)
    }

    /// The same for all of a range.
    pub fn in_range(range: IpNet, remote_as: RemoteAs) -> Self {
        Self::new(Peer::Range(range), remote_as)
    }

    /// The same for who is at the other end of an interface, with next hops of IPv6.
    pub fn on(interface: &str, remote_as: RemoteAs) -> Self {
        Self {
            extended_next_hop: true,
            ..Self::new(Peer::Interface(interface.to_owned()), remote_as)
        }
    }
}

/// A route that a router announces of its own.
#[derive(Debug, Clone)]
pub struct Originated {
    /// Where it leads.
    pub prefix: IpNet,
    /// `MULTI_EXIT_DISC`. Where there is none, FRR says 0, and the others nothing.
    pub med: Option<u32>,
    /// RFC 1997.
    pub communities: Vec<Community>,
    /// RFC 8092.
    pub large_communities: Vec<LargeCommunity>,
}

impl Originated {
    /// A route with nothing said of it.
    pub fn to(prefix: IpNet) -> Self {
        Self {
            prefix,
            med: None,
            communities: Vec::new(),
            large_communities: Vec::new(),
        }
    }
}
