//! One port of a load balancer: accepting, and keeping its routes.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_mock_cloud_wire::{self as wire, ListenerSpec, ListenerStatus, TargetHealth};
use landfall_process::BindError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::backend::Backend;
use super::bind;
use super::connection;
use super::group::Group;
use super::route::{Route, Table};
use crate::timing::Timing;

/// Least time from one warning of a listener to the next.
const QUIET: Duration = Duration::from_mins(1);

/// A port, listening or waiting for another attempt.
#[derive(Debug)]
pub(super) struct Listener {
    timing: Timing,
    /// Those of the load balancer.
    all_connections: Group,
    /// Those of this port.
    connections: Group,
    table: Table,
    published: watch::Sender<Arc<[Arc<Route>]>>,
    live: BTreeMap<SocketAddr, Arc<Route>>,
    draining: BTreeMap<SocketAddr, Draining>,
    /// One for each address; empty while it failed.
    accepting: Vec<AbortOnDropHandle<()>>,
    failure: Option<BindError>,
}

/// Connections of a route that was taken away. Dropped, they stay.
#[derive(Debug)]
struct Draining {
    connections: Group,
    end: AbortOnDropHandle<()>,
}

impl Listener {
    /// One that does not listen yet.
    pub(super) fn new(load_balancer: &Group, timing: Timing) -> Self {
        let (published, routes) = watch::channel(Arc::default());
        Self {
            timing,
            all_connections: load_balancer.clone(),
            connections: load_balancer.subgroup(),
            table: Table::new(routes),
            published,
            live: BTreeMap::new(),
            draining: BTreeMap::new(),
            accepting: Vec::new(),
            failure: None,
        }
    }

    /// Sends new connections to these from now on. Connections through others have time to end;
    /// one that comes back before that keeps them.
    pub(super) async fn route_to(&mut self, backends: Vec<Arc<Backend>>) {
        self.draining.retain(|_, gone| !gone.end.is_finished());
        let mut before = std::mem::take(&mut self.live);
        for backend in backends {
            let address = backend.address();
            if self.live.contains_key(&address) {
                continue;
            }
            let route = match before.remove(&address) {
                Some(kept) => kept,
                None => Arc::new(Route {
                    backend,
                    connections: self.resume(address).await,
                }),
            };
            self.live.insert(address, route);
        }
        self.published
            .send_replace(self.live.values().cloned().collect());
        for (address, route) in before {
            let connections = route.connections.clone();
            let drain = connections.clone().drain(self.timing.drain_timeout);
            let end = AbortOnDropHandle::new(tokio::spawn(drain));
            self.draining.insert(address, Draining { connections, end });
        }
    }

    /// Listens on all these addresses, unless it does so already.
    pub(super) fn listen(&mut self, addresses: &[IpAddr], port: u16) {
        if !self.accepting.is_empty() {
            return;
        }
        let sockets = addresses
            .iter()
            .map(|address| bind::bind(SocketAddr::new(*address, port)))
            .collect::<Result<Vec<_>, _>>();
        match sockets {
            Ok(sockets) => {
                self.failure = None;
                self.accepting = sockets
                    .into_iter()
                    .map(|socket| AbortOnDropHandle::new(tokio::spawn(self.accept_on(socket))))
                    .collect();
            }
            Err(error) => self.failure = Some(error),
        }
    }

    /// Stops listening for now; when this returns, the port is free.
    pub(super) async fn stop_listening(&mut self) {
        for accepting in self.accepting.drain(..) {
            accepting.abort();
            // The socket is closed when the task is gone, and not before.
            drop(accepting.await);
        }
    }

    /// Stops listening for good; when this returns, the port is free. What is left are its
    /// connections.
    pub(super) async fn close(mut self) -> Group {
        self.stop_listening().await;
        // Connections that were accepted but not yet sent anywhere find no target.
        self.published.send_replace(Arc::default());
        self.connections
    }

    pub(super) fn is_port_taken(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|error| error.source.kind() == io::ErrorKind::AddrInUse)
    }

    pub(super) fn describe(&self, spec: &ListenerSpec) -> wire::Listener {
        let wanted = spec.targets.iter().filter_map(|target| {
            let address = SocketAddr::new(target.address, target.port);
            Some(wire::TargetStatus {
                name: target.name.clone(),
                address: target.address,
                port: target.port,
                health: self.live.get(&address)?.backend.describe(),
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
        wire::Listener {
            protocol: spec.protocol,
            port: spec.port,
            status: self
                .failure
                .as_ref()
                .map_or(ListenerStatus::Listening, bind::failure),
            targets: wanted.chain(draining).collect(),
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
        self.connections.subgroup()
    }

    /// Accepts for ever.
    fn accept_on(&self, socket: TcpListener) -> impl Future<Output = ()> + Send + use<> {
        let (table, connections) = (self.table.clone(), self.connections.clone());
        let (all, timing) = (self.all_connections.clone(), self.timing);
        async move {
            let mut pause = AcceptPause::default();
            loop {
                match socket.accept().await {
                    Ok((client, _)) => {
                        pause.reset();
                        let members = (all.enter(), connections.enter());
                        let serving = connection::serve(client, table.clone(), timing);
                        let connections = connections.clone();
                        tokio::spawn(async move {
                            connections.until_cut(serving).await;
                            drop(members);
                        });
                    }
                    Err(error) => pause.after(&error).await,
                }
            }
        }
    }
}

/// Waiting after an accept that failed, so that a lack of file descriptors does not spin.
#[derive(Default)]
struct AcceptPause {
    failures: u32,
    warned: Option<Instant>,
}

impl AcceptPause {
    fn reset(&mut self) {
        self.failures = 0;
    }

    async fn after(&mut self, error: &io::Error) {
        // The client went away before we came: nothing is wrong here.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        // With all descriptors in use, accepting works and fails by turns.
        if self.warned.is_none_or(|then| then.elapsed() > QUIET) {
            tracing::warn!(%error, "cannot accept connections; trying again");
            self.warned = Some(Instant::now());
        }
        self.failures = (self.failures + 1).min(6);
        tokio::time::sleep(Duration::from_millis(10) * (1 << self.failures)).await;
    }
}
