//! Who has which address of a pool. Pure: no sockets, and time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use ipnet::IpNet;

/// The addresses of a pool and who holds them. Each is held by one at most.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// First and last usable address of each part of the pool, ascending, without overlap.
    ranges: Vec<(IpAddr, IpAddr)>,
    /// The lowest address that was never passed over; those below are held, returned or occupied.
    next: Option<IpAddr>,
    /// Free, and below `next`.
    returned: BTreeSet<IpAddr>,
    /// Free, but somebody outside this cloud uses them: given only when nothing else is left.
    occupied: BTreeSet<IpAddr>,
    held: BTreeMap<IpAddr, Holder>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    LoadBalancer,
    /// Connections of a deleted load balancer; they are cut at this time at the latest.
    Connections(Instant),
}

/// An address that another has; free at this time at the latest, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken(pub(crate) Option<Instant>);

impl Addresses {
    /// All free. Addresses of a net whose host part is all zeros or all ones are not given out,
    /// unless the net is so small that it has no others.
    pub(crate) fn new(pool: &[IpNet]) -> Self {
        let mut nets = pool.iter().map(IpNet::trunc).collect::<Vec<_>>();
        nets.sort_by_key(|net| (net.network(), net.prefix_len()));
        // Two nets are apart or one holds the other, and then the larger one was sorted first.
        let mut apart: Vec<IpNet> = Vec::new();
        for net in nets {
            if !apart.last().is_some_and(|last| last.contains(&net)) {
                apart.push(net);
            }
        }
        let ranges: Vec<_> = apart.iter().map(usable).collect();
        Self {
            next: ranges.first().map(|range| range.0),
            ranges,
            returned: BTreeSet::new(),
            occupied: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    /// Gives the lowest free address; one that is occupied only when there is no other.
    pub(crate) fn take_lowest(&mut self) -> Option<IpAddr> {
        let address = self.lowest().or_else(|| self.occupied.pop_first())?;
        self.held.insert(address, Holder::LoadBalancer);
        Some(address)
    }

    /// Takes back an address that turned out to be occupied and gives the lowest that is not
    /// known to be; `None`, and nothing changes, if there is none.
    pub(crate) fn exchange(&mut self, occupied: IpAddr) -> Option<IpAddr> {
        let address = self.lowest()?;
        self.held.remove(&occupied);
        self.occupied.insert(occupied);
        self.held.insert(address, Holder::LoadBalancer);
        Some(address)
    }

    /// Whether it is an address that this pool gives out.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.range_of(address).is_some()
    }

    /// Gives this very address, which the pool [covers](Self::covers).
    pub(crate) fn take(&mut self, address: IpAddr) -> Result<IpAddr, Taken> {
        match self.held.get(&address) {
            Some(Holder::LoadBalancer) => return Err(Taken(None)),
            Some(Holder::Connections(until)) => return Err(Taken(Some(*until))),
            None => {}
        }
        self.returned.remove(&address);
        self.occupied.remove(&address);
        self.held.insert(address, Holder::LoadBalancer);
        Ok(address)
    }

    /// Its load balancer is gone, but connections to it may go on until then.
    pub(crate) fn leave(&mut self, address: IpAddr, until: Instant) {
        if let Some(holder) = self.held.get_mut(&address) {
            *holder = Holder::Connections(until);
        }
    }

    /// Nobody uses it any more.
    pub(crate) fn free(&mut self, address: IpAddr) {
        let passed = self.next.is_none_or(|next| address < next);
        if self.held.remove(&address).is_some() && passed {
            self.returned.insert(address);
        }
    }

    /// When the next address that connections still hold is free at the latest.
    pub(crate) fn next_free(&self) -> Option<Instant> {
        self.held
            .values()
            .filter_map(|holder| match holder {
                Holder::Connections(until) => Some(*until),
                Holder::LoadBalancer => None,
            })
            .min()
    }

    fn lowest(&mut self) -> Option<IpAddr> {
        if let Some(address) = self.returned.pop_first() {
            return Some(address);
        }
        while let Some(address) = self.next {
            self.next = self.successor(address);
            if !self.held.contains_key(&address) && !self.occupied.contains(&address) {
                return Some(address);
            }
        }
        None
    }

    fn successor(&self, address: IpAddr) -> Option<IpAddr> {
        let index = self.range_of(address)?;
        if address < self.ranges[index].1 {
            Some(offset(address, 1))
        } else {
            self.ranges.get(index + 1).map(|range| range.0)
        }
    }

    fn range_of(&self, address: IpAddr) -> Option<usize> {
        let index = self.ranges.partition_point(|range| range.1 < address);
        let (first, last) = *self.ranges.get(index)?;
        (first <= address && address <= last).then_some(index)
    }
}

fn usable(net: &IpNet) -> (IpAddr, IpAddr) {
    let (first, last) = (net.network(), net.broadcast());
    if net.max_prefix_len() - net.prefix_len() < 2 {
        (first, last)
    } else {
        (offset(first, 1), offset(last, -1))
    }
}

fn offset(address: IpAddr, by: i8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(i32::from(by))).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(i128::from(by))).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(pool: &[&str]) -> Addresses {
        let nets: Vec<IpNet> = pool.iter().map(|net| net.parse().unwrap()).collect();
        Addresses::new(&nets)
    }

    fn all(mut addresses: Addresses) -> Vec<String> {
        std::iter::from_fn(|| addresses.take_lowest())
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn hosts_are_given_in_order() {
        for (pool, expected) in [
            (&["127.200.0.0/30"][..], &["127.200.0.1", "127.200.0.2"][..]),
            (&["127.200.0.7/30"], &["127.200.0.5", "127.200.0.6"]),
            (&["127.200.0.0/31"], &["127.200.0.0", "127.200.0.1"]),
            (&["127.200.0.9/32"], &["127.200.0.9"]),
            (
                &["127.200.0.8/30", "127.200.0.0/30", "127.200.0.1/32"],
                &["127.200.0.1", "127.200.0.2", "127.200.0.9", "127.200.0.10"],
            ),
            (
                &["255.255.255.254/31"],
                &["255.255.255.254", "255.255.255.255"],
            ),
            (&["fd00::/126"], &["fd00::1", "fd00::2"]),
            (&[], &[]),
        ] {
            assert_eq!(all(addresses(pool)), expected, "{pool:?}");
        }
    }

    #[test]
    fn an_address_that_is_free_again_is_the_lowest() {
        let mut addresses = addresses(&["127.200.0.0/29"]);
        let first = addresses.take_lowest().unwrap();
        let second = addresses.take_lowest().unwrap();
        addresses.free(first);
        addresses.free(first);
        assert_eq!(addresses.take_lowest(), Some(first));
        assert!(addresses.take_lowest().unwrap() > second);
    }

    #[test]
    fn an_occupied_address_is_the_last_resort() {
        let mut addresses = addresses(&["127.200.0.0/30"]);
        let (first, second) = (
            "127.200.0.1".parse().unwrap(),
            "127.200.0.2".parse().unwrap(),
        );
        assert_eq!(addresses.take_lowest(), Some(first));
        assert_eq!(addresses.exchange(first), Some(second));
        assert_eq!(
            addresses.exchange(second),
            None,
            "only occupied ones are left"
        );
        assert_eq!(addresses.take_lowest(), Some(first));
        assert_eq!(addresses.take_lowest(), None);
    }

    #[test]
    fn an_occupied_address_that_was_never_passed_over_is_given_once() {
        let mut addresses = addresses(&["127.200.0.0/29"]);
        let second = addresses.take("127.200.0.2".parse().unwrap()).unwrap();
        addresses.exchange(second);
        let given = all(addresses);
        assert_eq!(given.len(), 5);
        assert_eq!(given.last().unwrap(), "127.200.0.2");
    }

    #[test]
    fn a_requested_address_is_in_the_pool_and_free() {
        let mut addresses = addresses(&["127.200.0.0/29"]);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        for outside in [
            "127.200.0.0",
            "127.200.0.7",
            "127.200.0.8",
            "10.0.0.1",
            "fd00::1",
        ] {
            assert!(!addresses.covers(at(outside)), "{outside}");
        }
        let second = at("127.200.0.2");
        assert_eq!(addresses.take(second), Ok(second));
        assert_eq!(addresses.take(second), Err(Taken(None)));
        let until = Instant::now();
        addresses.leave(second, until);
        assert_eq!(addresses.take(second), Err(Taken(Some(until))));
        assert_eq!(addresses.next_free(), Some(until));
        assert_eq!(addresses.take_lowest(), Some(at("127.200.0.1")));
        assert_eq!(
            addresses.take_lowest(),
            Some(at("127.200.0.3")),
            "2 is passed over"
        );
        addresses.free(second);
        assert_eq!(addresses.take(second), Ok(second));
    }
}
