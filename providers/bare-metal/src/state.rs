//! What the provider knows: the objects as they were read, and the allocator that they feed. One
//! owner of all of it; what ought to be looked at or written is noted as it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressReservation, BGPAdvertisement, IpFamily, L2Advertisement,
};
use landfall_bare_metal_resources::{
    AddressRange, BgpRule, Entry, Fault, L2Rule, Pool, Pools, Reservation, Selectors, Usable, bits,
};
use landfall_provider_api::{Error, Family, LoadBalancer, Outcome, ServiceName};

use crate::metallb::MetalLb;
use crate::{asking, telling};
use landfall_bare_metal_allocator::{
    Allocator, Holding, PoolInput, ReservationInput, ReservationName, Space, Spec, Want,
};

/// Annotation of a pool: `"true"` takes the addresses back that it has lost and Services still use.
pub const RECLAIM: &str = "landfall.dev/reclaim";

/// The labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) allocator: Allocator,
    /// Pools as they were read, each with what is wrong with it.
    pub(crate) pools: BTreeMap<String, Read<AddressPool>>,
    /// Reservations as they were read, each with what is wrong with it.
    pub(crate) reservations: BTreeMap<ReservationName, Read<AddressReservation>>,
    /// Advertisements as they were read, each with what is wrong with it.
    pub(crate) l2: BTreeMap<String, Read<L2Advertisement>>,
    pub(crate) bgp: BTreeMap<String, Read<BGPAdvertisement>>,
    /// Advertisements whose statuses may have to be written.
    pub(crate) touched: BTreeSet<(Protocol, String)>,
    namespaces: HashMap<String, Arc<Labels>>,
    advertisements: BTreeMap<(Protocol, String), Advertisement>,
    pub(crate) metallb: MetalLb,
}

/// How an advertisement announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    /// `L2Advertisement`.
    L2,
    /// `BGPAdvertisement`.
    Bgp,
    /// MetalLB's `L2Advertisement`.
    MetalLbL2,
    /// MetalLB's `BGPAdvertisement`.
    MetalLbBgp,
}

/// An object as it was read.
#[derive(Debug)]
pub(crate) struct Read<K> {
    pub(crate) object: K,
    pub(crate) faults: Vec<Fault>,
}

/// What the announcing of pools turns on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advertisement {
    pools: Pools,
    services: Selectors,
    /// What of it could not be carried over from MetalLB.
    notes: Vec<String>,
}

impl Advertisement {
    pub(crate) fn new(pools: &Pools, services: &Selectors) -> Self {
        Self {
            pools: pools.clone(),
            services: services.clone(),
            notes: Vec::new(),
        }
    }

    /// One of MetalLB's, with what of it could not be carried over.
    pub(crate) fn of_metallb(pools: &Pools, services: &Selectors, notes: Vec<String>) -> Self {
        Self {
            notes,
            ..Self::new(pools, services)
        }
    }
}

impl State {
    /// Takes over what is held, and gives what is lacking.
    pub(crate) fn begin(&mut self, holdings: Vec<Holding>, now: Instant) {
        // Anew, for it may have begun before: what others gave meanwhile is not what is known.
        self.allocator = Allocator::default();
        self.metallb.is_asked = true;
        for read in self.pools.values() {
            self.allocator.put_pool(pool_input(&read.object).0, now);
        }
        self.convert(now);
        for read in self.reservations.values() {
            let labels = self.namespace(&read.object.namespace().unwrap_or_default());
            let (input, _) = reservation_input(&read.object, labels);
            self.allocator.put_reservation(input, now);
        }
        self.allocator.begin(holdings, now);
    }

    /// Gives a load balancer what it asks for.
    pub(crate) fn ensure(&mut self, wanted: &LoadBalancer, now: Instant) -> Result<Outcome, Error> {
        let need = asking::need(wanted)?;
        let answer = self.allocator.ensure(need, now);
        let service = &wanted.labels;
        let pools = answer.addresses.iter().filter_map(|it| it.pool.as_deref());
        let dropped: BTreeSet<&str> = pools.flat_map(|it| self.dropped(it, service)).collect();
        let is_announced = |pool: &Arc<str>| self.announcing(pool, service).next().is_some();
        Ok(telling::outcome(wanted, &answer, &dropped, is_announced))
    }

    /// The advertisements that announce a Service's addresses of a pool.
    fn announcing(&self, pool: &str, service: &Labels) -> impl Iterator<Item = &Advertisement> {
        let ours = self.pools.get(pool).map(|it| it.object.labels());
        let labels = ours.or_else(|| self.metallb.pool(pool));
        let all = self.advertisements.values();
        all.filter(move |it| {
            labels.is_some_and(|labels| it.pools.has(pool, labels)) && it.services.matches(service)
        })
    }

    /// What of MetalLB's objects that a Service's addresses of a pool depend on could not be
    /// carried over.
    fn dropped(&self, pool: &str, service: &Labels) -> impl Iterator<Item = &str> {
        let of_pool = match self.pools.get(pool) {
            Some(_) => &[],
            None => self.metallb.notes_of_pool(pool),
        };
        let rules = self.announcing(pool, service);
        let notes = of_pool.iter().chain(rules.flat_map(|it| &it.notes));
        notes.map(String::as_str)
    }

    /// Takes in a pool.
    pub(crate) fn put_pool(&mut self, object: AddressPool, now: Instant) {
        let name = object.name_any();
        let (input, faults) = pool_input(&object);
        let before = self.pools.insert(name.clone(), Read { object, faults });
        self.allocator.put_pool(input, now);
        self.allocator.touch_pool(&name);
        let is_another = match before {
            Some(before) => before.object.labels() != self.pools[&name].object.labels(),
            // It takes the place of MetalLB's.
            None => self.metallb.pool(&name).is_some(),
        };
        if is_another {
            self.allocator.touch_services_of(&name);
        }
    }

    /// Forgets a pool.
    pub(crate) fn remove_pool(&mut self, name: &str, now: Instant) {
        self.pools.remove(name);
        self.allocator.remove_pool(name, now);
        if self.metallb.pool(name).is_some() {
            // It was known in the place of MetalLB's.
            self.convert(now);
            self.allocator.touch_services_of(name);
        }
    }

    /// Takes in a reservation.
    pub(crate) fn put_reservation(&mut self, object: AddressReservation, now: Instant) {
        let name = reservation_name(&object);
        let (input, faults) = reservation_input(&object, self.namespace(&name.namespace));
        let read = Read { object, faults };
        self.reservations.insert(name.clone(), read);
        self.allocator.put_reservation(input, now);
        self.allocator.touch_reservation(&name);
    }

    /// Forgets a reservation.
    pub(crate) fn remove_reservation(&mut self, name: &ReservationName, now: Instant) {
        self.reservations.remove(name);
        self.allocator.remove_reservation(name, now);
    }

    /// Takes in a namespace's labels.
    pub(crate) fn put_namespace(&mut self, name: &str, labels: Labels, now: Instant) {
        let labels = Arc::new(labels);
        let before = self.namespaces.insert(name.to_owned(), labels.clone());
        if before.as_ref() != Some(&labels) {
            self.allocator.put_namespace(name, &labels, now);
        }
    }

    /// Forgets a namespace.
    pub(crate) fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    fn namespace(&self, name: &str) -> Arc<Labels> {
        self.namespaces.get(name).cloned().unwrap_or_default()
    }

    /// The names of the advertisements of a protocol that are known.
    pub(crate) fn names_of(&self, protocol: Protocol) -> BTreeSet<String> {
        let names = self.advertisements.keys().filter(|(it, _)| *it == protocol);
        names.map(|(_, name)| name.clone()).collect()
    }

    /// The names of the namespaces that are known.
    pub(crate) fn names_of_namespaces(&self) -> BTreeSet<String> {
        self.namespaces.keys().cloned().collect()
    }

    /// Takes in an L2Advertisement; one that makes no sense announces nothing, and is told so.
    pub(crate) fn put_l2(&mut self, object: L2Advertisement) {
        let rule = L2Rule::parse(&object);
        let rule = rule.map(|it| Advertisement::new(&it.pools, &it.services));
        let name = object.name_any();
        let faults = self.put_ours((Protocol::L2, name.clone()), rule);
        self.l2.insert(name, Read { object, faults });
    }

    /// Takes in a BGPAdvertisement; one that makes no sense announces nothing, and is told so.
    pub(crate) fn put_bgp(&mut self, object: BGPAdvertisement) {
        let rule = BgpRule::parse(&object);
        let rule = rule.map(|it| Advertisement::new(&it.pools, &it.services));
        let name = object.name_any();
        let faults = self.put_ours((Protocol::Bgp, name.clone()), rule);
        self.bgp.insert(name, Read { object, faults });
    }

    /// Takes in what an advertisement of ours says. Returns what is wrong with it.
    fn put_ours(
        &mut self,
        name: (Protocol, String),
        rule: Result<Advertisement, Vec<Fault>>,
    ) -> Vec<Fault> {
        self.put_advertisement(name.clone(), rule.as_ref().ok());
        self.touched.insert(name);
        rule.err().unwrap_or_default()
    }

    /// Forgets an advertisement of ours.
    pub(crate) fn remove_advertisement(&mut self, protocol: Protocol, name: &str) {
        self.l2
            .retain(|it, _| protocol != Protocol::L2 || it != name);
        self.bgp
            .retain(|it, _| protocol != Protocol::Bgp || it != name);
        self.put_advertisement((protocol, name.to_owned()), None);
    }

    /// The names of our advertisements of a protocol that are known.
    pub(crate) fn names_of_ours(&self, protocol: Protocol) -> BTreeSet<String> {
        match protocol {
            Protocol::L2 => self.l2.keys().cloned().collect(),
            Protocol::Bgp => self.bgp.keys().cloned().collect(),
            Protocol::MetalLbL2 | Protocol::MetalLbBgp => BTreeSet::new(),
        }
    }

    /// Takes in, changes or forgets an advertisement, and lets those be looked at whose addresses
    /// it announced or announces.
    pub(crate) fn put_advertisement(
        &mut self,
        name: (Protocol, String),
        rule: Option<&Advertisement>,
    ) {
        if self.advertisements.get(&name) == rule {
            return;
        }
        let before = match rule {
            Some(rule) => self.advertisements.insert(name, rule.clone()),
            None => self.advertisements.remove(&name),
        };
        let is_for = |pool: &str, labels: &Labels| {
            let mut rules = before.iter().chain(rule);
            rules.any(|rule| rule.pools.has(pool, labels))
        };
        let ours = self.pools.iter();
        let ours = ours.map(|(name, read)| (name, read.object.labels()));
        for (pool, labels) in ours.chain(self.metallb.pools()) {
            if is_for(pool, labels) {
                self.allocator.touch_services_of(pool);
            }
        }
    }
}

/// What the allocator is to know of a pool, and what is wrong with it.
fn pool_input(object: &AddressPool) -> (PoolInput, Vec<Fault>) {
    let (spec, faults) = match Pool::parse(object) {
        Ok(pool) => (
            Some(spec(&pool, object.metadata.annotations.as_ref())),
            Vec::new(),
        ),
        Err(faults) => (None, faults),
    };
    let input = PoolInput {
        name: object.name_any().into(),
        created: created(&object.metadata),
        spec,
        was_conflicting: says_conflicting(object),
        former: former(object),
    };
    (input, faults)
}

/// What the allocator is to know of a reservation, and what is wrong with it.
fn reservation_input(
    object: &AddressReservation,
    namespace_labels: Arc<Labels>,
) -> (ReservationInput, Vec<Fault>) {
    let (want, faults) = match Reservation::parse(object) {
        Ok(reservation) => (want(&reservation), Vec::new()),
        Err(faults) => (Want::Nothing, faults),
    };
    let status = object.status.as_ref();
    let input = ReservationInput {
        name: reservation_name(object),
        created: created(&object.metadata),
        want,
        address: status.and_then(|it| it.address.as_ref()?.parse().ok()),
        namespace_labels,
    };
    (input, faults)
}

/// The namespace and name of a reservation.
pub(crate) fn reservation_name(object: &AddressReservation) -> ReservationName {
    ServiceName {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

pub(crate) fn created(metadata: &ObjectMeta) -> SystemTime {
    let created = metadata.creation_timestamp.as_ref();
    let seconds = created.and_then(|it| u64::try_from(it.0.as_second()).ok());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or_default())
}

pub(crate) fn spec(pool: &Pool, annotations: Option<&Labels>) -> Spec {
    Spec {
        allocation: pool.allocation,
        priority: pool.priority,
        sharing: pool.sharing,
        reuse_after: pool.reuse_after,
        reclaim: annotations
            .and_then(|it| it.get(RECLAIM))
            .is_some_and(|it| it == "true"),
        namespaces: pool.namespaces.clone(),
        services: pool.services.clone(),
        v4: space(&pool.usable, IpFamily::Ipv4),
        v6: space(&pool.usable, IpFamily::Ipv6),
    }
}

fn space(usable: &Usable, family: IpFamily) -> Space {
    let ranges = usable.ranges().of(family).iter();
    let skips = usable.skips_edges() && family == IpFamily::Ipv4;
    Space::new(ranges.map(|it| (bits(it.first()), bits(it.last()))), skips)
}

fn want(reservation: &Reservation) -> Want {
    match reservation {
        Reservation::Address(address) => Want::Address(*address),
        Reservation::From { pool, family } => Want::FromPool {
            pool: pool.as_str().into(),
            family: match family {
                IpFamily::Ipv4 => Family::IPv4,
                IpFamily::Ipv6 => Family::IPv6,
            },
        },
    }
}

/// Whether a pool's status says that it is in conflict.
fn says_conflicting(object: &AddressPool) -> bool {
    let conditions = object.status.iter().flat_map(|it| &it.conditions);
    let mut conflicting = conditions.filter(|it| it.type_ == "Conflicting");
    conflicting.any(|it| it.status == "True")
}

/// The ranges that a pool's status says it had: those that it gave from, and those that it lost.
fn former(object: &AddressPool) -> Vec<RangeInclusive<IpAddr>> {
    let status = object.status.iter();
    let texts = status.flat_map(|it| it.addresses.iter().chain(&it.retained));
    let ranges = texts.filter_map(|it| it.parse::<Entry>().ok()?.range().into());
    ranges
        .map(|range: AddressRange| range.first()..=range.last())
        .collect()
}
