//! Waiting for a time that may not be set.

use std::time::Instant;

/// Sleeps until then; for ever if there is nothing to wait for.
pub async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
