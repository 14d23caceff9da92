//! How often Services are looked at for what speakers report: at once, then not within a second.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use landfall_bare_metal_allocator::Uid;

/// From one look at a Service for what speakers report to the next.
pub(crate) const APART: Duration = Duration::from_secs(1);

/// When each Service was looked at.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    looks: HashMap<Uid, Look>,
    /// When each may be looked at again, or forgotten.
    due: BTreeSet<(Instant, Uid)>,
    asked: BTreeSet<Uid>,
}

/// The last look at a Service.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// When the next may be.
    next: Instant,
    /// Whether it was asked for, and is still to come.
    is_open: bool,
    /// Whether another one is wanted.
    again: bool,
}

impl Pace {
    /// A Service is to be looked at, as soon as it may be.
    pub(crate) fn ask(&mut self, uid: &Uid, now: Instant) {
        match self.looks.get_mut(uid) {
            Some(look) => look.again = true,
            None => self.open(uid, now),
        }
    }

    /// A Service is being looked at. The next look is counted from here, not from when this one was
    /// asked for: it may have had to wait.
    pub(crate) fn looked(&mut self, uid: &Uid, now: Instant) {
        let Some(look) = self.looks.get_mut(uid) else {
            return;
        };
        look.again = false;
        if std::mem::take(&mut look.is_open) {
            self.due.remove(&(look.next, uid.clone()));
            look.next = now + APART;
            self.due.insert((look.next, uid.clone()));
        }
    }

    /// There is no such Service any more.
    pub(crate) fn forget(&mut self, uid: &Uid) {
        if let Some(look) = self.looks.remove(uid) {
            self.due.remove(&(look.next, uid.clone()));
        }
        self.asked.remove(uid);
    }

    /// Asks for the looks that had to wait.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some((at, _)) = self.due.first()
            && *at <= now
        {
            let Some((_, uid)) = self.due.pop_first() else {
                return;
            };
            let look = self.looks.remove(&uid);
            if look.is_some_and(|look| look.again) {
                self.open(&uid, now);
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The Services to be looked at now, since this was asked last.
    pub(crate) fn take_asked(&mut self) -> BTreeSet<Uid> {
        std::mem::take(&mut self.asked)
    }

    fn open(&mut self, uid: &Uid, now: Instant) {
        let look = Look {
            next: now + APART,
            is_open: true,
            again: false,
        };
        self.looks.insert(uid.clone(), look);
        self.due.insert((look.next, uid.clone()));
        self.asked.insert(uid.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Times in milliseconds at which one Service is looked at: asked for at these, and looked at so
    /// long after each request.
    fn looks(asked: &[u32], delay: u32) -> Vec<u32> {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let uid = Uid::from("web");
        let (mut looks, mut coming) = (Vec::new(), None);
        for time in 0..5000 {
            let now = start + MS * time;
            pace.tick(now);
            if asked.contains(&time) {
                pace.ask(&uid, now);
            }
            if pace.take_asked().contains(&uid) {
                coming = Some(time + delay);
            }
            if coming == Some(time) {
                pace.looked(&uid, now);
                looks.push(time);
            }
        }
        assert!(pace.looks.is_empty() && pace.due.is_empty(), "{pace:?}");
        looks
    }

    #[test]
    fn the_first_look_is_at_once_and_the_next_a_second_later() {
        assert_eq!(looks(&[7], 0), [7]);
        assert_eq!(looks(&[0, 1, 2, 500, 999], 0), [0, 1000]);
        assert_eq!(looks(&[0, 1, 1500], 0), [0, 1000, 2000]);
        assert_eq!(looks(&[0, 1500, 1600], 0), [0, 1500, 2500]);
    }

    #[test]
    fn a_look_that_comes_late_has_seen_what_was_before_it() {
        assert_eq!(looks(&[0, 200], 300), [300]);
        assert_eq!(looks(&[0, 400], 300), [300, 1600]);
        // Nobody came: it is asked for once more.
        assert_eq!(looks(&[0, 200], 1200), [2200]);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let uid = Uid::from("web");
        pace.ask(&uid, now);
        pace.forget(&uid);
        assert_eq!(pace.next_tick(), None);
        assert!(pace.take_asked().is_empty());
    }
}
