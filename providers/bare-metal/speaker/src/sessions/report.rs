//! What is told of sessions with routers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use landfall_bare_metal_bgp::{Attributes, Counters, Family, Peer, State};
use tokio::sync::oneshot;

use super::bfd::BfdReport;

/// A session: the name of its `BGPPeer`, and the router's address, if it is known.
pub(crate) type SessionId = (Arc<str>, Option<IpAddr>);

/// How it is with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionReport {
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: SystemTime,
    /// The autonomous system and the hold time of a session that is established.
    pub(crate) agreed: Option<Agreed>,
    /// Routes that are wanted, that the router has, and that have no next hop in this session.
    pub(crate) routes: [usize; 3],
    /// What went wrong last, and when.
    pub(crate) error: Option<Trouble>,
    /// The session of BFD beside it, if there is to be one.
    pub(crate) bfd: Option<BfdReport>,
    pub(crate) counters: Counters,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    pub(crate) at: SystemTime,
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self {
            why,
            at: SystemTime::now(),
        }
    }
}

impl SessionReport {
    /// A session at its beginning, or what keeps it from that.
    pub(super) fn new(trouble: Option<String>) -> Self {
        Self {
            state: State::Idle,
            since: SystemTime::now(),
            agreed: None,
            routes: [0; 3],
            error: trouble.map(Trouble::from),
            bfd: None,
            counters: Counters::default(),
        }
    }

    /// Takes in how it is with a session now.
    pub(super) fn take(&mut self, peer: &Peer) {
        self.agreed = peer.negotiated().map(|it| Agreed {
            remote_asn: it.remote_asn,
            hold_time: it.hold_time,
            families: it.families.clone(),
            missing_families: it.missing_families.clone(),
            is_kept_over_restart: peer.is_kept_over_restart(),
        });
        self.routes = peer.counts();
        self.counters = peer.counters();
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) remote_asn: u32,
    pub(crate) hold_time: Option<Duration>,
    pub(crate) families: BTreeSet<Family>,
    /// Families that we have routes for and the router does not want.
    pub(crate) missing_families: BTreeSet<Family>,
    /// Whether the router keeps our routes over a restart.
    pub(crate) is_kept_over_restart: bool,
}

/// All sessions.
pub(crate) type SessionReports = BTreeMap<SessionId, SessionReport>;

/// What routers were told, session by session.
pub(crate) type ListedRoutes = Vec<(SessionId, Vec<(IpNet, Attributes)>)>;

/// Who asks for it.
pub(crate) type AskRoutes = oneshot::Sender<ListedRoutes>;
