//! What concerns routers: which advertisements say different things of the same routes, and what Services
//! ask for that no advertisement lets them.

use std::collections::BTreeSet;
use std::fmt::Display;

use kube::ResourceExt;
use landfall_bare_metal_allocator::Answer;
use landfall_bare_metal_resources::kinds::{BGPAdvertisement, BGPPeer, ServiceAttribute};
use landfall_bare_metal_resources::{BgpRule, Peer, RouteRequest, Selectors};
use landfall_provider_api::LoadBalancer;

use crate::advertising::Protocol;
use crate::state::{Labels, Read, State};

/// A difference that counts against an advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The advertisement whose word counts.
    pub(crate) with: String,
    /// The field that differs, and what each says.
    pub(crate) field: &'static str,
    pub(crate) theirs: String,
    pub(crate) ours: String,
}

impl State {
    /// Takes in a router.
    pub(crate) fn put_peer(&mut self, object: BGPPeer) {
        let name = object.name_any();
        let faults = Peer::parse(&object).err().unwrap_or_default();
        self.peers.insert(name, Read { object, faults });
        self.touch_peers();
    }

    /// Forgets a router.
    pub(crate) fn remove_peer(&mut self, name: &str) {
        self.peers.remove(name);
        self.touch_peers();
    }

    /// What is told of routers together, and of those who name them, may be another than before.
    fn touch_peers(&mut self) {
        self.touched_peers.extend(self.peers.keys().cloned());
        self.touch_bgp();
    }

    /// Takes in a node's labels; None: it is gone. They say which advertisements meet.
    pub(crate) fn put_labels(&mut self, node: &str, labels: Option<&Labels>) {
        if self.nodes.get(node) == labels {
            return;
        }
        match labels {
            Some(labels) => drop(self.nodes.insert(node.to_owned(), labels.clone())),
            None => drop(self.nodes.remove(node)),
        }
        self.touch_peers();
    }

    /// Whatever may have changed of what advertisements to routers say together is to be told.
    pub(crate) fn touch_bgp(&mut self) {
        let names = self.bgp.keys().map(|it| (Protocol::Bgp, it.clone()));
        self.touched.extend(names);
    }

    /// Where an advertisement says something else than another, whose word counts: the one that comes first
    /// by its name.
    pub(crate) fn conflicts_of(&self, name: &str) -> Vec<Conflict> {
        let Some(own) = self.bgp.get(name).and_then(|it| rule(&it.object)) else {
            return Vec::new();
        };
        let before = self.bgp.range(..name.to_owned());
        let others = before.filter_map(|(name, it)| Some((name, rule(&it.object)?)));
        let meeting = others.filter(|(_, other)| self.meet(&own, other));
        let mut conflicts: Vec<Conflict> = Vec::new();
        for (with, other) in meeting {
            for conflict in differences(with, &other, &own) {
                // The first that says something is the one that counts.
                if conflicts.iter().all(|it| it.field != conflict.field) {
                    conflicts.push(conflict);
                }
            }
        }
        conflicts
    }

    /// The `BGPPeer` that comes first by its name of those for the same router, where a node has both. Of two
    /// sessions between the same two addresses a router closes one.
    pub(crate) fn double_of(&self, name: &str) -> Option<&str> {
        let own = Peer::parse(&self.peers.get(name)?.object).ok()?;
        let mut before = self.peers.range(..name.to_owned());
        let double = before.find(|(_, it)| {
            let Ok(other) = Peer::parse(&it.object) else {
                return false;
            };
            let place = |it: &Peer| (it.place.clone(), it.port, it.source);
            let mut nodes = self.nodes.values();
            place(&own) == place(&other)
                && nodes.any(|it| own.nodes.matches(it) && other.nodes.matches(it))
        });
        double.map(|(name, _)| name.as_str())
    }

    /// What an advertisement to routers names and nobody has, as kinds and names. `MetalLB`'s count, too.
    pub(crate) fn nobodys(&self, name: &str) -> Vec<String> {
        let Some(rule) = self.bgp.get(name).and_then(|it| rule(&it.object)) else {
            return Vec::new();
        };
        let peers = rule.peers.iter();
        let peers =
            peers.filter(|it| !self.peers.contains_key(it.as_str()) && !self.metallb.has_peer(it));
        let pools = rule.pools.names.iter();
        let pools = pools
            .filter(|it| !self.pools.contains_key(it.as_str()) && self.metallb.pool(it).is_none());
        let pools = pools.map(|it| format!("AddressPool {it}"));
        pools
            .chain(peers.map(|it| format!("BGPPeer {it}")))
            .collect()
    }

    /// Whether two advertisements concern the same routes, as far as can be told without looking at each
    /// Service: of two that select different Services it is not said.
    fn meet(&self, one: &BgpRule, other: &BgpRule) -> bool {
        let lengths = |it: &BgpRule| [it.aggregation_length, it.aggregation_length_v6];
        let same_length = lengths(one)
            .iter()
            .zip(lengths(other))
            .any(|(a, b)| *a == b);
        let all = Selectors::everything();
        let same_services =
            one.services == other.services || one.services == all || other.services == all;
        let mut nodes = self.nodes.values();
        let same_node = nodes.any(|it| one.nodes.matches(it) && other.nodes.matches(it));
        let is_any = one.peers.is_empty() || other.peers.is_empty();
        let same_peer = is_any || !one.peers.is_disjoint(&other.peers);
        let ours = self.pools.iter();
        let ours = ours.map(|(name, read)| (name, read.object.labels()));
        let mut pools = ours.chain(self.metallb.pools());
        let same_pool = pools
            .any(|(name, labels)| one.pools.has(name, labels) && other.pools.has(name, labels));
        same_length && same_services && same_node && same_peer && same_pool
    }

    /// What a Service asks for its routes that is not heard, and why.
    pub(crate) fn unheard(&self, wanted: &LoadBalancer, answer: &Answer) -> Vec<String> {
        let (asked, faults) = RouteRequest::parse(&wanted.annotations);
        let mut told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        if asked.is_empty() {
            return told;
        }
        let mut allowed = BTreeSet::new();
        let mut unknown: Option<BTreeSet<&str>> = None;
        for pool in answer.addresses.iter().filter_map(|it| it.pool.as_deref()) {
            for rule in self.bgp_rules(pool, &wanted.labels) {
                for attribute in &rule.service_attributes {
                    allowed.insert(name_of(*attribute));
                }
                if rule
                    .service_attributes
                    .contains(&ServiceAttribute::Communities)
                {
                    let (_, here) = asked.communities(&rule.community_aliases);
                    let here: BTreeSet<&str> = here.into_iter().collect();
                    unknown = Some(match unknown {
                        Some(before) => &before & &here,
                        None => here,
                    });
                }
            }
        }
        let asks = [
            ("LocalPref", asked.local_pref.is_some()),
            ("MED", asked.med.is_some()),
            ("ASPathPrepend", asked.as_path_prepend.is_some()),
            ("Communities", !asked.communities.is_empty()),
        ];
        let refused = asks
            .iter()
            .filter(|(it, asks)| *asks && !allowed.contains(it));
        let refused: Vec<_> = refused.map(|(it, _)| *it).collect();
        if !refused.is_empty() {
            told.push(format!(
                "no BGPAdvertisement of its addresses has {} in serviceAttributes",
                refused.join(", ")
            ));
        }
        let unknown = unknown.unwrap_or_default();
        told.extend(unknown.iter().map(|it| {
            format!("'{it}' is no community, and no BGPAdvertisement gives the name a meaning")
        }));
        told
    }
}

fn name_of(attribute: ServiceAttribute) -> &'static str {
    match attribute {
        ServiceAttribute::LocalPref => "LocalPref",
        ServiceAttribute::Med => "MED",
        ServiceAttribute::AsPathPrepend => "ASPathPrepend",
        ServiceAttribute::Communities => "Communities",
    }
}

fn rule(object: &BGPAdvertisement) -> Option<BgpRule> {
    BgpRule::parse(object).ok()
}

/// Where two say different things; what only one says is no difference.
fn differences(with: &str, first: &BgpRule, own: &BgpRule) -> Vec<Conflict> {
    let conflict = |field, theirs: Option<String>, ours: Option<String>| {
        let (theirs, ours) = (theirs?, ours?);
        let with = with.to_owned();
        (theirs != ours).then_some(Conflict {
            with,
            field,
            theirs,
            ours,
        })
    };
    let prepend = |it: &BgpRule| (it.as_path_prepend > 0).then(|| it.as_path_prepend.to_string());
    let all = [
        conflict("localPref", text(first.local_pref), text(own.local_pref)),
        conflict("med", text(first.med), text(own.med)),
        conflict("asPathPrepend", prepend(first), prepend(own)),
        conflict(
            "nextHop.ipv4",
            text(first.next_hop_v4),
            text(own.next_hop_v4),
        ),
        conflict(
            "nextHop.ipv6",
            text(first.next_hop_v6),
            text(own.next_hop_v6),
        ),
    ];
    all.into_iter().flatten().collect()
}

fn text(value: Option<impl Display>) -> Option<String> {
    value.map(|it| it.to_string())
}
