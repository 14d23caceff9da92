//! When everybody is told, unasked, who has an address.

use std::time::{Duration, Instant};

/// The first gap of a burst; each further one is twice as long.
const FIRST_GAP: Duration = Duration::from_millis(50);
/// Longest gap of a burst. What follows is the slow refresh.
const LAST_GAP: Duration = Duration::from_millis(1600);
/// From one refresh to the next, for switches and neighbours that were away.
const REFRESH: Duration = Duration::from_mins(1);

/// The times at which an address is announced: a burst with growing gaps, since a neighbour may
/// miss one, then a slow refresh with jitter, so that a thousand addresses do not go out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gratuitous {
    next: Instant,
    gap: Duration,
}

impl Gratuitous {
    /// The first goes out at once.
    pub fn new(now: Instant) -> Self {
        Self {
            next: now,
            gap: FIRST_GAP,
        }
    }

    /// When the next is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// One was sent. `jitter` is a number from 0 to 1, drawn by chance.
    pub fn sent(&mut self, now: Instant, jitter: f64) {
        if self.gap <= LAST_GAP {
            self.next = now + self.gap;
            self.gap *= 2;
        } else {
            self.next = now + REFRESH.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_with_growing_gaps_and_then_a_refresh_each_minute() {
        let start = Instant::now();
        let mut schedule = Gratuitous::new(start);
        let mut times = Vec::new();
        for _ in 0..9 {
            let now = schedule.next();
            times.push((now - start).as_millis());
            schedule.sent(now, 0.5);
        }
        let burst = [0, 50, 150, 350, 750, 1550, 3150];
        assert_eq!(times[..7], burst);
        assert_eq!(times[7..], [63_150, 123_150]);
    }

    #[test]
    fn refreshes_spread() {
        let start = Instant::now();
        let after = |jitter| {
            let mut schedule = Gratuitous::new(start);
            schedule.gap = LAST_GAP * 2;
            schedule.sent(start, jitter);
            (schedule.next() - start).as_secs()
        };
        assert_eq!((after(0.0), after(1.0)), (45, 75));
    }
}
