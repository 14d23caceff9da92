//! What holds in the book after any sequence of changes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use landfall_mock_cloud_wire::LoadBalancerSpec;
use proptest::prelude::*;

use super::{Book, Put, Refusal};
use crate::id::Id;

/// Pool of the book under test; its usable addresses are .1 to .6 and .9 to .10.
const POOL: [&str; 2] = ["127.200.0.0/29", "127.200.0.8/30"];
const USABLE: [u8; 8] = [1, 2, 3, 4, 5, 6, 9, 10];

#[derive(Debug, Clone, Copy)]
enum Step {
    Put(u8),
    PutAt(u8, u8),
    Relocate(u8),
    Delete(u8),
    /// The connections of the deleted load balancer with this place among them are gone.
    Free(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12_u8).prop_map(Step::Put),
        2 => (0..12_u8, 0..16_u8).prop_map(|(name, host)| Step::PutAt(name, host)),
        1 => (0..12_u8).prop_map(Step::Relocate),
        3 => (0..12_u8).prop_map(Step::Delete),
        3 => (0..8_usize).prop_map(Step::Free),
    ]
}

fn id(name: u8) -> Id {
    format!("lb-{name}").parse().unwrap()
}

fn host(last: u8) -> IpAddr {
    IpAddr::from([127, 200, 0, last])
}

fn requesting(addresses: Vec<IpAddr>) -> LoadBalancerSpec {
    LoadBalancerSpec {
        requested_addresses: addresses,
        ..LoadBalancerSpec::default()
    }
}

/// A book, and what must be in it.
struct Model {
    book: Book,
    has: BTreeMap<u8, IpAddr>,
    leaving: Vec<IpAddr>,
}

impl Model {
    fn new() -> Self {
        let pool: Vec<_> = POOL.iter().map(|net| net.parse().unwrap()).collect();
        Self {
            book: Book::new(&pool),
            has: BTreeMap::new(),
            leaving: Vec::new(),
        }
    }

    fn held(&self) -> Vec<IpAddr> {
        self.has.values().chain(&self.leaving).copied().collect()
    }

    fn put(&mut self, name: u8, requested: &[IpAddr]) {
        let held = self.held();
        let before = self.has.get(&name).copied();
        match self.book.put(&id(name), requesting(requested.to_vec())) {
            Ok(put) => {
                let address = self.book.get(&id(name)).unwrap().addresses[0];
                assert_eq!(put == Put::Made, before.is_none());
                match before {
                    Some(before) => assert_eq!(address, before, "an address moved"),
                    None => assert!(!held.contains(&address), "{address} was given twice"),
                }
                assert!(requested.iter().all(|wanted| *wanted == address));
                self.has.insert(name, address);
            }
            Err(Refusal::PoolExhausted { .. }) => assert_eq!(held.len(), USABLE.len()),
            Err(Refusal::OutsidePool { address, .. }) => {
                assert!(!USABLE.map(host).contains(&address));
            }
            Err(Refusal::Taken { address, .. }) => assert!(held.contains(&address)),
            Err(Refusal::Fixed { has, .. }) => assert_eq!(Some(has), before),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Put(name) => self.put(name, &[]),
            Step::PutAt(name, last) => self.put(name, &[host(last)]),
            Step::Relocate(name) => {
                let held = self.held();
                let from = self.has.get(&name).copied().unwrap_or(host(0));
                if self.book.relocate(&id(name), from) {
                    let address = self.book.get(&id(name)).unwrap().addresses[0];
                    assert!(!held.contains(&address), "{address} was given twice");
                    self.has.insert(name, address);
                }
            }
            Step::Delete(name) => {
                let gone = self.book.delete(&id(name), Instant::now());
                let address = self.has.remove(&name);
                assert_eq!(gone.map(|entry| entry.addresses[0]), address);
                self.leaving.extend(address);
            }
            Step::Free(place) => {
                if place < self.leaving.len() {
                    self.book.free(self.leaving.remove(place));
                }
            }
        }
        let listed: BTreeMap<_, _> = self
            .book
            .list(&[])
            .map(|(id, entry)| (id.to_string(), entry.addresses[0]))
            .collect();
        let expected: BTreeMap<_, _> = self
            .has
            .iter()
            .map(|(name, address)| (id(*name).to_string(), *address))
            .collect();
        assert_eq!(listed, expected);
    }
}

proptest! {
    /// No address is given twice, none moves, and at the end all of the pool can be given.
    #[test]
    fn every_address_has_one_holder(steps in prop::collection::vec(step(), 0..200)) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        for name in 0..12 {
            model.run(Step::Delete(name));
        }
        for address in std::mem::take(&mut model.leaving) {
            model.book.free(address);
        }
        let given: BTreeSet<_> = (100..100 + u8::try_from(USABLE.len()).unwrap())
            .map(|name| {
                model.book.put(&id(name), requesting(Vec::new())).unwrap();
                model.book.get(&id(name)).unwrap().addresses[0]
            })
            .collect();
        prop_assert_eq!(given, USABLE.map(host).into_iter().collect());
    }
}
