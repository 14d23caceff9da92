//! What is sent, and when (RFC 5880 §6.8.7).

use std::time::{Duration, Instant};

use crate::action::Action;
use crate::packet::{ControlPacket, State};

use super::{Session, jitter};

impl Session {
    /// When the next periodic packet is due. It counts from the last one, so that another interval is
    /// honoured at once (RFC 5880 §6.8.3).
    pub(super) fn send_due(&self) -> Option<Instant> {
        if self.must_wait() || self.remote.receive_interval.is_zero() {
            return None;
        }
        if self.is_in_demand() && !self.poll.is_running {
            return None;
        }
        let interval = self.transmit_interval() * self.jitter / jitter::WHOLE;
        Some(self.paced.map_or(self.begun, |paced| paced + interval))
    }

    /// Sends the next periodic packet.
    pub(super) fn send_periodic(&mut self, now: Instant) {
        self.pace(now);
        self.send(false, now);
    }

    /// Tells a change at once, between periodic packets. The next is due an interval later.
    pub(super) fn send_change(&mut self, now: Instant) {
        self.pace(now);
        self.send(false, now);
    }

    /// Answers a Poll, and tells a change with it, if there is one.
    pub(super) fn answer(&mut self, has_changed: bool, now: Instant) {
        if has_changed {
            self.pace(now);
        }
        self.send(true, now);
    }

    fn pace(&mut self, now: Instant) {
        self.paced = Some(now);
        self.jitter = jitter::draw(self.intervals.told.multiplier, &mut self.random);
    }

    fn send(&mut self, is_final: bool, now: Instant) {
        if self.must_wait() {
            return;
        }
        let is_poll = !is_final && (self.poll.is_running || self.misses_one(now));
        if is_poll {
            self.poll.last = Some(now);
        }
        let told = self.intervals.told;
        let packet = ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            is_poll,
            is_final,
            is_control_plane_independent: false,
            has_authentication: false,
            is_demand: false,
            multiplier: told.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            transmit_interval: told.transmit,
            receive_interval: told.receive,
            echo_interval: Duration::ZERO,
        };
        self.counts.sent += 1;
        self.actions.push(Action::Send(packet.encode()));
    }

    /// Whether the peer has to begin: in the passive role nothing is sent to one that is not heard.
    fn must_wait(&self) -> bool {
        self.config.passive && self.remote.discriminator.is_none()
    }

    /// Whether Demand mode is active on the peer (RFC 5880 §6.8.6): it wants no periodic packets.
    fn is_in_demand(&self) -> bool {
        let are_up = self.state == State::Up && self.remote.state == State::Up;
        self.remote.is_demand && are_up
    }
}
