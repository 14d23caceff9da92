//! What speakers report: who announces which address. Judges and remembers; reads no clock.
//!
//! Kept is only what the conditions of Services turn on, and what changes costs no more than the
//! addresses that it concerns. In a fail-over the reports of two nodes change at two moments: what
//! was told of an address is kept until the new owner's report is there, for at most [`HOLD`].

mod living;
mod pace;
mod report;
mod routers;
mod subnets;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_bare_metal_resources::kinds::{AddressState, SpeakerStatus};

pub(crate) use pace::Pace;
pub(crate) use report::Claim;
pub(crate) use routers::{Peer, Reported};

use living::Council;
use report::{Report, named};
use routers::Routers;
use subnets::Subnets;

/// The name of a node, and of its speaker's report.
pub(crate) type Node = Arc<str>;

/// How long an address that was announced by one node is told to be so while none or several
/// report it.
pub(crate) const HOLD: Duration = Duration::from_secs(3);

/// Who announces an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// No speaker that counts.
    #[default]
    Nobody,
    /// None, since another host has it: a node that would, and the host's MAC address.
    Contested(Node, Option<Arc<str>>),
    /// These nodes; more than one only while their speakers do not hear each other.
    Announced(BTreeMap<Node, On>),
}

/// Where a node announces an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct On {
    /// The names of the interfaces.
    pub(crate) interfaces: Arc<[Arc<str>]>,
    /// The MAC address of a host that answers for the address, too.
    pub(crate) contested_by: Option<Arc<str>>,
}

/// All reports, and what follows from them.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    reports: BTreeMap<Node, Report>,
    /// The nodes that there are: a report outlives the node that it is of.
    nodes: BTreeSet<Node>,
    /// The names of all nodes that reports speak of, each once.
    known: BTreeSet<Node>,
    /// The speakers that have lost somebody's.
    losers: BTreeMap<Node, BTreeSet<Node>>,
    /// Those whose reports have no room for all that they announce.
    cut: BTreeSet<Node>,
    /// Those whose speakers the others have lost.
    dead: BTreeSet<Node>,
    subnets: Subnets,
    routers: Routers,
    places: HashMap<IpAddr, Place>,
    /// When what is told of an address is kept no longer.
    due: BTreeSet<(Instant, IpAddr)>,
    was_cut: bool,
    changed: Changed,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct Place {
    /// Whose reports name it.
    nodes: BTreeSet<Node>,
    /// What is told of it.
    told: View,
    /// Until when that is kept, though the reports say otherwise.
    until: Option<Instant>,
}

/// Of what another thing is told than before.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// These addresses.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Every address that no report names.
    pub(crate) unlisted: bool,
    /// The routers of these objects.
    pub(crate) peers: BTreeSet<Peer>,
}

impl Speakers {
    /// What is told of an address.
    pub(crate) fn view(&self, address: IpAddr) -> &View {
        const NOBODY: &View = &View::Nobody;
        self.places
            .get(&address)
            .map_or(NOBODY, |place| &place.told)
    }

    /// A speaker that announces more addresses than its report lists, if there is one: of others than
    /// the listed ones nothing is known then.
    pub(crate) fn cut(&self) -> Option<&Node> {
        self.cut.iter().find(|node| self.counts(node))
    }

    /// Whether no speaker has reported.
    pub(crate) fn are_silent(&self) -> bool {
        self.reports.is_empty()
    }

    /// Whether a node reports an interface whose subnet has this address.
    pub(crate) fn reach(&self, address: IpAddr) -> bool {
        self.subnets.have(address)
    }

    /// Takes in a report.
    pub(crate) fn put(&mut self, object: &SpeakerStatus, now: Instant) {
        let Some(name) = &object.metadata.name else {
            return;
        };
        let node = named(name, &mut self.known);
        let report = Report::of(object, &mut self.known);
        self.changed.unlisted |= self.are_silent();
        let before = self.reports.insert(node.clone(), report);
        self.differs(&node, &before.unwrap_or_default(), now);
    }

    /// Forgets the report of this name.
    pub(crate) fn remove(&mut self, name: &str, now: Instant) {
        if let Some((node, before)) = self.reports.remove_entry(name) {
            self.changed.unlisted |= self.are_silent();
            self.differs(&node, &before, now);
            drop((node, before));
            self.tidy_names();
        }
    }

    /// The names of the reports.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.reports.keys().map(ToString::to_string).collect()
    }

    /// There is a node of this name.
    pub(crate) fn put_node(&mut self, name: &str, now: Instant) {
        if !self.nodes.contains(name) {
            self.nodes.insert(named(name, &mut self.known));
            self.node_differs(name, now);
        }
    }

    /// There is no node of this name any more.
    pub(crate) fn remove_node(&mut self, name: &str, now: Instant) {
        if self.nodes.remove(name) {
            self.node_differs(name, now);
            self.tidy_names();
        }
    }

    /// The names of the nodes.
    pub(crate) fn nodes(&self) -> BTreeSet<String> {
        self.nodes.iter().map(ToString::to_string).collect()
    }

    /// Tells what was kept for long enough as it is now.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.changed.unlisted |= self.routers.tick(now);
        while let Some((at, address)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let view = self.reported(address);
            let place = self.places.entry(address).or_default();
            place.until = None;
            place.told = view;
            self.changed.addresses.insert(address);
            self.tidy(address);
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        let first = self.due.first().map(|(at, _)| *at);
        first.into_iter().chain(self.routers.next_tick()).min()
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Whether nothing is known but the nodes.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        let Self {
            reports,
            known,
            nodes,
            losers,
            cut,
            dead,
            subnets,
            routers,
            places,
            due,
            ..
        } = self;
        let left = usize::from(!subnets.are_none())
            + usize::from(*routers != Routers::default())
            + reports.len()
            + losers.len()
            + cut.len()
            + dead.len()
            + places.len();
        left + due.len() == 0 && known.len() == nodes.len()
    }

    /// Whether a report of this name counts.
    fn counts(&self, node: &str) -> bool {
        self.nodes.contains(node) && !self.dead.contains(node)
    }

    /// A report is another than it was.
    fn differs(&mut self, node: &Node, before: &Report, now: Instant) {
        let none = Report::default();
        let report = self.reports.get(node);
        let after = report.unwrap_or(&none);
        self.changed.unlisted |= self.subnets.change(before, after);
        let claims = before.claims.keys().chain(after.claims.keys());
        let other = |at: &&IpAddr| before.claims.get(*at) != after.claims.get(*at);
        let mut addresses: BTreeSet<IpAddr> = claims.filter(other).copied().collect();
        for address in &addresses {
            let nodes = &mut self.places.entry(*address).or_default().nodes;
            if after.claims.contains_key(address) {
                nodes.insert(node.clone());
            } else {
                nodes.remove(node);
            }
        }
        if after.is_cut {
            self.cut.insert(node.clone());
        } else {
            self.cut.remove(node);
        }
        for peer in before
            .lost
            .keys()
            .filter(|it| !after.lost.contains_key(*it))
        {
            if let Some(losers) = self.losers.get_mut(peer) {
                losers.remove(node);
                if losers.is_empty() {
                    self.losers.remove(peer);
                }
            }
        }
        for peer in after.lost.keys() {
            let losers = self.losers.entry(peer.clone()).or_default();
            losers.insert(node.clone());
        }
        let has_sessions = before.sessions != after.sessions;
        if has_sessions {
            let peers = before.sessions.keys().chain(after.sessions.keys());
            self.changed.peers.extend(peers.cloned());
        }
        let dead = self.dead.clone();
        // Without a loss nobody is dead, whatever else is said.
        if !self.losers.is_empty() || !self.dead.is_empty() {
            addresses.extend(self.judge());
        }
        if has_sessions || dead != self.dead {
            self.settle_routers(now);
        }
        self.settle(addresses, now);
    }

    fn node_differs(&mut self, name: &str, now: Instant) {
        let mut addresses = self.claimed_by(name);
        addresses.extend(self.judge());
        self.settle_routers(now);
        self.settle(addresses, now);
    }

    fn claimed_by(&self, name: &str) -> BTreeSet<IpAddr> {
        let report = self.reports.get(name).into_iter();
        report.flat_map(|it| it.claims.keys().copied()).collect()
    }

    /// Judges anew whose speakers are dead. Returns the addresses that this concerns.
    fn judge(&mut self) -> BTreeSet<IpAddr> {
        let council = Council {
            reports: &self.reports,
            losers: &self.losers,
            nodes: &self.nodes,
        };
        let dead = council.dead();
        let before = std::mem::replace(&mut self.dead, dead);
        let other = before.symmetric_difference(&self.dead);
        other.flat_map(|node| self.claimed_by(node)).collect()
    }

    /// What the reports that count say of an address.
    fn reported(&self, address: IpAddr) -> View {
        let nodes = self.places.get(&address).into_iter();
        let nodes = nodes.flat_map(|place| &place.nodes);
        let counting = nodes.filter(|node| self.counts(node));
        let claims = counting.filter_map(|node| {
            let claim = self.reports.get(node)?.claims.get(&address)?;
            Some((node.clone(), claim))
        });
        let claims: Vec<_> = claims.collect();
        let announced = claims
            .iter()
            .filter(|(_, it)| it.state == AddressState::Announced);
        let announced: BTreeMap<_, _> = announced
            .map(|(node, claim)| (node.clone(), on(claim)))
            .collect();
        if !announced.is_empty() {
            return View::Announced(announced);
        }
        let mut contested = claims.into_iter();
        let contested = contested.find(|(_, it)| it.state == AddressState::Contested);
        contested.map_or(View::Nobody, |(node, claim)| {
            View::Contested(node, claim.contested_by.clone())
        })
    }

    /// Tells of these addresses what the reports say now, or a while later.
    fn settle(&mut self, addresses: BTreeSet<IpAddr>, now: Instant) {
        for address in addresses {
            let view = self.reported(address);
            let place = self.places.entry(address).or_default();
            if view == place.told || !is_passing(&place.told, &view) {
                if let Some(until) = place.until.take() {
                    self.due.remove(&(until, address));
                }
                if view != place.told {
                    place.told = view;
                    self.changed.addresses.insert(address);
                }
                self.tidy(address);
            } else if place.until.is_none() {
                let until = now + HOLD;
                place.until = Some(until);
                self.due.insert((until, address));
            }
        }
        let is_cut = self.cut().is_some();
        if std::mem::replace(&mut self.was_cut, is_cut) != is_cut {
            self.changed.unlisted = true;
        }
    }

    /// Forgets the names that nobody uses any more.
    fn tidy_names(&mut self) {
        self.known.retain(|node| Arc::strong_count(node) > 1);
    }

    /// Forgets an address that nobody names and nothing is told of.
    fn tidy(&mut self, address: IpAddr) {
        let is_idle = |place: &Place| place.nodes.is_empty() && place.told == View::Nobody;
        if self.places.get(&address).is_some_and(is_idle) {
            self.places.remove(&address);
        }
    }
}

/// Whether reports may say this only because one of two that change together has come.
fn is_passing(told: &View, view: &View) -> bool {
    match (told, view) {
        (View::Announced(_), View::Nobody) => true,
        (View::Announced(before), View::Announced(now)) => before.len() == 1 && now.len() > 1,
        _ => false,
    }
}

fn on(claim: &Claim) -> On {
    On {
        interfaces: claim.interfaces.clone(),
        contested_by: claim.contested_by.clone(),
    }
}
