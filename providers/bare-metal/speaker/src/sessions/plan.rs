//! From a router's object to what its session is made of.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use landfall_bare_metal_bgp::{Family, RemoteAsn, Restart, Settings};
use landfall_bare_metal_resources::kinds::IpFamily;
use landfall_bare_metal_resources::{self as resources, Place};
use tokio::sync::mpsc;

use super::bfd::{self, Watched};
use super::listeners::Keys;
use super::session::{self, Plan};
use super::socket::{Manner, host, on_link};
use super::{RETRY, SessionId, SessionReport, Sessions};
use crate::cluster::Router;

impl Sessions {
    /// Where a router is, of which one place is known.
    pub(super) fn place(&self, peer: &resources::Peer) -> Result<SocketAddr, String> {
        match &peer.place {
            Place::Address(address) => Ok(SocketAddr::from((*address, peer.port))),
            Place::LinkLocal(address, name) => {
                Ok(on_link(*address, peer.port, self.index_of(name)?))
            }
            Place::On(name) => {
                let index = self.index_of(name)?;
                let found = self.found.get(name).filter(|(it, _)| *it == index);
                let missing = || format!("no router advertises itself on {name}");
                let (_, address) = found.ok_or_else(missing)?;
                Ok(on_link(*address, peer.port, index))
            }
            Place::Within(network) => Err(format!("routers in {network} are waited for")),
        }
    }

    /// The number of an interface over which something can be said: a router at its other end is gone with the
    /// carrier, and that is known long before the hold time is over.
    fn index_of(&self, name: &str) -> Result<u32, String> {
        let interfaces = self.outside.interfaces.borrow();
        let mut interfaces = interfaces.values();
        match interfaces.find(|it| it.name == name) {
            Some(it) if it.is_up => Ok(it.index),
            Some(_) => Err(format!("interface {name} is down")),
            None => Err(format!("there is no interface {name} on this node")),
        }
    }

    /// Looks for the routers that are known by their interface alone.
    pub(super) fn discover(&mut self) {
        let routers = self.routers.values();
        let names = routers.filter_map(|it| match &it.peer.place {
            Place::On(name) => Some(name.clone()),
            _ => None,
        });
        let needed = names.filter_map(|name| {
            let index = self.index_of(&name).ok()?;
            Some((name, index))
        });
        let needed = needed.collect();
        self.outside.discovery.set(&needed);
    }

    pub(super) fn plan(&self, id: SessionId, router: &Router, to: Option<SocketAddr>) -> Plan {
        let settings = self.settings(&router.peer);
        Plan {
            id,
            to,
            manner: Manner {
                source: router.peer.source,
                distance: router.peer.distance,
                is_internal: settings.is_internal(),
            },
            settings,
            key: router.key.clone(),
            node: self.node.clone(),
            interfaces: self.outside.interfaces.clone(),
        }
    }

    /// Has a router watched by BFD, if it is to be.
    pub(super) fn watch(
        &self,
        id: &SessionId,
        router: &Router,
        to: Option<SocketAddr>,
        tell: mpsc::UnboundedSender<session::Command>,
    ) {
        let (Some(session), Some(address)) = (&router.peer.bfd, id.1) else {
            return;
        };
        let interface = match to {
            Some(SocketAddr::V6(to)) => (to.scope_id() != 0).then(|| to.scope_id()),
            _ => None,
        };
        let watched = Watched {
            to: address,
            interface,
            source: router.peer.source,
            session: session.clone(),
        };
        // It ends with all of this.
        let _ = self
            .outside
            .watching
            .send(bfd::Command::Watch(id.clone(), watched, tell));
    }

    fn settings(&self, peer: &resources::Peer) -> Settings {
        // BFD ends with this process, and a router that notices that keeps nothing (RFC 5882 §4.3).
        let restart = peer.restart_time.filter(|_| peer.bfd.is_none());
        let families = peer.families.iter().map(|it| match it {
            IpFamily::Ipv4 => Family::Ipv4,
            IpFamily::Ipv6 => Family::Ipv6,
        });
        Settings {
            local_asn: peer.local_asn,
            remote_asn: match peer.remote_asn {
                resources::RemoteAsn::Number(number) => RemoteAsn::Number(number),
                resources::RemoteAsn::Internal => RemoteAsn::Internal,
                resources::RemoteAsn::External => RemoteAsn::External,
            },
            router_id: peer.router_id.unwrap_or(self.router_id),
            hold_time: peer.hold_time,
            keepalive_time: peer.keepalive_time,
            connect_retry_time: peer.connect_retry_time,
            passive: peer.passive,
            families: families.collect(),
            restart: restart.map(|time| Restart {
                time,
                has_restarted: self.has_restarted,
            }),
        }
    }

    /// The router that a connection is from: one of just that address before one of a network, of those
    /// the smallest, and of several at one address one that is waited for at this port.
    pub(super) fn router_of(&self, port: u16, from: SocketAddr) -> Option<(Arc<str>, Router)> {
        let address = from.ip().to_canonical();
        let meant = self.routers.iter().filter_map(|(name, router)| {
            let peer = &router.peer;
            let network = self.network(&peer.place)?;
            let is_port = !peer.passive || peer.port == port;
            let is_it = is_port && network.contains(&address) && self.is_on(&peer.place, &from);
            let rank = (network.prefix_len(), peer.passive);
            is_it.then_some((rank, name, router))
        });
        let (_, name, router) = meant.max_by_key(|(rank, ..)| *rank)?;
        Some((name.clone(), router.clone()))
    }

    /// The network that a router's connections come from, if that is known before.
    fn network(&self, place: &Place) -> Option<IpNet> {
        match place {
            Place::Address(address) => Some(host(*address)),
            Place::LinkLocal(address, _) => Some(host((*address).into())),
            Place::Within(network) => Some(*network),
            Place::On(name) => self.found.get(name).map(|(_, it)| host((*it).into())),
        }
    }

    /// Whether an address is on the interface that a router is on: link-local ones are the same on several.
    fn is_on(&self, place: &Place, from: &SocketAddr) -> bool {
        let (Place::LinkLocal(_, name) | Place::On(name)) = place else {
            return true;
        };
        match from {
            SocketAddr::V6(from) => self.index_of(name) == Ok(from.scope_id()),
            SocketAddr::V4(_) => false,
        }
    }

    /// Listens where routers are waited for.
    pub(super) fn listen(&mut self) {
        let mut needed: BTreeMap<SocketAddr, Keys> = BTreeMap::new();
        for router in self.routers.values().filter(|it| it.peer.passive) {
            if let Some(network) = self.network(&router.peer.place) {
                let any: IpAddr = match network {
                    IpNet::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpNet::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let address = SocketAddr::from((any, router.peer.port));
                needed
                    .entry(address)
                    .or_insert_with(|| self.keys_at(address));
            }
        }
        let failed = self.outside.listeners.set(&needed);
        if !failed.is_empty() {
            self.retry_due = Some(Instant::now() + RETRY);
        }
        for (name, router) in self.routers.clone() {
            if router.peer.passive {
                let port = router.peer.port;
                let error = failed.iter().find(|(it, _)| it.port() == port);
                self.tell_of_listening(&name, &router, error.map(|(_, it)| it));
            }
        }
    }

    /// The passwords at a port: of all routers that may connect there, also such as are not waited for.
    fn keys_at(&self, address: SocketAddr) -> Keys {
        let mut keys = Keys::new();
        for is_passive in [false, true] {
            let routers = self.routers.values().map(|it| (&it.peer, &it.key));
            let routers = routers.filter(|(peer, _)| peer.passive == is_passive);
            for (peer, key) in routers.filter(|(it, _)| !it.passive || it.port == address.port()) {
                let network = self.network(&peer.place);
                let Some(network) = network.filter(|it| it.addr().is_ipv4() == address.is_ipv4())
                else {
                    continue;
                };
                // Nobody is let in without one that is not known.
                keys.insert(network, key.known().cloned());
            }
        }
        keys
    }

    fn tell_of_listening(
        &mut self,
        name: &Arc<str>,
        router: &Router,
        error: Option<&std::io::Error>,
    ) {
        let port = router.peer.port;
        let why = error.map(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("cannot listen on TCP port {port}: {error}; does another BGP speaker run on this node?")
            }
            std::io::ErrorKind::PermissionDenied => format!(
                "cannot listen on TCP port {port}: {error}; below 1024 the speaker needs CAP_NET_BIND_SERVICE"
            ),
            _ => format!("cannot listen on TCP port {port}: {error}"),
        });
        if why.as_ref() == self.untold.get(name) {
            return;
        }
        match &why {
            Some(why) => drop(self.untold.insert(name.clone(), why.clone())),
            None => drop(self.untold.remove(name)),
        }
        if let (Place::Within(_), id) = (&router.peer.place, (name.clone(), None)) {
            match why {
                Some(why) => drop(self.reports.insert(id, SessionReport::new(Some(why)))),
                None => drop(self.reports.remove(&id)),
            }
            self.changed();
            return;
        }
        for (_, handle) in self.running.iter().filter(|((it, _), _)| it == name) {
            handle.send(session::Command::Trouble(why.clone()));
        }
    }
}
