//! Which intervals are told, and which are used (RFC 5880 §6.8.3).

use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::packet::State;

use super::Session;

/// Desired Min TX Interval is not less while a session is not up.
const SLOW: Duration = Duration::from_secs(1);

/// What packets tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// `bfd.DesiredMinTxInterval`.
    pub(super) transmit: Duration,
    /// `bfd.RequiredMinRxInterval`.
    pub(super) receive: Duration,
    /// `bfd.DetectMult`.
    pub(super) multiplier: NonZeroU8,
}

impl Told {
    fn of(config: &Config, state: State) -> Self {
        let transmit = Duration::from(config.transmit_interval);
        Self {
            transmit: match state {
                State::Up => transmit,
                State::AdminDown | State::Down | State::Init => transmit.max(SLOW),
            },
            receive: config.receive_interval.into(),
            multiplier: config.multiplier,
        }
    }
}

/// The intervals of a session.
#[derive(Debug)]
pub(super) struct Intervals {
    pub(super) told: Told,
    /// What our packets are sent by: not more than what is told, and less until the peer is known to
    /// have heard of the longer interval.
    pub(super) transmit: Duration,
    /// What the peer's packets are waited for by: not less than what is told, and more until the peer is
    /// known to have heard of the shorter interval.
    pub(super) receive: Duration,
    /// Whether something else is to be told, when the last Poll Sequence is surely over.
    has_changed: bool,
}

impl Intervals {
    pub(super) fn new(config: &Config) -> Self {
        let told = Told::of(config, State::Down);
        Self {
            told,
            transmit: told.transmit,
            receive: told.receive,
            has_changed: false,
        }
    }

    /// The peer has heard what is told.
    pub(super) fn are_heard(&mut self) {
        self.transmit = self.told.transmit;
        self.receive = self.told.receive;
    }
}

impl Session {
    /// Tells the peer the intervals of the configuration; those of an earlier one first, if the peer may
    /// not have heard them yet: one Final must not be taken for another (RFC 5880 §6.8.3, at its end).
    pub(super) fn negotiate(&mut self, now: Instant) {
        let wanted = Told::of(&self.config, self.state);
        self.intervals.has_changed = wanted != self.intervals.told;
        let must_wait = self.state == State::Up && !self.has_polled(now);
        if self.intervals.has_changed && !must_wait {
            self.tell();
        }
    }

    /// Tells the peer the intervals of the configuration and the state, from the next packet on, in a Poll
    /// Sequence.
    pub(super) fn tell(&mut self) {
        let wanted = Told::of(&self.config, self.state);
        let intervals = &mut self.intervals;
        intervals.has_changed = false;
        if wanted == intervals.told {
            return;
        }
        intervals.told = wanted;
        if self.state == State::Up {
            intervals.transmit = intervals.transmit.min(wanted.transmit);
            intervals.receive = intervals.receive.max(wanted.receive);
        } else {
            intervals.are_heard();
        }
        // Nobody could answer a session that has not heard of a peer.
        self.poll.is_running = self.remote.discriminator.is_some();
    }

    /// When a change that waits may be told.
    pub(super) fn change_due(&self) -> Option<Instant> {
        let is_waiting = self.intervals.has_changed && !self.poll.is_running;
        is_waiting.then(|| self.poll_over()).flatten()
    }

    /// Whether nothing is under way any more that could be an answer to a Poll.
    fn has_polled(&self, now: Instant) -> bool {
        !self.poll.is_running && self.poll_over().is_none_or(|over| now >= over)
    }

    /// When the last Poll cannot be answered any more: a round trip takes less than the Detection Time
    /// (RFC 5880 §6.6).
    fn poll_over(&self) -> Option<Instant> {
        Some(self.poll.last? + self.detection_time().unwrap_or_default())
    }
}
