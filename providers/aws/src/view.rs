//! What the cluster owns at AWS, by the UID of its Service: one view for all, so that nothing is read
//! twice. It knows for each Service what is seen, whether that can be relied upon, and whether somebody is
//! at work on it; it calls nobody.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use landfall_provider_api::{ClusterId, LoadBalancerId};

use crate::calls::Arn;
use crate::seen::Seen;

/// The view.
#[derive(Debug)]
pub(crate) struct View {
    cluster: ClusterId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what happens, so that what was read before a change does not undo it.
    clock: u64,
    /// When the reading of all began that is in force.
    refreshed: u64,
    slots: HashMap<String, Slot>,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a yes or no of its own"
)]
#[derive(Debug, Default, Clone)]
struct Slot {
    /// When it was last written.
    written: u64,
    /// Whether somebody is at work on it.
    is_busy: bool,
    seen: Seen,
    /// Whether a call may have changed more than what is seen, so that it must be read.
    is_unsure: bool,
    /// Whether what was read last was not what we had left: somebody has altered it.
    is_altered: bool,
    /// Whether a process before this one has left it, and nobody has compared it with what is wanted.
    is_inherited: bool,
    /// Names under which something may have been made by calls that nobody answered.
    tried: BTreeSet<String>,
}

/// Work on what one Service has. Dropped before it is finished, what is there is not known.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a yes or no of its own"
)]
#[derive(Debug)]
pub(crate) struct Work<'a> {
    view: &'a View,
    service_uid: String,
    /// What is there.
    pub(crate) seen: Seen,
    /// Whether it must be read before anything is compared with it.
    pub(crate) is_unsure: bool,
    /// Whether somebody has altered it, and nobody has put it right yet.
    pub(crate) is_altered: bool,
    /// Whether a process before this one has left it.
    pub(crate) is_inherited: bool,
    /// Names under which something may have been made.
    pub(crate) tried: BTreeSet<String>,
    is_finished: bool,
}

impl View {
    pub(crate) fn new(cluster: ClusterId) -> Self {
        Self {
            cluster,
            state: Mutex::default(),
        }
    }

    /// Somebody begins to work on what a Service has.
    pub(crate) fn work(&self, service_uid: &str) -> Work<'_> {
        let mut state = self.state();
        let slot = state.slots.entry(service_uid.to_owned()).or_default();
        slot.is_busy = true;
        Work {
            view: self,
            service_uid: service_uid.to_owned(),
            seen: slot.seen.clone(),
            is_unsure: slot.is_unsure,
            is_altered: slot.is_altered,
            is_inherited: slot.is_inherited,
            tried: slot.tried.clone(),
            is_finished: false,
        }
    }

    /// Alters what is seen of a Service that nobody is at work on; whether that is news is for `alter` to
    /// say. Nothing is done where somebody is at work, who will see for himself.
    pub(crate) fn alter(&self, service_uid: &str, alter: impl FnOnce(&mut Seen) -> bool) -> bool {
        let mut state = self.state();
        let now = state.tick();
        match state.slots.get_mut(service_uid) {
            Some(slot) if !slot.is_busy && !slot.is_unsure => {
                let is_news = alter(&mut slot.seen);
                slot.written = now;
                is_news
            }
            _ => false,
        }
    }

    /// The same, of what somebody else has altered: it counts as a repair when it is put right.
    pub(crate) fn is_altered(&self, service_uid: &str) {
        if let Some(slot) = self.state().slots.get_mut(service_uid) {
            slot.is_altered = true;
        }
    }

    /// What is asked of each Service that has something and that nobody is at work on.
    pub(crate) fn each<T>(&self, mut ask: impl FnMut(&str, &Seen) -> Option<T>) -> Vec<T> {
        let state = self.state();
        let known = state.slots.iter().filter(|(_, slot)| !slot.is_unsure);
        known
            .filter_map(|(uid, slot)| ask(uid, &slot.seen))
            .collect()
    }

    /// What is asked of one Service.
    pub(crate) fn of<T>(&self, service_uid: &str, ask: impl FnOnce(&Seen) -> T) -> Option<T> {
        let state = self.state();
        let slot = state.slots.get(service_uid)?;
        Some(ask(&slot.seen))
    }

    /// Whether no Service has anything, and nobody is about to make something.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        let mut slots = state.slots.values();
        slots.all(|it| !it.is_busy && !it.is_unsure && it.seen.is_empty())
    }

    /// UIDs of Services that may have a load balancer without a security group.
    pub(crate) fn without_groups(&self) -> Vec<String> {
        let state = self.state();
        let has = |slot: &Slot| {
            let mut balancers = slot.seen.balancers.iter();
            slot.is_unsure || balancers.any(|it| it.it.security_groups.is_empty())
        };
        let having = state.slots.iter().filter(|(_, slot)| has(slot));
        having.map(|(uid, _)| uid.clone()).collect()
    }

    pub(crate) fn id(&self, service_uid: &str) -> LoadBalancerId {
        LoadBalancerId {
            cluster: self.cluster.clone(),
            service_uid: service_uid.to_owned(),
        }
    }

    /// All is about to be read; tells when.
    pub(crate) fn begin_refresh(&self) -> u64 {
        self.state().tick()
    }

    /// All that is known to be there, by kind: load balancers, target groups, listeners.
    pub(crate) fn arns(&self) -> [HashSet<Arn>; 3] {
        let state = self.state();
        let mut arns: [HashSet<Arn>; 3] = Default::default();
        for slot in state.slots.values() {
            let balancers = &slot.seen.balancers;
            arns[0].extend(balancers.iter().map(|it| it.it.arn.clone()));
            arns[1].extend(slot.seen.groups.iter().map(|it| it.it.arn.clone()));
            let listeners = balancers.iter().flat_map(|it| &it.listeners);
            arns[2].extend(listeners.map(|it| it.it.arn.clone()));
        }
        arns
    }

    /// All was read, and it is this. What was changed since the reading began is not touched. Tells whose
    /// differs from what was seen before.
    pub(crate) fn refresh(&self, began: u64, mut all: HashMap<String, Seen>) -> Vec<String> {
        let mut state = self.state();
        if began < state.refreshed {
            return Vec::new();
        }
        let is_first = state.refreshed == 0;
        state.refreshed = began;
        let mut news = Vec::new();
        state.slots.retain(|uid, slot| {
            let read = all.remove(uid).unwrap_or_default();
            if slot.is_busy || slot.written > began {
                return true;
            }
            slot.written = began;
            if slot.is_unsure {
                // What a call of ours may have made can still be on its way into the answers.
                return true;
            }
            if slot.seen.take_over(read) {
                slot.is_altered = true;
                news.push(uid.clone());
            }
            !slot.seen.is_empty() || slot.is_altered
        });
        for (uid, seen) in all {
            if !is_first {
                news.push(uid.clone());
            }
            let slot = Slot {
                written: began,
                seen,
                is_inherited: true,
                ..Slot::default()
            };
            state.slots.insert(uid, slot);
        }
        news
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it leaves a half-made change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

impl Work<'_> {
    /// Whose it is.
    pub(crate) fn service_uid(&self) -> &str {
        &self.service_uid
    }

    /// What is there is what is seen. Tells whether somebody had altered it.
    pub(crate) fn finish(mut self, is_right: bool) {
        self.is_finished = true;
        let mut state = self.view.state();
        let written = state.tick();
        let slot = state.slots.entry(self.service_uid.clone()).or_default();
        *slot = Slot {
            written,
            is_busy: false,
            seen: std::mem::take(&mut self.seen),
            is_unsure: self.is_unsure,
            is_altered: self.is_altered && !is_right,
            is_inherited: false,
            tried: if self.is_unsure {
                std::mem::take(&mut self.tried)
            } else {
                BTreeSet::new()
            },
        };
        if slot.seen.is_empty() && !slot.is_unsure && is_right {
            state.slots.remove(&self.service_uid);
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let mut state = self.view.state();
        let written = state.tick();
        let slot = state.slots.entry(self.service_uid.clone()).or_default();
        slot.written = written;
        (slot.is_busy, slot.is_unsure) = (false, true);
        // What was seen last says by which names to look for more.
        slot.seen = std::mem::take(&mut self.seen);
        slot.is_altered = self.is_altered;
        slot.is_inherited = false;
        slot.tried = std::mem::take(&mut self.tried);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::{Believed, Front};

    fn view() -> View {
        View::new(ClusterId {
            name: "demo".into(),
            uid: "c1".into(),
        })
    }

    fn seen(id: &str) -> Seen {
        let front = Front {
            id: id.into(),
            name: "front".into(),
            tags: crate::calls::Tags::new(),
            rules: Believed::Known(std::collections::BTreeSet::new()),
        };
        Seen {
            fronts: vec![front],
            ..Seen::default()
        }
    }

    fn all(of: &[(&str, &str)]) -> HashMap<String, Seen> {
        let all = of.iter().map(|(uid, id)| ((*uid).to_owned(), seen(id)));
        all.collect()
    }

    #[test]
    fn what_was_read_before_a_change_does_not_undo_it() {
        let view = view();
        let began = view.begin_refresh();
        let mut work = view.work("s1");
        work.seen = seen("sg-1");
        work.finish(true);
        assert!(view.refresh(began, HashMap::new()).is_empty());
        assert_eq!(view.of("s1", Seen::clone), Some(seen("sg-1")));
        let began = view.begin_refresh();
        assert_eq!(
            view.refresh(began, HashMap::new()),
            ["s1"],
            "it is gone now"
        );
    }

    #[test]
    fn an_older_reading_does_not_undo_a_newer_one() {
        let view = view();
        let (older, newer) = (view.begin_refresh(), view.begin_refresh());
        view.refresh(newer, all(&[("s1", "sg-1")]));
        assert!(view.refresh(older, all(&[("s1", "sg-2")])).is_empty());
        assert_eq!(view.of("s1", Seen::clone), Some(seen("sg-1")));
    }

    #[test]
    fn work_that_is_cut_off_leaves_doubt() {
        let view = view();
        drop(view.work("s1"));
        assert!(!view.is_empty());
        let work = view.work("s1");
        assert!(work.is_unsure);
        let began = view.begin_refresh();
        assert!(view.refresh(began, all(&[("s1", "sg-1")])).is_empty());
        let mut work = work;
        work.is_unsure = false;
        work.finish(true);
        assert!(view.is_empty());
    }

    #[test]
    fn what_others_altered_counts_until_it_is_put_right() {
        let view = view();
        let began = view.begin_refresh();
        assert!(
            view.refresh(began, all(&[("s1", "sg-1")])).is_empty(),
            "a first reading is no news"
        );
        let began = view.begin_refresh();
        assert_eq!(view.refresh(began, HashMap::new()), ["s1"]);
        view.work("s1").finish(false);
        assert!(view.work("s1").is_altered);
        let work = view.work("s1");
        work.finish(true);
        assert!(!view.work("s1").is_altered);
    }
}
