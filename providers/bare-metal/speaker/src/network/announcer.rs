//! Which addresses are announced on which interfaces, and what is said and answered for them. It
//! does no I/O and reads no clock: frames come in as bytes and go out as bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use fastrand::Rng;
use landfall_bare_metal_l2::{Frame, Mac, Malformed, Reaction, Responder};

use super::holding::{Holding, Start};

/// What is to be done, or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// A frame goes out on an interface.
    Send { interface: u32, frame: Frame },
    /// An address is announced from now on.
    Announced(IpAddr),
    /// Somebody outside of the cluster has an address.
    Contested(Contested),
}

/// Somebody outside of the cluster has an address, or wants it at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contested {
    /// The address.
    pub address: IpAddr,
    /// The index of the interface on which that was heard.
    pub interface: u32,
    /// Who says so.
    pub by: Mac,
    /// Whether it is announced here, and therefore was defended. If not, it is not announced either
    /// before nobody else answers for it; that is tried every ten seconds.
    pub was_announced: bool,
}

/// What has happened so often, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were dropped, by what is wrong with them.
    pub malformed: HashMap<Malformed, u64>,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not answered, because their sender has asked too often.
    pub limited: u64,
    /// Claims of others for an address of ours.
    pub contested: u64,
    /// Announcements that nobody asked for.
    pub gratuitous: u64,
    /// Frames that could not be sent: the queue of their interface was full, or it was away.
    pub unsent: u64,
}

/// An interface of the node.
#[derive(Debug)]
struct Wire {
    mac: Mac,
    is_up: bool,
    responder: Responder,
}

/// All addresses and interfaces of a node.
#[derive(Debug)]
pub(super) struct Announcer {
    wires: BTreeMap<u32, Wire>,
    holdings: HashMap<IpAddr, Holding>,
    /// What is due when: each address stands here at most once.
    due: BTreeSet<(Instant, IpAddr)>,
    /// Interfaces of the cluster's other speakers.
    others: HashSet<Mac>,
    random: Rng,
    pub(super) counters: Counters,
    pub(super) outputs: VecDeque<Output>,
}

impl Announcer {
    pub(super) fn new(random: Rng) -> Self {
        Self {
            wires: BTreeMap::new(),
            holdings: HashMap::new(),
            due: BTreeSet::new(),
            others: HashSet::new(),
            random,
            counters: Counters::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The hardware addresses of the cluster's other speakers. Among these an owner is settled in
    /// another way: what they say of an address contests nothing.
    pub(super) fn others(&mut self, others: HashSet<Mac>) {
        self.others = others;
    }

    /// An interface is there, and up or not; or that has changed.
    pub(super) fn interface(&mut self, index: u32, mac: Mac, is_up: bool, now: Instant) {
        let known = self.wires.get_mut(&index).filter(|it| it.mac == mac);
        let is_new = known.is_none();
        if let Some(wire) = known {
            if wire.is_up == is_up {
                return;
            }
            wire.is_up = is_up;
        } else {
            let responder = Responder::new(mac, now);
            let wire = Wire {
                mac,
                is_up,
                responder,
            };
            self.wires.insert(index, wire);
        }
        for address in self.addresses_on(index) {
            if is_new {
                self.listen(address, index);
            }
            let Some(holding) = self.holdings.get_mut(&address) else {
                continue;
            };
            if is_up {
                holding.up(index, now);
            } else {
                holding.down(index);
            }
            self.schedule(address, now);
        }
    }

    /// An interface is no more. What was to be announced there is taken up if it comes back.
    pub(super) fn interface_gone(&mut self, index: u32, now: Instant) {
        self.wires.remove(&index);
        for address in self.addresses_on(index) {
            if let Some(holding) = self.holdings.get_mut(&address) {
                holding.down(index);
            }
            self.schedule(address, now);
        }
    }

    fn addresses_on(&self, interface: u32) -> Vec<IpAddr> {
        let on = self.holdings.iter().filter(|(_, it)| it.is_on(interface));
        on.map(|(address, _)| *address).collect()
    }

    /// Begins to announce an address on these interfaces, and on no other. One that is announced
    /// already stays so; it is told of where it was not announced before.
    pub(super) fn announce(
        &mut self,
        address: IpAddr,
        on: &BTreeSet<u32>,
        start: Start,
        now: Instant,
    ) {
        let holding = self
            .holdings
            .entry(address)
            .or_insert_with(|| Holding::new(start));
        if start == Start::AtOnce {
            holding.take_over();
        }
        let old: BTreeSet<_> = holding.interfaces().collect();
        for interface in on.difference(&old) {
            holding.add(*interface);
            if self.wires.get(interface).is_some_and(|it| it.is_up) {
                holding.up(*interface, now);
            }
        }
        for interface in old.difference(on) {
            holding.remove(*interface);
            if let Some(wire) = self.wires.get_mut(interface) {
                wire.responder.withdraw(address);
            }
        }
        for interface in on.difference(&old) {
            self.listen(address, *interface);
        }
        self.schedule(address, now);
    }

    /// Is silent about an address from now on.
    pub(super) fn withdraw(&mut self, address: IpAddr) {
        let Some(holding) = self.holdings.remove(&address) else {
            return;
        };
        if let Some(at) = holding.scheduled {
            self.due.remove(&(at, address));
        }
        for interface in holding.interfaces() {
            if let Some(wire) = self.wires.get_mut(&interface) {
                wire.responder.withdraw(address);
            }
        }
    }

    /// Tells everybody anew of an address that is announced.
    pub(super) fn reassert(&mut self, address: IpAddr, now: Instant) {
        if let Some(holding) = self.holdings.get_mut(&address) {
            holding.reassert(now);
            self.schedule(address, now);
        }
    }

    /// The interfaces on which an address is to be announced; none if it is not.
    pub(super) fn interfaces_of(&self, address: IpAddr) -> BTreeSet<u32> {
        let holding = self.holdings.get(&address);
        holding.into_iter().flat_map(Holding::interfaces).collect()
    }

    /// Whether an address is to be announced on an interface.
    pub(super) fn is_used(&self, interface: u32) -> bool {
        self.holdings.values().any(|it| it.is_on(interface))
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        let mut probes = Vec::new();
        while let Some((at, address)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, address));
            let Some(holding) = self.holdings.get_mut(&address) else {
                continue;
            };
            holding.scheduled = None;
            let due = holding.step(now, &mut self.random);
            if due.begins {
                for interface in self.interfaces_of(address) {
                    self.listen(address, interface);
                }
                self.outputs.push_back(Output::Announced(address));
            }
            for interface in due.announce {
                self.counters.gratuitous += 1;
                self.send(interface, |it| it.announcement(address));
            }
            probes.extend(due.probe.into_iter().map(|interface| (interface, address)));
            self.schedule(address, now);
        }
        // Others may follow what is announced as soon as it is sent; an answer to a probe can wait.
        for (interface, address) in probes {
            self.send(interface, |it| it.probe_frame(address));
        }
    }

    /// A frame came in.
    pub(super) fn hear(&mut self, interface: u32, frame: &[u8], now: Instant) {
        let Some(wire) = self.wires.get_mut(&interface) else {
            return;
        };
        match wire.responder.hear(frame, now) {
            Ok(Reaction::Nothing) => {}
            Ok(Reaction::Answer(frame)) => {
                self.counters.answered += 1;
                self.outputs.push_back(Output::Send { interface, frame });
            }
            Ok(Reaction::Limited) => self.counters.limited += 1,
            Ok(Reaction::Contested { address, by }) => {
                // Two interfaces of one node may be at the same network.
                let is_ours = self.wires.values().any(|it| it.mac == by);
                if !is_ours && !self.others.contains(&by) {
                    self.contested(address, interface, by, now);
                }
            }
            Err(malformed) => *self.counters.malformed.entry(malformed).or_default() += 1,
        }
    }

    fn contested(&mut self, address: IpAddr, interface: u32, by: Mac, now: Instant) {
        let Some(holding) = self.holdings.get_mut(&address) else {
            return;
        };
        self.counters.contested += 1;
        let was_announced = holding.is_announced();
        let claimed = holding.claimed(now);
        if claimed.is_defended {
            self.counters.gratuitous += 1;
            self.send(interface, |it| it.announcement(address));
        }
        if claimed.is_told {
            self.outputs.push_back(Output::Contested(Contested {
                address,
                interface,
                by,
                was_announced,
            }));
        }
        self.schedule(address, now);
    }

    /// Lets an interface answer for an address, or only listen for it, as things stand.
    fn listen(&mut self, address: IpAddr, interface: u32) {
        let holding = self.holdings.get(&address);
        if let (Some(holding), Some(wire)) = (holding, self.wires.get_mut(&interface)) {
            if holding.is_announced() {
                wire.responder.announce(address);
            } else {
                wire.responder.probe(address);
            }
        }
    }

    fn send(&mut self, interface: u32, frame: impl FnOnce(&Responder) -> Frame) {
        if let Some(wire) = self.wires.get(&interface) {
            let frame = frame(&wire.responder);
            self.outputs.push_back(Output::Send { interface, frame });
        }
    }

    /// Puts an address where it belongs in the order of what is due.
    fn schedule(&mut self, address: IpAddr, now: Instant) {
        let Some(holding) = self.holdings.get_mut(&address) else {
            return;
        };
        let next = holding.next(now);
        if next == holding.scheduled {
            return;
        }
        if let Some(at) = holding.scheduled {
            self.due.remove(&(at, address));
        }
        if let Some(at) = next {
            self.due.insert((at, address));
        }
        holding.scheduled = next;
    }
}
