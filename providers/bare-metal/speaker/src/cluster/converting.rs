//! MetalLB's objects: what a view takes them for.

use std::collections::BTreeSet;

use landfall_bare_metal_resources::metallb::Kind;
use serde_json::Value;

use super::known::gone;
use super::view::{Origin, Pool, View};

impl View {
    /// Takes in an object of MetalLB's.
    pub(crate) fn put_metallb(&mut self, kind: Kind, name: String, value: &Value) {
        self.is_metallb_new |= self.metallb.put(kind, name, value);
    }

    /// Forgets an object of MetalLB's.
    pub(crate) fn remove_metallb(&mut self, kind: Kind, name: &str) {
        self.is_metallb_new |= self.metallb.remove(kind, name);
    }

    /// Finds out what MetalLB's objects mean. Of one that means nothing, what it meant before stays; the
    /// controller tells what is wrong with it.
    pub(super) fn convert(&mut self) {
        let converted = self.metallb.converted();
        let mut there = BTreeSet::new();
        for equal in converted.pools {
            let name = (Origin::MetalLb, equal.source.name);
            if let Ok(judged) = equal.meaning {
                let pool = Pool {
                    labels: equal.metadata.labels.unwrap_or_default(),
                    addresses: judged.usable,
                };
                self.put_pool(name.clone(), Some(pool));
            }
            there.insert(name);
        }
        for name in gone(&self.pools, &there) {
            self.put_pool(name, None);
        }
        there.clear();
        for equal in converted.l2_advertisements {
            let name = (Origin::MetalLb, equal.source.name);
            if let Ok(rule) = equal.meaning {
                self.put_advertisement(name.clone(), Some(rule));
            }
            there.insert(name);
        }
        for name in gone(&self.advertisements, &there) {
            self.put_advertisement(name, None);
        }
        there.clear();
        for equal in converted.bgp_advertisements {
            let name = (Origin::MetalLb, equal.source.name);
            if let Ok(rule) = equal.meaning {
                self.put_bgp_advertisement(name.clone(), Some(rule));
            }
            there.insert(name);
        }
        for name in gone(self.routing.advertisements(), &there) {
            self.put_bgp_advertisement(name, None);
        }
        let peers = converted.peers.into_iter();
        let peers = peers.filter_map(|it| Some((it.source.name, it.meaning.ok()?)));
        self.routing.put_metallb_peers(peers.collect());
    }
}
