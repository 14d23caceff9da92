//! Which nodes may announce an address, the best first. Who of them lives, and who has it already, is
//! the speakers' agreement.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use landfall_bare_metal_l2::Pace;
use landfall_bare_metal_l2::peers::{Interface, NodeId, Statement};
use landfall_bare_metal_resources::InterfacePattern;

/// What an advertisement comes to, with the nodes that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The nodes that may announce, with the sum of the weights that they are preferred by.
    pub nodes: BTreeMap<NodeId, u32>,
    /// The interfaces that they may announce on; empty: all.
    pub interfaces: Vec<InterfacePattern>,
    /// Whether an interface needs no address in the subnet.
    pub is_off_subnet: bool,
    /// How long to listen first.
    pub pace: Pace,
}

/// What is wanted of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of each rule one is enough.
    pub rules: Arc<[Arc<Rule>]>,
    /// The nodes that have a pod for it, where only these may announce.
    pub local: Option<Arc<BTreeSet<NodeId>>>,
}

impl Rule {
    /// Whether an interface of this name may have the address.
    fn allows(&self, address: IpAddr, name: &str, interface: &Interface) -> bool {
        let is_meant =
            self.interfaces.is_empty() || self.interfaces.iter().any(|it| it.matches(name));
        let is_near = if self.is_off_subnet {
            let mut subnets = interface.subnets.iter();
            subnets.any(|(own, _)| own.is_ipv4() == address.is_ipv4())
        } else {
            interface.has_subnet_of(address)
        };
        is_meant && is_near
    }
}

impl Wanted {
    /// The nodes that may announce an address: those that a rule names, that have an interface for it
    /// which is up, that are not draining, and that have a pod where one is needed. Those of greater
    /// weight come first; among equals chance decides, the same everywhere (rendezvous hashing), so
    /// that each node has as many addresses as another and few change with the set of nodes.
    pub fn candidates<'a>(
        &self,
        address: IpAddr,
        statement: impl Fn(NodeId) -> Option<&'a Statement>,
    ) -> Vec<NodeId> {
        let fits = |node: NodeId| {
            let statement = statement(node).filter(|it| !it.is_draining());
            statement.is_some_and(|it| self.is_reachable(address, node, it))
        };
        self.ranked(address, fits)
    }

    /// Whether this speaker, though it drains, may go on until another has the address.
    pub fn keeps(&self, address: IpAddr, own: NodeId, statement: &Statement) -> bool {
        statement.is_draining()
            && self.has_pod(own)
            && self.is_reachable(address, own, statement)
    }

    /// The names of the interfaces that a node announces an address on.
    pub fn interfaces(&self, address: IpAddr, node: NodeId, statement: &Statement) -> Vec<String> {
        let rules = self.rules.iter().filter(|it| it.nodes.contains_key(&node));
        let rules: Vec<_> = rules.collect();
        let interfaces = statement.interfaces().iter();
        let allowed = interfaces.filter(|(name, it)| {
            let mut rules = rules.iter();
            rules.any(|rule| rule.allows(address, name, it))
        });
        allowed.map(|(name, _)| name.clone()).collect()
    }

    /// How long to listen first: as long as the most careful of the rules says.
    pub fn pace(&self) -> Pace {
        let is_strict = self.rules.iter().any(|it| it.pace == Pace::Strict);
        if is_strict { Pace::Strict } else { Pace::Fast }
    }

    fn has_pod(&self, node: NodeId) -> bool {
        self.local.as_ref().is_none_or(|it| it.contains(&node))
    }

    fn is_reachable(&self, address: IpAddr, node: NodeId, statement: &Statement) -> bool {
        let mut rules = self.rules.iter().filter(|it| it.nodes.contains_key(&node));
        rules.any(|rule| {
            let mut interfaces = statement.interfaces().iter();
            interfaces.any(|(name, it)| rule.allows(address, name, it))
        })
    }

    fn ranked(&self, address: IpAddr, fits: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let mut weights: BTreeMap<NodeId, u32> = BTreeMap::new();
        for rule in self.rules.iter() {
            for (node, weight) in &rule.nodes {
                let most = weights.entry(*node).or_default();
                *most = (*most).max(*weight);
            }
        }
        let nodes = weights.into_iter();
        let fitting = nodes.filter(|(node, _)| self.has_pod(*node) && fits(*node));
        let mut ranked: Vec<_> = fitting
            .map(|(node, weight)| (Reverse(weight), draw(node, address), node))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, node)| node).collect()
    }
}

/// A number that a node draws for an address: the same everywhere. A node's id is a digest already, so
/// mixing is enough.
fn draw(node: NodeId, address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let [high, low] = halves(address.to_bits());
            mix(high) ^ low
        }
    };
    mix(node.0 ^ mix(bits))
}

fn halves(bits: u128) -> [u64; 2] {
    let bytes = bits.to_be_bytes();
    let half = |at: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_be_bytes(half)
    };
    [half(0), half(8)]
}

/// The finalizer of `SplitMix64`: each bit of the result depends on each of the number.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
