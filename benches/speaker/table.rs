//! Figures, and the table that they end up in.

use std::sync::Mutex;

use crate::usage::load_average;

pub const CUT: &str = "carrier lost: outage";
pub const SILENT: &str = "node silent: outage";
pub const KILL: &str = "speaker killed, client knows the MAC: outage";
pub const KILL_ARP: &str = "speaker killed: another answers ARP after";
pub const TERM: &str = "SIGTERM: outage";
pub const DRAIN: &str = "drain: outage";
pub const JOIN: &str = "a node joins or returns: lost";
pub const JOIN_MOVED: &str = "a node joins or returns: moves";
pub const API: &str = "API server away: lost";
pub const API_MOVED: &str = "API server away: moves";
pub const HEAL: &str = "partition heals: one owner after";
pub const SECOND: &str = "15 s later, node silent: outage";
pub const SERVICE: &str = "Service gets status: first ARP answer after";

/// What is asked: with the usual settings, and with a short heartbeat.
const BOUNDS: [(&str, f64, f64); 13] = [
    (CUT, 100.0, 40.0),
    (SILENT, 200.0, 60.0),
    (KILL, 20.0, 20.0),
    (KILL_ARP, 200.0, 60.0),
    (TERM, 10.0, 10.0),
    (DRAIN, 10.0, 10.0),
    (JOIN, 0.0, 0.0),
    (JOIN_MOVED, 0.0, 0.0),
    (API, 0.0, 0.0),
    (API_MOVED, 0.0, 0.0),
    (HEAL, 200.0, 60.0),
    (SECOND, 200.0, 60.0),
    (SERVICE, 50.0, 50.0),
];
/// Times the median of keepalived with its shortest interval.
const MOST_AGAINST_PEER: f64 = 1.5;

/// What was measured of one event.
pub struct Cell {
    pub event: &'static str,
    pub is_ipv6: bool,
    pub who: &'static str,
    /// Milliseconds, or how many.
    pub values: Vec<f64>,
    /// Of a client's questions, how many were never answered in each repetition.
    pub lost: Vec<usize>,
    /// Milliseconds until another host answered by ARP or NDP. It is asked more often than the client
    /// sends, which tells apart what an outage in steps of the client's interval does not.
    pub taken: Vec<f64>,
}

struct Row {
    cell: Cell,
    load: String,
}

impl Row {
    fn median(&self) -> f64 {
        self.cell.values[self.cell.values.len() / 2]
    }

    fn taken(&self) -> f64 {
        self.cell.taken[self.cell.taken.len() / 2]
    }

    fn is_of(&self, event: &str, is_ipv6: bool, who: &str) -> bool {
        (self.cell.event, self.cell.is_ipv6, self.cell.who) == (event, is_ipv6, who)
    }
}

#[derive(Default)]
pub struct Table(Mutex<Vec<Row>>);

impl Table {
    /// Adds what was measured, and says it at once.
    pub fn add(&self, mut cell: Cell) {
        eprintln!(
            "{}, {}: {:.1?} {:?} {:.1?}",
            cell.event, cell.who, cell.values, cell.lost, cell.taken
        );
        cell.values.sort_by(f64::total_cmp);
        cell.lost.sort_unstable();
        cell.taken.sort_by(f64::total_cmp);
        let load = load_average();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(Row { cell, load });
    }

    pub fn print(&self) {
        let rows = self.0.lock().unwrap();
        if rows.is_empty() {
            return;
        }
        println!(
            "ms; `lost`: datagrams, one each 10 ms; load: of one minute, at the end of the row"
        );
        println!(
            "| event | with | median | p99 | max | lost, median | lost, max | another answers ARP or NDP after, median | n | asked | × keepalived 0.01 | load |"
        );
        println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---:|");
        for (event, default, tuned) in BOUNDS {
            for is_ipv6 in [false, true] {
                let these = rows.iter();
                let these = these.filter(|it| it.cell.event == event && it.cell.is_ipv6 == is_ipv6);
                for row in these {
                    let bound = match row.cell.who {
                        crate::speakers::DEFAULT_NAME => Some(default),
                        crate::speakers::TUNED_NAME => Some(tuned),
                        _ => None,
                    };
                    let peer = rows.iter().find(|it| it.is_of(event, false, PEER));
                    print(row, bound, peer);
                }
            }
        }
    }
}

/// keepalived with its shortest interval.
const PEER: &str = crate::keepalived::SHORTEST_NAME;

fn print(row: &Row, bound: Option<f64>, peer: Option<&Row>) {
    let Row { cell, load } = row;
    let (values, lost) = (&cell.values, &cell.lost);
    let p99 = values[(values.len() - 1) * 99 / 100];
    let max = values.last().copied().unwrap_or_default();
    let median = row.median();
    let [lost_median, lost_max] = [lost.get(lost.len() / 2), lost.last()]
        .map(|it| it.map_or_else(|| "-".to_owned(), ToString::to_string));
    let taken = match cell.taken[..] {
        [] => "-".to_owned(),
        _ => format!("{:.1}", row.taken()),
    };
    let asked = bound.map_or_else(String::new, |bound| {
        // Of what is never to be, one is too many.
        let judged = if bound == 0.0 { max } else { median };
        let met = if judged <= bound { "met" } else { "NOT MET" };
        format!("≤ {bound:.0}: {met}")
    });
    let is_compared = cell.who == crate::speakers::TUNED_NAME
        && !cell.is_ipv6
        && [CUT, SILENT].contains(&cell.event);
    let ratio = peer
        .filter(|_| is_compared)
        .map_or_else(String::new, |peer| {
            let ratio = median / peer.median();
            let of_taken = row.taken() / peer.taken();
            let met = if ratio <= MOST_AGAINST_PEER {
                "met"
            } else {
                "NOT MET"
            };
            format!("{ratio:.2} ≤ {MOST_AGAINST_PEER}: {met} (ARP: {of_taken:.2})")
        });
    let family = if cell.is_ipv6 { ", IPv6" } else { "" };
    println!(
        "| {}{family} | {} | {median:.1} | {p99:.1} | {max:.1} | {lost_median} | {lost_max} | {taken} | {} | {asked} | {ratio} | {load} |",
        cell.event,
        cell.who,
        values.len(),
    );
}
