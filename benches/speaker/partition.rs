//! A partition that heals, and a failure soon after.

use std::time::Duration;

use landfall_test_network::{Probe, now};

use crate::rows::{Seen, millis};
use crate::speakers::{Fault, Speakers, V4, rest};
use crate::table::{self, Cell, Table};

/// How long the parts are apart at least.
const APART: Duration = Duration::from_secs(1);
/// By then there is one owner, or the table shows this.
const SEEN: Duration = Duration::from_secs(3);
/// After that, to the next failure: 15 s from the heal.
const REST: Duration = Duration::from_secs(12);

/// The node that announces is parted from all others; they take its address; both parts meet again.
pub async fn heal(speakers: &mut Speakers, runs: usize, table: &Table) {
    let seen = Seen::of(&speakers.world.lan, V4);
    let (mut healed, mut lost, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let owner = speakers.owner(V4).await;
        let mac = speakers.world.lan.mac(&owner).to_string();
        rest().await;
        let start = seen.begin();
        let faulted = now();
        speakers.world.lan.part(&[&owner]);
        seen.outage(start, faulted, &mac);
        speakers.until_dead(&owner).await;
        tokio::time::sleep(APART).await;
        let start = seen.begin();
        speakers.world.lan.heal();
        let done = now();
        seen.asked.pass(SEEN);
        healed.push(one_owner_after(&seen.asked, start, done));
        lost.push(seen.ping.lost(start, now() - 100_000));
        speakers.until_all_know_each_other().await;
        tokio::time::sleep(REST).await;
        let owner = speakers.owner(V4).await;
        let mac = speakers.world.lan.mac(&owner).to_string();
        let start = seen.begin();
        let faulted = now();
        speakers.inflict(Fault::Silent, &owner).await;
        second.push(seen.outage(start, faulted, &mac));
        speakers.repair(Fault::Silent, &owner).await;
    }
    let cell = |event, values, lost, taken| Cell {
        event,
        is_ipv6: false,
        who: speakers.name,
        values,
        lost,
        taken,
    };
    table.add(cell(table::HEAL, healed, lost, Vec::new()));
    let outages = second.iter().map(|it| it.millis).collect();
    let lost = second.iter().map(|it| it.lost).collect();
    let taken = second.iter().map(|it| it.taken).collect();
    table.add(cell(table::SECOND, outages, lost, taken));
}

/// From the moment that both are heard (at the latest when the command that heals is done) to the last
/// answer of the one that does not stay.
fn one_owner_after(asked: &Probe, start: u64, done: u64) -> f64 {
    let answers = asked.answers();
    let since: Vec<_> = answers.iter().filter(|it| it.at >= start).collect();
    let Some(stays) = since.last() else {
        panic!("nobody answers any more");
    };
    let Some(last_of_other) = since.iter().rfind(|it| it.by != stays.by) else {
        return 0.0;
    };
    let first_by = &since[0].by;
    let both = since.iter().find(|it| it.by != *first_by);
    let begin = both.map_or(done, |it| it.at.min(done));
    millis(Duration::from_micros(
        last_of_other.at.saturating_sub(begin),
    ))
}
