//! The node ports of the sandbox, as kube-proxy would serve them: which ones there are and where
//! each leads is a pure function of Services and EndpointSlices; [`NodePorts`] owns the sockets.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Pause after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time to connect to a pod on this machine.
const CONNECT: Duration = Duration::from_secs(2);

/// What a node port does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Passes connections on.
    Forward {
        /// Endpoints, in turn.
        endpoints: Vec<SocketAddr>,
        /// Whether pods see the client's address (`externalTrafficPolicy: Local`), not the node's.
        keeps_client: bool,
    },
    /// Tells whether the node has endpoints of its own (`healthCheckNodePort`).
    Health {
        /// How many are ready.
        local_endpoints: usize,
    },
}

/// A node's own port.
pub(super) type NodePort = SocketAddr;

/// The node ports of one Service. A port without an endpoint that its node may use is not there:
/// connections to it are refused.
pub(super) fn routes(
    service: &Service,
    slices: &[Arc<EndpointSlice>],
    nodes: &[(String, IpAddr)],
) -> BTreeMap<NodePort, Route> {
    let Some(spec) = &service.spec else {
        return BTreeMap::new();
    };
    let local = spec.external_traffic_policy.as_deref() == Some("Local");
    let mut routes = BTreeMap::new();
    for port in spec.ports.iter().flatten() {
        let number = port.node_port.and_then(|number| u16::try_from(number).ok());
        let Some(number) = number.filter(|number| *number > 0 && is_tcp(port)) else {
            continue;
        };
        for (name, address) in nodes {
            let endpoints = endpoints(port, slices, local.then_some(name));
            if !endpoints.is_empty() {
                let route = Route::Forward {
                    endpoints,
                    keeps_client: local,
                };
                routes.insert(SocketAddr::new(*address, number), route);
            }
        }
    }
    let health = spec
        .health_check_node_port
        .and_then(|number| u16::try_from(number).ok());
    if let Some(number) = health.filter(|number| *number > 0 && local) {
        for (name, address) in nodes {
            let local_endpoints = ready_on(name, slices);
            routes.insert(
                SocketAddr::new(*address, number),
                Route::Health { local_endpoints },
            );
        }
    }
    routes
}

fn ready_on(node: &str, slices: &[Arc<EndpointSlice>]) -> usize {
    let endpoints = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let here = endpoints.filter(|endpoint| endpoint.node_name.as_deref() == Some(node));
    here.filter(|endpoint| {
        endpoint
            .conditions
            .as_ref()
            .is_none_or(|it| it.ready.unwrap_or(true))
    })
    .count()
}

fn is_tcp(port: &ServicePort) -> bool {
    port.protocol.as_deref().unwrap_or("TCP") == "TCP"
}

/// Ready endpoints; if there are none, those that still serve while they end (KEP-1669).
fn endpoints(
    port: &ServicePort,
    slices: &[Arc<EndpointSlice>],
    node: Option<&String>,
) -> Vec<SocketAddr> {
    let (mut ready, mut ending) = (Vec::new(), Vec::new());
    for slice in slices {
        let Some(number) = slice_port(slice, port) else {
            continue;
        };
        for endpoint in slice.endpoints.iter().flatten() {
            let elsewhere = node.is_some() && endpoint.node_name.as_ref() != node;
            let Some(address) = endpoint
                .addresses
                .first()
                .and_then(|text| text.parse().ok())
            else {
                continue;
            };
            let conditions = endpoint.conditions.clone().unwrap_or_default();
            let address = SocketAddr::new(address, number);
            if elsewhere {
            } else if conditions.ready.unwrap_or(true) {
                ready.push(address);
            } else if conditions.serving.unwrap_or(true) {
                ending.push(address);
            }
        }
    }
    let mut chosen = if ready.is_empty() { ending } else { ready };
    chosen.sort_unstable();
    chosen
}

fn slice_port(slice: &EndpointSlice, port: &ServicePort) -> Option<u16> {
    let name = port.name.as_deref().unwrap_or_default();
    let ports = slice.ports.iter().flatten();
    let mut matching = ports.filter(|it| it.name.as_deref().unwrap_or_default() == name);
    matching.find_map(|it| u16::try_from(it.port?).ok())
}

/// Listeners on node ports, by Service.
#[derive(Debug, Default)]
pub(super) struct NodePorts {
    services: HashMap<String, HashMap<NodePort, Listener>>,
}

#[derive(Debug)]
struct Listener {
    route: watch::Sender<Arc<Route>>,
    _stop: DropGuard,
}

impl NodePorts {
    /// Makes the node ports of a Service these. Established connections go on.
    pub(super) async fn set(&mut self, service: &str, routes: BTreeMap<NodePort, Route>) {
        let listeners = self.services.entry(service.to_owned()).or_default();
        listeners.retain(|port, _| routes.contains_key(port));
        for (port, route) in routes {
            if let Some(listener) = listeners.get(&port) {
                listener.route.send_if_modified(|present| {
                    let changed = **present != route;
                    if changed {
                        *present = Arc::new(route);
                    }
                    changed
                });
                continue;
            }
            match TcpListener::bind(port).await {
                Ok(socket) => {
                    listeners.insert(port, serve(socket, route));
                }
                Err(source) => {
                    let error = landfall_process::BindError {
                        address: port,
                        source,
                    };
                    tracing::warn!(service, %error, "a node port is not served");
                }
            }
        }
        if listeners.is_empty() {
            self.services.remove(service);
        }
    }
}

fn serve(socket: TcpListener, route: Route) -> Listener {
    let stop = CancellationToken::new();
    let (sender, receiver) = watch::channel(Arc::new(route));
    tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(accept(socket, receiver)),
    );
    Listener {
        route: sender,
        _stop: stop.drop_guard(),
    }
}

async fn accept(socket: TcpListener, route: watch::Receiver<Arc<Route>>) {
    let turn = AtomicUsize::new(0);
    loop {
        match socket.accept().await {
            Ok((stream, client)) => {
                let route = route.borrow().clone();
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(stream, client, route, turn));
            }
            Err(error) => {
                tracing::warn!(%error, "a node port did not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, client: SocketAddr, route: Arc<Route>, turn: usize) {
    match &*route {
        Route::Forward {
            endpoints,
            keeps_client,
        } => {
            forward(stream, client, endpoints, *keeps_client, turn).await;
        }
        Route::Health { local_endpoints } => tell_health(stream, *local_endpoints).await,
    }
}

/// Passes one connection on. When it is cut, both ends know; nobody else needs to.
async fn forward(
    mut client: TcpStream,
    from: SocketAddr,
    endpoints: &[SocketAddr],
    keeps_client: bool,
    turn: usize,
) {
    let Ok(node) = client.local_addr() else {
        return;
    };
    let source = if keeps_client { from.ip() } else { node.ip() };
    for offset in 0..endpoints.len() {
        let endpoint = endpoints[(turn + offset) % endpoints.len()];
        match tokio::time::timeout(CONNECT, connect(source, endpoint)).await {
            Ok(Ok(mut pod)) => {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut pod).await;
                return;
            }
            Ok(Err(error)) => tracing::debug!(%endpoint, %error, "an endpoint did not answer"),
            Err(_) => tracing::debug!(%endpoint, "an endpoint did not answer in time"),
        }
    }
}

/// Answers as kube-proxy does on a `healthCheckNodePort`, whatever the path.
async fn tell_health(stream: TcpStream, local_endpoints: usize) {
    let answer = service_fn(move |_: Request<Incoming>| {
        let status = if local_endpoints > 0 {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let body =
            format!("{{\"localEndpoints\": {local_endpoints}, \"serviceProxyHealthy\": true}}\n");
        let answer = Response::builder()
            .status(status)
            .header("Content-Type", "application/json")
            .header("X-Load-Balancing-Endpoint-Weight", local_endpoints)
            .body(Full::new(Bytes::from(body)));
        std::future::ready(answer)
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a health check ended early");
    }
}

async fn connect(source: IpAddr, endpoint: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(source, 0))?;
    let stream = socket.connect(endpoint).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
#[path = "node_ports_tests.rs"]
mod tests;
