//! The sockets where the sandbox's nodes take traffic in, each of which does what its route says.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
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
use ipnet::IpNet;
use landfall_mock_cloud::bind;
use landfall_process::BindError;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::datagrams::{self, Flows};
use super::routes::{Endpoints, Frontend, Protocol, Route};

/// Pause after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Attempts to bind an address that is still in use, and the pause between two.
const RETRIES: usize = 20;
const BIND_PAUSE: Duration = Duration::from_millis(20);
/// Time to connect to a pod on this machine.
const CONNECT: Duration = Duration::from_secs(2);

/// What is served, by Service.
#[derive(Debug, Default)]
pub(super) struct Frontends {
    services: HashMap<String, Served>,
}

#[derive(Debug, Default)]
struct Served {
    listeners: HashMap<Frontend, Listener>,
    /// Where there is no listening, and why.
    failed: BTreeMap<Frontend, String>,
}

#[derive(Debug)]
struct Listener {
    route: watch::Sender<Arc<Route>>,
    _stop: DropGuard,
}

impl Frontends {
    /// Makes the frontends of a Service these, and returns why some cannot be had. Established
    /// connections go on; flows of datagrams end with their frontend.
    pub(super) async fn set(
        &mut self,
        service: &str,
        routes: BTreeMap<Frontend, Route>,
    ) -> Vec<String> {
        let served = self.services.entry(service.to_owned()).or_default();
        served.listeners.retain(|port, _| routes.contains_key(port));
        served.failed.retain(|port, _| routes.contains_key(port));
        for (port, route) in routes {
            if let Some(listener) = served.listeners.get(&port) {
                listener.route.send_if_modified(|present| {
                    let changed = **present != route;
                    if changed {
                        *present = Arc::new(route);
                    }
                    changed
                });
                continue;
            }
            // What failed is tried over and over anyway.
            let retries = if served.failed.contains_key(&port) {
                0
            } else {
                RETRIES
            };
            match serve(port, route, retries).await {
                Ok(listener) => {
                    if served.failed.remove(&port).is_some() {
                        tracing::info!(service, address = %port.address, "is served now");
                    }
                    served.listeners.insert(port, listener);
                }
                Err(error) => {
                    let why = explain(&error);
                    if served.failed.get(&port) != Some(&why) {
                        tracing::warn!(service, error = why, "an address and port is not served");
                        served.failed.insert(port, why);
                    }
                }
            }
        }
        let mut failed: Vec<_> = served.failed.values().cloned().collect();
        // TCP and UDP of one place.
        failed.dedup();
        if served.listeners.is_empty() && served.failed.is_empty() {
            self.services.remove(service);
        }
        failed
    }

    /// The Services of which something is not served.
    pub(super) fn lacking(&self) -> Vec<String> {
        let services = self.services.iter();
        let lacking = services.filter(|(_, served)| !served.failed.is_empty());
        lacking.map(|(service, _)| service.clone()).collect()
    }
}

/// Why there is no listening, and what to do about it. A machine has all IPv4 loopback addresses;
/// any other has to be made its own.
fn explain(error: &BindError) -> String {
    let address = error.address.ip();
    let is_loopback = address.is_ipv4() && address.is_loopback();
    if error.source.kind() != ErrorKind::AddrNotAvailable || is_loopback {
        return error.to_string();
    }
    format!(
        "cannot listen on {}: this machine does not have {address}; run `{}` as root, or the same \
         for the whole range of its pool",
        error.address,
        bind::make_local(&IpNet::from(address))
    )
}

async fn serve(port: Frontend, route: Route, retries: usize) -> Result<Listener, BindError> {
    let address = port.address;
    let stop = CancellationToken::new();
    let (sender, route) = watch::channel(Arc::new(route));
    let served = async {
        match port.protocol {
            Protocol::Tcp => {
                let socket = bound(retries, || bind::tcp(address)).await?;
                tokio::spawn(
                    stop.clone()
                        .run_until_cancelled_owned(accept(socket, route)),
                );
            }
            Protocol::Udp => {
                let socket = bound(retries, || bind::udp(address)).await?;
                let flows = Flows::new(socket, route, datagrams::IDLE);
                tokio::spawn(stop.clone().run_until_cancelled_owned(flows.run()));
            }
        }
        Ok(())
    };
    served.await?;
    Ok(Listener {
        route: sender,
        _stop: stop.drop_guard(),
    })
}

/// Binds, and tries again for a while where another Service has just let the address go.
async fn bound<S>(retries: usize, bind: impl Fn() -> Result<S, BindError>) -> Result<S, BindError> {
    for _ in 0..retries {
        match bind() {
            Err(error) if error.source.kind() == ErrorKind::AddrInUse => {
                tokio::time::sleep(BIND_PAUSE).await;
            }
            bound => return bound,
        }
    }
    bind()
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
        Route::Forward(endpoints) => forward(stream, client, endpoints, turn).await,
        Route::Health { local_endpoints } => tell_health(stream, *local_endpoints).await,
    }
}

/// Passes one connection on. When it is cut, both ends know; nobody else needs to.
async fn forward(mut client: TcpStream, from: SocketAddr, endpoints: &Endpoints, turn: usize) {
    let Ok(node) = client.local_addr() else {
        return;
    };
    if !endpoints.admits(from.ip()) {
        return;
    }
    for endpoint in endpoints.in_turn(turn) {
        let source = endpoints.source(from.ip(), node.ip(), endpoint.ip());
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

async fn connect(source: IpAddr, endpoint: SocketAddr) -> io::Result<TcpStream> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(source, 0))?;
    let stream = socket.connect(endpoint).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
