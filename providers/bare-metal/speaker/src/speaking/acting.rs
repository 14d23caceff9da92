//! What the machines have decided is done here.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use landfall_bare_metal_l2::peers::{Action, Message, NodeId, Statement, Turn, Wish};

use super::Speaking;
use crate::gateways::gateways;
use crate::network::Start;
use crate::report::{self, Report, State};
use crate::transport::Sent;

/// Other nodes whose kernels are asked when our own link is tested.
const MOST_ASKED: usize = 4;

impl Speaking {
    /// Does all that is to be done.
    pub(super) fn act(&mut self) {
        self.see_whether_link_works();
        loop {
            let actions = self.agreement.take_actions();
            if actions.is_empty() {
                return;
            }
            let mut is_moved = false;
            for action in actions {
                match action {
                    Action::Send(to, message) => self.send(to, &message),
                    Action::AskKernel(node) => self.ask_kernel(node),
                    Action::TestLink => self.test_link(),
                    Action::Lives(node) => self.lives(node, true),
                    Action::Dead(node) => self.lives(node, false),
                    Action::Moved(_) => is_moved = true,
                    Action::Turn(address, turn) => self.turn(address, turn),
                }
            }
            if is_moved {
                self.set_others();
                self.wish_all();
            }
        }
    }

    fn send(&mut self, to: NodeId, message: &Message) {
        let datagram = self.keys.seal(to, message);
        match self.transport.send(to, &datagram) {
            Sent::Yes => {}
            Sent::No => {
                self.counts.unsent += 1;
                return;
            }
            Sent::Refused => self.agreement.port_refused(to),
        }
        self.counts.sent += 1;
        self.counts.sent_bytes += datagram.len() as u64;
    }

    fn ask_kernel(&mut self, node: NodeId) {
        let addresses = self.members.get(&node).map(|(_, it)| it.clone());
        let mut addresses = addresses.unwrap_or_default().into_iter();
        let within = self.timing.kernel;
        match addresses.find(|it| self.network.ask(*it, within)) {
            Some(address) => drop(self.asked.insert(address, node)),
            // Behind a router nobody can be asked: its process is given the longer time.
            None => self.agreement.kernel_answered(node),
        }
    }

    /// Asks others who should be there whether they are: any answer shows that our link works.
    fn test_link(&mut self) {
        self.testing = Some(Instant::now());
        let within = self.timing.heartbeat;
        let living = self
            .members
            .iter()
            .filter(|(node, _)| self.agreement.lives(**node));
        let nodes = living
            .filter_map(|(_, (_, it))| it.first().copied())
            .take(MOST_ASKED);
        for address in nodes.chain(gateways()).collect::<Vec<_>>() {
            self.network.ask(address, within);
        }
    }

    /// Whether a frame of another host has come in since our link is being tested, on an interface
    /// that leads to other speakers.
    fn see_whether_link_works(&mut self) {
        let Some(since) = self.testing else {
            return;
        };
        let members = self.members.values().flat_map(|(_, it)| it);
        let mut interfaces = self.network.interfaces().values().filter(|it| {
            it.is_up
                && members
                    .clone()
                    .any(|to| it.own_address_towards(*to).is_some())
        });
        let heard = interfaces.any(|it| self.network.last_heard(it.index) >= Some(since));
        if heard {
            self.testing = None;
            self.agreement.link_works(Instant::now());
        }
    }

    fn lives(&mut self, node: NodeId, is_alive: bool) {
        let Some((name, _)) = self.members.get(&node) else {
            return;
        };
        if is_alive {
            tracing::info!(node = %name, "speaker lives");
        } else {
            tracing::warn!(node = %name, "speaker is dead, or has left");
            self.counts.deaths += 1;
        }
        let peer = report::Peer {
            is_alive,
            since: SystemTime::now(),
        };
        self.peers.insert(name.clone(), peer);
        self.set_others();
        self.changed();
    }

    /// Whose frames contest nothing: those of the other speakers that live.
    fn set_others(&mut self) {
        let living = self.members.keys().filter(|it| self.agreement.lives(**it));
        let statements = living.filter_map(|it| self.agreement.statement(*it));
        let macs = statements.flat_map(|it| it.interfaces().values().map(|it| it.mac));
        self.network.set_others(macs.collect());
    }

    fn turn(&mut self, address: IpAddr, turn: Turn) {
        match turn {
            Turn::Claimed { is_known } => {
                tracing::info!(%address, is_known, "claimed");
                self.counts.claimed += 1;
                let address_report = report::Address {
                    interfaces: Vec::new(),
                    state: State::Probing,
                    since: SystemTime::now(),
                    contested_by: None,
                };
                self.held.insert(address, address_report);
                let start = self.start(address, is_known);
                self.announce(address, start);
            }
            Turn::Released => {
                tracing::info!(%address, "released");
                self.counts.released += 1;
                self.held.remove(&address);
                self.network.withdraw(address);
            }
            Turn::Reasserted => {
                tracing::warn!(%address, "another speaker had it, too; the neighbours are told again");
                self.network.reassert(address);
            }
        }
        self.changed();
    }

    /// An address that another speaker had is known to be free for us.
    fn start(&self, address: IpAddr, is_known: bool) -> Start {
        let pace = self.wanted.get(&address).map(|it| it.pace());
        match pace {
            Some(pace) if !is_known => Start::Probe(pace),
            _ => Start::AtOnce,
        }
    }

    /// Announces an address where it is to be, or goes on where that has changed.
    fn announce(&mut self, address: IpAddr, start: Start) {
        let (Some(wanted), Some(statement)) = (
            self.wanted.get(&address),
            self.agreement.statement(self.own),
        ) else {
            return;
        };
        let names = wanted.interfaces(address, self.own, statement);
        let interfaces = self.network.interfaces().values();
        let on: BTreeSet<u32> = interfaces
            .filter(|it| names.contains(&it.name))
            .map(|it| it.index)
            .collect();
        self.network.announce(address, &on, start);
        if let Some(held) = self.held.get_mut(&address)
            && held.interfaces != names
        {
            held.interfaces = names;
            self.changed();
        }
    }

    /// Says to the machine who may announce an address.
    pub(super) fn wish(&mut self, address: IpAddr) {
        let wish = self.wanted.get(&address).map(|wanted| {
            let statement = |node: NodeId| -> Option<&Statement> { self.agreement.statement(node) };
            let candidates = wanted.candidates(address, statement);
            let keeps = statement(self.own).is_some_and(|it| wanted.keeps(address, self.own, it));
            Wish {
                candidates: candidates.into(),
                keeps_until_taken: keeps,
            }
        });
        self.agreement.want(address, wish, Instant::now());
        if self.held.contains_key(&address) {
            // Of what is announced, or being taken, only the interfaces can change.
            let start = self.start(address, false);
            self.announce(address, start);
        }
    }

    pub(super) fn wish_all(&mut self) {
        for address in self.wanted.keys().copied().collect::<Vec<_>>() {
            self.wish(address);
        }
    }

    /// Ends: whoever is left takes what could not be handed over.
    pub(super) fn leave(&mut self) {
        self.agreement.leave(Instant::now());
        for address in self.agreement.owned().collect::<Vec<_>>() {
            self.network.withdraw(address);
            self.held.remove(&address);
        }
        self.act();
        self.report();
    }

    /// Tells how it is.
    pub(super) fn report(&mut self) {
        let interfaces = self.network.interfaces().values();
        let interfaces = interfaces.filter(|it| !it.subnets.is_empty());
        let interfaces = interfaces.map(|it| report::Interface {
            name: it.name.clone(),
            mac: it.mac,
            subnets: it.subnets.iter().copied().collect(),
            is_up: it.is_up,
        });
        let report = Report {
            addresses: self.held.clone(),
            interfaces: interfaces.collect(),
            peers: self.peers.clone(),
            is_draining: self.is_draining || self.ends.is_some(),
            key_id: Some(self.keys.id()),
        };
        self.teller.reports.send_replace(Arc::new(report));
    }

    /// Tells what has happened.
    pub(super) fn count(&mut self) {
        self.counts.network = self.network.counters().clone();
        self.teller
            .counts
            .send_replace(Arc::new(self.counts.clone()));
    }
}
