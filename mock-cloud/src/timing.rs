//! How long the data plane waits for what.

use std::time::{Duration, Instant};

/// Periods and time-outs of the data plane. The defaults suit one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From one health check of a healthy target to the next, give or take a quarter.
    pub check_interval: Duration,
    /// The same for a target that has just failed; it grows to `check_interval` while the target
    /// keeps failing.
    pub retry_interval: Duration,
    /// Time that one target has to accept a connection, checks included.
    pub connect_timeout: Duration,
    /// Time in which one of the targets must have accepted a client's connection.
    pub dispatch_timeout: Duration,
    /// Time that established connections have to end by themselves once their target, port or
    /// load balancer is gone.
    pub drain_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(10),
            retry_interval: Duration::from_millis(1500),
            connect_timeout: Duration::from_secs(1),
            dispatch_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Waits until then, or for ever.
pub(crate) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
