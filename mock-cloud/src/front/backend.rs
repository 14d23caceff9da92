//! A place that is checked, and what is known about its health.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landfall_mock_cloud_wire::TargetHealth;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::alarm::Alarm;
use super::health::{Check, Health, Judge, Probe};
use super::probe;
use crate::timing::Timing;

/// From one group of checks to the next, as a rule.
const GRID: Duration = Duration::from_millis(500);

/// Delays between the first checks of a new target, before it is taken for unhealthy: whoever made
/// it often makes its port at the same time.
const FIRST_DELAYS: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
];

/// What is known about the health of a place. It is written by its checks, and by the connections
/// that are made there.
#[derive(Debug)]
pub(super) struct Backend {
    check: Check,
    timing: Timing,
    judge: Mutex<Judge>,
    failed: Notify,
    alarm: Arc<Alarm>,
}

impl Backend {
    pub(super) fn is_healthy(&self) -> bool {
        *self.judge().health() == Health::Healthy
    }

    pub(super) fn describe(&self) -> TargetHealth {
        self.judge().health().describe()
    }

    fn is_new(&self) -> bool {
        *self.judge().health() == Health::Initial
    }

    /// Whether nobody checks it.
    pub(super) fn is_assumed(&self) -> bool {
        self.check.probe == Probe::Assume
    }

    /// Somebody connected to this address, or tried to.
    pub(super) fn note_connection(&self, address: SocketAddr, result: Result<(), &io::Error>) {
        if self.check.is_connecting_to(address) {
            self.note(result);
        }
        if result.is_err() {
            self.failed.notify_one();
        }
    }

    async fn attempt(&self) -> io::Result<()> {
        let probe = probe::run(&self.check.probe);
        match tokio::time::timeout(self.timing.connect_timeout, probe).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn note(&self, result: Result<(), &io::Error>) {
        if result.is_err_and(is_our_own) {
            return;
        }
        let mut judge = self.judge();
        if judge.note(result.map_err(ToString::to_string)) {
            tracing::debug!(check = ?self.check.probe, health = ?judge.health(), "target health");
            drop(judge);
            self.alarm.raise();
        }
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        // Nothing that holds it leaves a half-made change behind.
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks it for ever: at once, then at intervals.
    async fn check(self: Arc<Self>) {
        let (mut failures, mut first_delays) = (0_u32, FIRST_DELAYS.into_iter());
        loop {
            // Most of the time a check is waited for, not made: what making one needs is kept apart.
            let result = Box::pin(self.attempt()).await;
            let is_refused = |error: &io::Error| error.kind() != io::ErrorKind::TimedOut;
            if result.as_ref().is_err_and(is_refused)
                && self.is_new()
                && let Some(delay) = first_delays.next()
            {
                tokio::time::sleep(delay).await;
                continue;
            }
            self.note(result.as_ref().map(drop));
            if result.is_ok() {
                failures = 0;
                let next = due(self.check.interval);
                let failed = tokio::time::timeout_at(next, self.failed.notified()).await;
                if failed.is_err() {
                    continue;
                }
            } else {
                failures = failures.saturating_add(1);
            }
            let interval = retry_interval(&self.timing, self.check.interval, failures);
            tokio::time::sleep_until(due(interval)).await;
        }
    }
}

/// A backend whose health is checked until this is dropped.
#[derive(Debug)]
pub(super) struct Checked {
    backend: Arc<Backend>,
    _checks: Option<AbortOnDropHandle<()>>,
}

impl Checked {
    pub(super) fn start(check: Check, timing: Timing, alarm: Arc<Alarm>) -> Self {
        let is_assumed = check.probe == Probe::Assume;
        let backend = Arc::new(Backend {
            judge: Mutex::new(Judge::new(&check)),
            check,
            timing,
            failed: Notify::new(),
            alarm,
        });
        let checks = (!is_assumed).then(|| {
            let checks = tokio::spawn(backend.clone().check());
            AbortOnDropHandle::new(checks)
        });
        Self {
            backend,
            _checks: checks,
        }
    }

    pub(super) fn backend(&self) -> Arc<Backend> {
        self.backend.clone()
    }
}

/// Time to the next check after so many failures in a row: it doubles with every eighth, so that
/// targets that nobody mends cost no more than healthy ones.
fn retry_interval(timing: &Timing, check_interval: Duration, failures: u32) -> Duration {
    let factor = 1_u32 << (failures / 8).min(10);
    (timing.retry_interval * factor).min(check_interval.max(timing.retry_interval))
}

/// When a check that is to come after this interval is made. Checks come in groups, on a grid in
/// time that all share: a processor that sleeps is woken for many at once, and not for each.
fn due(interval: Duration) -> Instant {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let grid = GRID.min(interval / 4).max(Duration::from_millis(1));
    let since = ORIGIN.elapsed() + jittered(interval);
    let steps = u32::try_from(since.as_millis() / grid.as_millis()).unwrap_or(u32::MAX);
    *ORIGIN + grid * steps
}

/// Give or take a quarter, so that checks that began together do not stay together.
fn jittered(interval: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) % 1024;
    let random = u32::try_from(random).expect("a remainder of 1024 is small");
    interval * 3 / 4 + interval / 2 * random / 1024
}

/// Whether a connection failed for want of something on our side, which says nothing about the
/// target: no file descriptor (EMFILE, ENFILE), no local port.
pub(super) fn is_our_own(error: &io::Error) -> bool {
    crate::bind::is_out_of_files(error) || error.kind() == io::ErrorKind::AddrNotAvailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_nobody_mends_is_checked_less_and_less() {
        let timing = Timing::default();
        let seconds =
            |failures| retry_interval(&timing, timing.check_interval, failures).as_secs_f32();
        for (failures, expected) in [(0, 1.5), (7, 1.5), (8, 3.0), (16, 6.0), (24, 10.0)] {
            assert!((seconds(failures) - expected).abs() < 0.001, "{failures}");
        }
        assert!((seconds(u32::MAX) - 10.0).abs() < 0.001);
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let interval = Duration::from_secs(8);
        for _ in 0..1000 {
            let jittered = jittered(interval);
            assert!(jittered >= interval * 3 / 4 && jittered <= interval * 5 / 4);
        }
    }
}
