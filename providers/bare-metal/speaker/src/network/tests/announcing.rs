use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_bare_metal_l2::{Advertisement, Arp, Frame, Heard, Mac, Pace, Solicitation, hear};

use super::{FOREIGN, OWN, V4, V6};
use crate::network::Start;
use crate::network::announcer::{Announcer, Output};

pub(super) const ETH0: u32 = 2;
pub(super) const ETH1: u32 = 3;
pub(super) const FAST: Start = Start::Probe(Pace::Fast);

/// An announcer and its clock.
pub(super) struct World {
    pub(super) announcer: Announcer,
    start: Instant,
    pub(super) now: Instant,
}

impl World {
    /// With `eth0`, which is up.
    pub(super) fn new() -> Self {
        let start = Instant::now();
        let mut world = Self {
            announcer: Announcer::new(Rng::with_seed(1)),
            start,
            now: start,
        };
        world.interface(ETH0, true);
        world
    }

    pub(super) fn interface(&mut self, index: u32, is_up: bool) {
        let mac = Mac([2, 0, 0, 0, u8::try_from(index - ETH0).unwrap(), 1]);
        self.announcer.interface(index, mac, is_up, self.now);
    }

    pub(super) fn announce(&mut self, address: IpAddr, on: &[u32], start: Start) {
        let on: BTreeSet<_> = on.iter().copied().collect();
        self.announcer.announce(address, &on, start, self.now);
    }

    pub(super) fn hear(&mut self, frame: &[u8]) {
        self.announcer.hear(ETH0, frame, self.now);
    }

    /// What happens up to a time, in milliseconds since the start, in words.
    pub(super) fn until(&mut self, end: u64) -> Vec<String> {
        let end = self.start + Duration::from_millis(end);
        let mut said = self.say();
        while let Some(next) = self.announcer.next().filter(|it| *it <= end) {
            self.now = self.now.max(next);
            self.announcer.tick(self.now);
            said.extend(self.say());
        }
        self.now = end;
        said
    }

    pub(super) fn say(&mut self) -> Vec<String> {
        let at = (self.now - self.start).as_millis();
        let outputs = self.announcer.outputs.drain(..);
        let said = outputs.map(|it| match it {
            Output::Send { interface, frame } => {
                format!("{at} {} on {interface}", what(&frame))
            }
            Output::Announced(_) => format!("{at} announced"),
            Output::Contested(it) => {
                let state = if it.was_announced {
                    "announced"
                } else {
                    "free"
                };
                format!("{at} contested while {state}")
            }
        });
        said.collect()
    }
}

/// Kind of a frame that was sent.
fn what(frame: &Frame) -> &'static str {
    match hear(frame).unwrap().unwrap() {
        Heard::Arp(it) if it.is_probe() => "probe",
        Heard::Arp(it) if it.sender == it.target => "announcement",
        Heard::Solicitation(it) if it.is_probe() => "probe",
        Heard::Advertisement(it) if !it.is_solicited => "announcement",
        _ => "answer",
    }
}

/// Another host says that it has an address.
pub(super) fn claim(address: IpAddr, by: Mac) -> Frame {
    match address {
        IpAddr::V4(it) => Arp::announcement(by, it),
        IpAddr::V6(it) => Advertisement::unsolicited(by, it),
    }
}

/// Another host asks who has an address.
pub(super) fn question(address: IpAddr) -> Frame {
    match address {
        IpAddr::V4(it) => Arp::request(FOREIGN, "192.0.2.10".parse().unwrap(), it),
        IpAddr::V6(it) => Solicitation::request(FOREIGN, "fd00:192:0:2::10".parse().unwrap(), it),
    }
}

#[test]
fn an_address_is_probed_then_announced_in_a_burst_and_probed_again() {
    for address in [V4, V6] {
        let mut world = World::new();
        world.announce(address, &[ETH0], FAST);
        let expected = [
            "0 probe on 2",
            "20 announced",
            "20 announcement on 2",
            "70 announcement on 2",
            "170 announcement on 2",
            "370 announcement on 2",
            "620 probe on 2",
            "770 announcement on 2",
            "1570 announcement on 2",
            "1820 probe on 2",
            "3170 announcement on 2",
        ];
        assert_eq!(world.until(40_000), expected);
        // Refreshed once a minute, more or less.
        assert_eq!(world.until(3_170 + 75_000).len(), 1);
    }
}

#[test]
fn an_address_that_is_taken_over_is_announced_at_once_and_probed_beside() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], Start::AtOnce);
    let said = world.until(700);
    let expected = [
        "0 announced",
        "0 announcement on 2",
        "0 probe on 2",
        "50 announcement on 2",
        "150 announcement on 2",
        "350 announcement on 2",
        "620 probe on 2",
    ];
    assert_eq!(said, expected);
}

#[test]
fn one_that_is_being_probed_can_be_taken_over() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], Start::Probe(Pace::Strict));
    world.until(5);
    world.announce(V4, &[ETH0], Start::AtOnce);
    assert_eq!(world.until(5)[..2], ["5 announced", "5 announcement on 2"]);
    // Once it is announced, nothing begins anew.
    world.until(10);
    world.announce(V4, &[ETH0], Start::AtOnce);
    world.announce(V4, &[ETH0], FAST);
    assert_eq!(world.until(54), [""; 0]);
}

#[test]
fn questions_are_answered_from_the_announcement_on_to_the_withdrawal() {
    for address in [V4, V6] {
        let mut world = World::new();
        world.hear(&question(address));
        world.announce(address, &[ETH0], FAST);
        world.until(19);
        world.hear(&question(address));
        assert_eq!(world.say(), [""; 0], "not announced yet");
        world.until(21);
        world.hear(&question(address));
        assert_eq!(world.say(), ["21 answer on 2"]);
        world.announcer.withdraw(address);
        world.hear(&question(address));
        assert_eq!(world.until(100_000), [""; 0]);
        assert_eq!(world.announcer.counters.answered, 1);
    }
}

#[test]
fn an_address_that_others_have_is_not_announced_and_tried_again_after_ten_seconds() {
    for address in [V4, V6] {
        let mut world = World::new();
        world.announce(address, &[ETH0], FAST);
        world.until(10);
        for _ in 0..3 {
            world.hear(&claim(address, FOREIGN));
        }
        assert_eq!(world.say(), ["10 contested while free"]);
        assert_eq!(world.until(10_009), [""; 0]);
        let said = world.until(10_030);
        let expected = [
            "10010 probe on 2",
            "10030 announced",
            "10030 announcement on 2",
        ];
        assert_eq!(said, expected);
        assert_eq!(world.announcer.counters.contested, 3);
    }
}

#[test]
fn an_announced_address_is_defended_and_told_of_at_most_once_a_second() {
    for address in [V4, V6] {
        let mut world = World::new();
        world.announce(address, &[ETH0], FAST);
        world.until(10_000);
        let mut said = Vec::new();
        for at in (10_000..12_000).step_by(100) {
            said.extend(world.until(at));
            // Not even another one each time makes it more.
            let by = Mac([2, 9, 0, 0, 0, u8::try_from(at / 100 % 256).unwrap()]);
            world.hear(&claim(address, by));
        }
        said.extend(world.say());
        let expected = [
            "10000 announcement on 2",
            "10000 contested while announced",
            "11000 announcement on 2",
            "11000 contested while announced",
        ];
        assert_eq!(said, expected);
    }
}

#[test]
fn what_the_clusters_other_speakers_and_our_own_interfaces_say_contests_nothing() {
    let mut world = World::new();
    world.interface(ETH1, true);
    world.announcer.others(HashSet::from([FOREIGN]));
    world.announce(V4, &[ETH0], FAST);
    let ours = Mac([2, 0, 0, 0, 1, 1]);
    for by in [FOREIGN, OWN, ours] {
        world.hear(&claim(V4, by));
    }
    assert_eq!(world.until(20).last().unwrap(), "20 announcement on 2");
    for by in [FOREIGN, OWN, ours] {
        world.hear(&claim(V4, by));
    }
    assert_eq!(world.say(), [""; 0]);
    assert_eq!(world.announcer.counters.contested, 0);
}

#[test]
fn nothing_is_sent_where_an_interface_is_down_and_all_is_taken_up_when_it_is_back() {
    let mut world = World::new();
    world.interface(ETH0, false);
    world.announce(V4, &[ETH0], FAST);
    world.announce(V6, &[ETH0], Start::AtOnce);
    assert_eq!(world.until(1000), [""; 0]);
    world.interface(ETH0, true);
    let mut said = world.until(1000);
    said.sort();
    let begun = [
        "1000 announced",
        "1000 announcement on 2",
        "1000 probe on 2",
        "1000 probe on 2",
    ];
    assert_eq!(said, begun);
    world.until(1010);
    // Nobody could answer: it is probed anew.
    world.interface(ETH0, false);
    assert_eq!(world.until(5000), [""; 0]);
    world.interface(ETH0, true);
    let mut said = world.until(5020);
    said.sort();
    assert_eq!(said[0], "5000 announcement on 2");
    assert!(said.contains(&"5020 announced".to_owned()), "{said:?}");
    // Both have a whole burst once more, whether the interface was down or away.
    world.until(60_000);
    world.announcer.interface_gone(ETH0, world.now);
    world.until(200_000);
    world.interface(ETH0, true);
    let said = world.until(204_000);
    let announcements = said.iter().filter(|it| it.contains("announcement")).count();
    assert_eq!(announcements, 2 * 7, "{said:?}");
    world.hear(&question(V4));
    assert_eq!(world.say(), ["204000 answer on 2"]);
}

#[test]
fn another_hardware_address_is_told_at_once() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    world.until(60_000);
    world.announcer.interface(ETH0, FOREIGN, true, world.now);
    assert_eq!(world.until(60_000), ["60000 announcement on 2"]);
    let IpAddr::V4(address) = V4 else { panic!() };
    world.hear(&Arp::request(OWN, "192.0.2.10".parse().unwrap(), address));
    let outputs: Vec<_> = world.announcer.outputs.drain(..).collect();
    let [Output::Send { frame, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(frame[6..12], FOREIGN.0);
}

#[test]
fn interfaces_of_an_address_come_and_go() {
    let mut world = World::new();
    world.interface(ETH1, true);
    world.announce(V4, &[ETH0], FAST);
    world.until(60_000);
    world.announce(V4, &[ETH0, ETH1], FAST);
    assert_eq!(world.until(60_000), ["60000 announcement on 3"]);
    world.announce(V4, &[ETH1], FAST);
    world.hear(&question(V4));
    assert_eq!(world.say(), [""; 0], "it is not here any more");
    world.announcer.reassert(V4, world.now);
    assert_eq!(world.until(60_000), ["60000 announcement on 3"]);
}

#[test]
fn what_is_malformed_is_counted_by_what_is_wrong() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    world.hear(&question(V4)[..20]);
    world.hear(&[0; 3]);
    let counted: BTreeMap<_, _> = world
        .announcer
        .counters
        .malformed
        .iter()
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(what, count)| (what.to_string(), *count))
        .collect();
    assert_eq!(counted, BTreeMap::from([("truncated".to_owned(), 2)]));
}

#[test]
fn a_thousand_addresses_are_due_one_by_one() {
    let mut world = World::new();
    for number in 0..1000_u32 {
        let address = IpAddr::V4((0x0a00_0000 + number).into());
        world.announce(address, &[ETH0], FAST);
    }
    let said = world.until(4000);
    assert_eq!(said.len(), 1000 * 11);
    for number in 0..1000_u32 {
        world
            .announcer
            .withdraw(IpAddr::V4((0x0a00_0000 + number).into()));
    }
    assert_eq!(world.announcer.next(), None);
}
