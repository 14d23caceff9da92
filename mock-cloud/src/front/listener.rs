//! One port of a load balancer: its sockets, and its routes.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use landfall_mock_cloud_wire::{
    self as wire, ListenerSpec, ListenerStatus, Protocol, TargetHealth,
};
use landfall_process::BindError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::accept::accept;
use super::backend::Backend;
use super::flow;
use super::group::Group;
use super::port::Port;
use super::ranges::Gate;
use super::route::{Route, Table};
use crate::bind;
use crate::timing::Timing;
use crate::verdict::Fare;

/// How long a flow may be idle, unless its listener says otherwise.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A port, listening or waiting for another attempt.
#[derive(Debug)]
pub(super) struct Listener {
    protocol: Protocol,
    number: u16,
    port: Arc<Port>,
    published: watch::Sender<Arc<[Arc<Route>]>>,
    idle_timeout: watch::Sender<Duration>,
    live: BTreeMap<SocketAddr, Arc<Route>>,
    draining: BTreeMap<SocketAddr, Draining>,
    serving: BTreeMap<IpAddr, Serving>,
    failures: BTreeMap<IpAddr, BindError>,
}

/// A socket at work.
#[derive(Debug)]
struct Serving {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// Connections of a route that was taken away. Dropped, they stay.
#[derive(Debug)]
struct Draining {
    connections: Group,
    end: AbortOnDropHandle<()>,
}

impl Listener {
    /// One that does not listen yet.
    pub(super) fn new(
        (protocol, number): (Protocol, u16),
        load_balancer: &Group,
        gate: Gate,
        timing: Timing,
    ) -> Self {
        let (published, routes) = watch::channel(Arc::default());
        let (idle_timeout, idle) = watch::channel(IDLE_TIMEOUT);
        Self {
            protocol,
            number,
            port: Arc::new(Port {
                timing,
                all: load_balancer.clone(),
                connections: load_balancer.subgroup(),
                table: Table::new(routes),
                gate,
                idle_timeout: idle,
            }),
            published,
            idle_timeout,
            live: BTreeMap::new(),
            draining: BTreeMap::new(),
            serving: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// How long flows may be idle, and how long clients stay with their targets, from now on.
    pub(super) fn keep_for(&self, spec: &ListenerSpec, affinity: Option<Duration>) {
        let idle = spec.idle_timeout.map_or(IDLE_TIMEOUT, |time| time.0);
        self.idle_timeout
            .send_if_modified(|now| std::mem::replace(now, idle) != idle);
        self.port.table.set_affinity(affinity);
    }

    /// Sends new connections to these from now on. Connections through others have time to end;
    /// one that comes back before that keeps them.
    pub(super) async fn route_to(&mut self, targets: Vec<(SocketAddr, Arc<Backend>)>) {
        self.draining.retain(|_, gone| !gone.end.is_finished());
        let mut before = std::mem::take(&mut self.live);
        for (address, backend) in targets {
            if self.live.contains_key(&address) {
                continue;
            }
            let timing = self.port.timing;
            let route = match before.remove(&address) {
                Some(kept) if Arc::ptr_eq(&kept.backend, &backend) => kept,
                // Checked in another way from now on, but the same target.
                Some(kept) => Arc::new(Route::new(
                    address,
                    backend,
                    kept.connections.clone(),
                    timing,
                )),
                None => {
                    let connections = self.resume(address).await;
                    Arc::new(Route::new(address, backend, connections, timing))
                }
            };
            self.live.insert(address, route);
        }
        self.published
            .send_replace(self.live.values().cloned().collect());
        for (address, route) in before {
            let connections = route.connections.clone();
            let drain = connections.clone().drain(self.port.timing.drain_timeout);
            let end = AbortOnDropHandle::new(tokio::spawn(drain));
            self.draining.insert(address, Draining { connections, end });
        }
    }

    /// Listens on all these addresses and no others. What it does already is not disturbed.
    pub(super) async fn listen(&mut self, addresses: &[IpAddr]) {
        let others: Vec<_> = self
            .serving
            .extract_if(.., |address, _| !addresses.contains(address))
            .collect();
        for (_, serving) in others {
            serving.end().await;
        }
        self.failures.clear();
        for address in addresses {
            if self.serving.contains_key(address) {
                continue;
            }
            match self.serve(SocketAddr::new(*address, self.number)) {
                Ok(serving) => drop(self.serving.insert(*address, serving)),
                Err(error) => drop(self.failures.insert(*address, error)),
            }
        }
    }

    fn serve(&self, address: SocketAddr) -> Result<Serving, BindError> {
        let (port, stop) = (self.port.clone(), CancellationToken::new());
        let task = match self.protocol {
            Protocol::Tcp => {
                let socket = bind::tcp(address)?;
                tokio::spawn(accept(socket, port, stop.clone()))
            }
            Protocol::Udp => {
                let socket = bind::udp(address)?;
                tokio::spawn(flow::forward(socket, port, stop.clone()))
            }
        };
        let task = AbortOnDropHandle::new(task);
        Ok(Serving { stop, task })
    }

    /// Stops listening for good; when this returns, the port is free. What is left are its
    /// connections.
    pub(super) async fn close(mut self) -> Group {
        self.listen(&[]).await;
        // Connections that were accepted but not yet sent anywhere find no target.
        self.published.send_replace(Arc::default());
        self.port.connections.clone()
    }

    /// Addresses on which another program has the port.
    pub(super) fn taken(&self) -> impl Iterator<Item = IpAddr> {
        let taken = |error: &BindError| error.source.kind() == io::ErrorKind::AddrInUse;
        self.failures
            .iter()
            .filter(move |(_, error)| taken(error))
            .map(|(address, _)| *address)
    }

    /// How it fares. `pool` is for the remedy of an address that the machine lacks.
    pub(super) fn describe(&self, spec: &ListenerSpec, pool: &[IpNet]) -> wire::Listener {
        let wanted = spec.targets.iter().filter_map(|target| {
            let address = SocketAddr::new(target.address, target.port);
            Some(wire::TargetStatus {
                name: target.name.clone(),
                address: target.address,
                port: target.port,
                health: self.live.get(&address)?.describe(),
            })
        });
        let draining = self
            .draining
            .iter()
            .filter(|(_, gone)| !gone.end.is_finished())
            .map(|(address, _)| wire::TargetStatus {
                name: address.to_string(),
                address: address.ip(),
                port: address.port(),
                health: TargetHealth::Draining,
            });
        let failure = self.failures.values().next();
        wire::Listener {
            protocol: spec.protocol,
            port: spec.port,
            idle_timeout: spec.idle_timeout,
            health_check: spec.health_check.clone(),
            status: failure.map_or(ListenerStatus::Listening, |error| {
                bind::failure(error, pool)
            }),
            targets: wanted.chain(draining).collect(),
        }
    }

    /// How its targets fare, by their checks.
    pub(super) fn fare(&self) -> Fare {
        let (mut reason, mut is_known) = (None, true);
        for route in self.live.values() {
            match route.backend.describe() {
                TargetHealth::Healthy if route.backend.is_assumed() => return Fare::NoHealthCheck,
                TargetHealth::Healthy => return Fare::Healthy,
                TargetHealth::Unhealthy { reason: found } => {
                    reason.get_or_insert(found);
                }
                TargetHealth::Initial | TargetHealth::Draining => is_known = false,
            }
        }
        match reason {
            _ if self.live.is_empty() => Fare::NoTargets,
            Some(reason) if is_known => Fare::Unhealthy(self.live.len(), reason),
            _ => Fare::NotChecked,
        }
    }

    /// The connections of a route: those that it had when it was taken away, if they still are.
    async fn resume(&mut self, address: SocketAddr) -> Group {
        if let Some(Draining { connections, end }) = self.draining.remove(&address) {
            end.abort();
            // Only when the task is gone is it certain whether it cut them.
            drop(end.await);
            if !connections.is_cut() {
                return connections;
            }
        }
        self.port.connections.subgroup()
    }
}

impl Serving {
    /// Stops; when this returns, the socket is closed.
    async fn end(self) {
        self.stop.cancel();
        // The socket is closed when the task is gone, and not before.
        drop(self.task.await);
    }
}
