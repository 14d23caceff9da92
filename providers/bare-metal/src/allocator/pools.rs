//! The pools, which of them may give something new, and which of them has an address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kube::core::Selector;
use kube::core::SelectorExt;
use landfall_provider_api::Family;

use super::busy::Busy;
use super::need::Need;
use super::space::Space;

/// What a pool says, if it makes sense.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// `allocation`.
    pub(crate) allocation: Allocation,
    /// `priority`: lower first.
    pub(crate) priority: i64,
    /// `sharing`.
    pub(crate) sharing: PoolSharing,
    /// `reuseAfter`.
    pub(crate) reuse_after: Duration,
    /// Whether addresses that it has lost are taken from those who have them.
    pub(crate) reclaim: bool,
    /// `namespaceSelector`: one of these must match; everything if there is none.
    pub(crate) namespaces: Vec<Selector>,
    /// `serviceSelector`: one of these must match; everything if there is none.
    pub(crate) services: Vec<Selector>,
    /// Its IPv4 addresses.
    pub(crate) v4: Space,
    /// Its IPv6 addresses.
    pub(crate) v6: Space,
}

/// `allocation`: what a pool gives something new for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// For any Service that its selectors let in.
    Automatic,
    /// For those that name it or one of its addresses.
    OnRequest,
    /// For nobody.
    Closed,
}

/// `sharing`: which Services may share an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolSharing {
    /// None.
    Never,
    /// Those of one namespace.
    SameNamespace,
    /// Those of any.
    AnyNamespace,
}

impl PoolSharing {
    /// As the field has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::SameNamespace => "SameNamespace",
            Self::AnyNamespace => "AnyNamespace",
        }
    }
}

/// A pool as it was read.
#[derive(Debug, Clone)]
pub(crate) struct PoolInput {
    /// `metadata.name`.
    pub(crate) name: Arc<str>,
    /// `metadata.creationTimestamp`.
    pub(crate) created: SystemTime,
    /// What it says; `None` if that makes no sense.
    pub(crate) spec: Option<Spec>,
    /// Whether its status says that it is in conflict.
    pub(crate) was_conflicting: bool,
    /// What its status says that it had.
    pub(crate) former: Vec<RangeInclusive<IpAddr>>,
}

/// What is to be thought of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
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
pub(crate) struct Pool {
    pub(crate) name: Arc<str>,
    pub(crate) created: SystemTime,
    /// What it said when it last made sense.
    pub(crate) spec: Spec,
    pub(crate) standing: Standing,
    /// How many of its addresses Services and reservations have, by family.
    pub(crate) assigned: [u128; 2],
    /// Addresses that it had, has no more, and that are still in use.
    pub(crate) lost: BTreeSet<IpAddr>,
    /// What its status said that it had when it was first seen, until that is made use of.
    pub(crate) former: Vec<RangeInclusive<IpAddr>>,
    /// Its addresses that cannot be given now, by family.
    busy: [Busy; 2],
    /// Whether it was ready with these addresses before.
    established: bool,
    is_valid: bool,
    was_conflicting: bool,
}

fn index(family: Family) -> usize {
    match family {
        Family::IPv4 => 0,
        Family::IPv6 => 1,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
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
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<IpAddr>> {
        [Family::IPv4, Family::IPv6].into_iter().flat_map(|family| {
            let ranges = self.space(family).ranges();
            ranges.map(move |(first, last)| address(family, first)..=address(family, last))
        })
    }
}

impl Pool {
    fn space(&self, family: Family) -> &Space {
        self.spec.space(family)
    }

    /// Its ranges, without what is excluded.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<IpAddr>> {
        self.spec.ranges()
    }

    /// How many addresses of a family it has.
    pub(crate) fn total(&self, family: Family) -> u128 {
        self.space(family).total()
    }

    /// How many of a family it could give now.
    pub(crate) fn available(&self, family: Family) -> u128 {
        self.total(family) - self.busy[index(family)].count()
    }

    /// Whether it has this address.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        let space = self.space(Family::of(address));
        space.number(bits(address)).is_some()
    }

    /// The lowest address of a family that nobody has.
    pub(crate) fn first_free(&self, family: Family) -> Option<IpAddr> {
        let number = self.busy[index(family)].first_free();
        let bits = self.space(family).address(number)?;
        Some(address(family, bits))
    }

    /// Notes that an address cannot be given, or that it can.
    pub(crate) fn mark(&mut self, address: IpAddr, busy: bool) {
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
    pub(crate) fn count(&mut self, address: IpAddr, more: bool) {
        let assigned = &mut self.assigned[index(Family::of(address))];
        *assigned = if more {
            *assigned + 1
        } else {
            assigned.saturating_sub(1)
        };
    }

    /// Notes that all its addresses are free.
    pub(crate) fn clear(&mut self) {
        self.busy = Default::default();
        self.assigned = [0, 0];
    }

    /// Whether this is how it was read before.
    pub(crate) fn says(&self, input: &PoolInput) -> bool {
        match &input.spec {
            Some(spec) => self.is_valid && self.spec == *spec,
            None => !self.is_valid,
        }
    }

    /// Whether its selectors let in what lives in a namespace with these labels.
    pub(crate) fn is_for_namespace(&self, labels: &BTreeMap<String, String>) -> bool {
        any_matches(&self.spec.namespaces, labels)
    }

    /// Which of its selectors leaves this Service out, if one does.
    pub(crate) fn leaves_out(&self, need: &Need) -> Option<&'static str> {
        if !self.is_for_namespace(&need.namespace_labels) {
            return Some("namespaceSelector");
        }
        (!any_matches(&self.spec.services, &need.labels)).then_some("serviceSelector")
    }
}

fn any_matches(selectors: &[Selector], labels: &BTreeMap<String, String>) -> bool {
    selectors.is_empty() || selectors.iter().any(|it| it.matches(labels))
}

/// All pools.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    by_name: BTreeMap<Arc<str>, Pool>,
    /// Those that are ready, by priority and name.
    order: Vec<Arc<str>>,
    /// The ranges of those that are ready, by their first address.
    covers: BTreeMap<IpAddr, (IpAddr, Arc<str>)>,
}

impl Pools {
    /// The pool of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Pool> {
        self.by_name.get(name)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.by_name.get_mut(name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.by_name.values()
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        self.by_name.values_mut()
    }

    /// Those that give this family unasked, in the order in which they are asked.
    pub(crate) fn automatic(&self, family: Family) -> impl Iterator<Item = &Pool> {
        let ready = self.order.iter().filter_map(|name| self.get(name));
        ready.filter(move |pool| {
            pool.spec.allocation == Allocation::Automatic && pool.total(family) > 0
        })
    }

    /// The pool that has an address: the one that is ready, or else one that was before.
    pub(crate) fn of(&self, address: IpAddr) -> Option<&Pool> {
        let covered = self.covers.range(..=address).next_back();
        let ready = covered
            .filter(|(_, (last, _))| *last >= address)
            .and_then(|(_, (_, name))| self.get(name))
            .filter(|pool| pool.has(address));
        ready.or_else(|| {
            let mut others = self.iter().filter(|it| it.standing != Standing::Ready);
            others.find(|pool| pool.has(address))
        })
    }

    /// The same, to be changed.
    pub(crate) fn of_mut(&mut self, address: IpAddr) -> Option<&mut Pool> {
        let name = self.of(address)?.name.clone();
        self.get_mut(&name)
    }

    /// Takes in a pool, new or changed. What it says holds only after [`judge`](Self::judge).
    pub(crate) fn put(&mut self, input: PoolInput) {
        let before = self.by_name.remove(&input.name);
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
        let pool = Pool {
            name: input.name.clone(),
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
        };
        self.by_name.insert(input.name, pool);
    }

    /// Forgets a pool. The others' standing is another only after [`judge`](Self::judge).
    pub(crate) fn remove(&mut self, name: &str) -> Option<Pool> {
        self.by_name.remove(name)
    }

    /// Judges all pools anew, and says whose standing is another. Of two with addresses in common
    /// the one keeps on that worked before with what it has; else the older, by creation and name.
    pub(crate) fn judge(&mut self) -> Vec<Arc<str>> {
        let mut queue: Vec<_> = self
            .by_name
            .values()
            .filter(|pool| pool.is_valid)
            .map(|pool| {
                let rank = match (pool.established, pool.was_conflicting) {
                    (true, _) => 0,
                    (false, false) => 1,
                    (false, true) => 2,
                };
                (rank, pool.created, pool.name.clone())
            })
            .collect();
        queue.sort_unstable();
        self.covers.clear();
        let mut standings: BTreeMap<Arc<str>, Standing> = BTreeMap::new();
        for (_, _, name) in queue {
            let standing = match self.in_common(&self.by_name[&name]) {
                Some((range, with)) => Standing::Conflicting { with, range },
                None => {
                    let ranges: Vec<_> = self.by_name[&name].ranges().collect();
                    for range in ranges {
                        let (first, last) = range.into_inner();
                        self.covers.insert(first, (last, name.clone()));
                    }
                    Standing::Ready
                }
            };
            standings.insert(name, standing);
        }
        let mut changed = Vec::new();
        for pool in self.by_name.values_mut() {
            let standing = standings.remove(&pool.name).unwrap_or(Standing::Invalid);
            pool.established = standing == Standing::Ready;
            pool.was_conflicting = matches!(standing, Standing::Conflicting { .. });
            if pool.standing != standing {
                pool.standing = standing;
                changed.push(pool.name.clone());
            }
        }
        let ready = self.by_name.values();
        let ready = ready.filter(|pool| pool.standing == Standing::Ready);
        let mut order: Vec<_> = ready
            .map(|pool| (pool.spec.priority, pool.name.clone()))
            .collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, name)| name).collect();
        changed
    }

    /// The first addresses that a pool has in common with those that were found ready.
    fn in_common(&self, pool: &Pool) -> Option<((IpAddr, IpAddr), Arc<str>)> {
        pool.ranges().find_map(|range| {
            let (first, last) = range.into_inner();
            let (other, (other_last, name)) = self.covers.range(..=last).next_back()?;
            // Of the same family: in the order of addresses all of one come before the other's.
            let meets = *other_last >= first && other.is_ipv4() == first.is_ipv4();
            meets.then(|| ((first.max(*other), last.min(*other_last)), name.clone()))
        })
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
            sharing: PoolSharing::Never,
            reuse_after: Duration::ZERO,
            reclaim: false,
            namespaces: Vec::new(),
            services: Vec::new(),
            v4: of(Family::IPv4),
            v6: of(Family::IPv6),
        }
    }
}
