//! Which Service has which address. A state machine: what happens goes in, with the time, and
//! what somebody ought to look at again comes out. It knows no Kubernetes objects and does no I/O.
//!
//! Whoever cannot be given what he asks for waits, and is given it by whatever ends his obstacle:
//! nothing here is asked for over and over.

mod answer;
mod begin;
mod busy;
mod choose;
mod holders;
mod need;
mod pool;
mod pool_events;
mod pools;
mod refusal;
mod reservations;
mod resting;
mod space;
mod tenants;
#[cfg(test)]
mod tests;
mod uid;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use landfall_provider_api::{Family, FamilyPolicy, ServiceName};

pub use answer::{Answer, Given};
pub use begin::Holding;
pub use need::{Ask, Need, ReservationName, Sharing};
pub use pool::{Pool, PoolInput, Spec, Standing};
pub use refusal::Refusal;
pub use reservations::{Reservation, ReservationInput, Want};
pub use space::Space;
pub use uid::Uid;

use holders::Holders;
use pools::Pools;
use resting::Resting;
use tenants::{Slot, Tenants, Terms};
use waiting::{Obstacle, Turn, Waiting};

/// Pools, reservations, and who has what of them.
#[derive(Debug, Default)]
pub struct Allocator {
    pools: Pools,
    reservations: BTreeMap<ReservationName, Reservation>,
    /// Those that have no address yet, the oldest first.
    unsettled: BTreeSet<(SystemTime, ReservationName)>,
    /// Addresses that reservations keep.
    reserved: BTreeMap<IpAddr, ReservationName>,
    tenants: Tenants,
    holders: Holders,
    /// Addresses that are shared under a key.
    keys: HashMap<Box<str>, BTreeSet<IpAddr>>,
    resting: Resting,
    waiting: Waiting,
    /// Obstacles that have ended, or may have.
    ended: VecDeque<Obstacle>,
    /// Who had an address in its status that an older Service has, until it is released.
    evicted: HashMap<Slot, (IpAddr, ServiceName)>,
    /// What is held already is known: something new may be given.
    begun: bool,
    changed: Changed,
}

/// What somebody ought to look at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// UIDs of Services whose answer is another.
    pub services: BTreeSet<Uid>,
    /// Names of pools whose status is another.
    pub pools: BTreeSet<Arc<str>>,
    /// Names of reservations whose status is another.
    pub reservations: BTreeSet<ReservationName>,
}

impl Allocator {
    /// Gives a Service what it asks for, as far as that can be done now; it waits for the rest.
    pub fn ensure(&mut self, need: Need, now: Instant) -> Answer {
        let slot = self.tenants.meet(&need.uid, &need.service);
        self.waiting.remove(slot);
        self.settle_terms(slot, &need);
        let refusals = self.settle(slot, &need, now);
        let answer = self.answer(slot, &need, &refusals);
        if !refusals.is_empty() {
            self.waiting.add(slot, need, refusals);
        }
        self.serve_waiting(now);
        answer
    }

    /// Takes everything from a Service.
    pub fn release(&mut self, uid: &Uid, now: Instant) {
        let Some(slot) = self.tenants.slot(uid) else {
            return;
        };
        self.waiting.remove(slot);
        for family in [Family::IPv4, Family::IPv6] {
            self.let_go(slot, family, now);
        }
        self.tenants.remove(slot);
        self.evicted.remove(&slot);
        self.serve_waiting(now);
        self.changed.services.remove(uid);
    }

    /// Ends the rest of those addresses that have rested long enough.
    pub fn tick(&mut self, now: Instant) {
        for address in self.resting.due(now) {
            self.free(address);
        }
        self.serve_waiting(now);
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_tick(&self) -> Option<Instant> {
        self.resting.next()
    }

    /// What has changed since this was asked last.
    pub fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Every pool, in order of the names.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter()
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.get(name)
    }

    /// Lets a pool's status be looked at.
    pub fn touch_pool(&mut self, name: &str) {
        self.changed.pools.insert(name.into());
    }

    /// Lets those be looked at that have an address of a pool.
    pub fn touch_services_of(&mut self, pool: &str) {
        let Some(pool) = self.pools.get(pool) else {
            return;
        };
        let addresses = pool.ranges().flat_map(|range| self.holders.within(range));
        let slots = addresses.flat_map(|address| self.holders.of(address));
        let uids = slots.map(|slot| self.tenants.get(*slot).uid.clone());
        self.changed.services.extend(uids);
    }

    /// The Services that have this address.
    pub fn holders_of(&self, address: IpAddr) -> impl Iterator<Item = &Uid> {
        let slots = self.holders.of(address).iter();
        slots.map(|slot| &self.tenants.get(*slot).uid)
    }

    /// The Services that have an address: UID, name and addresses.
    pub fn provided(&self) -> impl Iterator<Item = (&Uid, ServiceName, Vec<IpAddr>)> {
        self.tenants.iter().filter_map(|tenant| {
            let addresses: Vec<_> = tenant.addresses().into_iter().flatten().collect();
            let has = !addresses.is_empty();
            has.then(|| (&tenant.uid, tenant.service(), addresses))
        })
    }

    /// Writes down on what terms a Service has its addresses.
    fn settle_terms(&mut self, slot: Slot, need: &Need) {
        let terms = Terms::of(need);
        let tenant = self.tenants.get_mut(slot);
        if tenant.terms == terms {
            return;
        }
        let before = std::mem::replace(&mut tenant.terms, terms);
        let addresses = tenant.addresses();
        for address in addresses.into_iter().flatten() {
            if let Some(before) = &before.sharing {
                self.forget_key(&before.key, address, slot);
            }
            self.note_key(slot, address);
            self.ended.push_back(Obstacle::Address(address));
            let after = self.tenants.get(slot).terms.clone();
            for terms in [&before, &after] {
                self.tell_other_holders(address, slot, terms);
            }
        }
    }

    /// Gives, keeps and takes. Returns why something is lacking.
    fn settle(&mut self, slot: Slot, need: &Need, now: Instant) -> Vec<Refusal> {
        let asked = self.tenants.get(slot).asked.as_deref();
        let anew = *asked.unwrap_or(&Ask::default()) != need.ask;
        let (mut takes, mut drops, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
        for &family in &need.families {
            let held = self.tenants.get(slot).address(family);
            if held.is_some_and(|held| self.may_keep(slot, need, held, anew)) {
                continue;
            }
            match self.choose(slot, need, family) {
                Ok(address) => takes.push(address),
                Err(refusal) => refusals.push(refusal),
            }
            if held.is_some_and(|held| self.not_shared(slot, need, held, false).is_some()) {
                drops.push(family);
            }
        }
        let all_or_nothing = need.policy == FamilyPolicy::RequireDualStack;
        for family in drops {
            self.let_go(slot, family, now);
        }
        if refusals.is_empty() || !all_or_nothing {
            for address in takes {
                self.take(slot, address, now);
            }
        }
        for family in [Family::IPv4, Family::IPv6] {
            if !need.families.contains(&family) {
                self.let_go(slot, family, now);
            }
        }
        if refusals.is_empty() && anew {
            self.tenants.get_mut(slot).asked = need.ask.kept();
        }
        refusals
    }

    /// Gives an address to a Service in place of what it has of that family.
    fn take(&mut self, slot: Slot, address: IpAddr, now: Instant) {
        let family = Family::of(address);
        if self.tenants.get(slot).address(family) == Some(address) {
            return;
        }
        self.let_go(slot, family, now);
        self.tenants.get_mut(slot).put(address);
        if self.holders.add(address, slot) {
            self.resting.wake(address);
            let counts = !self.reserved.contains_key(&address);
            if let Some(pool) = self.pools.of_mut(address) {
                pool.mark(address, true);
                if counts {
                    pool.count(address, true);
                }
                self.changed.pools.insert(pool.name.clone());
            }
        } else {
            let terms = self.tenants.get(slot).terms.clone();
            self.tell_other_holders(address, slot, &terms);
        }
        self.note_key(slot, address);
        self.tell_reservation(address);
    }

    /// Takes what a Service has of a family.
    fn let_go(&mut self, slot: Slot, family: Family, now: Instant) {
        let tenant = self.tenants.get_mut(slot);
        let Some(address) = tenant.address(family) else {
            return;
        };
        tenant.clear(family);
        let terms = tenant.terms.clone();
        if let Some(sharing) = &terms.sharing {
            self.forget_key(&sharing.key, address, slot);
        }
        self.tell_reservation(address);
        if !self.holders.remove(address, slot) {
            self.tell_other_holders(address, slot, &terms);
            self.note_room(address);
            return;
        }
        for pool in self.pools.iter_mut() {
            if pool.lost.remove(&address) {
                self.changed.pools.insert(pool.name.clone());
            }
        }
        if self.reserved.contains_key(&address) {
            self.ended.push_back(Obstacle::Address(address));
            return;
        }
        let mut rest = Duration::ZERO;
        if let Some(pool) = self.pools.of_mut(address) {
            pool.count(address, false);
            self.changed.pools.insert(pool.name.clone());
            rest = pool.spec.reuse_after;
        }
        if rest.is_zero() {
            self.free(address);
        } else {
            self.resting.rest(address, now + rest);
            // Who asks for this one by name need not wait.
            self.ended.push_back(Obstacle::Address(address));
        }
    }

    /// Notes that anybody may have an address again.
    fn free(&mut self, address: IpAddr) {
        if let Some(pool) = self.pools.of_mut(address) {
            pool.mark(address, false);
            self.changed.pools.insert(pool.name.clone());
            let room = Obstacle::Room(pool.name.clone(), Family::of(address));
            self.ended.push_back(room);
        }
        self.ended.push_back(Obstacle::Address(address));
    }

    /// Notes that one who shares may have an address now that others have.
    pub(crate) fn note_room(&mut self, address: IpAddr) {
        let holders = self.holders.of(address).iter();
        let mut terms = holders.filter_map(|it| self.tenants.get(*it).terms.sharing.as_ref());
        let key = terms.next().map(|it| Obstacle::Key(it.key.clone()));
        self.ended.extend(key);
        self.ended.push_back(Obstacle::Address(address));
    }

    /// Gives those who wait what has become free, the oldest first.
    fn serve_waiting(&mut self, now: Instant) {
        if !self.begun {
            return;
        }
        while let Some(obstacle) = self.ended.pop_front() {
            self.settle_reservations();
            let mut last: Option<Turn> = None;
            while self.may_help(&obstacle) {
                let next = self.waiting.next_behind(&obstacle, last.as_ref());
                let Some(turn) = next.cloned() else {
                    break;
                };
                self.serve(turn.slot, now);
                last = Some(turn);
            }
        }
    }

    /// Whether an obstacle has not come back meanwhile.
    fn may_help(&self, obstacle: &Obstacle) -> bool {
        match obstacle {
            Obstacle::Room(pool, family) => {
                let pool = self.pools.get(pool);
                pool.is_some_and(|pool| pool.first_free(*family).is_some())
            }
            _ => true,
        }
    }

    /// Looks again at one who waits.
    fn serve(&mut self, slot: Slot, now: Instant) {
        let Some(waiter) = self.waiting.remove(slot) else {
            return;
        };
        let before = self.tenants.get(slot).addresses();
        let refusals = self.settle(slot, &waiter.need, now);
        let tenant = self.tenants.get(slot);
        if tenant.addresses() != before || refusals != waiter.refusals {
            self.changed.services.insert(tenant.uid.clone());
        }
        if !refusals.is_empty() {
            self.waiting.add(slot, waiter.need, refusals);
        }
    }

    /// Notes under which key an address of a Service is shared.
    fn note_key(&mut self, slot: Slot, address: IpAddr) {
        if let Some(sharing) = &self.tenants.get(slot).terms.sharing {
            let addresses = self.keys.entry(sharing.key.clone()).or_default();
            addresses.insert(address);
            self.ended.push_back(Obstacle::Key(sharing.key.clone()));
        }
    }

    /// Notes that a Service has an address under a key no more.
    fn forget_key(&mut self, key: &str, address: IpAddr, slot: Slot) {
        let others = self.holders.of(address).iter().filter(|it| **it != slot);
        let mut sharing = others.filter_map(|it| self.tenants.get(*it).terms.sharing.as_ref());
        if sharing.any(|it| &*it.key == key) {
            return;
        }
        if let Some(addresses) = self.keys.get_mut(key) {
            addresses.remove(&address);
            if addresses.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// Lets those be looked at who share an address with a Service that takes traffic only where
    /// its endpoints are: whether a node has an endpoint of each may be another.
    fn tell_other_holders(&mut self, address: IpAddr, slot: Slot, terms: &Terms) {
        let sharing = terms.sharing.as_ref();
        if sharing.is_none_or(|sharing| sharing.local.is_none()) {
            return;
        }
        let others = self.holders.of(address).iter().filter(|it| **it != slot);
        let uids = others.map(|it| self.tenants.get(*it).uid.clone());
        self.changed.services.extend(uids);
    }
}
