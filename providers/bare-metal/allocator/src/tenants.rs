//! The Services that have or want addresses, each in a slot by whose number the rest of the
//! allocator knows it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use landfall_provider_api::{Family, ServiceName};

use crate::need::{Ask, Sharing};

/// Number of a Service's slot. Used again after the Service is gone.
pub(crate) type Slot = u32;

/// A Service.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// What people call it.
    pub service: ServiceName,
    /// What it asked for when it was last looked at; `None` for anything.
    pub asked: Option<Box<Ask>>,
    /// On what terms it has its addresses.
    pub terms: Terms,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

/// On what terms a Service has its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Not known: it was taken over and asks for what cannot be. It has what it has.
    Unknown,
    /// For itself.
    Alone,
    /// With others who have the same key.
    Shared(Box<Sharing>),
}

impl Terms {
    /// The terms of one who shares.
    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        match self {
            Self::Shared(sharing) => Some(sharing),
            Self::Unknown | Self::Alone => None,
        }
    }
}

impl Tenant {
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
    by_uid: HashMap<Arc<str>, Slot>,
}

impl Tenants {
    /// The slot of a Service, made if there is none.
    pub(crate) fn meet(&mut self, uid: &Arc<str>, service: &ServiceName) -> Slot {
        if let Some(slot) = self.by_uid.get(uid) {
            return *slot;
        }
        let tenant = Tenant {
            uid: uid.clone(),
            service: service.clone(),
            asked: None,
            terms: Terms::Unknown,
            v4: None,
            v6: None,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot::try_from(self.slots.len() - 1).expect("a cluster has fewer Services than 2^32")
        });
        self.slots[slot as usize] = Some(tenant);
        self.by_uid.insert(uid.clone(), slot);
        slot
    }

    /// The slot of a Service.
    pub(crate) fn slot(&self, uid: &str) -> Option<Slot> {
        self.by_uid.get(uid).copied()
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
        if let Some(tenant) = self.slots[slot as usize].take() {
            self.by_uid.remove(&tenant.uid);
            self.free.push(slot);
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.slots.iter().flatten()
    }
}
