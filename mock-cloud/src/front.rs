//! The data plane of one load balancer: its listening sockets, its targets and what is known
//! about their health, and its connections. It does what the book says; it decides nothing about
//! addresses, and knows neither ids nor HTTP.

mod backend;
mod bind;
mod connection;
mod group;
mod listener;
mod route;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use landfall_mock_cloud_wire::{self as wire, ListenerSpec, Protocol};

use crate::timing::Timing;
use backend::{Backend, Checked};
pub(crate) use group::Group;
use listener::Listener;

/// A load balancer's data plane. Dropped without [`close`](Self::close), it stops listening and
/// leaves its connections alone.
#[derive(Debug)]
pub(crate) struct Front {
    addresses: Vec<IpAddr>,
    timing: Timing,
    connections: Group,
    listeners: BTreeMap<(Protocol, u16), Listener>,
    /// Every target address once, however many listeners send traffic to it.
    backends: BTreeMap<SocketAddr, Checked>,
}

impl Front {
    /// One that listens nowhere yet, on these addresses, and whose connections will be these.
    pub(crate) fn new(addresses: Vec<IpAddr>, connections: Group, timing: Timing) -> Self {
        Self {
            addresses,
            timing,
            connections,
            listeners: BTreeMap::new(),
            backends: BTreeMap::new(),
        }
    }

    /// Listens and forwards exactly so from now on. What stays is not disturbed, what failed is
    /// tried again, and connections through what goes have time to end.
    pub(crate) async fn apply(&mut self, wanted: &[ListenerSpec]) {
        self.watch_backends(wanted);
        let ports: BTreeSet<_> = wanted.iter().map(key).collect();
        let gone: Vec<_> = self
            .listeners
            .extract_if(.., |key, _| !ports.contains(key))
            .collect();
        for (_, listener) in gone {
            let connections = listener.close().await;
            tokio::spawn(connections.drain(self.timing.drain_timeout));
        }
        for spec in wanted {
            let backends = targets(spec).map(|address| self.backend(address)).collect();
            let listener = self
                .listeners
                .entry(key(spec))
                .or_insert_with(|| Listener::new(&self.connections, self.timing));
            listener.route_to(backends).await;
            listener.listen(&self.addresses, spec.port);
        }
    }

    /// Listens on other addresses instead.
    pub(crate) async fn move_to(&mut self, addresses: Vec<IpAddr>) {
        self.addresses = addresses;
        for ((_, port), listener) in &mut self.listeners {
            listener.stop_listening().await;
            listener.listen(&self.addresses, *port);
        }
    }

    /// Whether another program has a port that this load balancer wants.
    pub(crate) fn a_port_is_taken(&self) -> bool {
        self.listeners.values().any(Listener::is_port_taken)
    }

    /// What was asked for with how it fares.
    pub(crate) fn describe(&self, wanted: &[ListenerSpec]) -> Vec<wire::Listener> {
        wanted
            .iter()
            .filter_map(|spec| Some(self.listeners.get(&key(spec))?.describe(spec)))
            .collect()
    }

    /// Stops listening; when this returns, its addresses no longer answer. What is left are its
    /// connections.
    pub(crate) async fn close(self) -> Group {
        for listener in self.listeners.into_values() {
            // Its connections are among those of the load balancer.
            listener.close().await;
        }
        self.connections
    }

    /// Starts checking the targets that are new and stops checking those that are gone.
    fn watch_backends(&mut self, wanted: &[ListenerSpec]) {
        let addresses: BTreeSet<SocketAddr> = wanted.iter().flat_map(targets).collect();
        self.backends
            .retain(|address, _| addresses.contains(address));
        for address in addresses {
            self.backends
                .entry(address)
                .or_insert_with(|| Checked::start(address, self.timing));
        }
    }

    fn backend(&self, address: SocketAddr) -> Arc<Backend> {
        self.backends
            .get(&address)
            .expect("the backends of every wanted target are watched")
            .backend()
    }
}

fn key(spec: &ListenerSpec) -> (Protocol, u16) {
    (spec.protocol, spec.port)
}

fn targets(spec: &ListenerSpec) -> impl Iterator<Item = SocketAddr> {
    spec.targets
        .iter()
        .map(|target| SocketAddr::new(target.address, target.port))
}
