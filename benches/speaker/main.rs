//! `cargo bench --bench speaker`, as root: how long clients see nothing when something fails, as a
//! table, with keepalived on the same network in the same run, and what speakers cost.
//!
//! Nothing here passes or fails. An outage is what a client sees that sends every 10 ms: the longest
//! time between two answers, less these 10 ms. Each repetition is a fault in the same world, its
//! repair, and a wait until all know each other again.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    unreachable_pub,
    dead_code,
    reason = "a program for developers, which shares what the tests have"
)]

mod building;
mod costs;
mod false_failovers;
mod keepalived;
mod partition;
mod rows;
mod speakers;
mod table;
mod usage;
#[path = "../../tests/speaker/world.rs"]
mod world;

use clap::{Parser, ValueEnum};
use tokio::runtime::Handle;

use keepalived::Keepalived;
use speakers::{Fault, Settings, Speakers};
use table::Table;
use usage::load_average;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The announcing node loses its carrier
    Cut,
    /// No frame passes from and to it
    Silent,
    /// Its speaker is killed
    Kill,
    /// Its speaker is told to end
    Term,
    /// The node is drained
    Drain,
    /// A node joins or returns
    Join,
    /// The API server is away
    Api,
    /// A Service gets its address
    Service,
    /// A partition heals, and 15 s later something fails again
    Heal,
    /// Processor, memory, bandwidth and writes
    Costs,
    /// Fifty speakers; only if it is asked for
    Fifty,
    /// Ten minutes of losses, and processes that pause; only if it is asked for
    FalseFailovers,
}

/// Whose numbers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    Default,
    Tuned,
    Keepalived,
}

/// How long clients see nothing when something fails
#[derive(Parser)]
struct Flags {
    /// What is measured; if it is not said, all that takes less than half an hour
    what: Vec<What>,
    /// How often
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Whose numbers; all if it is not said
    #[arg(long)]
    of: Vec<Whose>,
    /// As cargo calls it
    #[arg(long, hide = true)]
    bench: bool,
}

impl Flags {
    fn wants(&self, what: What) -> bool {
        match what {
            What::Fifty | What::FalseFailovers => self.what.contains(&what),
            _ => self.what.is_empty() || self.what.contains(&what),
        }
    }

    fn is_about(&self, whose: Whose) -> bool {
        self.of.is_empty() || self.of.contains(&whose)
    }

    fn settings(&self) -> Vec<Settings> {
        let all = [
            (Whose::Default, speakers::DEFAULT),
            (Whose::Tuned, speakers::TUNED),
        ];
        let wanted = all.into_iter().filter(|(it, _)| self.is_about(*it));
        wanted.map(|(_, it)| it).collect()
    }

    /// The faults that an address moves at.
    fn faults(&self) -> Vec<Fault> {
        let all = [
            (What::Cut, Fault::Cut),
            (What::Silent, Fault::Silent),
            (What::Kill, Fault::Kill),
            (What::Term, Fault::Term),
            (What::Drain, Fault::Drain),
        ];
        let wanted = all.into_iter().filter(|(it, _)| self.wants(*it));
        wanted.map(|(_, it)| it).collect()
    }
}

#[tokio::main]
async fn main() {
    let flags = Flags::parse();
    if let Err(why) = landfall_test_network::is_possible() {
        eprintln!("no network can be made: {why}");
        std::process::exit(2);
    }
    building::build("speaker");
    println!("load average at the start: {}\n", load_average());
    let table = Table::default();
    for settings in flags.settings() {
        alone(&flags, settings, &table).await;
    }
    let faults: Vec<_> = flags.faults();
    let faults: Vec<_> = faults
        .into_iter()
        .filter(|it| *it != Fault::Drain)
        .collect();
    let peer = flags.is_about(Whose::Keepalived) && keepalived::is_there();
    if peer && !faults.is_empty() {
        keepalived(keepalived::SHORTEST, &faults, flags.runs, &table);
    }
    tokio::task::block_in_place(|| together(&flags, peer, &faults, &table));
    table.print();
    if flags.is_about(Whose::Default) {
        if flags.wants(What::Costs) {
            costs::print(&[3, 10]).await;
        }
        if flags.wants(What::Fifty) {
            costs::print(&[50]).await;
        }
        if flags.wants(What::FalseFailovers) {
            false_failovers::print().await;
        }
    }
    println!("\nload average at the end: {}", load_average());
}

/// What is measured while nothing else runs.
async fn alone(flags: &Flags, settings: Settings, table: &Table) {
    let faults = flags.faults();
    let others = [What::Join, What::Api, What::Service];
    if faults.is_empty() && !others.iter().any(|it| flags.wants(*it)) {
        return;
    }
    let mut speakers = Speakers::new(3, settings).await;
    speakers.serve().await;
    for fault in faults {
        rows::failover(&mut speakers, fault, speakers::V4, flags.runs, table).await;
        if [Fault::Cut, Fault::Silent, Fault::Kill].contains(&fault) {
            rows::failover(&mut speakers, fault, speakers::V6, flags.runs, table).await;
        }
    }
    if flags.wants(What::Join) {
        rows::join(&mut speakers, flags.runs, table).await;
    }
    if flags.wants(What::Service) {
        rows::service(&speakers, flags.runs, table).await;
    }
    // Last: watches that were cut off many times come back later and later.
    if flags.wants(What::Api) {
        rows::api_away(&speakers, flags.runs, table);
    }
}

fn keepalived(interval: &'static str, faults: &[Fault], runs: usize, table: &Table) {
    let mut keepalived = Keepalived::new(interval);
    for fault in faults {
        keepalived.failover(*fault, runs, table);
    }
}

/// What mostly waits, side by side, each on a network of its own.
fn together(flags: &Flags, peer: bool, faults: &[Fault], table: &Table) {
    let handle = &Handle::current();
    std::thread::scope(|scope| {
        if flags.wants(What::Heal) {
            for settings in flags.settings() {
                scope.spawn(move || {
                    handle.block_on(async {
                        let mut speakers = Speakers::new(3, settings).await;
                        speakers.serve().await;
                        partition::heal(&mut speakers, flags.runs, table).await;
                    });
                });
            }
        }
        if peer {
            if !faults.is_empty() {
                scope.spawn(move || keepalived("0.1", faults, flags.runs, table));
            }
            for fault in faults.chunks(1) {
                scope.spawn(move || keepalived("1", fault, flags.runs, table));
            }
        }
    });
}
