//! Random pools, Services and events.

use super::*;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// What may happen.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A pool is made or edited.
    Pool(u8, PoolSketch),
    RemovePool(u8),
    Service(u8, Sketch),
    Release(u8),
    Reserve(u8, Option<u8>),
    Unreserve(u8),
    Later(u8),
    /// The process ends and another takes over.
    Restart,
}

#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a yes or no of its own"
)]
pub(super) struct PoolSketch {
    /// First and last of two ranges, in 10.0.0.0/27.
    ranges: Vec<(u8, u8)>,
    six: bool,
    senseless: bool,
    closed: bool,
    reclaims: bool,
    rests: bool,
    sharing: u8,
    priority: u8,
}

#[derive(Debug, Clone)]
pub(super) struct Sketch {
    policy: u8,
    asks: Option<u8>,
    pool: Option<u8>,
    reservation: Option<u8>,
    sharing: Option<(bool, u8)>,
    local: Option<Vec<&'static str>>,
}

fn pool_sketch() -> impl Strategy<Value = PoolSketch> {
    let ranges = prop::collection::vec((1_u8..28, 0_u8..5), 1..3).prop_map(|mut ranges| {
        ranges.sort_unstable();
        let mut after = 0;
        let mut apart = Vec::new();
        for (first, length) in ranges {
            let first = first.max(after);
            apart.push((first, first + length));
            after = first + length + 1;
        }
        apart
    });
    let flags = [0.3, 0.1, 0.1, 0.2, 0.3].map(prop::bool::weighted);
    (ranges, flags, 0_u8..3, 0_u8..3).prop_map(|(ranges, flags, sharing, priority)| {
        let [six, senseless, closed, reclaims, rests] = flags;
        PoolSketch {
            ranges,
            six,
            senseless,
            closed,
            reclaims,
            rests,
            sharing,
            priority,
        }
    })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    use prop::option::weighted;
    (
        0_u8..4,
        weighted(0.3, 1_u8..30),
        weighted(0.2, 0_u8..4),
        weighted(0.1, 0_u8..2),
        weighted(0.5, (any::<bool>(), 0_u8..3)),
        weighted(0.3, subsequence(vec!["n1", "n2", "n3"], 0..3)),
    )
        .prop_map(|(policy, asks, pool, reservation, sharing, local)| Sketch {
            policy,
            asks,
            pool,
            reservation,
            sharing,
            local,
        })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..4, pool_sketch()).prop_map(|(name, it)| Step::Pool(name, it)),
        1 => (0_u8..4).prop_map(Step::RemovePool),
        8 => (0_u8..12, sketch()).prop_map(|(name, it)| Step::Service(name, it)),
        3 => (0_u8..12).prop_map(Step::Release),
        1 => (0_u8..2, prop::option::of(1_u8..30)).prop_map(|(name, it)| Step::Reserve(name, it)),
        1 => (0_u8..2).prop_map(Step::Unreserve),
        1 => (1_u8..40).prop_map(Step::Later),
        1 => Just(Step::Restart),
    ]
}

pub(super) fn four(last: u8) -> String {
    format!("10.0.0.{last}")
}

pub(super) fn built_pool(name: u8, sketch: &PoolSketch) -> PoolBuilder {
    let mut ranges: Vec<_> = sketch
        .ranges
        .iter()
        .map(|(first, last)| format!("{}-{}", four(*first), four(*last)))
        .collect();
    if sketch.six {
        ranges.push(format!("fd00::{name}-fd00::{}", name + 1));
    }
    let ranges: Vec<_> = ranges.iter().map(String::as_str).collect();
    let mut pool = pool(&format!("p{name}"), &ranges)
        .created(u64::from(name))
        .priority(sketch.priority.into())
        .reuse_after(if sketch.rests { 30 } else { 0 });
    let sharings = [
        PoolSharing::Never,
        PoolSharing::SameNamespace,
        PoolSharing::AnyNamespace,
    ];
    pool = pool.sharing(sharings[usize::from(sketch.sharing)]);
    if sketch.closed {
        pool = pool.allocation(Allocation::Closed);
    }
    if sketch.reclaims {
        pool = pool.reclaiming();
    }
    if sketch.senseless {
        pool.senseless()
    } else {
        pool
    }
}

pub(super) fn built_service(name: u8, sketch: &Sketch) -> ServiceBuilder {
    let mut service = service(&format!("s{name:02}")).created(u64::from(name % 5));
    let policies = [
        FamilyPolicy::SingleStack,
        FamilyPolicy::SingleStack,
        FamilyPolicy::PreferDualStack,
        FamilyPolicy::RequireDualStack,
    ];
    let policy = policies[usize::from(sketch.policy)];
    if policy != FamilyPolicy::SingleStack {
        service = service.dual(policy);
    }
    if name >= 9 {
        service = service.namespace("other", &[]);
    }
    if let Some(pool) = sketch.pool {
        service = service.of_pool(&format!("p{pool}"));
    }
    match (sketch.asks, sketch.reservation) {
        (Some(last), _) => service = service.asking(&[&four(last)]),
        (None, Some(name)) => service = service.with_reservations(&[&format!("r{name}")]),
        (None, None) => {}
    }
    if let Some((key, port)) = sketch.sharing {
        service = service.sharing(if key { "k" } else { "j" }, &[80 + u16::from(port)]);
        if let Some(nodes) = &sketch.local {
            service = service.local(nodes);
        }
    }
    service
}
