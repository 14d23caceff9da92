//! Intervals as BFD can say them.

use std::num::NonZeroU32;
use std::time::Duration;

/// An interval between packets: whole microseconds, at least one, at most 2³² − 1 (RFC 5880 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(NonZeroU32);

/// It cannot be said in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not between 1 µs and 4294967295 µs")]
pub struct OutOfRange(pub Duration);

impl TryFrom<Duration> for Interval {
    type Error = OutOfRange;

    /// What is less than a microsecond of it is left out.
    fn try_from(duration: Duration) -> Result<Self, OutOfRange> {
        let microseconds = u32::try_from(duration.as_micros()).ok();
        let interval = microseconds.and_then(NonZeroU32::new).map(Self);
        interval.ok_or(OutOfRange(duration))
    }
}

impl From<Interval> for Duration {
    fn from(interval: Interval) -> Self {
        Self::from_micros(interval.0.get().into())
    }
}
