//! Which sessions there are: one for each router, and for each that connects from a network that is waited for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use landfall_bare_metal_bgp::Leave;
use landfall_bare_metal_resources::{Password, Peer, Place, Selectors};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::refused::Why;
use super::{Handle, MOST_WITHIN, Phase, SessionId, SessionReport, Sessions, bfd, session};
use crate::cluster::Router;
use crate::offers::told;

impl Sessions {
    /// Takes in which routers there are: whose object says something else than before has its session
    /// ended.
    pub(super) fn replace(&mut self, routers: BTreeMap<Arc<str>, Router>) {
        let before = std::mem::replace(&mut self.routers, routers);
        for (name, old) in before {
            match self.routers.get(&name) {
                None => self.stop(&name, &Leave::Deconfigured),
                Some(new) if !is_same(&new.peer, &old.peer) => {
                    self.stop(&name, &Leave::Reconfigured);
                }
                Some(new) if new.key != old.key => {
                    let key = new.key.clone();
                    for (_, handle) in self.running.iter().filter(|((it, _), _)| *it == name) {
                        handle.send(session::Command::Key(key.clone()));
                    }
                }
                Some(_) => {}
            }
        }
        let routers = &self.routers;
        self.reports
            .retain(|(name, _), _| routers.contains_key(name));
        self.changed();
    }

    fn stop(&mut self, name: &Arc<str>, leave: &Leave) {
        let ids = self.running.keys().filter(|(it, _)| it == name);
        for id in ids.cloned().collect::<Vec<_>>() {
            self.stop_one(&id, leave.clone());
        }
    }

    pub(super) fn stop_one(&mut self, id: &SessionId, leave: Leave) {
        if let Some(handle) = self.running.remove(id) {
            handle.send(session::Command::Stop(leave));
            let _ = self.outside.watching.send(bfd::Command::Forget(id.clone()));
            self.ending.insert(id.clone(), handle.task);
        }
    }

    /// Sees to it that there is a session for each router, and that those are listened for that open it
    /// themselves.
    pub(super) fn settle(&mut self) {
        self.retry_due = None;
        if !self.may_begin() {
            return;
        }
        self.discover();
        for (name, router) in self.routers.clone() {
            if matches!(router.peer.place, Place::Within(_)) {
                continue;
            }
            match self.place(&router.peer) {
                Ok(to) => {
                    let id = (name.clone(), Some(to.ip()));
                    // What was found may be another than before, and an interface that was made anew has
                    // another number.
                    let others = self.running.iter();
                    let others = others.filter(|(it, handle)| {
                        it.0 == name && (**it != id || handle.to != Some(to))
                    });
                    let others = others.map(|(it, _)| it.clone());
                    for other in others.collect::<Vec<_>>() {
                        self.stop_one(&other, Leave::Reconfigured);
                    }
                    self.reports.remove(&(name, None));
                    if !self.running.contains_key(&id) {
                        self.begin(id, &router, Some(to));
                    }
                }
                Err(why) => {
                    self.stop(&name, &Leave::Reconfigured);
                    self.keep_from(name, why);
                }
            }
        }
        self.listen();
    }

    /// Tells what keeps a session from its beginning, once.
    fn keep_from(&mut self, name: Arc<str>, why: String) {
        let id = (name, None);
        let known = self.reports.get(&id).and_then(|it| it.error.as_ref());
        if known.is_none_or(|it| it.why != why) {
            self.reports.insert(id, SessionReport::new(Some(why)));
            self.changed();
        }
    }

    fn begin(&mut self, id: SessionId, router: &Router, to: Option<SocketAddr>) {
        let (commands, obeyed) = mpsc::unbounded_channel();
        let routes = self.routes.iter();
        let routes = routes.filter_map(|(net, offers)| Some((*net, Some(told(offers, &id.0)?))));
        let routes = routes.collect();
        let before = self.ending.remove(&id);
        let plan = self.plan(id.clone(), router, to);
        let task = session::run(plan, obeyed, self.outside.tell.clone(), before);
        let handle = Handle {
            to,
            commands,
            task: tokio::spawn(task),
        };
        self.watch(&id, router, to, handle.commands.clone());
        handle.send(session::Command::Routes(routes));
        handle.send(session::Command::Complete);
        if self.phase == Phase::Marked {
            handle.send(session::Command::Leaving(true));
        }
        self.running.insert(id, handle);
    }

    /// Whether sessions may begin: whoever is told to leave tells no router anew what it has.
    fn may_begin(&self) -> bool {
        !self.ends && self.phase < Phase::Withdrawn
    }

    /// A router has opened a connection.
    pub(super) fn accepted(&mut self, port: u16, stream: TcpStream, now: Instant) {
        let Ok(address) = stream.peer_addr() else {
            return;
        };
        if !self.may_begin() {
            return;
        }
        let from = address.ip().to_canonical();
        let Some((name, router)) = self.router_of(port, address) else {
            if let Some(untold) = self.refused.note(Why::Stranger, now) {
                tracing::warn!(%from, port, untold, "a connection from an address that no BGPPeer has was closed");
            }
            return;
        };
        if let Some(why) = router.key.missing() {
            if let Some(untold) = self.refused.note(Why::NoPassword, now) {
                tracing::warn!(%from, peer = %name, untold, "a connection was closed: {why}");
            }
            return;
        }
        let id = (name.clone(), Some(from));
        if !self.is_running(&id) {
            let others = self.running.keys().filter(|(it, _)| *it == name);
            if others.count() >= MOST_WITHIN {
                if let Some(untold) = self.refused.note(Why::TooMany, now) {
                    tracing::warn!(%from, peer = %name, untold, "a router was refused: there are sessions with {MOST_WITHIN} already");
                }
                return;
            }
            self.begin(id.clone(), &router, None);
        }
        if let Some(handle) = self.running.get(&id) {
            handle.send(session::Command::Accepted(stream));
        }
    }

    /// Whether there is a session; one that has ended by itself is none.
    pub(super) fn is_running(&mut self, id: &SessionId) -> bool {
        let handle = self.running.get(id);
        let is_running = handle.is_some_and(|it| !it.commands.is_closed());
        if !is_running {
            self.running.remove(id);
            let _ = self.outside.watching.send(bfd::Command::Forget(id.clone()));
        }
        is_running
    }
}

/// Whether two objects ask for the same session: which other nodes have one, and where the password stands, is
/// nothing to it.
fn is_same(one: &Peer, other: &Peer) -> bool {
    let session = |it: &Peer| {
        let password = it.password.as_ref();
        Peer {
            nodes: Selectors::default(),
            password: password.map(|_| Password::Plain(String::new())),
            ..it.clone()
        }
    };
    session(one) == session(other)
}
