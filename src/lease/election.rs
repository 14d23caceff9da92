//! Who leads, decided from what was seen of the Lease and for how long. No I/O, no clock: the time
//! is an argument, and only our own monotonic clock counts. What the holder writes as the time is
//! never compared with anything, so skewed clocks make no second leader.
//!
//! The algorithm is client-go's (`tools/leaderelection`).

use std::time::{Duration, Instant};

/// The periods of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a Lease holds that nobody was seen to renew (`spec.leaseDurationSeconds`).
    pub lease: Duration,
    /// How long a leader goes on without a renewal; shorter than `lease`, so that it has stopped
    /// before another begins.
    pub renew: Duration,
    /// From one attempt to the next.
    pub retry: Duration,
}

impl Default for Timing {
    /// client-go's.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// What a Lease says of its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// `spec.holderIdentity`; empty when the Lease was given up.
    pub holder: String,
    /// `spec.leaseDurationSeconds`: the holder's, which may differ from ours.
    pub duration: Duration,
    /// `spec.leaseTransitions`.
    pub transitions: i32,
    /// `metadata.resourceVersion`. Each renewal changes it.
    pub version: String,
}

/// What to do with the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is none: make it, with us as its holder.
    Create,
    /// Write us into it, at the version that was seen. `transitions` is what its count becomes;
    /// `taken` tells a change of holder from a renewal.
    Write {
        /// `spec.leaseTransitions`.
        transitions: i32,
        /// Whether somebody else, or nobody, held it before.
        taken: bool,
    },
    /// Nothing before this time, or before the Lease changes.
    Wait(Instant),
}

/// One candidate's view of an election.
#[derive(Debug)]
pub struct Election {
    identity: String,
    timing: Timing,
    seen: Option<Seen>,
    /// When our last successful write was begun. `None` while we don't lead.
    renewed: Option<Instant>,
    /// Before this no attempt is made.
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    holding: Holding,
    since: Instant,
}

impl Election {
    /// A candidate that has seen nothing yet.
    pub fn new(identity: impl Into<String>, timing: Timing) -> Self {
        let identity = identity.into();
        Self {
            identity,
            timing,
            seen: None,
            renewed: None,
            not_before: None,
        }
    }

    /// The version of the Lease that was seen last.
    pub fn version(&self) -> Option<&str> {
        self.seen.as_ref().map(|seen| seen.holding.version.as_str())
    }

    /// Until when we lead, if no renewal succeeds. A time that has passed means that we don't.
    pub fn leads_until(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.timing.renew)
    }

    /// Whether we lead now.
    pub fn leads(&self, now: Instant) -> bool {
        self.leads_until().is_some_and(|until| now < until)
    }

    /// The Lease as it was seen; `None` if there is none.
    pub fn see(&mut self, holding: Option<Holding>, now: Instant) {
        let Some(holding) = holding else {
            self.seen = None;
            return;
        };
        if holding.holder != self.identity {
            self.renewed = None;
        } else if self.renewed.is_some() {
            // Our own writing, and perhaps an older one: we know better.
            return;
        }
        match &self.seen {
            // Nobody has renewed it since: the time goes on.
            Some(seen) if seen.holding == holding => {}
            _ => {
                self.seen = Some(Seen {
                    holding,
                    since: now,
                });
            }
        }
    }

    /// A write that was begun at `begun` succeeded and left this.
    pub fn wrote(&mut self, holding: Holding, begun: Instant) {
        self.seen = Some(Seen {
            holding,
            since: begun,
        });
        self.renewed = Some(begun);
        self.not_before = Some(begun + self.timing.retry);
    }

    /// A write came too late: this is what a fresh read found then. It is newer than anything of
    /// ours, so even if we are its holder still (somebody set a label on the Lease), the next
    /// write, which is made a while later, must be of this version.
    pub fn overtaken(&mut self, holding: Option<Holding>, now: Instant) {
        match holding {
            Some(holding) if holding.holder == self.identity => {
                self.seen = Some(Seen {
                    holding,
                    since: now,
                });
            }
            other => self.see(other, now),
        }
        self.failed(now);
    }

    /// A write or read failed; the next is made a while later.
    pub fn failed(&mut self, now: Instant) {
        self.not_before = Some(now + self.timing.retry);
    }

    /// What to do now.
    pub fn next(&self, now: Instant) -> Next {
        if let Some(at) = self.not_before.filter(|at| now < *at) {
            // A Lease that was given up is taken at once, a failure notwithstanding.
            if self.renewed.is_some() || !self.is_free() {
                return Next::Wait(at);
            }
        }
        let Some(Seen { holding, since }) = &self.seen else {
            return Next::Create;
        };
        if holding.holder == self.identity {
            return Next::Write {
                transitions: holding.transitions,
                taken: self.renewed.is_none(),
            };
        }
        let expires = *since + holding.duration;
        if !holding.holder.is_empty() && now < expires {
            return Next::Wait(expires);
        }
        Next::Write {
            transitions: holding.transitions.saturating_add(1),
            taken: true,
        }
    }

    fn is_free(&self) -> bool {
        self.seen
            .as_ref()
            .is_some_and(|seen| seen.holding.holder.is_empty())
    }
}

#[cfg(test)]
#[path = "election_tests.rs"]
mod tests;
