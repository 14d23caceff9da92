//! Bytes to and from a router, and what the machine has decided.

use std::time::Instant;

use futures::FutureExt;
use landfall_bare_metal_bgp::{Action, Cause, ConnectionId};

use super::{REPORTS, Session};
use crate::sessions::link::{Buffer, Read};
use crate::sessions::socket::dial;

/// Connections that are closed and wait for the router at most; one more is cut off.
const MOST_CLOSING: usize = 8;

impl Session {
    pub(super) fn read(&mut self, buffer: &mut Buffer) {
        let now = Instant::now();
        for (id, link) in &mut self.links {
            match link.read(&mut buffer.0, now) {
                Read::Bytes(count) => self.peer.received(*id, &buffer.0[..count], now),
                Read::Nothing => {}
                Read::End => self.peer.lost(*id, None, now),
                Read::Broken(error) => self.peer.lost(*id, Some(error.to_string()), now),
            }
        }
    }

    /// Does what the machine has decided, and says as many routes as the router takes.
    pub(super) fn act(&mut self) {
        loop {
            for action in self.peer.take_actions() {
                self.do_one(action);
            }
            let mut is_all = true;
            while let Some(link) = self.link_with_room()
                && let Some((_, message)) = self.peer.next_update()
            {
                if let Some(link) = self.links.get_mut(&link) {
                    link.put(&message);
                }
                is_all = false;
            }
            if self.flush() && is_all {
                return;
            }
        }
    }

    /// The connection of the session that is established, if more may be said on it.
    fn link_with_room(&self) -> Option<ConnectionId> {
        let id = self.peer.established_on()?;
        self.links.get(&id)?.has_room().then_some(id)
    }

    /// Sends what waits; whether nothing has come of it for the machine.
    fn flush(&mut self) -> bool {
        let now = Instant::now();
        let mut broken = Vec::new();
        for (id, link) in &mut self.links {
            if link.is_empty() {
                continue;
            }
            self.report_due.get_or_insert(now + REPORTS);
            if let Err(error) = link.flush(now) {
                broken.push((*id, error));
            }
            self.peer.blocked(*id, link.blocked);
        }
        for (id, error) in &broken {
            self.peer.lost(*id, Some(error.to_string()), now);
        }
        broken.is_empty()
    }

    fn do_one(&mut self, action: Action) {
        match action {
            Action::Dial(id) => {
                if let Some(to) = self.plan.to {
                    let stream = dial(to, self.plan.manner.clone(), self.plan.key.known().cloned());
                    self.dialling = Some((id, stream.boxed()));
                }
            }
            Action::Send(id, bytes) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.put(&bytes);
                }
            }
            Action::Close(id) => {
                if self.dialling.as_ref().is_some_and(|(it, _)| *it == id) {
                    self.dialling = None;
                }
                if let Some(link) = self.links.remove(&id)
                    && self.closing.len() < MOST_CLOSING
                {
                    self.closing.spawn(link.close());
                }
            }
            Action::Established(_) => {
                tracing::info!(peer = %self.plan.id.0, to = ?self.plan.id.1, "BGP session established");
                self.report.error = None;
            }
            Action::Down(cause) if cause.is_orderly() => {
                tracing::info!(peer = %self.plan.id.0, to = ?self.plan.id.1, %cause, "BGP session ended");
            }
            Action::Down(cause) => {
                let mut why = cause.to_string();
                if cause == Cause::NoAnswer && self.plan.key.known().is_some() {
                    why.push_str("; do both sides have the same password?");
                }
                self.failed(why);
            }
        }
    }
}
