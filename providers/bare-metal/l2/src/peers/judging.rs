//! Who watches whom, and when who is silent is dead.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::action::Action;
use super::liveness::Liveness;
use super::message::Body;
use super::node::{Boot, NodeId};
use super::peer::{Duty, Suspicion};
use super::ring::watchers;

/// How often one that does not watch is told that we live, at most; each in its turn.
const ROUND: Duration = Duration::from_millis(100);
/// After so many heartbeats' time two watchers' words count as said together.
const TOGETHER: u32 = 4;
/// Who wakes up so many heartbeats after the last time was held up.
const LATE: u32 = 2;
/// For so many heartbeats a link that did not work at first must have worked.
const BACK: u32 = 2;
/// For so many heartbeats a speaker that begins sends them to all.
const NEW: u32 = 10;
/// What matters is said so often, a heartbeat apart, for a message may be lost.
pub(super) const REPEATS: u8 = 3;

impl Liveness {
    /// Finds out anew who watches whom.
    pub(super) fn arrange(&mut self, now: Instant) {
        let (circle, count) = (&self.circle, self.timing.watchers);
        let is_away = |node: NodeId| !self.lives(node);
        let mut watched_by = watchers(self.own, circle, count, is_away);
        // Those that would watch if they lived are told as well: they may live, and not be heard.
        let meant = watchers(self.own, circle, count, |_| false);
        watched_by.extend(meant);
        watched_by.sort_unstable();
        watched_by.dedup();
        let mut duties: BTreeMap<NodeId, Vec<NodeId>> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_alive)
            .filter_map(|(node, _)| {
                let mut all = watchers(*node, circle, count, is_away);
                let here = all.iter().position(|it| *it == self.own)?;
                all.remove(here);
                Some((*node, all))
            })
            .collect();
        self.watched_by = watched_by;
        for (node, peer) in &mut self.peers {
            let since = peer.duty.as_ref().map_or(now, |it| it.since);
            peer.duty = duties.remove(node).map(|others| Duty { since, others });
            if peer.duty.is_none() {
                peer.suspicion = None;
            }
        }
    }

    /// Does what is due. What has come in must have been heard before: a process that was held up
    /// would otherwise take its own silence for that of others.
    pub(super) fn tick(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last_tick);
        self.last_tick = now;
        if gap > self.timing.silence() {
            self.begin_listening_anew(now);
        }
        if now >= self.heartbeat_due {
            self.heartbeat_due = now + self.timing.heartbeat;
            self.beat(now);
            // With a heartbeat, so that the process is not woken for it.
            if now >= self.round_due {
                self.round_due = now + ROUND;
                self.greet_next();
            }
        }
        // A process that has too little of the processor judges nobody: what it would say would be a
        // burden to all, and wrong.
        if gap > self.timing.heartbeat * LATE {
            return;
        }
        let watched = self.peers.iter().filter(|(_, peer)| peer.duty.is_some());
        let watched: Vec<NodeId> = watched.map(|(node, _)| *node).collect();
        for node in watched {
            self.judge(node, now);
        }
    }

    /// We were away ourselves: nobody is silent before it has been so from now on.
    fn begin_listening_anew(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.suspicion = None;
            peer.suspected_by.clear();
            peer.is_refused = false;
            peer.heard = peer.heard.map(|_| now);
        }
    }

    /// A heartbeat to each watcher, and what is to be repeated to everybody.
    fn beat(&mut self, now: Instant) {
        // Who begins is to be known by all soon, though messages may be lost.
        let is_new = now < self.started + self.timing.heartbeat * NEW;
        let told = if is_new {
            self.peers.keys().copied().collect()
        } else {
            self.watched_by.clone()
        };
        for node in told {
            self.say(node, Body::Heartbeat);
        }
        for (node, (boot, left)) in std::mem::take(&mut self.verdicts) {
            self.say_to_all(&Body::Dead(node, boot));
            if left > 1 {
                self.verdicts.insert(node, (boot, left - 1));
            }
        }
        for (node, left) in std::mem::take(&mut self.missed) {
            self.say(node, Body::Missed);
            if left > 1 {
                self.missed.insert(node, left - 1);
            }
        }
    }

    /// A word to one speaker that is not told otherwise, each in its turn.
    fn greet_next(&mut self) {
        let after = self.turn.unwrap_or(NodeId(0));
        let mut later = self.peers.keys().filter(|it| **it > after);
        let next = later.next().or_else(|| self.peers.keys().next()).copied();
        self.turn = next;
        if let Some(node) = next {
            self.say(node, Body::Heartbeat);
        }
    }

    /// Looks at one that we watch.
    fn judge(&mut self, node: NodeId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        let (Some(heard), Some(boot), Some(duty)) = (peer.heard, peer.session.boot(), &peer.duty)
        else {
            return;
        };
        let silent_for = now.saturating_duration_since(heard.max(duty.since));
        if silent_for < self.timing.silence() {
            return;
        }
        let others = duty.others.clone();
        let Some(suspicion) = &mut peer.suspicion else {
            peer.suspicion = Some(Suspicion {
                since: now,
                kernel_answered: false,
                tested: now,
                link: None,
                asked: None,
            });
            self.actions.push(Action::AskKernel(node));
            self.actions.push(Action::TestLink);
            // Where its process is gone, its kernel says so.
            self.say(node, Body::Heartbeat);
            return;
        };
        let since = suspicion.since;
        let link = suspicion.link.or(self.link.filter(|at| *at >= since));
        suspicion.link = link;
        // The link may come back while nobody else is there to agree.
        if now >= suspicion.tested + self.timing.silence() {
            suspicion.tested = now;
            self.actions.push(Action::TestLink);
        }
        let is_process_dead =
            peer.is_refused || silent_for >= self.timing.heartbeat * self.timing.missed_by_process;
        let has_kernel_had_time = now >= since + self.timing.kernel;
        if !is_process_dead && (suspicion.kernel_answered || !has_kernel_had_time) {
            self.say(node, Body::Heartbeat);
            return;
        }
        let together = self.timing.heartbeat * TOGETHER;
        let is_recent = |at: Instant| now.saturating_duration_since(at) < together;
        let asked = *suspicion.asked.get_or_insert(now);
        let agrees = |it: &NodeId| peer.suspected_by.get(it).is_some_and(|at| is_recent(*at));
        let is_agreed = others.iter().any(agrees);
        // Those who say nothing, when they are asked, may be as dead.
        let answers = |it: &NodeId| self.peers.get(it).and_then(|it| it.heard) >= Some(asked);
        let is_waiting = now < asked + self.timing.heartbeat * 2 && !others.is_empty();
        let is_last = !is_waiting && !others.iter().any(answers);
        // A link that works again brings in a moment who was silent only because it did not.
        let is_at_once = |at: Instant| at <= since + self.timing.heartbeat;
        let has_brought = |at: Instant| now >= at + self.timing.heartbeat * BACK;
        let is_link_well = link.is_some_and(|at| is_at_once(at) || has_brought(at));
        if is_agreed || is_last && is_link_well {
            self.proclaim_dead(node, boot, now);
            return;
        }
        for other in others {
            self.say(other, Body::Suspects(node, boot));
        }
    }

    /// Says to everybody that a node is dead.
    pub(super) fn proclaim_dead(&mut self, node: NodeId, boot: Boot, now: Instant) {
        self.verdicts.insert(node, (boot, REPEATS - 1));
        self.say_to_all(&Body::Dead(node, boot));
        self.bury(node, now);
    }

    pub(super) fn bury(&mut self, node: NodeId, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.is_alive = false;
            peer.suspicion = None;
            peer.suspected_by.clear();
            self.actions.push(Action::Dead(node));
            self.arrange(now);
        }
    }
}
