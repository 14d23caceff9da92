//! The session with one router: the machine of RFC 4271 §8, for each connection with it, and what is
//! decided between connections (§6.8).
//!
//! Optional of the RFC are here: `ConnectRetryTimer`, `KeepaliveTimer` and `HoldTimer` are needed;
//! `IdleHoldTimer` is the wait after an error, `DelayOpen` is not used, and TCP's states are the shell's to
//! report.

mod connection;
mod doing;
mod hearing;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ipnet::IpNet;

use crate::negotiated::Negotiated;
use crate::notification::Notification;
use crate::rib::Rib;
use crate::route::{Attributes, Family, NextHops};
use crate::settings::Settings;
use crate::update::Speech;
use connection::{Connection, Step};
use waiting::Waiting;

/// A connection, as the shell calls it; never the same twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who has opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// We.
    Outgoing,
    /// The router.
    Incoming,
}

/// The state of a session: of its connection that is farthest (RFC 4271 §8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing is tried: not started, or waiting after an error.
    Idle,
    /// We open a connection.
    Connect,
    /// We wait for the router to open one, or to try again ourselves.
    Active,
    /// Our OPEN is sent.
    OpenSent,
    /// Both have sent an OPEN.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

impl State {
    /// As RFC 4271 names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

/// What the shell is to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a connection, and report it under this name; whatever dial is under way counts no more.
    Dial(ConnectionId),
    /// Send bytes on a connection.
    Send(ConnectionId, Bytes),
    /// Close a connection once what was to be sent on it is sent, as far as that goes without waiting.
    Close(ConnectionId),
    /// The session is established.
    Established(Arc<Negotiated>),
    /// The session is not established any more, or has not come so far, and why.
    Down(Cause),
}

/// Why a session has ended, or does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// We told the router why.
    #[error("sent: {0}")]
    Sent(Notification),
    /// The router told us why.
    #[error("received: {0}")]
    Received(Notification),
    /// The router opened no connection, or did not let us, in so much time.
    #[error("no answer from the router")]
    NoAnswer,
    /// The connection could not be opened, or broke; what the system says.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The router closed the connection without a word.
    #[error("the router closed the connection")]
    Closed,
    /// The router has restarted, and connects again (RFC 4724 §4.2).
    #[error("the router has connected again")]
    Replaced,
    /// The connection was closed so that the router keeps our routes (RFC 4724 §4).
    #[error("left for a restart")]
    Restarting,
}

impl Cause {
    /// Whether it is no failure: we have ended the session in order, as we were told to.
    pub fn is_orderly(&self) -> bool {
        match self {
            Self::Sent(notification) => notification.is_orderly(),
            Self::Restarting => true,
            _ => false,
        }
    }
}

/// How a session is ended by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// For good, and with a word to whoever looks at the router (RFC 9003).
    Shutdown(String),
    /// The router is no peer any more.
    Deconfigured,
    /// What was agreed on has changed; it may be tried again at once.
    Reconfigured,
    /// Our process is restarted: the router is not told anything, if it keeps our routes then.
    Restart(String),
}

/// What has happened so often, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions that were established.
    pub established: u64,
    /// Messages received, of all kinds.
    pub received: u64,
    /// UPDATEs received; their routes are not kept.
    pub updates_received: u64,
    /// UPDATEs with attributes that are wrong (RFC 7606).
    pub malformed: u64,
    /// Messages sent, of all kinds.
    pub sent: u64,
    /// UPDATEs sent.
    pub updates_sent: u64,
    /// NOTIFICATIONs sent, and received.
    pub notifications: [u64; 2],
}

/// The session with one router.
#[derive(Debug)]
pub struct Peer {
    settings: Settings,
    /// Whether there is to be a session.
    is_started: bool,
    connections: BTreeMap<ConnectionId, Connection>,
    next_id: u64,
    waiting: Waiting,
    rib: Rib,
    /// Whether traffic is to move away (RFC 8326).
    is_leaving: bool,
    counters: Counters,
    actions: Vec<Action>,
}

impl Peer {
    /// A session that is not started. `seed` makes waits differ between speakers.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            is_started: false,
            connections: BTreeMap::new(),
            next_id: 0,
            waiting: Waiting::new(seed),
            rib: Rib::default(),
            is_leaving: false,
            counters: Counters::default(),
            actions: Vec::new(),
        }
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is to be done. To be asked after each event.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The state of the session.
    pub fn state(&self) -> State {
        let farthest = self.connections.values().map(|it| it.step.state()).max();
        match farthest {
            Some(state) => state,
            None if !self.is_started || self.waiting.is_after_error() => State::Idle,
            None => State::Active,
        }
    }

    /// What was agreed on, while the session is established.
    pub fn negotiated(&self) -> Option<&Arc<Negotiated>> {
        self.established().map(|(_, it, _)| it)
    }

    /// Whether the router keeps our routes, if the session ends without a word.
    pub fn is_kept_over_restart(&self) -> bool {
        let negotiated = self.negotiated();
        negotiated.is_some_and(|it| it.restart_families == it.families)
    }

    /// The connection of the session, while it is established.
    pub fn established_on(&self) -> Option<ConnectionId> {
        self.established().map(|(id, ..)| id)
    }

    fn established(&self) -> Option<(ConnectionId, &Arc<Negotiated>, NextHops)> {
        let mut connections = self.connections.iter();
        connections.find_map(|(id, it)| match &it.step {
            Step::Established(negotiated) => Some((*id, negotiated, it.next_hops)),
            _ => None,
        })
    }

    /// A prefix is to be announced so; None: not any more. At no cost while there is no session.
    pub fn want(&mut self, prefix: IpNet, attributes: Option<Arc<Attributes>>) {
        self.rib.want(prefix.trunc(), attributes);
    }

    /// All that is wanted now is all that there is: the router may be told the end of it.
    pub fn complete(&mut self) {
        self.rib.complete();
    }

    /// Traffic is to move away, or may come again: all routes are said anew (RFC 8326).
    pub fn leaving(&mut self, is_leaving: bool) {
        if std::mem::replace(&mut self.is_leaving, is_leaving) != is_leaving {
            self.rib.refresh_all();
        }
    }

    /// The next message with routes, for the connection that is established; None: all was said. To be
    /// asked for whenever the connection takes bytes, and not before: so nothing piles up.
    pub fn next_update(&mut self) -> Option<(ConnectionId, Bytes)> {
        let (id, negotiated, next_hops) = self.established()?;
        let negotiated = negotiated.clone();
        let speech = Speech {
            local_asn: self.settings.local_asn,
            negotiated: &negotiated,
            next_hops,
            is_leaving: self.is_leaving,
        };
        let message = self.rib.next(&speech)?;
        self.counters.sent += 1;
        self.counters.updates_sent += 1;
        Some((id, message))
    }

    /// Whether all that is wanted has been handed out by [`Self::next_update`].
    pub fn is_quiet(&self) -> bool {
        self.rib.is_quiet()
    }

    /// Routes that are wanted, that the router has, and that cannot be announced in this session as
    /// they have no next hop.
    pub fn counts(&self) -> [usize; 3] {
        [
            self.rib.wanted(),
            self.rib.announced(),
            self.rib.unreachable(),
        ]
    }

    /// What the router was told.
    pub fn routes(&self) -> impl Iterator<Item = (IpNet, &Attributes)> {
        self.rib.routes()
    }

    /// What has happened so often.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// When [`Self::tick`] is to be called next; None: not before something else happens.
    pub fn next_tick(&self) -> Option<Instant> {
        let connections = self.connections.values().filter_map(Connection::next_tick);
        let waiting = self.waiting.next(self.is_started && self.may_dial());
        connections.chain(waiting).min()
    }

    /// Whether we may open a connection ourselves: there is none of ours under way, and no OPEN of the
    /// router's that we have said yes to. A second connection could only end that one.
    fn may_dial(&self) -> bool {
        let mut connections = self.connections.values();
        let is_busy = connections
            .any(|it| it.direction == Direction::Outgoing || it.step.state() >= State::OpenConfirm);
        !self.settings.passive && !is_busy
    }

    /// The router has asked for all routes of a family.
    fn refresh(&mut self, family: Family, now: Instant) {
        if self.waiting.may_refresh(family, now) {
            self.rib.refresh(family);
        }
    }
}
