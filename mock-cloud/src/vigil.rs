//! What is told of how load balancers serve: few words, each of which has held for a while, however
//! much their targets flap. Pure: time is an argument.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use landfall_mock_cloud_wire::Serving;

use crate::id::Id;
use crate::verdict::Verdict;

/// How long another verdict must have held before it is told: one more check agrees with it then.
const HOLD: Duration = Duration::from_secs(2);

/// Each verdict that is told so soon after the one before makes the next one hold twice as long.
const CALM: Duration = Duration::from_mins(1);

/// How often it doubles at most: to 32 s.
const MOST_DOUBLINGS: u32 = 4;

/// What was told of each load balancer, and what may have to be told.
#[derive(Debug, Default)]
pub(crate) struct Vigil {
    watched: HashMap<Id, Steady>,
    due: BTreeSet<(Instant, Id)>,
    sequence: u64,
}

/// What was told of one.
#[derive(Debug)]
struct Steady {
    told: Verdict,
    sequence: u64,
    /// What was found since, and since when what was told does not hold.
    next: Option<(Verdict, Instant)>,
    /// How often what was told soon ceased to hold, and when that was last.
    restless: u32,
    changed: Option<Instant>,
}

impl Vigil {
    /// This was found. Tells whether it is news to tell; how a new one begins is none.
    pub(crate) fn look(&mut self, id: &Id, found: Verdict, now: Instant) -> bool {
        let Some(steady) = self.watched.get_mut(id) else {
            self.sequence += 1;
            let steady = Steady {
                told: found,
                sequence: self.sequence,
                next: None,
                restless: 0,
                changed: None,
            };
            self.watched.insert(id.clone(), steady);
            return false;
        };
        let before = steady.due();
        let is_news = steady.look(found, now);
        if is_news {
            self.sequence += 1;
            steady.sequence = self.sequence;
        }
        let after = steady.due();
        if before != after {
            if let Some(before) = before {
                self.due.remove(&(before, id.clone()));
            }
            self.due.extend(after.map(|after| (after, id.clone())));
        }
        is_news
    }

    /// What was told of it last.
    pub(crate) fn told(&self, id: &Id) -> Option<Serving> {
        let steady = self.watched.get(id)?;
        Some(Serving {
            state: steady.told.state(),
            code: steady.told.code().to_owned(),
            message: steady.told.to_string(),
            sequence: steady.sequence,
        })
    }

    /// Whether a first check of it is under way.
    pub(crate) fn is_passing(&self, id: &Id) -> bool {
        let steady = self.watched.get(id);
        steady.is_some_and(|steady| steady.told.is_passing())
    }

    /// It is gone.
    pub(crate) fn forget(&mut self, id: &Id) {
        let due = self.watched.remove(id).and_then(|steady| steady.due());
        if let Some(due) = due {
            self.due.remove(&(due, id.clone()));
        }
    }

    /// When somebody must be looked at again, even if nothing happens.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Who must be looked at again by now.
    pub(crate) fn ripe(&self, now: Instant) -> Vec<Id> {
        let ripe = self.due.iter().take_while(|(due, _)| *due <= now);
        ripe.map(|(_, id)| id.clone()).collect()
    }
}

impl Steady {
    fn look(&mut self, found: Verdict, now: Instant) -> bool {
        if found.is_like(&self.told) || found.is_passing() && self.told.is_passing() {
            self.next = None;
            return false;
        }
        // What nobody has to wait for: the first that is known, and what was asked for.
        if self.told.is_passing() || self.told.is_asked_for() || found.is_asked_for() {
            self.told = found;
            self.next = None;
            return true;
        }
        // Soon it is known, and until then what was told is the best guess.
        if found.is_passing() {
            self.next = None;
            return false;
        }
        let since = match &self.next {
            Some((next, since)) if next.state() == found.state() => *since,
            _ => now,
        };
        if now.saturating_duration_since(since) < self.hold(now) {
            self.next = Some((found, since));
            return false;
        }
        self.restless = self.restless(now) + 1;
        self.changed = Some(now);
        self.told = found;
        self.next = None;
        true
    }

    fn restless(&self, now: Instant) -> u32 {
        let is_calm = |changed| now.saturating_duration_since(changed) >= CALM;
        if self.changed.is_some_and(is_calm) {
            0
        } else {
            self.restless
        }
    }

    fn hold(&self, now: Instant) -> Duration {
        HOLD * (1 << self.restless(now).min(MOST_DOUBLINGS))
    }

    fn due(&self) -> Option<Instant> {
        let (_, since) = self.next.as_ref()?;
        Some(*since + self.hold(*since))
    }
}

#[cfg(test)]
mod tests {
    use landfall_mock_cloud_wire::ServingState;

    use super::*;
    use crate::verdict::Fare;
    use crate::verdict::tests::{unhealthy, verdict};

    struct Watched {
        vigil: Vigil,
        start: Instant,
    }

    impl Watched {
        fn new(fare: Fare) -> Self {
            let mut watched = Self {
                vigil: Vigil::default(),
                start: Instant::now(),
            };
            assert!(!watched.look(0, fare), "how it begins is no news");
            watched
        }

        /// After so many milliseconds.
        fn look(&mut self, at: u64, fare: Fare) -> bool {
            let now = self.start + Duration::from_millis(at);
            self.vigil.look(&id(), verdict(&[fare]), now)
        }

        fn told(&self) -> ServingState {
            self.vigil.told(&id()).unwrap().state
        }

        fn next(&self) -> Option<u128> {
            let next = self.vigil.next();
            next.map(|next| (next - self.start).as_millis())
        }
    }

    fn id() -> Id {
        "a".parse().unwrap()
    }

    #[test]
    fn what_has_held_is_told_and_a_blip_is_not() {
        let mut watched = Watched::new(Fare::Healthy);
        assert!(!watched.look(1000, unhealthy(1)));
        assert_eq!(watched.next(), Some(3000));
        assert!(!watched.look(2500, Fare::Healthy));
        assert_eq!(watched.next(), None, "it was a blip");
        assert!(!watched.look(10_000, unhealthy(1)));
        assert!(!watched.look(11_000, unhealthy(2)), "it is no better");
        assert!(watched.look(12_000, unhealthy(2)));
        assert_eq!(watched.told(), ServingState::No);
        assert_eq!(watched.next(), None);
    }

    #[test]
    fn what_is_first_known_or_asked_for_is_told_at_once() {
        let mut watched = Watched::new(Fare::NotChecked);
        assert!(watched.look(1, Fare::Healthy));
        assert!(watched.look(2, Fare::NoTargets));
        assert!(watched.look(3, Fare::NotChecked));
        assert!(watched.look(4, unhealthy(1)));
        assert!(!watched.look(5, Fare::NotChecked), "a guess is there");
        assert_eq!(watched.told(), ServingState::No);
    }

    #[test]
    fn every_word_has_a_higher_number() {
        let mut watched = Watched::new(Fare::NotChecked);
        let number = |watched: &Watched| watched.vigil.told(&id()).unwrap().sequence;
        let first = number(&watched);
        watched.look(1, Fare::Healthy);
        let second = number(&watched);
        assert!(second > first);
        watched.vigil.forget(&id());
        watched.look(2, Fare::Healthy);
        assert!(number(&watched) > second, "another of its name comes later");
    }

    #[test]
    fn flapping_is_told_less_and_less_until_it_is_calm() {
        let mut watched = Watched::new(Fare::Healthy);
        let (mut told, mut at) = (0, 0);
        // Every 10 s it is another.
        while at < 600_000 {
            let fare = if at / 10_000 % 2 == 0 {
                unhealthy(1)
            } else {
                Fare::Healthy
            };
            told += usize::from(watched.look(at, fare));
            at += 500;
        }
        assert!((2..=25).contains(&told), "{told} words in ten minutes");
        watched.look(at, Fare::Healthy);
        watched.look(at + 40_000, Fare::Healthy);
        let later = at + 200_000;
        assert!(!watched.look(later, unhealthy(1)));
        assert!(
            watched.look(later + 2_000, unhealthy(1)),
            "it was calm for long"
        );
    }

    #[test]
    fn who_is_ripe_is_looked_at_and_who_is_gone_is_not() {
        let mut watched = Watched::new(Fare::Healthy);
        watched.look(0, unhealthy(1));
        let after = |ms| watched.start + Duration::from_millis(ms);
        assert_eq!(watched.vigil.ripe(after(1999)), []);
        assert_eq!(watched.vigil.ripe(after(2000)), [id()]);
        watched.vigil.forget(&id());
        assert_eq!(watched.next(), None);
    }
}
