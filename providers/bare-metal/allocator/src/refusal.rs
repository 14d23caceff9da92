//! Why a Service does not get what it asks for, and what it then waits for.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use landfall_bare_metal_resources::kinds;
use landfall_provider_api::{Family, Protocol, ServiceName};

use crate::need::ReservationName;
use crate::waiting::Obstacle;

/// Pools that are named in one message.
const MOST_NAMED: usize = 5;

/// Why a Service lacks an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no pool that gives addresses of this family to it unasked.
    NoPool(Family),
    /// The pools that would give it one have none left.
    Exhausted(Family, Vec<Arc<str>>),
    /// There is no pool of this name.
    PoolNotFound(Arc<str>),
    /// The pool's selectors leave it out.
    PoolNotForService {
        /// The pool.
        pool: Arc<str>,
        /// Which of its selectors: `namespaceSelector`.
        selector: &'static str,
    },
    /// The pool gives nothing new: `allocation: Closed`.
    PoolClosed(Arc<str>),
    /// The pool gives nothing new: it is in conflict with another.
    PoolConflicting(Arc<str>),
    /// The pool gives nothing new: what it says makes no sense.
    PoolInvalid(Arc<str>),
    /// The pool has no addresses of this family.
    PoolLacksFamily(Arc<str>, Family),
    /// No pool has the address asked for.
    NotInPool(IpAddr),
    /// Another pool than the one asked for has it.
    OtherPool {
        /// The address.
        address: IpAddr,
        /// The pool asked for.
        asked: Arc<str>,
        /// The pool that has it.
        has: Arc<str>,
    },
    /// Another Service has it.
    AddressInUse {
        /// The address.
        address: IpAddr,
        /// Who has it.
        by: ServiceName,
        /// What keeps the two from sharing it.
        why: NotShared,
    },
    /// An AddressReservation keeps it, which the Service does not name.
    Reserved {
        /// The address.
        address: IpAddr,
        /// Who keeps it.
        by: ReservationName,
    },
    /// There is no such AddressReservation in its namespace.
    ReservationNotFound(ReservationName),
    /// The AddressReservation has no address.
    ReservationNotReady(ReservationName),
    /// None of the AddressReservations that it names holds an address of this family.
    ReservationLacksFamily(Family, Vec<ReservationName>),
}

/// What keeps two Services from sharing an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotShared {
    /// One of them has no key, or they have different ones.
    Key,
    /// Both have this port.
    Port(Protocol, u16),
    /// The pool's `sharing` does not allow it.
    Pool {
        /// The pool.
        pool: Arc<str>,
        /// What it says.
        says: kinds::Sharing,
    },
    /// Both take traffic only on nodes with an endpoint, and no node has one of each.
    NoCommonNode,
}

impl Refusal {
    /// CamelCase, for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoPool(_) => "NoPool",
            Self::Exhausted(..) => "Exhausted",
            Self::PoolNotFound(_) => "PoolNotFound",
            Self::PoolNotForService { .. } => "PoolNotForService",
            Self::PoolClosed(_) => "PoolClosed",
            Self::PoolConflicting(_) => "PoolConflicting",
            Self::PoolInvalid(_) => "PoolInvalid",
            Self::PoolLacksFamily(..) => "PoolLacksFamily",
            Self::NotInPool(_) => "AddressNotInPool",
            Self::OtherPool { .. } => "AddressInOtherPool",
            Self::AddressInUse { why, .. } => match why {
                NotShared::Key => "AddressInUse",
                NotShared::Port(..) => "PortInUse",
                NotShared::Pool { .. } => "SharingForbidden",
                NotShared::NoCommonNode => "NoCommonNode",
            },
            Self::Reserved { .. } => "AddressReserved",
            Self::ReservationNotFound(_) => "ReservationNotFound",
            Self::ReservationNotReady(_) => "ReservationNotReady",
            Self::ReservationLacksFamily(..) => "ReservationLacksFamily",
        }
    }

    /// What its end would be noticed by.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        match self {
            Self::NoPool(_) | Self::NotInPool(_) | Self::OtherPool { .. } => {
                vec![Obstacle::AnyPool]
            }
            Self::Exhausted(family, pools) => {
                let room = pools
                    .iter()
                    .map(|pool| Obstacle::Room(pool.clone(), *family));
                room.chain([Obstacle::AnyPool]).collect()
            }
            Self::PoolNotFound(pool)
            | Self::PoolNotForService { pool, .. }
            | Self::PoolClosed(pool)
            | Self::PoolConflicting(pool)
            | Self::PoolInvalid(pool)
            | Self::PoolLacksFamily(pool, _) => vec![Obstacle::Pool(pool.clone())],
            Self::AddressInUse { address, why, .. } => {
                let mut obstacles = vec![Obstacle::Address(*address)];
                if let NotShared::Pool { pool, .. } = why {
                    obstacles.push(Obstacle::Pool(pool.clone()));
                }
                obstacles
            }
            Self::Reserved { address, .. } => vec![Obstacle::Address(*address)],
            Self::ReservationNotFound(name) | Self::ReservationNotReady(name) => {
                vec![Obstacle::Reservation(name.clone())]
            }
            Self::ReservationLacksFamily(_, names) => {
                names.iter().cloned().map(Obstacle::Reservation).collect()
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPool(family) => write!(
                f,
                "no AddressPool gives {family} addresses to this Service; add one, or name one by \
                 the annotation landfall.dev/address-pool"
            ),
            Self::Exhausted(family, pools) => {
                write!(
                    f,
                    "no {family} address is left in {}",
                    Named("AddressPool", pools)
                )
            }
            Self::PoolNotFound(pool) => write!(f, "there is no AddressPool {pool}"),
            Self::PoolNotForService { pool, selector } => write!(
                f,
                "AddressPool {pool} is not for this Service: its {selector} does not match"
            ),
            Self::PoolClosed(pool) => {
                write!(f, "AddressPool {pool} is closed: it gives nothing new")
            }
            Self::PoolConflicting(pool) => write!(
                f,
                "AddressPool {pool} gives nothing new while it has addresses in common with another"
            ),
            Self::PoolInvalid(pool) => write!(
                f,
                "AddressPool {pool} gives nothing new until its faults are mended; its condition \
                 Ready names them"
            ),
            Self::PoolLacksFamily(pool, family) => {
                write!(f, "AddressPool {pool} has no {family} addresses")
            }
            Self::NotInPool(address) => write!(f, "{address} is in no AddressPool"),
            Self::OtherPool {
                address,
                asked,
                has,
            } => write!(
                f,
                "{address} is in AddressPool {has}, not in {asked}, which the Service names as well"
            ),
            Self::AddressInUse { address, by, why } => {
                write!(f, "{address} is in use by {by}{why}")
            }
            Self::Reserved { address, by } => write!(
                f,
                "{address} is kept by AddressReservation {by}, which this Service does not name"
            ),
            Self::ReservationNotFound(name) => write!(f, "there is no AddressReservation {name}"),
            Self::ReservationNotReady(name) => write!(
                f,
                "AddressReservation {name} has no address; its condition Ready says why"
            ),
            Self::ReservationLacksFamily(family, names) => {
                let names: Vec<_> = names.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                write!(
                    f,
                    "AddressReservation {names}: none holds an {family} address"
                )
            }
        }
    }
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => {
                f.write_str("; to share it, give both the same annotation landfall.dev/sharing-key")
            }
            Self::Port(protocol, port) => {
                write!(f, ", which has {protocol} port {port} there, too")
            }
            Self::Pool { pool, says } => {
                write!(f, ", and AddressPool {pool} has sharing: {says:?}")
            }
            Self::NoCommonNode => f.write_str(
                ", and no node has an endpoint of both, as externalTrafficPolicy Local would need",
            ),
        }
    }
}

/// `AddressPool a, b and 7 more`.
struct Named<'a>(&'static str, &'a [Arc<str>]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind, names) = self;
        let (told, more) = names.split_at(names.len().min(MOST_NAMED));
        write!(f, "{kind} {}", told.join(", "))?;
        match more.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
