//! What routers say, in words that are none of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// Routes of which kind; all are unicast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// AFI 1.
    Ipv4,
    /// AFI 2.
    Ipv6,
}

impl Family {
    /// That of a prefix.
    pub fn of(prefix: IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::Ipv4,
            IpNet::V6(_) => Self::Ipv6,
        }
    }
}

/// Where a session is (RFC 4271 §8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the states of the RFC")]
pub enum SessionState {
    Idle,
    Connect,
    Active,
    OpenSent,
    OpenConfirm,
    Established,
}

impl FromStr for SessionState {
    type Err = String;

    /// The names of FRR and BIRD. Of BIRD's own states, one that waits to be called is `Active`, and
    /// one without a connection or an attempt at one is `Idle`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Idle" | "Down" | "Close" | "Clearing" | "Deleted" => Ok(Self::Idle),
            "Connect" => Ok(Self::Connect),
            "Active" | "Passive" => Ok(Self::Active),
            "OpenSent" => Ok(Self::OpenSent),
            "OpenConfirm" => Ok(Self::OpenConfirm),
            "Established" => Ok(Self::Established),
            _ => Err(format!("no state of a session: {text:?}")),
        }
    }
}

/// A session as one of its ends sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What the router is to be asked by: the neighbour's address, or the interface that it is at.
    pub neighbour: String,
    /// The neighbour's address, once it is known.
    pub address: Option<IpAddr>,
    /// Its state.
    pub state: SessionState,
    /// For how long it is established, in the precision of the router; `None` if it is not.
    pub up: Option<Duration>,
    /// Why it was ended or not begun the last time, if the router tells; it may be told of sessions
    /// that were established since.
    pub last_error: Option<LastError>,
    /// The hold time that both agreed on; `None` before.
    pub hold_time: Option<Duration>,
    /// What the neighbour said that it can; empty before.
    pub capabilities: Capabilities,
}

/// Why a session was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// Code and subcode of the NOTIFICATION, whoever sent it. BIRD tells none.
    pub notification: Option<(u8, u8)>,
    /// In the router's words.
    pub text: String,
}

/// What a neighbour can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 4760.
    pub families: BTreeSet<Family>,
    /// RFC 6793.
    pub four_octet_asn: bool,
    /// RFC 2918.
    pub route_refresh: bool,
    /// Next hops of IPv6 for IPv4 (RFC 8950).
    pub extended_next_hop: bool,
    /// RFC 4724.
    pub graceful_restart: Option<GracefulRestartSeen>,
}

/// The capability of RFC 4724 §3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GracefulRestartSeen {
    /// The R bit: it has restarted.
    pub restarting: bool,
    /// How long it may take; BIRD tells it only of a neighbour that names families.
    pub time: Option<Duration>,
    /// The families that it names, each with its F bit: forwarding went on meanwhile.
    pub families: BTreeMap<Family, bool>,
}

/// A way to a prefix, of one neighbour or of the router's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The neighbour that told it; `None` for the router itself.
    pub from: Option<IpAddr>,
    /// As they stand in the attributes: of IPv6, the global one, and behind it the link-local one if
    /// there is one. Empty for what BIRD itself originates.
    pub next_hops: Vec<IpAddr>,
    /// The autonomous systems, the last one first.
    pub as_path: Vec<u32>,
    /// `ORIGIN`; `None` for what BIRD itself originates.
    pub origin: Option<Origin>,
    /// `MULTI_EXIT_DISC`.
    pub med: Option<u32>,
    /// `LOCAL_PREF`. FRR tells it only where a neighbour did.
    pub local_pref: Option<u32>,
    /// RFC 1997.
    pub communities: Vec<Community>,
    /// RFC 8092.
    pub large_communities: Vec<LargeCommunity>,
    /// It is kept for a neighbour that restarts. BIRD marks no route: there it is whether the
    /// neighbour is being waited for.
    pub stale: bool,
    /// It is the best one, or one of those that traffic is spread over besides it (FRR).
    pub is_used: bool,
}

/// `ORIGIN` (RFC 4271 §5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the values of the RFC")]
pub enum Origin {
    Igp,
    Egp,
    Incomplete,
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "IGP" => Ok(Self::Igp),
            "EGP" => Ok(Self::Egp),
            "incomplete" | "Incomplete" => Ok(Self::Incomplete),
            _ => Err(format!("no origin: {text:?}")),
        }
    }
}

/// A community of RFC 1997.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Community(pub u16, pub u16);

impl Community {
    /// `NO_EXPORT`.
    pub const NO_EXPORT: Self = Self(0xffff, 0xff01);
    /// `NO_ADVERTISE`.
    pub const NO_ADVERTISE: Self = Self(0xffff, 0xff02);
    /// `GRACEFUL_SHUTDOWN` (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff, 0);
}

impl fmt::Display for Community {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.0, self.1)
    }
}

impl FromStr for Community {
    type Err = String;

    /// Two numbers, or the name of a well-known one as FRR writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = match text {
            "no-export" => Self::NO_EXPORT,
            "no-advertise" => Self::NO_ADVERTISE,
            "local-AS" => Self(0xffff, 0xff03),
            "no-peer" => Self(0xffff, 0xff04),
            "graceful-shutdown" => Self::GRACEFUL_SHUTDOWN,
            "accept-own" => Self(0xffff, 1),
            "llgr-stale" => Self(0xffff, 6),
            "no-llgr" => Self(0xffff, 7),
            "blackhole" => Self(0xffff, 666),
            _ => {
                let parts = text
                    .split_once(':')
                    .and_then(|(high, low)| Some(Self(high.parse().ok()?, low.parse().ok()?)));
                return parts.ok_or_else(|| format!("no community: {text:?}"));
            }
        };
        Ok(known)
    }
}

/// A community of RFC 8092.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LargeCommunity(pub u32, pub u32, pub u32);

impl fmt::Display for LargeCommunity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.0, self.1, self.2)
    }
}

impl FromStr for LargeCommunity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u32>, _> = text.split(':').map(str::parse).collect();
        match parts.as_deref() {
            Ok([global, first, second]) => Ok(Self(*global, *first, *second)),
            _ => Err(format!("no large community: {text:?}")),
        }
    }
}

/// Where a BFD session is (RFC 5880 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the states of the RFC")]
pub enum BfdState {
    AdminDown,
    Down,
    Init,
    Up,
}

impl FromStr for BfdState {
    type Err = String;

    /// The names of FRR and BIRD.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "shutdown" | "AdminDown" => Ok(Self::AdminDown),
            "down" | "Down" => Ok(Self::Down),
            "init" | "Init" => Ok(Self::Init),
            "up" | "Up" => Ok(Self::Up),
            _ => Err(format!("no state of BFD: {text:?}")),
        }
    }
}

/// A BFD session as one of its ends sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdSession {
    /// The other end.
    pub address: IpAddr,
    /// The interface that it is at, if it is bound to one.
    pub interface: Option<String>,
    /// Its state.
    pub state: BfdState,
    /// From packet to packet as they are sent now (BIRD).
    pub interval: Option<Duration>,
    /// Time after which a silent neighbour is declared down (BIRD); zero before the first packet.
    pub detection_time: Option<Duration>,
    /// What FRR tells beyond; BIRD 2.0 does not.
    pub details: Option<BfdDetails>,
}

/// What FRR tells of a BFD session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdDetails {
    /// Whether it is one of RFC 5883, on port 4784.
    pub multihop: bool,
    /// Why this end left `Up`, in FRR's words: `ok` if it did not.
    pub diagnostic: String,
    /// What the other end says of that.
    pub remote_diagnostic: String,
    /// What this end says.
    pub own: BfdTimers,
    /// What the other end says; before its first packet, a second and 3.
    pub remote: BfdTimers,
}

/// What one end of a BFD session wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdTimers {
    /// Required Min RX Interval.
    pub receive: Duration,
    /// Desired Min TX Interval.
    pub transmit: Duration,
    /// Detect Mult.
    pub multiplier: u8,
}
