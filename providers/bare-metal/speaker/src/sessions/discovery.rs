//! Finds the routers that are known by their interface alone ("unnumbered"): they are where router
//! advertisements come from (RFC 4861 §6.2.3), and find this node by its own, which make it nobody's default
//! router.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::RETRY;
use super::options::{set_flag, take_only};

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// From one advertisement of ours to the next; the first few come sooner.
const INTERVAL: Duration = Duration::from_secs(10);
const FIRST: Duration = Duration::from_secs(1);
/// How many come sooner.
const FIRST_FEW: u32 = 3;
/// From one answer to a question to the next at least (RFC 4861 §6.2.6).
const PAUSE: Duration = Duration::from_millis(100);
/// After so long without a word another router may take a router's place.
const SILENT: Duration = Duration::from_secs(30);

/// A router that was found: the name and the number of the interface, and its address there.
pub(super) type Found = (String, u32, Ipv6Addr);

/// What is looked for.
#[derive(Debug)]
pub(super) struct Discovery {
    tasks: BTreeMap<(String, u32), JoinHandle<()>>,
    found: mpsc::UnboundedSender<Found>,
}

impl Discovery {
    pub(super) fn new(found: mpsc::UnboundedSender<Found>) -> Self {
        Self {
            tasks: BTreeMap::new(),
            found,
        }
    }

    /// Looks on these interfaces and no others.
    pub(super) fn set(&mut self, interfaces: &BTreeMap<String, u32>) {
        self.tasks.retain(|(name, index), task| {
            let is_needed = interfaces.get(name) == Some(index);
            if !is_needed {
                task.abort();
            }
            is_needed
        });
        for (name, index) in interfaces {
            let key = (name.clone(), *index);
            self.tasks
                .entry(key)
                .or_insert_with(|| tokio::spawn(look(name.clone(), *index, self.found.clone())));
        }
    }
}

async fn look(name: String, index: u32, found: mpsc::UnboundedSender<Found>) {
    loop {
        let looked = match open(&name, index) {
            Ok(socket) => listen(&socket, &name, index, &found).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(interface = name, %error, "routers cannot be looked for");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn open(name: &str, index: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(name.as_bytes()))?;
    take_only(&socket, &[SOLICITATION, ADVERTISEMENT])?;
    set_flag(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)?;
    socket.set_multicast_hops_v6(255)?;
    socket.set_unicast_hops_v6(255)?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_loop_v6(false)?;
    socket.join_multicast_v6(&ALL_ROUTERS, index)?;
    // The runtime knows only such sockets; how they are read is the same.
    UdpSocket::from_std(socket.into())
}

/// Speaks and listens until nobody wants to know any more.
async fn listen(
    socket: &UdpSocket,
    name: &str,
    index: u32,
    found: &mpsc::UnboundedSender<Found>,
) -> io::Result<()> {
    let mut router: Option<(Ipv6Addr, Instant)> = None;
    let mut said = 0;
    let mut due = Instant::now();
    let mut last = None;
    send(socket, &solicitation(), ALL_ROUTERS, index);
    loop {
        tokio::select! {
            ready = socket.readable() => ready?,
            () = tokio::time::sleep_until(due.into()) => {
                send(socket, &advertisement(), ALL_NODES, index);
                said += 1;
                let wait = if said < FIRST_FEW { FIRST } else { INTERVAL };
                (due, last) = (Instant::now() + wait, Some(Instant::now()));
                continue;
            }
        }
        let Some((kind, from)) = read(socket) else {
            continue;
        };
        let now = Instant::now();
        if kind == SOLICITATION {
            let soonest = last.map_or(now, |it| it + PAUSE);
            due = due.min(soonest.max(now));
        } else if from.is_unicast_link_local() {
            let is_other = match router {
                Some((known, heard)) => known != from && now > heard + SILENT,
                None => true,
            };
            if is_other {
                tracing::info!(interface = name, router = %from, "a router was found");
                if found.send((name.to_owned(), index, from)).is_err() {
                    return Ok(());
                }
                router = Some((from, now));
            } else if let Some((known, heard)) = &mut router
                && *known == from
            {
                *heard = now;
            }
        }
    }
}

/// A message from a neighbour: its type and its source.
fn read(socket: &UdpSocket) -> Option<(u8, Ipv6Addr)> {
    let mut buffer = [0; 64];
    let read = socket.try_io(Interest::READABLE, || {
        let mut parts = [io::IoSliceMut::new(&mut buffer)];
        let mut control = nix::cmsg_space!(libc::c_int);
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags)?;
        // What a router has forwarded is from no neighbour (RFC 4861 §6.1).
        let is_near = message
            .cmsgs()?
            .any(|it| matches!(it, ControlMessageOwned::Ipv6HopLimit(255)));
        let from = message.address.as_ref();
        let from = from.and_then(|it| it.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::ip));
        Ok(from.filter(|_| is_near && message.bytes > 0))
    });
    let from = read.ok().flatten()?;
    Some((buffer[0], from))
}

fn send(socket: &UdpSocket, message: &[u8], to: Ipv6Addr, index: u32) {
    let to = SocketAddr::V6(SocketAddrV6::new(to, 0, 0, index));
    if let Err(error) = socket.try_send_to(message, to) {
        tracing::debug!(%to, %error, "a message to neighbours was not sent");
    }
}

/// RFC 4861 §4.1; the kernel adds the checksum.
fn solicitation() -> [u8; 8] {
    [SOLICITATION, 0, 0, 0, 0, 0, 0, 0]
}

/// RFC 4861 §4.2, with a router lifetime of zero: nobody takes this node for a way out.
fn advertisement() -> [u8; 16] {
    let mut message = [0; 16];
    message[0] = ADVERTISEMENT;
    message
}
