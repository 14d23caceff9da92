//! From an `AddressReservation` to what is to be kept.

use std::net::IpAddr;

use crate::fault::Fault;
use crate::kinds::{AddressReservation, IpFamily};
use crate::names::object_name;
use crate::range::{Entry, address};
use crate::{EntryError, range};

/// What a reservation keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// This address.
    Address(IpAddr),
    /// An address of a pool.
    From {
        /// The name of the pool.
        pool: String,
        /// The family of the address.
        family: IpFamily,
    },
}

impl Reservation {
    /// What a reservation keeps. All faults at once.
    pub fn parse(object: &AddressReservation) -> Result<Self, Vec<Fault>> {
        let spec = &object.spec;
        match (&spec.address, &spec.pool) {
            (Some(text), None) if spec.family.is_none() => match one_address(text) {
                Ok(address) => Ok(Self::Address(address)),
                Err(error) => Err(vec![Fault::entry("spec.address", &error)]),
            },
            (Some(_), None) => Err(vec![Fault::new(
                "spec.family",
                "family goes with pool: an address has its family already",
            )]),
            (None, Some(pool)) => {
                let mut faults = Vec::new();
                object_name("spec.pool", pool, &mut faults);
                let wanted = Self::From {
                    pool: pool.clone(),
                    family: spec.family.unwrap_or_default(),
                };
                faults.is_empty().then_some(wanted).ok_or(faults)
            }
            (None, None) | (Some(_), Some(_)) => Err(vec![Fault::new(
                "spec",
                "name either an address or a pool to take one from",
            )]),
        }
    }
}

/// An address that a Service can have.
pub(crate) fn one_address(text: &str) -> Result<IpAddr, EntryError> {
    if text.contains('%') {
        return Err(EntryError::Zone(text.to_owned()));
    }
    let address = address(text, || EntryError::NoAddress(text.to_owned()))?;
    match range::never(&address.into()) {
        Some(why) => Err(EntryError::Never(Entry::Address(address), why)),
        None => Ok(address),
    }
}

/// The same of a router's address or a node's, with what is wrong in a field.
pub(crate) fn host_address(field: &str, text: &str) -> Result<IpAddr, Fault> {
    one_address(text).map_err(|error| match &error {
        EntryError::Never(entry, why) => {
            Fault::new(field, format!("no interface can have {entry}: {why}"))
        }
        _ => Fault::entry(field, &error),
    })
}
