//! Datagrams of the sandbox: how a socket takes them in, and the flows of a UDP node port. A flow
//! is a client and a socket that is connected to its endpoint; what comes back goes to the client
//! from the node port.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_mock_cloud::{Recent, Stamp};
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::routes::Route;

/// How long a flow of a node port may be idle.
pub(super) const IDLE: Duration = Duration::from_mins(1);

/// Flows of one node port. One more, and the one that was idle longest ends.
const MOST_FLOWS: usize = 1024;

/// Datagrams that are handled before others may run.
const TURN: usize = 64;

/// Rest after a failure of the socket itself, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Room for the largest datagram.
const LARGEST: usize = 65_535;

thread_local! {
    /// One for each thread is enough, for none is kept across a wait.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; LARGEST].into());
}

/// Waits for datagrams and handles what has come, as much as is one turn's. `handle` must not take
/// in others.
pub(super) async fn take(socket: &UdpSocket, handle: impl FnMut(&[u8], SocketAddr)) {
    let ready = socket.readable().await;
    if let Err(error) = ready.and_then(|()| take_ready(socket, handle)) {
        tracing::debug!(%error, "a socket took in no datagram");
        tokio::time::sleep(PAUSE).await;
    }
}

fn take_ready(socket: &UdpSocket, mut handle: impl FnMut(&[u8], SocketAddr)) -> io::Result<()> {
    BUFFER.with_borrow_mut(|buffer| {
        for _ in 0..TURN {
            match socket.try_recv_from(buffer) {
                Ok((length, from)) => handle(&buffer[..length], from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// The flows of one node port; they end when this is dropped.
pub(super) struct Flows {
    /// Where clients send to.
    socket: Arc<UdpSocket>,
    route: watch::Receiver<Arc<Route>>,
    table: Recent<SocketAddr, Flow>,
    turn: usize,
}

/// A client's way to its endpoint.
struct Flow {
    endpoint: SocketAddr,
    upstream: Arc<UdpSocket>,
    _back: AbortOnDropHandle<()>,
}

impl Flows {
    pub(super) fn new(
        socket: UdpSocket,
        route: watch::Receiver<Arc<Route>>,
        idle: Duration,
    ) -> Self {
        Self {
            socket: Arc::new(socket),
            route,
            table: Recent::new(MOST_FLOWS, idle, Instant::now()),
            turn: 0,
        }
    }

    /// Passes datagrams on, without end.
    pub(super) async fn run(mut self) {
        let (socket, mut next) = (self.socket.clone(), None);
        loop {
            tokio::select! {
                () = take(&socket, |datagram, client| self.pass_on(datagram, client)) => {}
                () = until(next) => {}
            }
            next = self.table.expire(Instant::now());
        }
    }

    /// Sends a datagram to the client's endpoint as long as the route has it, else to the first in
    /// turn. One that cannot be sent is dropped, as everywhere.
    fn pass_on(&mut self, datagram: &[u8], client: SocketAddr) {
        let route = self.route.borrow().clone();
        let Route::Forward(endpoints) = &*route else {
            // Health is told over TCP only.
            return;
        };
        if !endpoints.admits(client.ip()) {
            return;
        }
        let now = Instant::now();
        if let Some(flow) = self.table.get(client, now)
            && endpoints.addresses.contains(&flow.endpoint)
        {
            // Not through the runtime, which learns only later that a new socket can send.
            match SockRef::from(&*flow.upstream).send(datagram) {
                // The endpoint has refused what came before.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                _ => return,
            }
        }
        self.table.remove(client);
        let Ok(node) = self.socket.local_addr() else {
            return;
        };
        self.turn = self.turn.wrapping_add(1);
        for endpoint in endpoints.in_turn(self.turn) {
            let source = endpoints.source(client.ip(), node.ip(), endpoint.ip());
            match open(source, endpoint, datagram) {
                Ok(upstream) => return self.begin(client, endpoint, upstream, now),
                Err(error) => tracing::debug!(%endpoint, %error, "no flow"),
            }
        }
    }

    fn begin(
        &mut self,
        client: SocketAddr,
        endpoint: SocketAddr,
        upstream: UdpSocket,
        now: Instant,
    ) {
        let (upstream, socket) = (Arc::new(upstream), self.socket.clone());
        self.table.insert(client, now, |used| {
            let back = carry_back(upstream.clone(), socket, client, used);
            Flow {
                endpoint,
                upstream,
                _back: AbortOnDropHandle::new(tokio::spawn(back)),
            }
        });
    }
}

/// Sends what the endpoint says to the client.
async fn carry_back(
    upstream: Arc<UdpSocket>,
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    used: Arc<Stamp>,
) {
    loop {
        take(&upstream, |datagram, _| {
            used.touch(Instant::now());
            // One that cannot be sent is dropped, as everywhere.
            let _ = socket.try_send_to(datagram, client);
        })
        .await;
    }
}

/// A socket that is connected to an endpoint and has sent it this.
fn open(source: IpAddr, endpoint: SocketAddr, datagram: &[u8]) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((source, 0))?;
    socket.connect(endpoint)?;
    socket.set_nonblocking(true)?;
    socket.send(datagram)?;
    UdpSocket::from_std(socket)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "datagrams_tests.rs"]
mod tests;
