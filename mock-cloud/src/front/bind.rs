//! Listening sockets of load balancers, and why one cannot be had.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use landfall_mock_cloud_wire::ListenerStatus;
use landfall_process::BindError;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the system accepts ahead of us.
const BACKLOG: u32 = 1024;

/// Listens on an address at once, without waiting for anything.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // Connections of a listener that is gone must not keep its successor from the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| BindError { address, source })
}

/// How a listener without its socket shows in an answer.
pub(super) fn failure(error: &BindError) -> ListenerStatus {
    let mut message = error.to_string();
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
pub(super) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: io::Error) -> (String, String) {
        let address = "127.200.0.1:80".parse().unwrap();
        match failure(&BindError { address, source }) {
            ListenerStatus::Failed { code, message } => (code, message),
            ListenerStatus::Listening => panic!("a failure that listens"),
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
}
