//! Sessions with routers, as reports tell of them: which routers nodes have sessions with at all, and what
//! is told of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use landfall_bare_metal_resources::kinds::{BgpSession, BgpState, IpFamily};

use super::{HOLD, Node, Speakers};

/// The name of a `BGPPeer`.
pub(crate) type Peer = Arc<str>;

/// What a report says of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) is_established: bool,
    /// What went wrong last, while it is not.
    pub(crate) error: Option<Arc<str>>,
    /// Families that the router does not take.
    pub(crate) lacks: Option<Arc<str>>,
}

impl From<&BgpSession> for Session {
    fn from(said: &BgpSession) -> Self {
        let is_established = said.state == BgpState::Established;
        let missing = said.missing_families.iter();
        let missing = missing.map(|it| match it {
            IpFamily::Ipv4 => "IPv4",
            IpFamily::Ipv6 => "IPv6",
        });
        let missing: Vec<_> = missing.collect();
        let error = said.last_error.as_deref().map(Arc::from);
        Self {
            is_established,
            error: error.filter(|_| !is_established),
            lacks: (!missing.is_empty()).then(|| missing.join(" and ").into()),
        }
    }
}

/// The routers that are told of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Routers {
    /// Those that a node has a session with, or had one until a moment ago.
    reached: BTreeSet<Peer>,
    /// Until when that is told of those that none has a session with any more.
    until: BTreeMap<Peer, Instant>,
}

impl Routers {
    /// Whether a node has a session with one of these; empty: with any.
    pub(super) fn reach(&self, peers: &BTreeSet<String>) -> bool {
        if peers.is_empty() {
            return !self.reached.is_empty();
        }
        peers.iter().any(|it| self.reached.contains(it.as_str()))
    }

    /// Takes in with which routers there are sessions now. Whether anything else is told than before.
    pub(super) fn set(&mut self, established: BTreeSet<Peer>, now: Instant) -> bool {
        for peer in &self.reached {
            if established.contains(peer) {
                self.until.remove(peer);
            } else if !self.until.contains_key(peer) {
                self.until.insert(peer.clone(), now + HOLD);
            }
        }
        let before = self.reached.len();
        self.reached.extend(established);
        self.reached.len() != before
    }

    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Whether anything else is told than before.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let due: Vec<_> = self.until.iter().filter(|(_, at)| **at <= now).collect();
        let due: Vec<_> = due.into_iter().map(|(peer, _)| peer.clone()).collect();
        for peer in &due {
            self.until.remove(peer);
            self.reached.remove(peer);
        }
        !due.is_empty()
    }
}

/// What nodes report of their sessions with one router.
pub(crate) type Reported<'a> = Vec<(&'a Node, &'a Session)>;

impl Speakers {
    /// Whether a node has a session with one of these routers; empty: with any.
    pub(crate) fn reach_router(&self, peers: &BTreeSet<String>) -> bool {
        self.routers.reach(peers)
    }

    /// What nodes report of their sessions with a router.
    pub(crate) fn sessions_with(&self, peer: &str) -> Reported<'_> {
        let reports = self.reports.iter().filter(|(node, _)| self.counts(node));
        let sessions = reports.flat_map(|(node, report)| {
            let sessions = report.sessions.get(peer).into_iter().flatten();
            sessions.map(move |it| (node, it))
        });
        sessions.collect()
    }

    /// Tells with which routers there are sessions now.
    pub(super) fn settle_routers(&mut self, now: Instant) {
        let reports = self.reports.iter().filter(|(node, _)| self.counts(node));
        let sessions = reports.flat_map(|(_, report)| &report.sessions);
        let is_up = |all: &Vec<Session>| all.iter().any(|it| it.is_established);
        let established = sessions.filter(|(_, all)| is_up(all));
        let established = established.map(|(peer, _)| peer.clone()).collect();
        self.changed.unlisted |= self.routers.set(established, now);
    }
}
