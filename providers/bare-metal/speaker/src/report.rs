//! What a speaker tells of itself: to its status object, its admin address and its metrics.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use landfall_bare_metal_l2::Mac;
use landfall_bare_metal_l2::peers::{Refused, Stale};
use tokio::sync::watch;

use crate::network;

/// How it is with an address that this speaker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It listens whether somebody else has it.
    Probing,
    /// It answers.
    Announced,
    /// Another host has it, and this speaker does not answer.
    Contested,
}

/// An address that this speaker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) interfaces: Vec<String>,
    pub(crate) state: State,
    pub(crate) since: SystemTime,
    /// Another host that answers for it, as well or instead.
    pub(crate) contested_by: Option<Mac>,
}

/// An interface on which addresses can be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) mac: Mac,
    pub(crate) subnets: Vec<(IpAddr, u8)>,
    pub(crate) is_up: bool,
}

/// Another speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) is_alive: bool,
    pub(crate) since: SystemTime,
}

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dropped {
    /// It is no message, or nobody with the key has written it.
    Refused(&'static str),
    /// It comes from no address of the node that it is said to be from.
    Source,
}

/// What has happened so often, since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) unsent: u64,
    pub(crate) dropped: BTreeMap<Dropped, u64>,
    /// Addresses that came here, and that went away.
    pub(crate) claimed: u64,
    pub(crate) released: u64,
    /// Speakers that were found dead.
    pub(crate) deaths: u64,
    pub(crate) network: network::Counters,
}

impl Dropped {
    /// The reason, as metrics and logs name it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason,
            Self::Source => "source address",
        }
    }
}

impl From<Refused> for Dropped {
    fn from(refused: Refused) -> Self {
        Self::Refused(match refused {
            Refused::Length => "length",
            Refused::NotOurs => "not ours",
            Refused::Protocol => "protocol",
            Refused::UnknownKey => "unknown key",
            Refused::Authentication => "authentication",
            Refused::ForAnother => "for another",
            Refused::Kind => "kind",
            Refused::Body => "body",
        })
    }
}

impl From<Stale> for Dropped {
    fn from(stale: Stale) -> Self {
        Self::Refused(match stale {
            Stale::ForAnotherLife => "for another life",
            Stale::OfAnotherLife => "of a life that is over",
            Stale::HeardBefore => "heard before",
            Stale::OfStranger => "of a stranger",
            Stale::OfOwnName => "of our own name",
        })
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) addresses: BTreeMap<IpAddr, Address>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) peers: BTreeMap<Arc<str>, Peer>,
    pub(crate) is_draining: bool,
    /// Which key it signs with; `None`: it does not speak yet.
    pub(crate) key_id: Option<u8>,
}

/// Where a speaker tells of itself.
#[derive(Debug)]
pub(crate) struct Teller {
    /// How it is, whenever that changes.
    pub(crate) reports: watch::Sender<Arc<Report>>,
    /// What has happened, once a second.
    pub(crate) counts: watch::Sender<Arc<Counts>>,
}
