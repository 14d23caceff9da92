//! One session with one peer: the state machine of RFC 5880 §6.8 in asynchronous mode. Time is an
//! argument; what is to be done comes out as actions.

mod counts;
mod intervals;
mod jitter;
mod poll;
mod receiving;
mod remote;
mod sending;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::action::{Action, DownReason};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::packet::State;

pub use counts::Counts;
use intervals::Intervals;
use poll::Poll;
pub use remote::Remote;

/// A session with one peer.
///
/// Actions gather until they are [taken](Self::take_actions): at most three for each call.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// `bfd.LocalDiscr`.
    discriminator: NonZeroU32,
    /// `bfd.SessionState`.
    state: State,
    /// Since when.
    since: Instant,
    /// `bfd.LocalDiag`.
    diagnostic: Diagnostic,
    remote: Remote,
    intervals: Intervals,
    poll: Poll,
    /// When the last packet of the peer arrived; `None` when that is longer ago than the Detection Time.
    heard: Option<Instant>,
    /// From when the time to the next periodic packet counts: the last one, or one that told a change.
    paced: Option<Instant>,
    /// When the session may send its first packet.
    begun: Instant,
    /// By how much the next periodic packet is drawn nearer.
    jitter: u32,
    random: Rng,
    counts: Counts,
    actions: Vec<Action>,
}

impl Session {
    /// A session that begins, in state Down. Its discriminator is nobody else's here; the seed is that of
    /// its jitter.
    pub fn new(config: Config, discriminator: NonZeroU32, seed: u64, now: Instant) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            config,
            discriminator,
            state: State::Down,
            since: now,
            diagnostic: Diagnostic::None,
            remote: Remote::default(),
            intervals: Intervals::new(&config),
            poll: Poll::default(),
            heard: None,
            paced: None,
            begun: now,
            jitter: jitter::draw(config.multiplier, &mut random),
            random,
            counts: Counts::default(),
            actions: Vec::new(),
        }
    }

    /// Takes in another configuration. The session stays what it is: intervals are negotiated anew (RFC
    /// 5880 §6.8.3), and a multiplier is told (§6.8.12).
    pub fn reconfigure(&mut self, config: Config, now: Instant) {
        self.config = config;
        self.negotiate(now);
    }

    /// Takes the session down by an administrator's word, which the peer is told (RFC 5880 §6.8.16).
    /// Packets that tell it go on being sent; whoever wants to forget the session waits for
    /// [`remote_detection_time`](Self::remote_detection_time).
    pub fn administrative_down(&mut self, now: Instant) {
        if self.state != State::AdminDown {
            let reason = DownReason::OwnAdministrativeDown;
            let diagnostic = Diagnostic::AdministrativelyDown;
            self.leave(State::AdminDown, diagnostic, reason, now);
            self.send_change(now);
        }
    }

    /// Ends that: the session begins anew, in state Down (RFC 5880 §6.8.16).
    pub fn enable(&mut self, now: Instant) {
        if self.state == State::AdminDown {
            self.enter(State::Down, now);
            self.send_change(now);
        }
    }

    /// Does what is due: judges whether the peer is silent, and sends the next packet.
    ///
    /// Whoever was held up first hands in all packets that have arrived meanwhile: silence counts from the
    /// last arrival.
    pub fn tick(&mut self, now: Instant) {
        if self.detection_due().is_some_and(|due| now >= due) {
            self.expire(now);
        }
        if self.change_due().is_some_and(|due| now >= due) {
            self.negotiate(now);
        }
        if self.send_due().is_some_and(|due| now >= due) {
            self.send_periodic(now);
        }
    }

    /// When [`tick`](Self::tick) has something to do next. `None`: not before a packet comes in.
    pub fn next_tick(&self) -> Option<Instant> {
        let all = [self.detection_due(), self.change_due(), self.send_due()];
        all.into_iter().flatten().min()
    }

    /// What is to be done since this was asked last, in order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// RFC 5880 §6.8.4: the peer is silent. It is forgotten, too (§6.8.1, `bfd.RemoteDiscr`), so that a
    /// passive session falls silent until it hears one again (§6.8.7).
    fn expire(&mut self, now: Instant) {
        self.heard = None;
        self.poll = Poll::default();
        self.remote = Remote::default();
        if matches!(self.state, State::Init | State::Up) {
            let reason = DownReason::ControlDetectionTimeExpired;
            let diagnostic = Diagnostic::ControlDetectionTimeExpired;
            self.leave(State::Down, diagnostic, reason, now);
            self.send_change(now);
        }
    }

    /// The session comes to a state that is no failure.
    fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        self.since = now;
        if state == State::Up {
            self.diagnostic = Diagnostic::None;
            self.counts.up += 1;
            self.actions.push(Action::Up);
        }
        self.tell();
    }

    /// The session ends, or what would have become one.
    fn leave(&mut self, to: State, diagnostic: Diagnostic, reason: DownReason, now: Instant) {
        if self.state == State::Up {
            self.counts.down += 1;
            self.actions.push(Action::Down { reason });
        }
        self.diagnostic = diagnostic;
        self.enter(to, now);
    }

    /// When the peer has been silent for too long.
    fn detection_due(&self) -> Option<Instant> {
        Some(self.heard? + self.detection_time()?)
    }

    /// The state of the session (`bfd.SessionState`).
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it has that state.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Why it changed its state last (`bfd.LocalDiag`). Kept through Down and Init, so that the peer
    /// learns why the last session failed; none when it is up.
    pub fn diagnostic(&self) -> Diagnostic {
        self.diagnostic
    }

    /// Its discriminator here (`bfd.LocalDiscr`).
    pub fn discriminator(&self) -> NonZeroU32 {
        self.discriminator
    }

    /// What the peer has said last. As at the beginning when it is silent.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// What it is configured to be.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was counted since the session was made.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The time between our periodic packets before jitter: the larger of what we use of
    /// `bfd.DesiredMinTxInterval` and the peer's Required Min RX Interval (RFC 5880 §6.8.7).
    pub fn transmit_interval(&self) -> Duration {
        let own = self.intervals.transmit;
        own.max(self.remote.receive_interval)
    }

    /// The time after which a silent peer is taken for gone: its Detect Mult times the larger of our
    /// Required Min RX Interval and its Desired Min TX Interval (RFC 5880 §6.8.4). `None` while the peer
    /// is not heard.
    pub fn detection_time(&self) -> Option<Duration> {
        let multiplier = self.remote.multiplier?.get().into();
        Some(self.remote_interval() * multiplier)
    }

    /// The time after which the peer takes us for gone when we are silent, as soon as it has heard what we
    /// tell: our Detect Mult times the larger of our Desired Min TX Interval and its Required Min RX
    /// Interval.
    pub fn remote_detection_time(&self) -> Duration {
        let told = self.intervals.told;
        let interval = told.transmit.max(self.remote.receive_interval);
        interval * told.multiplier.get().into()
    }

    /// The time between the peer's periodic packets before jitter.
    fn remote_interval(&self) -> Duration {
        let own = self.intervals.receive;
        own.max(self.remote.transmit_interval)
    }
}
