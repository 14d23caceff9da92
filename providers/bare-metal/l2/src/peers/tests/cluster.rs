//! Speakers, the network between them, and a clock that is moved by hand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::peers::{Action, Agreement, Boot, Message, NodeId, Timing, Turn, Wish};

/// How long a message takes, and a kernel's answer.
const LATENCY: Duration = Duration::from_micros(300);
/// How exactly a process is woken.
const SLACK: Duration = Duration::from_millis(1);

/// One node.
struct Node {
    name: Arc<str>,
    machine: Agreement,
    /// When it is woken next.
    due: Instant,
    /// Whether its process runs; one that does not hears when it runs again.
    is_running: bool,
    /// Whether its kernel says that nobody listens.
    is_gone: bool,
    /// What has come in while it did not run.
    waiting: Vec<Message>,
    /// Whether frames come and go.
    is_connected: bool,
    /// Whom it holds for alive, with when that changed last.
    pub(super) living: BTreeMap<NodeId, Instant>,
    /// What it announces.
    announced: BTreeSet<IpAddr>,
}

/// What is under way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Flight {
    Message(NodeId, NodeId, usize),
    Kernel(NodeId, NodeId),
    Link(NodeId),
    Refused(NodeId, NodeId),
}

pub(super) struct Cluster {
    pub(super) start: Instant,
    pub(super) now: Instant,
    timing: Timing,
    nodes: BTreeMap<NodeId, Node>,
    /// By when it arrives, and in which order it was sent.
    flights: BinaryHeap<Reverse<(Instant, usize, Flight)>>,
    messages: Vec<Message>,
    sent: usize,
    boots: u64,
    /// Who may announce what.
    wishes: BTreeMap<IpAddr, Vec<NodeId>>,
    /// Who has told the neighbours again, and of what.
    pub(super) reasserted: Vec<(NodeId, IpAddr)>,
    random: u64,
    /// Of a thousand frames so many are lost.
    pub(super) loss: u64,
    /// Who does not get through to whom, though both hear others.
    pub(super) deaf: BTreeSet<(NodeId, NodeId)>,
    /// Pairs of sets that do not hear each other.
    pub(super) parted: Option<BTreeSet<NodeId>>,
    /// Each time that somebody took a running, connected node for dead: who, whom, when.
    pub(super) errors: Vec<(NodeId, NodeId, Duration)>,
}

impl Cluster {
    pub(super) fn new(count: usize, timing: Timing) -> Self {
        let start = Instant::now();
        let mut cluster = Self {
            start,
            now: start,
            timing,
            nodes: BTreeMap::new(),
            flights: BinaryHeap::new(),
            messages: Vec::new(),
            sent: 0,
            boots: 0,
            wishes: BTreeMap::new(),
            reasserted: Vec::new(),
            random: 0x9e37_79b9_7f4a_7c15,
            loss: 0,
            deaf: BTreeSet::new(),
            parted: None,
            errors: Vec::new(),
        };
        for number in 0..count {
            cluster.boot(format!("node-{number}").into());
        }
        let all: BTreeSet<_> = cluster.names();
        for id in cluster.ids() {
            cluster.node(id).machine.members(&all, start);
            cluster.act(id);
        }
        cluster.run(Duration::from_secs(1));
        cluster
    }

    fn names(&self) -> BTreeSet<Arc<str>> {
        self.nodes.values().map(|it| it.name.clone()).collect()
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    /// Starts a node's process, for the first time or again.
    fn boot(&mut self, name: Arc<str>) {
        self.boots += 1;
        let mut machine = Agreement::new(&name, Boot(self.boots), self.timing, self.now);
        machine.members(&self.names(), self.now);
        for (address, candidates) in &self.wishes {
            machine.want(*address, Some(wish(candidates)), self.now);
        }
        let id = NodeId::of(&name);
        let node = Node {
            name,
            machine,
            due: self.now,
            is_running: true,
            is_gone: false,
            waiting: Vec::new(),
            is_connected: true,
            living: BTreeMap::new(),
            announced: BTreeSet::new(),
        };
        self.nodes.insert(id, node);
    }

    /// Starts a node's process again.
    pub(super) fn restart(&mut self, id: NodeId) {
        let is_connected = self.nodes[&id].is_connected;
        self.boot(self.nodes[&id].name.clone());
        self.node(id).is_connected = is_connected;
        self.act(id);
    }

    /// Says to all who may announce an address, the best first; nobody: it is not to be.
    pub(super) fn want(&mut self, address: IpAddr, candidates: &[NodeId]) {
        self.wishes.insert(address, candidates.to_vec());
        for id in self.ids() {
            self.tell(id, address, candidates);
        }
    }

    /// Says it to one alone, as if others were yet to hear it.
    pub(super) fn tell(&mut self, id: NodeId, address: IpAddr, candidates: &[NodeId]) {
        let now = self.now;
        self.node(id)
            .machine
            .want(address, Some(wish(candidates)), now);
        self.act(id);
    }

    /// Who announces an address, of those that run.
    pub(super) fn announcers(&self, address: IpAddr) -> Vec<NodeId> {
        let nodes = self.nodes.iter();
        let announcers = nodes.filter(|(_, it)| it.is_running && it.announced.contains(&address));
        announcers.map(|(id, _)| *id).collect()
    }

    pub(super) fn is_running(&self, id: NodeId) -> bool {
        self.nodes[&id].is_running
    }

    pub(super) fn is_connected(&self, id: NodeId) -> bool {
        self.nodes[&id].is_connected
    }

    /// Tells one who had an address before all were started anew.
    pub(super) fn remember(&mut self, id: NodeId, address: IpAddr, owner: NodeId) {
        self.node(id).machine.remember(address, owner);
    }

    /// Who has an address, as far as one of them knows.
    pub(super) fn owner_by(&self, id: NodeId, address: IpAddr) -> Option<NodeId> {
        self.nodes[&id].machine.owner(address)
    }

    /// Plugs a cable in again.
    pub(super) fn join(&mut self, id: NodeId) {
        self.node(id).is_connected = true;
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    /// Stops the process, for ever or for a while; the kernel goes on.
    pub(super) fn stop(&mut self, id: NodeId) {
        self.node(id).is_running = false;
    }

    /// Ends the process for good; the kernel goes on, and says so.
    pub(super) fn end(&mut self, id: NodeId) {
        self.stop(id);
        self.node(id).is_gone = true;
    }

    /// Lets it go on: it hears what has come in, and then looks at the clock.
    pub(super) fn go_on(&mut self, id: NodeId) {
        let now = self.now;
        let node = self.node(id);
        node.is_running = true;
        for message in std::mem::take(&mut node.waiting) {
            let _ = node.machine.hear(&message, now);
        }
        self.act(id);
    }

    /// The same, but what has come in was too much to be kept.
    pub(super) fn go_on_without_what_came_in(&mut self, id: NodeId) {
        self.node(id).waiting.clear();
        self.go_on(id);
    }

    pub(super) fn cut(&mut self, id: NodeId) {
        self.node(id).is_connected = false;
    }

    pub(super) fn leave(&mut self, id: NodeId) {
        let now = self.now;
        self.node(id).machine.leave(now);
        self.act(id);
        self.stop(id);
    }

    /// Whom a node holds for alive.
    pub(super) fn living(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.nodes[&id].living.keys().copied().collect()
    }

    /// How many messages were sent so far.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// A number below a thousand, by chance that can be repeated.
    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000
    }

    /// Whether a frame gets from one to the other.
    fn passes(&mut self, from: NodeId, to: NodeId) -> bool {
        let is_lost = self.chance() < self.loss;
        let is_parted = self
            .parted
            .as_ref()
            .is_some_and(|it| it.contains(&from) != it.contains(&to));
        let connected = |id: &NodeId| self.nodes[id].is_connected;
        let is_deaf = self.deaf.contains(&(from, to));
        !is_lost && !is_deaf && !is_parted && connected(&from) && connected(&to)
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let ticks = self.nodes.iter().filter(|(_, node)| node.is_running);
            let tick = ticks.map(|(id, node)| (node.due, *id)).min();
            let flight = self.flights.peek().map(|it| it.0.0);
            match (tick, flight) {
                (_, Some(at)) if at <= end && tick.is_none_or(|(tick, _)| at <= tick) => {
                    self.now = self.now.max(at);
                    self.arrive();
                }
                (Some((at, id)), _) if at <= end => {
                    self.now = self.now.max(at);
                    let now = self.now;
                    self.node(id).machine.tick(now);
                    self.act(id);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Runs until something holds, at most so long; tells how long it took.
    pub(super) fn until(&mut self, most: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        while !holds(self) {
            assert!(
                self.now - start <= most,
                "it does not come about within {most:?}"
            );
            self.run(Duration::from_millis(1));
        }
        self.now - start
    }

    fn arrive(&mut self) {
        let Some(Reverse((_, _, flight))) = self.flights.pop() else {
            return;
        };
        let now = self.now;
        match flight {
            Flight::Message(from, to, message) => {
                if !self.passes(from, to) {
                    return;
                }
                let message = self.messages[message].clone();
                let node = self.node(to);
                if node.is_running {
                    let _ = node.machine.hear(&message, now);
                    self.act(to);
                } else if node.is_gone {
                    let refused = Flight::Refused(to, from);
                    self.flights
                        .push(Reverse((now + LATENCY, self.sent, refused)));
                } else {
                    node.waiting.push(message);
                }
            }
            Flight::Kernel(asker, asked) => {
                // Asked three times, each a frame there and one back.
                let answers =
                    (0..3).any(|_| self.passes(asker, asked) && self.passes(asked, asker));
                if answers {
                    self.node(asker).machine.kernel_answered(asked);
                }
            }
            Flight::Refused(from, to) => {
                if self.passes(from, to) {
                    self.node(to).machine.port_refused(from);
                }
            }
            Flight::Link(id) => {
                if self.nodes[&id].is_connected {
                    self.node(id).machine.link_works(now);
                }
            }
        }
    }

    fn act(&mut self, id: NodeId) {
        let now = self.now;
        for action in self.node(id).machine.take_actions() {
            let flight = match action {
                Action::Send(to, message) => {
                    self.messages.push(message);
                    Flight::Message(id, to, self.messages.len() - 1)
                }
                Action::AskKernel(node) => Flight::Kernel(id, node),
                Action::TestLink => Flight::Link(id),
                Action::Lives(node) => {
                    self.node(id).living.insert(node, now);
                    continue;
                }
                Action::Dead(node) => {
                    self.node(id).living.remove(&node);
                    let (own, other) = (&self.nodes[&id], &self.nodes[&node]);
                    if own.is_connected && other.is_running && other.is_connected {
                        self.errors.push((id, node, now - self.start));
                    }
                    continue;
                }
                Action::Turn(address, Turn::Claimed { .. }) => {
                    self.node(id).announced.insert(address);
                    continue;
                }
                Action::Turn(address, Turn::Released) => {
                    self.node(id).announced.remove(&address);
                    continue;
                }
                Action::Turn(address, Turn::Reasserted) => {
                    self.reasserted.push((id, address));
                    continue;
                }
                Action::Moved(_) => continue,
            };
            self.sent += 1;
            self.flights
                .push(Reverse((now + LATENCY, self.sent, flight)));
        }
        let node = self.node(id);
        node.due = node.machine.next_tick() + SLACK;
    }
}

fn wish(candidates: &[NodeId]) -> Wish {
    let candidates = Arc::from(candidates);
    Wish {
        candidates,
        keeps_until_taken: false,
    }
}
