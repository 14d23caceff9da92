//! Groups in which the announced IPv6 addresses of an interface are asked for.
//!
//! They are joined as an application joins, and not as a packet socket does: so the kernel reports
//! them (MLD), and switches that listen to that let questions through.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;

use landfall_bare_metal_l2::solicited_node;
use socket2::{Domain, Socket, Type};

/// A group on one interface.
type Key = (u32, Ipv6Addr);

/// What was joined. How much one socket can join is bounded (`net.core.optmem_max`), and several
/// share the work.
#[derive(Debug, Default)]
pub(super) struct Groups {
    sockets: Vec<Socket>,
    joined: BTreeMap<Key, Joined>,
}

#[derive(Debug, Default)]
struct Joined {
    /// Those of our addresses for which it is: several may share one.
    addresses: Vec<Ipv6Addr>,
    /// Which socket has joined it; `None` while that is not possible.
    socket: Option<usize>,
}

impl Groups {
    /// Joins the group of an address. If that is not possible now, as the interface is away, it is
    /// done with [`Self::join_again`].
    pub(super) fn join(&mut self, interface: u32, address: Ipv6Addr) -> io::Result<()> {
        let key = (interface, solicited_node(address));
        let joined = self.joined.entry(key).or_default();
        if !joined.addresses.contains(&address) {
            joined.addresses.push(address);
        }
        if joined.socket.is_none() {
            self.enter(key)?;
        }
        Ok(())
    }

    /// Leaves the group of an address, unless another shares it.
    pub(super) fn leave(&mut self, interface: u32, address: Ipv6Addr) {
        let key = (interface, solicited_node(address));
        let Some(joined) = self.joined.get_mut(&key) else {
            return;
        };
        joined.addresses.retain(|it| *it != address);
        if joined.addresses.is_empty() {
            self.exit(key);
            self.joined.remove(&key);
        }
    }

    /// Joins all groups of an interface anew: the kernel may have forgotten them with its addresses,
    /// and switches with the carrier. Returns the last error.
    pub(super) fn join_again(&mut self, interface: u32) -> io::Result<()> {
        let mut result = Ok(());
        for key in self.keys_of(interface) {
            self.exit(key);
            if let Err(error) = self.enter(key) {
                result = Err(error);
            }
        }
        result
    }

    /// An interface is no more.
    pub(super) fn lost(&mut self, interface: u32) {
        for key in self.keys_of(interface) {
            self.exit(key);
        }
    }

    fn keys_of(&self, interface: u32) -> Vec<Key> {
        let all = (interface, Ipv6Addr::UNSPECIFIED)..=(interface, Ipv6Addr::from([0xff; 16]));
        self.joined.range(all).map(|(key, _)| *key).collect()
    }

    fn enter(&mut self, key: Key) -> io::Result<()> {
        let socket = self.socket_that_joins(key)?;
        if let Some(joined) = self.joined.get_mut(&key) {
            joined.socket = Some(socket);
        }
        Ok(())
    }

    fn socket_that_joins(&mut self, (interface, group): Key) -> io::Result<usize> {
        // The newest has most room, and those before it where something was left.
        for (number, socket) in self.sockets.iter().enumerate().rev() {
            match socket.join_multicast_v6(&group, interface) {
                Ok(()) => return Ok(number),
                Err(error) if is_full(&error) => {}
                Err(error) => return Err(error),
            }
        }
        // It is bound to no port, and hears nothing itself.
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.join_multicast_v6(&group, interface)?;
        self.sockets.push(socket);
        Ok(self.sockets.len() - 1)
    }

    fn exit(&mut self, key: Key) {
        let Some(joined) = self.joined.get_mut(&key) else {
            return;
        };
        if let Some(socket) = joined.socket.take() {
            // With its interface, the membership has ended already.
            let _ = self.sockets[socket].leave_multicast_v6(&key.1, key.0);
        }
    }
}

/// Whether a socket has no room for another membership.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOBUFS | libc::ENOMEM | libc::EADDRINUSE)
    )
}
