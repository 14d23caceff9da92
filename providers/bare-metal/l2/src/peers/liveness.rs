//! The state machine that decides who lives. Time is an argument; what is to be sent comes out as
//! actions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::action::Action;
use super::judging::REPEATS;
use super::message::{Body, Message};
use super::node::{Boot, NodeId};
use super::peer::Peer;
use super::ring::watchers;
use super::session::{Fresh, Stale};
use super::timing::Timing;

/// Who lives, as one speaker knows it.
#[derive(Debug)]
pub(super) struct Liveness {
    pub(super) own: NodeId,
    pub(super) boot: Boot,
    pub(super) timing: Timing,
    /// When this life began.
    pub(super) started: Instant,
    pub(super) sequence: u64,
    /// The version of what is stated here.
    pub(super) version: u64,
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// All speakers, in order, this one among them.
    pub(super) circle: Vec<NodeId>,
    /// To whom this one sends its heartbeats.
    pub(super) watched_by: Vec<NodeId>,
    pub(super) heartbeat_due: Instant,
    pub(super) round_due: Instant,
    /// Whose turn it is in the round.
    pub(super) turn: Option<NodeId>,
    pub(super) last_tick: Instant,
    /// When our own link was last seen to work.
    pub(super) link: Option<Instant>,
    /// Verdicts that are yet to be repeated, and how often.
    pub(super) verdicts: BTreeMap<NodeId, (Boot, u8)>,
    /// Who is yet to be told so often that it was taken for dead.
    pub(super) missed: BTreeMap<NodeId, u8>,
    pub(super) actions: Vec<Action>,
}

impl Liveness {
    /// A speaker that begins a life.
    pub(super) fn new(own: NodeId, boot: Boot, timing: Timing, now: Instant) -> Self {
        Self {
            own,
            boot,
            timing,
            started: now,
            sequence: 0,
            version: 0,
            peers: BTreeMap::new(),
            circle: vec![own],
            watched_by: Vec::new(),
            heartbeat_due: now,
            round_due: now,
            turn: None,
            last_tick: now,
            link: None,
            verdicts: BTreeMap::new(),
            missed: BTreeMap::new(),
            actions: Vec::new(),
        }
    }

    /// Takes in who the other speakers are. One that is no longer among them is forgotten.
    pub(super) fn members(&mut self, others: &BTreeSet<NodeId>, now: Instant) {
        let known = std::mem::take(&mut self.peers);
        for (node, peer) in known {
            if others.contains(&node) {
                self.peers.insert(node, peer);
            } else if peer.is_alive {
                self.actions.push(Action::Dead(node));
            }
        }
        for node in others {
            if *node != self.own && !self.peers.contains_key(node) {
                self.peers.insert(*node, Peer::default());
                self.say(*node, Body::Heartbeat);
            }
        }
        self.circle = self.peers.keys().copied().chain([self.own]).collect();
        self.circle.sort_unstable();
        self.arrange(now);
    }

    /// Whether a speaker lives, as far as is known.
    pub(super) fn lives(&self, node: NodeId) -> bool {
        node == self.own || self.peers.get(&node).is_some_and(|it| it.is_alive)
    }

    /// The present life of another, as far as it is known.
    pub(super) fn boot_of(&self, node: NodeId) -> Option<Boot> {
        self.peers.get(&node)?.session.boot()
    }

    /// What is to be done since this was asked last.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub(super) fn next_tick(&self) -> Instant {
        let suspicions = self.peers.values().filter_map(|peer| {
            let suspicion = peer.suspicion?;
            let kernel = suspicion.since + self.timing.kernel;
            Some(kernel.max(self.last_tick + self.timing.heartbeat / 5))
        });
        let silences = self.peers.values().filter_map(|peer| {
            let heard = peer.duty.as_ref()?.since.max(peer.heard?);
            let is_waiting = peer.is_alive && peer.suspicion.is_none();
            is_waiting.then_some(heard + self.timing.silence())
        });
        let all = suspicions.chain(silences);
        all.fold(self.heartbeat_due, Instant::min)
    }

    /// The kernel of a suspected node has answered.
    pub(super) fn kernel_answered(&mut self, node: NodeId) {
        if let Some(suspicion) = self
            .peers
            .get_mut(&node)
            .and_then(|it| it.suspicion.as_mut())
        {
            suspicion.kernel_answered = true;
        }
    }

    /// The kernel of a node has said that nobody listens there (ICMP, port unreachable). It proves
    /// nothing by itself, since anybody can say so; of a node that is silent it tells that its process
    /// is not merely held up.
    pub(super) fn port_refused(&mut self, node: NodeId) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.is_refused = true;
        }
    }

    /// Our own link works: a frame of another host has come in.
    pub(super) fn link_works(&mut self, now: Instant) {
        self.link = Some(now);
    }

    /// Takes in a message, whose sender has been authenticated.
    pub(super) fn hear(&mut self, message: &Message, now: Instant) -> Result<(), Stale> {
        let (own, from) = (self.boot, message.from);
        if from == self.own {
            return Err(Stale::OfOwnName);
        }
        let peer = self.peers.get_mut(&from).ok_or(Stale::OfStranger)?;
        let fresh = match peer.session.hear(own, message) {
            Ok(fresh) => fresh,
            Err(Stale::ForAnotherLife) => {
                self.greet(message);
                return Err(Stale::ForAnotherLife);
            }
            Err(stale) => return Err(stale),
        };
        peer.heard = Some(now);
        peer.suspicion = None;
        peer.is_refused = false;
        peer.suspected_by.clear();
        let was_alive = peer.is_alive;
        peer.is_alive = message.body != Body::Leaves;
        let is_alive = peer.is_alive;
        // What it held in its life before, it does not hold now.
        if was_alive && (fresh == Fresh::Begins || !is_alive) {
            self.actions.push(Action::Dead(from));
        }
        if is_alive && (fresh == Fresh::Begins || !was_alive) {
            self.actions.push(Action::Lives(from));
        }
        if is_alive != was_alive {
            self.arrange(now);
        }
        if is_alive && fresh == Fresh::Begins {
            // It may not know yet that we know it.
            self.say(from, Body::Heartbeat);
        } else if is_alive && !was_alive {
            // Before it is told of others that are dead, whose addresses it would take.
            self.missed.insert(from, REPEATS - 1);
            self.say(from, Body::Missed);
        }
        self.take_in(from, &message.body, now);
        Ok(())
    }

    /// Answers one that does not know this life of ours, so that it does. That answer counts there, so
    /// it ends with it.
    fn greet(&mut self, message: &Message) {
        let Some(peer) = self.peers.get(&message.from) else {
            return;
        };
        if let Some(echo) = peer.session.to_echo(message) {
            self.say_echoing(message.from, Some(echo), Body::Heartbeat);
        }
    }

    fn take_in(&mut self, from: NodeId, body: &Body, now: Instant) {
        match *body {
            Body::Suspects(node, boot) => self.hear_suspicion(from, node, boot, now),
            Body::Hears(node, boot) => {
                if let Some(peer) = self.known(node, boot) {
                    peer.suspected_by.remove(&from);
                }
            }
            Body::Dead(node, boot) => {
                let Some(peer) = self.known(node, boot).filter(|it| it.is_alive) else {
                    return;
                };
                // Who says so may have said it to us alone, since we asked.
                match peer.suspicion {
                    Some(_) => self.proclaim_dead(node, boot, now),
                    None => self.bury(node, now),
                }
            }
            Body::Missed => self.be_known_again(now),
            Body::Heartbeat
            | Body::Leaves
            | Body::Ask
            | Body::Change { .. }
            | Body::Whole { .. } => {}
        }
    }

    /// Whether all who were heard have been silent for so long that it is rather our own link.
    pub(super) fn hears_nobody(&self, now: Instant) -> bool {
        let silence = self.timing.silence();
        let mut last = self.peers.values().filter_map(|it| it.heard);
        last.clone().next().is_some() && last.all(|at| now.saturating_duration_since(at) >= silence)
    }

    /// We were away, and are not any more: all are to hear of us. A kernel that had no answer from a
    /// neighbour asks again a second later; one that we ask knows us at once, and ours knows it.
    pub(super) fn be_known_again(&mut self, now: Instant) {
        let silence = self.timing.silence();
        let is_silent = |at: Instant| now.saturating_duration_since(at) >= silence;
        let silent = self
            .peers
            .iter()
            .filter(|(_, it)| it.heard.is_none_or(is_silent));
        self.actions
            .extend(silent.map(|(node, _)| Action::AskKernel(*node)));
        self.say_to_all(&Body::Heartbeat);
    }

    /// A peer, if it is in this life.
    fn known(&mut self, node: NodeId, boot: Boot) -> Option<&mut Peer> {
        let peer = self.peers.get_mut(&node)?;
        (peer.session.boot() == Some(boot)).then_some(peer)
    }

    fn hear_suspicion(&mut self, from: NodeId, node: NodeId, boot: Boot, now: Instant) {
        let silence = self.timing.silence();
        let is_long_ago = |at: Instant| now.saturating_duration_since(at) >= silence;
        let is_new = !is_long_ago(self.started);
        let (is_alive, is_heard, is_judged) = match self.known(node, boot) {
            Some(peer) => {
                peer.suspected_by.insert(from, now);
                let is_heard = !peer.heard.is_none_or(is_long_ago);
                (peer.is_alive, is_heard, peer.duty.is_some())
            }
            // It has said nothing to this life of ours, which may have been too short.
            None if is_new => return,
            None => (true, false, false),
        };
        let answer = if !is_alive {
            // It was found dead before, when the one who asks was not there, or did not hear of it.
            Some(Body::Dead(node, boot))
        } else if is_heard {
            Some(Body::Hears(node, boot))
        } else if is_judged {
            // Our turn to ask comes, or has come.
            None
        } else {
            self.agrees(node, boot)
        };
        if let Some(answer) = answer {
            self.say(from, answer);
        }
    }

    /// "I hear nothing of it either", from one who would hear it.
    fn agrees(&self, node: NodeId, boot: Boot) -> Option<Body> {
        let is_among = |is_away: &dyn Fn(NodeId) -> bool| {
            watchers(node, &self.circle, self.timing.watchers, is_away).contains(&self.own)
        };
        let is_told = is_among(&|_| false) || is_among(&|it| !self.lives(it));
        is_told.then_some(Body::Suspects(node, boot))
    }

    /// Says to everybody that this speaker ends, whose addresses have gone to others.
    pub(super) fn leave(&mut self) {
        self.say_to_all(&Body::Leaves);
    }

    pub(super) fn say_to_all(&mut self, body: &Body) {
        // A node without a speaker has never been heard; one that begins asks for what it missed.
        let known = self
            .peers
            .iter()
            .filter(|(_, it)| it.session.boot().is_some());
        let known: Vec<NodeId> = known.map(|(node, _)| *node).collect();
        for node in known {
            self.say(node, body.clone());
        }
    }

    pub(super) fn say(&mut self, to: NodeId, body: Body) {
        if let Some(peer) = self.peers.get(&to) {
            let echo = peer.session.boot();
            self.say_echoing(to, echo, body);
        }
    }

    fn say_echoing(&mut self, to: NodeId, echo: Option<Boot>, body: Body) {
        self.sequence += 1;
        let message = Message {
            from: self.own,
            boot: self.boot,
            sequence: self.sequence,
            echo,
            version: self.version,
            body,
        };
        self.actions.push(Action::Send(to, message));
    }
}
