//! Telling each change of the cluster to whom it concerns.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use landfall_bare_metal_l2::peers::Keys;
use landfall_watch::Health;
use tokio::sync::{mpsc, watch};

use super::passwords::Passwords;
use super::routing::Router;
use super::shared::Shared;
use super::view::Changes;
use super::{Begins, Cluster};
use crate::sessions;
use crate::speaking::{Begin, Command};

/// What has been told so far, and what is to be.
pub(super) struct Telling<'a> {
    cluster: &'a Cluster,
    shared: Arc<Shared>,
    keys: watch::Receiver<Option<Arc<Keys>>>,
    passwords: Passwords,
    /// The addresses of this node.
    own: Vec<IpAddr>,
    members: BTreeMap<Arc<str>, Vec<IpAddr>>,
    routers: BTreeMap<Arc<str>, Router>,
    is_draining: bool,
}

/// What is known at a moment.
struct Known {
    changes: Changes,
    members: BTreeMap<Arc<str>, Vec<IpAddr>>,
    routers: BTreeMap<Arc<str>, Router>,
    is_draining: bool,
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        shared: Arc<Shared>,
        keys: watch::Receiver<Option<Arc<Keys>>>,
        own: Vec<IpAddr>,
    ) -> Self {
        Self {
            cluster,
            shared,
            keys,
            passwords: Passwords::default(),
            own,
            members: BTreeMap::new(),
            routers: BTreeMap::new(),
            is_draining: false,
        }
    }

    /// Begins what is to be told, and tells it of each change until it ends. What has changed before is told at
    /// once: whoever notifies before somebody waits is not forgotten.
    pub(super) async fn tell<S, R>(mut self, begins: Begins<S, R>)
    where
        S: FnOnce(Begin) -> mpsc::UnboundedSender<Command>,
        R: FnOnce(sessions::Begin) -> mpsc::UnboundedSender<sessions::Command>,
    {
        let known = self.known();
        self.routers = known.routers;
        self.is_draining = known.is_draining;
        let sessions = (begins.sessions)(sessions::Begin {
            router_id: self.router_id(),
            node: self.own.clone(),
            routers: self.routers.clone(),
            routes: known.changes.routes,
            is_draining: self.is_draining,
            has_restarted: self.cluster.has_restarted,
        });
        // What is wanted of local networks, from before there is somebody to be told.
        let mut early = known.changes.wanted;
        let remembered = self.cluster.remembered().await;
        let first_keys = loop {
            if let Some(keys) = self.keys.borrow_and_update().clone() {
                break keys;
            }
            tokio::select! {
                () = sessions.closed() => return,
                () = self.shared.changed.notified() => {
                    let known = self.known();
                    early.extend(known.changes.wanted);
                    self.tell_sessions(&sessions, known.changes.routes, known.routers, known.is_draining);
                }
                changed = self.keys.changed() => if changed.is_err() {
                    return;
                }
            }
        };
        let mut members = self.shared.read(super::view::View::places);
        // The watch may be a moment behind.
        members.insert(self.cluster.node.clone(), self.own.clone());
        self.members = members.clone();
        let speaking = (begins.speaking)(Begin {
            name: self.cluster.node.clone(),
            timing: self.cluster.timing,
            port: self.cluster.port,
            keys: first_keys,
            members,
            remembered,
        });
        self.cluster.health.well(Health::CACHES);
        // Whoever listens no more has ended, and says so.
        if self.is_draining {
            let _ = speaking.send(Command::Draining(true));
        }
        if !early.is_empty() {
            let _ = speaking.send(Command::Want(early));
        }
        loop {
            tokio::select! {
                () = speaking.closed() => return,
                () = self.shared.changed.notified() => {}
                Ok(()) = self.keys.changed() => {
                    let keys = self.keys.borrow_and_update().clone();
                    if let Some(keys) = keys {
                        let _ = speaking.send(Command::Keys(keys));
                    }
                    continue;
                }
            }
            let known = self.known();
            if known.members != self.members {
                self.members = known.members;
                let _ = speaking.send(Command::Members(self.members.clone()));
            }
            if known.is_draining != self.is_draining {
                let _ = speaking.send(Command::Draining(known.is_draining));
            }
            if !known.changes.wanted.is_empty() {
                let _ = speaking.send(Command::Want(known.changes.wanted));
            }
            self.tell_sessions(
                &sessions,
                known.changes.routes,
                known.routers,
                known.is_draining,
            );
        }
    }

    fn tell_sessions(
        &mut self,
        sessions: &mpsc::UnboundedSender<sessions::Command>,
        routes: Vec<super::RouteChange>,
        routers: BTreeMap<Arc<str>, Router>,
        is_draining: bool,
    ) {
        if !routes.is_empty() {
            let _ = sessions.send(sessions::Command::Routes(routes));
        }
        if routers != self.routers {
            self.routers = routers;
            let _ = sessions.send(sessions::Command::Routers(self.routers.clone()));
        }
        if is_draining != self.is_draining {
            self.is_draining = is_draining;
            let _ = sessions.send(sessions::Command::Draining(is_draining));
        }
    }

    /// What is known now. Passwords are followed of the routers that need some.
    fn known(&mut self) -> Known {
        let cluster = self.cluster;
        let known = self.shared.change_quietly(|view| {
            let node = view.known_node(&cluster.node);
            let is_draining = node.is_some_and(|it| it.is_draining);
            Known {
                changes: view.changes(),
                members: view.places(),
                routers: view.routing.routers(),
                is_draining,
            }
        });
        self.passwords.follow(
            &self.shared,
            &cluster.client,
            &cluster.namespace,
            &cluster.health,
        );
        known
    }

    /// The node's IPv4 address; without one, a number that its name leads to.
    fn router_id(&self) -> Ipv4Addr {
        let own = self.own.iter().find_map(|it| match it {
            IpAddr::V4(it) => Some(*it),
            IpAddr::V6(_) => None,
        });
        own.unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            self.cluster.node.hash(&mut hasher);
            let [_, _, _, _, a, b, c, d] = hasher.finish().to_be_bytes();
            Ipv4Addr::new(a | 1, b, c, d)
        })
    }
}
