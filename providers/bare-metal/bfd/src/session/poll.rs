//! Polls: what asks the peer for an answer (RFC 5880 §6.5).
//!
//! One makes sure that the peer has heard of other intervals. Another begins when a packet of the peer is
//! missing: the P bit on our periodic packets makes it answer at once, "without respect to the
//! transmission timer" (§6.8.7), and its answers count as packets received (§6.8.6). No packet is sent for
//! it that would not be sent anyway (§6.5). So a peer of 3 × 50 ms that lives is taken for dead only when,
//! besides three packets of its own, two or three exchanges are lost.

use std::time::Instant;

use crate::packet::State;

use super::Session;

/// What is known of polls.
#[derive(Debug, Default)]
pub(super) struct Poll {
    /// Whether the peer is yet to say that it has heard of other intervals.
    pub(super) is_running: bool,
    /// When a packet with the P bit was sent last, for whatever reason.
    pub(super) last: Option<Instant>,
}

impl Session {
    /// Whether a packet of the peer is missing: it comes after its interval at the latest.
    pub(super) fn misses_one(&self, now: Instant) -> bool {
        let interval = self.remote_interval();
        self.state == State::Up && self.heard.is_some_and(|heard| now > heard + interval)
    }

    /// The peer has answered a Poll.
    pub(super) fn answered(&mut self) {
        if self.poll.is_running {
            self.poll.is_running = false;
            self.intervals.are_heard();
        }
    }
}
