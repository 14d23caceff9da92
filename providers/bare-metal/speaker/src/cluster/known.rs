//! The names of what a view knows, so that what a list does not name can be asked for.

use std::collections::{BTreeMap, BTreeSet};

use landfall_bare_metal_resources::metallb::Kind;

use super::service::Key;
use super::view::{Name, Origin, View};

/// The names of what a view knows.
pub(crate) struct Known<'a>(pub(super) &'a View);

impl Known<'_> {
    pub(crate) fn services(&self) -> BTreeSet<Key> {
        self.0.services.keys().map(|it| (**it).clone()).collect()
    }

    /// Slices, each with its Service.
    pub(crate) fn slices(&self) -> BTreeSet<(Key, String)> {
        let pods = self.0.pods.iter();
        let slices = pods
            .flat_map(|(service, slices)| slices.keys().map(|it| (service.clone(), it.clone())));
        slices.collect()
    }

    pub(crate) fn nodes(&self) -> BTreeSet<String> {
        self.0.nodes.keys().cloned().collect()
    }

    pub(crate) fn pools(&self) -> BTreeSet<String> {
        ours(&self.0.pools)
    }

    pub(crate) fn advertisements(&self) -> BTreeSet<String> {
        ours(&self.0.advertisements)
    }

    pub(crate) fn bgp_advertisements(&self) -> BTreeSet<String> {
        ours(self.0.routing.advertisements())
    }

    pub(crate) fn bgp_peers(&self) -> BTreeSet<String> {
        self.0.routing.our_peers()
    }

    pub(crate) fn metallb(&self, kind: Kind) -> BTreeSet<String> {
        self.0.metallb.names_of(kind)
    }
}

fn ours<T>(objects: &BTreeMap<Name, T>) -> BTreeSet<String> {
    let ours = objects.keys().filter(|(origin, _)| *origin == Origin::Ours);
    ours.map(|(_, name)| name.clone()).collect()
}

/// Those of MetalLB's that are known and not there.
pub(super) fn gone<T>(known: &BTreeMap<Name, T>, there: &BTreeSet<Name>) -> Vec<Name> {
    let known = known.keys();
    let theirs = known.filter(|(origin, _)| *origin == Origin::MetalLb);
    theirs.filter(|it| !there.contains(it)).cloned().collect()
}
