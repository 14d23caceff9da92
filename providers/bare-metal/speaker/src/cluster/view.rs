//! What a speaker knows of the cluster, and what follows from it for each address. No I/O: objects
//! come in, and what has changed comes out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use landfall_bare_metal_l2::Pace;
use landfall_bare_metal_l2::peers::NodeId;
use landfall_bare_metal_resources::kinds::{OffSubnet, Probe};
use landfall_bare_metal_resources::metallb::Objects;
use landfall_bare_metal_resources::{BgpRule, L2Rule, Usable};

use super::known::Known;
use super::node::Node;
use super::routes::RouteChange;
use super::routing::Routing;
use super::service::{Key, Pods, Service};
use crate::election::{Rule, Wanted};
use crate::offers::Offer;

/// A pool, as far as advertisements look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) addresses: Usable,
}

/// An advertisement, and what it comes to with the nodes that there are.
#[derive(Debug)]
pub(super) struct Advertisement {
    judged: L2Rule,
    rule: Arc<Rule>,
}

/// Whose an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Ours,
    MetalLb,
}

/// Whose it is, and its name.
pub(super) type Name = (Origin, String);

/// What has changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// On local networks; `None` of an address: it is not to be announced.
    pub(crate) wanted: Vec<(IpAddr, Option<Arc<Wanted>>)>,
    /// To routers.
    pub(crate) routes: Vec<RouteChange>,
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The name of this node.
    own: String,
    pub(super) services: HashMap<Arc<Key>, Service>,
    /// The pods of a Service, slice by slice.
    pub(super) pods: HashMap<Key, BTreeMap<String, Pods>>,
    /// Who has an address: mostly one. Those that share it are several.
    holders: BTreeMap<IpAddr, Vec<Arc<Key>>>,
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) pools: BTreeMap<Name, Pool>,
    pub(super) advertisements: BTreeMap<Name, Advertisement>,
    pub(super) metallb: Objects,
    /// Whether MetalLB's objects say something else than when they were converted last.
    pub(super) is_metallb_new: bool,
    /// Addresses of which something has changed.
    dirty: BTreeSet<IpAddr>,
    wanted: BTreeMap<IpAddr, Arc<Wanted>>,
    pub(super) routing: Routing,
}

impl View {
    /// What is known at first of the cluster, by who is on this node.
    pub(crate) fn of_node(own: &str) -> Self {
        Self {
            own: own.to_owned(),
            ..Self::default()
        }
    }

    /// Takes in a Service; `None`: it has nothing to be announced, or is gone.
    pub(crate) fn service(&mut self, key: &Key, service: Option<Service>) {
        let before = self.services.get(key);
        if before == service.as_ref() {
            return;
        }
        let had = before.map(|it| it.addresses.clone()).unwrap_or_default();
        for address in had {
            if let Some(holders) = self.holders.get_mut(&address) {
                holders.retain(|it| **it != *key);
                if holders.is_empty() {
                    self.holders.remove(&address);
                }
            }
            self.dirty.insert(address);
        }
        let Some(service) = service else {
            self.services.remove(key);
            return;
        };
        let key = Arc::new(key.clone());
        for address in &service.addresses {
            let holders = self.holders.entry(*address);
            // A vector that grows by itself has room for four.
            let holders = holders.or_insert_with(|| Vec::with_capacity(1));
            holders.push(key.clone());
            self.dirty.insert(*address);
        }
        self.services.insert(key, service);
    }

    /// Takes in a slice of a Service; `None`: it is gone.
    pub(crate) fn slice(&mut self, service: &Key, slice: &str, pods: Option<Pods>) {
        let slices = self.pods.entry(service.clone()).or_default();
        let is_changed = slices.get(slice) != pods.as_ref();
        match pods {
            Some(pods) => drop(slices.insert(slice.to_owned(), pods)),
            None => drop(slices.remove(slice)),
        }
        if slices.is_empty() {
            self.pods.remove(service);
        }
        if is_changed && let Some(service) = self.services.get(service) {
            self.dirty.extend(&service.addresses);
        }
    }

    /// Takes in a node; `None`: it is gone.
    pub(crate) fn node(&mut self, name: &str, node: Option<Node>) {
        match node {
            Some(node) => drop(self.nodes.insert(name.to_owned(), node)),
            None => drop(self.nodes.remove(name)),
        }
        let mut is_changed = false;
        for advertisement in self.advertisements.values_mut() {
            let rule = rule(&advertisement.judged, &self.nodes);
            if *advertisement.rule != rule {
                advertisement.rule = Arc::new(rule);
                is_changed = true;
            }
        }
        if name == self.own {
            is_changed |= self.routing.set_own(self.nodes.get(name));
        }
        if is_changed {
            self.look_at_all();
        }
    }

    /// A node as it is known.
    pub(crate) fn known_node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// Where each node is reached.
    pub(crate) fn places(&self) -> BTreeMap<Arc<str>, Vec<IpAddr>> {
        let nodes = self.nodes.iter();
        nodes
            .map(|(name, node)| (name.as_str().into(), node.addresses.clone()))
            .collect()
    }

    /// Takes in a pool; `None`: it is gone, or wrong.
    pub(crate) fn pool(&mut self, name: &str, pool: Option<Pool>) {
        self.put_pool((Origin::Ours, name.to_owned()), pool);
    }

    pub(super) fn put_pool(&mut self, name: Name, pool: Option<Pool>) {
        if self.pools.get(&name) == pool.as_ref() {
            return;
        }
        match pool {
            Some(pool) => drop(self.pools.insert(name, pool)),
            None => drop(self.pools.remove(&name)),
        }
        self.look_at_all();
    }

    /// Takes in an advertisement; `None`: it is gone, or wrong.
    pub(crate) fn advertisement(&mut self, name: &str, judged: Option<L2Rule>) {
        self.put_advertisement((Origin::Ours, name.to_owned()), judged);
    }

    pub(super) fn put_advertisement(&mut self, name: Name, judged: Option<L2Rule>) {
        let before = self.advertisements.get(&name).map(|it| &it.judged);
        if before == judged.as_ref() {
            return;
        }
        match judged {
            Some(judged) => {
                let rule = Arc::new(rule(&judged, &self.nodes));
                let advertisement = Advertisement { judged, rule };
                self.advertisements.insert(name, advertisement);
            }
            None => drop(self.advertisements.remove(&name)),
        }
        self.look_at_all();
    }

    /// Takes in an advertisement to routers; `None`: it is gone, or wrong.
    pub(crate) fn bgp_advertisement(&mut self, name: &str, judged: Option<BgpRule>) {
        self.put_bgp_advertisement((Origin::Ours, name.to_owned()), judged);
    }

    pub(super) fn put_bgp_advertisement(&mut self, name: Name, judged: Option<BgpRule>) {
        if self.routing.put_advertisement(name, judged) {
            self.look_at_all();
        }
    }

    /// The names of what is known, so that what a list does not name can be asked for.
    pub(crate) fn known(&self) -> Known<'_> {
        Known(self)
    }

    fn look_at_all(&mut self) {
        self.dirty.extend(self.holders.keys());
    }

    /// What has changed since this was asked last.
    pub(crate) fn changes(&mut self) -> Changes {
        if std::mem::take(&mut self.is_metallb_new) {
            self.convert();
        }
        let mut changes = Vec::new();
        for address in std::mem::take(&mut self.dirty) {
            let (wanted, offers) = self.look_at(address);
            self.routing.routes.hold(address, offers);
            if self.wanted.get(&address).map(AsRef::as_ref) == wanted.as_ref() {
                continue;
            }
            let wanted = wanted.map(Arc::new);
            match &wanted {
                Some(wanted) => drop(self.wanted.insert(address, wanted.clone())),
                None => drop(self.wanted.remove(&address)),
            }
            changes.push((address, wanted));
        }
        Changes {
            wanted: changes,
            routes: self.routing.routes.changes(),
        }
    }

    /// What is to be announced of an address, on local networks and to routers.
    fn look_at(&self, address: IpAddr) -> (Option<Wanted>, Vec<(IpNet, Arc<Offer>)>) {
        let holders = self.holders.get(&address).into_iter().flatten();
        let mut holders: Vec<_> = holders
            .filter_map(|key| Some((&**key, self.services.get(key)?)))
            .collect();
        // The same in each speaker, whoever came first.
        holders.sort_unstable_by_key(|(key, _)| *key);
        let mut pools = self.pools.iter().filter(|(name, _)| self.counts(name));
        let pool = pools.find(|(_, it)| it.addresses.contains(address));
        let (Some(((_, pool), known)), false) = (pool, holders.is_empty()) else {
            return (None, Vec::new());
        };
        let rules = self.advertisements.values().filter(|it| {
            let mut holders = holders.iter();
            it.judged.pools.has(pool, &known.labels)
                && holders.any(|(_, service)| it.judged.services.matches(&service.labels))
        });
        let rules: Arc<[_]> = rules.map(|it| it.rule.clone()).collect();
        let is_routed = !self.routing.advertisements().is_empty();
        if rules.is_empty() && !is_routed {
            return (None, Vec::new());
        }
        let local = self.local(&holders);
        let is_local = local
            .as_ref()
            .is_none_or(|it| it.contains(&NodeId::of(&self.own)));
        let offers = if is_routed && is_local {
            let services: Vec<_> = holders.iter().map(|(_, it)| *it).collect();
            let is_of_pool = |rule: &BgpRule| rule.pools.has(pool, &known.labels);
            self.routing.routes.offers(address, &services, is_of_pool)
        } else {
            Vec::new()
        };
        let wanted = (!rules.is_empty()).then_some(Wanted { rules, local });
        (wanted, offers)
    }

    /// A pool of ours takes the place of MetalLB's of the same name.
    fn counts(&self, (origin, pool): &Name) -> bool {
        *origin == Origin::Ours || !self.pools.contains_key(&(Origin::Ours, pool.clone()))
    }

    /// The nodes that may have an address because of the pods of those that have it; `None`: all.
    /// Where no pod takes traffic, it is nobody. Who has no pods at all is not asked, if another who
    /// shares the address has some.
    fn local(&self, holders: &[(&Key, &Service)]) -> Option<Arc<BTreeSet<NodeId>>> {
        let mut sets: Vec<BTreeSet<&String>> = Vec::new();
        let mut is_served = false;
        for (key, service) in holders {
            let (nodes, is_elsewhere) = self.serving(key);
            if nodes.is_empty() && !is_elsewhere {
                continue;
            }
            is_served = true;
            if service.is_local {
                sets.push(nodes);
            }
        }
        if !is_served {
            return Some(Arc::default());
        }
        let all = sets.iter().flatten().copied();
        let in_each = all
            .clone()
            .filter(|it| sets.iter().all(|set| set.contains(it)));
        let mut nodes: BTreeSet<_> = in_each.collect();
        if nodes.is_empty() {
            // They have no node in common; some traffic arrives all the same.
            nodes = all.collect();
        }
        let ids = nodes.into_iter().map(|it| NodeId::of(it)).collect();
        (!sets.is_empty()).then(|| Arc::new(ids))
    }

    /// The nodes with pods of a Service that are ready; where none is, with such as serve to their
    /// end; and whether there is a pod that is on no node of the cluster.
    fn serving(&self, service: &Key) -> (BTreeSet<&String>, bool) {
        let slices = self
            .pods
            .get(service)
            .into_iter()
            .flat_map(|it| it.values());
        let ready: BTreeSet<_> = slices.clone().flat_map(|it| &it.ready).collect();
        let is_elsewhere = slices.clone().any(|it| it.is_elsewhere);
        if ready.is_empty() && !is_elsewhere {
            return (slices.flat_map(|it| &it.ending).collect(), false);
        }
        (ready, is_elsewhere)
    }
}

fn rule(judged: &L2Rule, nodes: &BTreeMap<String, Node>) -> Rule {
    let meant = nodes
        .iter()
        .filter(|(_, it)| it.may_serve && judged.nodes.matches(&it.labels));
    let weighed = meant.map(|(name, node)| {
        let preferred = judged.preferred.iter();
        let preferred = preferred.filter(|(_, nodes)| nodes.matches(&node.labels));
        let weight = preferred.map(|(weight, _)| u32::from(*weight)).sum();
        (NodeId::of(name), weight)
    });
    Rule {
        nodes: weighed.collect(),
        interfaces: judged.interfaces.clone(),
        is_off_subnet: judged.off_subnet == OffSubnet::Allow,
        pace: match judged.probe {
            Probe::Fast => Pace::Fast,
            Probe::Strict => Pace::Strict,
        },
    }
}
