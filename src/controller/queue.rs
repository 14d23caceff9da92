//! When each key is due. Holds no key's state, does no I/O and reads no clock.
//!
//! A key is never handed out while it runs, so nothing about one Service happens twice at once.
//! Being asked for several times before it runs is the same as once; being asked for while it
//! runs makes it due again afterwards.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// Keys, each due at a time. Those due at one time come in the order in which they were added.
#[derive(Debug)]
pub(super) struct Queue<K> {
    entries: HashMap<K, Entry>,
    waiting: BTreeSet<(Instant, u64, K)>,
    added: u64,
}

#[derive(Debug)]
enum Entry {
    Waiting { due: Instant, place: u64 },
    Running { again: Option<Instant> },
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            waiting: BTreeSet::new(),
            added: 0,
        }
    }

    /// Makes a key due at `at`, or earlier if it is due earlier already.
    pub(super) fn add(&mut self, key: &K, at: Instant) {
        match self.entries.get_mut(key) {
            Some(Entry::Running { again }) => {
                *again = Some(again.map_or(at, |before| before.min(at)));
            }
            Some(Entry::Waiting { due, .. }) if *due <= at => {}
            Some(Entry::Waiting { due, place }) => {
                self.waiting.remove(&(*due, *place, key.clone()));
                self.wait(key, at);
            }
            None => self.wait(key, at),
        }
    }

    /// Takes the first key that is due by `now`; it runs until [`finish`](Self::finish).
    pub(super) fn take(&mut self, now: Instant) -> Option<K> {
        if self.waiting.first()?.0 > now {
            return None;
        }
        let (_, _, key) = self.waiting.pop_first()?;
        self.entries
            .insert(key.clone(), Entry::Running { again: None });
        Some(key)
    }

    /// When the first waiting key is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.first().map(|(due, _, _)| *due)
    }

    /// A key has run. It is due again at `next`, or when it was asked for meanwhile.
    pub(super) fn finish(&mut self, key: &K, next: Option<Instant>) {
        let asked = match self.entries.remove(key) {
            Some(Entry::Running { again }) => again,
            Some(Entry::Waiting { due, place }) => {
                self.waiting.remove(&(due, place, key.clone()));
                Some(due)
            }
            None => None,
        };
        let due = match (asked, next) {
            (Some(asked), Some(next)) => Some(asked.min(next)),
            (asked, next) => asked.or(next),
        };
        if let Some(due) = due {
            self.wait(key, due);
        }
    }

    /// How many keys are known: those that run, and those that wait, for a time too.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the key runs now.
    pub(super) fn is_running(&self, key: &K) -> bool {
        matches!(self.entries.get(key), Some(Entry::Running { .. }))
    }

    fn wait(&mut self, key: &K, due: Instant) {
        let place = self.added;
        self.added += 1;
        self.waiting.insert((due, place, key.clone()));
        self.entries
            .insert(key.clone(), Entry::Waiting { due, place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_key_asked_for_twice_runs_once() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.add(&"a", now);
        queue.add(&"a", now);
        assert_eq!(queue.take(now), Some("a"));
        queue.finish(&"a", None);
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn a_running_key_is_not_handed_out_and_runs_again_afterwards() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.add(&"a", now);
        assert_eq!(queue.take(now), Some("a"));
        queue.add(&"a", now);
        assert_eq!(queue.take(now), None);
        queue.finish(&"a", Some(now + seconds(60)));
        assert_eq!(queue.take(now), Some("a"));
    }

    #[test]
    fn the_earlier_time_holds() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.add(&"a", now + seconds(9));
        queue.add(&"a", now + seconds(3));
        queue.add(&"a", now + seconds(6));
        assert_eq!(queue.next_due(), Some(now + seconds(3)));
        assert_eq!(queue.take(now + seconds(2)), None);
        assert_eq!(queue.take(now + seconds(3)), Some("a"));
    }

    #[test]
    fn keys_due_together_come_in_the_order_they_were_added() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        for key in ["c", "a", "b"] {
            queue.add(&key, now);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.take(now)).collect();
        assert_eq!(order, ["c", "a", "b"]);
    }

    proptest! {
        /// Whatever happens in whatever order, no key that was asked for is lost, and none runs
        /// twice at once.
        #[test]
        fn nothing_is_lost(steps in prop::collection::vec((0u8..3, 0u8..4, 0u64..5), 1..200)) {
            let start = Instant::now();
            let mut queue = Queue::new();
            let mut running = BTreeSet::new();
            for (step, key, delay) in steps {
                match step {
                    0 => queue.add(&key, start + seconds(delay)),
                    1 => {
                        if let Some(key) = queue.take(start + seconds(delay)) {
                            prop_assert!(running.insert(key), "{} runs twice", key);
                        }
                    }
                    _ => {
                        if let Some(key) = running.pop_first() {
                            queue.finish(&key, None);
                        }
                    }
                }
                for key in &running {
                    prop_assert!(queue.is_running(key));
                }
            }
            for key in 0..4 {
                queue.add(&key, start);
            }
            for key in running {
                queue.finish(&key, None);
            }
            let left: BTreeSet<_> = std::iter::from_fn(|| queue.take(start)).collect();
            prop_assert_eq!(left.len(), 4);
        }
    }
}
