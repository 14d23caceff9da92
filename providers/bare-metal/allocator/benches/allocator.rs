//! What an allocation costs: `cargo bench -p landfall-bare-metal-allocator`. Prints a table.
//!
//! The peer is the plain way: a set of what is taken, and a scan of the pool from its start.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use landfall_bare_metal_allocator::{Allocator, Ask, Holding, Need, PoolInput, Space, Spec};
use landfall_bare_metal_resources::Selectors;
use landfall_bare_metal_resources::kinds::{Allocation, Sharing};
use landfall_provider_api::{Family, FamilyPolicy, ServiceName};

/// Of each thing that is measured.
const ROUNDS: usize = 2000;

/// 10.0.0.0/16.
const FIRST: u32 = 0x0a00_0000;
const SIXTEEN: (u128, u128) = (0x0a00_0000, 0x0a00_ffff);

fn pool(v4: &[(u128, u128)], v6: &[(u128, u128)], skips: bool) -> PoolInput {
    PoolInput {
        name: "pool".into(),
        created: SystemTime::UNIX_EPOCH,
        spec: Some(Spec {
            allocation: Allocation::Automatic,
            priority: 100,
            sharing: Sharing::SameNamespace,
            reuse_after: Duration::ZERO,
            reclaim: false,
            namespaces: Selectors::everything(),
            services: Selectors::everything(),
            v4: Space::new(v4.iter().copied(), skips),
            v6: Space::new(v6.iter().copied(), false),
        }),
        was_conflicting: false,
        former: Vec::new(),
    }
}

fn need(number: usize, family: Family) -> Need {
    Need {
        uid: format!("00000000-0000-4000-8000-{number:012x}")
            .as_str()
            .into(),
        service: ServiceName {
            namespace: "default".into(),
            name: format!("service-{number}"),
        },
        created: SystemTime::UNIX_EPOCH,
        families: vec![family],
        policy: FamilyPolicy::SingleStack,
        ask: Ask::default(),
        sharing: None,
        labels: BTreeMap::new(),
        namespace_labels: Arc::default(),
    }
}

/// An allocator with a pool, of which this many addresses are taken.
fn taken(pool: PoolInput, count: usize, family: Family) -> Allocator {
    let now = Instant::now();
    let mut allocator = Allocator::default();
    allocator.put_pool(pool, now);
    allocator.begin(Vec::new(), now);
    for number in 0..count {
        let answer = allocator.ensure(need(number, family), now);
        assert_eq!(answer.addresses.len(), 1, "{number} got nothing");
    }
    allocator.take_changed();
    allocator
}

/// Times in order, and their median and 99th percentile.
fn summary(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn row(what: &str, times: Vec<Duration>, aim: &str) {
    let (median, p99) = summary(times);
    println!("| {what} | {median:.1?} | {p99:.1?} | {aim} |");
}

/// One more, and its release, many times.
fn one_more(mut allocator: Allocator, family: Family) -> (Vec<Duration>, Vec<Duration>) {
    let (mut given, mut released) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let need = need(1_000_000 + round, family);
        let uid = need.uid.clone();
        let start = Instant::now();
        let answer = allocator.ensure(need, start);
        given.push(start.elapsed());
        assert_eq!(answer.addresses.len(), 1);
        let start = Instant::now();
        allocator.release(&uid, start);
        released.push(start.elapsed());
        allocator.take_changed();
    }
    (given, released)
}

fn assign_all() -> Vec<Duration> {
    let round = || {
        let needs: Vec<_> = (0..10_000).map(|it| need(it, Family::IPv4)).collect();
        let mut allocator = taken(pool(&[SIXTEEN], &[], false), 0, Family::IPv4);
        let now = Instant::now();
        for need in needs {
            allocator.ensure(need, now);
        }
        let took = now.elapsed();
        assert_eq!(allocator.provided().count(), 10_000);
        took
    };
    (0..50).map(|_| round()).collect()
}

fn scan() -> Vec<Duration> {
    let address = |offset: u32| IpAddr::V4(Ipv4Addr::from(FIRST + offset));
    let mut taken: BTreeSet<IpAddr> = (0..60_000).map(address).collect();
    let round = |taken: &mut BTreeSet<IpAddr>| {
        let start = Instant::now();
        let free = (0..65_536).map(address).find(|it| !taken.contains(it));
        let free = free.expect("there is one");
        taken.insert(free);
        let took = start.elapsed();
        taken.remove(&free);
        took
    };
    (0..100).map(|_| round(&mut taken)).collect()
}

/// A start that takes over what 10,000 Services hold.
fn take_over() -> Vec<Duration> {
    let round = || {
        let holdings = (0..10_000).map(|number| {
            let need = need(number, Family::IPv4);
            let offset = u32::try_from(number).expect("few");
            Holding {
                uid: need.uid.clone(),
                service: need.service.clone(),
                created: need.created,
                ours: true,
                addresses: vec![IpAddr::V4(Ipv4Addr::from(FIRST + offset))],
                need: Some(need),
            }
        });
        let holdings: Vec<_> = holdings.collect();
        let now = Instant::now();
        let mut allocator = Allocator::default();
        allocator.put_pool(pool(&[SIXTEEN], &[], false), now);
        allocator.begin(holdings, now);
        now.elapsed()
    };
    (0..20).map(|_| round()).collect()
}

/// An edit under 10,000 Services that keeps all addresses.
fn edit() -> Vec<Duration> {
    let mut allocator = taken(pool(&[SIXTEEN], &[], false), 10_000, Family::IPv4);
    let round = |last: u128, allocator: &mut Allocator| {
        let edited = pool(&[(SIXTEEN.0, SIXTEEN.1 + last)], &[], false);
        let start = Instant::now();
        allocator.put_pool(edited, start);
        let took = start.elapsed();
        assert!(
            allocator.take_changed().services.is_empty(),
            "nobody is concerned"
        );
        took
    };
    (1..100).map(|it| round(it, &mut allocator)).collect()
}

/// Bytes that the process has in memory.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Bytes for each of 60,000 addresses, with all that is known of their Services.
fn memory() -> Option<usize> {
    let before = resident()?;
    let allocator = taken(pool(&[SIXTEEN], &[], false), 60_000, Family::IPv4);
    let after = resident()?;
    assert_eq!(allocator.provided().count(), 60_000);
    Some(after.saturating_sub(before) / 60_000)
}

fn main() {
    // First, while the process has given nothing back.
    let memory = memory();
    println!("| what | median | p99 | aim |");
    println!("|---|---|---|---|");
    row(
        "10,000 Services from a /16, all together",
        assign_all(),
        "50 ms",
    );
    row(
        "a start with 10,000 Services that hold addresses",
        take_over(),
        "",
    );
    let pools = [
        (
            "60,000 of a /16",
            pool(&[SIXTEEN], &[], false),
            60_000,
            Family::IPv4,
        ),
        (
            "60,000 of a /16 without .0 and .255",
            pool(&[SIXTEEN], &[], true),
            60_000,
            Family::IPv4,
        ),
        (
            "200 of a /24",
            pool(&[(0x0a00_0000, 0x0a00_00ff)], &[], false),
            200,
            Family::IPv4,
        ),
        (
            "200 of a /8 without .0 and .255",
            pool(&[(0x0a00_0000, 0x0aff_ffff)], &[], true),
            200,
            Family::IPv4,
        ),
        (
            "200 of 0.0.0.0/0",
            pool(&[(0, 0xffff_ffff)], &[], false),
            200,
            Family::IPv4,
        ),
        (
            "200 of a /64",
            pool(
                &[],
                &[(0xfd00 << 112, (0xfd00 << 112) + u128::from(u64::MAX))],
                false,
            ),
            200,
            Family::IPv6,
        ),
        (
            "200 of ::/0",
            pool(&[], &[(0, u128::MAX)], false),
            200,
            Family::IPv6,
        ),
    ];
    for (what, pool, count, family) in pools {
        let (given, released) = one_more(taken(pool, count, family), family);
        row(&format!("one more after {what}"), given, "10 µs");
        row(&format!("its release after {what}"), released, "5 µs");
    }
    row(
        "one more after 60,000 of a /16, by a scan (the peer)",
        scan(),
        "",
    );
    row(
        "an edit of a pool that keeps 10,000 addresses",
        edit(),
        "no Service looked at",
    );
    match memory {
        Some(bytes) => println!("\nmemory for each of 60,000 addresses: {bytes} bytes (aim: 200)"),
        None => println!("\nmemory: not measured, for there is no /proc"),
    }
}
