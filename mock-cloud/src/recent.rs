//! A bounded memory of what was used lately: flows by their client, targets by theirs. What was
//! idle too long is forgotten, and with no room left, what was idle longest. Pure: time is an
//! argument. The node ports of `landfall sandbox` remember their flows with it, too.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Values by key, each until it was idle for a while.
#[derive(Debug)]
pub struct Recent<K, V> {
    origin: Instant,
    capacity: usize,
    idle: Duration,
    entries: HashMap<K, Entry<V>>,
    /// Every key once, by a time at which it may have become the one that was idle longest; never
    /// later than its last use. It is put right when its turn comes, so that a use costs nothing.
    order: BTreeSet<(u64, K)>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    used: Arc<Stamp>,
    /// Where it stands in the order.
    place: u64,
}

/// When something was last used, in milliseconds since its memory began. Others may touch it, too.
#[derive(Debug)]
pub struct Stamp {
    origin: Instant,
    at: AtomicU64,
}

impl Stamp {
    /// It is used now.
    pub fn touch(&self, now: Instant) {
        self.at
            .fetch_max(since(self.origin, now), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }
}

impl<K: Copy + Eq + Hash + Ord, V> Recent<K, V> {
    /// Remembers so many at most, each until it was idle for so long.
    pub fn new(capacity: usize, idle: Duration, origin: Instant) -> Self {
        Self {
            origin,
            capacity: capacity.max(1),
            idle,
            entries: HashMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// How long each is kept from now on, those that are there included.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// What is remembered, which is used by this.
    pub fn get(&mut self, key: K, now: Instant) -> Option<&V> {
        let used = self.entries.get(&key)?.used.get();
        if self.is_over(used, now) {
            self.remove(key);
            return None;
        }
        let entry = self.entries.get(&key)?;
        entry.used.touch(now);
        Some(&entry.value)
    }

    /// Remembers a value, made from the stamp that tells of its use. With no room left, what was
    /// idle longest is forgotten.
    pub fn insert(&mut self, key: K, now: Instant, value: impl FnOnce(Arc<Stamp>) -> V) {
        self.remove(key);
        while self.entries.len() >= self.capacity {
            let Some(oldest) = self.oldest() else { break };
            self.remove(oldest);
        }
        let place = since(self.origin, now);
        let used = Arc::new(Stamp {
            origin: self.origin,
            at: AtomicU64::new(place),
        });
        let value = value(used.clone());
        self.order.insert((place, key));
        self.entries.insert(key, Entry { value, used, place });
    }

    /// Forgets it; returns what was remembered.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let entry = self.entries.remove(&key)?;
        self.order.remove(&(entry.place, key));
        Some(entry.value)
    }

    /// Forgets what was idle too long; tells when to come again, if anything is left.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(oldest) = self.oldest() {
            let used = self.entries.get(&oldest)?.used.get();
            if !self.is_over(used, now) {
                return Some(self.origin + Duration::from_millis(used) + self.idle);
            }
            self.remove(oldest);
        }
        None
    }

    /// All that is left, which is forgotten by this.
    pub fn drain(&mut self) -> impl Iterator<Item = V> {
        self.order.clear();
        self.entries.drain().map(|(_, entry)| entry.value)
    }

    /// The key that was idle longest, with its place put right.
    fn oldest(&mut self) -> Option<K> {
        loop {
            let (place, key) = *self.order.first()?;
            let entry = self.entries.get_mut(&key)?;
            let used = entry.used.get();
            if used == place {
                return Some(key);
            }
            entry.place = used;
            self.order.remove(&(place, key));
            self.order.insert((used, key));
        }
    }

    fn is_over(&self, used: u64, now: Instant) -> bool {
        Duration::from_millis(since(self.origin, now).saturating_sub(used)) >= self.idle
    }
}

fn since(origin: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(origin).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const IDLE: u64 = 100;

    struct Memory {
        origin: Instant,
        recent: Recent<u8, u8>,
    }

    impl Memory {
        fn new(capacity: usize) -> Self {
            let origin = Instant::now();
            let recent = Recent::new(capacity, Duration::from_millis(IDLE), origin);
            Self { origin, recent }
        }

        fn at(&self, time: u64) -> Instant {
            self.origin + Duration::from_millis(time)
        }

        fn get(&mut self, key: u8, time: u64) -> Option<u8> {
            let now = self.at(time);
            self.recent.get(key, now).copied()
        }

        fn insert(&mut self, key: u8, time: u64) -> Arc<Stamp> {
            let (now, mut stamp) = (self.at(time), None);
            self.recent.insert(key, now, |given| {
                stamp = Some(given);
                key
            });
            stamp.unwrap()
        }
    }

    #[test]
    fn what_is_used_is_kept_and_what_is_idle_is_forgotten() {
        let mut memory = Memory::new(10);
        let stamp = memory.insert(1, 0);
        assert_eq!(memory.get(1, 99), Some(1));
        assert_eq!(memory.get(1, 198), Some(1), "it was used at 99");
        stamp.touch(memory.at(250));
        let next = memory.recent.expire(memory.at(349));
        assert_eq!(next, Some(memory.at(350)), "somebody else used it at 250");
        assert_eq!(memory.recent.expire(memory.at(350)), None);
        assert_eq!(memory.get(1, 350), None);
    }

    #[test]
    fn with_no_room_the_one_idle_longest_goes() {
        let mut memory = Memory::new(2);
        let first = memory.insert(1, 0);
        memory.insert(2, 10);
        first.touch(memory.at(20));
        memory.insert(3, 30);
        assert_eq!(
            [1, 2, 3].map(|key| memory.get(key, 31)),
            [Some(1), None, Some(3)]
        );
    }

    #[test]
    fn a_shorter_time_holds_for_what_is_there() {
        let mut memory = Memory::new(2);
        memory.insert(1, 0);
        memory.recent.set_idle(Duration::from_millis(10));
        assert_eq!(memory.get(1, 10), None);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Get(u8),
        Insert(u8),
        Remove(u8),
        Expire,
    }

    proptest! {
        /// It remembers what a plain list would.
        #[test]
        fn it_is_a_list_by_last_use(steps in prop::collection::vec((prop_oneof![
            (0..6_u8).prop_map(Step::Get),
            (0..6_u8).prop_map(Step::Insert),
            (0..6_u8).prop_map(Step::Remove),
            Just(Step::Expire),
        ], 1..60_u64), 0..100)) {
            let mut memory = Memory::new(3);
            let mut list: BTreeMap<u8, u64> = BTreeMap::new();
            let mut time = 0;
            for (step, after) in steps {
                time += after;
                let live = |last: u64| time - last < IDLE;
                match step {
                    Step::Get(key) => {
                        let expected = list.get(&key).is_some_and(|last| live(*last));
                        list.entry(key).and_modify(|last| *last = time);
                        if !expected { list.remove(&key); }
                        prop_assert_eq!(memory.get(key, time), expected.then_some(key));
                    }
                    Step::Insert(key) => {
                        list.remove(&key);
                        if list.len() == 3 {
                            let oldest = list.iter().min_by_key(|(_, last)| **last).map(|(k, _)| *k);
                            list.remove(&oldest.unwrap());
                        }
                        list.insert(key, time);
                        memory.insert(key, time);
                    }
                    Step::Remove(key) => {
                        prop_assert_eq!(memory.recent.remove(key), list.remove(&key).map(|_| key));
                    }
                    Step::Expire => {
                        list.retain(|_, last| live(*last));
                        let next = list.values().min().map(|last| memory.at(last + IDLE));
                        prop_assert_eq!(memory.recent.expire(memory.at(time)), next);
                    }
                }
                prop_assert_eq!(memory.recent.entries.len(), list.len());
                prop_assert_eq!(memory.recent.order.len(), list.len());
            }
        }
    }
}
