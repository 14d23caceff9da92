//! How long is waited between one try and the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::route::Family;

/// After a session was lost, or something has changed, it is tried again within this time at first.
const FIRST: Duration = Duration::from_millis(500);
/// The first wait after an error, unless the usual one is shorter.
const FIRST_AFTER_ERROR: Duration = Duration::from_secs(5);
/// The longest wait after errors that repeat, unless the usual one is longer.
const LONGEST: Duration = Duration::from_mins(1);
/// A router is told all of a family once in this time.
const REFRESH: Duration = Duration::from_secs(1);

/// What is waited for between connections.
#[derive(Debug)]
pub(super) struct Waiting {
    random: fastrand::Rng,
    /// When a connection is tried, or may be accepted again.
    until: Option<Instant>,
    is_after_error: bool,
    /// Errors in a row.
    errors: u32,
    /// Connections in a row that could not be opened, and sessions that broke early.
    failures: u32,
    /// When each family was last said anew, and whether that is asked for once more.
    refreshed: BTreeMap<Family, (Instant, bool)>,
}

impl Waiting {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            until: None,
            is_after_error: false,
            errors: 0,
            failures: 0,
            refreshed: BTreeMap::new(),
        }
    }

    /// A time that differs by up to a quarter.
    pub(super) fn about(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.75 + 0.5 * self.random.f64())
    }

    /// A part of a time, so that not all say the same at once (RFC 4271 §10).
    pub(super) fn jittered(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.75 + 0.25 * self.random.f64())
    }

    /// Tries at once.
    pub(super) fn not_at_all(&mut self, now: Instant) {
        self.until = Some(now);
        self.is_after_error = false;
    }

    /// There is, or was, another connection: waits the usual time.
    pub(super) fn as_usual(&mut self, usual: Duration, now: Instant) {
        let time = self.about(usual);
        self.until = Some(now + time);
        self.is_after_error = false;
    }

    /// Nobody listens, or the session broke before it had worked: waits longer each time, up to the usual
    /// time, so that a router that starts anew is back soon, and one that is not there costs little.
    pub(super) fn after_failure(&mut self, usual: Duration, now: Instant) {
        let time = self.about(doubled(FIRST, self.failures).min(usual));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + time);
        self.is_after_error = false;
    }

    /// One side has found an error: waits longer each time. If it says that there is to be no session for
    /// some time, it begins with the usual wait.
    pub(super) fn after_error(&mut self, usual: Duration, is_meant_to_last: bool, now: Instant) {
        let first = if is_meant_to_last {
            usual
        } else {
            usual.min(FIRST_AFTER_ERROR)
        };
        let longest = LONGEST.max(usual);
        let time = self.about(doubled(first, self.errors).min(longest));
        self.errors = self.errors.saturating_add(1);
        self.until = Some(now + time);
        self.is_after_error = true;
    }

    /// A session that worked was lost, or one that is waited for is likelier to come about than before.
    pub(super) fn soon(&mut self, now: Instant) {
        let at = now + self.jittered(FIRST);
        self.until = Some(self.until.map_or(at, |it| it.min(at)));
        self.is_after_error = false;
    }

    /// A session has lasted: what went wrong before it does not count.
    pub(super) fn forgive(&mut self) {
        self.errors = 0;
        self.failures = 0;
    }

    /// A new session: nothing is waited for, and whatever was asked for in the last one is said in it
    /// anyway.
    pub(super) fn begin(&mut self) {
        self.stop();
    }

    pub(super) fn stop(&mut self) {
        self.until = None;
        self.is_after_error = false;
        self.refreshed.clear();
    }

    /// Whether no connection is accepted yet.
    pub(super) fn is_after_error(&self) -> bool {
        self.is_after_error
    }

    /// The next time that something is due; a connection only where one may be tried.
    pub(super) fn next(&self, may_dial: bool) -> Option<Instant> {
        let refreshes = self.refreshed.values();
        let refreshes = refreshes.filter_map(|(at, again)| again.then_some(*at + REFRESH));
        let until = self.until.filter(|_| may_dial || self.is_after_error);
        refreshes.chain(until).min()
    }

    /// Whether the wait is over. True once.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let is_over = self.until.is_some_and(|it| now >= it);
        if is_over {
            self.until = None;
            self.is_after_error = false;
        }
        is_over
    }

    /// Whether a family may be said anew now; if not, it is remembered.
    pub(super) fn may_refresh(&mut self, family: Family, now: Instant) -> bool {
        match self.refreshed.get_mut(&family) {
            Some((last, again)) if now < *last + REFRESH => {
                *again = true;
                false
            }
            _ => {
                self.refreshed.insert(family, (now, false));
                true
            }
        }
    }

    /// Families that were asked for too early, and may be said now.
    pub(super) fn refreshes(&mut self, now: Instant) -> Vec<Family> {
        let due = self.refreshed.iter_mut();
        let due = due.filter(|(_, (last, again))| *again && now >= *last + REFRESH);
        due.map(|(family, entry)| {
            *entry = (now, false);
            *family
        })
        .collect()
    }
}

/// A time that was doubled so often.
fn doubled(time: Duration, times: u32) -> Duration {
    time * 2_u32.pow(times.min(8))
}
