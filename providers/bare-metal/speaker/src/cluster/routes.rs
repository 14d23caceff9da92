//! The routes that this node announces: what advertisements make of addresses, prefix by prefix. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use landfall_bare_metal_resources::{BgpRule, RouteRequest};

use super::service::Service;
use super::view::Name;
use crate::offers::Offer;

/// What is known of a prefix: who offers it, for how many addresses each.
type Offered = Vec<(Arc<Offer>, u32)>;

/// A prefix that an address adds to, and what is offered of it.
pub(super) type Held = (IpNet, Arc<Offer>);

/// An advertisement.
#[derive(Debug)]
struct Advertisement {
    rule: BgpRule,
    /// Whether this node is one of those that announce.
    is_here: bool,
    /// What it says of prefixes of which no Service asks for more.
    plain: Arc<Offer>,
}

/// What has changed of a prefix, and what is offered of it now; None: nothing.
pub(crate) type RouteChange = (IpNet, Option<Arc<[Arc<Offer>]>>);

/// All routes of this node.
#[derive(Debug, Default)]
pub(super) struct Routes {
    advertisements: BTreeMap<Name, Advertisement>,
    /// What each address adds to.
    held: HashMap<IpAddr, Box<[Held]>>,
    prefixes: BTreeMap<IpNet, Offered>,
    dirty: BTreeSet<IpNet>,
}

impl Routes {
    /// Takes in an advertisement; None: it is gone, or wrong. Whether anything has changed by it.
    pub(super) fn put(&mut self, name: Name, rule: Option<BgpRule>, is_here: bool) -> bool {
        let before = self.advertisements.get(&name);
        if before.map(|it| &it.rule) == rule.as_ref() {
            return false;
        }
        match rule {
            Some(rule) => {
                let plain = Offer::new(name.1.as_str().into(), &rule, &RouteRequest::default());
                let advertisement = Advertisement {
                    rule,
                    is_here,
                    plain: Arc::new(plain),
                };
                self.advertisements.insert(name, advertisement);
            }
            None => drop(self.advertisements.remove(&name)),
        }
        true
    }

    /// Finds out anew which advertisements this node is meant by. Whether anything has changed by it.
    pub(super) fn set_here(&mut self, is_here: impl Fn(&BgpRule) -> bool) -> bool {
        let mut is_changed = false;
        for advertisement in self.advertisements.values_mut() {
            let now = is_here(&advertisement.rule);
            is_changed |= std::mem::replace(&mut advertisement.is_here, now) != now;
        }
        is_changed
    }

    /// The names of the advertisements that are known.
    pub(super) fn advertisements(&self) -> &BTreeMap<Name, impl Sized> {
        &self.advertisements
    }

    /// What is to be announced of an address that these Services have, if anything is.
    pub(super) fn offers<'a>(
        &self,
        address: IpAddr,
        services: &[&'a Service],
        is_of_pool: impl Fn(&BgpRule) -> bool,
    ) -> Vec<Held> {
        let mut offers = Vec::new();
        for (name, it) in &self.advertisements {
            let is_meant = |service: &&&'a Service| it.rule.services.matches(&service.labels);
            let Some(service) = services.iter().find(is_meant) else {
                continue;
            };
            if !it.is_here || !is_of_pool(&it.rule) {
                continue;
            }
            let (length, full) = match address {
                IpAddr::V4(_) => (it.rule.aggregation_length, 32),
                IpAddr::V6(_) => (it.rule.aggregation_length_v6, 128),
            };
            let Ok(prefix) = IpNet::new(address, length) else {
                continue;
            };
            // An aggregate is nobody's own.
            let asks = &service.route_request;
            let offer = if length < full || asks.within(&it.rule.service_attributes).is_empty() {
                it.plain.clone()
            } else {
                Arc::new(Offer::new(name.1.as_str().into(), &it.rule, asks))
            };
            offers.push((prefix.trunc(), offer));
        }
        offers
    }

    /// Takes in what is to be announced of an address.
    pub(super) fn hold(&mut self, address: IpAddr, offers: Vec<Held>) {
        let before = self.held.get(&address);
        if before.map_or(&[][..], |it| it) == offers.as_slice() {
            return;
        }
        for (prefix, offer) in self.held.remove(&address).into_iter().flatten() {
            self.take(prefix, &offer);
        }
        for (prefix, offer) in &offers {
            self.add(*prefix, offer);
        }
        if !offers.is_empty() {
            self.held.insert(address, offers.into());
        }
    }

    fn add(&mut self, prefix: IpNet, offer: &Arc<Offer>) {
        self.dirty.insert(prefix);
        let offered = self.prefixes.entry(prefix);
        let offered = offered.or_insert_with(|| Vec::with_capacity(1));
        match offered.iter_mut().find(|(it, _)| it == offer) {
            Some((_, count)) => *count += 1,
            None => offered.push((offer.clone(), 1)),
        }
    }

    fn take(&mut self, prefix: IpNet, offer: &Arc<Offer>) {
        self.dirty.insert(prefix);
        let Some(offered) = self.prefixes.get_mut(&prefix) else {
            return;
        };
        if let Some((_, count)) = offered.iter_mut().find(|(it, _)| it == offer) {
            *count -= 1;
        }
        offered.retain(|(_, count)| *count > 0);
        if offered.is_empty() {
            self.prefixes.remove(&prefix);
        }
    }

    /// The prefixes of which something may have changed since this was asked last.
    pub(super) fn changes(&mut self) -> Vec<RouteChange> {
        let dirty = std::mem::take(&mut self.dirty).into_iter();
        let changes = dirty.map(|prefix| {
            let offered = self.prefixes.get(&prefix).map(|it| {
                let mut offers: Vec<_> = it.iter().map(|(offer, _)| offer.clone()).collect();
                offers.sort_by(|a, b| a.advertisement.cmp(&b.advertisement));
                offers.into()
            });
            (prefix, offered)
        });
        changes.collect()
    }
}
