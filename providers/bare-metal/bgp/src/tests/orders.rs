//! Two machines that dial each other, and all orders in which what they say can come (RFC 4271 §6.8).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::bench::*;
use crate::*;

/// What is on its way to a side.
#[derive(Debug)]
enum Item {
    Start,
    Connected,
    Accepted,
    Bytes(Bytes),
    End,
}

/// A connection: what each side calls it, and what is on its way to each.
#[derive(Debug, Default)]
struct Line {
    ids: [Option<ConnectionId>; 2],
    queues: [VecDeque<Item>; 2],
}

/// Two machines that dial each other, and a network that delivers in any order.
struct Net {
    peers: [Peer; 2],
    lines: Vec<Line>,
    now: Instant,
    established: [usize; 2],
    /// Sessions that were there and went.
    lost: [usize; 2],
}

impl Net {
    fn new(settings: [Settings; 2]) -> Self {
        let [ours, theirs] = settings;
        let start = || VecDeque::from([Item::Start]);
        Self {
            peers: [Peer::new(ours, 1), Peer::new(theirs, 2)],
            lines: vec![Line {
                ids: [None; 2],
                queues: [start(), start()],
            }],
            now: Instant::now(),
            established: [0; 2],
            lost: [0; 2],
        }
    }

    /// What may come next: of a connection, to a side.
    fn choices(&self) -> Vec<(usize, usize)> {
        let all = (0..self.lines.len()).flat_map(|line| [(line, 0), (line, 1)]);
        all.filter(|(line, side)| !self.lines[*line].queues[*side].is_empty())
            .collect()
    }

    fn deliver(&mut self, (line, side): (usize, usize)) {
        let item = self.lines[line].queues[side].pop_front().unwrap();
        let (peer, now) = (&mut self.peers[side], self.now);
        let id = self.lines[line].ids[side];
        match (item, id) {
            (Item::Start, _) => peer.start(now),
            (Item::Accepted, _) => match peer.accepted(next_hops(), now) {
                Some(id) => self.lines[line].ids[side] = Some(id),
                None => self.end(line, side),
            },
            (Item::Connected, Some(id)) => peer.connected(id, next_hops(), now),
            (Item::Bytes(bytes), Some(id)) => peer.received(id, &bytes, now),
            (Item::End, Some(id)) => peer.lost(id, None, now),
            // It was refused.
            (_, None) => {}
        }
        self.act(side);
    }

    fn act(&mut self, side: usize) {
        for action in self.peers[side].take_actions() {
            let line = |net: &Self, id| {
                let mut lines = net.lines.iter();
                lines.position(|it| it.ids[side] == Some(id))
            };
            match action {
                Action::Dial(id) => {
                    let mut new = Line::default();
                    new.ids[side] = Some(id);
                    new.queues[side].push_back(Item::Connected);
                    new.queues[1 - side].push_back(Item::Accepted);
                    self.lines.push(new);
                }
                Action::Send(id, bytes) => {
                    let line = line(self, id).expect("a connection");
                    self.lines[line].queues[1 - side].push_back(Item::Bytes(bytes));
                }
                Action::Close(id) => {
                    if let Some(line) = line(self, id) {
                        self.end(line, side);
                    }
                }
                Action::Established(_) => self.established[side] += 1,
                Action::Down(_) => {
                    let is_up = self.established[side] > self.lost[side];
                    self.lost[side] += usize::from(is_up);
                }
            }
        }
    }

    /// A side hears no more of a connection, and the other hears its end.
    fn end(&mut self, line: usize, side: usize) {
        let line = &mut self.lines[line];
        line.queues[side].clear();
        line.queues[1 - side].push_back(Item::End);
    }

    /// Delivers all, by these choices first; how many there were to choose from each time.
    fn run(&mut self, choices: &[usize]) -> Vec<usize> {
        let mut counts = Vec::new();
        loop {
            let all = self.choices();
            if all.is_empty() {
                return counts;
            }
            let choice = choices.get(counts.len()).copied().unwrap_or(0);
            counts.push(all.len());
            self.deliver(all[choice % all.len()]);
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let ticks = self.peers.iter().filter_map(Peer::next_tick);
            let Some(next) = ticks.min().filter(|it| *it <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for side in [0, 1] {
                let now = self.now;
                self.peers[side].tick(now);
                self.act(side);
            }
            self.run(&[]);
        }
        self.now = end;
    }

    /// One session is left, and it is the first that there was.
    fn ends_well(&mut self, choices: &[usize]) -> Vec<usize> {
        let counts = self.run(choices);
        self.pass(Duration::from_secs(20));
        let states = [0, 1].map(|it| self.peers[it].state());
        assert_eq!(states, [State::Established; 2], "{choices:?}");
        assert_eq!(
            (self.established, self.lost),
            ([1; 2], [0; 2]),
            "{choices:?}"
        );
        let ids = [0, 1].map(|it| self.peers[it].established_on());
        assert!(self.lines.iter().any(|it| it.ids == ids), "{choices:?}");
        counts
    }
}

/// We, and a router with this identifier and this autonomous system, who dial each other.
fn both(id: Ipv4Addr, asn: u32) -> [Settings; 2] {
    let ours = Settings {
        remote_asn: RemoteAsn::Number(asn),
        ..settings()
    };
    let theirs = Settings {
        local_asn: asn,
        router_id: id,
        passive: false,
        ..router()
    };
    [ours, theirs]
}

pub(super) const LOWER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(super) const SAME: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
pub(super) const HIGHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);

/// Tries all orders in which what was sent can come; how many there are.
fn every_order(settings: &[Settings; 2]) -> usize {
    let mut choices: Vec<usize> = Vec::new();
    let mut orders = 0;
    loop {
        let counts = Net::new(settings.clone()).ends_well(&choices);
        orders += 1;
        choices.resize(counts.len(), 0);
        // The next order makes another choice, as late as there is one.
        let last = (0..counts.len())
            .rev()
            .find(|it| choices[*it] + 1 < counts[*it]);
        let Some(last) = last else {
            return orders;
        };
        choices.truncate(last + 1);
        choices[last] += 1;
    }
}

#[test]
fn in_every_order_one_session_is_left_if_our_identifier_is_the_greater() {
    assert!(every_order(&both(LOWER, THEIRS)) > 10_000);
}

#[test]
fn in_every_order_one_session_is_left_if_the_routers_is() {
    assert!(every_order(&both(HIGHER, THEIRS)) > 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The same for any identifiers and autonomous systems, and while time passes.
    #[test]
    fn whoever_both_are_one_session_is_left(
        id in prop_oneof![Just(SAME), any::<u32>().prop_map(|it| Ipv4Addr::from(it.max(1)))],
        asn in prop_oneof![Just(THEIRS), Just(OURS), Just(4_200_000_000_u32), 1_u32..20_000],
        choices in prop::collection::vec((0_usize..12, 0_u64..250), 0..40),
    ) {
        prop_assume!(id != SAME || asn != OURS);
        let mut net = Net::new(both(id, asn));
        for (choice, millis) in choices {
            let all = net.choices();
            if let Some(next) = all.get(choice % all.len().max(1)) {
                net.deliver(*next);
            }
            net.now += Duration::from_millis(millis);
            for side in [0, 1] {
                let now = net.now;
                net.peers[side].tick(now);
                net.act(side);
            }
        }
        net.ends_well(&[]);
    }
}
