//! Options of sockets that no library sets: TCP MD5 signatures and the lowest TTL that is taken.

use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use ipnet::IpNet;
use libc::{c_int, c_void};
use socket2::{SockAddr, SockAddrStorage};

/// `TCP_MD5SIG_FLAG_PREFIX` of the kernel: the length of the prefix counts.
const FLAG_PREFIX: u8 = 1;

/// `ICMPV6_FILTER` of the kernel (linux/icmpv6.h).
const ICMPV6_FILTER: c_int = 1;

/// `struct tcp_md5sig` of the kernel (linux/tcp.h).
#[repr(C)]
struct Md5Signature {
    address: SockAddrStorage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: c_int,
    key: [u8; libc::TCP_MD5SIG_MAXKEYLEN],
}

/// Signs what goes to a network, and takes from it only what is signed (RFC 2385); None: not any more, if it
/// was before. On a socket that listens, or that is connected: then the next segments have the new key.
pub(super) fn set_md5(socket: &impl AsFd, network: IpNet, key: Option<&[u8]>) -> io::Result<()> {
    let key = key.unwrap_or_default();
    let mut signature = Md5Signature {
        address: SockAddr::from(SocketAddr::from((network.addr(), 0))).as_storage(),
        flags: FLAG_PREFIX,
        prefix_length: network.prefix_len(),
        key_length: u16::try_from(key.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        interface: 0,
        key: [0; libc::TCP_MD5SIG_MAXKEYLEN],
    };
    let room = signature.key.get_mut(..key.len());
    room.ok_or(io::ErrorKind::InvalidInput)?
        .copy_from_slice(key);
    match set(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG_EXT, &signature) {
        // It is as it is to be.
        Err(error) if key.is_empty() && error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        result => result,
    }
}

/// Takes only packets that have at least this TTL, or hop limit (RFC 5082 §3).
pub(super) fn set_lowest_ttl(socket: &impl AsFd, is_ipv4: bool, ttl: u8) -> io::Result<()> {
    let ttl = c_int::from(ttl);
    if is_ipv4 {
        set(socket, libc::IPPROTO_IP, libc::IP_MINTTL, &ttl)
    } else {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, &ttl)
    }
}

/// Takes only `ICMPv6` messages of these types (RFC 3542 §3.2).
pub(super) fn take_only(socket: &impl AsFd, types: &[u8]) -> io::Result<()> {
    // A bit that is set blocks.
    let mut blocked = [u32::MAX; 8];
    for kind in types {
        blocked[usize::from(kind >> 5)] &= !(1 << (kind & 31));
    }
    set(socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
}

/// Switches an option on.
pub(super) fn set_flag(socket: &impl AsFd, level: c_int, name: c_int) -> io::Result<()> {
    set(socket, level, name, &c_int::from(true))
}

fn set<T>(socket: &impl AsFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let pointer = std::ptr::from_ref(value).cast::<c_void>();
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open, and the pointer leads to `length` bytes that live over the call.
    #[expect(unsafe_code, reason = "no library has these options")]
    let result = unsafe { libc::setsockopt(fd, level, name, pointer, length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
