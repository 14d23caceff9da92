//! What becomes of addresses when pools come, change and go.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use landfall_provider_api::Family;

use crate::Allocator;
use crate::need::Ask;
use crate::pool::{PoolInput, Spec};
use crate::tenants::Tenant;
use crate::waiting::Obstacle;

impl Allocator {
    /// Takes in a pool, new or changed. At the start they are judged together, by
    /// [`begin`](Self::begin).
    pub fn put_pool(&mut self, input: PoolInput, now: Instant) {
        if !self.begun {
            self.pools.put(input);
            return;
        }
        let name = input.name.clone();
        let before = self.pools.get(&name);
        if before.is_some_and(|before| before.says(&input)) {
            return;
        }
        let had: Vec<_> = match before {
            Some(before) => before.ranges().collect(),
            None => input.former.clone(),
        };
        if before.is_none() {
            self.tell_who_asked(|_, ask| ask.pool.as_ref() == Some(&name));
        }
        let before = self.pools.get(&name);
        let was_reclaiming = before.is_some_and(|before| before.spec.reclaim);
        let has = input.spec.iter().flat_map(Spec::ranges);
        let ranges: Vec<_> = had.iter().cloned().chain(has).collect();
        let owners = self.owners(&ranges);
        self.pools.put(input);
        self.note_lost(&name, &had);
        self.after_change(&name, &ranges, &owners);
        if let Some(pool) = self.pools.get(&name)
            && pool.spec.reclaim != was_reclaiming
        {
            let slots = pool.lost.iter().flat_map(|it| self.holders.of(*it));
            let uids = slots.map(|slot| self.tenants.get(*slot).uid.clone());
            self.changed.services.extend(uids);
        }
        self.serve_waiting(now);
    }

    /// Forgets a pool. Whoever has one of its addresses keeps it.
    pub fn remove_pool(&mut self, name: &str, now: Instant) {
        let Some(before) = self.pools.get(name) else {
            return;
        };
        if !self.begun {
            self.pools.remove(name);
            return;
        }
        let ranges: Vec<_> = before.ranges().collect();
        let owners = self.owners(&ranges);
        let lost = before.lost.iter().flat_map(|it| self.holders.of(*it));
        let uids = lost.map(|slot| self.tenants.get(*slot).uid.clone());
        self.changed.services.extend(uids);
        self.pools.remove(name);
        self.after_change(&Arc::from(name), &ranges, &owners);
        self.changed.pools.remove(name);
        self.serve_waiting(now);
    }

    /// Lets those be looked at who asked for something that is there only now, or is another now.
    pub(crate) fn tell_who_asked(&mut self, for_it: impl Fn(&Tenant, &Ask) -> bool) {
        let tenants = self.tenants.iter();
        let tenants = tenants.filter(|it| it.asked.as_deref().is_some_and(|ask| for_it(it, ask)));
        self.changed
            .services
            .extend(tenants.map(|it| it.uid.clone()));
    }

    /// Which of these ranges' addresses that are in use belongs to which pool.
    fn owners(&self, ranges: &[RangeInclusive<IpAddr>]) -> HashMap<IpAddr, Arc<str>> {
        let in_use = ranges
            .iter()
            .flat_map(|range| self.holders.within(range.clone()));
        in_use
            .filter_map(|address| Some((address, self.pools.of(address)?.name.clone())))
            .collect()
    }

    /// Writes down which addresses in use a pool had and has no more.
    pub(crate) fn note_lost(&mut self, name: &str, had: &[RangeInclusive<IpAddr>]) {
        let Some(pool) = self.pools.get_mut(name) else {
            return;
        };
        let in_use = had
            .iter()
            .flat_map(|range| self.holders.within(range.clone()));
        let mut lost: Vec<_> = in_use.filter(|address| !pool.has(*address)).collect();
        lost.extend(pool.lost.iter().copied().filter(|it| !pool.has(*it)));
        pool.lost = lost.into_iter().collect();
    }

    /// Judges the pools anew after one of them changed, and notes for whom that changes something.
    fn after_change(
        &mut self,
        name: &Arc<str>,
        ranges: &[RangeInclusive<IpAddr>],
        owners: &HashMap<IpAddr, Arc<str>>,
    ) {
        let mut moved = self.pools.judge();
        if !moved.contains(name) {
            moved.push(name.clone());
        }
        for name in &moved {
            self.rebuild(name);
            for family in [Family::IPv4, Family::IPv6] {
                self.ended.push_back(Obstacle::Room(name.clone(), family));
            }
            self.ended.push_back(Obstacle::Pool(name.clone()));
            self.changed.pools.insert(name.clone());
        }
        self.ended.push_back(Obstacle::AnyPool);
        for range in ranges {
            for address in self.holders.within(range.clone()) {
                let owner = self.pools.of(address).map(|pool| &pool.name);
                if owner != owners.get(&address) {
                    let slots = self.holders.of(address).iter();
                    let uids = slots.map(|slot| self.tenants.get(*slot).uid.clone());
                    self.changed.services.extend(uids);
                }
            }
        }
    }

    /// Finds out anew which of a pool's addresses cannot be given.
    pub(crate) fn rebuild(&mut self, name: &str) {
        let Some(pool) = self.pools.get(name) else {
            return;
        };
        let ranges: Vec<_> = pool.ranges().collect();
        let (mut busy, mut assigned) = (Vec::new(), Vec::new());
        for range in ranges {
            assigned.extend(self.holders.within(range.clone()));
            let reserved = self.reserved.range(range.clone()).map(|(it, _)| *it);
            assigned.extend(reserved.filter(|it| self.holders.of(*it).is_empty()));
            busy.extend(self.resting.within(range));
        }
        busy.extend(&assigned);
        assigned.retain(|address| {
            let pool = self.pools.of(*address);
            pool.is_some_and(|pool| &*pool.name == name)
        });
        let Some(pool) = self.pools.get_mut(name) else {
            return;
        };
        pool.clear();
        for address in busy {
            pool.mark(address, true);
        }
        for address in assigned {
            pool.count(address, true);
        }
    }
}
