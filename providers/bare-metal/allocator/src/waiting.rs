//! Services that lack something, each under what would help it, so that the end of an obstacle
//! finds them without a look at anybody else.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use landfall_provider_api::{Family, ServiceName};

use crate::need::{Need, ReservationName};
use crate::refusal::Refusal;
use crate::tenants::Slot;

/// What keeps a Service from what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// This address is another's.
    Address(IpAddr),
    /// This pool has no free address of this family.
    Room(Arc<str>, Family),
    /// This pool is not there, or not as it would have to be.
    Pool(Arc<str>),
    /// No pool is as it would have to be.
    AnyPool,
    /// This reservation is not there, or not ready.
    Reservation(ReservationName),
    /// No address is shared under this key that had room for its ports.
    Key(Box<str>),
}

/// The order in which those who wait are served: the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    created: SystemTime,
    service: ServiceName,
    pub slot: Slot,
}

/// Somebody who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// What is asked for.
    pub need: Need,
    /// Why it was not given.
    pub refusals: Vec<Refusal>,
    obstacles: Vec<Obstacle>,
}

/// All who wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    waiters: HashMap<Slot, Waiter>,
    by_obstacle: HashMap<Obstacle, BTreeSet<Turn>>,
}

impl Waiting {
    /// Lets a Service wait for the end of these refusals.
    pub(crate) fn add(&mut self, slot: Slot, need: Need, refusals: Vec<Refusal>) {
        let mut obstacles: Vec<_> = refusals.iter().flat_map(Refusal::obstacles).collect();
        let key = need.sharing.as_ref().map(|it| it.key.clone());
        obstacles.extend(key.map(Obstacle::Key));
        // Which pool has an address that is asked for may become another's matter, and what is
        // named may go while something else is waited for.
        obstacles.extend(need.ask.addresses.iter().map(|_| Obstacle::AnyPool));
        obstacles.extend(need.ask.pool.iter().cloned().map(Obstacle::Pool));
        obstacles.extend(need.reservations().map(Obstacle::Reservation));
        obstacles.sort_unstable();
        obstacles.dedup();
        let turn = turn(slot, &need);
        for obstacle in &obstacles {
            let waiters = self.by_obstacle.entry(obstacle.clone()).or_default();
            waiters.insert(turn.clone());
        }
        let waiter = Waiter {
            need,
            refusals,
            obstacles,
        };
        self.waiters.insert(slot, waiter);
    }

    /// Lets a Service wait no more.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Waiter> {
        let waiter = self.waiters.remove(&slot)?;
        let turn = turn(slot, &waiter.need);
        for obstacle in &waiter.obstacles {
            if let Some(waiters) = self.by_obstacle.get_mut(obstacle) {
                waiters.remove(&turn);
                if waiters.is_empty() {
                    self.by_obstacle.remove(obstacle);
                }
            }
        }
        Some(waiter)
    }

    /// Those who wait.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.waiters.keys().copied()
    }

    /// One who waits.
    #[cfg(test)]
    pub(crate) fn get(&self, slot: Slot) -> &Waiter {
        &self.waiters[&slot]
    }

    /// Who waits for the end of this obstacle and comes after that one.
    pub(crate) fn next_behind(&self, obstacle: &Obstacle, after: Option<&Turn>) -> Option<&Turn> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let waiters = self.by_obstacle.get(obstacle)?;
        waiters.range((from, Unbounded)).next()
    }
}

fn turn(slot: Slot, need: &Need) -> Turn {
    Turn {
        created: need.created,
        service: need.service.clone(),
        slot,
    }
}
