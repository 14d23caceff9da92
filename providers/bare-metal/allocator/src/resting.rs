//! Addresses that were released a short time ago: whoever has them cached should not meet
//! somebody else there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

/// The addresses that rest.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    until: BTreeMap<IpAddr, Instant>,
    queue: BTreeSet<(Instant, IpAddr)>,
}

impl Resting {
    /// Lets an address rest until this time.
    pub(crate) fn rest(&mut self, address: IpAddr, until: Instant) {
        self.wake(address);
        self.until.insert(address, until);
        self.queue.insert((until, address));
    }

    /// Ends the rest of an address, if it rests.
    pub(crate) fn wake(&mut self, address: IpAddr) {
        if let Some(until) = self.until.remove(&address) {
            self.queue.remove(&(until, address));
        }
    }

    /// Ends the rest of all that have rested long enough, and says which.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<IpAddr> {
        let mut due = Vec::new();
        while let Some((until, address)) = self.queue.first().copied() {
            if until > now {
                break;
            }
            self.wake(address);
            due.push(address);
        }
        due
    }

    /// When the next rest ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(until, _)| *until)
    }

    /// The addresses of a range that rest.
    pub(crate) fn within(&self, range: RangeInclusive<IpAddr>) -> impl Iterator<Item = IpAddr> {
        self.until.range(range).map(|(address, _)| *address)
    }
}
