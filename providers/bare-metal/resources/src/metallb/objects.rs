//! MetalLB's objects as they are read from a cluster, one by one.

use std::collections::{BTreeMap, BTreeSet};

use kube_core::discovery::ApiResource;
use serde_json::Value;

use super::convert::{Converted, convert};
use super::kinds::{GROUP, Object};
use crate::fault::Fault;

/// A kind of MetalLB's that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// In the singular, as objects name it.
    pub singular: &'static str,
    /// In the plural, as paths name it.
    pub plural: &'static str,
    /// The version that is read.
    pub version: &'static str,
    /// What people call its objects.
    pub what: &'static str,
}

/// The kinds that are read. What announces on local networks needs the first two alone.
pub const KINDS: [Kind; 6] = [
    kind(
        "IPAddressPool",
        "ipaddresspools",
        "v1beta1",
        "MetalLB's IPAddressPools",
    ),
    kind(
        "L2Advertisement",
        "l2advertisements",
        "v1beta1",
        "MetalLB's L2Advertisements",
    ),
    kind(
        "BGPAdvertisement",
        "bgpadvertisements",
        "v1beta1",
        "MetalLB's BGPAdvertisements",
    ),
    kind("BGPPeer", "bgppeers", "v1beta2", "MetalLB's BGPPeers"),
    kind(
        "BFDProfile",
        "bfdprofiles",
        "v1beta1",
        "MetalLB's BFDProfiles",
    ),
    kind(
        "Community",
        "communities",
        "v1beta1",
        "MetalLB's Communities",
    ),
];

const fn kind(
    singular: &'static str,
    plural: &'static str,
    version: &'static str,
    what: &'static str,
) -> Kind {
    Kind {
        singular,
        plural,
        version,
        what,
    }
}

impl Kind {
    /// How the API server knows it.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        ApiResource {
            group: GROUP.to_owned(),
            version: self.version.to_owned(),
            api_version: format!("{GROUP}/{}", self.version),
            kind: self.singular.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

/// MetalLB's objects of one namespace.
#[derive(Debug, Default)]
pub struct Objects {
    read: BTreeMap<(Kind, String), Object>,
    unreadable: BTreeMap<(Kind, String), Fault>,
}

impl Objects {
    /// Takes one in; whether anything is another now. Of one that cannot be read, what it said before
    /// still holds.
    pub fn put(&mut self, kind: Kind, name: String, value: &Value) -> bool {
        let key = (kind, name);
        match Object::read(value) {
            Ok(Some(object)) => {
                let was_unreadable = self.unreadable.remove(&key).is_some();
                // A list that was read again tells much that is known.
                let is_new = self.read.get(&key) != Some(&object);
                self.read.insert(key, object);
                is_new || was_unreadable
            }
            Ok(None) => false,
            Err(fault) => {
                self.unreadable.insert(key, fault);
                true
            }
        }
    }

    /// Forgets one; whether it was known.
    pub fn remove(&mut self, kind: Kind, name: &str) -> bool {
        let key = (kind, name.to_owned());
        let was_unreadable = self.unreadable.remove(&key).is_some();
        self.read.remove(&key).is_some() || was_unreadable
    }

    /// The names of those of a kind that are known.
    #[must_use]
    pub fn names_of(&self, kind: Kind) -> BTreeSet<String> {
        let all = self.read.keys().chain(self.unreadable.keys());
        let names = all.filter(|(it, _)| *it == kind);
        names.map(|(_, name)| name.clone()).collect()
    }

    /// Those that cannot be read, and why.
    pub fn unreadable(&self) -> impl Iterator<Item = (Kind, &str, &Fault)> {
        let all = self.unreadable.iter();
        all.map(|((kind, name), fault)| (*kind, name.as_str(), fault))
    }

    /// What they mean here. All at once: some name others.
    #[must_use]
    pub fn converted(&self) -> Converted {
        let objects: Vec<_> = self.read.values().cloned().collect();
        convert(&objects)
    }
}
