//! How fast calls are made and how long they are repeated. Numbers only; `budget` keeps to them.

use std::time::Duration;

/// How fast calls are made and how long they are repeated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pace {
    /// Whether the budgets of `budget::RATES` hold; without it a call never waits for its turn.
    pub(crate) limited: bool,
    /// How long one call may take with all its repetitions, waiting for its turn included.
    pub(crate) patience: Duration,
    /// How long one attempt may take.
    pub(crate) attempt: Duration,
    /// The longest first wait before a repetition; it doubles with each, and the wait is a random
    /// part of it (full jitter).
    pub(crate) first_wait: Duration,
    /// What that doubling stops at.
    pub(crate) longest_wait: Duration,
}

impl Default for Pace {
    /// What suits an account that others use too.
    fn default() -> Self {
        Self {
            limited: true,
            patience: Duration::from_secs(25),
            attempt: Duration::from_secs(10),
            first_wait: Duration::from_millis(300),
            longest_wait: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// No budget and hardly any wait, for tests of other things.
    #[cfg(test)]
    pub(crate) fn unlimited() -> Self {
        Self {
            limited: false,
            patience: Duration::from_secs(30),
            attempt: Duration::from_secs(30),
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(10),
        }
    }
}
