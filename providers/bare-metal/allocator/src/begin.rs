//! The takeover of what Services hold when a process starts, before anything new is given.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use landfall_provider_api::{Family, ServiceName};

use crate::Allocator;
use crate::need::Need;
use crate::reservations::Want;
use crate::tenants::Terms;
use crate::uid::Uid;

/// A Service as it is found at the start.
#[derive(Debug, Clone)]
pub struct Holding {
    /// `metadata.uid`.
    pub uid: Uid,
    /// What people call it.
    pub service: ServiceName,
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// Whether its addresses are surely from here: else only those that a pool has are.
    pub ours: bool,
    /// What its status says that it has.
    pub addresses: Vec<IpAddr>,
    /// What it asks for; `None` if that cannot be, or it asks for nothing any more.
    pub need: Option<Need>,
}

impl Allocator {
    /// Takes over what is held, the oldest Services first; then gives what is lacking, in the same
    /// order. Pools and reservations are known by now.
    pub fn begin(&mut self, mut holdings: Vec<Holding>, now: Instant) {
        self.pools.judge();
        holdings.sort_by(|a, b| (a.created, &a.service).cmp(&(b.created, &b.service)));
        for holding in &holdings {
            self.take_over(holding);
        }
        for holding in &holdings {
            self.adopt_for_reservations(holding);
        }
        let former: Vec<(Arc<str>, Vec<RangeInclusive<IpAddr>>)> = self
            .pools
            .iter_mut()
            .map(|pool| (pool.name.clone(), std::mem::take(&mut pool.former)))
            .collect();
        for (name, former) in former {
            self.note_lost(&name, &former);
            self.rebuild(&name);
            self.changed.pools.insert(name);
        }
        self.begun = true;
        self.settle_reservations();
        for need in holdings.into_iter().filter_map(|it| it.need) {
            let slot = self.tenants.meet(&need.uid, &need.service);
            self.settle_terms(slot, &need);
            let refusals = self.settle(slot, &need, now);
            if !refusals.is_empty() {
                self.waiting.add(slot, need, refusals);
            }
        }
        self.serve_waiting(now);
        // Everybody is looked at anyway.
        self.changed.services.clear();
    }

    fn take_over(&mut self, holding: &Holding) {
        for &address in &holding.addresses {
            if !holding.ours && self.pools.of(address).is_none() {
                continue;
            }
            let Holding {
                uid, service, need, ..
            } = holding;
            let slot = self.tenants.meet(uid, service);
            if self
                .tenants
                .get(slot)
                .address(Family::of(address))
                .is_some()
            {
                continue;
            }
            if let Some(need) = need {
                self.settle_terms(slot, need);
                self.tenants.get_mut(slot).asked = need.ask.kept();
                if let Some((other, _)) = self.not_shared(slot, need, address, false) {
                    let by = self.tenants.get(other).service();
                    self.evicted.insert(slot, (address, by));
                    continue;
                }
            } else {
                self.tenants.get_mut(slot).terms = Terms::default();
            }
            self.tenants.get_mut(slot).put(address);
            self.holders.add(address, slot);
            self.note_key(slot, address);
        }
    }

    /// A reservation that takes its address from a pool, and whose status does not say yet which,
    /// has the one that a Service has which names it.
    fn adopt_for_reservations(&mut self, holding: &Holding) {
        let Some(need) = &holding.need else {
            return;
        };
        for name in need.reservations() {
            let Some(reservation) = self.reservations.get(&name) else {
                continue;
            };
            let Want::FromPool { pool, family } = &reservation.want else {
                continue;
            };
            let slot = self.tenants.meet(&need.uid, &need.service);
            let held = self.tenants.get(slot).address(*family);
            let is_of_pool = |address: &IpAddr| {
                self.pools.get(pool).is_some_and(|pool| pool.has(*address))
                    && !self.reserved.contains_key(address)
            };
            if reservation.address.is_none()
                && let Some(address) = held.filter(is_of_pool)
            {
                self.reserve(&name, address);
            }
        }
    }
}
