//! Sockets for the frames of one protocol at one interface.
//!
//! A socket of one protocol, and not of all: it sees nothing that this node sends, and no frame with a
//! VLAN tag, which the kernel gives to the interface of that VLAN or marks as another host's. So the
//! rest of the node's traffic costs nothing here.

use std::io::{self, Read};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;

/// Longer than anything that is understood.
pub(super) const LONGEST: usize = 256;

/// What a socket hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// ARP.
    Arp,
    /// Solicitations and advertisements of neighbours.
    Ndp,
}

impl Speech {
    /// The `EtherType`.
    fn protocol(self) -> u16 {
        match self {
            Self::Arp => 0x0806,
            Self::Ndp => 0x86dd,
        }
    }

    /// Which of the two a frame that is to be sent is.
    pub(super) fn of(frame: &[u8]) -> Self {
        if frame.get(12..14) == Some(&Self::Arp.protocol().to_be_bytes()) {
            Self::Arp
        } else {
            Self::Ndp
        }
    }
}

/// One socket.
#[derive(Debug)]
pub(super) struct Packets(AsyncFd<Socket>);

impl Packets {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn open(speech: Speech, interface: u32) -> io::Result<Self> {
        // Without a protocol it hears nothing yet, and so nothing that the filter would not have let
        // through.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&filter(speech))?;
        socket.bind(&address(speech.protocol(), interface)?)?;
        #[expect(
            unsafe_code,
            reason = "tokio takes a promise that the descriptor stays the same"
        )]
        // SAFETY: a Socket owns its descriptor, and closes it when it is dropped, after this.
        let socket = unsafe { AsyncFd::register(socket) }?;
        Ok(Self(socket))
    }

    /// Waits for a frame, and returns its length, or that of its beginning if there is no room. An
    /// interface that went down says so once, as an error, and the socket stays good.
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        frame: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            if let Ok(read) = guard.try_io(|it| it.get_ref().read(frame)) {
                return Poll::Ready(read);
            }
        }
    }

    /// Sends a frame, or waits for room.
    pub(super) fn poll_send(
        &self,
        context: &mut Context<'_>,
        frame: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            if let Ok(sent) = guard.try_io(|it| it.get_ref().send(frame)) {
                return Poll::Ready(sent);
            }
        }
    }
}

/// One step of a filter, and where to go on from it: so many steps further, if it holds, or if not.
fn step(code: u32, value: u32, (holds, not): (u8, u8)) -> SockFilter {
    SockFilter::new(u16::try_from(code).unwrap_or(u16::MAX), holds, not, value)
}

/// Frames for this host, for a group or for everybody; of ARP all, of IPv6 solicitations and
/// advertisements that no router has passed on.
fn filter(speech: Speech) -> Vec<SockFilter> {
    const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const IS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const IS_MORE: u32 = libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K;
    const TAKE: u32 = libc::BPF_RET | libc::BPF_K;
    /// Where the kernel has what it knows of a packet's kind. Up to 2 it is for this host.
    const KIND: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    const FOR_A_GROUP: u32 = 2;
    const NEXT_HEADER: u32 = 14 + 6;
    const HOP_LIMIT: u32 = 14 + 7;
    const ICMP_TYPE: u32 = 14 + 40;
    const ICMPV6: u32 = 58;

    let take = u32::try_from(LONGEST).unwrap_or(u32::MAX);
    let mut steps = vec![step(LOAD_BYTE, KIND, (0, 0))];
    match speech {
        Speech::Arp => steps.push(step(IS_MORE, FOR_A_GROUP, (1, 0))),
        Speech::Ndp => steps.extend([
            step(IS_MORE, FOR_A_GROUP, (8, 0)),
            step(LOAD_BYTE, NEXT_HEADER, (0, 0)),
            step(IS, ICMPV6, (0, 6)),
            step(LOAD_BYTE, HOP_LIMIT, (0, 0)),
            step(IS, 255, (0, 4)),
            step(LOAD_BYTE, ICMP_TYPE, (0, 0)),
            step(IS, 135, (1, 0)),
            step(IS, 136, (0, 1)),
        ]),
    }
    steps.extend([step(TAKE, take, (0, 0)), step(TAKE, 0, (0, 0))]);
    steps
}

/// The frames of a protocol at an interface.
fn address(protocol: u16, interface: u32) -> io::Result<SockAddr> {
    let no_index = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let mut storage = SockAddrStorage::zeroed();
    #[expect(unsafe_code, reason = "socket2 has no addresses of AF_PACKET")]
    // SAFETY: sockaddr_ll is made of numbers, for which zero is valid, and fits a sockaddr_storage.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = u16::try_from(libc::AF_PACKET).map_err(no_index)?;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = i32::try_from(interface).map_err(no_index)?;
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).map_err(no_index)?;
    #[expect(unsafe_code, reason = "socket2 has no addresses of AF_PACKET")]
    // SAFETY: family and length are those of what was written.
    let address = unsafe { SockAddr::new(storage, length) };
    Ok(address)
}
