//! The book of load balancers: what was asked for, and which address each one has. It decides
//! what a PUT or DELETE means; it never touches a socket, and time is an argument.

mod addresses;
#[cfg(test)]
mod properties;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use landfall_mock_cloud_wire::LoadBalancerSpec;

use crate::id::Id;
use addresses::{Addresses, Taken};

/// What was asked for and what was given, by id.
#[derive(Debug)]
pub(crate) struct Book {
    pool: String,
    addresses: Addresses,
    entries: BTreeMap<Id, Entry>,
}

/// A load balancer in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As asked for, word for word.
    pub(crate) spec: LoadBalancerSpec,
    /// Its own until it is deleted; never empty.
    pub(crate) addresses: Vec<IpAddr>,
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
}

impl Book {
    pub(crate) fn new(pool: &[IpNet]) -> Self {
        Self {
            pool: pool
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(","),
            addresses: Addresses::new(pool),
            entries: BTreeMap::new(),
        }
    }

    /// Makes the load balancer exactly this. A new one gets an address, the one that it asks for
    /// or the lowest that is free; one that is there keeps its own.
    pub(crate) fn put(&mut self, id: &Id, spec: LoadBalancerSpec) -> Result<Put, Refusal> {
        let Some(entry) = self.entries.get_mut(id) else {
            let address = self.assign(&spec)?;
            let addresses = vec![address];
            self.entries.insert(id.clone(), Entry { spec, addresses });
            return Ok(Put::Made);
        };
        for (index, &address) in spec.requested_addresses.iter().enumerate() {
            if !entry.addresses.contains(&address) {
                let has = entry.addresses[0];
                return Err(Refusal::Fixed {
                    address,
                    index,
                    has,
                });
            }
        }
        if entry.spec == spec {
            return Ok(Put::Unchanged);
        }
        entry.spec = spec;
        Ok(Put::Changed)
    }

    /// The port that this new load balancer wants is another program's on the address that it was
    /// given: gives it the next one. `false`, and nothing changes, if it asked for its address or
    /// if there is none that might be better.
    pub(crate) fn relocate(&mut self, id: &Id) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        if !entry.spec.requested_addresses.is_empty() {
            return false;
        }
        let Some(address) = self.addresses.exchange(entry.addresses[0]) else {
            return false;
        };
        entry.addresses = vec![address];
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
            self.addresses.leave(*address, until);
        }
        Some(entry)
    }

    /// The last connection of a deleted load balancer is gone: its address may be given again.
    pub(crate) fn free(&mut self, address: IpAddr) {
        self.addresses.free(address);
    }

    fn assign(&mut self, spec: &LoadBalancerSpec) -> Result<IpAddr, Refusal> {
        for (index, &address) in spec.requested_addresses.iter().enumerate() {
            if !self.addresses.covers(address) {
                return Err(Refusal::OutsidePool {
                    address,
                    index,
                    pool: self.pool.clone(),
                });
            }
        }
        if let Some(&address) = spec.requested_addresses.first() {
            let taken = |Taken(free_at)| Refusal::Taken {
                address,
                index: 0,
                free_at,
            };
            return self.addresses.take(address).map_err(taken);
        }
        self.addresses
            .take_lowest()
            .ok_or_else(|| Refusal::PoolExhausted {
                pool: self.pool.clone(),
                free_at: self.addresses.next_free(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        Book::new(&["127.200.0.0/30".parse().unwrap()])
    }

    fn id(name: &str) -> Id {
        name.parse().unwrap()
    }

    fn spec(requested: &[&str]) -> LoadBalancerSpec {
        LoadBalancerSpec {
            requested_addresses: requested.iter().map(|a| a.parse().unwrap()).collect(),
            ..LoadBalancerSpec::default()
        }
    }

    fn tagged(key: &str, value: &str) -> LoadBalancerSpec {
        LoadBalancerSpec {
            tags: BTreeMap::from([(key.into(), value.into())]),
            ..LoadBalancerSpec::default()
        }
    }

    fn address(book: &Book, name: &str) -> String {
        book.get(&id(name)).unwrap().addresses[0].to_string()
    }

    #[test]
    fn the_same_put_twice_is_one() {
        let mut book = book();
        assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Made));
        assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Unchanged));
        assert_eq!(book.put(&id("a"), tagged("k", "v")), Ok(Put::Changed));
        assert_eq!(address(&book, "a"), "127.200.0.1");
    }

    #[test]
    fn an_address_is_kept_for_life() {
        let mut book = book();
        book.put(&id("a"), spec(&[])).unwrap();
        let other = book.put(&id("a"), spec(&["127.200.0.2"])).unwrap_err();
        assert!(matches!(other, Refusal::Fixed { index: 0, .. }));
        assert_eq!(book.put(&id("a"), spec(&["127.200.0.1"])), Ok(Put::Changed));
        assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Changed));
    }

    #[test]
    fn a_refused_put_changes_nothing() {
        let mut book = book();
        book.put(&id("a"), spec(&["127.200.0.2"])).unwrap();
        let taken = book.put(&id("b"), spec(&["127.200.0.2"])).unwrap_err();
        assert!(matches!(taken, Refusal::Taken { free_at: None, .. }));
        let outside = book.put(&id("b"), spec(&["10.0.0.1"])).unwrap_err();
        assert!(matches!(outside, Refusal::OutsidePool { .. }));
        assert_eq!(book.get(&id("b")), None);
        book.put(&id("b"), spec(&[])).unwrap();
        assert_eq!(address(&book, "b"), "127.200.0.1");
        let none = book.put(&id("c"), spec(&[])).unwrap_err();
        assert!(matches!(none, Refusal::PoolExhausted { free_at: None, .. }));
    }

    #[test]
    fn a_deleted_one_holds_its_address_until_its_connections_are_gone() {
        let mut book = book();
        let until = Instant::now();
        for name in ["a", "b"] {
            book.put(&id(name), spec(&[])).unwrap();
        }
        assert_eq!(book.delete(&id("nobody"), until), None);
        let gone = book.delete(&id("a"), until).unwrap();
        let free_at = Some(until);
        let full = book.put(&id("c"), spec(&[])).unwrap_err();
        assert!(matches!(full, Refusal::PoolExhausted { free_at: at, .. } if at == free_at));
        book.free(gone.addresses[0]);
        book.put(&id("c"), spec(&[])).unwrap();
        assert_eq!(address(&book, "c"), "127.200.0.1");
    }

    #[test]
    fn only_one_that_did_not_ask_for_its_address_is_moved() {
        let mut book = book();
        book.put(&id("a"), spec(&[])).unwrap();
        assert!(book.relocate(&id("a")));
        assert_eq!(address(&book, "a"), "127.200.0.2");
        assert!(!book.relocate(&id("a")), "the other one is occupied");
        book.put(&id("b"), spec(&["127.200.0.1"])).unwrap();
        assert!(!book.relocate(&id("b")));
    }

    #[test]
    fn a_list_matches_every_tag() {
        let mut book = book();
        book.put(&id("b"), tagged("team", "shop")).unwrap();
        book.put(&id("a"), tagged("team", "shop")).unwrap();
        let names = |tags: &[(&str, &str)]| {
            let tags: Vec<_> = tags
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect();
            book.list(&tags)
                .map(|(id, _)| id.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["a", "b"]);
        assert_eq!(names(&[("team", "shop")]), ["a", "b"]);
        assert!(names(&[("team", "shop"), ("more", "")]).is_empty());
        assert!(names(&[("team", "other")]).is_empty());
    }
}
