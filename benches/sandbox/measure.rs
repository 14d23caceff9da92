//! Figures, and the table that they end up in.

use std::fs;
use std::time::{Duration, Instant};

/// `/proc/PID/stat` counts in these (`getconf CLK_TCK`, 100 on every Linux).
const TICKS: f64 = 100.0;
/// Of fewer values than this no 99th percentile is told.
const ENOUGH: usize = 20;

pub fn load_average() -> String {
    fs::read_to_string("/proc/loadavg")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Resident memory of a process.
pub fn rss_mib(id: u32) -> f64 {
    memory_mib(id, "VmRSS:")
}

/// The most resident memory that a process ever had.
pub fn peak_rss_mib(id: u32) -> f64 {
    memory_mib(id, "VmHWM:")
}

fn memory_mib(id: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// The share of one core that a process takes for a while.
pub fn cpu_share(id: u32, during: Duration) -> f64 {
    let start = Instant::now();
    let before = cpu_seconds(id);
    std::thread::sleep(during);
    (cpu_seconds(id) - before) / start.elapsed().as_secs_f64()
}

/// Processor time that a process has taken since its start, in its own code and in the kernel.
pub fn cpu_seconds(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let number = |field: usize| -> f64 {
        fields
            .split_whitespace()
            .nth(field)
            .unwrap()
            .parse()
            .unwrap()
    };
    // utime and stime, fields 14 and 15 of proc(5), counted from behind the name.
    (number(11) + number(12)) / TICKS
}

pub fn sorted_millis(times: Vec<Duration>) -> Vec<f64> {
    let millis = times.into_iter().map(|time| time.as_secs_f64() * 1000.0);
    sorted(millis.collect())
}

pub fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

/// One line of the table.
pub struct Row {
    what: String,
    median: f64,
    p99: Option<f64>,
    ratio: Option<f64>,
    aim: String,
}

impl Row {
    pub fn of(what: &str, sorted: &[f64], aim: &str) -> Self {
        let p99 = (sorted.len() >= ENOUGH).then(|| percentile(sorted, 99));
        Self {
            p99,
            ..Self::single(what, percentile(sorted, 50), aim)
        }
    }

    pub fn single(what: &str, value: f64, aim: &str) -> Self {
        Self {
            what: what.to_owned(),
            median: value,
            p99: None,
            ratio: None,
            aim: aim.to_owned(),
        }
    }

    /// With the ratio of the medians.
    pub fn against(self, baseline: &[f64]) -> Self {
        let ratio = self.median / percentile(baseline, 50);
        self.ratio(ratio)
    }

    pub fn ratio(self, ratio: f64) -> Self {
        Self {
            ratio: Some(ratio),
            ..self
        }
    }
}

#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    pub fn add(&mut self, row: Row) {
        eprintln!("{}: {:.2}", row.what, row.median);
        self.0.push(row);
    }

    pub fn print(&self) {
        let shown =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        println!("| what | median | p99 | × trivial client | aim |\n|---|---:|---:|---:|---|");
        for Row {
            what,
            median,
            p99,
            ratio,
            aim,
        } in &self.0
        {
            println!(
                "| {what} | {median:.2} | {} | {} | {aim} |",
                shown(*p99),
                shown(*ratio)
            );
        }
    }
}
