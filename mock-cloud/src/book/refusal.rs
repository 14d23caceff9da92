//! What the book refuses, in words for people.

use std::net::IpAddr;
use std::time::Instant;

use landfall_mock_cloud_wire::Family;

/// Why the book does not take a change. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Nothing is free.
    #[error("no address of the pool {pool} is free; delete a load balancer or enlarge the pool")]
    PoolExhausted {
        /// The pool, for people.
        pool: String,
        /// When an address is free at the latest, if that is known.
        free_at: Option<Instant>,
    },
    /// The address is not one to be had here.
    #[error("{address} is not an address that the pool {pool} gives out")]
    OutsidePool {
        /// The address asked for.
        address: IpAddr,
        /// Its place in `requestedAddresses`.
        index: usize,
        /// The pool, for people.
        pool: String,
    },
    /// The address is another's.
    #[error("{address} belongs to another load balancer{}", if free_at.is_some() {
        " whose connections are ending"
    } else {
        ""
    })]
    Taken {
        /// The address asked for.
        address: IpAddr,
        /// Its place in `requestedAddresses`.
        index: usize,
        /// When it is free at the latest, if that is known.
        free_at: Option<Instant>,
    },
    /// The load balancer has another address.
    #[error(
        "this load balancer keeps {has} for life; to have {address}, delete it and make it anew"
    )]
    Fixed {
        /// The address asked for.
        address: IpAddr,
        /// Its place in `requestedAddresses`.
        index: usize,
        /// What it has.
        has: IpAddr,
    },
    /// There are no such addresses.
    #[error("the pool {pool} has no {family} addresses")]
    NoFamily {
        /// The family asked for.
        family: Family,
        /// Its place in `families`.
        index: usize,
        /// The pool, for people.
        pool: String,
    },
    /// The cloud gives no more.
    #[error("the quota of {most} {what} is used up; delete some or raise it")]
    Quota {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
}
