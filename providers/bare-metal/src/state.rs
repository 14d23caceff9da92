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
    AddressPool, AddressReservation, BGPAdvertisement, BGPPeer, IpFamily, L2Advertisement,
};
use landfall_bare_metal_resources::{AddressRange, Entry, Fault, Pool, Reservation, Usable, bits};
use landfall_provider_api::{Error, Family, LoadBalancer, Outcome, ServiceName};

use crate::advertising::{Advertisement, Protocol};
use crate::asking;
use crate::metallb::MetalLb;
use crate::speakers::{Changed, Pace, Speakers, View};
use crate::telling::{self, Told};
use landfall_bare_metal_allocator::{
    Allocator, Holding, PoolInput, ReservationInput, ReservationName, Space, Spec, Uid, Want,
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
    /// Routers as they were read, each with what is wrong with it, and those whose statuses may have
    /// to be written.
    pub(crate) peers: BTreeMap<String, Read<BGPPeer>>,
    pub(crate) touched_peers: BTreeSet<String>,
    /// The labels of the nodes.
    pub(crate) nodes: BTreeMap<String, Labels>,
    pub(crate) speakers: Speakers,
    /// How often Services are looked at for what speakers report.
    pub(crate) pace: Pace,
    namespaces: HashMap<String, Arc<Labels>>,
    pub(crate) advertisements: BTreeMap<(Protocol, String), Advertisement>,
    pub(crate) metallb: MetalLb,
}

/// An object as it was read.
#[derive(Debug)]
pub(crate) struct Read<K> {
    pub(crate) object: K,
    pub(crate) faults: Vec<Fault>,
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
        self.pace.looked(&need.uid, now);
        let answer = self.allocator.ensure(need, now);
        let service = &wanted.labels;
        let pools = answer.addresses.iter().filter_map(|it| it.pool.as_deref());
        let dropped: BTreeSet<&str> = pools.flat_map(|it| self.dropped(it, service)).collect();
        let fates = answer.addresses.iter();
        let fates: Vec<_> = fates
            .map(|given| {
                let is_ready = !wanted.endpoint_nodes.is_empty();
                (given.address, self.fate(given, service, is_ready))
            })
            .collect();
        let unheard = self.unheard(wanted, &answer);
        let told = Told {
            dropped: &dropped,
            fates: &fates,
            unheard: &unheard,
        };
        Ok(telling::outcome(wanted, &answer, &told))
    }

    /// Takes everything from a load balancer.
    pub(crate) fn release(&mut self, uid: &Uid, now: Instant) {
        self.pace.forget(uid);
        self.allocator.release(uid, now);
    }

    /// Does something to what speakers report, and lets those Services be looked at that it concerns.
    pub(crate) fn with_speakers(&mut self, now: Instant, act: impl FnOnce(&mut Speakers)) {
        act(&mut self.speakers);
        let Changed {
            addresses,
            unlisted,
            peers,
        } = self.speakers.take_changed();
        let peers = peers.iter().map(ToString::to_string);
        self.touched_peers.extend(peers);
        for address in addresses {
            for uid in self.allocator.holders_of(address) {
                self.pace.ask(uid, now);
            }
        }
        if unlisted {
            for (uid, _, addresses) in self.allocator.provided() {
                let is_unlisted = |it: &IpAddr| *self.speakers.view(*it) == View::Nobody;
                if addresses.iter().any(is_unlisted) {
                    self.pace.ask(uid, now);
                }
            }
        }
    }

    /// What is due by now.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.allocator.tick(now);
        self.with_speakers(now, |speakers| speakers.tick(now));
        self.pace.tick(now);
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        let next = [
            self.allocator.next_tick(),
            self.speakers.next_tick(),
            self.pace.next_tick(),
        ];
        next.into_iter().flatten().min()
    }

    /// Takes in a pool.
    pub(crate) fn put_pool(&mut self, object: AddressPool, now: Instant) {
        let name = object.name_any();
        let (input, faults) = pool_input(&object);
        let before = self.pools.insert(name.clone(), Read { object, faults });
        self.allocator.put_pool(input, now);
        self.allocator.touch_pool(&name);
        let same = before.map(|it| it.object.labels() == self.pools[&name].object.labels());
        // A new one may take the place of MetalLB's.
        if same == Some(false) || (same.is_none() && self.metallb.pool(&name).is_some()) {
            self.allocator.touch_services_of(&name);
        }
        if same != Some(true) {
            self.touch_bgp();
        }
    }

    /// Forgets a pool.
    pub(crate) fn remove_pool(&mut self, name: &str, now: Instant) {
        self.pools.remove(name);
        self.touch_bgp();
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

    /// The names of the namespaces that are known.
    pub(crate) fn names_of_namespaces(&self) -> BTreeSet<String> {
        self.namespaces.keys().cloned().collect()
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
