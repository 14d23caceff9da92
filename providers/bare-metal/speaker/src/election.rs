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
pub(crate) struct Rule {
    /// The nodes that may announce, with the sum of the weights that they are preferred by.
    pub(crate) nodes: BTreeMap<NodeId, u32>,
    /// The interfaces that they may announce on; empty: all.
    pub(crate) interfaces: Vec<InterfacePattern>,
    /// Whether an interface needs no address in the subnet.
    pub(crate) is_off_subnet: bool,
    /// How long to listen first.
    pub(crate) pace: Pace,
}

/// What is wanted of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Of each rule one is enough.
    pub(crate) rules: Arc<[Arc<Rule>]>,
    /// The nodes that have a pod for it, where only these may announce.
    pub(crate) local: Option<Arc<BTreeSet<NodeId>>>,
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
    pub(crate) fn candidates<'a>(
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
    pub(crate) fn keeps(&self, address: IpAddr, own: NodeId, statement: &Statement) -> bool {
        statement.is_draining() && self.has_pod(own) && self.is_reachable(address, own, statement)
    }

    /// The names of the interfaces that a node announces an address on.
    pub(crate) fn interfaces(
        &self,
        address: IpAddr,
        node: NodeId,
        statement: &Statement,
    ) -> Vec<String> {
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
    pub(crate) fn pace(&self) -> Pace {
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

#[cfg(test)]
mod tests {
    use landfall_bare_metal_l2::Mac;
    use landfall_bare_metal_l2::peers::Entry;
    use landfall_bare_metal_resources::L2Rule;
    use landfall_bare_metal_resources::kinds::L2Advertisement;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    fn statement(interfaces: &[(&str, &str, u8)]) -> Statement {
        let entries = interfaces.iter().map(|(name, own, bits)| {
            let interface = Interface {
                mac: Mac([2, 0, 0, 0, 0, 1]),
                subnets: vec![(own.parse().unwrap(), *bits)],
            };
            Entry::Interface((*name).to_owned(), interface)
        });
        entries.collect()
    }

    fn patterns(texts: &[&str]) -> Vec<InterfacePattern> {
        let spec = serde_json::json!({"interfaces": texts});
        let value = serde_json::json!({"apiVersion": "landfall.dev/v1alpha1",
            "kind": "L2Advertisement", "metadata": {"name": "x"}, "spec": spec});
        let object: L2Advertisement = serde_json::from_value(value).unwrap();
        L2Rule::parse(&object).unwrap().interfaces
    }

    fn rule(weights: &[(&str, u32)]) -> Rule {
        let nodes = weights
            .iter()
            .map(|(name, weight)| (NodeId::of(name), *weight));
        Rule {
            nodes: nodes.collect(),
            interfaces: Vec::new(),
            is_off_subnet: false,
            pace: Pace::Fast,
        }
    }

    fn wanted(rules: Vec<Rule>) -> Wanted {
        Wanted {
            rules: rules.into_iter().map(Arc::new).collect(),
            local: None,
        }
    }

    fn all() -> Rule {
        rule(&NAMES.map(|it| (it, 0)))
    }

    fn candidates(wanted: &Wanted, address: &str, of: &[(&str, Statement)]) -> BTreeSet<String> {
        let address = address.parse().unwrap();
        let statement = |node| {
            of.iter()
                .find(|(name, _)| NodeId::of(name) == node)
                .map(|it| &it.1)
        };
        let found = wanted.candidates(address, statement);
        let names = found
            .iter()
            .map(|it| NAMES.iter().find(|name| NodeId::of(name) == *it));
        names.map(|it| (*it.unwrap()).to_owned()).collect()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn who_has_the_subnet_on_an_interface_that_is_meant_may_announce() {
        let draining = || -> Statement {
            let up = statement(&[("eth0", "192.0.2.14", 24)]);
            let up = up.interfaces().iter();
            let up = up.map(|(name, it)| Entry::Interface(name.clone(), it.clone()));
            up.chain([Entry::Draining(true)]).collect()
        };
        let of = [
            ("a", statement(&[("eth0", "192.0.2.11", 24)])),
            (
                "b",
                statement(&[("eth1", "192.0.2.12", 24), ("eth0", "198.51.100.2", 24)]),
            ),
            ("c", statement(&[("eth0", "2001:db8::13", 64)])),
            ("d", draining()),
        ];
        let near = wanted(vec![all()]);
        assert_eq!(candidates(&near, "192.0.2.200", &of), names(&["a", "b"]));
        assert_eq!(candidates(&near, "2001:db8::200", &of), names(&["c"]));
        assert_eq!(candidates(&near, "203.0.113.1", &of), names(&[]));
        let named = |texts: &[&str]| Rule {
            interfaces: patterns(texts),
            ..all()
        };
        let on_eth0 = wanted(vec![named(&["eth0"])]);
        assert_eq!(candidates(&on_eth0, "192.0.2.200", &of), names(&["a"]));
        let off = Rule {
            is_off_subnet: true,
            ..named(&["eth?"])
        };
        let anywhere = wanted(vec![off]);
        assert_eq!(
            candidates(&anywhere, "203.0.113.1", &of),
            names(&["a", "b"])
        );
        let either = wanted(vec![named(&["eth1"]), rule(&[("a", 0)])]);
        assert_eq!(candidates(&either, "192.0.2.200", &of), names(&["a", "b"]));
        let mut local = near;
        local.local = Some(Arc::new([NodeId::of("b"), NodeId::of("c")].into()));
        assert_eq!(candidates(&local, "192.0.2.200", &of), names(&["b"]));
        let (own, statement) = (NodeId::of("d"), draining());
        let address = "192.0.2.200".parse().unwrap();
        assert!(on_eth0.keeps(address, own, &statement));
        assert!(!local.keeps(address, own, &statement), "it has no pod");
    }

    #[test]
    fn weights_come_first_and_among_equals_each_has_its_share() {
        let up = statement(&[("eth0", "192.0.2.11", 16)]);
        let weighed = wanted(vec![rule(&[("a", 5), ("b", 7), ("c", 0), ("d", 7)])]);
        // Of several rules the greatest weight counts, in whatever order they stand.
        let several = wanted(vec![
            rule(&[("a", 9), ("b", 5)]),
            rule(&[("a", 1), ("b", 7)]),
        ]);
        let address = IpAddr::from([192, 0, 2, 200]);
        let ranked = several.candidates(address, |_| Some(&up));
        assert_eq!(ranked, [NodeId::of("a"), NodeId::of("b")]);
        let equal = wanted(vec![all()]);
        let mut first: BTreeMap<NodeId, u32> = BTreeMap::new();
        for number in 0..1000_u16 {
            let [high, low] = number.to_be_bytes();
            let address = IpAddr::from([192, 0, high, low]);
            let by_weight = weighed.candidates(address, |_| Some(&up));
            let heavy: BTreeSet<_> = by_weight[..2].iter().copied().collect();
            assert_eq!(heavy, [NodeId::of("b"), NodeId::of("d")].into());
            assert_eq!(by_weight[2..], [NodeId::of("a"), NodeId::of("c")]);
            let all = equal.candidates(address, |_| Some(&up));
            *first.entry(all[0]).or_default() += 1;
            // Without the first, nothing else changes.
            let rest = equal.candidates(address, |it| (it != all[0]).then_some(&up));
            assert_eq!(rest, all[1..]);
        }
        let shares: Vec<_> = first.values().collect();
        assert!(
            shares.len() == 4 && shares.iter().all(|it| (200..300).contains(*it)),
            "{shares:?}"
        );
    }

    #[test]
    fn an_address_is_announced_on_each_interface_that_fits_and_as_carefully_as_any_rule_says() {
        let strict = Rule {
            pace: Pace::Strict,
            interfaces: patterns(&["eth1"]),
            ..all()
        };
        let wanted = wanted(vec![strict, rule(&[("b", 0)])]);
        let of = statement(&[
            ("eth0", "192.0.2.1", 24),
            ("eth1", "192.0.2.2", 24),
            ("eth2", "10.0.0.1", 8),
        ]);
        let address = "192.0.2.200".parse().unwrap();
        let on = |node: &str| wanted.interfaces(address, NodeId::of(node), &of);
        assert_eq!(on("a"), ["eth1"]);
        assert_eq!(on("b"), ["eth0", "eth1"]);
        assert_eq!(wanted.pace(), Pace::Strict);
    }
}
