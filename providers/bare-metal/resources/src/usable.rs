//! The addresses that a pool may give, as ranges and a rule: what is skipped is computed, never listed.

use std::net::{IpAddr, Ipv4Addr};

use crate::kinds::IpFamily;
use crate::range::{AddressRange, NEVER, bits};
use crate::set::AddressSet;

/// Addresses that may be given: those of some ranges, perhaps without the IPv4 addresses that end in .0
/// or .255.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usable {
    ranges: AddressSet,
    skips: bool,
}

impl Usable {
    /// All of `ranges` that a Service can have: no unspecified address, no multicast, no limited
    /// broadcast. With `skips`, no IPv4 address that ends in .0 or .255 either.
    #[must_use]
    pub fn new(ranges: &AddressSet, skips: bool) -> Self {
        let never = NEVER
            .iter()
            .filter_map(|(first, last, _)| AddressRange::new(*first, *last));
        Self {
            ranges: ranges.subtract(&never.collect()),
            skips,
        }
    }

    /// The ranges that they are from; what the rule skips is still in them.
    pub fn ranges(&self) -> &AddressSet {
        &self.ranges
    }

    /// Whether the IPv4 addresses that end in .0 or .255 are left out.
    pub fn skips_edges(&self) -> bool {
        self.skips
    }

    /// Whether the address may be given.
    pub fn contains(&self, address: IpAddr) -> bool {
        !self.skips(address) && self.ranges.contains(address)
    }

    /// How many addresses of a family may be given; all of IPv6 count one less.
    pub fn count(&self, family: IpFamily) -> u128 {
        let all = self.ranges.count(family);
        if family == IpFamily::Ipv6 || !self.skips {
            return all;
        }
        let skipped = self.ranges.of(family).iter().map(ends_in_0_or_255);
        all - skipped.sum::<u128>()
    }

    /// Whether no address may be given.
    pub fn is_empty(&self) -> bool {
        [IpFamily::Ipv4, IpFamily::Ipv6]
            .into_iter()
            .all(|family| self.count(family) == 0)
    }

    fn skips(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.skips && matches!(address.octets()[3], 0 | 255),
            IpAddr::V6(_) => false,
        }
    }
}

/// How many addresses of an IPv4 range end in .0 or .255.
fn ends_in_0_or_255(range: &AddressRange) -> u128 {
    let (first, last) = (bits(range.first()), bits(range.last()));
    // Up to an address there is one .0 for each /24 begun, and one .255 for each that is over.
    let up_to = |end: u128| end.div_ceil(256) + end / 256;
    up_to(last + 1) - up_to(first)
}

/// The first and the last address of an IPv4 network of /30 or larger (RFC 3021 leaves /31 without).
pub(crate) fn network_and_broadcast(network: ipnet::IpNet) -> Option<[IpAddr; 2]> {
    let ipnet::IpNet::V4(network) = network else {
        return None;
    };
    let ends: [Ipv4Addr; 2] = [network.network(), network.broadcast()];
    (network.prefix_len() <= 30).then(|| ends.map(IpAddr::V4))
}
