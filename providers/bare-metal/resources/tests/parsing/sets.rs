//! Sets of addresses beside a naive model: one bit for each address of four small spaces, at the begin,
//! in the middle and at the very end of what there is.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use landfall_bare_metal_resources::kinds::IpFamily;
use landfall_bare_metal_resources::{AddressRange, AddressSet, Entry, Usable};
use proptest::prelude::*;

/// Where the spaces begin; each has [`SIZE`] addresses.
const SIZE: u32 = 600;

fn address(space: usize, offset: u32) -> IpAddr {
    let top = u128::MAX - u128::from(SIZE - 1);
    match space {
        0 => Ipv4Addr::from_bits(offset).into(),
        1 => Ipv4Addr::from_bits(0x0a00_00f0 + offset).into(),
        2 => Ipv4Addr::from_bits(u32::MAX - (SIZE - 1) + offset).into(),
        3 => Ipv6Addr::from_bits(u128::from(offset)).into(),
        _ => Ipv6Addr::from_bits(top + u128::from(offset)).into(),
    }
}

fn all() -> impl Iterator<Item = IpAddr> {
    (0..5).flat_map(|space| (0..SIZE).map(move |offset| address(space, offset)))
}

fn ranges() -> impl Strategy<Value = Vec<AddressRange>> {
    let range = (0..5usize, 0..SIZE, 0..SIZE).prop_map(|(space, one, another)| {
        let (first, last) = (one.min(another), one.max(another));
        // Short ones too, that leave gaps and touch each other.
        let last = if another % 2 == 0 {
            last.min(first + 3)
        } else {
            last
        };
        AddressRange::new(address(space, first), address(space, last)).unwrap()
    });
    proptest::collection::vec(range, 0..12)
}

fn model(ranges: &[AddressRange]) -> BTreeSet<IpAddr> {
    all()
        .filter(|address| ranges.iter().any(|range| range.contains(*address)))
        .collect()
}

fn held(set: &AddressSet) -> BTreeSet<IpAddr> {
    all().filter(|address| set.contains(*address)).collect()
}

fn set(ranges: &[AddressRange]) -> AddressSet {
    ranges.iter().copied().collect()
}

/// Ranges in order, and between any two of a family an address that is in neither.
fn is_normal(set: &AddressSet) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(it) => u128::from(it.to_bits()),
        IpAddr::V6(it) => it.to_bits(),
    };
    set.ranges().windows(2).all(|pair| {
        let [one, another] = [pair[0], pair[1]];
        if one.family() != another.family() {
            return one.family() == IpFamily::Ipv4;
        }
        number(another.first())
            .checked_sub(number(one.last()))
            .is_some_and(|gap| gap > 1)
    })
}

fn number_of(model: &BTreeSet<IpAddr>, family: IpFamily) -> u128 {
    model
        .iter()
        .filter(|it| IpFamily::of(**it) == family)
        .count() as u128
}

proptest! {
    #[test]
    fn a_set_holds_what_it_was_made_of(ranges in ranges()) {
        let set = set(&ranges);
        let model = model(&ranges);
        prop_assert_eq!(held(&set), model.clone());
        prop_assert!(is_normal(&set));
        prop_assert_eq!(set.is_empty(), model.is_empty());
        for family in [IpFamily::Ipv4, IpFamily::Ipv6] {
            prop_assert_eq!(set.count(family), number_of(&model, family));
        }
    }

    #[test]
    fn sets_are_taken_away_and_compared(one in ranges(), another in ranges()) {
        let (a, b) = (set(&one), set(&another));
        let (in_a, in_b) = (model(&one), model(&another));
        prop_assert_eq!(held(&a.subtract(&b)), &in_a - &in_b);
        prop_assert!(is_normal(&a.subtract(&b)));
        let common = &in_a & &in_b;
        let first = a.overlap(&b);
        prop_assert_eq!(first.map(|it| it.first()), common.first().copied());
        prop_assert_eq!(first, b.overlap(&a));
    }

    #[test]
    fn what_may_be_given_is_computed_as_it_would_be_counted(ranges in ranges(), skips: bool) {
        let usable = Usable::new(&set(&ranges), skips);
        let may = |address: &IpAddr| match address {
            IpAddr::V4(it) if skips && matches!(it.octets()[3], 0 | 255) => false,
            IpAddr::V4(it) => !it.is_unspecified() && !it.is_multicast() && !it.is_broadcast(),
            IpAddr::V6(it) => !it.is_unspecified() && !it.is_multicast(),
        };
        let model: BTreeSet<_> = model(&ranges).into_iter().filter(may).collect();
        let given: BTreeSet<_> = all().filter(|it| usable.contains(*it)).collect();
        prop_assert_eq!(&given, &model);
        prop_assert_eq!(usable.is_empty(), model.is_empty());
        for family in [IpFamily::Ipv4, IpFamily::Ipv6] {
            prop_assert_eq!(usable.count(family), number_of(&model, family));
        }
    }
}

#[test]
fn a_pool_of_any_size_is_counted_by_arithmetic() {
    let set = |text: &str| AddressSet::from(text.parse::<Entry>().unwrap().range());
    let rows = [
        ("10.0.0.0/8", false, 1 << 24),
        ("10.0.0.0/8", true, (1 << 24) - 2 * 65_536),
        // Without 0.0.0.0, 224.0.0.0/4 and 255.255.255.255.
        ("0.0.0.0/0", false, (1 << 32) - (1 << 28) - 2),
        ("0.0.0.0/0", true, ((1 << 32) - (1 << 28)) / 256 * 254),
        // Without :: and ff00::/8.
        ("::/0", false, u128::MAX - (1 << 120)),
        ("2001:db8::/64", true, 1 << 64),
    ];
    for (text, skips, count) in rows {
        let usable = Usable::new(&set(text), skips);
        let counts = [IpFamily::Ipv4, IpFamily::Ipv6].map(|it| usable.count(it));
        assert_eq!(counts.iter().sum::<u128>(), count, "{text} {skips}");
    }
}
