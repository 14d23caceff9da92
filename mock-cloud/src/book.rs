//! The book of load balancers: what was asked for, and which address each one has. It decides
//! what a PUT or DELETE means; it never touches a socket, and time is an argument.

mod addresses;
#[cfg(test)]
mod properties;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use landfall_mock_cloud_wire::{Family, FamilyPolicy, LoadBalancerSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::Id;
use addresses::{Addresses, Taken};
pub(crate) use refusal::Refusal;

/// What was asked for and what was given, by id.
#[derive(Debug)]
pub(crate) struct Book {
    pool: String,
    /// What is given where no family is asked for.
    first: Family,
    addresses: BTreeMap<Family, Addresses>,
    entries: BTreeMap<Id, Entry>,
    quota: Quota,
    revision: u64,
}

/// What a cloud has at most; without bounds unless they are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Load balancers. Those that are there stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancers: Option<usize>,
    /// Listeners of all load balancers together. Those that are there stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<usize>,
}

/// A load balancer in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As asked for, word for word.
    pub(crate) spec: LoadBalancerSpec,
    /// One for each family, as far as its policy requires it; its own until it is deleted; never
    /// empty.
    pub(crate) addresses: Vec<IpAddr>,
    /// Another one after every change; no two entries ever share one.
    pub(crate) revision: u64,
}

/// What a PUT came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is new.
    Made,
    /// It was there, and is another now.
    Changed,
    /// It was there, just so.
    Unchanged,
}

impl Entry {
    /// Whether it has an address of each family that it names. One that names none has what it
    /// was given.
    fn is_complete(&self) -> bool {
        self.spec.families.len() <= self.addresses.len()
    }
}

impl Book {
    pub(crate) fn new(pool: &[IpNet]) -> Self {
        let of = |family| {
            let is_of = |net: &&IpNet| Family::of(net.network()) == family;
            pool.iter().filter(is_of).copied().collect::<Vec<_>>()
        };
        Self {
            pool: pool
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(","),
            first: pool
                .first()
                .map_or(Family::IPv4, |net| Family::of(net.network())),
            addresses: [Family::IPv4, Family::IPv6]
                .into_iter()
                .map(|family| (family, of(family)))
                .filter(|(_, nets)| !nets.is_empty())
                .map(|(family, nets)| (family, Addresses::new(&nets)))
                .collect(),
            entries: BTreeMap::new(),
            quota: Quota::default(),
            revision: 0,
        }
    }

    /// Families that it has addresses of, the one that is given unasked first.
    pub(crate) fn families(&self) -> Vec<Family> {
        let others = self.addresses.keys().copied();
        let others = others.filter(|family| *family != self.first);
        std::iter::once(self.first).chain(others).collect()
    }

    /// What there may be from now on.
    pub(crate) fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// Makes the load balancer exactly this. A new one gets an address of each family that it
    /// wants, the one that it asks for or the lowest that is free; one that is there keeps its
    /// own, and gets those that it lacks and only prefers to have.
    pub(crate) fn put(&mut self, id: &Id, spec: LoadBalancerSpec) -> Result<Put, Refusal> {
        let before = self.entries.get(id);
        let is_same = before.is_some_and(|entry| entry.spec == spec);
        if is_same && before.is_some_and(Entry::is_complete) {
            return Ok(Put::Unchanged);
        }
        let result = match before {
            Some(_) => Put::Changed,
            None => Put::Made,
        };
        let has = before.map(|entry| entry.addresses.clone());
        self.check_quota(before, &spec)?;
        let has = has.unwrap_or_default();
        let addresses = self.assign(&spec, &has)?;
        if is_same && addresses == has {
            return Ok(Put::Unchanged);
        }
        for address in has.iter().filter(|address| !addresses.contains(address)) {
            self.free(*address);
        }
        self.revision += 1;
        let entry = Entry {
            spec,
            addresses,
            revision: self.revision,
        };
        self.entries.insert(id.clone(), entry);
        Ok(result)
    }

    /// What the load balancer was given is another now.
    pub(crate) fn touch(&mut self, id: &Id) {
        if let Some(entry) = self.entries.get_mut(id) {
            self.revision += 1;
            entry.revision = self.revision;
        }
    }

    /// The port that this new load balancer wants is another program's on this address that it
    /// was given: gives it the next one. `false`, and nothing changes, if it asked for the address
    /// or if there is none that might be better.
    pub(crate) fn relocate(&mut self, id: &Id, from: IpAddr) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        let place = entry.addresses.iter().position(|address| *address == from);
        let (Some(place), Some(pool)) = (place, self.addresses.get_mut(&Family::of(from))) else {
            return false;
        };
        if entry.spec.requested_addresses.contains(&from) {
            return false;
        }
        let Some(address) = pool.exchange(from) else {
            return false;
        };
        entry.addresses[place] = address;
        true
    }

    pub(crate) fn get(&self, id: &Id) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All that have every one of these tags, in the order of their ids.
    pub(crate) fn list(&self, tags: &[(String, String)]) -> impl Iterator<Item = (&Id, &Entry)> {
        self.entries.iter().filter(move |(_, entry)| {
            tags.iter()
                .all(|(key, value)| entry.spec.tags.get(key) == Some(value))
        })
    }

    /// Takes it out of the book. Its addresses are nobody else's until [`free`](Self::free): its
    /// connections may go on until then.
    pub(crate) fn delete(&mut self, id: &Id, until: Instant) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        for address in &entry.addresses {
            if let Some(pool) = self.addresses.get_mut(&Family::of(*address)) {
                pool.leave(*address, until);
            }
        }
        Some(entry)
    }

    /// The last connection of a deleted load balancer is gone: its address may be given again.
    pub(crate) fn free(&mut self, address: IpAddr) {
        if let Some(pool) = self.addresses.get_mut(&Family::of(address)) {
            pool.free(address);
        }
    }

    fn check_quota(&self, before: Option<&Entry>, spec: &LoadBalancerSpec) -> Result<(), Refusal> {
        let listeners = |entry: &Entry| entry.spec.listeners.len();
        let has = before.map_or(0, listeners);
        if let Some(most) = self.quota.load_balancers
            && before.is_none()
            && self.entries.len() >= most
        {
            let what = "load balancers";
            return Err(Refusal::Quota { what, most });
        }
        if let Some(most) = self.quota.listeners
            && spec.listeners.len() > has
            && self.entries.values().map(listeners).sum::<usize>() - has + spec.listeners.len()
                > most
        {
            let what = "listeners";
            return Err(Refusal::Quota { what, most });
        }
        Ok(())
    }

    /// An address of each family wanted: what it `has` of them, and the others new. All or none,
    /// unless the policy says otherwise.
    fn assign(&mut self, spec: &LoadBalancerSpec, has: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
        let is_tolerant = spec.family_policy == FamilyPolicy::Prefer;
        let mut families = self.wanted_families(spec, has);
        self.check_requested(spec, has)?;
        let is_had = |family: &Family| self.addresses.contains_key(family);
        if let Some(index) = families.iter().position(|family| !is_had(family))
            && !(is_tolerant && families.iter().any(is_had))
        {
            return Err(Refusal::NoFamily {
                family: families[index],
                index,
                pool: self.pool.clone(),
            });
        }
        families.retain(is_had);
        let (mut addresses, mut lacking) = (Vec::new(), None);
        for family in families {
            let is_of = |address: &&IpAddr| Family::of(**address) == family;
            if let Some(own) = has.iter().find(is_of) {
                addresses.push(*own);
                continue;
            }
            match self.take(family, spec) {
                Ok(address) => addresses.push(address),
                Err(refusal @ Refusal::PoolExhausted { .. }) if is_tolerant => {
                    lacking.get_or_insert(refusal);
                }
                Err(refusal) => {
                    let new = addresses.into_iter().filter(|one| !has.contains(one));
                    new.collect::<Vec<_>>()
                        .into_iter()
                        .for_each(|address| self.free(address));
                    return Err(refusal);
                }
            }
        }
        match lacking {
            Some(refusal) if addresses.is_empty() => Err(refusal),
            _ => Ok(addresses),
        }
    }

    fn wanted_families(&self, spec: &LoadBalancerSpec, has: &[IpAddr]) -> Vec<Family> {
        let of = |addresses: &[IpAddr]| addresses.iter().copied().map(Family::of).collect();
        if !spec.families.is_empty() {
            spec.families.clone()
        } else if !spec.requested_addresses.is_empty() {
            of(&spec.requested_addresses)
        } else if !has.is_empty() {
            of(has)
        } else {
            vec![self.first]
        }
    }

    /// Refuses addresses that are not to be had here, or not by one that has another.
    fn check_requested(&self, spec: &LoadBalancerSpec, has: &[IpAddr]) -> Result<(), Refusal> {
        for (index, &address) in spec.requested_addresses.iter().enumerate() {
            let family = Family::of(address);
            let own = has.iter().find(|own| Family::of(**own) == family);
            match own {
                Some(own) if *own == address => {}
                Some(&has) => {
                    return Err(Refusal::Fixed {
                        address,
                        index,
                        has,
                    });
                }
                None if self.covers(address) => {}
                None => {
                    return Err(Refusal::OutsidePool {
                        address,
                        index,
                        pool: self.pool.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn covers(&self, address: IpAddr) -> bool {
        let pool = self.addresses.get(&Family::of(address));
        pool.is_some_and(|pool| pool.covers(address))
    }

    /// A new address of a family that the pool has.
    fn take(&mut self, family: Family, spec: &LoadBalancerSpec) -> Result<IpAddr, Refusal> {
        let addresses = self.addresses.entry(family);
        let addresses = addresses.or_insert_with(|| Addresses::new(&[]));
        let mut requested = spec.requested_addresses.iter().enumerate();
        if let Some((index, &address)) = requested.find(|(_, one)| Family::of(**one) == family) {
            let taken = |Taken(free_at)| Refusal::Taken {
                address,
                index,
                free_at,
            };
            return addresses.take(address).map_err(taken);
        }
        addresses
            .take_lowest()
            .ok_or_else(|| Refusal::PoolExhausted {
                pool: self.pool.clone(),
                free_at: addresses.next_free(),
            })
    }
}
