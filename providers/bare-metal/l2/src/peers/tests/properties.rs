//! What holds in every order of events, losses and partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::cluster::Cluster;
use crate::peers::{NodeId, Timing};

/// Nodes that hear each other do not both announce an address for longer.
const LONGEST_TOGETHER: Duration = Duration::from_millis(200);
/// An address that a node could announce is not silent for longer: a dead process under a living
/// kernel is found within 180 ms; then a candidate may wait for one before it that sees things
/// otherwise.
const LONGEST_SILENCE: Duration = Duration::from_millis(450);
const ADDRESSES: usize = 3;

fn address(number: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, 200 + u8::try_from(number).unwrap()])
}

/// What happens. Numbers stand for nodes; too great ones count from the beginning again.
#[derive(Debug, Clone)]
enum Event {
    Cut(usize),
    Join(usize),
    /// A process ends, with or without a word.
    Stop(usize),
    Leave(usize),
    Restart(usize),
    /// A process is held up for so many milliseconds.
    HeldUp(usize, u64),
    Part(BTreeSet<usize>),
    Heal,
    /// Of a thousand frames so many are lost.
    Loss(u64),
    /// Who may announce an address, in which order.
    Want(usize, Vec<usize>),
}

fn event(count: usize) -> impl Strategy<Value = Event> {
    let node = 0..count;
    let some = prop::collection::btree_set(0..count, 1..count);
    let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
    let wanted = (0..ADDRESSES, order, 0..=count).prop_map(|(address, mut order, length)| {
        order.truncate(length);
        Event::Want(address, order)
    });
    prop_oneof![
        node.clone().prop_map(Event::Cut),
        node.clone().prop_map(Event::Join),
        node.clone().prop_map(Event::Join),
        node.clone().prop_map(Event::Stop),
        node.clone().prop_map(Event::Leave),
        node.clone().prop_map(Event::Restart),
        node.clone().prop_map(Event::Restart),
        (node, 10_u64..400).prop_map(|(node, time)| Event::HeldUp(node, time)),
        some.prop_map(Event::Part),
        Just(Event::Heal),
        (0_u64..60).prop_map(Event::Loss),
        wanted,
    ]
}

/// The cluster, and for how long what must not last has lasted.
struct Watched {
    cluster: Cluster,
    ids: Vec<NodeId>,
    candidates: Vec<BTreeSet<NodeId>>,
    together: BTreeMap<(IpAddr, NodeId, NodeId), Duration>,
    silent: BTreeMap<(IpAddr, NodeId), Duration>,
    longest: (Duration, Duration),
}

impl Watched {
    fn new(count: usize) -> Self {
        let mut cluster = Cluster::new(count, Timing::default());
        let ids = cluster.ids();
        for number in 0..ADDRESSES {
            cluster.want(address(number), &ids);
        }
        cluster.run(Duration::from_millis(100));
        let candidates = vec![ids.iter().copied().collect(); ADDRESSES];
        Self {
            cluster,
            ids,
            candidates,
            together: BTreeMap::new(),
            silent: BTreeMap::new(),
            longest: (Duration::ZERO, Duration::ZERO),
        }
    }

    fn happen(&mut self, event: &Event) {
        let id = |node: &usize| self.ids[node % self.ids.len()];
        let cluster = &mut self.cluster;
        match event {
            Event::Cut(node) => cluster.cut(id(node)),
            Event::Join(node) => cluster.join(id(node)),
            Event::Stop(node) => cluster.stop(id(node)),
            Event::Leave(node) if cluster.is_running(id(node)) => cluster.leave(id(node)),
            Event::Restart(node) if !cluster.is_running(id(node)) => cluster.restart(id(node)),
            Event::HeldUp(node, time) if cluster.is_running(id(node)) => {
                let node = id(node);
                cluster.stop(node);
                self.pass(Duration::from_millis(*time));
                self.cluster.go_on(node);
            }
            Event::Leave(_) | Event::Restart(_) | Event::HeldUp(..) => {}
            Event::Part(side) => cluster.parted = Some(side.iter().map(id).collect()),
            Event::Heal => cluster.parted = None,
            Event::Loss(loss) => cluster.loss = *loss,
            Event::Want(number, order) => {
                let order: Vec<_> = order.iter().map(id).collect();
                cluster.want(address(*number), &order);
                self.candidates[*number] = order.into_iter().collect();
            }
        }
    }

    /// Lets time pass, and looks each millisecond.
    fn pass(&mut self, time: Duration) {
        let step = Duration::from_millis(1);
        let end = self.cluster.now + time;
        while self.cluster.now < end {
            self.cluster.run(step);
            self.look(step);
        }
    }

    fn look(&mut self, step: Duration) {
        let cluster = &self.cluster;
        let (mut together, mut silent) = (BTreeMap::new(), BTreeMap::new());
        let works = |id: &NodeId| cluster.is_running(*id) && cluster.is_connected(*id);
        let hear_each_other = |one: NodeId, other: NodeId| {
            let parted = cluster.parted.as_ref();
            works(&one)
                && works(&other)
                && parted.is_none_or(|it| it.contains(&one) == it.contains(&other))
        };
        for number in 0..ADDRESSES {
            let address = address(number);
            let announcers = cluster.announcers(address);
            for one in &announcers {
                for other in announcers.iter().filter(|it| *it > one) {
                    if hear_each_other(*one, *other) {
                        let key = (address, *one, *other);
                        let before = self.together.get(&key).copied().unwrap_or_default();
                        together.insert(key, before + step);
                    }
                }
            }
            for id in self.candidates[number].iter().filter(|it| works(it)) {
                let is_covered = announcers
                    .iter()
                    .any(|it| it == id || hear_each_other(*it, *id));
                if !is_covered {
                    let before = self
                        .silent
                        .get(&(address, *id))
                        .copied()
                        .unwrap_or_default();
                    silent.insert((address, *id), before + step);
                }
            }
        }
        let longest = |it: Option<&Duration>| it.copied().unwrap_or_default();
        self.longest.0 = self.longest.0.max(longest(together.values().max()));
        self.longest.1 = self.longest.1.max(longest(silent.values().max()));
        (self.together, self.silent) = (together, silent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3000, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn never_two_for_long_and_never_nobody_for_long(
        (count, events) in (2_usize..6).prop_flat_map(|count| {
            let events = prop::collection::vec((event(count), 0_u64..700), 1..25);
            (Just(count), events)
        })
    ) {
        let mut watched = Watched::new(count);
        for (event, time) in &events {
            watched.happen(event);
            watched.pass(Duration::from_millis(*time));
        }
        watched.pass(Duration::from_secs(1));
        let (together, silent) = watched.longest;
        prop_assert!(together <= LONGEST_TOGETHER, "two announce for {together:?}");
        prop_assert!(silent <= LONGEST_SILENCE, "nobody announces for {silent:?}");
    }
}
