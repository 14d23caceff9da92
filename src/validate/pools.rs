//! Pools beside each other.

use std::net::IpAddr;

use landfall_bare_metal_resources::{Fault, Pool};

use super::Report;
use crate::manifests::Object;

/// The pools of all files, native and MetalLB's.
#[derive(Default)]
pub(super) struct Pools<'a> {
    pools: Vec<(&'a Object<'a>, Pool)>,
}

impl<'a> Pools<'a> {
    pub(super) fn add(&mut self, object: &'a Object<'a>, pool: Pool) {
        self.pools.push((object, pool));
    }

    /// How many make sense.
    pub(super) fn count(&self) -> usize {
        self.pools.len()
    }

    /// Whether one of them may give this address.
    pub(super) fn have(&self, address: IpAddr) -> bool {
        self.pools
            .iter()
            .any(|(_, pool)| pool.usable.contains(address))
    }

    /// Tells of each pool that has addresses of one before it.
    pub(super) fn compare(&mut self, report: &mut Report) {
        self.pools.sort_by_key(|(object, _)| object.order(""));
        for (at, (object, pool)) in self.pools.iter().enumerate() {
            for (other, before) in &self.pools[..at] {
                // One that stands there twice has been told of.
                if object.to_string() == other.to_string() && object.group() == other.group() {
                    continue;
                }
                let overlap = pool.usable.ranges().overlap(before.usable.ranges());
                if let Some(common) = overlap {
                    let message = format!(
                        "{common} is in {other} already ({})",
                        other.at("spec.addresses")
                    );
                    report.fault(object, &Fault::new("spec.addresses", message));
                }
            }
        }
    }
}
