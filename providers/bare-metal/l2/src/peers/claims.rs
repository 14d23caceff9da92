//! Who announces an address: what the claims of all speakers come to, and what this one does about it.
//!
//! An address has one owner: the live speaker whose claim counts. Whoever has it keeps it, whoever else
//! may come. It changes hands only when its owner is dead, offers it, or meets a claim that counts
//! for more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::node::NodeId;
use super::statement::{Claim, Entry};

/// That an address is to be announced, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who may announce it, the best first. Nobody: it is to be silent.
    pub candidates: Arc<[NodeId]>,
    /// If this speaker is not among them: whether it goes on until another has taken the address, even
    /// if there is none that could.
    pub keeps_until_taken: bool,
}

/// What is to be done about an address, by the speaker that this machine decides for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Announce it.
    Claimed {
        /// Whether a speaker had it before: it is known to be free for us.
        is_known: bool,
    },
    /// Be silent about it.
    Released,
    /// Tell the neighbours again: somebody else has announced it, too.
    Reasserted,
}

/// The names and the life of all speakers, as the decision needs them.
pub(super) struct Speakers<'a> {
    pub(super) names: &'a BTreeMap<NodeId, Arc<str>>,
    pub(super) lives: &'a dyn Fn(NodeId) -> bool,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct Address {
    wish: Option<Wish>,
    own: Option<Claim>,
    /// What others claim, dead ones as well.
    others: Vec<(NodeId, Claim)>,
    /// The greatest that was ever heard of.
    epoch: u64,
    /// Who had it last.
    last: Option<NodeId>,
    /// Since when nobody has it that lives and means to keep it.
    vacant: Option<Instant>,
    due: Option<Instant>,
}

/// All addresses.
#[derive(Debug)]
pub(super) struct Claims {
    own: NodeId,
    /// How long each candidate waits for the one before it.
    step: Duration,
    addresses: BTreeMap<IpAddr, Address>,
    due: BTreeSet<(Instant, IpAddr)>,
    /// Nothing is claimed before.
    held: Option<Instant>,
    /// Changes of what this speaker states.
    pub(super) entries: Vec<Entry>,
    pub(super) turns: Vec<(IpAddr, Turn)>,
}

impl Claims {
    pub(super) fn new(own: NodeId, step: Duration) -> Self {
        Self {
            own,
            step,
            addresses: BTreeMap::new(),
            due: BTreeSet::new(),
            held: None,
            entries: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// Takes in what is wanted of an address, and says whether that is new. Decides nothing.
    pub(super) fn want(&mut self, address: IpAddr, wish: Option<Wish>) -> bool {
        if wish.is_none() && !self.addresses.contains_key(&address) {
            return false;
        }
        let entry = self.addresses.entry(address).or_default();
        let is_new = entry.wish != wish;
        entry.wish = wish;
        is_new
    }

    /// Who had an address before all speakers were started anew, as far as somebody remembers.
    pub(super) fn remember(&mut self, address: IpAddr, node: NodeId) {
        let entry = self.addresses.entry(address).or_default();
        entry.last = entry.last.or(Some(node));
    }

    /// Takes in what another claims, or no more. Decides nothing.
    pub(super) fn hear(&mut self, from: NodeId, address: IpAddr, claim: Option<Claim>) {
        let entry = self.addresses.entry(address).or_default();
        entry.others.retain(|(node, _)| *node != from);
        if let Some(claim) = claim {
            entry.others.push((from, claim));
            entry.epoch = entry.epoch.max(claim.epoch);
        }
    }

    /// Claims nothing before this time: what others have claimed may not have been heard yet.
    pub(super) fn hold(&mut self, until: Instant) {
        self.held = Some(until);
    }

    /// Every address that is known.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.keys().copied().collect()
    }

    /// What this speaker claims.
    pub(super) fn owned(&self) -> impl Iterator<Item = IpAddr> {
        let owned = self.addresses.iter().filter(|(_, it)| it.own.is_some());
        owned.map(|(address, _)| *address)
    }

    /// Whose claim of an address counts.
    pub(super) fn owner(&self, address: IpAddr, speakers: &Speakers<'_>) -> Option<NodeId> {
        let entry = self.addresses.get(&address)?;
        let own = entry.own.map(|it| (self.own, it));
        let best = entry.best_other(speakers);
        let all = own.into_iter().chain(best);
        all.max_by_key(|it| speakers.weight(*it)).map(|it| it.0)
    }

    /// The next time at which [`is_due`](Self::take_due) has an address.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|it| it.0)
    }

    /// Addresses whose candidate before this one has had its time.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<IpAddr> {
        let mut taken = Vec::new();
        while let Some((at, address)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            if let Some(entry) = self.addresses.get_mut(&address) {
                entry.due = None;
            }
            taken.push(address);
        }
        taken
    }

    /// Decides about an address. `is_news` says that it is because of what another speaker claims.
    pub(super) fn decide(
        &mut self,
        address: IpAddr,
        is_news: bool,
        speakers: &Speakers<'_>,
        now: Instant,
    ) {
        let Some(entry) = self.addresses.get_mut(&address) else {
            return;
        };
        if let Some(at) = entry.due.take() {
            self.due.remove(&(at, address));
        }
        if let Some(until) = self.held.filter(|it| now < *it && entry.own.is_none()) {
            entry.due = Some(until);
            self.due.insert((until, address));
            return;
        }
        let before = entry.own;
        let turn = entry.turn(self.own, is_news, speakers, now, self.step);
        match entry.own {
            Some(claim) if before != entry.own => self.entries.push(Entry::Claim(address, claim)),
            None if before.is_some() => self.entries.push(Entry::Unclaimed(address)),
            _ => {}
        }
        self.turns.extend(turn.map(|it| (address, it)));
        if let Some(at) = entry.due {
            self.due.insert((at, address));
        }
        if entry.wish.is_none() && entry.own.is_none() && entry.others.is_empty() {
            self.addresses.remove(&address);
        }
    }
}

impl Speakers<'_> {
    /// By which of two claims the greater counts: who keeps it over who offers it, then the later, then
    /// the lower name.
    fn weight(&self, (node, claim): (NodeId, Claim)) -> impl Ord + use<'_> {
        let name = self.names.get(&node).map(AsRef::as_ref).unwrap_or_default();
        (!claim.is_offered, claim.epoch, Reverse(name), node)
    }
}

impl Address {
    /// The claim that counts, among those of others that live.
    fn best_other(&self, speakers: &Speakers<'_>) -> Option<(NodeId, Claim)> {
        let living = self
            .others
            .iter()
            .filter(|(node, _)| (speakers.lives)(*node));
        living.copied().max_by_key(|it| speakers.weight(*it))
    }

    /// Decides, and says what is to be done.
    fn turn(
        &mut self,
        own: NodeId,
        is_news: bool,
        speakers: &Speakers<'_>,
        now: Instant,
        step: Duration,
    ) -> Option<Turn> {
        let best = self.best_other(speakers);
        if let Some((node, _)) = best.filter(|(_, claim)| !claim.is_offered) {
            self.last = Some(node);
            self.vacant = None;
        }
        match self.own {
            Some(claim) => {
                self.last = Some(own);
                self.vacant = None;
                let is_beaten =
                    best.is_some_and(|it| speakers.weight(it) > speakers.weight((own, claim)));
                let stays = !is_beaten && self.keep(own, speakers);
                if !stays {
                    self.own = None;
                    if let Some((node, _)) = best {
                        self.last = Some(node);
                    }
                    return Some(Turn::Released);
                }
                (is_news && best.is_some()).then_some(Turn::Reasserted)
            }
            None if best.is_some_and(|(_, claim)| !claim.is_offered) => None,
            None => self.take(own, speakers, now, step),
        }
    }

    /// Whether an address that is claimed here stays, and whether it is offered.
    fn keep(&mut self, own: NodeId, speakers: &Speakers<'_>) -> bool {
        let Some((wish, claim)) = self.wish.as_ref().zip(self.own.as_mut()) else {
            return false;
        };
        let mut candidates = wish.candidates.iter();
        claim.is_offered = !wish.candidates.contains(&own);
        let is_taken_by = |it: &NodeId| *it != own && (speakers.lives)(*it);
        !claim.is_offered || wish.keeps_until_taken || candidates.any(is_taken_by)
    }

    /// Claims an address that nobody has or keeps, if it is this one's turn.
    fn take(
        &mut self,
        own: NodeId,
        speakers: &Speakers<'_>,
        now: Instant,
        step: Duration,
    ) -> Option<Turn> {
        let candidates = self.wish.as_ref().map(|it| it.candidates.clone());
        let candidates = candidates.unwrap_or_default();
        if !candidates.contains(&own) {
            self.vacant = None;
            return None;
        }
        // Whoever had it last goes first: so nothing moves when all are started anew.
        let last = self.last.filter(|it| candidates.contains(it));
        let others = candidates.iter().copied().filter(|it| Some(*it) != last);
        let gives_up = |it: &NodeId| self.others.iter().any(|(node, _)| node == it);
        let living = last
            .into_iter()
            .chain(others)
            .filter(|it| (speakers.lives)(*it) && !gives_up(it));
        let before = living.take_while(|it| *it != own).count();
        let since = *self.vacant.get_or_insert(now);
        // One before us may see things otherwise; nobody waits for it for ever.
        let at = since + step * u32::try_from(before).unwrap_or(u32::MAX);
        if now < at {
            self.due = Some(at);
            return None;
        }
        let is_known = self.epoch > 0;
        self.epoch = self.epoch.saturating_add(1);
        self.vacant = None;
        self.last = Some(own);
        self.own = Some(Claim {
            epoch: self.epoch,
            is_offered: false,
        });
        Some(Turn::Claimed { is_known })
    }
}

#[cfg(test)]
mod tests;
