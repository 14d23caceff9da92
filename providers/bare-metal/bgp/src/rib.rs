//! The routes of one session: what is wanted, what the router has, and what is still to be said
//! (Adj-RIB-Out, RFC 4271 §3.2). Each change costs what it changes, and nothing is queued but the
//! difference: who takes nothing from us costs no memory beyond the routes themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use ipnet::IpNet;

use crate::route::{Attributes, Family};
use crate::update::Speech;

/// A prefix.
#[derive(Debug, Default)]
struct Route {
    /// What it is to be announced with; None: not at all.
    wanted: Option<Arc<Attributes>>,
    /// What the router was told of it last, in this session.
    sent: Option<Arc<Attributes>>,
    /// Whether it is to be said once more, though that is what the router was told.
    is_stale: bool,
}

/// What is wanted and what was said.
#[derive(Debug, Default)]
pub(crate) struct Rib {
    routes: BTreeMap<IpNet, Route>,
    /// How many are wanted.
    wanted: usize,
    /// How many the router has.
    announced: usize,
    /// The families of the session that is established, if one is.
    open: BTreeSet<Family>,
    /// Whether what is wanted is all that there is: before that, no end is told.
    is_complete: bool,
    /// Families of which the end is still to be told.
    unended: BTreeSet<Family>,
    /// Prefixes to be announced, those together that share attributes.
    to_announce: BTreeMap<(Family, Arc<Attributes>), BTreeSet<IpNet>>,
    to_withdraw: BTreeMap<Family, BTreeSet<IpNet>>,
    /// Prefixes that have no next hop in this session, so that they cannot be announced.
    unreachable: BTreeSet<IpNet>,
}

impl Rib {
    /// A prefix is to be announced so; None: not any more.
    pub(crate) fn want(&mut self, prefix: IpNet, attributes: Option<Arc<Attributes>>) {
        let route = self.routes.entry(prefix).or_default();
        if route.wanted == attributes {
            if route.wanted.is_none() && route.sent.is_none() {
                self.routes.remove(&prefix);
            }
            return;
        }
        let before = std::mem::replace(&mut route.wanted, attributes);
        self.wanted -= usize::from(before.is_some());
        self.wanted += usize::from(route.wanted.is_some());
        if let Some(before) = before {
            self.forget(prefix, before);
        }
        self.look_at(prefix);
    }

    /// It is not to be said any more.
    fn forget(&mut self, prefix: IpNet, attributes: Arc<Attributes>) {
        let key = (Family::of(prefix), attributes);
        if let Some(group) = self.to_announce.get_mut(&key) {
            group.remove(&prefix);
            if group.is_empty() {
                self.to_announce.remove(&key);
            }
        }
        self.unreachable.remove(&prefix);
    }

    /// Finds out what is to be said of a prefix.
    fn look_at(&mut self, prefix: IpNet) {
        let family = Family::of(prefix);
        let Some(route) = self.routes.get(&prefix) else {
            return;
        };
        let withdrawn = self.to_withdraw.entry(family).or_default();
        withdrawn.remove(&prefix);
        match (&route.wanted, &route.sent) {
            (None, None) => drop(self.routes.remove(&prefix)),
            (None, Some(_)) => drop(withdrawn.insert(prefix)),
            (Some(wanted), sent) => {
                let is_known = !route.is_stale && sent.as_ref() == Some(wanted);
                if self.open.contains(&family) && !is_known {
                    let key = (family, wanted.clone());
                    self.to_announce.entry(key).or_default().insert(prefix);
                }
            }
        }
    }

    /// What is wanted is all that there is, from now on.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// A session is established: the router has nothing of it yet.
    pub(crate) fn open(&mut self, families: &BTreeSet<Family>) {
        self.close();
        self.open.clone_from(families);
        self.unended.clone_from(families);
        self.say_again(|_| true);
    }

    /// The session has ended, and with it what the router was told.
    pub(crate) fn close(&mut self) {
        self.open.clear();
        self.unended.clear();
        self.to_announce.clear();
        self.to_withdraw.clear();
        self.unreachable.clear();
        self.announced = 0;
        self.routes.retain(|_, route| {
            route.sent = None;
            route.wanted.is_some()
        });
    }

    /// All routes of a family are to be said again (RFC 2918 §4).
    pub(crate) fn refresh(&mut self, family: Family) {
        self.say_again(|it| it == family);
    }

    /// All routes are to be said again, as what is said of them has changed.
    pub(crate) fn refresh_all(&mut self) {
        self.say_again(|_| true);
    }

    fn say_again(&mut self, is_meant: impl Fn(Family) -> bool) {
        for (prefix, route) in &mut self.routes {
            let family = Family::of(*prefix);
            if !self.open.contains(&family) || !is_meant(family) {
                continue;
            }
            // Whatever becomes of it before its turn comes.
            route.is_stale = route.sent.is_some();
            if let Some(wanted) = &route.wanted {
                let key = (family, wanted.clone());
                self.to_announce.entry(key).or_default().insert(*prefix);
            }
        }
    }

    /// The next message that is to be said; None: all has been said.
    pub(crate) fn next(&mut self, speech: &Speech<'_>) -> Option<Bytes> {
        if let Some(message) = self.next_withdrawal(speech) {
            return Some(message);
        }
        while let Some((family, attributes)) = self.to_announce.keys().next().cloned() {
            if let Some(message) = self.next_announcement(speech, family, attributes) {
                return Some(message);
            }
        }
        let unended = self.is_complete.then(|| self.unended.pop_first());
        unended.flatten().map(|family| speech.end_of_rib(family))
    }

    fn next_withdrawal(&mut self, speech: &Speech<'_>) -> Option<Bytes> {
        self.to_withdraw.retain(|_, prefixes| !prefixes.is_empty());
        let (family, waiting) = self.to_withdraw.iter_mut().next()?;
        let prefixes: Vec<_> = waiting.iter().take(MOST_AT_ONCE).copied().collect();
        let (message, count) = speech.withdraw(*family, &prefixes);
        for prefix in &prefixes[..count] {
            waiting.remove(prefix);
            if let Some(route) = self.routes.get_mut(prefix) {
                route.sent = None;
                if route.wanted.is_none() {
                    self.routes.remove(prefix);
                }
            }
        }
        self.announced -= count;
        Some(message)
    }

    /// None: these have no next hop. Whatever the router has of them is withdrawn.
    fn next_announcement(
        &mut self,
        speech: &Speech<'_>,
        family: Family,
        attributes: Arc<Attributes>,
    ) -> Option<Bytes> {
        let key = (family, attributes);
        let waiting = self.to_announce.get_mut(&key)?;
        let prefixes: Vec<_> = waiting.iter().take(MOST_AT_ONCE).copied().collect();
        let announced = speech.announce(family, &key.1, &prefixes);
        let Some((message, count)) = announced else {
            let waiting = self.to_announce.remove(&key).unwrap_or_default();
            for prefix in waiting {
                let route = self.routes.get(&prefix);
                if route.is_some_and(|it| it.sent.is_some()) {
                    self.to_withdraw.entry(family).or_default().insert(prefix);
                }
                self.unreachable.insert(prefix);
            }
            return self.next_withdrawal(speech);
        };
        for prefix in &prefixes[..count] {
            waiting.remove(prefix);
            if let Some(route) = self.routes.get_mut(prefix) {
                let before = route.sent.replace(key.1.clone());
                self.announced += usize::from(before.is_none());
                route.is_stale = false;
            }
        }
        if waiting.is_empty() {
            self.to_announce.remove(&key);
        }
        Some(message)
    }

    /// How many routes are wanted.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many routes the router has of us.
    pub(crate) fn announced(&self) -> usize {
        self.announced
    }

    /// How many routes cannot be announced in this session, as they have no next hop.
    pub(crate) fn unreachable(&self) -> usize {
        self.unreachable.len()
    }

    /// Whether there is nothing more to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_ended = self.unended.is_empty() || !self.is_complete;
        let mut withdrawn = self.to_withdraw.values();
        self.to_announce.is_empty() && withdrawn.all(BTreeSet::is_empty) && is_ended
    }

    /// What the router has of us.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (IpNet, &Attributes)> {
        let routes = self.routes.iter();
        routes.filter_map(|(prefix, it)| Some((*prefix, &**it.sent.as_ref()?)))
    }
}

/// Prefixes that are tried to fit into one message; of single addresses about 800 do.
const MOST_AT_ONCE: usize = 1000;
