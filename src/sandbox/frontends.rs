//! The sockets where the sandbox's nodes take traffic in, each of which does what its route says.

use std::collections::{BTreeMap, HashMap};
use std::io;
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
use landfall_process::BindError;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
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

/// Listeners, by Service.
#[derive(Debug, Default)]
pub(super) struct Frontends {
    services: HashMap<String, HashMap<Frontend, Listener>>,
}

#[derive(Debug)]
struct Listener {
    route: watch::Sender<Arc<Route>>,
    _stop: DropGuard,
}

impl Frontends {
    /// Makes the frontends of a Service these. Established connections go on; flows of datagrams
    /// end with their frontend.
    pub(super) async fn set(&mut self, service: &str, routes: BTreeMap<Frontend, Route>) {
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
            match serve(port, route).await {
                Ok(listener) => {
                    listeners.insert(port, listener);
                }
                Err(error) => tracing::warn!(service, %error, "an address and port is not served"),
            }
        }
        if listeners.is_empty() {
            self.services.remove(service);
        }
    }
}

async fn serve(port: Frontend, route: Route) -> Result<Listener, BindError> {
    let address = port.address;
    let stop = CancellationToken::new();
    let (sender, route) = watch::channel(Arc::new(route));
    let served = async {
        match port.protocol {
            Protocol::Tcp => {
                let socket = bound(|| TcpListener::bind(address)).await?;
                tokio::spawn(
                    stop.clone()
                        .run_until_cancelled_owned(accept(socket, route)),
                );
            }
            Protocol::Udp => {
                let flows = {
                    let socket = bound(|| UdpSocket::bind(address)).await?;
                    Flows::new(socket, route, datagrams::IDLE)
                };
                tokio::spawn(stop.clone().run_until_cancelled_owned(flows.run()));
            }
        }
        Ok(())
    };
    served
        .await
        .map_err(|source| BindError { address, source })?;
    Ok(Listener {
        route: sender,
        _stop: stop.drop_guard(),
    })
}

/// Binds, and tries again for a while where another Service has just let the address go.
async fn bound<S, F: Future<Output = io::Result<S>>>(bind: impl Fn() -> F) -> io::Result<S> {
    for _ in 0..RETRIES {
        match bind().await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(BIND_PAUSE).await;
            }
            bound => return bound,
        }
    }
    bind().await
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
    let source = endpoints.source(from.ip(), node.ip());
    for endpoint in endpoints.in_turn(turn) {
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
