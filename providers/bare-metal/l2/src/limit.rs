//! How much of one neighbour is answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::mac::Mac;

/// What is counted together.
const WINDOW: Duration = Duration::from_secs(1);
/// Sources that are told apart within a window. Whoever sends from more is no honest neighbour, and
/// the rest share what one is allowed.
const MOST_SOURCES: usize = 4096;

/// A limit for each source, never for an address: who floods loses its own answers, and nobody
/// else's. It takes no more memory than a window's sources.
#[derive(Debug)]
pub struct Limit {
    allowed: u32,
    counted_since: Instant,
    counts: HashMap<Mac, u32>,
    others: u32,
}

impl Limit {
    /// So many in each second, from each source.
    pub fn new(allowed: u32, now: Instant) -> Self {
        Self {
            allowed,
            counted_since: now,
            counts: HashMap::new(),
            others: 0,
        }
    }

    /// Counts one from this source, and says whether it is within the limit.
    pub fn allows(&mut self, source: Mac, now: Instant) -> bool {
        if now.saturating_duration_since(self.counted_since) >= WINDOW {
            self.counted_since = now;
            self.counts.clear();
            self.others = 0;
        }
        let is_room = self.counts.len() < MOST_SOURCES;
        let count = match self.counts.get_mut(&source) {
            Some(count) => count,
            None if is_room => self.counts.entry(source).or_default(),
            None => &mut self.others,
        };
        *count = count.saturating_add(1);
        *count <= self.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_loses_its_own_answers_and_nobody_elses() {
        let (flood, calm, start) = (Mac([2; 6]), Mac([4; 6]), Instant::now());
        let mut limit = Limit::new(10, start);
        let answered = (0..100).filter(|_| limit.allows(flood, start)).count();
        assert_eq!(answered, 10);
        assert!(limit.allows(calm, start));
        assert!(!limit.allows(flood, start + WINDOW / 2));
        assert!(limit.allows(flood, start + WINDOW));
    }

    #[test]
    fn a_flood_from_invented_sources_takes_no_memory_and_ends_with_its_second() {
        let start = Instant::now();
        let mut limit = Limit::new(10, start);
        for number in 0..100_000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            limit.allows(Mac([2, 0, a, b, c, d]), start);
        }
        assert_eq!(limit.counts.len(), MOST_SOURCES);
        assert!(!limit.allows(Mac([4; 6]), start));
        assert!(limit.allows(Mac([4; 6]), start + WINDOW));
        for number in 0..100_000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            limit.allows(Mac([2, 1, a, b, c, d]), start + WINDOW);
        }
        assert!(limit.others > 90_000 && limit.others < 100_000);
    }
}
