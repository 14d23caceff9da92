//! Which address a Service may keep, and which it is given. Decides; changes nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use landfall_bare_metal_resources::kinds::{self, Allocation};
use landfall_provider_api::Family;

use crate::Allocator;
use crate::need::{Need, Sharing};
use crate::pool::{Pool, Standing};
use crate::refusal::{NotShared, Refusal};
use crate::tenants::Slot;

impl Allocator {
    /// Whether a Service keeps an address that it has. An address changes only when its Service
    /// asks for another, or when no pool has it and one that had it takes it back.
    pub(crate) fn may_keep(&self, slot: Slot, need: &Need, held: IpAddr, anew: bool) -> bool {
        if self.not_shared(slot, need, held, false).is_some() {
            return false;
        }
        let family = Family::of(held);
        if let Some(asked) = need.ask.address(family) {
            return asked == held;
        }
        if !need.ask.reservations.is_empty() {
            return match self.reserved_for(need, family) {
                Ok(Some(address)) => address == held,
                Ok(None) => true,
                Err(_) => false,
            };
        }
        if self.pools.of(held).is_none() && (anew || self.is_reclaimed(held)) {
            return false;
        }
        match &need.ask.pool {
            None => true,
            Some(name) => {
                let pool = self.pools.get(name);
                pool.is_some_and(|pool| pool.has(held) || pool.lost.contains(&held))
            }
        }
    }

    fn is_reclaimed(&self, address: IpAddr) -> bool {
        let mut pools = self.pools.iter();
        pools.any(|pool| pool.spec.reclaim && pool.lost.contains(&address))
    }

    /// The address of this family that a Service is to be given.
    pub(crate) fn choose(
        &self,
        slot: Slot,
        need: &Need,
        family: Family,
    ) -> Result<IpAddr, Refusal> {
        if let Some(address) = need.ask.address(family) {
            return self.requested(slot, need, address);
        }
        if let Some(address) = self.reserved_for(need, family)? {
            return self.in_use(slot, need, address).map_or(Ok(address), Err);
        }
        if let Some(name) = &need.ask.pool {
            let pool = self.named_pool(name, need, family)?;
            let found = self.one_of_pool(slot, need, pool, family);
            return found.ok_or_else(|| Refusal::Exhausted(family, vec![name.clone()]));
        }
        let mut full = Vec::new();
        for pool in self.pools.automatic(family) {
            if pool.leaves_out(need).is_some() {
                continue;
            }
            if let Some(address) = self.one_of_pool(slot, need, pool, family) {
                return Ok(address);
            }
            full.push(pool.name.clone());
        }
        Err(if full.is_empty() {
            Refusal::NoPool(family)
        } else {
            Refusal::Exhausted(family, full)
        })
    }

    /// An address that is asked for by itself.
    fn requested(&self, slot: Slot, need: &Need, address: IpAddr) -> Result<IpAddr, Refusal> {
        let Some(pool) = self.pools.of(address) else {
            return Err(Refusal::NotInPool(address));
        };
        if let Some(asked) = need.ask.pool.as_ref().filter(|asked| **asked != pool.name) {
            return Err(Refusal::OtherPool {
                address,
                asked: asked.clone(),
                has: pool.name.clone(),
            });
        }
        may_give(pool, need)?;
        if let Some(by) = self.reserved.get(&address) {
            let by = by.clone();
            return Err(Refusal::Reserved { address, by });
        }
        self.in_use(slot, need, address).map_or(Ok(address), Err)
    }

    /// The address of this family that a reservation keeps which the Service names. `None` if it
    /// names none, or only one of its other family.
    fn reserved_for(&self, need: &Need, family: Family) -> Result<Option<IpAddr>, Refusal> {
        let mut names = Vec::new();
        for name in need.reservations() {
            let Some(reservation) = self.reservations.get(&name) else {
                return Err(Refusal::ReservationNotFound(name));
            };
            match reservation.address {
                Some(address) if Family::of(address) == family => return Ok(Some(address)),
                Some(_) => names.push(name),
                None => return Err(Refusal::ReservationNotReady(name)),
            }
        }
        if names.is_empty() || need.families.len() > 1 {
            return Ok(None);
        }
        Err(Refusal::ReservationLacksFamily(family, names))
    }

    /// A pool that is asked for by name, if it would give something of this family.
    fn named_pool(&self, name: &str, need: &Need, family: Family) -> Result<&Pool, Refusal> {
        let Some(pool) = self.pools.get(name) else {
            return Err(Refusal::PoolNotFound(name.into()));
        };
        may_give(pool, need)?;
        if pool.total(family) == 0 {
            return Err(Refusal::PoolLacksFamily(pool.name.clone(), family));
        }
        Ok(pool)
    }

    /// An address of a pool: one that is shared under the Service's key, or the lowest free one.
    fn one_of_pool(&self, slot: Slot, need: &Need, pool: &Pool, family: Family) -> Option<IpAddr> {
        let shared = need.sharing.as_ref().and_then(|it| self.keys.get(&it.key));
        let mut shared = shared.into_iter().flatten().copied();
        let shared = shared.find(|&address| {
            Family::of(address) == family
                && pool.has(address)
                && !self.reserved.contains_key(&address)
                && self.not_shared(slot, need, address, true).is_none()
        });
        shared.or_else(|| pool.first_free(family))
    }

    /// Why a Service cannot be given an address that others have, if it cannot.
    fn in_use(&self, slot: Slot, need: &Need, address: IpAddr) -> Option<Refusal> {
        let (by, why) = self.not_shared(slot, need, address, true)?;
        let by = self.tenants.get(by).service();
        Some(Refusal::AddressInUse { address, by, why })
    }

    /// Who keeps a Service from an address, and why. `new` is for one that it does not have yet:
    /// only then it matters what the pool allows and where endpoints are, for neither may take
    /// an address from anybody.
    pub(crate) fn not_shared(
        &self,
        slot: Slot,
        need: &Need,
        address: IpAddr,
        new: bool,
    ) -> Option<(Slot, NotShared)> {
        let holders = self.holders.of(address).iter().copied();
        let others: Vec<_> = holders.filter(|it| *it != slot).collect();
        for &other in &others {
            let tenant = self.tenants.get(other);
            if !tenant.terms.known && !new {
                continue;
            }
            let Some(theirs) = &tenant.terms.sharing else {
                return Some((other, NotShared::Key));
            };
            let ours = need.sharing.as_ref().filter(|ours| ours.key == theirs.key);
            let Some(ours) = ours else {
                return Some((other, NotShared::Key));
            };
            if let Some((protocol, port)) = ours.port_in_common(theirs) {
                return Some((other, NotShared::Port(protocol, port)));
            }
            if !new {
                continue;
            }
            if let Some(why) = self.pool_forbids(need, address, &tenant.namespace) {
                return Some((other, why));
            }
        }
        let first = others.first().filter(|_| new)?;
        let all = others
            .iter()
            .filter_map(|it| self.tenants.get(*it).terms.sharing.as_deref());
        let with_ours = all.chain(&need.sharing);
        (!have_common_node(with_ours)).then_some((*first, NotShared::NoCommonNode))
    }

    fn pool_forbids(&self, need: &Need, address: IpAddr, namespace: &str) -> Option<NotShared> {
        let pool = self.pools.of(address)?;
        let allows = match pool.spec.sharing {
            kinds::Sharing::Never => false,
            kinds::Sharing::SameNamespace => need.service.namespace == namespace,
            kinds::Sharing::AnyNamespace => true,
        };
        (!allows).then(|| NotShared::Pool {
            pool: pool.name.clone(),
            says: pool.spec.sharing,
        })
    }
}

/// Whether a pool gives something new to a Service that asks for it.
fn may_give(pool: &Pool, need: &Need) -> Result<(), Refusal> {
    let name = pool.name.clone();
    match pool.standing {
        Standing::Ready => {}
        Standing::Conflicting { .. } => return Err(Refusal::PoolConflicting(name)),
        Standing::Invalid => return Err(Refusal::PoolInvalid(name)),
    }
    if pool.spec.allocation == Allocation::Closed {
        return Err(Refusal::PoolClosed(name));
    }
    if let Some(selector) = pool.leaves_out(need) {
        let pool = name;
        return Err(Refusal::PoolNotForService { pool, selector });
    }
    Ok(())
}

/// Whether a node has an endpoint of each of those that take traffic only there. Who has no
/// endpoint at all stands in nobody's way.
pub(crate) fn have_common_node<'a>(sharing: impl IntoIterator<Item = &'a Sharing>) -> bool {
    let local = sharing.into_iter().filter_map(|it| it.local.as_ref());
    let mut local = local.filter(|nodes| !nodes.is_empty());
    let Some(first) = local.next() else {
        return true;
    };
    let common = local.fold(first.clone(), |common, nodes| {
        common.intersection(nodes).cloned().collect::<BTreeSet<_>>()
    });
    !common.is_empty()
}
