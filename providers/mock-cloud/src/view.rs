//! What the cluster is known to own in the mock cloud. It holds no more than is needed to say
//! whether a PUT would change anything, and it forgets what is no longer certain.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerSpec, LoadBalancerState};
use landfall_provider_api::PortFailure;

use crate::answer;

/// A load balancer as the mock cloud last told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Stands for the specification: with many nodes the words themselves would be most of what a
    /// controller keeps in memory.
    digest: u64,
    /// Its entity tag; empty if the server has none.
    etag: String,
    is_active: bool,
    addresses: Vec<IpAddr>,
    failed_ports: Vec<PortFailure>,
}

impl Known {
    pub(crate) fn of(item: LoadBalancer) -> Self {
        Self {
            addresses: item.addresses.iter().map(IpAddr::to_canonical).collect(),
            failed_ports: answer::failed_ports(&item.listeners),
            is_active: item.state == LoadBalancerState::Active,
            etag: item.etag.clone(),
            digest: digest(&item.into()),
        }
    }

    /// Whether this is what it was asked to be.
    pub(crate) fn is(&self, spec: &LoadBalancerSpec) -> bool {
        self.digest == digest(spec)
    }

    /// Its entity tag, for a change that is to be made only if nobody else made one.
    pub(crate) fn etag(&self) -> Option<&str> {
        Some(self.etag.as_str()).filter(|etag| !etag.is_empty())
    }

    /// Whether it is there, and not on its way.
    pub(crate) fn is_active(&self) -> bool {
        self.is_active
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    pub(crate) fn failed_ports(&self) -> &[PortFailure] {
        &self.failed_ports
    }

    pub(crate) fn all_listen(&self) -> bool {
        self.failed_ports.is_empty()
    }
}

fn digest(spec: &LoadBalancerSpec) -> u64 {
    let mut hasher = DefaultHasher::new();
    spec.hash(&mut hasher);
    hasher.finish()
}

/// What is known, by the UID of the Service. Where nothing is known, there may be nothing or
/// anything.
#[derive(Debug, Default)]
pub(crate) struct View(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Counts what happens, so that what was read before a change does not undo it.
    clock: u64,
    /// When the refresh began that is in force.
    refreshed: u64,
    slots: HashMap<String, Slot>,
    /// Calls under way that change a load balancer, with what the stream of changes told since
    /// they began: its entity tag, none if it is gone.
    under_way: HashMap<String, Option<Told>>,
}

/// What the stream of changes told about a load balancer.
type Told = Option<String>;

#[derive(Debug)]
struct Slot {
    /// When it was last written.
    written: u64,
    known: Option<Known>,
}

/// A call under way that changes a load balancer. Dropped without [`done`](Self::done), because the
/// call failed or was cut off, what is there is not known.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    view: &'a View,
    service_uid: &'a str,
    is_done: bool,
}

impl View {
    pub(crate) fn known(&self, service_uid: &str) -> Option<Known> {
        self.state().slots.get(service_uid)?.known.clone()
    }

    /// A call that changes this load balancer is about to be made.
    pub(crate) fn change<'a>(&'a self, service_uid: &'a str) -> Change<'a> {
        let mut state = self.state();
        state.under_way.insert(service_uid.to_owned(), None);
        drop(state);
        Change {
            view: self,
            service_uid,
            is_done: false,
        }
    }

    /// The entity tags of all load balancers that are known, by the UID of the Service.
    pub(crate) fn etags(&self) -> HashMap<String, String> {
        let etag = |(service_uid, slot): (&String, &Slot)| {
            let known = slot.known.as_ref()?;
            Some((service_uid.clone(), known.etag.clone()))
        };
        self.state().slots.iter().filter_map(etag).collect()
    }

    /// Whether all was ever read.
    pub(crate) fn is_refreshed(&self) -> bool {
        self.state().refreshed > 0
    }

    /// A load balancer has this entity tag now, or is gone. Tells whether that is news: then what
    /// was known is not certain any more. What a call under way has done is told only when it ends.
    pub(crate) fn told(&self, service_uid: &str, etag: Option<&str>) -> bool {
        let mut state = self.state();
        if let Some(told) = state.under_way.get_mut(service_uid) {
            *told = Some(etag.map(str::to_owned));
            return false;
        }
        let slot = state.slots.get(service_uid);
        let known = slot.and_then(|slot| slot.known.as_ref());
        if known.and_then(Known::etag) == etag {
            return false;
        }
        state.write(service_uid, None);
        true
    }

    /// All is about to be read; tells when.
    pub(crate) fn begin_refresh(&self) -> u64 {
        self.state().tick()
    }

    /// All was read, and it is this. What was changed since the reading began is not touched.
    pub(crate) fn refresh(&self, began: u64, mut all: HashMap<String, Known>) {
        let mut state = self.state();
        if began < state.refreshed {
            return;
        }
        state.refreshed = began;
        state.slots.retain(|service_uid, slot| {
            let read = all.remove(service_uid);
            if slot.written > began {
                return true;
            }
            slot.known = read;
            slot.written = began;
            slot.known.is_some()
        });
        let new = all.into_iter().map(|(service_uid, known)| {
            let slot = Slot {
                written: began,
                known: Some(known),
            };
            (service_uid, slot)
        });
        state.slots.extend(new);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it leaves a half-made change behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn write(&mut self, service_uid: &str, known: Option<Known>) {
        let written = self.tick();
        let slot = Slot { written, known };
        self.slots.insert(service_uid.to_owned(), slot);
    }
}

impl Change<'_> {
    /// The call succeeded, and this is there now. Tells whether somebody else has changed it since,
    /// as far as the stream of changes has told: then it is not certain.
    pub(crate) fn done(mut self, known: Option<Known>) -> bool {
        self.is_done = true;
        let mut state = self.view.state();
        let told = state.under_way.remove(self.service_uid).flatten();
        let etag = known.as_ref().and_then(Known::etag);
        let is_another = told.is_some_and(|told| told.as_deref() != etag);
        state.write(self.service_uid, known.filter(|_| !is_another));
        is_another
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.view.state();
            state.under_way.remove(self.service_uid);
            state.write(self.service_uid, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(digest: u64) -> Known {
        Known {
            etag: digest.to_string(),
            is_active: true,
            digest,
            addresses: Vec::new(),
            failed_ports: Vec::new(),
        }
    }

    fn all(digests: &[(&str, u64)]) -> HashMap<String, Known> {
        digests
            .iter()
            .map(|(uid, digest)| ((*uid).to_owned(), known(*digest)))
            .collect()
    }

    fn digest_of(view: &View, uid: &str) -> Option<u64> {
        view.known(uid).map(|known| known.digest)
    }

    #[test]
    fn a_change_that_does_not_end_well_leaves_nothing_certain() {
        let view = View::default();
        view.refresh(view.begin_refresh(), all(&[("a", 1), ("b", 1)]));
        drop(view.change("a"));
        assert_eq!(digest_of(&view, "a"), None);
        view.change("b").done(Some(known(2)));
        assert_eq!(digest_of(&view, "b"), Some(2));
    }

    #[test]
    fn what_was_read_before_a_change_does_not_undo_it() {
        let view = View::default();
        let began = view.begin_refresh();
        view.change("a").done(Some(known(2)));
        view.change("b").done(None);
        view.refresh(began, all(&[("a", 1), ("b", 1), ("c", 1)]));
        assert_eq!(digest_of(&view, "a"), Some(2));
        assert_eq!(digest_of(&view, "b"), None);
        assert_eq!(digest_of(&view, "c"), Some(1));
    }

    #[test]
    fn what_was_read_later_holds() {
        let view = View::default();
        view.change("a").done(Some(known(1)));
        view.change("b").done(Some(known(1)));
        let (early, late) = (view.begin_refresh(), view.begin_refresh());
        view.refresh(late, all(&[("a", 2)]));
        view.refresh(early, all(&[("a", 1), ("b", 1)]));
        assert_eq!(digest_of(&view, "a"), Some(2));
        assert_eq!(digest_of(&view, "b"), None);
        assert_eq!(
            view.state().slots.len(),
            1,
            "nothing is kept of what is gone"
        );
    }

    #[test]
    fn a_change_under_way_ends_later_than_a_reading_that_began_meanwhile() {
        let view = View::default();
        let change = view.change("a");
        view.refresh(view.begin_refresh(), all(&[("a", 1)]));
        drop(change);
        assert_eq!(digest_of(&view, "a"), None);
    }

    #[test]
    fn our_own_changes_are_no_news() {
        let view = View::default();
        let change = view.change("a");
        assert!(!view.told("a", Some("1")), "it may be our own");
        assert!(!change.done(Some(known(1))));
        assert!(!view.told("a", Some("1")), "it is what we know");
        assert_eq!(digest_of(&view, "a"), Some(1));
        assert!(!view.change("a").done(None));
        assert!(!view.told("a", None));
    }

    #[test]
    fn what_others_change_is_news_and_what_was_known_is_not_certain() {
        let view = View::default();
        view.change("a").done(Some(known(1)));
        assert!(view.told("a", Some("2")));
        assert_eq!(digest_of(&view, "a"), None);
        view.change("b").done(Some(known(1)));
        assert!(view.told("b", None));
        let change = view.change("c");
        view.told("c", Some("1"));
        view.told("c", Some("2"));
        assert!(change.done(Some(known(1))), "another came after ours");
        assert_eq!(digest_of(&view, "c"), None);
        assert!(view.told("unheard-of", Some("1")));
    }
}
