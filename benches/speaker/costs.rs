//! What speakers cost while nothing happens, and what they write when Services come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use landfall_bare_metal_resources::kinds::SpeakerStatus;

use crate::speakers::{DEFAULT, Fault, Speakers, V4, wait};
use crate::table::Table;
use crate::usage::{load_average, memory_mib, seconds};

const MEASURED: Duration = Duration::from_secs(30);
/// Bursts of announcements are over by then.
const SETTLED: Duration = Duration::from_secs(10);
const SERVICES: usize = 100;
const ADDRESSES_OF_EACH: usize = 10;
/// Speakers that are ended and silenced many times are few.
const FEW: usize = 10;

/// What a speaker has used so far.
#[derive(Clone, Copy)]
struct Used {
    /// Both ways on the network's interface, with Ethernet headers.
    bytes: f64,
    /// On a processor.
    seconds: f64,
}

/// Nodes in namespaces share the kernel's table of neighbours. Where it has no room for all of them it
/// drops frames, and what is measured is that.
fn has_no_room(nodes: u8) -> Option<String> {
    const ROOM: &str = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
    let room: usize = std::fs::read_to_string(ROOM).ok()?.trim().parse().ok()?;
    let needed = usize::from(nodes) * usize::from(nodes);
    (room < needed).then(|| {
        format!(
            "the kernel's table of neighbours has room for {room}; `sysctl -w \
                 net.ipv4.neigh.default.gc_thresh3={}` gives it more",
            needed * 4
        )
    })
}

pub async fn print(counts: &[u8]) {
    println!(
        "\nusual settings, {} s; of all nodes: mean (most). Bandwidth: /proc/net/dev of eth0, sent plus \
         received, with Ethernet headers",
        MEASURED.as_secs()
    );
    println!(
        "| speakers | addresses | kbit/s | % of a core | RSS, MiB | of it not of files | RSS at its peak, MiB | load |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---|");
    println!("| asked | | ≤ 200 | ≤ 2 | ≤ 15 | | ≤ 15 | |");
    let mut written = Vec::new();
    for nodes in counts {
        if let Some(why) = has_no_room(*nodes) {
            println!("{nodes} speakers: not run: {why}");
            continue;
        }
        let speakers = Speakers::new(*nodes, DEFAULT).await;
        tokio::time::sleep(SETTLED).await;
        row(&speakers, 0).await;
        written.push(fill(&speakers).await);
        tokio::time::sleep(SETTLED).await;
        row(&speakers, SERVICES * ADDRESSES_OF_EACH).await;
        if usize::from(*nodes) > FEW {
            failover(speakers).await;
        }
    }
    for line in written {
        println!("{line}");
    }
}

async fn row(speakers: &Speakers, addresses: usize) {
    let before = used(speakers);
    let start = Instant::now();
    tokio::time::sleep(MEASURED).await;
    let took = start.elapsed().as_secs_f64();
    let after = used(speakers);
    let of = |value: &dyn Fn(&String) -> f64| {
        let values: Vec<_> = after.keys().map(value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        format!(
            "{mean:.2} ({:.2})",
            values.iter().copied().fold(0.0, f64::max)
        )
    };
    let bandwidth = of(&|it| (after[it].bytes - before[it].bytes) * 8.0 / 1000.0 / took);
    let cpu = of(&|it| (after[it].seconds - before[it].seconds) * 100.0 / took);
    let id = |host: &String| speakers.world.speakers[host].id();
    let rss = of(&|it| memory_mib(id(it), "VmRSS:"));
    // The rest is the program itself, which all that run it on a node share.
    let own = of(&|it| memory_mib(id(it), "RssAnon:"));
    let peak = of(&|it| memory_mib(id(it), "VmHWM:"));
    println!(
        "| {} | {addresses} | {bandwidth} | {cpu} | {rss} | {own} | {peak} | {} |",
        after.len(),
        load_average()
    );
}

fn used(speakers: &Speakers) -> BTreeMap<String, Used> {
    let speakers = speakers.world.speakers.iter();
    let used = speakers.map(|(host, speaker)| {
        let used = Used {
            bytes: bytes(speaker.id()),
            seconds: seconds(speaker.id()),
        };
        (host.clone(), used)
    });
    used.collect()
}

fn bytes(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/net/dev")).unwrap();
    let line = text.lines().find_map(|it| it.trim().strip_prefix("eth0:"));
    let numbers: Vec<f64> = line
        .unwrap()
        .split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect();
    numbers[0] + numbers[8]
}

/// Counts the changes of all objects of a kind.
fn count<K>(speakers: &Speakers) -> Arc<AtomicUsize>
where
    K: Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Send
        + serde::de::DeserializeOwned
        + 'static,
{
    let api = Api::<K>::all(speakers.world.client.clone());
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    tokio::spawn(async move {
        let mut events = watcher(api, watcher::Config::default()).boxed();
        while let Some(event) = events.next().await {
            if matches!(event, Ok(Event::Apply(_))) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    counted
}

/// Makes Services, waits until all their addresses are announced, and says what was written meanwhile.
async fn fill(speakers: &Speakers) -> String {
    let hosts = speakers.hosts();
    let names: Vec<_> = hosts.iter().map(String::as_str).collect();
    let (statuses, services) = (count::<SpeakerStatus>(speakers), count::<Service>(speakers));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    for number in 0..SERVICES {
        let addresses = (0..ADDRESSES_OF_EACH).map(|it| {
            format!(
                "fd00:192:0:2::{:x}",
                0x1001 + number * ADDRESSES_OF_EACH + it
            )
        });
        let addresses: Vec<_> = addresses.collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        let name = format!("many-{number}");
        speakers
            .world
            .service(&name, &addresses, "Cluster", &names)
            .await;
    }
    let made = start.elapsed().as_secs_f64();
    loop {
        let mut announced = 0;
        for host in &hosts {
            announced += speakers.announced(host).await;
        }
        if announced >= SERVICES * ADDRESSES_OF_EACH {
            break;
        }
        wait(start, &format!("all are announced, but {announced}")).await;
    }
    let took = start.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let statuses = statuses.load(Ordering::Relaxed);
    // We create each, and give it its addresses.
    let of_others = services
        .load(Ordering::Relaxed)
        .saturating_sub(2 * SERVICES);
    format!(
        "{} speakers: {SERVICES} Services made within {made:.1} s, all {} addresses announced after {took:.1} s; \
         writes to Services by speakers: {of_others}; writes to SpeakerStatus: {statuses}, {:.3} for each \
         Service and node, {:.2} for each node and second",
        hosts.len(),
        SERVICES * ADDRESSES_OF_EACH,
        statuses as f64 / (SERVICES * hosts.len()) as f64,
        statuses as f64 / hosts.len() as f64 / (took + 3.0),
    )
}

/// A few faults among many speakers.
async fn failover(mut speakers: Speakers) {
    let table = Table::default();
    speakers.serve().await;
    for fault in [Fault::Cut, Fault::Silent, Fault::Kill] {
        crate::rows::failover(&mut speakers, fault, V4, 5, &table).await;
    }
    println!();
    table.print();
}
