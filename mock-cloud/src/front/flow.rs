//! Datagrams: the flows of one UDP socket. A flow is a client's address and a socket that is
//! connected to its target; what comes back goes to the client from the load balancer's own
//! address.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::group::Member;
use super::port::Port;
use super::route::Route;
use crate::recent::{Recent, Stamp};
use crate::timing::until;

/// Flows of one socket. One more, and the one that was idle longest ends.
const MOST_FLOWS: usize = 4096;

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

/// A client and its target.
#[derive(Debug)]
struct Flow {
    /// Gone when the flow is over.
    upstream: Weak<UdpSocket>,
    route: Arc<Route>,
    task: AbortOnDropHandle<()>,
}

/// Forwards the datagrams of a socket until `stop`; when this returns, the socket is closed.
pub(super) async fn forward(socket: UdpSocket, port: Arc<Port>, stop: CancellationToken) {
    let socket = Arc::new(socket);
    let mut idle_timeout = port.idle_timeout.clone();
    let idle = *idle_timeout.borrow_and_update();
    let mut flows = Flows {
        table: Recent::new(MOST_FLOWS, idle, Instant::now()),
        socket: Arc::downgrade(&socket),
        port,
    };
    let mut next = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Ok(()) = idle_timeout.changed() => {
                flows.table.set_idle(*idle_timeout.borrow_and_update());
            }
            ready = socket.readable() => {
                if ready.is_err() || flows.take_in(&socket).is_err() {
                    tokio::time::sleep(PAUSE).await;
                }
                tokio::task::yield_now().await;
                // Who expires first is known already.
                if next.is_some() {
                    continue;
                }
            }
            () = until(next) => {}
        }
        next = flows.table.expire(Instant::now());
    }
    for flow in flows.table.drain() {
        flow.task.abort();
        // A task that still runs may have the socket in hand.
        drop(flow.task.await);
    }
}

struct Flows {
    table: Recent<SocketAddr, Flow>,
    /// Where clients send to.
    socket: Weak<UdpSocket>,
    port: Arc<Port>,
}

impl Flows {
    /// Takes what has come, as much as is one turn's.
    fn take_in(&mut self, socket: &UdpSocket) -> io::Result<()> {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..TURN {
                match socket.try_recv_from(buffer) {
                    Ok((length, client)) => self.pass_on(&buffer[..length], client),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Sends a datagram to the client's target, or to the first in turn if it has none. One that
    /// cannot be sent is dropped, as everywhere.
    fn pass_on(&mut self, datagram: &[u8], client: SocketAddr) {
        if !self.port.gate.admits(client.ip()) {
            return;
        }
        let now = Instant::now();
        if let Some(flow) = self.table.get(client, now)
            && let Some(upstream) = flow.upstream.upgrade()
        {
            match upstream.try_send(datagram) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => flow.route.refused(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return send_later(upstream, datagram.to_vec());
                }
                _ => return,
            }
        }
        self.table.remove(client);
        for route in self.port.table.next(client.ip()) {
            let Some(member) = route.enter() else {
                continue;
            };
            match open(route.address, datagram) {
                Ok(upstream) => return self.begin(client, upstream, route, member, now),
                Err(error) => {
                    tracing::debug!(target_address = %route.address, %error, "no flow");
                }
            }
        }
    }

    fn begin(
        &mut self,
        client: SocketAddr,
        upstream: UdpSocket,
        route: Arc<Route>,
        member: Member,
        now: Instant,
    ) {
        let (port, listener) = (self.port.clone(), self.socket.clone());
        let members = (port.all.enter(), port.connections.enter(), member);
        port.table.went(client.ip(), route.address);
        self.table.insert(client, now, |used| {
            let upstream = Arc::new(upstream);
            let weak = Arc::downgrade(&upstream);
            let through = route.clone();
            let task = tokio::spawn(async move {
                let back = carry_back(upstream, listener, client, &used, &through);
                let back = through.connections.until_cut(back);
                tokio::select! {
                    () = port.gate.clone().shut(client.ip()) => {}
                    _ = port.connections.until_cut(back) => {}
                }
                drop(members);
            });
            Flow {
                upstream: weak,
                route,
                task: AbortOnDropHandle::new(task),
            }
        });
    }
}

/// Sends what the target says to the client, until the target refuses.
async fn carry_back(
    upstream: Arc<UdpSocket>,
    listener: Weak<UdpSocket>,
    client: SocketAddr,
    used: &Stamp,
    route: &Route,
) {
    loop {
        // Where nobody listens, the system says so (ICMP port unreachable), and that is an error
        // and nothing to read.
        let Ok(ready) = upstream.ready(Interest::READABLE | Interest::ERROR).await else {
            return;
        };
        if ready.is_error() {
            let asked = upstream.try_io(Interest::ERROR, || match upstream.take_error()? {
                Some(error) => Err(error),
                None => Err(ErrorKind::WouldBlock.into()),
            });
            if is_over(asked, route) {
                return;
            }
        }
        for _ in 0..TURN {
            let passed: io::Result<()> = BUFFER.with_borrow_mut(|buffer| {
                let length = upstream.try_recv(buffer)?;
                used.touch(Instant::now());
                if let Some(listener) = listener.upgrade() {
                    // One that cannot be sent is dropped, as everywhere.
                    let _ = listener.try_send_to(&buffer[..length], client);
                }
                Ok(())
            });
            match passed {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                error @ Err(_) => {
                    if is_over(error, route) {
                        return;
                    }
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a result ends a flow; one that says that nobody listens is held against the target.
fn is_over(result: io::Result<()>, route: &Route) -> bool {
    match result {
        Ok(()) => false,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => {
            tracing::debug!(target_address = %route.address, %error, "a flow ended");
            route.refused();
            true
        }
    }
}

/// A socket that is connected to a target and has sent it this. Sent before the runtime has the
/// socket: that learns only later that one can send.
fn open(target: SocketAddr, datagram: &[u8]) -> io::Result<UdpSocket> {
    let any: SocketAddr = if target.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(target)?;
    socket.set_nonblocking(true)?;
    socket.send(datagram)?;
    UdpSocket::from_std(socket)
}

/// Sends a datagram when the socket has room, or when the runtime has learnt that it has; one that
/// waits too long is dropped, as everywhere.
fn send_later(upstream: Arc<UdpSocket>, datagram: Vec<u8>) {
    tokio::spawn(async move {
        // What fails here shows again in the flow's own task.
        let _ = tokio::time::timeout(PAUSE, upstream.send(&datagram)).await;
    });
}
