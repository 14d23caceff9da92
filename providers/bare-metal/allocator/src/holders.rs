//! Who has which address, in the order of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::tenants::Slot;

/// The addresses that Services have.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// One of those who have it.
    first: BTreeMap<IpAddr, Slot>,
    /// All who have it, where they are several. Most addresses are one's alone.
    several: BTreeMap<IpAddr, Vec<Slot>>,
}

impl Holders {
    /// Who has this address.
    pub(crate) fn of(&self, address: IpAddr) -> &[Slot] {
        match self.first.get(&address) {
            None => &[],
            Some(first) => match self.several.get(&address) {
                Some(several) => several,
                None => std::slice::from_ref(first),
            },
        }
    }

    /// Adds one who does not have it yet. Says whether nobody had it.
    pub(crate) fn add(&mut self, address: IpAddr, slot: Slot) -> bool {
        let Some(first) = self.first.get(&address) else {
            self.first.insert(address, slot);
            return true;
        };
        let several = self.several.entry(address).or_insert_with(|| vec![*first]);
        several.push(slot);
        false
    }

    /// Removes one. Says whether nobody has it any more.
    pub(crate) fn remove(&mut self, address: IpAddr, slot: Slot) -> bool {
        let Some(several) = self.several.get_mut(&address) else {
            let is_last = self.first.get(&address) == Some(&slot);
            if is_last {
                self.first.remove(&address);
            }
            return is_last;
        };
        several.retain(|it| *it != slot);
        if let Some(left) = several.first() {
            self.first.insert(address, *left);
        }
        if several.len() == 1 {
            self.several.remove(&address);
        }
        false
    }

    /// The addresses of a range that somebody has.
    pub(crate) fn within(&self, range: RangeInclusive<IpAddr>) -> impl Iterator<Item = IpAddr> {
        self.first.range(range).map(|(address, _)| *address)
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = IpAddr> {
        self.first.keys().copied()
    }
}
