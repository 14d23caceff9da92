//! The Services that have or want addresses, each in a slot by whose number the rest of the
//! allocator knows it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hashbrown::HashTable;
use landfall_provider_api::{Family, ServiceName};

use crate::need::{Ask, Need, Sharing};
use crate::uid::Uid;

/// Number of a Service's slot. Used again after the Service is gone.
pub(crate) type Slot = u32;

/// A Service.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// `metadata.uid`.
    pub(crate) uid: Uid,
    /// `metadata.namespace`.
    pub(crate) namespace: Arc<str>,
    name: Box<str>,
    /// What it asked for when it was last looked at; `None` for anything.
    pub(crate) asked: Option<Box<Ask>>,
    /// On what terms it has its addresses.
    pub(crate) terms: Terms,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

/// On what terms a Service has its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Whether they are known: else it was taken over and asks for what cannot be. It has what it
    /// has.
    pub(crate) known: bool,
    /// Those of one who shares them; without, it has them for itself.
    pub(crate) sharing: Option<Box<Sharing>>,
}

impl Terms {
    /// Those of one who asks for this.
    pub(crate) fn of(need: &Need) -> Self {
        Self {
            known: true,
            sharing: need.sharing.clone().map(Box::new),
        }
    }
}

impl Tenant {
    /// What people call it.
    pub(crate) fn service(&self) -> ServiceName {
        ServiceName {
            namespace: self.namespace.to_string(),
            name: self.name.to_string(),
        }
    }

    /// Its address of a family.
    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::IPv4 => self.v4.map(IpAddr::V4),
            Family::IPv6 => self.v6.map(IpAddr::V6),
        }
    }

    /// Its addresses.
    pub(crate) fn addresses(&self) -> [Option<IpAddr>; 2] {
        [Family::IPv4, Family::IPv6].map(|family| self.address(family))
    }

    /// Gives it this address of its family, in place of the one that it has.
    pub(crate) fn put(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.v4 = Some(address),
            IpAddr::V6(address) => self.v6 = Some(address),
        }
    }

    /// Takes its address of this family.
    pub(crate) fn clear(&mut self, family: Family) {
        match family {
            Family::IPv4 => self.v4 = None,
            Family::IPv6 => self.v6 = None,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    slots: Vec<Option<Tenant>>,
    free: Vec<Slot>,
    by_uid: HashTable<Slot>,
    hasher: RandomState,
    /// The names of namespaces, each once.
    namespaces: HashSet<Arc<str>>,
}

impl Tenants {
    /// The slot of a Service, made if there is none.
    pub(crate) fn meet(&mut self, uid: &Uid, service: &ServiceName) -> Slot {
        if let Some(slot) = self.slot(uid) {
            return slot;
        }
        let tenant = Tenant {
            uid: uid.clone(),
            namespace: self.namespace(&service.namespace),
            name: service.name.as_str().into(),
            asked: None,
            terms: Terms::default(),
            v4: None,
            v6: None,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // Not doubled, as it would be by itself: there is one for every address.
                self.slots.reserve_exact(64.max(self.slots.len() / 8));
            }
            self.slots.push(None);
            Slot::try_from(self.slots.len() - 1).expect("a cluster has fewer Services than 2^32")
        });
        self.slots[slot as usize] = Some(tenant);
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash = |slot: &Slot| hasher.hash_one(slots[*slot as usize].as_ref().map(|it| &it.uid));
        self.by_uid.insert_unique(hash(&slot), slot, hash);
        slot
    }

    fn namespace(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.namespaces.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.namespaces.insert(name.clone());
        name
    }

    /// The slot of a Service.
    pub(crate) fn slot(&self, uid: &Uid) -> Option<Slot> {
        let is_it = |slot: &Slot| self.get(*slot).uid == *uid;
        self.by_uid
            .find(self.hasher.hash_one(Some(uid)), is_it)
            .copied()
    }

    /// The Service in a slot.
    pub(crate) fn get(&self, slot: Slot) -> &Tenant {
        let tenant = self.slots[slot as usize].as_ref();
        tenant.expect("slots are handed out while their Service is known")
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Tenant {
        let tenant = self.slots[slot as usize].as_mut();
        tenant.expect("slots are handed out while their Service is known")
    }

    /// Forgets a Service.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let hash = self.hasher.hash_one(Some(&self.get(slot).uid));
        if let Ok(entry) = self.by_uid.find_entry(hash, |it| *it == slot) {
            entry.remove();
        }
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.slots.iter().flatten()
    }
}
