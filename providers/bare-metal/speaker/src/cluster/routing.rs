//! What is known of announcing to routers: which there are, and the routes that they are told. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_bare_metal_resources::{BgpRule, Password, Peer};

use super::node::Node;
use super::routes::Routes;
use super::view::Name;

/// The namespace and the name of a Secret; no namespace: the speaker's own.
pub(crate) type SecretName = (Option<String>, String);

/// The password of a session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// The session has none.
    None,
    /// It is this.
    Known(Arc<[u8]>),
    /// It is not known, and why.
    Missing(String),
    /// It is about to be known, or why it is not; what is waited for.
    Unread(String),
}

impl Key {
    /// The password, if it is known.
    pub(crate) fn known(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Known(key) => Some(key),
            Self::None | Self::Missing(_) | Self::Unread(_) => None,
        }
    }

    /// Why there can be no session.
    pub(crate) fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing(why) | Self::Unread(why) => Some(why),
            Self::None | Self::Known(_) => None,
        }
    }
}

/// Does not tell the password.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Known(_) => f.write_str("Known(…)"),
            Self::Missing(why) => write!(f, "Missing({why})"),
            Self::Unread(why) => write!(f, "Unread({why})"),
        }
    }
}

/// A router that this node has a session with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Router {
    pub(crate) peer: Arc<Peer>,
    pub(crate) key: Key,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Routing {
    pub(super) routes: Routes,
    /// Our own objects, and MetalLB's, which count where there is none of ours of the same name.
    ours: BTreeMap<String, Arc<Peer>>,
    metallb: BTreeMap<String, Arc<Peer>>,
    own: Option<Node>,
    secrets: BTreeMap<SecretName, Key>,
}

impl Routing {
    /// Takes in this node, as far as it is known. Whether its routes may have changed by it.
    pub(super) fn set_own(&mut self, node: Option<&Node>) -> bool {
        self.own = node.cloned();
        let own = self.own.as_ref();
        self.routes.set_here(|rule| is_here(rule, own))
    }

    /// Takes in an advertisement; None: it is gone, or wrong. Whether anything has changed by it.
    pub(super) fn put_advertisement(&mut self, name: Name, rule: Option<BgpRule>) -> bool {
        let is_here = rule
            .as_ref()
            .is_some_and(|it| is_here(it, self.own.as_ref()));
        self.routes.put(name, rule, is_here)
    }

    /// The advertisements that are known.
    pub(super) fn advertisements(&self) -> &BTreeMap<Name, impl Sized> {
        self.routes.advertisements()
    }

    /// Takes in a router; None: it is gone, or wrong.
    pub(super) fn put_peer(&mut self, name: &str, peer: Option<Peer>) {
        match peer {
            Some(peer) => drop(self.ours.insert(name.to_owned(), peer.into())),
            None => drop(self.ours.remove(name)),
        }
    }

    /// Takes in all routers of MetalLB's.
    pub(super) fn put_metallb_peers(&mut self, peers: BTreeMap<String, Peer>) {
        let peers = peers.into_iter();
        self.metallb = peers.map(|(name, peer)| (name, peer.into())).collect();
    }

    /// The names of our own objects.
    pub(super) fn our_peers(&self) -> BTreeSet<String> {
        self.ours.keys().cloned().collect()
    }

    /// Takes in what a Secret says, or why it says nothing.
    pub(super) fn put_secret(&mut self, name: SecretName, key: Key) {
        self.secrets.insert(name, key);
    }

    /// Forgets what a Secret says.
    pub(super) fn forget_secret(&mut self, name: &SecretName) {
        self.secrets.remove(name);
    }

    /// The Secrets that passwords are in.
    pub(super) fn secrets(&self) -> BTreeSet<SecretName> {
        let peers = self.peers().filter_map(|(_, it)| match &it.password {
            Some(Password::Secret { namespace, name }) => Some((namespace.clone(), name.clone())),
            _ => None,
        });
        peers.collect()
    }

    fn peers(&self) -> impl Iterator<Item = (&String, &Arc<Peer>)> {
        let theirs = self.metallb.iter();
        let theirs = theirs.filter(|(name, _)| !self.ours.contains_key(*name));
        let all = self.ours.iter().chain(theirs);
        all.filter(|(_, peer)| {
            let own = self.own.as_ref();
            own.is_some_and(|it| peer.nodes.matches(&it.labels))
        })
    }

    /// The routers that this node has sessions with.
    pub(super) fn routers(&self) -> BTreeMap<Arc<str>, Router> {
        let routers = self.peers().map(|(name, peer)| {
            let router = Router {
                peer: peer.clone(),
                key: self.key_of(peer),
            };
            (name.as_str().into(), router)
        });
        routers.collect()
    }

    fn key_of(&self, peer: &Peer) -> Key {
        match &peer.password {
            None => Key::None,
            Some(Password::Plain(text)) => Key::Known(text.as_bytes().into()),
            Some(Password::Secret { namespace, name }) => {
                let known = self.secrets.get(&(namespace.clone(), name.clone()));
                let unread = || Key::Unread(format!("Secret {name} is not read yet"));
                known.cloned().unwrap_or_else(unread)
            }
        }
    }
}

fn is_here(rule: &BgpRule, own: Option<&Node>) -> bool {
    own.is_some_and(|it| it.may_serve && rule.nodes.matches(&it.labels))
}
