//! Advertisements: which of them concern the addresses of a Service.

use std::collections::BTreeSet;

use kube::ResourceExt;
use landfall_bare_metal_resources::kinds::{BGPAdvertisement, L2Advertisement, OffSubnet};
use landfall_bare_metal_resources::{BgpRule, Fault, L2Rule, Pools, Selectors};

use landfall_bare_metal_allocator::Given;

use crate::announced::Fate;
use crate::speakers::View;
use crate::state::{Labels, Read, State};

/// How an advertisement announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    /// `L2Advertisement`.
    L2,
    /// `BGPAdvertisement`.
    Bgp,
    /// MetalLB's `L2Advertisement`.
    MetalLbL2,
    /// MetalLB's `BGPAdvertisement`.
    MetalLbBgp,
}

impl Protocol {
    /// Whether nodes answer on their own networks, so that speakers report it.
    fn is_local(self) -> bool {
        matches!(self, Self::L2 | Self::MetalLbL2)
    }
}

/// What the announcing of pools turns on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advertisement {
    pools: Pools,
    services: Selectors,
    /// Whether a node must be in a subnet that has the address.
    needs_subnet: bool,
    /// What it says to routers, if it is to them.
    routes: Option<BgpRule>,
    /// What of it could not be carried over from MetalLB.
    notes: Vec<String>,
}

impl Advertisement {
    pub(crate) fn new(pools: &Pools, services: &Selectors) -> Self {
        Self {
            pools: pools.clone(),
            services: services.clone(),
            needs_subnet: false,
            routes: None,
            notes: Vec::new(),
        }
    }

    /// An advertisement to routers.
    fn of_bgp(rule: &BgpRule) -> Self {
        Self {
            routes: Some(rule.clone()),
            ..Self::new(&rule.pools, &rule.services)
        }
    }

    /// An L2Advertisement of ours.
    fn of_l2(rule: &L2Rule) -> Self {
        Self {
            needs_subnet: rule.off_subnet == OffSubnet::Never,
            ..Self::new(&rule.pools, &rule.services)
        }
    }

    /// One of MetalLB's, with what of it could not be carried over.
    pub(crate) fn of_metallb(pools: &Pools, services: &Selectors, notes: Vec<String>) -> Self {
        Self {
            notes,
            ..Self::new(pools, services)
        }
    }

    /// The same, to routers.
    pub(crate) fn of_metallb_bgp(rule: &BgpRule, notes: Vec<String>) -> Self {
        Self {
            notes,
            ..Self::of_bgp(rule)
        }
    }
}

impl State {
    /// The advertisements that announce a Service's addresses of a pool.
    fn announcing(
        &self,
        pool: &str,
        service: &Labels,
    ) -> impl Iterator<Item = (Protocol, &Advertisement)> {
        let ours = self.pools.get(pool).map(|it| it.object.labels());
        let labels = ours.or_else(|| self.metallb.pool(pool));
        let all = self.advertisements.iter();
        let all = all.map(|((protocol, _), it)| (*protocol, it));
        all.filter(move |(_, it)| {
            labels.is_some_and(|labels| it.pools.has(pool, labels)) && it.services.matches(service)
        })
    }

    /// What routers are told of a Service's addresses of a pool.
    pub(crate) fn bgp_rules(&self, pool: &str, service: &Labels) -> impl Iterator<Item = &BgpRule> {
        let all = self.announcing(pool, service);
        all.filter_map(|(_, it)| it.routes.as_ref())
    }

    /// What makes the network send a Service's address to a node.
    pub(crate) fn fate(&self, given: &Given, service: &Labels, is_ready: bool) -> Fate<'_> {
        if let View::Announced(nodes) = self.speakers.view(given.address) {
            return Fate::Announced(nodes);
        }
        let pool = given.pool.as_deref();
        let mut routed = pool.into_iter().flat_map(|it| self.bgp_rules(it, service));
        // Where no pod takes what arrives, routers are told nothing.
        if is_ready && routed.any(|it| self.speakers.reach_router(&it.peers)) {
            return Fate::Routed;
        }
        if let View::Contested(node, by) = self.speakers.view(given.address) {
            return Fate::Contested(node, by.as_deref());
        }
        let Some(pool) = pool else {
            return Fate::OutOfPool;
        };
        let mut rules = self.announcing(pool, service).peekable();
        if rules.peek().is_none() {
            return Fate::Unadvertised;
        }
        let mut local = rules.filter(|(protocol, _)| protocol.is_local()).peekable();
        if local.peek().is_none() {
            return if self.speakers.are_silent() {
                Fate::NoReport
            } else if is_ready {
                Fate::Unrouted
            } else {
                Fate::Nobody
            };
        }
        if let Some(node) = self.speakers.cut() {
            Fate::Unlisted(node)
        } else if self.speakers.are_silent() {
            Fate::NoReport
        } else if local.all(|(_, it)| it.needs_subnet) && !self.speakers.reach(given.address) {
            Fate::OffSubnet
        } else {
            Fate::Nobody
        }
    }

    /// What of MetalLB's objects that a Service's addresses of a pool depend on could not be
    /// carried over.
    pub(crate) fn dropped(&self, pool: &str, service: &Labels) -> impl Iterator<Item = &str> {
        let of_pool = match self.pools.get(pool) {
            Some(_) => &[],
            None => self.metallb.notes_of_pool(pool),
        };
        let rules = self.announcing(pool, service);
        let notes = of_pool.iter().chain(rules.flat_map(|(_, it)| &it.notes));
        notes.map(String::as_str)
    }

    /// The names of the advertisements of a protocol that are known.
    pub(crate) fn names_of(&self, protocol: Protocol) -> BTreeSet<String> {
        let names = self.advertisements.keys().filter(|(it, _)| *it == protocol);
        names.map(|(_, name)| name.clone()).collect()
    }

    /// Takes in an L2Advertisement; one that makes no sense announces nothing, and is told so.
    pub(crate) fn put_l2(&mut self, object: L2Advertisement) {
        let rule = L2Rule::parse(&object);
        let rule = rule.map(|it| Advertisement::of_l2(&it));
        let name = object.name_any();
        let faults = self.put_ours((Protocol::L2, name.clone()), rule);
        self.l2.insert(name, Read { object, faults });
    }

    /// Takes in a BGPAdvertisement; one that makes no sense announces nothing, and is told so.
    pub(crate) fn put_bgp(&mut self, object: BGPAdvertisement) {
        let rule = BgpRule::parse(&object);
        let rule = rule.map(|it| Advertisement::of_bgp(&it));
        let name = object.name_any();
        let faults = self.put_ours((Protocol::Bgp, name.clone()), rule);
        self.bgp.insert(name, Read { object, faults });
        self.touch_bgp();
    }

    /// Takes in what an advertisement of ours says. Returns what is wrong with it.
    fn put_ours(
        &mut self,
        name: (Protocol, String),
        rule: Result<Advertisement, Vec<Fault>>,
    ) -> Vec<Fault> {
        self.put_advertisement(name.clone(), rule.as_ref().ok());
        self.touched.insert(name);
        rule.err().unwrap_or_default()
    }

    /// Forgets an advertisement of ours.
    pub(crate) fn remove_advertisement(&mut self, protocol: Protocol, name: &str) {
        self.l2
            .retain(|it, _| protocol != Protocol::L2 || it != name);
        if protocol == Protocol::Bgp {
            self.bgp.remove(name);
            self.touch_bgp();
        }
        self.put_advertisement((protocol, name.to_owned()), None);
    }

    /// The names of our advertisements of a protocol that are known.
    pub(crate) fn names_of_ours(&self, protocol: Protocol) -> BTreeSet<String> {
        match protocol {
            Protocol::L2 => self.l2.keys().cloned().collect(),
            Protocol::Bgp => self.bgp.keys().cloned().collect(),
            Protocol::MetalLbL2 | Protocol::MetalLbBgp => BTreeSet::new(),
        }
    }

    /// Takes in, changes or forgets an advertisement, and lets those be looked at whose addresses
    /// it announced or announces.
    pub(crate) fn put_advertisement(
        &mut self,
        name: (Protocol, String),
        rule: Option<&Advertisement>,
    ) {
        if self.advertisements.get(&name) == rule {
            return;
        }
        let before = match rule {
            Some(rule) => self.advertisements.insert(name, rule.clone()),
            None => self.advertisements.remove(&name),
        };
        let is_for = |pool: &str, labels: &Labels| {
            let mut rules = before.iter().chain(rule);
            rules.any(|rule| rule.pools.has(pool, labels))
        };
        let ours = self.pools.iter();
        let ours = ours.map(|(name, read)| (name, read.object.labels()));
        for (pool, labels) in ours.chain(self.metallb.pools()) {
            if is_for(pool, labels) {
                self.allocator.touch_services_of(pool);
            }
        }
    }
}
