//! What is done with connections: opened, closed, and kept alive.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rustbgpd_wire::Message;

use super::connection::{Connection, OPEN_WAIT, Step};
use super::{Action, Cause, ConnectionId, Direction, Leave, Peer, State};
use crate::message::encode;
use crate::negotiated::{self, Bits};
use crate::notification::Notification;
use crate::route::NextHops;

/// A session that was lost after so long had worked.
const WORKED: Duration = Duration::from_secs(10);
/// A session that lasted so long makes good for the errors before it.
const LASTED: Duration = Duration::from_mins(1);

impl Peer {
    /// There is to be a session.
    pub fn start(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.is_started, true) {
            self.waiting.not_at_all(now);
            self.tick(now);
        }
    }

    /// There is to be no session any more.
    pub fn stop(&mut self, leave: &Leave) {
        let is_silent = matches!(leave, Leave::Restart(_)) && self.is_kept_over_restart();
        let notification = match leave {
            Leave::Shutdown(text) | Leave::Restart(text) => {
                Notification::administrative_shutdown(text)
            }
            Leave::Deconfigured => Notification::peer_deconfigured(),
            Leave::Reconfigured => Notification::other_configuration_change(),
        };
        let mut cause = None;
        for (id, connection) in std::mem::take(&mut self.connections) {
            if connection.step.state() >= State::OpenSent && !is_silent {
                self.notify(id, &notification);
                cause = Some(Cause::Sent(notification.clone()));
            }
            self.actions.push(Action::Close(id));
        }
        if is_silent {
            cause = Some(Cause::Restarting);
        }
        self.is_started = false;
        self.waiting.stop();
        self.rib.close();
        self.actions.extend(cause.map(Action::Down));
    }

    /// BFD has lost the router: so has BGP (RFC 5882 §4.2). It is tried again by and by.
    pub fn bfd_down(&mut self, now: Instant) {
        let told = Notification::bfd_down();
        // What is being opened ends by itself; and the session goes last, so that it counts.
        let open = self.connections.iter();
        let open = open.map(|(id, it)| (it.step.state(), *id));
        let mut open: Vec<_> = open.filter(|(it, _)| *it >= State::OpenSent).collect();
        open.sort_unstable();
        for (_, id) in open {
            self.refuse(id, told.clone(), now);
        }
    }

    /// Something has changed by which the router may be reached, or may let us in, that was waited for: it
    /// is tried again soon, unless that is a wait after an error.
    pub fn hurry(&mut self, now: Instant) {
        let mut connections = self.connections.values();
        let is_under_way = connections.any(|it| it.step.state() != State::Connect);
        if !self.is_started
            || self.settings.passive
            || self.waiting.is_after_error()
            || is_under_way
        {
            return;
        }
        // The kernel asks more and more seldom for one that was not answered.
        for id in std::mem::take(&mut self.connections).into_keys() {
            self.actions.push(Action::Close(id));
        }
        self.waiting.soon(now);
    }

    /// A connection of ours is open.
    pub fn connected(&mut self, id: ConnectionId, next_hops: NextHops, now: Instant) {
        match self.connections.get(&id) {
            Some(it) if it.step.state() == State::Connect => self.greet(id, next_hops, now),
            Some(_) => {}
            None => self.actions.push(Action::Close(id)),
        }
    }

    /// A connection of ours could not be opened, or one has broken; `why` is what the system says, None:
    /// the router has closed it.
    pub fn lost(&mut self, id: ConnectionId, why: Option<String>, now: Instant) {
        self.end(id, why.map_or(Cause::Closed, Cause::Connection), now);
    }

    /// The router has opened a connection; None: it is to be closed at once.
    pub fn accepted(&mut self, next_hops: NextHops, now: Instant) -> Option<ConnectionId> {
        if !self.is_started || self.waiting.is_after_error() {
            return None;
        }
        // Of those that it has opened and not gone on with, the last counts.
        let unfinished = |it: &Connection| {
            it.direction == Direction::Incoming && it.step.state() == State::OpenSent
        };
        let old = self.connections.iter().find(|(_, it)| unfinished(it));
        if let Some(id) = old.map(|(id, _)| *id) {
            self.connections.remove(&id);
            self.actions.push(Action::Close(id));
        }
        let id = self.new_id();
        let connection = Connection::new(Direction::Incoming, Step::OpenSent);
        self.connections.insert(id, connection);
        self.greet(id, next_hops, now);
        Some(id)
    }

    /// Since when a connection has bytes that the router does not take; None: it takes all.
    pub fn blocked(&mut self, id: ConnectionId, since: Option<Instant>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.blocked = since;
        }
    }

    /// The time has come that [`Self::next_tick`] told. What the router has sent before is to be heard first,
    /// so that nobody is taken for silent whom nobody has listened to.
    pub fn tick(&mut self, now: Instant) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            self.tick_connection(id, now);
        }
        for family in self.waiting.refreshes(now) {
            self.rib.refresh(family);
        }
        if self.is_started && self.waiting.is_over(now) && self.may_dial() {
            self.dial(now);
        }
    }

    fn tick_connection(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let is_due = |at: Option<Instant>| at.is_some_and(|it| now >= it);
        if let Step::Connecting { until } = connection.step {
            if now >= until {
                self.end(id, Cause::NoAnswer, now);
            }
        } else if is_due(connection.hold) {
            self.refuse(id, Notification::hold_timer_expired(), now);
        } else if is_due(connection.send_hold_ends()) {
            self.refuse(id, Notification::send_hold_timer_expired(), now);
        } else if is_due(connection.keepalive) {
            self.send_keepalive(id, now);
        }
    }

    fn new_id(&mut self) -> ConnectionId {
        self.next_id += 1;
        ConnectionId(self.next_id)
    }

    fn dial(&mut self, now: Instant) {
        let id = self.new_id();
        let until = now + self.waiting.about(self.settings.connect_retry_time);
        let connection = Connection::new(Direction::Outgoing, Step::Connecting { until });
        self.connections.insert(id, connection);
        self.actions.push(Action::Dial(id));
    }

    /// Sends our OPEN.
    fn greet(&mut self, id: ConnectionId, next_hops: NextHops, now: Instant) {
        let has_announced = self.counters.established > 0;
        let has_restarted = self.settings.restart.is_some_and(|it| it.has_restarted);
        let bits = Bits {
            is_restart: has_restarted && !has_announced,
            is_forwarding: has_restarted || has_announced,
        };
        let open = negotiated::open(&self.settings, next_hops.is_over_v6, bits);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.step = Step::OpenSent;
            connection.next_hops = next_hops;
            connection.hold = Some(now + OPEN_WAIT);
        }
        self.send(id, open);
    }

    pub(super) fn send_keepalive(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let every = connection.negotiated().and_then(|it| it.keepalive_time);
        connection.keepalive = every.map(|it| now + self.waiting.jittered(it));
        self.send(id, encode(&Message::Keepalive));
    }

    fn send(&mut self, id: ConnectionId, message: Bytes) {
        self.counters.sent += 1;
        self.actions.push(Action::Send(id, message));
    }

    pub(super) fn notify(&mut self, id: ConnectionId, notification: &Notification) {
        self.counters.notifications[0] += 1;
        self.send(id, encode(&Message::Notification(notification.message())));
    }

    /// Tells the router what is wrong, if there is a connection to tell it on, and ends it.
    pub(super) fn refuse(&mut self, id: ConnectionId, why: Notification, now: Instant) {
        let connection = self.connections.get(&id);
        if connection.is_some_and(|it| it.step.state() >= State::OpenSent) {
            self.notify(id, &why);
        }
        self.end(id, Cause::Sent(why), now);
    }

    /// Ends a connection. The session has ended with it, or has not come about, unless there is another.
    pub(super) fn end(&mut self, id: ConnectionId, cause: Cause, now: Instant) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        self.actions.push(Action::Close(id));
        let was_established = connection.established.is_some();
        if was_established {
            self.rib.close();
        }
        if !was_established && !self.connections.is_empty() {
            // If nothing comes of the other either, ours is tried again.
            if connection.direction == Direction::Outgoing {
                let usual = self.settings.connect_retry_time;
                self.waiting.as_usual(usual, now);
            }
            return;
        }
        let lasted = connection.established.map(|it| now - it);
        self.wait(lasted, &cause, now);
        self.actions.push(Action::Down(cause));
        if self.is_started && self.waiting.is_over(now) && self.may_dial() {
            self.dial(now);
        }
    }

    /// How long to wait, after a session that lasted so long has ended.
    fn wait(&mut self, lasted: Option<Duration>, cause: &Cause, now: Instant) {
        if lasted.is_some_and(|it| it >= LASTED) {
            self.waiting.forgive();
        }
        let has_worked = lasted.is_some_and(|it| it >= WORKED);
        let usual = self.settings.connect_retry_time;
        match cause {
            // So long was waited already.
            Cause::NoAnswer => self.waiting.not_at_all(now),
            // The other connection is the router's, and may be told to us only later.
            Cause::Sent(it) | Cause::Received(it) if it.is_collision() && lasted.is_none() => {
                self.waiting.as_usual(usual, now);
            }
            Cause::Sent(it) | Cause::Received(it) if !has_worked || it.is_meant_to_last() => {
                let is_meant_to_last = it.is_meant_to_last();
                self.waiting.after_error(usual, is_meant_to_last, now);
            }
            _ if has_worked => self.waiting.soon(now),
            _ => self.waiting.after_failure(usual, now),
        }
    }
}
