//! Connections that were refused, and how often that is told: anybody can open them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// From one line in the log to the next at least, of what is refused for the same reason.
const QUIET: Duration = Duration::from_mins(1);

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// No router has the address that it comes from.
    Stranger,
    /// The password of its router is not known.
    NoPassword,
    /// There are too many sessions with routers of its network.
    TooMany,
}

/// What was refused, for each reason: when that was told last, and how many connections were refused since.
#[derive(Debug, Default)]
pub(super) struct Refused(BTreeMap<Why, (Instant, u64)>);

impl Refused {
    /// Counts a connection. Whether it is to be told now: how many were refused and not told before it.
    pub(super) fn note(&mut self, why: Why, now: Instant) -> Option<u64> {
        match self.0.get_mut(&why) {
            Some((told, untold)) if now < *told + QUIET => {
                *untold += 1;
                None
            }
            _ => Some(self.0.insert(why, (now, 0)).map_or(0, |(_, untold)| untold)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_reason_one_line_a_minute_is_written_which_tells_how_many_were_left_out() {
        let mut refused = Refused::default();
        let start = Instant::now();
        let mut note = |why, milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            refused.note(why, now)
        };
        assert_eq!(note(Why::Stranger, 0), Some(0));
        for milliseconds in 1..=1000 {
            assert_eq!(note(Why::Stranger, milliseconds), None);
        }
        // Strangers hide nothing else.
        assert_eq!(note(Why::NoPassword, 1000), Some(0));
        assert_eq!(note(Why::Stranger, 59_999), None);
        assert_eq!(note(Why::Stranger, 60_000), Some(1001));
        assert_eq!(note(Why::Stranger, 60_001), None);
        assert_eq!(note(Why::Stranger, 500_000), Some(1));
        assert_eq!(note(Why::Stranger, 1_000_000), Some(0));
    }
}
