//! The allocator's rules. Each test is a short story of pools and Services; an answer reads as the
//! addresses, or as the reasons why there is none.

mod overlapping;
mod properties;
mod requesting;
mod reserving;
mod sharing;
mod sketches;
mod sticking;
mod taking_over;
mod unasked;
mod waiting;

use super::*;
use kube_core::Selector;
use landfall_bare_metal_resources::kinds::{Allocation, Sharing as PoolSharing};
use landfall_bare_metal_resources::{Selectors, bits};
use landfall_provider_api::Protocol;

/// An allocator and its clock.
struct World {
    allocator: Allocator,
    now: Instant,
}

impl World {
    /// One that has taken over nothing.
    fn with(pools: &[PoolBuilder]) -> Self {
        let mut world = Self::before_begin(pools);
        world.begin(&[]);
        world
    }

    fn before_begin(pools: &[PoolBuilder]) -> Self {
        let mut world = Self {
            allocator: Allocator::default(),
            now: Instant::now(),
        };
        for pool in pools {
            world.pool(pool);
        }
        world
    }

    fn begin(&mut self, holdings: &[(&ServiceBuilder, &[&str])]) {
        let holding = |(service, addresses): &(&ServiceBuilder, &[&str])| {
            let need = service.need.clone();
            Holding {
                uid: need.uid.clone(),
                service: need.service.clone(),
                created: need.created,
                ours: service.ours,
                addresses: addresses.iter().map(|it| ip(it)).collect(),
                need: service.is_wanted.then_some(need),
            }
        };
        let holdings = holdings.iter().map(holding).collect();
        self.allocator.begin(holdings, self.now);
    }

    fn pool(&mut self, pool: &PoolBuilder) {
        self.allocator.put_pool(pool.input.clone(), self.now);
    }

    fn remove_pool(&mut self, name: &str) {
        self.allocator.remove_pool(name, self.now);
    }

    fn reserve(&mut self, name: &str, want: Want) {
        self.reserve_with(name, want, None);
    }

    fn reserve_with(&mut self, name: &str, want: Want, address: Option<&str>) {
        let input = ReservationInput {
            name: in_default(name),
            created: SystemTime::UNIX_EPOCH,
            want,
            address: address.map(ip),
            namespace_labels: Arc::default(),
        };
        self.allocator.put_reservation(input, self.now);
    }

    fn unreserve(&mut self, name: &str) {
        self.allocator
            .remove_reservation(&in_default(name), self.now);
    }

    /// What a reservation keeps, or why it keeps nothing.
    fn reserved(&self, name: &str) -> String {
        let reservation = self.allocator.reservation(&in_default(name)).unwrap();
        match (reservation.address, &reservation.lack) {
            (Some(address), None) => address.to_string(),
            (None, Some(lack)) => lack.reason().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// What a Service is told: its addresses, then the reasons of what it lacks.
    fn ensure(&mut self, service: &ServiceBuilder) -> String {
        let answer = self.answer(service);
        let addresses = answer.addresses.iter().map(|it| it.address.to_string());
        let reasons = answer.refusals.iter().map(|it| it.reason().to_owned());
        let told: Vec<_> = addresses.chain(reasons).collect();
        told.join(" ")
    }

    fn answer(&mut self, service: &ServiceBuilder) -> Answer {
        self.allocator.ensure(service.need.clone(), self.now)
    }

    /// The words of the first refusal.
    fn words(&mut self, service: &ServiceBuilder) -> String {
        self.answer(service).refusals[0].to_string()
    }

    fn release(&mut self, service: &ServiceBuilder) {
        self.allocator.release(&service.need.uid, self.now);
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.allocator.tick(self.now);
    }

    /// Names of the Services that ought to be looked at since this was asked last.
    fn changed(&mut self) -> Vec<String> {
        let changed = self.allocator.take_changed();
        changed.services.iter().map(ToString::to_string).collect()
    }

    /// How a pool stands, with its assigned and available addresses of the first family.
    fn standing(&self, name: &str) -> String {
        let pool = self.allocator.pool(name).unwrap();
        let standing = match &pool.standing {
            Standing::Ready => "ready".to_owned(),
            Standing::Invalid => "invalid".to_owned(),
            Standing::Conflicting { with, range } => {
                format!("has {}-{} in common with {with}", range.0, range.1)
            }
        };
        let free = pool.available(Family::IPv4);
        format!(
            "{standing}, {} assigned, {free} available",
            pool.assigned[0]
        )
    }
}

#[derive(Clone)]
struct PoolBuilder {
    input: PoolInput,
}

/// A pool of these ranges, named by their first and last addresses, that gives addresses again at
/// once.
fn pool(name: &str, ranges: &[&str]) -> PoolBuilder {
    let of = |family| {
        let ranges = ranges.iter().map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            (ip(first), ip(last))
        });
        let ranges = ranges.filter(|(first, _)| Family::of(*first) == family);
        Space::new(ranges.map(|(first, last)| (bits(first), bits(last))), false)
    };
    let spec = Spec {
        allocation: Allocation::Automatic,
        priority: 100,
        sharing: PoolSharing::SameNamespace,
        reuse_after: Duration::ZERO,
        reclaim: false,
        namespaces: Selectors::everything(),
        services: Selectors::everything(),
        v4: of(Family::IPv4),
        v6: of(Family::IPv6),
    };
    PoolBuilder {
        input: PoolInput {
            name: name.into(),
            created: SystemTime::UNIX_EPOCH,
            spec: Some(spec),
            was_conflicting: false,
            former: Vec::new(),
        },
    }
}

impl PoolBuilder {
    fn set(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        self.input.spec.as_mut().map(change).unwrap();
        self
    }

    fn allocation(self, allocation: Allocation) -> Self {
        self.set(|it| it.allocation = allocation)
    }

    fn priority(self, priority: i32) -> Self {
        self.set(|it| it.priority = priority)
    }

    fn sharing(self, sharing: PoolSharing) -> Self {
        self.set(|it| it.sharing = sharing)
    }

    fn reuse_after(self, seconds: u64) -> Self {
        self.set(|it| it.reuse_after = Duration::from_secs(seconds))
    }

    fn reclaiming(self) -> Self {
        self.set(|it| it.reclaim = true)
    }

    fn for_namespaces(self, key: &'static str, value: &'static str) -> Self {
        self.set(|it| it.namespaces = only(key, value))
    }

    fn for_services(self, key: &'static str, value: &'static str) -> Self {
        self.set(|it| it.services = only(key, value))
    }

    fn created(mut self, second: u64) -> Self {
        self.input.created = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        self
    }

    /// With its addresses as its status had them.
    fn formerly(mut self, first: &str, last: &str) -> Self {
        self.input.former.push(ip(first)..=ip(last));
        self
    }

    fn formerly_conflicting(mut self) -> Self {
        self.input.was_conflicting = true;
        self
    }

    fn senseless(mut self) -> Self {
        self.input.spec = None;
        self
    }
}

fn only(key: &'static str, value: &'static str) -> Selectors {
    Selectors::any_of(vec![Selector::from_iter([(key, value)])])
}

#[derive(Clone)]
struct ServiceBuilder {
    need: Need,
    ours: bool,
    is_wanted: bool,
}

/// A Service of this name, with IPv4, that asks for any address. Its UID is its name.
fn service(name: &str) -> ServiceBuilder {
    ServiceBuilder {
        need: Need {
            uid: name.into(),
            service: in_default(name),
            created: SystemTime::UNIX_EPOCH,
            families: vec![Family::IPv4],
            policy: FamilyPolicy::SingleStack,
            ask: Ask::default(),
            sharing: None,
            labels: BTreeMap::new(),
            namespace_labels: Arc::default(),
        },
        ours: true,
        is_wanted: true,
    }
}

impl ServiceBuilder {
    fn set(mut self, change: impl FnOnce(&mut Need)) -> Self {
        change(&mut self.need);
        self
    }

    fn dual(self, policy: FamilyPolicy) -> Self {
        self.set(|it| {
            it.families = vec![Family::IPv4, Family::IPv6];
            it.policy = policy;
        })
    }

    fn asking(self, addresses: &[&str]) -> Self {
        self.set(|it| it.ask.addresses = addresses.iter().map(|it| ip(it)).collect())
    }

    fn of_pool(self, pool: &str) -> Self {
        self.set(|it| it.ask.pool = Some(pool.into()))
    }

    fn with_reservations(self, names: &[&str]) -> Self {
        self.set(|it| it.ask.reservations = names.iter().map(ToString::to_string).collect())
    }

    fn sharing(self, key: &str, ports: &[u16]) -> Self {
        self.set(|it| {
            it.sharing = Some(Sharing {
                key: key.into(),
                ports: ports.iter().map(|port| (Protocol::Tcp, *port)).collect(),
                local: None,
            });
        })
    }

    /// `externalTrafficPolicy: Local`, with endpoints on these nodes.
    fn local(self, nodes: &[&str]) -> Self {
        self.set(|it| {
            let sharing = it.sharing.as_mut().unwrap();
            sharing.local = Some(nodes.iter().map(ToString::to_string).collect());
        })
    }

    fn namespace(self, namespace: &str, labels: &[(&str, &str)]) -> Self {
        self.set(|it| {
            it.service.namespace = namespace.into();
            it.namespace_labels = Arc::new(owned(labels));
        })
    }

    fn labels(self, labels: &[(&str, &str)]) -> Self {
        self.set(|it| it.labels = owned(labels))
    }

    fn created(self, second: u64) -> Self {
        self.set(|it| it.created = SystemTime::UNIX_EPOCH + Duration::from_secs(second))
    }

    fn not_ours(mut self) -> Self {
        self.ours = false;
        self
    }

    fn senseless(mut self) -> Self {
        self.is_wanted = false;
        self
    }
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = labels.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn in_default(name: &str) -> ServiceName {
    ServiceName {
        namespace: "default".into(),
        name: name.into(),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
