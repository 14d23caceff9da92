//! The stand-in's own clock. It runs with real time unless frozen, and can be moved ahead.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that counts from the start of the stand-in.
#[derive(Debug)]
pub(crate) struct Clock {
    started: SystemTime,
    /// What had passed when it was last started, stopped or moved.
    passed: Duration,
    /// Since when it runs; `None` while frozen.
    running: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(frozen: bool) -> Self {
        Self {
            started: SystemTime::now(),
            passed: Duration::ZERO,
            running: (!frozen).then(Instant::now),
        }
    }

    /// What has passed since the start.
    pub(crate) fn now(&self) -> Duration {
        self.passed + self.running.map_or(Duration::ZERO, |it| it.elapsed())
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.passed += by;
    }

    pub(crate) fn freeze(&mut self) {
        self.passed = self.now();
        self.running = None;
    }

    pub(crate) fn thaw(&mut self) {
        self.running.get_or_insert_with(Instant::now);
    }

    /// When the stand-in was started, since 1970.
    pub(crate) fn epoch(&self) -> Duration {
        self.started.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A moment in the form of RFC 3339, in whole seconds.
pub(crate) fn written(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// The civil date of a day since 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_aws_writes_them() {
        let moment = Duration::from_secs(1_709_210_096);
        assert_eq!(written(moment), "2024-02-29T12:34:56.000Z");
    }

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let mut clock = Clock::new(true);
        clock.advance(Duration::from_mins(1));
        assert_eq!(clock.now(), Duration::from_mins(1));
    }
}
