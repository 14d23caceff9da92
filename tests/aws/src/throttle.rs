//! Throttling: how many calls of some actions pass in a while. Pure.

use std::time::Duration;

use crate::answer::Refusal;
use crate::request::Service;

/// A bucket of tokens that refills: each call takes one, and without one it is refused.
#[derive(Debug)]
struct Bucket {
    prefix: String,
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Duration,
}

/// The buckets that are in force.
#[derive(Debug, Default)]
pub(crate) struct Throttles(Vec<Bucket>);

impl Throttles {
    /// All actions that start with the prefix share a bucket, which is full.
    pub(crate) fn add(&mut self, prefix: &str, per_second: f64, burst: u32, now: Duration) {
        self.0.push(Bucket {
            prefix: prefix.to_owned(),
            per_second,
            burst: f64::from(burst),
            tokens: f64::from(burst),
            filled: now,
        });
    }

    /// Takes a token from each bucket of an action. `false`: one was empty.
    pub(crate) fn pass(&mut self, action: &str, now: Duration) -> bool {
        let buckets = self.0.iter_mut();
        let mut pass = true;
        for bucket in buckets.filter(|it| action.starts_with(&it.prefix)) {
            let more = now.saturating_sub(bucket.filled).as_secs_f64() * bucket.per_second;
            bucket.tokens = (bucket.tokens + more).min(bucket.burst);
            bucket.filled = now;
            if bucket.tokens < 1.0 {
                pass = false;
            } else {
                bucket.tokens -= 1.0;
            }
        }
        pass
    }
}

/// What each service says of a call too many.
pub(crate) fn refusal(service: Service) -> Refusal {
    match service {
        Service::Elb | Service::Sts => Refusal::new("Throttling", "Rate exceeded"),
        Service::Ec2 => Refusal::with(503, "RequestLimitExceeded", "Request limit exceeded."),
        Service::Tagging => Refusal::new("ThrottlingException", "Rate exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_as_many_as_the_rate_says() {
        let mut throttles = Throttles::default();
        throttles.add("Describe", 2.0, 3, Duration::ZERO);
        let mut passes = |millis| {
            let now = Duration::from_millis(millis);
            (0..5)
                .filter(|_| throttles.pass("DescribeVpcs", now))
                .count()
        };
        assert_eq!([passes(0), passes(500), passes(10_000)], [3, 1, 3]);
        assert!(throttles.pass("CreateTags", Duration::ZERO));
    }
}
