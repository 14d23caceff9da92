//! Sets of addresses. They cost what they have of ranges, however many addresses those hold.

use std::fmt;
use std::net::IpAddr;

use crate::kinds::IpFamily;
use crate::range::{AddressRange, next, previous};

/// A set of addresses of both families: ranges in order, IPv4 first, with a gap between any two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSet {
    ranges: Vec<AddressRange>,
}

impl AddressSet {
    /// The ranges, in order, with a gap between any two.
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// The ranges of a family, in order.
    pub fn of(&self, family: IpFamily) -> &[AddressRange] {
        let ipv6 = self
            .ranges
            .partition_point(|it| it.family() == IpFamily::Ipv4);
        match family {
            IpFamily::Ipv4 => &self.ranges[..ipv6],
            IpFamily::Ipv6 => &self.ranges[ipv6..],
        }
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The range that has the address.
    pub fn range_of(&self, address: IpAddr) -> Option<&AddressRange> {
        let behind = self.ranges.partition_point(|it| it.first() <= address);
        let range = self.ranges.get(behind.checked_sub(1)?)?;
        range.contains(address).then_some(range)
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.range_of(address).is_some()
    }

    /// How many addresses of the family there are; all of IPv6, whose number does not fit, count one
    /// less.
    pub fn count(&self, family: IpFamily) -> u128 {
        let ranges = self.of(family).iter();
        ranges.fold(0, |sum, it| sum.saturating_add(it.count()))
    }

    /// The first range that both have.
    pub fn overlap(&self, other: &Self) -> Option<AddressRange> {
        self.common(other).next()
    }

    fn common(&self, other: &Self) -> impl Iterator<Item = AddressRange> {
        let (mut mine, mut theirs) = (
            self.ranges.iter().peekable(),
            other.ranges.iter().peekable(),
        );
        std::iter::from_fn(move || {
            loop {
                let (one, another) = (*mine.peek()?, *theirs.peek()?);
                if one.last() < another.last() {
                    mine.next();
                } else {
                    theirs.next();
                }
                if let Some(common) = one.overlap(another) {
                    return Some(common);
                }
            }
        })
    }

    /// What is here and not there.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len());
        let mut taken = other.ranges.iter().peekable();
        for range in &self.ranges {
            let mut rest = Some(*range);
            while let Some(left) = rest
                && let Some(hole) = taken.peek()
            {
                if hole.last() < left.first() {
                    taken.next();
                    continue;
                }
                let Some(common) = left.overlap(hole) else {
                    break;
                };
                let before = previous(common.first());
                ranges.extend(before.and_then(|last| AddressRange::new(left.first(), last)));
                rest = next(common.last()).and_then(|first| AddressRange::new(first, left.last()));
            }
            ranges.extend(rest);
        }
        Self { ranges }
    }
}

impl FromIterator<AddressRange> for AddressSet {
    /// In any order, overlapping or not.
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut ranges: Vec<AddressRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match ranges.last_mut() {
                Some(last) if touches(last, &range) => {
                    let end = last.last().max(range.last());
                    *last = AddressRange::new(last.first(), end)
                        .expect("of one family, and the end only moves up");
                }
                _ => ranges.push(range),
            }
        }
        Self { ranges }
    }
}

/// Whether the second range, which does not begin before the first, leaves no gap behind it.
fn touches(first: &AddressRange, second: &AddressRange) -> bool {
    first.family() == second.family()
        && next(first.last()).is_none_or(|behind| second.first() <= behind)
}

impl From<AddressRange> for AddressSet {
    fn from(range: AddressRange) -> Self {
        Self {
            ranges: vec![range],
        }
    }
}

/// The ranges, with commas between.
impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.ranges.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}
