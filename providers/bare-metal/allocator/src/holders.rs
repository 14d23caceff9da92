//! Who has which address, in the order of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::tenants::Slot;

/// The addresses that Services have.
#[derive(Debug, Default)]
pub(crate) struct Holders(BTreeMap<IpAddr, Who>);

/// Who has one. Most have theirs alone.
#[derive(Debug)]
enum Who {
    One(Slot),
    #[expect(
        clippy::box_collection,
        reason = "16 bytes instead of 24 for every address"
    )]
    Many(Box<Vec<Slot>>),
}

impl Holders {
    /// Who has this address.
    pub(crate) fn of(&self, address: IpAddr) -> &[Slot] {
        match self.0.get(&address) {
            None => &[],
            Some(Who::One(slot)) => std::slice::from_ref(slot),
            Some(Who::Many(slots)) => slots,
        }
    }

    /// Adds one who does not have it yet. Says whether nobody had it.
    pub(crate) fn add(&mut self, address: IpAddr, slot: Slot) -> bool {
        match self.0.get_mut(&address) {
            None => {
                self.0.insert(address, Who::One(slot));
                return true;
            }
            Some(Who::Many(slots)) => slots.push(slot),
            Some(one) => {
                let Who::One(first) = *one else {
                    unreachable!("many are matched above")
                };
                *one = Who::Many(Box::new(vec![first, slot]));
            }
        }
        false
    }

    /// Removes one. Says whether nobody has it any more.
    pub(crate) fn remove(&mut self, address: IpAddr, slot: Slot) -> bool {
        match self.0.get_mut(&address) {
            None => false,
            Some(Who::One(one)) => {
                let is_last = *one == slot;
                if is_last {
                    self.0.remove(&address);
                }
                is_last
            }
            Some(many) => {
                let Who::Many(slots) = many else {
                    unreachable!("one is matched above")
                };
                slots.retain(|it| *it != slot);
                if let [left] = slots.as_slice() {
                    *many = Who::One(*left);
                }
                false
            }
        }
    }

    /// The addresses of a range that somebody has.
    pub(crate) fn within(&self, range: RangeInclusive<IpAddr>) -> impl Iterator<Item = IpAddr> {
        self.0.range(range).map(|(address, _)| *address)
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = IpAddr> {
        self.0.keys().copied()
    }
}
