//! What one Service asks of the pools.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::uid::Uid;
use landfall_provider_api::{Family, FamilyPolicy, Protocol, ServiceName};

/// Namespace and name of an AddressReservation.
pub type ReservationName = ServiceName;

/// What a Service asks for, as far as addresses go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `metadata.uid`.
    pub uid: Uid,
    /// What people call it.
    pub service: ServiceName,
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// Families, primary first.
    pub families: Vec<Family>,
    /// How much both families matter.
    pub policy: FamilyPolicy,
    /// Which addresses.
    pub ask: Ask,
    /// On what terms it would share one.
    pub sharing: Option<Sharing>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its namespace's labels.
    pub namespace_labels: Arc<BTreeMap<String, String>>,
}

/// Which addresses a Service wants; any if all is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// These, at most one of each family.
    pub addresses: Vec<IpAddr>,
    /// Those of this pool.
    pub pool: Option<Arc<str>>,
    /// Those that these AddressReservations of its namespace hold.
    pub reservations: Vec<String>,
}

impl Need {
    /// The reservations that it names.
    pub fn reservations(&self) -> impl Iterator<Item = ReservationName> {
        let names = self.ask.reservations.iter().cloned();
        names.map(|name| ReservationName {
            namespace: self.service.namespace.clone(),
            name,
        })
    }
}

impl Ask {
    /// A copy to be kept; `None` for anything, as most ask for.
    pub fn kept(&self) -> Option<Box<Self>> {
        (*self != Self::default()).then(|| Box::new(self.clone()))
    }

    /// The address of this family, if one is asked for.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter().copied();
        addresses.find(|address| Family::of(*address) == family)
    }
}

/// On what terms a Service shares an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// The key that all who share an address have in common; not empty.
    pub key: Box<str>,
    /// Its ports: no two who share an address have one in common.
    pub ports: Vec<(Protocol, u16)>,
    /// For `externalTrafficPolicy: Local`, the nodes that have an endpoint.
    pub local: Option<BTreeSet<String>>,
}

impl Sharing {
    /// The first port that both have.
    pub fn port_in_common(&self, other: &Self) -> Option<(Protocol, u16)> {
        let mut ports = self.ports.iter().copied();
        ports.find(|port| other.ports.contains(port))
    }
}
