//! `cargo bench --bench sandbox`: what the sandbox costs on this machine, as a table.
//!
//! Nothing here passes or fails. Beside what depends on the machine stands a trivial client, which
//! makes the same calls itself, one after the other, in the same run.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    unreachable_pub,
    dead_code,
    reason = "a program for developers, which shares the world of the tests"
)]

mod measure;
mod trivial;
#[path = "../../tests/sandbox/world.rs"]
mod world;

use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;

use landfall_test_process as process;
use measure::{Row, Table, cpu_share, load_average, rss_mib, sorted_millis};
use process::{Process, program};
use trivial::TrivialClient;
use world::{World, service};

const STARTS: usize = 20;
const CREATIONS: usize = 100;
const SMALL: usize = 100;
const BURST: usize = 1000;
/// Creations under way at once in a burst.
const HANDS: usize = 16;
const IDLE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    println!("load average at the start: {}", load_average());
    let mut table = Table::default();
    starts(&mut table);
    small(&mut table).await;
    creations(&mut table).await;
    burst(&mut table).await;
    table.print();
    println!("load average at the end: {}", load_average());
}

fn starts(table: &mut Table) {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let mut sandbox = Process::start(Command::new(program("landfall")).arg("sandbox"));
        sandbox.wait_until_ready();
        took.push(start.elapsed());
        sandbox.signal("TERM");
        sandbox.ended();
    }
    table.add(Row::of(
        &format!("start → ready, ms ({STARTS} starts)"),
        &sorted_millis(took),
        "≤ 1000",
    ));
}

/// Memory and idle load of a small cluster.
async fn small(table: &mut Table) {
    let mut world = World::sandbox().await;
    let id = world.cloud_process.id();
    table.add(Row::single("RSS, empty, MiB", rss_mib(id), ""));
    world.deploy("hello", 3).await;
    let names: Vec<_> = (0..SMALL).map(|n| format!("web-{n}")).collect();
    create_all(&world, &names).await;
    table.add(Row::single(
        &format!("RSS, {SMALL} Services, MiB"),
        rss_mib(id),
        "< 60",
    ));
    let share = cpu_share(id, IDLE);
    let what = format!(
        "CPU idle, {SMALL} Services, % of a core ({} s)",
        IDLE.as_secs()
    );
    table.add(Row::single(&what, share * 100.0, "< 1"));
    table.add(Row::single("RSS after that, MiB", rss_mib(id), "< 60"));
    world.cloud_process.signal("TERM");
    world.cloud_process.ended();
}

/// Creates Services that lead to the pods of `hello`, and waits until each has its address.
async fn create_all(world: &World, names: &[String]) {
    stream::iter(names)
        .for_each_concurrent(HANDS, async |name| {
            let mut object = service(name);
            object["spec"]["selector"] = serde_json::json!({"app": "hello"});
            world.create(&object).await;
        })
        .await;
    for name in names {
        world.address(name).await;
    }
}

async fn creations(table: &mut Table) {
    let world = World::sandbox().await;
    world.deploy("hello", 3).await;
    let client = TrivialClient::of(&world).await;
    client.settle().await;
    let (mut ours, mut trivial) = (Vec::new(), Vec::new());
    for turn in 0..CREATIONS {
        ours.push(client.watch_controller(&world, turn).await);
        trivial.push(client.provide(turn).await);
    }
    let (ours, trivial) = (sorted_millis(ours), sorted_millis(trivial));
    let what = format!("create answered → first byte, ms ({CREATIONS} Services)");
    table.add(Row::of(&what, &ours, "median ≤ 50").against(&trivial));
    table.add(Row::of("the same by the trivial client, ms", &trivial, ""));
}

async fn burst(table: &mut Table) {
    let world = World::sandbox().await;
    let id = world.cloud_process.id();
    world.deploy("hello", 3).await;
    let client = TrivialClient::of(&world).await;
    client.settle().await;
    let names: Vec<_> = (0..BURST).map(|n| format!("web-{n}")).collect();
    let start = Instant::now();
    create_all(&world, &names).await;
    let took = start.elapsed().as_secs_f64();
    let puts = world.calls("PutLoadBalancer").await.len();
    let start = Instant::now();
    stream::iter(0..BURST)
        .for_each_concurrent(HANDS, async |turn| client.provide_only(turn).await)
        .await;
    let trivial = start.elapsed().as_secs_f64();
    let what = format!("burst of {BURST}: first create → last ingress, s");
    table.add(Row::single(&what, took, "≤ 5").ratio(took / trivial));
    table.add(Row::single(
        "the same by the trivial client, s",
        trivial,
        "",
    ));
    table.add(Row::single(
        "PUTs for each Service",
        puts as f64 / BURST as f64,
        "1",
    ));
    table.add(Row::single(
        &format!("RSS, {} Services, MiB", 2 * BURST),
        rss_mib(id),
        "",
    ));
}
