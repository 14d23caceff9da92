//! Elections on a clock of their own.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn held(holder: &str, version: &str) -> Holding {
    Holding {
        holder: holder.to_owned(),
        duration: seconds(15),
        transitions: 3,
        version: version.to_owned(),
    }
}

fn candidate() -> Election {
    Election::new("me", Timing::default())
}

#[test]
fn without_a_lease_we_make_it() {
    let now = Instant::now();
    let mut election = candidate();
    election.see(None, now);
    assert_eq!(election.next(now), Next::Create);
    assert!(!election.leads(now));
    election.wrote(held("me", "1"), now);
    assert!(election.leads(now));
}

#[test]
fn a_lease_that_another_renews_is_left_alone() {
    let start = Instant::now();
    let mut election = candidate();
    for second in 0..100 {
        let now = start + seconds(second);
        election.see(Some(held("other", &second.to_string())), now);
        assert_eq!(election.next(now), Next::Wait(now + seconds(15)));
    }
}

#[test]
fn a_lease_that_nobody_renews_is_taken_when_it_has_run_out_on_our_clock() {
    let start = Instant::now();
    let mut election = candidate();
    election.see(Some(held("other", "1")), start);
    // Seen again, unchanged: that is no renewal.
    election.see(Some(held("other", "1")), start + seconds(14));
    assert_eq!(
        election.next(start + seconds(14)),
        Next::Wait(start + seconds(15))
    );
    let taken = Next::Write {
        transitions: 4,
        taken: true,
    };
    assert_eq!(election.next(start + seconds(15)), taken);
}

#[test]
fn a_leader_whose_lease_somebody_else_wrote_to_renews_what_stands_now() {
    let start = Instant::now();
    let mut election = candidate();
    election.see(None, start);
    election.wrote(held("me", "1"), start);
    // The watch may tell of a version older than our last write; what a conflict read is newer.
    election.see(Some(held("me", "2")), start + seconds(2));
    assert_eq!(election.version(), Some("1"));
    election.overtaken(Some(held("me", "2")), start + seconds(2));
    assert_eq!(election.version(), Some("2"));
    assert_eq!(
        election.next(start + seconds(2)),
        Next::Wait(start + seconds(4))
    );
    let renewal = Next::Write {
        transitions: 3,
        taken: false,
    };
    assert_eq!(election.next(start + seconds(4)), renewal);
    assert_eq!(election.leads_until(), Some(start + seconds(10)));
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    let now = Instant::now();
    let mut election = candidate();
    election.see(Some(held("other", "1")), now);
    election.failed(now);
    election.see(Some(held("", "2")), now);
    assert_eq!(
        election.next(now),
        Next::Write {
            transitions: 4,
            taken: true
        }
    );
}

#[test]
fn a_leader_renews_and_counts_no_transition() {
    let start = Instant::now();
    let mut election = candidate();
    election.see(None, start);
    election.wrote(held("me", "1"), start);
    assert_eq!(election.next(start), Next::Wait(start + seconds(2)));
    let renewal = Next::Write {
        transitions: 3,
        taken: false,
    };
    assert_eq!(election.next(start + seconds(2)), renewal);
}

#[test]
fn a_leader_that_cannot_renew_stops_before_another_may_begin() {
    let start = Instant::now();
    let mut election = candidate();
    election.see(None, start);
    election.wrote(held("me", "1"), start);
    election.failed(start + seconds(2));
    assert!(election.leads(start + Duration::from_millis(9999)));
    assert!(!election.leads(start + seconds(10)));
}

#[test]
fn a_leader_that_sees_another_holder_stops_at_once() {
    let start = Instant::now();
    let mut election = candidate();
    election.see(None, start);
    election.wrote(held("me", "1"), start);
    election.see(Some(held("other", "2")), start + seconds(1));
    assert!(!election.leads(start + seconds(1)));
}

#[test]
fn a_process_that_comes_back_under_its_name_takes_the_lease_again() {
    let now = Instant::now();
    let mut election = candidate();
    election.see(Some(held("me", "1")), now);
    assert!(
        !election.leads(now),
        "what another process held is not ours"
    );
    assert_eq!(
        election.next(now),
        Next::Write {
            transitions: 3,
            taken: true
        }
    );
}

proptest! {
    /// Candidates whose steps, failures and delays fall as they like: never do two lead at once.
    #[test]
    fn two_never_lead_at_once(
        steps in prop::collection::vec((0usize..3, 0u64..4000, prop::bool::weighted(0.7)), 1..300)
    ) {
        let start = Instant::now();
        let mut now = start;
        let timing = Timing::default();
        let mut store: Option<Holding> = None;
        let mut written = 0u64;
        let names = ["a", "b", "c"];
        let mut elections: BTreeMap<_, _> =
            names.iter().map(|name| (*name, Election::new(*name, timing))).collect();
        for (who, wait, works) in steps {
            now += Duration::from_millis(wait);
            let election = elections.get_mut(names[who]).unwrap();
            if !works {
                election.failed(now);
                continue;
            }
            election.see(store.clone(), now);
            let begun = now;
            // The write takes a while to come back.
            now += Duration::from_millis(wait / 4);
            let transitions = match election.next(begun) {
                Next::Wait(_) => continue,
                Next::Create => 0,
                Next::Write { transitions, .. } => transitions,
            };
            written += 1;
            let holding = Holding {
                holder: names[who].to_owned(),
                duration: timing.lease,
                transitions,
                version: written.to_string(),
            };
            store = Some(holding.clone());
            elections.get_mut(names[who]).unwrap().wrote(holding, begun);
            let leaders: Vec<_> =
                elections.iter().filter(|(_, it)| it.leads(now)).map(|(name, _)| *name).collect();
            prop_assert!(leaders.len() <= 1, "{leaders:?} lead at once");
        }
    }
}
