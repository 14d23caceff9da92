//! The addresses that a pool may give, of one family, numbered from 0 without gaps. What is
//! excluded or skipped has no number, so that finding the first free address is finding the first
//! free number. Nothing here costs more for a larger pool.

/// Numbers of the addresses of a block that are given where a network's first and last are not.
const GIVEN: u128 = 254;
/// Addresses of such a block.
const BLOCK: u128 = 256;

/// The numbered addresses. An address is its bits as a number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Space {
    pieces: Vec<Piece>,
    /// Whether addresses that end in 0 or 255 are left out.
    skips_edges: bool,
    total: u128,
}

/// Addresses that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    first: u128,
    last: u128,
    /// Number of its first address that has one.
    number: u128,
}

impl Space {
    /// Of these ranges, each with its first and last address, in order and disjoint. A space of all
    /// 2^128 addresses lacks the last one.
    pub fn new(ranges: impl IntoIterator<Item = (u128, u128)>, skips_edges: bool) -> Self {
        let mut space = Self {
            pieces: Vec::new(),
            skips_edges,
            total: 0,
        };
        for (first, last) in ranges {
            let number = space.total;
            space.pieces.push(Piece {
                first,
                last,
                number,
            });
            let given = space.given_until(last) - space.given_before(first);
            space.total = space.total.saturating_add(given);
        }
        space
    }

    /// How many there are.
    pub fn total(&self) -> u128 {
        self.total
    }

    /// Its ranges, each with its first and last address.
    pub fn ranges(&self) -> impl Iterator<Item = (u128, u128)> {
        self.pieces.iter().map(|piece| (piece.first, piece.last))
    }

    /// The number of an address, if it is one of these.
    pub fn number(&self, address: u128) -> Option<u128> {
        let after = self.pieces.partition_point(|it| it.first <= address);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        let is_edge = [0, BLOCK - 1].contains(&(address % BLOCK));
        if address > piece.last || (self.skips_edges && is_edge) {
            return None;
        }
        let number = piece.number + (self.given_before(address) - self.given_before(piece.first));
        (number < self.total).then_some(number)
    }

    /// The address of a number.
    pub fn address(&self, number: u128) -> Option<u128> {
        if number >= self.total {
            return None;
        }
        let after = self.pieces.partition_point(|it| it.number <= number);
        // Of pieces without any number, the last that begins with this one has it.
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        let within = number - piece.number;
        if !self.skips_edges {
            return Some(piece.first + within);
        }
        let given = self.given_before(piece.first) + within;
        Some(given / GIVEN * BLOCK + given % GIVEN + 1)
    }

    /// How many of all addresses below this one are given.
    fn given_before(&self, address: u128) -> u128 {
        if !self.skips_edges {
            return address;
        }
        let in_block = (address % BLOCK).saturating_sub(1).min(GIVEN);
        address / BLOCK * GIVEN + in_block
    }

    /// The same with this one included.
    fn given_until(&self, address: u128) -> u128 {
        match address.checked_add(1) {
            Some(next) => self.given_before(next),
            // Only of all IPv6 addresses, where one more cannot be counted.
            None => self.given_before(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_whole_family_is_numbered_like_a_small_block() {
        let six = Space::new([(0, u128::MAX)], false);
        assert_eq!(six.total(), u128::MAX);
        assert_eq!(six.address(7), Some(7));
        let ten = Space::new([(0x0a00_0000, 0x0aff_ffff)], true);
        assert_eq!(ten.total(), 65536 * 254);
        assert_eq!(ten.number(0x0a00_0001), Some(0));
        assert_eq!(ten.number(0x0a00_0100), None);
        assert_eq!(ten.number(0x0a00_0101), Some(254));
        assert_eq!(ten.address(ten.total() - 1), Some(0x0aff_fffe));
    }

    /// Disjoint ranges in order, near each other and around block edges.
    fn ranges() -> impl Strategy<Value = Vec<(u128, u128)>> {
        prop::collection::vec((1_u128..300, 0_u128..600), 1..6).prop_map(|steps| {
            let mut at = 0;
            let range = |(gap, length): (u128, u128)| {
                let first = at + gap;
                at = first + length + 1;
                (first, first + length)
            };
            steps.into_iter().map(range).collect()
        })
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_a_list(ranges in ranges(), skips in any::<bool>()) {
            let space = Space::new(ranges.iter().copied(), skips);
            let is_given = |it: &u128| !skips || ![0, 255].contains(&(it % 256));
            let list: Vec<u128> = ranges
                .iter()
                .flat_map(|&(first, last)| first..=last)
                .filter(is_given)
                .collect();
            prop_assert_eq!(space.total(), list.len() as u128);
            for (number, &address) in list.iter().enumerate() {
                prop_assert_eq!(space.address(number as u128), Some(address));
                prop_assert_eq!(space.number(address), Some(number as u128));
            }
            prop_assert_eq!(space.address(space.total()), None);
            for address in 0..4000 {
                prop_assert_eq!(space.number(address).is_some(), list.contains(&address));
            }
        }
    }
}
