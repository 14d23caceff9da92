//! The data plane of one load balancer: its listening sockets, its targets and what is known
//! about their health, its clients, connections and flows. It does what the book says; it decides
//! nothing about addresses, and knows neither ids nor HTTP.

mod accept;
mod alarm;
mod backend;
mod connection;
mod flow;
mod group;
mod health;
mod listener;
mod port;
mod probe;
mod ranges;
mod route;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use landfall_mock_cloud_wire::{self as wire, Affinity, ListenerSpec, LoadBalancerSpec, Protocol};
use tokio::sync::watch;

use crate::timing::Timing;
use crate::verdict::{Place, Verdict};
pub(crate) use alarm::Alarm;
use backend::{Backend, Checked};
pub(crate) use group::Group;
use health::Check;
use listener::Listener;
use ranges::{Gate, Ranges};

/// A load balancer's data plane. Dropped without [`close`](Self::close), it stops listening and
/// leaves its connections alone.
#[derive(Debug)]
pub(crate) struct Front {
    addresses: Vec<IpAddr>,
    /// Where the addresses come from, for messages.
    pool: Arc<[IpNet]>,
    timing: Timing,
    connections: Group,
    /// Raised when the health of a target is another.
    alarm: Arc<Alarm>,
    ranges: watch::Sender<Arc<Ranges>>,
    /// In boxes, for a node of the tree has room for eleven, and most have one.
    listeners: BTreeMap<(Protocol, u16), Box<Listener>>,
    /// Every check once, however many listeners send traffic to what it is about.
    backends: HashMap<Check, Checked>,
}

impl Front {
    /// One that listens nowhere yet, and whose connections will be these. The alarm is raised
    /// whenever [`judge`](Self::judge) may come to another verdict.
    pub(crate) fn new(
        pool: Arc<[IpNet]>,
        connections: Group,
        alarm: Alarm,
        timing: Timing,
    ) -> Self {
        Self {
            addresses: Vec::new(),
            pool,
            timing,
            connections,
            alarm: Arc::new(alarm),
            ranges: watch::Sender::default(),
            listeners: BTreeMap::new(),
            backends: HashMap::new(),
        }
    }

    /// Listens and forwards exactly so from now on. What stays is not disturbed, what failed is
    /// tried again, and connections through what goes have time to end; those of clients that are
    /// no longer admitted are cut.
    pub(crate) async fn apply(&mut self, addresses: &[IpAddr], wanted: &LoadBalancerSpec) {
        addresses.clone_into(&mut self.addresses);
        // First of all: nobody gets in who must not.
        let ranges = Ranges::new(&wanted.source_ranges);
        self.ranges.send_if_modified(|now| {
            let differs = **now != ranges;
            if differs {
                *now = Arc::new(ranges);
            }
            differs
        });
        self.watch_backends(&wanted.listeners);
        let ports: BTreeSet<_> = wanted.listeners.iter().map(key).collect();
        let gone: Vec<_> = self
            .listeners
            .extract_if(.., |key, _| !ports.contains(key))
            .collect();
        for (_, listener) in gone {
            let connections = listener.close().await;
            tokio::spawn(connections.drain(self.timing.drain_timeout));
        }
        let affinity = affinity(&wanted.affinity);
        for spec in &wanted.listeners {
            let targets = self.targets(spec);
            let gate = Gate::new(self.ranges.subscribe());
            let new = || Listener::new(key(spec), &self.connections, gate, self.timing);
            let listener = self.listeners.entry(key(spec));
            let listener = listener.or_insert_with(|| Box::new(new()));
            listener.keep_for(spec, affinity);
            listener.route_to(targets).await;
            listener.listen(&self.addresses).await;
        }
    }

    /// Listens on other addresses instead.
    pub(crate) async fn move_to(&mut self, addresses: &[IpAddr]) {
        addresses.clone_into(&mut self.addresses);
        for listener in self.listeners.values_mut() {
            listener.listen(&self.addresses).await;
        }
    }

    /// An address on which another program has a port that this load balancer wants.
    pub(crate) fn taken(&self) -> Option<IpAddr> {
        self.listeners.values().find_map(|it| it.taken().next())
    }

    /// What was asked for with how it fares.
    pub(crate) fn describe(&self, wanted: &[ListenerSpec]) -> Vec<wire::Listener> {
        let describe = |spec: &ListenerSpec| {
            let listener = self.listeners.get(&key(spec))?;
            Some(listener.describe(spec, &self.pool))
        };
        wanted.iter().filter_map(describe).collect()
    }

    /// Whether what arrives gets through now.
    pub(crate) fn judge(&self, wanted: &[ListenerSpec]) -> Verdict {
        // First, so that what happens meanwhile is told again.
        self.alarm.lower();
        let fare = |spec: &ListenerSpec| {
            let listener = self.listeners.get(&key(spec))?;
            Some((Place(spec.protocol, spec.port), listener.fare()))
        };
        Verdict::of(wanted.iter().filter_map(fare))
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

    /// Starts the checks that are new and stops those that are gone.
    fn watch_backends(&mut self, wanted: &[ListenerSpec]) {
        let checks: HashSet<Check> = wanted
            .iter()
            .flat_map(|spec| self.checks(spec))
            .map(|(_, check)| check)
            .collect();
        self.backends.retain(|check, _| checks.contains(check));
        for check in checks {
            self.backends.entry(check).or_insert_with_key(|check| {
                Checked::start(check.clone(), self.timing, self.alarm.clone())
            });
        }
    }

    fn targets(&self, spec: &ListenerSpec) -> Vec<(SocketAddr, Arc<Backend>)> {
        let backend = |check: &Check| {
            let checked = self.backends.get(check);
            checked
                .expect("the backends of every wanted target are watched")
                .backend()
        };
        self.checks(spec)
            .map(|(address, check)| (address, backend(&check)))
            .collect()
    }

    fn checks<'a>(
        &'a self,
        spec: &'a ListenerSpec,
    ) -> impl Iterator<Item = (SocketAddr, Check)> + 'a {
        spec.targets.iter().map(|target| {
            let address = SocketAddr::new(target.address, target.port);
            (address, Check::of(spec, target, &self.timing))
        })
    }
}

fn key(spec: &ListenerSpec) -> (Protocol, u16) {
    (spec.protocol, spec.port)
}

fn affinity(wanted: &Affinity) -> Option<Duration> {
    match wanted {
        Affinity::None => None,
        Affinity::ClientIp { timeout } => Some(timeout.0),
    }
}
