//! What is kept of a report.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use landfall_bare_metal_resources::kinds::{
    AddressState, AnnouncedAddress, MOST_ADDRESSES, SpeakerReport, SpeakerStatus,
};

use super::Node;
use super::routers::{Peer, Session};

/// What is kept of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// When the speaker was started.
    pub(super) started: Option<Timestamp>,
    /// The addresses that it names.
    pub(super) claims: BTreeMap<IpAddr, Claim>,
    /// The other speakers that are alive, as it sees them.
    pub(super) alive: BTreeSet<Node>,
    /// Those that are not, and since when.
    pub(super) lost: BTreeMap<Node, Option<Timestamp>>,
    /// The subnets of its interfaces that are up.
    pub(super) subnets: BTreeSet<IpNet>,
    /// Whether it announces more addresses than it names.
    pub(super) is_cut: bool,
    /// Its sessions with routers, by the names of their objects.
    pub(super) sessions: BTreeMap<Peer, Vec<Session>>,
}

/// What a report says of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(super) interfaces: Arc<[Arc<str>]>,
    pub(super) state: AddressState,
    pub(super) contested_by: Option<Arc<str>>,
}

impl Report {
    /// Of an object; what makes no sense in it is left out. A name comes from `names` or goes there:
    /// every report has those of all nodes.
    pub(super) fn of(object: &SpeakerStatus, names: &mut BTreeSet<Node>) -> Self {
        let none = SpeakerReport::default();
        let report = object.status.as_ref().unwrap_or(&none);
        let claims: BTreeMap<_, _> = report.addresses.iter().filter_map(claim).collect();
        let (mut alive, mut lost) = (BTreeSet::new(), BTreeMap::new());
        for peer in &report.peers {
            let node = named(&peer.node, names);
            if peer.alive {
                alive.insert(node);
            } else {
                lost.insert(node, peer.since.as_ref().map(|it| it.0));
            }
        }
        let mut sessions: BTreeMap<Peer, Vec<Session>> = BTreeMap::new();
        for said in &report.bgp_sessions {
            let peer = named(&said.peer, names);
            sessions.entry(peer).or_default().push(said.into());
        }
        let up = report.interfaces.iter().filter(|it| it.up);
        let subnets = up.flat_map(|it| &it.subnets);
        Self {
            subnets: subnets.filter_map(|it| it.parse().ok()).collect(),
            started: report.started_at.as_ref().map(|it| it.0),
            alive,
            lost,
            is_cut: is_cut(report, &claims),
            claims,
            sessions,
        }
    }
}

/// Whether there are addresses that it announces and had no room for.
fn is_cut(report: &SpeakerReport, claims: &BTreeMap<IpAddr, Claim>) -> bool {
    let is = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let announced = claims.values();
    let announced = announced.filter(|it| it.state == AddressState::Announced);
    let has_room = report.addresses.len() < MOST_ADDRESSES;
    // Whether those that it is about to announce are counted is of no matter.
    let listed = if has_room {
        claims.len()
    } else {
        announced.count()
    };
    is(listed) < report.address_count
}

fn claim(said: &AnnouncedAddress) -> Option<(IpAddr, Claim)> {
    let text = |it: &String| Arc::from(it.as_str());
    let claim = Claim {
        interfaces: said.interfaces.iter().map(text).collect(),
        state: said.state,
        contested_by: said.contested_by.as_ref().map(text),
    };
    Some((said.address.parse().ok()?, claim))
}

/// The node of this name.
pub(super) fn named(name: &str, names: &mut BTreeSet<Node>) -> Node {
    if let Some(known) = names.get(name) {
        return known.clone();
    }
    let node: Node = name.into();
    names.insert(node.clone());
    node
}
