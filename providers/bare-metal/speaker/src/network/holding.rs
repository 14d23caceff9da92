//! One address that is announced, or about to be.

use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_bare_metal_l2::{Acquiring, Gratuitous, Pace, Step};

/// From a foreign answer to the next probe of an address that is not announced.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// An address is defended, and who contests it is told of, no more often than this.
const CALM: Duration = Duration::from_secs(1);

/// How an address begins to be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nobody of the cluster has it: others are asked for it first.
    Probe(Pace),
    /// Another of the cluster had it, and it is taken over: it is announced at once, and others are
    /// asked for it at the same time and soon after.
    AtOnce,
}

/// What is due for an address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// It is announced from now on.
    pub(super) begins: bool,
    /// Interfaces on which others are asked for it.
    pub(super) probe: Vec<u32>,
    /// Interfaces on which others are told of it.
    pub(super) announce: Vec<u32>,
}

/// What follows from a foreign claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claimed {
    /// It is answered with an announcement.
    pub(super) is_defended: bool,
    /// The speaker is told of it.
    pub(super) is_told: bool,
}

#[derive(Debug)]
pub(super) struct Holding {
    start: Start,
    is_announced: bool,
    /// Steps that are left. `None` before the first interface is up, and while a foreign host has it.
    acquiring: Option<Acquiring>,
    /// When it is probed again, after a foreign answer.
    again: Option<Instant>,
    on: Vec<Place>,
    told: Option<Instant>,
    defended: Option<Instant>,
    /// Under which time it stands in the order of all.
    pub(super) scheduled: Option<Instant>,
}

/// An interface on which it is to be announced.
#[derive(Debug)]
struct Place {
    /// Its index.
    interface: u32,
    is_up: bool,
    /// While it is announced there.
    gratuitous: Option<Gratuitous>,
}

impl Holding {
    /// On no interface yet.
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            is_announced: false,
            acquiring: None,
            again: None,
            on: Vec::new(),
            told: None,
            defended: None,
            scheduled: None,
        }
    }

    pub(super) fn is_announced(&self) -> bool {
        self.is_announced
    }

    /// The interfaces on which it is to be announced.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = u32> {
        self.on.iter().map(|it| it.interface)
    }

    pub(super) fn is_on(&self, interface: u32) -> bool {
        self.interfaces().any(|it| it == interface)
    }

    pub(super) fn add(&mut self, interface: u32) {
        if !self.is_on(interface) {
            self.on.push(Place {
                interface,
                is_up: false,
                gratuitous: None,
            });
        }
    }

    pub(super) fn remove(&mut self, interface: u32) {
        self.on.retain(|it| it.interface != interface);
        self.rest_if_down();
    }

    fn on_mut(&mut self, interface: u32) -> Option<&mut Place> {
        self.on.iter_mut().find(|it| it.interface == interface)
    }

    /// It was another's of the cluster, and is taken over now; what others answered before is of no
    /// account.
    pub(super) fn take_over(&mut self) {
        if !self.is_announced {
            self.start = Start::AtOnce;
            self.acquiring = None;
            self.again = None;
        }
    }

    /// An interface is up, or has come back with another hardware address.
    pub(super) fn up(&mut self, interface: u32, now: Instant) {
        let is_announced = self.is_announced;
        if let Some(place) = self.on_mut(interface) {
            place.is_up = true;
            place.gratuitous = is_announced.then(|| Gratuitous::new(now));
        }
    }

    /// An interface is down: nothing is sent there.
    pub(super) fn down(&mut self, interface: u32) {
        if let Some(place) = self.on_mut(interface) {
            place.is_up = false;
            place.gratuitous = None;
        }
        self.rest_if_down();
    }

    /// Nobody can answer where nothing is up: what was asked so far does not count.
    fn rest_if_down(&mut self) {
        if !self.is_announced && !self.is_up() {
            self.acquiring = None;
        }
    }

    fn is_up(&self) -> bool {
        self.on.iter().any(|it| it.is_up)
    }

    /// Begins the burst anew.
    pub(super) fn reassert(&mut self, now: Instant) {
        if self.is_announced {
            for place in self.on.iter_mut().filter(|it| it.is_up) {
                place.gratuitous = Some(Gratuitous::new(now));
            }
        }
    }

    /// When something is due.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        if !self.is_up() {
            return None;
        }
        if self.again.is_some() {
            return self.again;
        }
        let acquiring = match &self.acquiring {
            Some(acquiring) => acquiring.next(),
            None => Some(now),
        };
        let gratuitous = self.on.iter().filter_map(|it| it.gratuitous.as_ref());
        gratuitous.map(Gratuitous::next).chain(acquiring).min()
    }

    /// What is due now, if something is.
    pub(super) fn step(&mut self, now: Instant, random: &mut Rng) -> Due {
        let mut due = Due::default();
        if self.next(now).is_none_or(|next| next > now) {
            return due;
        }
        self.again = None;
        let pace = match self.start {
            Start::Probe(pace) => pace,
            Start::AtOnce => Pace::Fast,
        };
        let is_new = self.acquiring.is_none();
        let acquiring = self
            .acquiring
            .get_or_insert_with(|| Acquiring::new(pace, now, random.f64()));
        due.begins = is_new && self.start == Start::AtOnce && !self.is_announced;
        while let Some(step) = acquiring.step(now, random.f64()) {
            match step {
                Step::Probe => {
                    let up = self.on.iter().filter(|it| it.is_up);
                    due.probe.extend(up.map(|it| it.interface));
                }
                Step::Announce => due.begins |= !self.is_announced,
            }
        }
        if due.begins {
            self.is_announced = true;
            self.reassert(now);
        }
        for place in &mut self.on {
            if let Some(gratuitous) = &mut place.gratuitous
                && gratuitous.next() <= now
            {
                gratuitous.sent(now, random.f64());
                due.announce.push(place.interface);
            }
        }
        due
    }

    /// Somebody outside of the cluster has it, or wants it at the same time.
    pub(super) fn claimed(&mut self, now: Instant) -> Claimed {
        let is_calm =
            |last: Option<Instant>| last.is_none_or(|it| now.saturating_duration_since(it) >= CALM);
        let is_told = is_calm(self.told);
        if is_told {
            self.told = Some(now);
        }
        let is_defended = self.is_announced && is_calm(self.defended);
        if is_defended {
            self.defended = Some(now);
        }
        if !self.is_announced && self.again.is_none() {
            self.acquiring = None;
            self.again = Some(now + TRY_AGAIN);
        }
        Claimed {
            is_defended,
            is_told,
        }
    }
}
