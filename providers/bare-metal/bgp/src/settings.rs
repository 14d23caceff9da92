//! What a session is to be.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::route::Family;

/// Which autonomous system a router may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteAsn {
    /// This one.
    Number(u32),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

/// Graceful restart, as the restarting speaker (RFC 4724 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// How long the router is asked to keep our routes without a session: whole seconds, at most 4095.
    pub time: Duration,
    /// Whether what is announced was announced before by a process that has ended meanwhile: then the
    /// kernel has forwarded on, and the OPEN says so.
    pub has_restarted: bool,
}

/// What we offer to a router, and what we expect of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Our autonomous system.
    pub local_asn: u32,
    /// The router's.
    pub remote_asn: RemoteAsn,
    /// Our BGP identifier.
    pub router_id: Ipv4Addr,
    /// How long a session lives without a message: whole seconds, at least 3; None: for ever.
    pub hold_time: Option<Duration>,
    /// How often a message is sent at least; None: a third of the hold time that is agreed on.
    pub keepalive_time: Option<Duration>,
    /// How long to wait for a connection, and before the next is tried, at most: the first waits are
    /// shorter. It varies by a quarter.
    pub connect_retry_time: Duration,
    /// Whether to wait for the router to connect.
    pub passive: bool,
    /// The families of the routes.
    pub families: BTreeSet<Family>,
    /// Whether the router is asked to keep our routes over a restart.
    pub restart: Option<Restart>,
}

impl RemoteAsn {
    /// Whether a router of this autonomous system is the one.
    pub(crate) fn accepts(self, asn: u32, local: u32) -> bool {
        match self {
            Self::Number(number) => asn == number,
            Self::Internal => asn == local,
            Self::External => asn != local,
        }
    }
}
