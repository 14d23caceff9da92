//! What is remembered from one look at a Service to the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::Retry;
use landfall_service::Record;

/// Delays between attempts: doubling from one second to five minutes, each stretched by chance so
/// that what failed together is not tried again together. Never ends.
pub(super) fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_mins(5))
        .without_max_times()
        .with_jitter()
        .build()
}

/// Writes to one Service within [`PACE`] that are nobody's fault.
const QUIET: usize = 12;
/// Within this time; who writes more often fights somebody.
const PACE: Duration = Duration::from_mins(1);

/// How often a Service was written lately. Somebody else who wants it otherwise must not make us
/// write without end.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<Instant>);

impl Pace {
    /// Counts a write now, or tells until when it must wait.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        while self
            .0
            .front()
            .is_some_and(|first| now.duration_since(*first) >= PACE)
        {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(first) if self.0.len() >= QUIET => Err(*first + PACE),
            _ => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }
}

/// How long after a failure it is tried again at the latest, when nodes or pods have changed since.
/// Without it, a rolling update would end all targets of a Service whose back-off has grown.
const SOON: Duration = Duration::from_secs(10);

/// The state of one key. Whoever works on the key owns it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) record: Record,
    /// The Service as our last write or direct read returned it, until the watch has caught up.
    pub(super) seen: Option<Arc<Service>>,
    pub(super) pace: Pace,
    /// When a provider last answered what it was asked to make.
    pub(super) asked_at: Option<Instant>,
    /// When a provider last made what was wanted.
    pub(super) ensured_at: Option<Instant>,
    /// When to try again what failed.
    pub(super) retry_at: Option<Instant>,
    failures: Option<ExponentialBackoff>,
}

impl Memory {
    /// The newer of what the watch and what our own calls returned.
    pub(super) fn newest(&mut self, watched: Option<Arc<Service>>) -> Option<Arc<Service>> {
        let (Some(watched), Some(seen)) = (&watched, &self.seen) else {
            // What we saw came from the watch before, so absence is newer.
            self.seen = None;
            return watched;
        };
        if version(watched) < version(seen) {
            return self.seen.clone();
        }
        let watched = watched.clone();
        self.seen = None;
        Some(watched)
    }

    /// If the time to try again has come, makes the last answer stale, so that the same is asked
    /// again.
    pub(super) fn wake(&mut self, now: Instant, uid: Option<&str>) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.make_stale(uid);
        }
    }

    pub(super) fn make_stale(&mut self, uid: Option<&str>) {
        if let Some(attempt) = uid.and_then(|uid| self.record.tenure_mut(uid).attempt.as_mut()) {
            attempt.stale = true;
        }
    }

    /// Something failed: when to try it again.
    pub(super) fn failed(&mut self, retry: Retry, now: Instant) -> Option<Instant> {
        let delay = match retry {
            Retry::WhenChanged => return None,
            Retry::After(delay) => Some(delay),
            Retry::BackOff => self.failures.get_or_insert_with(backoff).next(),
        };
        delay.map(|delay| now + delay)
    }

    /// Has what failed be tried again soon, if not sooner; when that is.
    pub(super) fn hasten(&mut self) -> Option<Instant> {
        let soon = self.asked_at.map(|at| at + SOON);
        self.retry_at = self.retry_at.into_iter().chain(soon).min();
        self.retry_at
    }

    /// Something succeeded; the next failure is a first one.
    pub(super) fn succeeded(&mut self) {
        self.retry_at = None;
        self.failures = None;
    }
}

/// `metadata.resourceVersion` as a number, by which versions of one resource are comparable
/// (KEP-5504). Servers that use anything else give no order: then what the watch says counts.
fn version(service: &Service) -> u128 {
    let version = service.metadata.resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(version: &str) -> Arc<Service> {
        let mut service = Service::default();
        service.metadata.resource_version = Some(version.to_owned());
        Arc::new(service)
    }

    #[test]
    fn the_newer_version_counts() {
        let newest = |seen, watched: Option<&str>| {
            let mut memory = Memory {
                seen: Some(service(seen)),
                ..Memory::default()
            };
            let newest = memory.newest(watched.map(service));
            newest.and_then(|service| service.metadata.resource_version.clone())
        };
        assert_eq!(newest("10", Some("9")).as_deref(), Some("10"));
        assert_eq!(newest("10", Some("11")).as_deref(), Some("11"));
        assert_eq!(newest("10", None), None);
        assert_eq!(newest("x", Some("y")).as_deref(), Some("y"));
    }

    #[test]
    fn a_fighter_slows_us_down_and_a_busy_user_does_not() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        for _ in 0..QUIET {
            assert_eq!(pace.take(start), Ok(()));
        }
        assert_eq!(pace.take(start), Err(start + PACE));
        assert_eq!(pace.take(start + PACE), Ok(()));
        let mut busy = Pace::default();
        for turn in 0..100 {
            assert_eq!(busy.take(start + Duration::from_secs(6) * turn), Ok(()));
        }
    }

    #[test]
    fn delays_grow_to_five_minutes_and_begin_anew_after_a_success() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let mut delay = || memory.failed(Retry::BackOff, now).unwrap() - now;
        let first = delay();
        assert!((1..=2).contains(&first.as_secs()), "{first:?}");
        let later = (0..20).map(|_| delay()).max().unwrap();
        assert!((300..=600).contains(&later.as_secs()), "{later:?}");
        memory.succeeded();
        let again = memory.failed(Retry::BackOff, now).unwrap() - now;
        assert!(again.as_secs() <= 2, "{again:?}");
    }

    #[test]
    fn what_is_hastened_waits_for_seconds_however_long_it_would_back_off() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.asked_at = Some(now);
        memory.retry_at = Some(now + Duration::from_secs(2));
        assert_eq!(memory.hasten(), memory.retry_at);
        assert_eq!(memory.retry_at, Some(now + Duration::from_secs(2)));
        memory.retry_at = Some(now + Duration::from_mins(5));
        // It does not begin to wait anew at each change.
        for _ in 0..2 {
            assert_eq!(memory.hasten(), Some(now + SOON));
            assert_eq!(memory.retry_at, Some(now + SOON));
        }
    }
}
