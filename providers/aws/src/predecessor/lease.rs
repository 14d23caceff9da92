//! Whether the leader of another program still works, as its Lease says. Pure: what was read and when are
//! arguments.
//!
//! What `renewTime` says was written by another clock, so it is only compared with what it said before: a leader is
//! gone when its Lease has not changed for as long as it holds (`leaseDurationSeconds`), by our own clock, from one reading
//! to another. Readings that failed say nothing.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::jiff::Timestamp;

/// How long a Lease holds that does not say so: what programs made with controller-runtime have.
const USUAL: Duration = Duration::from_secs(15);

/// What is known of a leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leader {
    /// There is no Lease: nobody can tell.
    Absent,
    /// It may work: its Lease is looked at, and not for long enough.
    Unsure {
        /// `holderIdentity`
        holder: String,
    },
    /// It works: its Lease was renewed.
    Works {
        /// `holderIdentity`
        holder: String,
    },
    /// Nobody leads: the Lease was given up, or is not renewed any more.
    Gone,
}

/// A Lease over time.
#[derive(Debug, Default)]
pub(super) struct Watched {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    holder: String,
    renewed: Option<Timestamp>,
    since: Instant,
    /// Whether it has ever changed while it was looked at.
    has_changed: bool,
}

impl Watched {
    /// The Lease was read, and said this.
    pub(super) fn read(&mut self, lease: Option<&LeaseSpec>, now: Instant) -> Leader {
        let Some(lease) = lease else {
            self.last = None;
            return Leader::Absent;
        };
        let holder = lease.holder_identity.clone().unwrap_or_default();
        if holder.is_empty() {
            self.last = None;
            return Leader::Gone;
        }
        let renewed = lease.renew_time.as_ref().map(|it| it.0);
        let has_changed = self.last.is_some();
        let same = self.last.as_ref();
        let same = same.filter(|it| it.holder == holder && it.renewed == renewed);
        let Some(last) = same else {
            self.last = Some(Last {
                holder: holder.clone(),
                renewed,
                since: now,
                has_changed,
            });
            return if has_changed {
                Leader::Works { holder }
            } else {
                Leader::Unsure { holder }
            };
        };
        if now.duration_since(last.since) >= holds_for(lease) {
            Leader::Gone
        } else if last.has_changed {
            Leader::Works { holder }
        } else {
            Leader::Unsure { holder }
        }
    }
}

/// How long a leader is one without renewing its Lease.
pub(super) fn holds_for(lease: &LeaseSpec) -> Duration {
    let seconds = lease.lease_duration_seconds;
    let seconds = seconds.and_then(|it| u64::try_from(it).ok());
    seconds
        .filter(|it| *it > 0)
        .map_or(USUAL, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    use super::*;

    fn lease(holder: &str, renewed: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some(MicroTime(renewed.parse().unwrap())),
            ..LeaseSpec::default()
        }
    }

    const EARLY: &str = "2020-01-01T00:00:00Z";
    const LATE: &str = "2020-01-01T00:00:02Z";

    /// What is thought of Leases that are read at these seconds.
    fn told(readings: &[(u64, Option<LeaseSpec>)]) -> Vec<&'static str> {
        let (start, mut watched) = (Instant::now(), Watched::default());
        let readings = readings.iter().map(|(second, lease)| {
            let now = start + Duration::from_secs(*second);
            match watched.read(lease.as_ref(), now) {
                Leader::Absent => "absent",
                Leader::Unsure { .. } => "unsure",
                Leader::Works { .. } => "works",
                Leader::Gone => "gone",
            }
        });
        readings.collect()
    }

    #[test]
    fn a_lease_that_is_not_renewed_while_it_holds_has_no_leader_whatever_the_clocks_say() {
        let same = || Some(lease("a", EARLY));
        assert_eq!(
            told(&[(0, same()), (14, same()), (15, same()), (99, same())]),
            ["unsure", "unsure", "gone", "gone"]
        );
        // One that was renewed is waited for as long again.
        let renewed = || Some(lease("a", LATE));
        assert_eq!(
            told(&[
                (0, same()),
                (2, renewed()),
                (16, renewed()),
                (17, renewed())
            ]),
            ["unsure", "works", "works", "gone"]
        );
    }

    #[test]
    fn who_comes_back_or_takes_over_works() {
        let old = || Some(lease("a", EARLY));
        assert_eq!(
            told(&[(0, old()), (15, old()), (20, Some(lease("a", LATE)))]),
            ["unsure", "gone", "works"]
        );
        assert_eq!(
            told(&[(0, old()), (15, old()), (20, Some(lease("b", EARLY)))]),
            ["unsure", "gone", "works"]
        );
    }

    #[test]
    fn a_lease_that_was_given_up_is_nobodys_at_once_and_none_says_nothing() {
        let given_up = LeaseSpec {
            holder_identity: Some(String::new()),
            ..lease("", EARLY)
        };
        let blank = Some(LeaseSpec::default());
        assert_eq!(
            told(&[
                (0, Some(lease("a", EARLY))),
                (1, Some(given_up)),
                (2, blank)
            ]),
            ["unsure", "gone", "gone"]
        );
        assert_eq!(
            told(&[(0, None), (60, None), (61, Some(lease("a", EARLY)))]),
            ["absent", "absent", "unsure"]
        );
    }

    #[test]
    fn a_lease_that_does_not_say_how_long_it_holds_holds_as_long_as_is_usual() {
        let of = |seconds| LeaseSpec {
            lease_duration_seconds: seconds,
            ..LeaseSpec::default()
        };
        for seconds in [None, Some(0), Some(-7)] {
            assert_eq!(holds_for(&of(seconds)), USUAL);
        }
        assert_eq!(holds_for(&of(Some(40))), Duration::from_secs(40));
    }
}
