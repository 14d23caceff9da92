//! What a speaker states of itself, and tells all others: where it can announce, and what it claims.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::mac::Mac;

/// Interfaces that a speaker tells of at most. Those of pods have no address and are not among them.
pub const MOST_INTERFACES: usize = 64;
/// Subnets of an interface that are told at most.
pub const MOST_SUBNETS: usize = 16;
/// Longest name of an interface, in bytes (`IFNAMSIZ` without its end).
pub const LONGEST_NAME: usize = 15;

/// An interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its hardware address.
    pub mac: Mac,
    /// The addresses that it has, with the prefix lengths of their subnets.
    pub subnets: Vec<(IpAddr, u8)>,
}

impl Interface {
    /// Whether an address belongs to one of its subnets.
    pub fn has_subnet_of(&self, address: IpAddr) -> bool {
        let mut subnets = self.subnets.iter();
        subnets.any(|(own, length)| shares_subnet(address, *own, *length))
    }
}

/// Whether an address is in the subnet of this length that the other is in.
pub fn shares_subnet(address: IpAddr, other: IpAddr, length: u8) -> bool {
    match (address, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.leading_zeros() >= u32::from(length)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.leading_zeros() >= u32::from(length)
        }
        _ => false,
    }
}

/// That a speaker announces an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Greater with each speaker that takes the address: of two claims the later counts.
    pub epoch: u64,
    /// It is announced, and whoever can is to take it.
    pub is_offered: bool,
}

/// A change of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An address is claimed.
    Claim(IpAddr, Claim),
    /// It is not, any more.
    Unclaimed(IpAddr),
    /// An interface is up.
    Interface(String, Interface),
    /// It is not, any more.
    NoInterface(String),
    /// The speaker is to have no addresses: it ends, or its node does.
    Draining(bool),
}

/// What one speaker states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// Greater with each change. Its speaker alone changes it, so who has the same version has the same.
    pub(super) version: u64,
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) is_draining: bool,
    pub(super) claims: BTreeMap<IpAddr, Claim>,
}

impl Statement {
    /// The interfaces that are up, by name.
    pub fn interfaces(&self) -> &BTreeMap<String, Interface> {
        &self.interfaces
    }

    /// Whether the speaker is to have no addresses.
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// What is claimed.
    pub fn claims(&self) -> impl Iterator<Item = (IpAddr, Claim)> {
        self.claims
            .iter()
            .map(|(address, claim)| (*address, *claim))
    }

    pub(super) fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Claim(address, claim) => drop(self.claims.insert(*address, *claim)),
            Entry::Unclaimed(address) => drop(self.claims.remove(address)),
            Entry::Interface(name, interface) => {
                self.interfaces.insert(name.clone(), interface.clone());
            }
            Entry::NoInterface(name) => drop(self.interfaces.remove(name)),
            Entry::Draining(is_draining) => self.is_draining = *is_draining,
        }
    }

    /// Everything, as changes of a statement that says nothing.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let interfaces = self.interfaces.iter();
        let interfaces = interfaces.map(|(name, it)| Entry::Interface(name.clone(), it.clone()));
        let claims = self.claims().map(|(address, it)| Entry::Claim(address, it));
        let draining = self.is_draining.then_some(Entry::Draining(true));
        draining
            .into_iter()
            .chain(interfaces)
            .chain(claims)
            .collect()
    }
}

impl FromIterator<Entry> for Statement {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut statement = Self::default();
        for entry in entries {
            statement.apply(&entry);
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_the_addresses_that_share_its_prefix() {
        let interface = |text: &str, length| Interface {
            mac: Mac([2, 0, 0, 0, 0, 1]),
            subnets: vec![(text.parse().unwrap(), length)],
        };
        let rows = [
            ("192.0.2.11", 24, "192.0.2.200", true),
            ("192.0.2.11", 24, "192.0.3.200", false),
            ("192.0.2.11", 25, "192.0.2.200", false),
            ("192.0.2.11", 32, "192.0.2.11", true),
            ("192.0.2.11", 0, "203.0.113.1", true),
            ("2001:db8::1", 64, "2001:db8::ffff:1", true),
            ("2001:db8::1", 64, "2001:db8:0:1::1", false),
            ("2001:db8::1", 0, "192.0.2.11", false),
            ("192.0.2.11", 0, "2001:db8::1", false),
        ];
        for (own, length, address, expected) in rows {
            let interface = interface(own, length);
            let has = interface.has_subnet_of(address.parse().unwrap());
            assert_eq!(has, expected, "{address} in {own}/{length}");
        }
    }

    #[test]
    fn a_statement_is_made_again_of_its_entries() {
        let mut statement = Statement::default();
        let claim = Claim {
            epoch: 7,
            is_offered: true,
        };
        let interface = Interface {
            mac: Mac([2; 6]),
            subnets: vec![("192.0.2.11".parse().unwrap(), 24)],
        };
        let gone = "192.0.2.201".parse().unwrap();
        for entry in [
            Entry::Draining(true),
            Entry::Interface("eth0".into(), interface.clone()),
            Entry::Interface("eth1".into(), interface),
            Entry::Claim("192.0.2.200".parse().unwrap(), claim),
            Entry::Claim(gone, claim),
            Entry::Unclaimed(gone),
            Entry::NoInterface("eth1".into()),
        ] {
            statement.apply(&entry);
        }
        let again: Statement = statement.entries().into_iter().collect();
        assert_eq!(again, statement);
        assert_eq!((again.claims.len(), again.interfaces.len()), (1, 1));
    }
}
