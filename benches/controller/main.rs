//! `cargo bench --bench controller`, on a real control plane: what the controller costs among many
//! Services, as a table.
//!
//! Nothing here passes or fails. Beside what depends on the machine stands a trivial client, which
//! makes the same writes itself in the same run. Services are created once, because that measures the
//! API server; before each repetition they are made pending again.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    unreachable_pub,
    dead_code,
    reason = "a program for developers, which shares what the tests and the other benches have"
)]

mod cloud;
mod cluster;
#[path = "../sandbox/measure.rs"]
mod measure;
mod pools;
mod subject;
mod trivial;

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use landfall_test_process as process;

use cloud::Cloud;
use cluster::{Cluster, Seen};
use measure::{
    Row, Table, cpu_seconds, load_average, peak_rss_mib, rss_mib, sorted, sorted_millis,
};
use process::Process;
use subject::Subject;
use trivial::TrivialClient;

const IDLE: Duration = Duration::from_mins(1);
/// Services created one after the other to see how long one takes.
const SINGLE: usize = 20;

/// A provider that the controller is measured with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measured {
    MockCloud,
    BareMetal,
}

/// What the controller costs among many Services
#[derive(Parser)]
struct Flags {
    /// Services in the cluster
    #[arg(long, default_value_t = 10_000)]
    services: usize,
    /// How often each thing is measured
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// What is measured; both if it is not said
    #[arg(long)]
    provider: Option<Measured>,
    /// As cargo calls it
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let flags = Flags::parse();
    println!("load average at the start: {}", load_average());
    let mut table = Table::default();
    let mut bench = Bench::prepare(&flags).await;
    // First, because the other deletes some.
    if flags.provider != Some(Measured::MockCloud) {
        bench.pools(&mut table).await;
    }
    if flags.provider != Some(Measured::BareMetal) {
        let (cloud, mut controller) = bench.mass(&mut table).await;
        bench.idle(&mut table, &cloud, controller.id()).await;
        bench.single(&mut table, &cloud).await;
        bench.deletions(&mut table).await;
        bench.restarts(&mut table, &cloud, &mut controller).await;
        controller.signal("TERM");
        controller.ended();
    }
    table.print();
    println!("load average at the end: {}", load_average());
}

struct Bench {
    count: usize,
    repetitions: usize,
    cluster: Cluster,
    subject: Subject,
}

impl Bench {
    async fn prepare(flags: &Flags) -> Self {
        let mut cluster = Cluster::find().await;
        let start = Instant::now();
        cluster.fill(flags.services).await;
        let (count, took) = (flags.services, start.elapsed().as_secs());
        eprintln!("{count} Services were created in {took} s");
        Self {
            count,
            repetitions: flags.repetitions,
            subject: Subject::prepare(),
            cluster,
        }
    }

    /// All pending at the start: time, writes, processor, memory. The last controller goes on.
    async fn mass(&mut self, table: &mut Table) -> (Cloud, Process) {
        let (mut ours, mut trivial) = (Vec::new(), Vec::new());
        let (mut writes, mut cpu, mut rss, mut peak) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut kept = None;
        let count = self.count as f64;
        for turn in 0..self.repetitions {
            self.cluster.reset().await;
            let cloud = Cloud::start().await;
            trivial.push(self.by_trivial_client(&cloud).await);
            cloud.stop().await;

            self.cluster.reset().await;
            let cloud = Cloud::start().await;
            let mut seen = Seen::from_now(&self.cluster).await;
            let before = self.cluster.writes().await;
            let start = Instant::now();
            let mut controller = self.subject.start(&cloud);
            seen.until_served(self.count).await;
            ours.push(start.elapsed().as_secs_f64());
            self.cluster.settle().await;
            let id = controller.id();
            let made = self.cluster.writes().await.since(&before);
            writes.push(made.total() / count);
            eprintln!("{made:?}; load average {}", load_average());
            cpu.push(cpu_seconds(id) * 1000.0 / count);
            rss.push(rss_mib(id));
            peak.push(peak_rss_mib(id));
            if turn + 1 < self.repetitions {
                controller.signal("TERM");
                controller.ended();
                cloud.stop().await;
            } else {
                kept = Some((cloud, controller));
            }
        }
        let (ours, trivial) = (sorted(ours), sorted(trivial));
        let what = format!(
            "{} pending: controller started → last status, s",
            self.count
        );
        table.add(Row::of(&what, &ours, "≤ 1.25 ×").against(&trivial));
        table.add(Row::of(
            "the same writes by the trivial client, s",
            &trivial,
            "",
        ));
        table.add(Row::of("API writes for each Service", &sorted(writes), "3"));
        let what = "processor time for each Service, ms";
        table.add(Row::of(what, &sorted(cpu), "≤ 1.0"));
        table.add(Row::of("RSS after that, MiB", &sorted(rss), "≤ 150"));
        table.add(Row::of("RSS at its peak, MiB", &sorted(peak), "≤ 150"));
        kept.expect("at least one repetition")
    }

    async fn by_trivial_client(&self, cloud: &Cloud) -> f64 {
        let client = TrivialClient::new(&self.cluster, cloud);
        let mut seen = Seen::from_now(&self.cluster).await;
        let start = Instant::now();
        let ((), ()) = tokio::join!(client.provide_all(), seen.until_served(self.count));
        start.elapsed().as_secs_f64()
    }

    /// Nothing happens.
    async fn idle(&self, table: &mut Table, cloud: &Cloud, id: u32) {
        let calls = cloud.calls().await;
        let before = self.cluster.writes().await;
        let (start, cpu) = (Instant::now(), cpu_seconds(id));
        tokio::time::sleep(IDLE).await;
        let share = (cpu_seconds(id) - cpu) / start.elapsed().as_secs_f64() * 100.0;
        let made = self.cluster.writes().await.since(&before);
        let of = |what: &str| format!("idle for {} s: {what}", IDLE.as_secs());
        table.add(Row::single(&of("% of a core"), share, "< 1"));
        // The API server renews one of its own every ten seconds.
        let what = of("renewals of Leases, 6 by the API server");
        table.add(Row::single(&what, made.leases, "36"));
        let other = made.total() + made.services;
        table.add(Row::single(&of("other writes"), other, "0"));
        let puts = cloud.calls().await.changes - calls.changes;
        table.add(Row::single(&of("changes at the cloud"), puts as f64, "0"));
    }

    /// One new Service, in peace.
    async fn single(&mut self, table: &mut Table, cloud: &Cloud) {
        let client = TrivialClient::new(&self.cluster, cloud);
        let (mut ours, mut trivial) = (Vec::new(), Vec::new());
        for _ in 0..SINGLE {
            let name = self.cluster.create_next().await;
            let start = Instant::now();
            self.cluster.until_served(&name).await;
            ours.push(start.elapsed());
            trivial.push(client.provide_one(&mut self.cluster).await);
        }
        let (ours, trivial) = (sorted_millis(ours), sorted_millis(trivial));
        let what = format!("among {}: create answered → status, ms", self.count);
        table.add(Row::of(&what, &ours, "").against(&trivial));
        table.add(Row::of("the same by the trivial client, ms", &trivial, ""));
    }

    async fn deletions(&mut self, table: &mut Table) {
        let (mut waits, mut writes) = (Vec::new(), Vec::new());
        for turn in 0..self.repetitions {
            self.cluster.settle().await;
            let before = self.cluster.writes().await;
            self.cluster.delete(turn).await;
            let name = self.cluster.create_next().await;
            let start = Instant::now();
            self.cluster.until_served(&name).await;
            waits.push(start.elapsed());
            self.cluster.until_gone(turn).await;
            self.cluster.settle().await;
            let made = self.cluster.writes().await.since(&before);
            // The finalizer of the one that goes, and two for the one that comes.
            writes.push(made.statuses - 3.0);
        }
        let what = "one deleted: create answered → status of a new one, ms";
        table.add(Row::of(
            what,
            &sorted_millis(waits),
            "100 more than in peace",
        ));
        let what = "one deleted: writes to other Services";
        table.add(Row::of(what, &sorted(writes), "0"));
    }

    async fn restarts(&mut self, table: &mut Table, cloud: &Cloud, controller: &mut Process) {
        let (mut ready, mut early, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let (mut writes, mut reads, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        let mut rss = Vec::new();
        for _ in 0..self.repetitions {
            self.cluster.settle().await;
            controller.signal("TERM");
            controller.ended();
            let (before, calls) = (self.cluster.writes().await, cloud.calls().await);
            let waiting = self.cluster.create_next().await;
            let start = Instant::now();
            *controller = self.subject.start(cloud);
            // Blocks this thread; the cloud has others.
            tokio::task::block_in_place(|| controller.wait_until_ready());
            ready.push(start.elapsed());
            let name = self.cluster.create_next().await;
            let asked = Instant::now();
            let (first, second) = tokio::join!(
                async {
                    self.cluster.until_served(&waiting).await;
                    start.elapsed()
                },
                async {
                    self.cluster.until_served(&name).await;
                    asked.elapsed()
                }
            );
            early.push(first);
            late.push(second);
            self.cluster.settle().await;
            let made = self.cluster.writes().await.since(&before);
            writes.push(made.statuses - 4.0);
            rss.push(rss_mib(controller.id()));
            let since = cloud.calls().await;
            reads.push((since.reads - calls.reads) as f64);
            changes.push((since.changes - calls.changes) as f64 - 2.0);
        }
        let what = "restart: RSS after that, MiB";
        table.add(Row::of(what, &sorted(rss), "≤ 150"));
        table.add(Row::of(
            "restart: start → ready, ms",
            &sorted_millis(ready),
            "",
        ));
        let what = "restart: start → status of one that waits, ms";
        table.add(Row::of(what, &sorted_millis(early), ""));
        let what = "restart: one created at ready → its status, ms";
        table.add(Row::of(
            what,
            &sorted_millis(late),
            "100 more than in peace",
        ));
        let what = "restart: writes to other Services";
        table.add(Row::of(what, &sorted(writes), "0"));
        table.add(Row::of(
            "restart: bulk reads of the cloud",
            &sorted(reads),
            "1",
        ));
        let what = "restart: changes at the cloud for others";
        table.add(Row::of(what, &sorted(changes), "0"));
    }
}
