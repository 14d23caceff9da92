//! The pools, which of them may give something new, and which of them has an address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use landfall_bare_metal_resources::kinds::Allocation;
use landfall_provider_api::Family;

use crate::pool::{Pool, PoolInput, Standing};

/// All pools.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    by_name: BTreeMap<Arc<str>, Pool>,
    /// Those that are ready, by priority and name.
    order: Vec<Arc<str>>,
    /// The ranges of those that are ready, by their first address.
    covers: BTreeMap<IpAddr, (IpAddr, Arc<str>)>,
}

impl Pools {
    /// The pool of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Pool> {
        self.by_name.get(name)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.by_name.get_mut(name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.by_name.values()
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        self.by_name.values_mut()
    }

    /// Those that give this family unasked, in the order in which they are asked.
    pub(crate) fn automatic(&self, family: Family) -> impl Iterator<Item = &Pool> {
        let ready = self.order.iter().filter_map(|name| self.get(name));
        ready.filter(move |pool| {
            pool.spec.allocation == Allocation::Automatic && pool.total(family) > 0
        })
    }

    /// The pool that has an address: the one that is ready, or else one that was before.
    pub(crate) fn of(&self, address: IpAddr) -> Option<&Pool> {
        let covered = self.covers.range(..=address).next_back();
        let ready = covered
            .filter(|(_, (last, _))| *last >= address)
            .and_then(|(_, (_, name))| self.get(name))
            .filter(|pool| pool.has(address));
        ready.or_else(|| {
            let mut others = self.iter().filter(|it| it.standing != Standing::Ready);
            others.find(|pool| pool.has(address))
        })
    }

    /// The same, to be changed.
    pub(crate) fn of_mut(&mut self, address: IpAddr) -> Option<&mut Pool> {
        let name = self.of(address)?.name.clone();
        self.get_mut(&name)
    }

    /// Takes in a pool, new or changed. What it says holds only after [`judge`](Self::judge).
    pub(crate) fn put(&mut self, input: PoolInput) {
        let before = self.by_name.remove(&input.name);
        let name = input.name.clone();
        self.by_name.insert(name, Pool::new(input, before));
    }

    /// Forgets a pool. The others' standing is another only after [`judge`](Self::judge).
    pub(crate) fn remove(&mut self, name: &str) -> Option<Pool> {
        self.by_name.remove(name)
    }

    /// Judges all pools anew, and says whose standing is another. Of two with addresses in common
    /// the one keeps on that worked before with what it has; else the older, by creation and name.
    pub(crate) fn judge(&mut self) -> Vec<Arc<str>> {
        let mut queue: Vec<_> = self
            .by_name
            .values()
            .filter(|pool| pool.is_valid)
            .map(|pool| {
                let rank = match (pool.established, pool.was_conflicting) {
                    (true, _) => 0,
                    (false, false) => 1,
                    (false, true) => 2,
                };
                (rank, pool.created, pool.name.clone())
            })
            .collect();
        queue.sort_unstable();
        self.covers.clear();
        let mut standings: BTreeMap<Arc<str>, Standing> = BTreeMap::new();
        for (_, _, name) in queue {
            let pool = &self.by_name[&name];
            let standing = if let Some((range, with)) = self.in_common(pool) {
                Standing::Conflicting { with, range }
            } else {
                for range in pool.ranges() {
                    let (first, last) = range.into_inner();
                    self.covers.insert(first, (last, name.clone()));
                }
                Standing::Ready
            };
            standings.insert(name, standing);
        }
        let mut changed = Vec::new();
        for pool in self.by_name.values_mut() {
            let standing = standings.remove(&pool.name).unwrap_or(Standing::Invalid);
            pool.established = standing == Standing::Ready;
            pool.was_conflicting = matches!(standing, Standing::Conflicting { .. });
            if pool.standing != standing {
                pool.standing = standing;
                changed.push(pool.name.clone());
            }
        }
        let ready = self.by_name.values();
        let ready = ready.filter(|pool| pool.standing == Standing::Ready);
        let mut order: Vec<_> = ready
            .map(|pool| (pool.spec.priority, pool.name.clone()))
            .collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, name)| name).collect();
        changed
    }

    /// The first addresses that a pool has in common with those that were found ready.
    fn in_common(&self, pool: &Pool) -> Option<((IpAddr, IpAddr), Arc<str>)> {
        pool.ranges().find_map(|range| {
            let (first, last) = range.into_inner();
            let (other, (other_last, name)) = self.covers.range(..=last).next_back()?;
            // Of the same family: in the order of addresses all of one come before the other's.
            let meets = *other_last >= first && other.is_ipv4() == first.is_ipv4();
            meets.then(|| ((first.max(*other), last.min(*other_last)), name.clone()))
        })
    }
}
