//! The datagrams that speakers exchange.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use landfall_bare_metal_l2::peers::{LONGEST, NodeId};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// A descriptor behind all others of a speaker.
const LAST: i32 = 1000;

/// What came of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is under way.
    Yes,
    /// It could not be sent.
    No,
    /// It is under way, and the node's kernel has said that nobody listened to the one before.
    Refused,
}

/// A speaker's way to another: a socket that is connected, for such are told when nobody listens there.
/// It is asked directly, and no runtime before it: that would know only a moment later that there is
/// room, and what is sent first would be lost.
#[derive(Debug)]
struct Way {
    addresses: Vec<IpAddr>,
    socket: Option<Socket>,
}

/// All sockets for datagrams.
#[derive(Debug)]
pub(crate) struct Transport {
    listener: UdpSocket,
    port: u16,
    own: Vec<IpAddr>,
    ways: BTreeMap<NodeId, Way>,
}

impl Transport {
    /// Listens on a port, for both families where there are two.
    pub(crate) fn open(port: u16, own: Vec<IpAddr>) -> io::Result<Self> {
        let any = [
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        ];
        let [both, ipv4] = any;
        let socket = match listen(both) {
            // A kernel without IPv6.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => listen(ipv4)?,
            other => other?,
        };
        Ok(Self {
            listener: UdpSocket::from_std(last(socket).into())?,
            port,
            own,
            ways: BTreeMap::new(),
        })
    }

    /// Whether one of the addresses that are said to be ours is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        let here = |it: &IpAddr| std::net::UdpSocket::bind((*it, 0)).is_ok();
        self.own.iter().any(here)
    }

    /// Takes in where the other speakers are.
    pub(crate) fn set_peers(&mut self, peers: BTreeMap<NodeId, Vec<IpAddr>>) {
        self.ways
            .retain(|node, way| peers.get(node) == Some(&way.addresses));
        for (node, addresses) in peers {
            let way = || Way {
                addresses,
                socket: None,
            };
            self.ways.entry(node).or_insert_with(way);
        }
    }

    /// Whether a node has this address.
    pub(crate) fn is_of(&self, source: IpAddr, node: NodeId) -> bool {
        let source = source.to_canonical();
        self.ways
            .get(&node)
            .is_some_and(|it| it.addresses.contains(&source))
    }

    /// Sends to a node. Where that would have to wait it is not sent.
    pub(crate) fn send(&mut self, node: NodeId, datagram: &[u8]) -> Sent {
        let Some(way) = self.ways.get_mut(&node) else {
            return Sent::No;
        };
        if way.socket.is_none() {
            way.socket = connect(&self.own, &way.addresses, self.port);
        }
        let Some(socket) = &way.socket else {
            return Sent::No;
        };
        match socket.send(datagram) {
            Ok(_) => Sent::Yes,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // What is told is the answer to an earlier one; this was not sent yet.
                let _ = socket.send(datagram);
                Sent::Refused
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::No,
            // The interface may be away; the next time it is tried anew.
            Err(_) => {
                way.socket = None;
                Sent::No
            }
        }
    }

    /// Reads a datagram, if there is one.
    pub(crate) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Buffer,
    ) -> Poll<io::Result<(usize, IpAddr)>> {
        let mut read = ReadBuf::new(&mut buffer.0);
        let polled = self.listener.poll_recv_from(context, &mut read);
        polled.map_ok(|from| (read.filled().len(), from.ip()))
    }
}

/// Room for a datagram, and a byte more, so that one that is too long is seen to be.
#[derive(Debug)]
pub(crate) struct Buffer(pub(crate) [u8; LONGEST + 1]);

impl Default for Buffer {
    fn default() -> Self {
        Self([0; LONGEST + 1])
    }
}

fn listen(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The same socket behind all other descriptors. When a process is killed the kernel is done with its
/// last descriptor first, and takes tens of milliseconds over those of `AF_PACKET`: so others are told
/// soon that nobody listens.
fn last(socket: Socket) -> Socket {
    match rustix::io::fcntl_dupfd_cloexec(&socket, LAST) {
        Ok(last) => last.into(),
        Err(error) => {
            tracing::debug!(%error, "the speakers' socket keeps its descriptor");
            socket
        }
    }
}

/// The way to the first of these addresses that there is one to.
fn connect(own: &[IpAddr], addresses: &[IpAddr], port: u16) -> Option<Socket> {
    addresses.iter().find_map(|address| {
        let from = own.iter().find(|it| it.is_ipv4() == address.is_ipv4())?;
        let target = SocketAddr::from((*address, port));
        let connected = || -> io::Result<Socket> {
            let socket = Socket::new(
                Domain::for_address(target),
                Type::DGRAM,
                Some(Protocol::UDP),
            )?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddr::from((*from, 0)).into())?;
            socket.connect(&target.into())?;
            Ok(socket)
        };
        connected().ok()
    })
}

#[cfg(test)]
mod tests;
