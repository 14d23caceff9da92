//! Listening sockets, and what to do when one cannot be had.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::Failure;

/// A TCP address that could not be bound. Its text names the address and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", remedy(*address, source))]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Listens on `address`, which the flag `flag` named.
pub async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Failure::usage(format!("{flag}: {}", BindError { address, source })))
}

fn remedy(address: SocketAddr, error: &io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => {
            format!("another program has port {port} there; end it or choose another port")
        }
        ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a right that this user lacks; use a higher port, run with the \
             capability CAP_NET_BIND_SERVICE, or `sysctl net.ipv4.ip_unprivileged_port_start={port}`"
        ),
        ErrorKind::AddrNotAvailable if ip.is_loopback() => format!(
            "this machine has no address {ip} on its loopback; add it (Linux: `ip address add \
             127.0.0.1/8 dev lo && ip link set lo up`, macOS: `ifconfig lo0 alias {ip}`)"
        ),
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {ip}; add it to an interface or choose another")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: &str, kind: ErrorKind) -> String {
        BindError {
            address: address.parse().unwrap(),
            source: kind.into(),
        }
        .to_string()
    }

    #[test]
    fn every_refusal_names_the_address_and_the_remedy() {
        let taken = text("127.0.0.1:9090", ErrorKind::AddrInUse);
        assert!(taken.contains("127.0.0.1:9090") && taken.contains("choose another port"));
        let privileged = text("127.200.0.1:80", ErrorKind::PermissionDenied);
        assert!(privileged.contains("CAP_NET_BIND_SERVICE"));
        let absent = text("127.200.0.1:8080", ErrorKind::AddrNotAvailable);
        assert!(absent.contains("127.200.0.1") && absent.contains("loopback"));
        let foreign = text("192.0.2.1:8080", ErrorKind::AddrNotAvailable);
        assert!(foreign.contains("no address 192.0.2.1"));
    }

    #[tokio::test]
    async fn a_taken_port_is_a_bad_flag() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = held.local_addr().unwrap();
        let failure = bind("--listen", address).await.unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(
            failure
                .to_string()
                .starts_with("--listen: cannot listen on")
        );
    }
}
