//! What of a provider's things is missing, and what belongs to nobody. Pure: the time is an
//! argument, and nothing is released here.
//!
//! With finalizers in place nothing should ever belong to nobody, so whatever does is suspicious,
//! and a mass of it more likely a mistake of ours (an empty list, a wrong cluster) than of anybody
//! else. It is released only after it was seen over a while, and never in a mass.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use landfall_provider_api::{Owned, ServiceName};

/// Orphans that are never too many.
const FEW: usize = 5;
/// The share of what is owned, in percent, beyond which orphans are too many.
const SHARE: usize = 10;

/// Orphans of one provider, over time.
#[derive(Debug)]
pub(super) struct Sweep {
    after: Duration,
    /// By UID of the Service, since when each was seen.
    seen: BTreeMap<String, Instant>,
}

/// What a comparison found.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// UIDs of Services that should be held there and are not.
    pub(super) missing: Vec<String>,
    /// Services that are gone while something of theirs is still held, ripe to be released.
    pub(super) ripe: Vec<(ServiceName, String)>,
    /// How many belong to nobody, ripe or not.
    pub(super) orphans: usize,
    /// Whether there are too many for any to be released without a word from a person.
    pub(super) too_many: bool,
}

impl Sweep {
    /// `after` is how long something must have belonged to nobody.
    pub(super) fn new(after: Duration) -> Self {
        Self {
            after,
            seen: BTreeMap::new(),
        }
    }

    /// Compares what is owned with the Services that are `known`, by UID, and those that `held`
    /// says should be there.
    pub(super) fn compare(
        &mut self,
        owned: &[Owned],
        known: &HashSet<&str>,
        held: &BTreeSet<String>,
        now: Instant,
    ) -> Found {
        let present: HashSet<_> = owned
            .iter()
            .filter_map(|it| Some(it.id.as_ref()?.service_uid.as_str()))
            .collect();
        let missing = held
            .iter()
            .filter(|uid| !present.contains(uid.as_str()))
            .cloned();
        let orphans: BTreeMap<_, _> = owned
            .iter()
            .filter_map(|it| Some((it.id.as_ref()?.service_uid.clone(), it.service.clone())))
            .filter(|(uid, _)| !known.contains(uid.as_str()) && !held.contains(uid))
            .collect();
        self.seen.retain(|uid, _| orphans.contains_key(uid));
        for uid in orphans.keys() {
            self.seen.entry(uid.clone()).or_insert(now);
        }
        let too_many = orphans.len() > FEW.max(present.len() * SHARE / 100);
        let count = orphans.len();
        let is_ripe = |uid: &String| now.duration_since(self.seen[uid]) >= self.after;
        let ripe = orphans
            .into_iter()
            // An empty list of Services proves nothing.
            .filter(|(uid, _)| !too_many && !known.is_empty() && is_ripe(uid))
            .filter_map(|(uid, service)| Some((service?, uid)));
        Found {
            missing: missing.collect(),
            ripe: ripe.collect(),
            orphans: count,
            too_many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_provider_api::{ClusterId, LoadBalancerId};

    const AFTER: Duration = Duration::from_mins(10);

    fn owned(uids: &[&str]) -> Vec<Owned> {
        let one = |uid: &&str| Owned {
            id: Some(LoadBalancerId {
                cluster: ClusterId {
                    name: "demo".into(),
                    uid: "c".into(),
                },
                service_uid: (*uid).to_owned(),
            }),
            service: Some(name(uid)),
            description: String::new(),
        };
        uids.iter().map(one).collect()
    }

    fn name(uid: &str) -> ServiceName {
        ServiceName {
            namespace: "default".into(),
            name: format!("web-{uid}"),
        }
    }

    fn known(uids: &[&'static str]) -> HashSet<&'static str> {
        uids.iter().copied().collect()
    }

    fn held(uids: &[&str]) -> BTreeSet<String> {
        uids.iter().map(|uid| (*uid).to_owned()).collect()
    }

    #[test]
    fn what_should_be_there_and_is_not_is_missing() {
        let mut sweep = Sweep::new(AFTER);
        let found = sweep.compare(
            &owned(&["a"]),
            &known(&["a", "b"]),
            &held(&["a", "b"]),
            Instant::now(),
        );
        assert_eq!(
            found,
            Found {
                missing: vec!["b".into()],
                ..Found::default()
            }
        );
    }

    #[test]
    fn an_orphan_ripens_only_while_it_is_seen_all_the_time() {
        let (start, mut sweep) = (Instant::now(), Sweep::new(AFTER));
        let mut at = |minutes, uids: &[&str]| {
            let now = start + Duration::from_mins(minutes);
            sweep
                .compare(&owned(uids), &known(&["a"]), &held(&["a"]), now)
                .ripe
        };
        assert!(at(0, &["a", "x"]).is_empty());
        assert!(at(9, &["a", "x"]).is_empty());
        assert!(at(9, &["a"]).is_empty(), "gone by itself");
        assert!(
            at(11, &["a", "x"]).is_empty(),
            "came back: the time begins anew"
        );
        assert_eq!(at(21, &["a", "x"]), [(name("x"), "x".to_owned())]);
    }

    #[test]
    fn a_mass_of_orphans_is_left_alone() {
        let (start, mut sweep) = (Instant::now(), Sweep::new(AFTER));
        let many = ["1", "2", "3", "4", "5", "6"];
        let mut at = |minutes, uids: &[&str]| {
            let now = start + Duration::from_mins(minutes);
            sweep.compare(&owned(uids), &known(&["a"]), &held(&[]), now)
        };
        at(0, &many);
        let found = at(60, &many);
        assert_eq!(
            (found.orphans, found.too_many, found.ripe.len()),
            (6, true, 0)
        );
        // Five are few.
        assert_eq!(at(61, &many[..5]).ripe.len(), 5);
    }

    #[test]
    fn an_empty_list_of_services_releases_nothing() {
        let (start, mut sweep) = (Instant::now(), Sweep::new(AFTER));
        sweep.compare(&owned(&["x"]), &known(&[]), &held(&[]), start);
        let found = sweep.compare(&owned(&["x"]), &known(&[]), &held(&[]), start + AFTER);
        assert_eq!((found.orphans, found.ripe.len()), (1, 0));
    }

    #[test]
    fn what_a_key_still_works_on_is_no_orphan() {
        let mut sweep = Sweep::new(Duration::ZERO);
        let found = sweep.compare(
            &owned(&["x"]),
            &known(&["a"]),
            &held(&["x"]),
            Instant::now(),
        );
        assert_eq!(found, Found::default());
    }
}
