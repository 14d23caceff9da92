//! What the speakers agree on: who lives, where each can announce, and who has which address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::action::Action;
use super::claims::{Claims, Speakers, Wish};
use super::entries::chunks;
use super::heard::Heard;
use super::judging::REPEATS;
use super::liveness::Liveness;
use super::message::{Body, Message};
use super::node::{Boot, NodeId};
use super::session::Stale;
use super::statement::{Entry, Interface, Statement};
use super::timing::Timing;

/// So many heartbeats a speaker that begins waits for what the others have to say, before it claims.
const SETTLING: u32 = 10;
/// So many heartbeats one that was away, and is heard again, waits for the same.
const MISSED: u32 = 4;
/// So many heartbeats a candidate waits for the one before it.
const STEP: u32 = 2;

/// One speaker's part in it.
#[derive(Debug)]
pub struct Agreement {
    own: NodeId,
    timing: Timing,
    liveness: Liveness,
    names: BTreeMap<NodeId, Arc<str>>,
    statement: Statement,
    heard: BTreeMap<NodeId, Heard>,
    claims: Claims,
    /// What was said, and is to be said again so often.
    repeats: Vec<(Body, u8)>,
    repeat_due: Instant,
    /// Until when nothing is claimed; `None`: it is.
    settling: Option<Instant>,
    actions: Vec<Action>,
}

impl Agreement {
    /// The speaker of the node of this name, which begins a life.
    pub fn new(name: &str, boot: Boot, timing: Timing, now: Instant) -> Self {
        let own = NodeId::of(name);
        Self {
            own,
            timing,
            liveness: Liveness::new(own, boot, timing, now),
            names: BTreeMap::from([(own, name.into())]),
            statement: Statement::default(),
            heard: BTreeMap::new(),
            claims: Claims::new(own, timing.heartbeat * STEP),
            repeats: Vec::new(),
            repeat_due: now,
            settling: Some(now + timing.heartbeat * SETTLING),
            actions: Vec::new(),
        }
    }

    /// Takes in which nodes have speakers. One that is no longer among them is forgotten.
    pub fn members(&mut self, names: &BTreeSet<Arc<str>>, now: Instant) {
        let own = self.names.remove(&self.own);
        let names = names.iter().map(|name| (NodeId::of(name), name.clone()));
        self.names = names.collect();
        self.names.extend(own.map(|name| (self.own, name)));
        let others = self.names.keys().copied().filter(|it| *it != self.own);
        let others: BTreeSet<_> = others.collect();
        self.liveness.members(&others, now);
        let gone: Vec<_> = self
            .heard
            .keys()
            .copied()
            .filter(|it| !others.contains(it))
            .collect();
        for node in gone {
            self.forget(node, now);
            self.heard.remove(&node);
        }
        for node in others {
            self.heard.entry(node).or_default();
        }
        self.follow_up(now);
    }

    /// Takes in which interfaces this node has that are up.
    pub fn interfaces(&mut self, interfaces: &BTreeMap<String, Interface>, now: Instant) {
        let had = &self.statement.interfaces;
        let gone = had.keys().filter(|it| !interfaces.contains_key(*it));
        let gone = gone.map(|it| Entry::NoInterface(it.clone()));
        let new = interfaces
            .iter()
            .filter(|(name, it)| had.get(*name) != Some(it));
        let new = new.map(|(name, it)| Entry::Interface(name.clone(), it.clone()));
        let entries: Vec<_> = gone.chain(new).collect();
        self.state(entries);
        self.follow_up(now);
    }

    /// Takes in whether this speaker is to have no addresses.
    pub fn draining(&mut self, is_draining: bool, now: Instant) {
        if self.statement.is_draining != is_draining {
            self.state(vec![Entry::Draining(is_draining)]);
            self.follow_up(now);
        }
    }

    /// Takes in what is wanted of an address; `None`: nothing, any more.
    pub fn want(&mut self, address: IpAddr, wish: Option<Wish>, now: Instant) {
        if self.claims.want(address, wish) {
            self.decide(&[address], false, now);
            self.follow_up(now);
        }
    }

    /// Who had an address before all speakers were started anew. What is heard of the living counts
    /// for more.
    pub fn remember(&mut self, address: IpAddr, node: NodeId) {
        self.claims.remember(address, node);
    }

    /// Takes in a message, whose sender has been authenticated.
    pub fn hear(&mut self, message: &Message, now: Instant) -> Result<(), Stale> {
        let from = message.from;
        let life = self.liveness.boot_of(from);
        let was_alone = self.liveness.hears_nobody(now);
        let heard = self.liveness.hear(message, now);
        if heard.is_ok() && was_alone {
            self.liveness.be_known_again(now);
        }
        if heard.is_ok() && (was_alone || message.body == Body::Missed) {
            self.claims.hold(now + self.timing.heartbeat * MISSED);
        }
        if heard.is_ok() && life.is_some() && self.liveness.boot_of(from) != life {
            self.forget(from, now);
        }
        if heard.is_ok() {
            self.take_in(message, now);
        }
        self.follow_up(now);
        heard
    }

    fn take_in(&mut self, message: &Message, now: Instant) {
        let (from, body) = (message.from, &message.body);
        let pause = self.timing.heartbeat;
        let Some(heard) = self.heard.get_mut(&from) else {
            return;
        };
        let news = heard.take_in(message.version, body);
        for address in &news.claims {
            let claim = heard.statement.claims.get(address).copied();
            self.claims.hear(from, *address, claim);
        }
        if heard.is_to_be_asked(Some(body), pause, now) {
            self.liveness.say(from, Body::Ask);
        }
        if *body == Body::Ask && heard.is_to_be_told(pause, now) {
            self.tell_all(from);
        }
        if news.is_of_place {
            self.actions.push(Action::Moved(from));
        }
        let claims: Vec<_> = news.claims.into_iter().collect();
        self.decide(&claims, true, now);
    }

    /// Forgets what another has stated: its life is over.
    fn forget(&mut self, node: NodeId, now: Instant) {
        let Some(heard) = self.heard.get_mut(&node) else {
            return;
        };
        let statement = std::mem::take(heard).statement;
        let claims: Vec<_> = statement.claims.into_keys().collect();
        for address in &claims {
            self.claims.hear(node, *address, None);
        }
        self.decide(&claims, true, now);
        if !statement.interfaces.is_empty() || statement.is_draining {
            self.actions.push(Action::Moved(node));
        }
    }

    fn tell_all(&mut self, to: NodeId) {
        let mut chunks = chunks(self.statement.entries());
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let parts = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
        for (part, entries) in (0..parts).zip(chunks) {
            let body = Body::Whole {
                part,
                parts,
                entries,
            };
            self.liveness.say(to, body);
        }
    }

    /// Changes what this speaker states, and tells everybody.
    fn state(&mut self, entries: Vec<Entry>) {
        for entries in chunks(entries) {
            for entry in &entries {
                self.statement.apply(entry);
            }
            let before = self.statement.version;
            self.statement.version += 1;
            self.liveness.version = self.statement.version;
            let body = Body::Change { before, entries };
            self.liveness.say_to_all(&body);
            self.repeats.push((body, REPEATS - 1));
        }
    }

    fn decide(&mut self, addresses: &[IpAddr], is_news: bool, now: Instant) {
        if self.settling.is_some() {
            return;
        }
        let speakers = Speakers {
            names: &self.names,
            lives: &|node| self.liveness.lives(node),
        };
        for address in addresses {
            self.claims.decide(*address, is_news, &speakers, now);
        }
    }

    /// Does what follows from what was heard and decided, until nothing does.
    fn follow_up(&mut self, now: Instant) {
        for action in self.liveness.take_actions() {
            if let Action::Lives(node) | Action::Dead(node) = action {
                let heard = self.heard.get(&node);
                let claims = heard.map(|it| it.statement.claims.keys().copied().collect());
                let claims: Vec<IpAddr> = claims.unwrap_or_default();
                self.decide(&claims, true, now);
            }
            self.actions.push(action);
        }
        let turns = std::mem::take(&mut self.claims.turns);
        let turns = turns.into_iter();
        self.actions
            .extend(turns.map(|(address, it)| Action::Turn(address, it)));
        let entries = std::mem::take(&mut self.claims.entries);
        self.state(entries);
        self.actions.extend(self.liveness.take_actions());
    }

    /// The kernel of a node has answered.
    pub fn kernel_answered(&mut self, node: NodeId) {
        self.liveness.kernel_answered(node);
    }

    /// The kernel of a node has said that nobody listens there.
    pub fn port_refused(&mut self, node: NodeId) {
        self.liveness.port_refused(node);
    }

    /// Our own link works: a frame of another host has come in.
    pub fn link_works(&mut self, now: Instant) {
        self.liveness.link_works(now);
    }

    /// Says to everybody that this speaker ends.
    pub fn leave(&mut self, now: Instant) {
        self.liveness.leave();
        self.follow_up(now);
    }

    /// Does what is due. What has come in must have been heard before.
    pub fn tick(&mut self, now: Instant) {
        self.liveness.tick(now);
        if now >= self.repeat_due {
            self.repeat_due = now + self.timing.heartbeat;
            for (body, left) in std::mem::take(&mut self.repeats) {
                self.liveness.say_to_all(&body);
                if left > 1 {
                    self.repeats.push((body, left - 1));
                }
            }
            self.ask_again(now);
        }
        if self
            .settling
            .is_some_and(|until| now >= until || self.knows_all())
        {
            self.settling = None;
            let all = self.claims.addresses();
            self.decide(&all, false, now);
        }
        let due = self.claims.take_due(now);
        self.decide(&due, false, now);
        self.follow_up(now);
    }

    /// Asks those again whose answer has not come.
    fn ask_again(&mut self, now: Instant) {
        let pause = self.timing.heartbeat * 2;
        for (node, heard) in &mut self.heard {
            if self.liveness.lives(*node) && heard.is_to_be_asked(None, pause, now) {
                self.liveness.say(*node, Body::Ask);
            }
        }
    }

    /// Whether all others have been heard, and all that they state.
    fn knows_all(&self) -> bool {
        let is_known = |(node, heard): (&NodeId, &Heard)| {
            self.liveness.lives(*node) && heard.statement.version > 0
        };
        !self.heard.is_empty() && self.heard.iter().all(is_known)
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_tick(&self) -> Instant {
        let next = self.liveness.next_tick();
        let others = [Some(self.repeat_due), self.claims.next(), self.settling];
        others.into_iter().flatten().fold(next, Instant::min)
    }

    /// What is to be done since this was asked last.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Whether a speaker lives, as far as is known.
    pub fn lives(&self, node: NodeId) -> bool {
        self.liveness.lives(node)
    }

    /// Whose claim of an address counts.
    pub fn owner(&self, address: IpAddr) -> Option<NodeId> {
        let speakers = Speakers {
            names: &self.names,
            lives: &|node| self.liveness.lives(node),
        };
        self.claims.owner(address, &speakers)
    }

    /// What this speaker claims.
    pub fn owned(&self) -> impl Iterator<Item = IpAddr> {
        self.claims.owned()
    }

    /// What a speaker states, this one or another, as far as it was heard.
    pub fn statement(&self, node: NodeId) -> Option<&Statement> {
        if node == self.own {
            return Some(&self.statement);
        }
        self.heard.get(&node).map(|it| &it.statement)
    }
}
