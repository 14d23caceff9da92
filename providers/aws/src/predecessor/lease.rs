//! Whether the leader of another program still works, as its Lease says, and whether we have taken its place. Pure:
//! what was read and when are arguments.
//!
//! What `renewTime` says was written by another clock, so it is only compared with what it said before. Whoever is
//! started again, or takes over within that program, is without a renewal for as long as the Lease holds, and a
//! little longer. So nobody is taken to lead only when the Lease has not changed for several times as long
//! (`leaseDurationSeconds`), by our own clock, in readings without a gap.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::jiff::Timestamp;

/// Who holds a Lease that we have taken: any process of ours goes on where the one before it ended.
pub(super) const OURS: &str = "landfall";
/// How long a Lease holds that does not say so: what programs made with controller-runtime have.
pub(super) const USUAL: Duration = Duration::from_secs(15);
/// For how many times as long it must not have changed.
const QUIET: u32 = 4;

/// What is known of a leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leader {
    /// There is no Lease: nobody can tell.
    Absent,
    /// It may work, or another may come in its place: the Lease is not quiet for long enough.
    Unsure {
        /// `holderIdentity`; empty if it was given up.
        holder: String,
    },
    /// It works: its Lease was renewed.
    Works {
        /// `holderIdentity`
        holder: String,
    },
    /// Nobody leads.
    Gone,
    /// We hold the Lease.
    Ours,
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
        if holder == OURS {
            self.last = None;
            return Leader::Ours;
        }
        let renewed = lease.renew_time.as_ref().map(|it| it.0);
        let has_changed = self.last.is_some();
        let same = self.last.as_ref();
        let same = same.filter(|it| it.holder == holder && it.renewed == renewed);
        let (since, has_changed) = same.map_or((now, has_changed), |it| (it.since, it.has_changed));
        self.last = Some(Last {
            holder: holder.clone(),
            renewed,
            since,
            has_changed,
        });
        // Whoever gives it up says that it is to be had soon, and not how long it holds.
        let least = if holder.is_empty() {
            USUAL
        } else {
            Duration::ZERO
        };
        if now.duration_since(since) >= holds_for(lease).max(least) * QUIET {
            Leader::Gone
        } else if has_changed && !holder.is_empty() {
            Leader::Works { holder }
        } else {
            Leader::Unsure { holder }
        }
    }

    /// It could not be read: what it said meanwhile nobody knows.
    pub(super) fn missed(&mut self) {
        self.last = None;
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

    /// What is thought of Leases that are read at these seconds; `Err` where it could not be.
    fn told(readings: &[(u64, Result<Option<LeaseSpec>, ()>)]) -> Vec<&'static str> {
        let (start, mut watched) = (Instant::now(), Watched::default());
        let readings = readings.iter().map(|(second, read)| {
            let Ok(lease) = read else {
                watched.missed();
                return "missed";
            };
            let now = start + Duration::from_secs(*second);
            match watched.read(lease.as_ref(), now) {
                Leader::Absent => "absent",
                Leader::Unsure { .. } => "unsure",
                Leader::Works { .. } => "works",
                Leader::Gone => "gone",
                Leader::Ours => "ours",
            }
        });
        readings.collect()
    }

    #[test]
    fn a_lease_that_is_not_renewed_for_long_has_no_leader_whatever_the_clocks_say() {
        let same = || Ok(Some(lease("a", EARLY)));
        assert_eq!(
            told(&[(0, same()), (59, same()), (60, same()), (99, same())]),
            ["unsure", "unsure", "gone", "gone"]
        );
        // One that was renewed is waited for as long again.
        let renewed = || Ok(Some(lease("a", LATE)));
        assert_eq!(
            told(&[
                (0, same()),
                (2, renewed()),
                (61, renewed()),
                (62, renewed())
            ]),
            ["unsure", "works", "works", "gone"]
        );
    }

    #[test]
    fn a_leader_that_is_started_again_or_followed_by_another_is_not_gone() {
        let (old, new) = (
            || Ok(Some(lease("a", EARLY))),
            || Ok(Some(lease("b", LATE))),
        );
        assert_eq!(
            told(&[(0, old()), (17, old()), (40, old()), (45, new())]),
            ["unsure", "unsure", "unsure", "works"]
        );
        // One that was given up is somebody's a moment later.
        let given_up = || {
            Ok(Some(LeaseSpec {
                lease_duration_seconds: Some(1),
                ..lease("", EARLY)
            }))
        };
        assert_eq!(
            told(&[(0, old()), (1, given_up()), (50, given_up()), (55, new())]),
            ["unsure", "unsure", "unsure", "works"]
        );
        assert_eq!(
            told(&[(0, given_up()), (59, given_up()), (60, given_up())]),
            ["unsure", "unsure", "gone"]
        );
    }

    #[test]
    fn what_could_not_be_read_is_no_silence() {
        let same = || Ok(Some(lease("a", EARLY)));
        assert_eq!(
            told(&[
                (0, same()),
                (30, Err(())),
                (60, same()),
                (119, same()),
                (120, same())
            ]),
            ["unsure", "missed", "unsure", "unsure", "gone"]
        );
        assert_eq!(
            told(&[(0, Ok(None)), (99, Ok(None)), (100, same())]),
            ["absent", "absent", "unsure"]
        );
    }

    #[test]
    fn a_lease_that_we_have_taken_is_ours_until_somebody_else_takes_it() {
        let ours = || Ok(Some(lease(OURS, EARLY)));
        let theirs = Ok(Some(lease("b", LATE)));
        assert_eq!(
            told(&[(0, ours()), (99, ours()), (100, theirs)]),
            ["ours", "ours", "unsure"]
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
