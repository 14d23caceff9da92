//! Listening sockets of load balancers, and why one cannot be had.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use landfall_mock_cloud_wire::ListenerStatus;
use landfall_process::BindError;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

/// Connections that the system accepts ahead of us.
const BACKLOG: u32 = 1024;

/// Listens on an address at once, without waiting for anything.
///
/// # Errors
///
/// If it cannot be had, or is an IPv6 address that is not this machine's.
pub fn tcp(address: SocketAddr) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        prepare(&SockRef::from(&socket), address)?;
        // Connections of a listener that is gone must not keep its successor from the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| BindError { address, source })
}

/// Takes datagrams at an address. It is not shared: a flow belongs to one socket.
///
/// # Errors
///
/// As for [`tcp`].
pub fn udp(address: SocketAddr) -> Result<UdpSocket, BindError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        prepare(&SockRef::from(&socket), address)?;
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    };
    open().map_err(|source| BindError { address, source })
}

/// A route makes the addresses of a whole IPv6 net this machine's own, but only those of its
/// interfaces can be bound, unless one asks to bind freely. That would succeed for any address at
/// all, so it is seen to that clients can reach this one.
fn prepare(socket: &SockRef<'_>, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv4() {
        return Ok(());
    }
    if !is_local(address.ip())? {
        return Err(ErrorKind::AddrNotAvailable.into());
    }
    #[cfg(target_os = "linux")]
    socket.set_freebind_v6(true)?;
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
    Ok(())
}

/// Whether an IPv6 address is this machine's own: one of an interface, or routed to the loopback.
/// Nothing is sent.
pub(crate) fn is_local(address: IpAddr) -> io::Result<bool> {
    // Any port will do.
    let place = SocketAddr::new(address, 9);
    let socket = std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
    if socket.connect(place).is_ok() && socket.local_addr()?.ip() == address {
        return Ok(true);
    }
    #[cfg(target_os = "linux")]
    {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.bind_device(Some(b"lo"))?;
        Ok(socket.connect(&place.into()).is_ok())
    }
    #[cfg(not(target_os = "linux"))]
    Ok(false)
}

/// The command that makes the addresses of a net this machine's own, on Linux and as root.
pub fn make_local(net: &IpNet) -> String {
    let family = if net.addr().is_ipv4() { "" } else { "-6 " };
    format!("ip {family}route add local {} dev lo", net.trunc())
}

/// How a listener without its socket shows in an answer. A machine has all IPv4 loopback
/// addresses, but only one of IPv6: what is to be done about that depends on the pool.
pub(crate) fn failure(error: &BindError, pool: &[IpNet]) -> ListenerStatus {
    let mut message = error.to_string();
    let is_part = |net: &&IpNet| error.address.is_ipv6() && net.contains(&error.address.ip());
    if error.source.kind() == ErrorKind::AddrNotAvailable
        && let Some(net) = pool.iter().find(is_part)
    {
        message = format!(
            "cannot listen on {}: this machine does not have it; run `{}`",
            error.address,
            make_local(net)
        );
    }
    let code = match error.source.kind() {
        ErrorKind::AddrInUse => "PortTaken",
        ErrorKind::PermissionDenied => "PermissionDenied",
        ErrorKind::AddrNotAvailable => "AddressNotAvailable",
        _ if is_out_of_files(&error.source) => {
            message.push_str(
                "; each listener and connection needs one, so raise the limit (`ulimit -n`)",
            );
            "TooManyOpenFiles"
        }
        _ => "BindFailed",
    };
    ListenerStatus::Failed {
        code: code.to_owned(),
        message,
    }
}

/// EMFILE or ENFILE; the numbers are the same on Linux, macOS and the BSDs.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: io::Error) -> (String, String) {
        let address = "127.200.0.1:80".parse().unwrap();
        match failure(&BindError { address, source }, &[]) {
            ListenerStatus::Failed { code, message } => (code, message),
            other => panic!("a failure that is {other:?}"),
        }
    }

    #[test]
    fn every_failure_has_a_code_and_a_remedy() {
        for (error, expected, remedy) in [
            (
                ErrorKind::AddrInUse.into(),
                "PortTaken",
                "choose another port",
            ),
            (
                ErrorKind::PermissionDenied.into(),
                "PermissionDenied",
                "CAP_NET_BIND_SERVICE",
            ),
            (
                ErrorKind::AddrNotAvailable.into(),
                "AddressNotAvailable",
                "loopback",
            ),
            (
                io::Error::from_raw_os_error(24),
                "TooManyOpenFiles",
                "ulimit -n",
            ),
            (ErrorKind::Other.into(), "BindFailed", "127.200.0.1:80"),
        ] {
            let (code, message) = shown(error);
            assert_eq!(code, expected);
            assert!(message.contains(remedy), "{message}");
        }
    }

    #[test]
    fn an_ipv6_address_that_the_machine_lacks_comes_with_the_command() {
        let pool = ["127.200.0.0/16", "fd00:1::7/64"].map(|net| net.parse().unwrap());
        let error = BindError {
            address: "[fd00:1::1]:80".parse().unwrap(),
            source: ErrorKind::AddrNotAvailable.into(),
        };
        let ListenerStatus::Failed { code, message } = failure(&error, &pool) else {
            panic!("a failure")
        };
        assert_eq!(code, "AddressNotAvailable");
        assert!(
            message.contains("`ip -6 route add local fd00:1::/64 dev lo`"),
            "{message}"
        );
    }
}
