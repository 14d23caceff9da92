//! How many calls may be made, and whose turn it is. Time is an argument; the waiting itself is
//! in `running`.
//!
//! A bucket of tokens for each family of actions, as AWS keeps one. Who waits is served by
//! priority, and in the order of asking within one. A lower priority leaves a share of the bucket
//! to the higher ones, so that a change finds a token at once after a long refresh; and one that
//! was passed over often enough is next, so that a refresh comes to its end in a storm of changes.
//!
//! The rates are hopeful. AWS publishes what it admits of an account in a region (bucket, tokens a
//! second): about 40 and 10 for what looks in Elastic Load Balancing, 20 and 3 for what changes, 20
//! and 4 for registrations; in EC2 50 to 100, each action for itself, and 5 to 20. Many accounts have
//! more, most bursts fit into the buckets, and nothing is spoilt by a call that is throttled: AWS did
//! nothing, and it is made again. So a rate begins above these and adapts: throttling empties the
//! bucket, since AWS's is empty, and takes a part of the rate; each second gives some of it back. It
//! never falls far, which is enough, since this is the smaller brake: each call that is throttled
//! waits longer and longer before it comes again (`running`), and while it waits its Service asks for
//! nothing else. With a few Services at once the calls end up as far apart as AWS admits them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much a call matters, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Priority {
    /// A Service was made, changed or deleted, and somebody waits.
    Change,
    /// What AWS holds differs from what it was told.
    Repair,
    /// A look at what is there.
    Refresh,
}

impl Priority {
    const ALL: [Self; 3] = [Self::Change, Self::Repair, Self::Refresh];

    /// The share of the bucket that it leaves to higher ones.
    fn leaves(self) -> f64 {
        match self {
            Self::Change => 0.0,
            Self::Repair => 0.25,
            Self::Refresh => 0.5,
        }
    }

    /// Calls of others that go before one that waits, before it is next.
    fn endures(self) -> u32 {
        match self {
            Self::Change => u32::MAX,
            Self::Repair => 4,
            Self::Refresh => 8,
        }
    }
}

/// Actions that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Elastic Load Balancing: what only looks.
    ElbRead,
    /// Elastic Load Balancing: what changes something, targets aside.
    ElbWrite,
    /// Elastic Load Balancing: `RegisterTargets`, `DeregisterTargets`.
    ElbTargets,
    /// EC2: what only looks.
    Ec2Read,
    /// EC2: what changes something.
    Ec2Write,
    /// The tagging API.
    Tagging,
}

impl Family {
    /// In one word, for a metric.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ElbRead => "ElbRead",
            Self::ElbWrite => "ElbWrite",
            Self::ElbTargets => "ElbTargets",
            Self::Ec2Read => "Ec2Read",
            Self::Ec2Write => "Ec2Write",
            Self::Tagging => "Tagging",
        }
    }
}

/// How fast a bucket fills, in calls a second, and how many calls it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) burst: f64,
}

/// What is tried while AWS does not throttle. The tagging API's rate is not published; ours is low.
pub(super) const RATES: [(Family, Rate); 6] = [
    (Family::ElbRead, rate(20.0, 50.0)),
    (Family::ElbWrite, rate(20.0, 40.0)),
    (Family::ElbTargets, rate(15.0, 40.0)),
    (Family::Ec2Read, rate(20.0, 100.0)),
    (Family::Ec2Write, rate(20.0, 100.0)),
    (Family::Tagging, rate(5.0, 20.0)),
];

const fn rate(per_second: f64, burst: f64) -> Rate {
    Rate { per_second, burst }
}

/// The budget of each family in one line, for people.
pub(crate) fn budgets() -> String {
    let budgets = RATES.map(|(family, rate)| {
        let (name, Rate { per_second, burst }) = (family.name(), rate);
        format!("{name} {per_second}/s (burst {burst})")
    });
    budgets.join(", ")
}

/// What throttling leaves of a rate.
const KEPT: f64 = 0.7;
/// A rate falls no lower than this part of what it should be.
const LOWEST: f64 = 1.0 / 3.0;
/// The part of what it should be that a rate gains each second: all that it may lose in four.
const GAINED: f64 = 1.0 / 6.0;
/// Calls that were on their way together are throttled together: that lowers a rate once.
const ONE_THROTTLING: Duration = Duration::from_secs(1);

/// A place among those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What one that waits may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Make the call; the place is taken from the queue.
    Now,
    /// Ask again then; no one is before it.
    At(Instant),
    /// Others are before it.
    Behind,
}

/// The bucket of one family and who waits for it.
#[derive(Debug)]
pub(super) struct Budget {
    rate: Rate,
    /// Tokens a second at present.
    per_second: f64,
    tokens: f64,
    /// When `tokens` and `per_second` were right.
    counted: Instant,
    throttled: Option<Instant>,
    waiting: [VecDeque<Ticket>; 3],
    /// Calls of others since the first of each priority could have gone.
    passed: [u32; 3],
    next: u64,
}

impl Budget {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            per_second: rate.per_second,
            tokens: rate.burst,
            counted: now,
            throttled: None,
            waiting: Default::default(),
            passed: [0; 3],
            next: 0,
        }
    }

    /// A place at the end of the queue of a priority.
    pub(super) fn join(&mut self, priority: Priority) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting[priority as usize].push_back(ticket);
        ticket
    }

    /// Gives a place up.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        for (queue, passed) in self.waiting.iter_mut().zip(&mut self.passed) {
            queue.retain(|it| *it != ticket);
            if queue.is_empty() {
                *passed = 0;
            }
        }
    }

    /// What one that waits may do now.
    pub(super) fn turn(&mut self, ticket: Ticket, now: Instant) -> Turn {
        self.count(now);
        let Some((first, priority)) = self.first() else {
            return Turn::Behind;
        };
        if first != ticket {
            return Turn::Behind;
        }
        let needed = self.needed(priority);
        if self.tokens < needed {
            let missing = (needed - self.tokens) / self.per_second;
            // A hair later, so that rounding never asks for one more look.
            return Turn::At(now + Duration::from_secs_f64(missing + 0.000_001));
        }
        self.tokens -= 1.0;
        self.serve(priority);
        Turn::Now
    }

    /// Who is to be woken: whose turn is next.
    pub(super) fn first(&self) -> Option<(Ticket, Priority)> {
        let head = |priority: Priority| {
            self.waiting[priority as usize]
                .front()
                .map(|ticket| (*ticket, priority))
        };
        // The lowest first, which waits longest.
        let enough = |priority: &Priority| self.passed_over(*priority);
        let passed_over = Priority::ALL.into_iter().rev().filter(enough);
        passed_over.chain(Priority::ALL).find_map(head)
    }

    /// AWS asked for fewer calls.
    pub(super) fn throttled(&mut self, now: Instant) {
        self.count(now);
        if self
            .throttled
            .is_some_and(|then| now.saturating_duration_since(then) < ONE_THROTTLING)
        {
            return;
        }
        self.throttled = Some(now);
        self.per_second = (self.per_second * KEPT).max(self.rate.per_second * LOWEST);
        self.tokens = self.tokens.min(0.0);
    }

    fn serve(&mut self, served: Priority) {
        self.waiting[served as usize].pop_front();
        self.passed[served as usize] = 0;
        for other in Priority::ALL {
            let waits = other != served && !self.waiting[other as usize].is_empty();
            let passed = &mut self.passed[other as usize];
            *passed = if waits { passed.saturating_add(1) } else { 0 };
        }
    }

    fn passed_over(&self, priority: Priority) -> bool {
        self.passed[priority as usize] >= priority.endures()
    }

    /// Tokens that must be there. One that was passed over leaves no share: it has left it before.
    fn needed(&self, priority: Priority) -> f64 {
        if self.passed_over(priority) {
            1.0
        } else {
            1.0 + priority.leaves() * (self.rate.burst - 1.0)
        }
    }

    /// Lets the time since the last look fill the bucket and the rate.
    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.counted = self.counted.max(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.rate.burst);
        let gained = passed * GAINED * self.rate.per_second;
        self.per_second = (self.per_second + gained).min(self.rate.per_second);
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
