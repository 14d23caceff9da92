//! One pool: what it says, what is to be thought of it, and which of its addresses are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use landfall_bare_metal_resources::kinds::{Allocation, Sharing};
use landfall_bare_metal_resources::{Selectors, bits};
use landfall_provider_api::Family;

use crate::busy::Busy;
use crate::need::Need;
use crate::space::Space;

/// What a pool says, if it makes sense.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// `allocation`.
    pub allocation: Allocation,
    /// `priority`: lower first.
    pub priority: i32,
    /// `sharing`.
    pub sharing: Sharing,
    /// `reuseAfter`.
    pub reuse_after: Duration,
    /// Whether addresses that it has lost are taken from those who have them.
    pub reclaim: bool,
    /// `namespaceSelector`.
    pub namespaces: Selectors,
    /// `serviceSelector`.
    pub services: Selectors,
    /// Its IPv4 addresses.
    pub v4: Space,
    /// Its IPv6 addresses.
    pub v6: Space,
}

/// A pool as it was read.
#[derive(Debug, Clone)]
pub struct PoolInput {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// What it says; `None` if that makes no sense.
    pub spec: Option<Spec>,
    /// Whether its status says that it is in conflict.
    pub was_conflicting: bool,
    /// What its status says that it had.
    pub former: Vec<RangeInclusive<IpAddr>>,
}

/// What is to be thought of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It gives what it may.
    Ready,
    /// It has these addresses in common with another, which was there first. It gives nothing new.
    Conflicting {
        /// The other.
        with: Arc<str>,
        /// First and last of the first addresses in common.
        range: (IpAddr, IpAddr),
    },
    /// It makes no sense. It gives nothing new; what it had when it last did is still its own.
    Invalid,
}

/// A pool.
#[derive(Debug)]
pub struct Pool {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `metadata.creationTimestamp`.
    pub created: SystemTime,
    /// What it said when it last made sense.
    pub spec: Spec,
    /// What is to be thought of it.
    pub standing: Standing,
    /// How many of its addresses Services and reservations have, by family.
    pub assigned: [u128; 2],
    /// Addresses that it had, has no more, and that are still in use.
    pub lost: BTreeSet<IpAddr>,
    /// What its status said that it had when it was first seen, until that is made use of.
    pub former: Vec<RangeInclusive<IpAddr>>,
    /// Its addresses that cannot be given now, by family.
    busy: [Busy; 2],
    /// Whether it was ready with these addresses before.
    pub(crate) established: bool,
    /// Whether what it says makes sense.
    pub(crate) is_valid: bool,
    /// Whether it was in conflict when it was judged last.
    pub(crate) was_conflicting: bool,
}

fn index(family: Family) -> usize {
    match family {
        Family::IPv4 => 0,
        Family::IPv6 => 1,
    }
}

fn address(family: Family, bits: u128) -> IpAddr {
    match family {
        Family::IPv4 => {
            let bits = u32::try_from(bits).expect("an IPv4 space is made of IPv4 addresses");
            IpAddr::V4(Ipv4Addr::from(bits))
        }
        Family::IPv6 => IpAddr::V6(Ipv6Addr::from(bits)),
    }
}

impl Spec {
    fn space(&self, family: Family) -> &Space {
        match family {
            Family::IPv4 => &self.v4,
            Family::IPv6 => &self.v6,
        }
    }

    /// Its ranges, without what is excluded.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<IpAddr>> {
        [Family::IPv4, Family::IPv6].into_iter().flat_map(|family| {
            let ranges = self.space(family).ranges();
            ranges.map(move |(first, last)| address(family, first)..=address(family, last))
        })
    }
}

impl Pool {
    /// A pool as it was read, in place of what was there before. Nothing of it is taken yet.
    pub(crate) fn new(input: PoolInput, before: Option<Self>) -> Self {
        let is_valid = input.spec.is_some();
        let established = before.as_ref().is_some_and(|before| {
            let spec = input.spec.as_ref().unwrap_or(&before.spec);
            before.established && (&before.spec.v4, &before.spec.v6) == (&spec.v4, &spec.v6)
        });
        let (last_good, lost, former, standing) = match before {
            None => {
                let spec = Spec::of_former(&input.former);
                (spec, BTreeSet::new(), input.former, None)
            }
            Some(before) => {
                let standing = Some(before.standing);
                (before.spec, before.lost, before.former, standing)
            }
        };
        let was_conflicting = match &standing {
            None => input.was_conflicting,
            Some(standing) => matches!(standing, Standing::Conflicting { .. }),
        };
        Self {
            name: input.name,
            created: input.created,
            spec: input.spec.unwrap_or(last_good),
            standing: standing.unwrap_or(Standing::Invalid),
            assigned: [0, 0],
            lost,
            former,
            busy: Default::default(),
            established,
            is_valid,
            was_conflicting,
        }
    }

    fn space(&self, family: Family) -> &Space {
        self.spec.space(family)
    }

    /// Its ranges, without what is excluded.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<IpAddr>> {
        self.spec.ranges()
    }

    /// How many addresses of a family it has.
    pub fn total(&self, family: Family) -> u128 {
        self.space(family).total()
    }

    /// How many of its addresses of a family Services and reservations have.
    pub fn assigned(&self, family: Family) -> u128 {
        self.assigned[index(family)]
    }

    /// How many of a family it could give now.
    pub fn available(&self, family: Family) -> u128 {
        self.total(family) - self.busy[index(family)].count()
    }

    /// Whether it has this address.
    pub fn has(&self, address: IpAddr) -> bool {
        let space = self.space(Family::of(address));
        space.number(bits(address)).is_some()
    }

    /// The lowest address of a family that nobody has.
    pub fn first_free(&self, family: Family) -> Option<IpAddr> {
        let number = self.busy[index(family)].first_free();
        let bits = self.space(family).address(number)?;
        Some(address(family, bits))
    }

    /// Notes that an address cannot be given, or that it can.
    pub fn mark(&mut self, address: IpAddr, busy: bool) {
        let family = Family::of(address);
        let Some(number) = self.space(family).number(bits(address)) else {
            return;
        };
        let all = &mut self.busy[index(family)];
        if busy {
            all.take(number);
        } else {
            all.give_back(number);
        }
    }

    /// Notes that one more or one less of its addresses is a Service's or a reservation's.
    pub fn count(&mut self, address: IpAddr, more: bool) {
        let assigned = &mut self.assigned[index(Family::of(address))];
        *assigned = if more {
            *assigned + 1
        } else {
            assigned.saturating_sub(1)
        };
    }

    /// Notes that all its addresses are free.
    pub fn clear(&mut self) {
        self.busy = Default::default();
        self.assigned = [0, 0];
    }

    /// Whether this is how it was read before.
    pub fn says(&self, input: &PoolInput) -> bool {
        match &input.spec {
            Some(spec) => self.is_valid && self.spec == *spec,
            None => !self.is_valid,
        }
    }

    /// Whether its selectors let in what lives in a namespace with these labels.
    pub fn is_for_namespace(&self, labels: &BTreeMap<String, String>) -> bool {
        self.spec.namespaces.matches(labels)
    }

    /// Which of its selectors leaves this Service out, if one does.
    pub fn leaves_out(&self, need: &Need) -> Option<&'static str> {
        if !self.is_for_namespace(&need.namespace_labels) {
            return Some("namespaceSelector");
        }
        (!self.spec.services.matches(&need.labels)).then_some("serviceSelector")
    }
}

impl Spec {
    /// What is known of a pool that has never made sense: what its status says that it had.
    fn of_former(former: &[RangeInclusive<IpAddr>]) -> Self {
        let of = |family| {
            let ranges = former
                .iter()
                .filter(move |it| Family::of(*it.start()) == family);
            Space::new(ranges.map(|it| (bits(*it.start()), bits(*it.end()))), false)
        };
        Self {
            allocation: Allocation::Closed,
            priority: 0,
            sharing: Sharing::Never,
            reuse_after: Duration::ZERO,
            reclaim: false,
            namespaces: Selectors::everything(),
            services: Selectors::everything(),
            v4: of(Family::IPv4),
            v6: of(Family::IPv6),
        }
    }
}
