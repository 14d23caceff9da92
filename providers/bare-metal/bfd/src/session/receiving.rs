//! What a packet of the peer does (RFC 5880 §6.8.6).

use std::time::Instant;

use crate::action::DownReason;
use crate::diagnostic::Diagnostic;
use crate::dropped::Dropped;
use crate::packet::{ControlPacket, State};

use super::{Remote, Session};

impl Session {
    /// Takes in a packet that came with this TTL or Hop Limit, and arrived at this time: when the kernel
    /// had it, if that is known, else when it was read.
    pub fn receive(
        &mut self,
        packet: &ControlPacket,
        ttl: u8,
        now: Instant,
    ) -> Result<(), Dropped> {
        if let Err(dropped) = self.accepts(packet, ttl) {
            self.count_dropped(dropped);
            return Err(dropped);
        }
        self.counts.received += 1;
        self.remote = Remote::from(packet);
        self.heard = self.heard.max(Some(now));
        if packet.is_final {
            self.answered();
        }
        if self.state == State::AdminDown {
            // The RFC discards it here. It still tells that there is somebody who is to be told.
            return Ok(());
        }
        let has_changed = self.follow(packet.state, now);
        if packet.is_poll {
            self.answer(has_changed, now);
        } else if has_changed {
            self.send_change(now);
        }
        Ok(())
    }

    /// Counts a packet that was dropped, and by its address was this peer's.
    pub(crate) fn count_dropped(&mut self, dropped: Dropped) {
        *self.counts.dropped.entry(dropped).or_default() += 1;
    }

    fn accepts(&self, packet: &ControlPacket, ttl: u8) -> Result<(), Dropped> {
        if ttl < self.config.hops.minimum_ttl() {
            return Err(Dropped::Ttl);
        }
        let is_other = |it| it != self.discriminator;
        if packet.your_discriminator.is_some_and(is_other) {
            return Err(Dropped::UnknownDiscriminator);
        }
        if packet.has_authentication {
            return Err(Dropped::Authenticated);
        }
        Ok(())
    }

    /// Follows the peer's state, and says whether ours is another now.
    fn follow(&mut self, received: State, now: Instant) -> bool {
        match (self.state, received) {
            (State::Init | State::Up, State::AdminDown) => {
                self.signaled_down(DownReason::NeighborAdministrativelyDown, now);
            }
            (State::Up, State::Down) => self.signaled_down(DownReason::NeighborSignaledDown, now),
            (State::Down, State::Down) => self.enter(State::Init, now),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                self.enter(State::Up, now);
            }
            (State::AdminDown, _)
            | (State::Down, State::AdminDown | State::Up)
            | (State::Init, State::Down)
            | (State::Up, State::Init | State::Up) => return false,
        }
        true
    }

    fn signaled_down(&mut self, reason: DownReason, now: Instant) {
        let diagnostic = Diagnostic::NeighborSignaledSessionDown;
        self.leave(State::Down, diagnostic, reason, now);
    }
}
