//! What happens to speakers, and what a client sees of it.

use std::net::IpAddr;
use std::time::Duration;

use kube::Api;
use kube::api::DeleteParams;
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_test_network::{Answer, Lan, Microseconds, Probe, now};
use landfall_test_process::Way;

use crate::speakers::{Fault, Speakers, V4, rest};
use crate::table::{self, Cell, Table};

/// From one datagram of the client to the next.
pub const EVERY: Duration = Duration::from_millis(10);
/// From one question by ARP or NDP to the next.
pub const ASKED: Duration = Duration::from_millis(2);
/// What comes late is seen as well.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// An answer may be under way so long.
const UNDER_WAY: Microseconds = 100_000;

/// One client that uses an address, and another that asks who has it.
pub struct Seen {
    pub ping: Probe,
    pub asked: Probe,
}

/// What was seen of a fault.
pub struct Outage {
    /// Longest time between two answers, less the interval.
    pub millis: f64,
    pub lost: usize,
    /// Until another answers by ARP or NDP.
    pub taken: f64,
}

impl Seen {
    pub fn of(lan: &Lan, address: IpAddr) -> Self {
        Self {
            ping: Probe::ping(lan, "client", address, EVERY),
            asked: Probe::who_has(lan, "router", address, ASKED),
        }
    }

    /// The start of a stretch of time: an answer has just come in.
    pub fn begin(&self) -> Microseconds {
        self.ping.answer_after(now()).at
    }

    /// What was seen of a fault, once another host has the address.
    pub fn outage(&self, start: Microseconds, faulted: Microseconds, of: &str) -> Outage {
        let taken = first_of_another(&self.asked, faulted, of);
        self.ping.answer_after(taken.at);
        self.ping.pass(AFTERWARDS);
        let gap = self.ping.longest_gap(start, now());
        Outage {
            millis: millis(gap.saturating_sub(EVERY)),
            lost: self.ping.lost(start, now() - UNDER_WAY),
            taken: millis(Duration::from_micros(taken.at - faulted)),
        }
    }

    /// From then on: how many datagrams were lost, and how often the address moved.
    pub fn unrest(&self, start: Microseconds) -> (usize, usize) {
        let until = now();
        let moves = self.asked.owners(start, until).len().saturating_sub(1);
        (self.ping.lost(start, until - UNDER_WAY), moves)
    }
}

fn first_of_another(asked: &Probe, since: Microseconds, mac: &str) -> Answer {
    let mut since = since;
    loop {
        let answer = asked.answer_after(since);
        if answer.by != mac {
            return answer;
        }
        since = answer.at;
    }
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

pub async fn failover(
    speakers: &mut Speakers,
    fault: Fault,
    address: IpAddr,
    runs: usize,
    table: &Table,
) {
    let seen = Seen::of(&speakers.world.lan, address);
    let mut outages = Vec::new();
    for _ in 0..runs {
        let owner = speakers.owner(address).await;
        let mac = speakers.world.lan.mac(&owner).to_string();
        rest().await;
        let start = seen.begin();
        let faulted = now();
        speakers.inflict(fault, &owner).await;
        outages.push(seen.outage(start, faulted, &mac));
        speakers.repair(fault, &owner).await;
    }
    add(table, fault, address.is_ipv6(), speakers.name, &outages);
}

/// Adds what was seen of a fault.
pub fn add(table: &Table, fault: Fault, is_ipv6: bool, who: &'static str, outages: &[Outage]) {
    let event = match fault {
        Fault::Cut => table::CUT,
        Fault::Silent => table::SILENT,
        Fault::Kill => table::KILL,
        Fault::Term => table::TERM,
        Fault::Drain => table::DRAIN,
    };
    table.add(Cell {
        event,
        is_ipv6,
        who,
        values: outages.iter().map(|it| it.millis).collect(),
        lost: outages.iter().map(|it| it.lost).collect(),
        taken: outages.iter().map(|it| it.taken).collect(),
    });
    if fault == Fault::Kill {
        table.add(Cell {
            event: table::KILL_ARP,
            is_ipv6,
            who,
            values: outages.iter().map(|it| it.taken).collect(),
            lost: Vec::new(),
            taken: Vec::new(),
        });
    }
}

/// By turns a node that had the address returns, and one comes that nobody has heard of.
pub async fn join(speakers: &mut Speakers, runs: usize, table: &Table) {
    let seen = Seen::of(&speakers.world.lan, V4);
    let mut unrest = Vec::new();
    for run in 0..runs {
        let owner = speakers.owner(V4).await;
        let hosts = speakers.hosts();
        let other = hosts.iter().find(|it| **it != owner).unwrap().clone();
        let host = if run % 2 == 0 { owner } else { other };
        speakers.world.signal(&host, "TERM");
        speakers.world.speakers.remove(&host);
        speakers.until_dead(&host).await;
        if run % 2 == 1 {
            let statuses = Api::<SpeakerStatus>::all(speakers.world.client.clone());
            let node = speakers.world.node(&host);
            let parameters = DeleteParams::default();
            statuses.delete(&node, &parameters).await.unwrap();
        }
        rest().await;
        let start = seen.begin();
        speakers.start(&host);
        speakers.until_all_know_each_other().await;
        seen.ping.pass(AFTERWARDS * 2);
        unrest.push(seen.unrest(start));
    }
    add_unrest(
        table,
        [table::JOIN, table::JOIN_MOVED],
        speakers.name,
        &unrest,
    );
}

/// By turns it is silent, and refuses.
pub fn api_away(speakers: &Speakers, runs: usize, table: &Table) {
    let seen = Seen::of(&speakers.world.lan, V4);
    let mut unrest = Vec::new();
    for run in 0..runs {
        let way = if run % 2 == 0 {
            Way::Silent
        } else {
            Way::Refused
        };
        let start = seen.begin();
        speakers.world.api_is(way);
        seen.ping.pass(Duration::from_secs(2));
        speakers.world.api_is(Way::Open);
        seen.ping.pass(AFTERWARDS);
        unrest.push(seen.unrest(start));
    }
    add_unrest(
        table,
        [table::API, table::API_MOVED],
        speakers.name,
        &unrest,
    );
}

fn add_unrest(
    table: &Table,
    [lost, moved]: [&'static str; 2],
    who: &'static str,
    unrest: &[(usize, usize)],
) {
    let interval = millis(EVERY);
    table.add(Cell {
        event: lost,
        is_ipv6: false,
        who,
        values: unrest.iter().map(|it| it.0 as f64 * interval).collect(),
        lost: unrest.iter().map(|it| it.0).collect(),
        taken: Vec::new(),
    });
    table.add(Cell {
        event: moved,
        is_ipv6: false,
        who,
        values: unrest.iter().map(|it| it.1 as f64).collect(),
        lost: Vec::new(),
        taken: Vec::new(),
    });
}

/// From the request that writes the status.
pub async fn service(speakers: &Speakers, runs: usize, table: &Table) {
    let hosts = speakers.hosts();
    let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
    let mut values = Vec::new();
    for run in 0..runs {
        let address = format!("192.0.2.{}", 201 + run % 39);
        let name = format!("new-{run}");
        let world = &speakers.world;
        world.service(&name, &[], "Cluster", &hosts).await;
        let parsed = address.parse().unwrap();
        let asked = Probe::who_has(&world.lan, "client", parsed, ASKED);
        rest().await;
        let start = now();
        world.give(&name, &[&address]).await;
        let answer = asked.answer_after(start);
        values.push(millis(Duration::from_micros(answer.at - start)));
        world.delete(&name).await;
    }
    table.add(Cell {
        event: table::SERVICE,
        is_ipv6: false,
        who: speakers.name,
        values,
        lost: Vec::new(),
        taken: Vec::new(),
    });
}
