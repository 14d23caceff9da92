//! One connection with a router.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::{Direction, State};
use crate::negotiated::Negotiated;
use crate::route::NextHops;

/// How long a router may take for its OPEN (RFC 4271 §8.2.2, state `OpenSent`).
pub(super) const OPEN_WAIT: Duration = Duration::from_mins(4);
/// So long an OPEN that was sent is likely to be answered yet.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a router may take nothing from us at least, before it counts as gone (RFC 9687 §6).
pub(super) const SEND_HOLD: Duration = Duration::from_mins(8);

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Step {
    /// It is being opened, for so long at most.
    Connecting { until: Instant },
    /// Our OPEN is sent.
    OpenSent,
    /// Both OPENs are.
    OpenConfirm(Arc<Negotiated>),
    /// Routes are exchanged.
    Established(Arc<Negotiated>),
}

impl Step {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Connecting { .. } => State::Connect,
            Self::OpenSent => State::OpenSent,
            Self::OpenConfirm(_) => State::OpenConfirm,
            Self::Established(_) => State::Established,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) direction: Direction,
    pub(super) step: Step,
    pub(super) next_hops: NextHops,
    /// What has come in and is no whole message yet: less than one.
    pub(super) input: BytesMut,
    /// When the router has been silent for too long.
    pub(super) hold: Option<Instant>,
    /// When we are to say something.
    pub(super) keepalive: Option<Instant>,
    /// Since when bytes wait that the router does not take.
    pub(super) blocked: Option<Instant>,
    /// Since when it is established.
    pub(super) established: Option<Instant>,
}

impl Connection {
    pub(super) fn new(direction: Direction, step: Step) -> Self {
        Self {
            direction,
            step,
            next_hops: NextHops::default(),
            input: BytesMut::new(),
            hold: None,
            keepalive: None,
            blocked: None,
            established: None,
        }
    }

    pub(super) fn negotiated(&self) -> Option<&Arc<Negotiated>> {
        match &self.step {
            Step::OpenConfirm(it) | Step::Established(it) => Some(it),
            Step::Connecting { .. } | Step::OpenSent => None,
        }
    }

    /// Whether our OPEN was sent a short while ago.
    pub(super) fn is_about_to_be_answered(&self, now: Instant) -> bool {
        let is_sent = matches!(self.step, Step::OpenSent);
        is_sent && self.hold.is_some_and(|it| it + ANSWER > now + OPEN_WAIT)
    }

    /// How long the router may take nothing: twice the hold time, if that is longer (RFC 9687 §6).
    fn send_hold(&self) -> Duration {
        let hold = self.negotiated().and_then(|it| it.hold_time);
        SEND_HOLD.max(hold.unwrap_or_default() * 2)
    }

    /// When the router counts as gone as it takes nothing.
    pub(super) fn send_hold_ends(&self) -> Option<Instant> {
        self.blocked.map(|it| it + self.send_hold())
    }

    pub(super) fn next_tick(&self) -> Option<Instant> {
        let connecting = match self.step {
            Step::Connecting { until } => Some(until),
            _ => None,
        };
        let all = [connecting, self.hold, self.keepalive, self.send_hold_ends()];
        all.into_iter().flatten().min()
    }
}
