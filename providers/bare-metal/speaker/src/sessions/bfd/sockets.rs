//! The sockets of BFD: what is sent to each router, and what comes in, with its TTL and its interface.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};
use std::time::Instant;

use landfall_bare_metal_bfd::{Arrival, HopKind, LENGTH};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::super::options::set_flag;

/// Bytes of the longest packet that is looked at, and one more, so that a longer one is seen to be.
const ROOM: usize = 128;
/// As routing protocols (RFC 4594 §3.1, CS6).
const PRECEDENCE: u32 = 0xc0;
/// Ports that packets are sent from (RFC 5881 §4).
const SOURCES: std::ops::RangeInclusive<u16> = 49152..=65535;
/// Ports that are tried, before it is given up.
const TRIES: usize = 64;

/// The UDP port of single hops (RFC 5881 §4) and of several (RFC 5883 §5).
pub(super) fn port(hops: HopKind) -> u16 {
    match hops {
        HopKind::Single => 3784,
        HopKind::Multi => 4784,
    }
}

/// A port that is listened on, for one family.
#[derive(Debug)]
pub(super) struct Listener {
    socket: UdpSocket,
    hops: HopKind,
}

impl Listener {
    /// Listens for packets over so many hops, of one family.
    pub(super) fn open(hops: HopKind, is_ipv4: bool) -> io::Result<Self> {
        let any: IpAddr = if is_ipv4 {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let address = SocketAddr::from((any, port(hops)));
        let socket = new(address)?;
        if is_ipv4 {
            set_flag(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL)?;
            set_flag(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        } else {
            socket.set_only_v6(true)?;
            set_flag(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)?;
            set_flag(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self { socket, hops })
    }

    /// Ready when there is something to be read.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_recv_ready(context).map(|_| ())
    }

    /// The next packet, if there is one: its bytes, and how it came.
    pub(super) fn next<'a>(&self, buffer: &'a mut [u8; ROOM]) -> Option<(&'a [u8], Arrival)> {
        let read = self
            .socket
            .try_io(tokio::io::Interest::READABLE, || self.read(buffer));
        let (length, arrival) = read.ok()?;
        Some((&buffer[..length], arrival))
    }

    fn read(&self, buffer: &mut [u8; ROOM]) -> io::Result<(usize, Arrival)> {
        let mut parts = [IoSliceMut::new(buffer)];
        let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int, libc::in_pktinfo);
        let fd = self.socket.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags)?;
        let from = message.address.and_then(|it| address(&it));
        let mut arrival = Arrival {
            from: from.ok_or_else(|| io::Error::other("a datagram without a source"))?,
            to: Ipv6Addr::UNSPECIFIED.into(),
            interface: 0,
            // What says none has not come from nearby.
            ttl: 0,
            hops: self.hops,
        };
        for part in message.cmsgs()? {
            match part {
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    arrival.ttl = u8::try_from(ttl).unwrap_or(0);
                }
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    arrival.to = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into();
                    arrival.interface = u32::try_from(info.ipi_ifindex).unwrap_or(0);
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    arrival.to = Ipv6Addr::from(info.ipi6_addr.s6_addr).into();
                    arrival.interface = info.ipi6_ifindex;
                }
                _ => {}
            }
        }
        Ok((message.bytes, arrival))
    }
}

/// Room for a packet.
pub(super) const fn room() -> [u8; ROOM] {
    [0; ROOM]
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|it| IpAddr::from(it.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|it| IpAddr::from(it.ip())))
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The address that packets to somebody come from, if nobody says another. Nothing is sent.
pub(super) fn usual_source(to: SocketAddr) -> io::Result<IpAddr> {
    let socket = new(to)?;
    socket.connect(&to.into())?;
    let own = socket.local_addr()?.as_socket();
    Ok(own.ok_or(io::ErrorKind::AddrNotAvailable)?.ip())
}

/// What is sent to one router: from a port of its own, as it must be for each session.
#[derive(Debug)]
pub(super) struct Sender {
    to: SocketAddr,
    source: Option<IpAddr>,
    socket: Option<Socket>,
    /// Since when nothing could be sent.
    failing: Option<Instant>,
}

impl Sender {
    pub(super) fn new(to: SocketAddr, source: Option<IpAddr>) -> Self {
        Self {
            to,
            source,
            socket: None,
            failing: None,
        }
    }

    /// Sends a packet; where the way is not there now, the next one tries anew.
    pub(super) fn send(&mut self, packet: &[u8; LENGTH], now: Instant) {
        let sent = self.try_send(packet);
        match sent {
            // That nobody listens there yet was said of an earlier one.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let _ = self.try_send(packet);
            }
            Err(error) => {
                self.socket = None;
                if self.failing.replace(now).is_none() {
                    tracing::warn!(to = %self.to, %error, "BFD packets cannot be sent");
                }
            }
            Ok(()) => self.failing = None,
        }
    }

    fn try_send(&mut self, packet: &[u8; LENGTH]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        let sent = socket.send(packet);
        self.socket = Some(socket);
        sent.map(|_| ())
    }

    fn open(&self) -> io::Result<Socket> {
        let socket = new(self.to)?;
        let any: IpAddr = match (self.source, self.to) {
            (Some(source), _) => source,
            (None, SocketAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            (None, SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        };
        if self.to.is_ipv4() {
            socket.set_ttl_v4(255)?;
            socket.set_tos_v4(PRECEDENCE)?;
        } else {
            socket.set_unicast_hops_v6(255)?;
            socket.set_tclass_v6(PRECEDENCE)?;
        }
        let mut bound = Err(io::ErrorKind::AddrInUse.into());
        for _ in 0..TRIES {
            let port = fastrand::u16(SOURCES);
            bound = socket.bind(&SocketAddr::from((any, port)).into());
            let is_taken = matches!(&bound, Err(it) if it.kind() == io::ErrorKind::AddrInUse);
            if !is_taken {
                break;
            }
        }
        bound?;
        socket.connect(&self.to.into())?;
        Ok(socket)
    }
}
