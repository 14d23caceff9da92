//! What the cluster is known to own in the mock cloud. It holds no more than is needed to say
//! whether a PUT would change anything, and it forgets what is no longer certain.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerSpec};
use landfall_provider_api::PortFailure;

use crate::answer;

/// A load balancer as the mock cloud last told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Stands for the specification: with many nodes the words themselves would be most of what a
    /// controller keeps in memory.
    digest: u64,
    addresses: Vec<IpAddr>,
    failed_ports: Vec<PortFailure>,
}

impl Known {
    pub(crate) fn of(item: LoadBalancer) -> Self {
        Self {
            addresses: item.addresses.iter().map(IpAddr::to_canonical).collect(),
            failed_ports: answer::failed_ports(&item.listeners),
            digest: digest(&item.into()),
        }
    }

    /// Whether this is what it was asked to be.
    pub(crate) fn is(&self, spec: &LoadBalancerSpec) -> bool {
        self.digest == digest(spec)
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
}

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
        Change {
            view: self,
            service_uid,
            is_done: false,
        }
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
    /// The call succeeded, and this is there now.
    pub(crate) fn done(mut self, known: Option<Known>) {
        self.is_done = true;
        self.view.state().write(self.service_uid, known);
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.view.state().write(self.service_uid, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(digest: u64) -> Known {
        Known {
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
}
