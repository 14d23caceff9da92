//! What a router's messages come to.

use std::net::Ipv4Addr;
use std::time::Instant;

use rustbgpd_wire::OpenMessage;

use super::connection::{Connection, Step};
use super::{Action, Cause, ConnectionId, Direction, Peer, State};
use crate::message::{self, Judged, Received};
use crate::negotiated::{Negotiated, negotiate};
use crate::notification::{Notification, Unexpected};

impl Peer {
    /// Bytes have come in on a connection, as many as there were.
    pub fn received(&mut self, id: ConnectionId, bytes: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.step.state() == State::Connect {
            return;
        }
        connection.input.extend_from_slice(bytes);
        // The connection may be ended by what it said.
        while let Some(connection) = self.connections.get_mut(&id) {
            match message::next(&mut connection.input) {
                Ok(Some(message)) => self.hear(id, message, now),
                Ok(None) => return,
                Err(wrong) => self.refuse(id, wrong, now),
            }
        }
    }

    fn hear(&mut self, id: ConnectionId, message: Received, now: Instant) {
        self.counters.received += 1;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match (connection.step.state(), message) {
            (_, Received::Notification(why)) => {
                self.counters.notifications[1] += 1;
                self.end(id, Cause::Received(why), now);
            }
            (State::OpenSent, Received::Open(open)) => self.opened(id, &open, now),
            (State::OpenConfirm, Received::Keepalive) => self.establish(id, now),
            (State::Established, Received::Keepalive) => hold(connection, now),
            (State::Established, Received::Refresh(family)) => {
                if let Some(family) = family {
                    self.refresh(family, now);
                }
            }
            (State::Established, Received::Update(update)) => {
                hold(connection, now);
                let (four, internal) = connection
                    .negotiated()
                    .map_or((true, false), |it| (it.is_four_octet, it.is_internal));
                self.counters.updates_received += 1;
                match message::judge(&update, four, internal) {
                    Ok(Judged::Fine) => {}
                    Ok(Judged::Malformed) => self.counters.malformed += 1,
                    Err(wrong) => self.refuse(id, wrong, now),
                }
            }
            (state, _) => {
                let when = match state {
                    State::OpenConfirm => Unexpected::OpenConfirm,
                    State::Established => Unexpected::Established,
                    _ => Unexpected::OpenSent,
                };
                self.refuse(id, Notification::unexpected(when), now);
            }
        }
    }

    fn opened(&mut self, id: ConnectionId, open: &OpenMessage, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let is_over_v6 = connection.next_hops.is_over_v6;
        let negotiated = match negotiate(&self.settings, is_over_v6, open) {
            Ok(negotiated) => negotiated,
            Err(wrong) => return self.refuse(id, wrong, now),
        };
        if !self.is_kept(id, &negotiated, now) {
            return self.refuse(id, Notification::collision(), now);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            // Without a hold time the wait for an OPEN goes on as one for what follows it: else a router that
            // is gone would be waited for until it comes again.
            let is_held = negotiated.hold_time.is_some();
            connection.step = Step::OpenConfirm(negotiated.into());
            if is_held {
                hold(connection, now);
            }
        }
        self.send_keepalive(id, now);
    }

    /// Whether a connection of which the router's OPEN has come is the one to go on with (RFC 4271 §6.8).
    /// Those that lose to it are closed.
    fn is_kept(&mut self, id: ConnectionId, negotiated: &Negotiated, now: Instant) -> bool {
        let Some(direction) = self.connections.get(&id).map(|it| it.direction) else {
            return false;
        };
        let ours = (self.settings.router_id, self.settings.local_asn);
        let theirs = (negotiated.remote_id, negotiated.remote_asn);
        let wins = winner(ours, theirs);
        let rivals = self.connections.iter().filter(|(it, _)| **it != id);
        let rivals = rivals.map(|(rival, it)| (*rival, rivalry(direction, it, wins, now)));
        let rivals: Vec<_> = rivals.collect();
        if rivals.iter().any(|(_, it)| *it == Rivalry::Lost) {
            return false;
        }
        for (rival, outcome) in rivals {
            match outcome {
                Rivalry::Won => self.refuse(rival, Notification::collision(), now),
                Rivalry::Followed => self.end(rival, Cause::Replaced, now),
                Rivalry::Open | Rivalry::Lost => {}
            }
        }
        true
    }

    fn establish(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(negotiated) = connection.negotiated().cloned() else {
            return;
        };
        connection.step = Step::Established(negotiated.clone());
        connection.established = Some(now);
        hold(connection, now);
        let others = self.connections.keys().copied().filter(|it| *it != id);
        for other in others.collect::<Vec<_>>() {
            self.refuse(other, Notification::collision(), now);
        }
        self.counters.established += 1;
        self.waiting.begin();
        self.rib.open(&negotiated.families);
        self.actions.push(Action::Established(negotiated));
    }
}

/// The router has said something: it lives.
fn hold(connection: &mut Connection, now: Instant) {
    let hold = connection.negotiated().and_then(|it| it.hold_time);
    connection.hold = hold.map(|it| now + it);
}

/// What becomes of two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rivalry {
    /// Both go on for now.
    Open,
    /// The one that has come so far goes on alone.
    Won,
    /// The same, as the other is one that the router knows nothing of any more.
    Followed,
    /// The other goes on alone.
    Lost,
}

/// What becomes of a connection that the router's OPEN has come on, and of another.
fn rivalry(direction: Direction, rival: &Connection, wins: Direction, now: Instant) -> Rivalry {
    match rival.step.state() {
        // We open none beside it. A router that restarts does not know of it any more (RFC 4724 §4.2).
        State::Established if is_helped(rival) => Rivalry::Followed,
        State::OpenConfirm if direction == rival.direction || direction == wins => Rivalry::Won,
        State::Established | State::OpenConfirm => Rivalry::Lost,
        // Of both the router's loses. It must not be answered now: to the router it would be established by
        // that, while we would close it as soon as there is an OPEN on ours.
        State::OpenSent
            if rival.direction == Direction::Outgoing
                && wins == Direction::Outgoing
                && rival.is_about_to_be_answered(now) =>
        {
            Rivalry::Lost
        }
        State::OpenSent => Rivalry::Open,
        // Nothing was said on it yet: it is not needed.
        State::Idle | State::Connect | State::Active => Rivalry::Won,
    }
}

/// Whether the router keeps our routes over its own restart, as it said when the session began.
fn is_helped(connection: &Connection) -> bool {
    let negotiated = connection.negotiated();
    negotiated.is_some_and(|it| !it.restart_families.is_empty())
}

/// Which connection counts: the one that the side with the greater identifier has opened; of equal ones the
/// greater autonomous system decides (RFC 6286 §2.3).
fn winner(ours: (Ipv4Addr, u32), theirs: (Ipv4Addr, u32)) -> Direction {
    if ours > theirs {
        Direction::Outgoing
    } else {
        Direction::Incoming
    }
}
