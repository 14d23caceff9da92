//! Addresses that move though no node is dead: there must be none.

use std::time::{Duration, Instant};

use crate::speakers::{DEFAULT, Speakers};
use crate::usage::load_average;

const LOSSES: Duration = Duration::from_mins(10);
const PERCENT: u8 = 5;
const PAUSES: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);
const ADDRESSES: usize = 10;

pub async fn print() {
    let speakers = Speakers::new(3, DEFAULT).await;
    let hosts = speakers.hosts();
    let names: Vec<_> = hosts.iter().map(String::as_str).collect();
    let addresses = (0..ADDRESSES).map(|it| format!("192.0.2.{}", 200 + it));
    let addresses: Vec<_> = addresses.collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    speakers
        .world
        .service("web", &addresses, "Cluster", &names)
        .await;
    for address in addresses {
        speakers.owner(address.parse().unwrap()).await;
    }
    println!(
        "\n| usual settings, three nodes, {ADDRESSES} addresses | addresses moved | speakers found dead | asked | load |"
    );
    println!("|---|---:|---:|---|---|");
    let before = counts(&speakers).await;
    let start = Instant::now();
    for host in &names {
        speakers.world.lan.loss(host, PERCENT);
    }
    tokio::time::sleep(LOSSES.saturating_sub(start.elapsed())).await;
    for host in &names {
        speakers.world.lan.loss(host, 0);
    }
    let what = format!(
        "{} minutes in which each port loses {PERCENT} % of frames, each way",
        LOSSES.as_secs() / 60
    );
    row(&what, before, &speakers).await;
    let before = counts(&speakers).await;
    for _ in 0..PAUSES {
        for host in &names {
            speakers.world.signal(host, "STOP");
            std::thread::sleep(PAUSE);
            speakers.world.signal(host, "CONT");
            tokio::time::sleep(PAUSE * 5).await;
        }
    }
    let what = format!(
        "{PAUSES} times on each node: stopped for {} ms",
        PAUSE.as_millis()
    );
    row(&what, before, &speakers).await;
    for host in hosts {
        eprintln!("--- {host}\n{}", speakers.world.speakers[&host].errors());
    }
}

/// Claims and deaths so far.
async fn counts(speakers: &Speakers) -> (u64, u64) {
    // What has just happened is told by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut claims, mut deaths) = (0, 0);
    for host in speakers.hosts() {
        claims += speakers.metric(&host, "claimed_total").await;
        deaths += speakers.metric(&host, "peer_deaths_total").await;
    }
    (claims, deaths)
}

async fn row(what: &str, before: (u64, u64), speakers: &Speakers) {
    let after = counts(speakers).await;
    println!(
        "| {what} | {} | {} | 0 | {} |",
        after.0 - before.0,
        after.1 - before.1,
        load_average()
    );
}
