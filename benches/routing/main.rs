//! `cargo bench --bench routing`, as root: how soon routers know of an address, and of its end, with BIRD as a node
//! beside us, and what sessions cost.
//!
//! Nothing here passes or fails. A status counts as seen when the API server's word of it has reached the
//! speaker's node; messages are timed by tcpdump at the router, routes as its kernel tells of them.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    unreachable_pub,
    dead_code,
    reason = "a program for developers, which shares what the tests have"
)]

mod announcing;
#[path = "../speaker/building.rs"]
mod building;
mod bursts;
mod failing;
mod idle;
#[path = "../../tests/routing/objects.rs"]
mod objects;
mod peers;
mod table;
#[path = "../speaker/usage.rs"]
mod usage;
mod watching;
#[path = "../../tests/speaker/world.rs"]
mod world;

use clap::{Parser, ValueEnum};
use landfall_test_routers::{Bird, Frr};

use table::Table;
use usage::load_average;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A Service gets its address, and is deleted
    Announce,
    /// A thousand statuses at once; ten thousand prefixes to four routers
    Burst,
    /// A node, or a router, falls silent
    Silent,
    /// The speaker is killed
    Kill,
    /// Four routers and a thousand prefixes, and nothing happens
    Idle,
    /// Ten minutes of losses; only if it is asked for
    Loss,
}

/// How soon routers know
#[derive(Parser)]
struct Flags {
    /// What is measured; if it is not said, all but losses
    what: Vec<What>,
    /// How often
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// As cargo calls it
    #[arg(long, hide = true)]
    bench: bool,
}

impl Flags {
    fn wants(&self, what: What) -> bool {
        match what {
            What::Loss => self.what.contains(&what),
            _ => self.what.is_empty() || self.what.contains(&what),
        }
    }
}

#[tokio::main]
async fn main() {
    let flags = Flags::parse();
    let what = "what routers know";
    if !Bird::is_possible_or_skip(what) || !Frr::is_possible_or_skip(what) {
        std::process::exit(2);
    }
    building::build("routing");
    println!("load average at the start: {}\n", load_average());
    let table = Table::default();
    if flags.wants(What::Announce) {
        announcing::bird(flags.runs, &table).await;
        announcing::frr(flags.runs, &table).await;
    }
    if flags.wants(What::Burst) {
        bursts::thousand(flags.runs.div_ceil(4), &table).await;
        bursts::ten_thousand(flags.runs.div_ceil(4), &table).await;
    }
    if flags.wants(What::Silent) {
        failing::silent_node(flags.runs, &table).await;
        failing::silent_router(flags.runs, &table).await;
    }
    if flags.wants(What::Kill) {
        failing::killed(flags.runs, &table).await;
        failing::restarted(flags.runs.div_ceil(10), &table).await;
    }
    if flags.wants(What::Idle) {
        idle::print(&table).await;
    }
    if flags.wants(What::Loss) {
        failing::losses(&table).await;
    }
    table.print();
    println!("\nload average at the end: {}", load_average());
}
