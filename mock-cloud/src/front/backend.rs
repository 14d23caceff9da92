//! A target address and what is known about its health.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use landfall_mock_cloud_wire::TargetHealth;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::timing::Timing;

/// From one group of checks to the next, as a rule.
const GRID: Duration = Duration::from_millis(500);

/// A place that accepts connections, or does not. Its health is written by its checks and by the
/// connections that are made to it.
#[derive(Debug)]
pub(super) struct Backend {
    address: SocketAddr,
    timing: Timing,
    health: watch::Sender<Health>,
    failed: Notify,
}

/// What the last check or connection showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Health {
    Initial,
    Healthy,
    Unhealthy(Arc<str>),
}

impl Backend {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn is_healthy(&self) -> bool {
        *self.health.borrow() == Health::Healthy
    }

    pub(super) fn describe(&self) -> TargetHealth {
        match &*self.health.borrow() {
            Health::Initial => TargetHealth::Initial,
            Health::Healthy => TargetHealth::Healthy,
            Health::Unhealthy(reason) => TargetHealth::Unhealthy {
                reason: reason.to_string(),
            },
        }
    }

    /// Connects to it, and takes note of what that shows.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let result = self.attempt().await;
        self.note(&result);
        if result.is_err() {
            self.failed.notify_one();
        }
        result
    }

    async fn attempt(&self) -> io::Result<TcpStream> {
        let connect = TcpStream::connect(self.address);
        match tokio::time::timeout(self.timing.connect_timeout, connect).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn note(&self, result: &io::Result<TcpStream>) {
        let found = match result {
            Ok(_) => Health::Healthy,
            Err(error) if is_our_own(error) => return,
            Err(error) => Health::Unhealthy(error.to_string().into()),
        };
        self.health.send_if_modified(|known| {
            let differs = *known != found;
            if differs {
                tracing::debug!(target_address = %self.address, health = ?found, "target health");
                *known = found;
            }
            differs
        });
    }

    /// Checks it for ever: at once, then at intervals.
    async fn check(self: Arc<Self>) {
        let mut failures = 0_u32;
        loop {
            self.note(&self.attempt().await);
            if self.is_healthy() {
                failures = 0;
                let next = due(self.timing.check_interval);
                let failed = tokio::time::timeout_at(next, self.failed.notified()).await;
                if failed.is_err() {
                    continue;
                }
            } else {
                failures = failures.saturating_add(1);
            }
            tokio::time::sleep_until(due(retry_interval(&self.timing, failures))).await;
        }
    }
}

/// A backend whose health is checked until this is dropped.
#[derive(Debug)]
pub(super) struct Checked {
    backend: Arc<Backend>,
    _checks: AbortOnDropHandle<()>,
}

impl Checked {
    pub(super) fn start(address: SocketAddr, timing: Timing) -> Self {
        let backend = Arc::new(Backend {
            address,
            timing,
            health: watch::Sender::new(Health::Initial),
            failed: Notify::new(),
        });
        let checks = tokio::spawn(backend.clone().check());
        Self {
            backend,
            _checks: AbortOnDropHandle::new(checks),
        }
    }

    pub(super) fn backend(&self) -> Arc<Backend> {
        self.backend.clone()
    }
}

/// Time to the next check after so many failures in a row: it doubles with every eighth, so that
/// targets that nobody mends cost no more than healthy ones.
fn retry_interval(timing: &Timing, failures: u32) -> Duration {
    let factor = 1_u32 << (failures / 8).min(10);
    (timing.retry_interval * factor).min(timing.check_interval.max(timing.retry_interval))
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
fn is_our_own(error: &io::Error) -> bool {
    super::bind::is_out_of_files(error) || error.kind() == io::ErrorKind::AddrNotAvailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_nobody_mends_is_checked_less_and_less() {
        let timing = Timing::default();
        let seconds = |failures| retry_interval(&timing, failures).as_secs_f32();
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
