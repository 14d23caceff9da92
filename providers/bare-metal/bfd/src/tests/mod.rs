//! Tests of one session, of two that hear each other, and of a table of them.
#![expect(
    clippy::unchecked_time_subtraction,
    reason = "a test that takes away too much fails"
)]

mod codec;
mod pair;
mod polling;
mod properties;
mod removing;
mod states;
mod table;
mod timing;

use std::num::{NonZeroU8, NonZeroU32};
use std::time::{Duration, Instant};

use crate::{Action, Config, ControlPacket, Diagnostic, DownReason, Hops, Session, State};

const OWN: NonZeroU32 = NonZeroU32::new(7).unwrap();
const PEER: NonZeroU32 = NonZeroU32::new(0xdead_beef).unwrap();

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// 3 × 50 ms, active, over a single hop.
fn config() -> Config {
    intervals(50, 50, 3)
}

fn intervals(transmit: u64, receive: u64, multiplier: u8) -> Config {
    Config {
        transmit_interval: milliseconds(transmit).try_into().unwrap(),
        receive_interval: milliseconds(receive).try_into().unwrap(),
        multiplier: NonZeroU8::new(multiplier).unwrap(),
        passive: false,
        hops: Hops::SingleHop,
    }
}

/// What a peer of 3 × 50 ms says in a state.
fn packet(state: State) -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::None,
        state,
        is_poll: false,
        is_final: false,
        is_control_plane_independent: false,
        has_authentication: false,
        is_demand: false,
        multiplier: NonZeroU8::new(3).unwrap(),
        my_discriminator: PEER,
        your_discriminator: Some(OWN),
        transmit_interval: milliseconds(50),
        receive_interval: milliseconds(50),
        echo_interval: Duration::ZERO,
    }
}

fn polling(packet: ControlPacket) -> ControlPacket {
    ControlPacket {
        is_poll: true,
        ..packet
    }
}

fn answering(packet: ControlPacket) -> ControlPacket {
    ControlPacket {
        is_final: true,
        ..packet
    }
}

/// A session whose clock is moved by hand, and what it has wanted done.
struct Node {
    session: Session,
    start: Instant,
    now: Instant,
    sent: Vec<(Duration, ControlPacket)>,
    changes: Vec<(Duration, Action)>,
}

impl Node {
    fn new(config: Config) -> Self {
        Self::seeded(config, 1)
    }

    fn seeded(config: Config, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            session: Session::new(config, OWN, seed, start),
            start,
            now: start,
            sent: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// One that is in this state, with the peer of [`packet`], who has answered its Poll.
    fn in_state(config: Config, state: State) -> Self {
        let mut node = Self::new(config);
        match state {
            State::Down => {}
            State::Init => node.hear(&packet(State::Down)),
            State::Up => {
                node.hear(&packet(State::Init));
                node.hear(&answering(packet(State::Up)));
            }
            State::AdminDown => {
                node.session.administrative_down(node.now);
                node.act();
            }
        }
        assert_eq!(node.session.state(), state);
        node.forget();
        node
    }

    fn forget(&mut self) {
        self.sent.clear();
        self.changes.clear();
    }

    fn hear(&mut self, packet: &ControlPacket) {
        self.session.receive(packet, 255, self.now).unwrap();
        self.act();
    }

    fn reconfigure(&mut self, config: Config) {
        self.session.reconfigure(config, self.now);
        self.act();
    }

    fn act(&mut self) {
        let at = self.now - self.start;
        for action in self.session.take_actions() {
            match action {
                Action::Send(bytes) => self.sent.push((at, ControlPacket::parse(&bytes).unwrap())),
                change => self.changes.push((at, change)),
            }
        }
    }

    /// Lets time pass in which nothing is heard.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.session.next_tick().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.session.tick(self.now);
            self.act();
        }
        self.now = end;
    }

    /// Lets time pass in which the peer says this each so often.
    fn pass_hearing(&mut self, time: Duration, packet: &ControlPacket, each: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.pass(each);
            self.hear(packet);
        }
    }

    /// What was sent last.
    fn last(&self) -> ControlPacket {
        self.sent.last().expect("something was sent").1
    }

    fn down_reasons(&self) -> Vec<DownReason> {
        let reasons = self.changes.iter().filter_map(|(_, action)| match action {
            Action::Down { reason } => Some(*reason),
            Action::Up | Action::Send(_) => None,
        });
        reasons.collect()
    }
}
