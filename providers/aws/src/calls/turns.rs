//! Waiting for a turn: the clock and the bells of the budgets. Whose turn it is, `budget` says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::budget::{Budget, Family, Priority, RATES, Ticket, Turn};

/// The budgets of all families, and who waits for each.
#[derive(Debug)]
pub(super) struct Turns([Mutex<Queue>; RATES.len()]);

#[derive(Debug)]
struct Queue {
    budget: Budget,
    bells: BTreeMap<Ticket, Arc<Notify>>,
}

impl Queue {
    /// Wakes whose turn is next, to find out when that is.
    fn ring(&self) {
        let next = self.budget.first();
        if let Some(bell) = next.and_then(|(ticket, _)| self.bells.get(&ticket)) {
            bell.notify_one();
        }
    }
}

/// There was no turn in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoTurn;

impl Turns {
    pub(super) fn new() -> Self {
        let now = Instant::now().into_std();
        Self(RATES.map(|(_, rate)| {
            Mutex::new(Queue {
                budget: Budget::new(rate, now),
                bells: BTreeMap::new(),
            })
        }))
    }

    /// Waits for a turn, and says how long. One that is dropped while it waits gives its place up.
    pub(super) async fn turn(
        &self,
        family: Family,
        priority: Priority,
        deadline: Instant,
    ) -> Result<Duration, NoTurn> {
        let began = Instant::now();
        let place = Place::new(self.queue(family), priority);
        loop {
            let now = Instant::now();
            let until = match place.turn(now) {
                Turn::Now => return Ok(now - began),
                Turn::At(then) => Some(Instant::from_std(then)),
                Turn::Behind => None,
            };
            if now >= deadline || until.is_some_and(|then| then > deadline) {
                return Err(NoTurn);
            }
            let until = until.unwrap_or(deadline);
            // Woken or not: either way it asks again.
            let _: Result<(), _> = timeout_at(until, place.bell.notified()).await;
        }
    }

    /// AWS asked for fewer calls.
    pub(super) fn throttled(&self, family: Family) {
        let now = Instant::now().into_std();
        locked(self.queue(family)).budget.throttled(now);
    }

    fn queue(&self, family: Family) -> &Mutex<Queue> {
        &self.0[family as usize]
    }
}

/// A place in a queue, given up when it is dropped.
struct Place<'a> {
    queue: &'a Mutex<Queue>,
    ticket: Ticket,
    bell: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn new(queue: &'a Mutex<Queue>, priority: Priority) -> Self {
        let bell = Arc::new(Notify::new());
        let mut inside = locked(queue);
        let ticket = inside.budget.join(priority);
        inside.bells.insert(ticket, bell.clone());
        drop(inside);
        Self {
            queue,
            ticket,
            bell,
        }
    }

    fn turn(&self, now: Instant) -> Turn {
        locked(self.queue).budget.turn(self.ticket, now.into_std())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut inside = locked(self.queue);
        inside.budget.leave(self.ticket);
        inside.bells.remove(&self.ticket);
        inside.ring();
    }
}

fn locked(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    const FAMILY: Family = Family::ElbWrite;

    /// What its bucket holds.
    const BURST: u32 = 40;

    #[test]
    fn each_family_has_its_own_rate() {
        for (place, (family, _)) in RATES.iter().enumerate() {
            assert_eq!(*family as usize, place);
        }
        let burst = RATES[FAMILY as usize].1.burst;
        assert!((burst - f64::from(BURST)).abs() < 0.001);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_wait_have_their_turn_in_the_end() {
        let turns = Turns::new();
        let late = Instant::now() + Duration::from_hours(1);
        let all = (0..BURST + 100).map(|_| turns.turn(FAMILY, Priority::Change, late));
        let began = Instant::now();
        assert!(join_all(all).await.iter().all(Result::is_ok));
        let took = began.elapsed();
        // A hundred more than the bucket holds, twenty a second.
        assert!((4..=6).contains(&took.as_secs()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_comes_late_goes_first() {
        let turns = Turns::new();
        let late = Instant::now() + Duration::from_hours(1);
        let refreshes = (0..100).map(|_| turns.turn(FAMILY, Priority::Refresh, late));
        let change = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            turns.turn(FAMILY, Priority::Change, late).await
        };
        let began = Instant::now();
        let refreshes = async {
            join_all(refreshes).await;
            began.elapsed()
        };
        let (refreshed, waited) = tokio::join!(refreshes, change);
        assert!(waited.unwrap() < Duration::from_millis(10));
        assert!(
            refreshed > Duration::from_secs(3),
            "they were not done before"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_without_hope_gives_up_at_once() {
        let turns = Turns::new();
        let late = Instant::now() + Duration::from_hours(1);
        for _ in 0..BURST {
            turns.turn(FAMILY, Priority::Change, late).await.unwrap();
        }
        let began = Instant::now();
        let soon = began + Duration::from_millis(10);
        let first = turns.turn(FAMILY, Priority::Change, soon).await;
        assert_eq!(first, Err(NoTurn));
        assert_eq!(began.elapsed(), Duration::ZERO);
        let second = turns.turn(FAMILY, Priority::Change, late).await;
        assert!(second.unwrap() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_dropped_holds_nobody_up() {
        let turns = Turns::new();
        let late = Instant::now() + Duration::from_hours(1);
        for _ in 0..BURST {
            turns.turn(FAMILY, Priority::Change, late).await.unwrap();
        }
        let dropped = tokio::time::timeout(
            Duration::from_millis(10),
            turns.turn(FAMILY, Priority::Change, late),
        );
        let second = turns.turn(FAMILY, Priority::Change, late);
        let (dropped, second) = tokio::join!(dropped, second);
        assert!(dropped.is_err());
        assert!(second.unwrap() < Duration::from_secs(1));
    }
}
