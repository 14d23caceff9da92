//! Addresses that are kept whether a Service has them or not.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use landfall_bare_metal_resources::kinds::Allocation;
use landfall_provider_api::{Family, ServiceName};

use crate::Allocator;
use crate::need::{Ask, ReservationName};
use crate::pool::{Pool, Standing};
use crate::tenants::Tenant;
use crate::waiting::Obstacle;

/// An AddressReservation as it was read.
#[derive(Debug, Clone)]
pub struct ReservationInput {
    /// Its namespace and name.
    pub name: ReservationName,
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// What it asks for.
    pub want: Want,
    /// The address that its status says it has.
    pub address: Option<IpAddr>,
    /// The labels of its namespace.
    pub namespace_labels: Arc<BTreeMap<String, String>>,
}

/// What a reservation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// This address.
    Address(IpAddr),
    /// An address of a pool.
    FromPool {
        /// The pool.
        pool: Arc<str>,
        /// The family of the address.
        family: Family,
    },
    /// Nothing that can be: what it says makes no sense.
    Nothing,
}

/// An AddressReservation.
#[derive(Debug)]
pub struct Reservation {
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// What it asks for.
    pub want: Want,
    /// The address that it keeps.
    pub address: Option<IpAddr>,
    /// Why it keeps none.
    pub lack: Option<ReservationLack>,
    namespace_labels: Arc<BTreeMap<String, String>>,
}

/// Why a reservation keeps no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationLack {
    /// No pool has the address.
    NotInPool(IpAddr),
    /// There is no such pool.
    PoolNotFound(Arc<str>),
    /// The pool gives nothing new.
    PoolGivesNothing(Arc<str>),
    /// The pool's `namespaceSelector` leaves the reservation's namespace out.
    PoolNotForNamespace(Arc<str>),
    /// The pool has no address of this family left.
    Exhausted(Arc<str>, Family),
    /// Another reservation keeps the address.
    Reserved(IpAddr, ReservationName),
}

impl ReservationLack {
    /// CamelCase, for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotInPool(_) => "AddressNotInPool",
            Self::PoolNotFound(_) => "PoolNotFound",
            Self::PoolGivesNothing(_) => "PoolGivesNothing",
            Self::PoolNotForNamespace(_) => "PoolNotForNamespace",
            Self::Exhausted(..) => "Exhausted",
            Self::Reserved(..) => "AddressReserved",
        }
    }
}

impl fmt::Display for ReservationLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInPool(address) => write!(f, "{address} is in no AddressPool"),
            Self::PoolNotFound(pool) => write!(f, "there is no AddressPool {pool}"),
            Self::PoolGivesNothing(pool) => write!(
                f,
                "AddressPool {pool} gives nothing new; its spec.allocation or its conditions say why"
            ),
            Self::PoolNotForNamespace(pool) => write!(
                f,
                "AddressPool {pool} is not for this namespace: its namespaceSelector does not match"
            ),
            Self::Exhausted(pool, family) => {
                write!(f, "no {family} address is left in AddressPool {pool}")
            }
            Self::Reserved(address, by) => {
                write!(f, "{address} is kept by AddressReservation {by} already")
            }
        }
    }
}

impl Allocator {
    /// Takes in a reservation, new or changed.
    pub fn put_reservation(&mut self, input: ReservationInput, now: Instant) {
        let ReservationInput {
            name,
            created,
            want,
            address,
            namespace_labels,
        } = input;
        let before = self.reservations.get_mut(&name);
        if let Some(before) = before.filter(|before| before.want == want) {
            before.namespace_labels = namespace_labels;
            return;
        }
        self.forget_reservation(&name);
        let reservation = Reservation {
            created,
            want,
            address: None,
            lack: None,
            namespace_labels,
        };
        self.reservations.insert(name.clone(), reservation);
        self.unsettled.insert((created, name.clone()));
        self.changed.reservations.insert(name.clone());
        // What it was told once is its own, whatever the pools say now.
        if let Some(address) = address.filter(|it| !self.reserved.contains_key(it)) {
            self.reserve(&name, address);
        }
        self.ended.push_back(Obstacle::Reservation(name));
        self.serve_waiting(now);
    }

    /// Forgets a reservation. A Service that has its address keeps it.
    pub fn remove_reservation(&mut self, name: &ReservationName, now: Instant) {
        self.forget_reservation(name);
        self.changed.reservations.remove(name);
        self.ended.push_back(Obstacle::Reservation(name.clone()));
        self.serve_waiting(now);
    }

    /// Lets a reservation's status be looked at.
    pub fn touch_reservation(&mut self, name: &ReservationName) {
        self.changed.reservations.insert(name.clone());
    }

    /// Takes in the labels of a namespace, which a pool may let in only now.
    pub fn put_namespace(
        &mut self,
        namespace: &str,
        labels: &Arc<BTreeMap<String, String>>,
        now: Instant,
    ) {
        for (name, reservation) in &mut self.reservations {
            if name.namespace == namespace {
                reservation.namespace_labels = labels.clone();
                self.ended.push_back(Obstacle::Reservation(name.clone()));
            }
        }
        self.serve_waiting(now);
    }

    /// Every reservation that keeps an address or cannot.
    pub fn reservation(&self, name: &ReservationName) -> Option<&Reservation> {
        self.reservations.get(name)
    }

    /// The Services that have an address.
    pub fn users(&self, address: IpAddr) -> impl Iterator<Item = ServiceName> {
        let slots = self.holders.of(address).iter();
        slots.map(|slot| self.tenants.get(*slot).service())
    }

    /// The Service that has an address because it names the reservation that keeps it.
    pub fn user(&self, name: &ReservationName, address: IpAddr) -> Option<ServiceName> {
        let slots = self.holders.of(address).iter();
        let mut tenants = slots.map(|slot| self.tenants.get(*slot));
        let names_it = |ask: &Ask| ask.reservations.contains(&name.name);
        let user = tenants.find(|it| {
            *it.namespace == *name.namespace && it.asked.as_deref().is_some_and(names_it)
        });
        user.map(Tenant::service)
    }

    /// The pool that has an address.
    pub fn pool_of(&self, address: IpAddr) -> Option<&Arc<str>> {
        self.pools.of(address).map(|pool| &pool.name)
    }

    fn forget_reservation(&mut self, name: &ReservationName) {
        let Some(reservation) = self.reservations.remove(name) else {
            return;
        };
        self.unsettled.remove(&(reservation.created, name.clone()));
        self.tell_who_names(name);
        if let Some(address) = reservation.address {
            self.reserved.remove(&address);
            if self.holders.of(address).is_empty() {
                if let Some(pool) = self.pools.of_mut(address) {
                    pool.count(address, false);
                }
                self.free(address);
            } else {
                self.note_room(address);
            }
        }
    }

    /// Lets a reservation keep an address.
    pub(crate) fn reserve(&mut self, name: &ReservationName, address: IpAddr) {
        let Some(reservation) = self.reservations.get_mut(name) else {
            return;
        };
        reservation.address = Some(address);
        reservation.lack = None;
        self.unsettled.remove(&(reservation.created, name.clone()));
        self.reserved.insert(address, name.clone());
        self.resting.wake(address);
        let counts = self.holders.of(address).is_empty();
        if let Some(pool) = self.pools.of_mut(address) {
            pool.mark(address, true);
            if counts {
                pool.count(address, true);
            }
            self.changed.pools.insert(pool.name.clone());
        }
        self.changed.reservations.insert(name.clone());
        self.tell_who_names(name);
        self.ended.push_back(Obstacle::Reservation(name.clone()));
    }

    fn tell_who_names(&mut self, name: &ReservationName) {
        self.tell_who_asked(|tenant, ask| {
            *tenant.namespace == *name.namespace && ask.reservations.contains(&name.name)
        });
    }

    /// Gives those reservations an address that have none, as far as that can be done now.
    pub(crate) fn settle_reservations(&mut self) {
        if !self.begun || self.unsettled.is_empty() {
            return;
        }
        for (_, name) in self.unsettled.clone() {
            let Some(reservation) = self.reservations.get(&name) else {
                continue;
            };
            match self.address_for(reservation) {
                Ok(Some(address)) => self.reserve(&name, address),
                Ok(None) => {}
                Err(lack) => {
                    if let Some(reservation) = self.reservations.get_mut(&name)
                        && reservation.lack.as_ref() != Some(&lack)
                    {
                        reservation.lack = Some(lack);
                        self.changed.reservations.insert(name);
                    }
                }
            }
        }
    }

    fn address_for(&self, reservation: &Reservation) -> Result<Option<IpAddr>, ReservationLack> {
        let may_give = |pool: &Pool| {
            let name = pool.name.clone();
            let closed = pool.spec.allocation == Allocation::Closed;
            if closed || pool.standing != Standing::Ready {
                return Err(ReservationLack::PoolGivesNothing(name));
            }
            if !pool.is_for_namespace(&reservation.namespace_labels) {
                return Err(ReservationLack::PoolNotForNamespace(name));
            }
            Ok(())
        };
        match &reservation.want {
            Want::Nothing => Ok(None),
            Want::Address(address) => {
                let Some(pool) = self.pools.of(*address) else {
                    return Err(ReservationLack::NotInPool(*address));
                };
                may_give(pool)?;
                match self.reserved.get(address) {
                    Some(by) => Err(ReservationLack::Reserved(*address, by.clone())),
                    None => Ok(Some(*address)),
                }
            }
            Want::FromPool { pool, family } => {
                let Some(pool) = self.pools.get(pool) else {
                    return Err(ReservationLack::PoolNotFound(pool.clone()));
                };
                may_give(pool)?;
                let free = pool.first_free(*family);
                let exhausted = || ReservationLack::Exhausted(pool.name.clone(), *family);
                free.map(Some).ok_or_else(exhausted)
            }
        }
    }

    /// Lets the reservation's status be looked at that keeps an address, if one does.
    pub(crate) fn tell_reservation(&mut self, address: IpAddr) {
        if let Some(name) = self.reserved.get(&address) {
            self.changed.reservations.insert(name.clone());
        }
    }
}
