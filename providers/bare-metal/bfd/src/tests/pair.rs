//! Two sessions, the line between them, and a clock that is moved by hand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{config, intervals, milliseconds};
use crate::{Action, Config, ControlPacket, DownReason, Session, State};

/// How long a packet takes at least.
const LATENCY: Duration = Duration::from_micros(300);

/// What may happen to packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Of a thousand packets so many are lost.
    pub(super) lost: u32,
    /// So many come twice.
    pub(super) twice: u32,
    /// So many are held up, by up to this long, and overtaken.
    pub(super) held: (u32, Duration),
    /// Whether any come through from the first to the second, and back.
    pub(super) is_open: [bool; 2],
}

impl Line {
    pub(super) const GOOD: Self = Self {
        lost: 0,
        twice: 0,
        held: (0, Duration::ZERO),
        is_open: [true; 2],
    };
}

/// When it arrives, the how many-th packet it is, for whom, and what it is.
type Flight = (Instant, u64, usize, Vec<u8>);

pub(super) struct Pair {
    pub(super) sessions: [Session; 2],
    pub(super) now: Instant,
    pub(super) line: Line,
    /// Ups and Downs of each, with when.
    pub(super) changes: [Vec<(Instant, Action)>; 2],
    /// How many packets of each had which bits.
    pub(super) polls: [usize; 2],
    pub(super) finals: [usize; 2],
    under_way: BinaryHeap<Reverse<Flight>>,
    sent: u64,
    random: Rng,
}

impl Pair {
    pub(super) fn new(configs: [Config; 2], line: Line, seed: u64) -> Self {
        let now = Instant::now();
        let mut random = Rng::with_seed(seed);
        let mut number = 0;
        let sessions = configs.map(|config| {
            number += 1;
            Session::new(
                config,
                NonZeroU32::new(number).unwrap(),
                random.u64(..),
                now,
            )
        });
        Self {
            sessions,
            now,
            line,
            changes: Default::default(),
            polls: [0; 2],
            finals: [0; 2],
            under_way: BinaryHeap::new(),
            sent: 0,
            random,
        }
    }

    /// Two of this that are up, and settled.
    fn up(configs: [Config; 2]) -> Self {
        let mut pair = Self::new(configs, Line::GOOD, 1);
        pair.pass(milliseconds(5000));
        assert_eq!(pair.states(), [State::Up; 2]);
        pair.changes = Default::default();
        (pair.polls, pair.finals) = ([0; 2], [0; 2]);
        pair
    }

    pub(super) fn states(&self) -> [State; 2] {
        [self.sessions[0].state(), self.sessions[1].state()]
    }

    /// Lets time pass, from one event to the next.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.act();
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            while let Some(Reverse((at, ..))) = self.under_way.peek()
                && *at <= self.now
            {
                let Some(Reverse((_, _, to, bytes))) = self.under_way.pop() else {
                    break;
                };
                let packet = ControlPacket::parse(&bytes).unwrap();
                // What names a life that is over is dropped.
                let _ = self.sessions[to].receive(&packet, 255, self.now);
                self.act();
            }
            for session in &mut self.sessions {
                session.tick(self.now);
            }
            self.act();
        }
        self.now = end;
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.under_way.peek().map(|it| it.0.0);
        let ticks = self.sessions.iter().filter_map(Session::next_tick);
        ticks.chain(arrival).min()
    }

    pub(super) fn act(&mut self) {
        for from in 0..2 {
            for action in self.sessions[from].take_actions() {
                match action {
                    Action::Send(bytes) => self.send(from, &bytes),
                    change => self.changes[from].push((self.now, change)),
                }
            }
        }
    }

    fn send(&mut self, from: usize, bytes: &[u8]) {
        let packet = ControlPacket::parse(bytes).unwrap();
        self.polls[from] += usize::from(packet.is_poll);
        self.finals[from] += usize::from(packet.is_final);
        let Line {
            lost,
            twice,
            held,
            is_open,
        } = self.line;
        let copies = if self.happens(twice) { 2 } else { 1 };
        for _ in 0..copies {
            if self.happens(lost) || !is_open[from] {
                continue;
            }
            let is_held = self.happens(held.0);
            let longer = held.1 * self.random.u32(..=1000) / 1000;
            let takes = LATENCY + if is_held { longer } else { Duration::ZERO };
            self.sent += 1;
            let flight: Flight = (self.now + takes, self.sent, 1 - from, bytes.to_vec());
            self.under_way.push(Reverse(flight));
        }
    }

    fn happens(&mut self, of_thousand: u32) -> bool {
        self.random.u32(..1000) < of_thousand
    }

    pub(super) fn downs(&self, of: usize) -> Vec<DownReason> {
        let reasons = self.changes[of].iter().filter_map(|(_, it)| match it {
            Action::Down { reason } => Some(*reason),
            Action::Up | Action::Send(_) => None,
        });
        reasons.collect()
    }
}

fn passive(config: Config) -> Config {
    Config {
        passive: true,
        ..config
    }
}

#[test]
fn two_come_up_when_one_of_them_begins() {
    for (configs, comes_up) in [
        ([config(), config()], true),
        ([config(), passive(config())], true),
        ([passive(config()), config()], true),
        ([passive(config()), passive(config())], false),
    ] {
        let mut pair = Pair::new(configs, Line::GOOD, 1);
        pair.pass(milliseconds(1500));
        assert_eq!(pair.states() == [State::Up; 2], comes_up);
        for of in 0..2 {
            assert_eq!(pair.changes[of].len(), usize::from(comes_up));
        }
    }
}

#[test]
fn each_waits_for_the_other_by_what_both_want() {
    let pair = Pair::up([intervals(50, 300, 3), intervals(100, 20, 5)]);
    let [one, other] = &pair.sessions;
    assert_eq!(one.transmit_interval(), milliseconds(50));
    assert_eq!(other.transmit_interval(), milliseconds(300));
    assert_eq!(one.detection_time(), Some(milliseconds(1500)));
    assert_eq!(other.detection_time(), Some(milliseconds(150)));
    assert_eq!(one.remote_detection_time(), milliseconds(150));
    assert_eq!(other.remote_detection_time(), milliseconds(1500));
}

#[test]
fn a_quiet_line_takes_no_polls_and_nobody_down() {
    let mut pair = Pair::up([config(), config()]);
    pair.pass(Duration::from_mins(1));
    assert_eq!((pair.polls, pair.finals), ([0; 2], [0; 2]));
    assert_eq!(pair.changes, [vec![], vec![]]);
}

#[test]
fn a_change_takes_one_poll_and_one_answer_and_nobody_down() {
    let mut pair = Pair::up([config(), config()]);
    for next in [
        intervals(400, 50, 3),
        intervals(50, 400, 3),
        intervals(20, 20, 10),
        config(),
    ] {
        (pair.polls, pair.finals) = ([0; 2], [0; 2]);
        let now = pair.now;
        pair.sessions[0].reconfigure(next, now);
        pair.pass(milliseconds(10_000));
        assert_eq!((pair.polls, pair.finals), ([1, 0], [0, 1]), "{next:?}");
        let interval = Duration::from(next.transmit_interval).max(milliseconds(50));
        assert_eq!(pair.sessions[0].transmit_interval(), interval);
        let times = interval * u32::from(next.multiplier.get());
        assert_eq!(pair.sessions[1].detection_time(), Some(times));
    }
    assert_eq!(pair.changes, [vec![], vec![]]);
}

#[test]
fn when_one_direction_fails_both_learn_of_it_and_why() {
    let mut pair = Pair::up([config(), config()]);
    pair.line.is_open = [false, true];
    pair.pass(milliseconds(160));
    let silent = DownReason::ControlDetectionTimeExpired;
    assert_eq!(pair.downs(0), [DownReason::NeighborSignaledDown]);
    assert_eq!(pair.downs(1), [silent]);
    // Neither comes up by what it hears alone.
    pair.pass(milliseconds(30_000));
    assert_ne!(pair.states(), [State::Up; 2]);
    assert_eq!(pair.downs(1), [silent]);
    pair.line = Line::GOOD;
    pair.pass(milliseconds(3000));
    assert_eq!(pair.states(), [State::Up; 2]);
}

#[test]
fn who_is_started_anew_brings_the_other_down_and_both_up() {
    let mut pair = Pair::up([config(), config()]);
    let number = NonZeroU32::new(99).unwrap();
    pair.sessions[0] = Session::new(config(), number, 5, pair.now);
    pair.pass(milliseconds(2000));
    assert_eq!(pair.downs(1), [DownReason::NeighborSignaledDown]);
    assert_eq!(pair.states(), [State::Up; 2]);
}

#[test]
fn who_is_taken_down_by_its_administrator_does_not_fail_for_the_other() {
    let mut pair = Pair::up([config(), config()]);
    let now = pair.now;
    pair.sessions[0].administrative_down(now);
    pair.pass(pair.sessions[0].remote_detection_time());
    assert_eq!(pair.downs(0), [DownReason::OwnAdministrativeDown]);
    // Now it ends, and says nothing any more.
    pair.line.is_open = [false, true];
    pair.pass(milliseconds(30_000));
    assert_eq!(pair.downs(1), [DownReason::NeighborAdministrativelyDown]);
    assert_eq!(pair.states(), [State::AdminDown, State::Down]);
    pair.line = Line::GOOD;
    let now = pair.now;
    pair.sessions[0].enable(now);
    pair.pass(milliseconds(3000));
    assert_eq!(pair.states(), [State::Up; 2]);
}
