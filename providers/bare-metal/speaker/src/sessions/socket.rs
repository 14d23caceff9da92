//! TCP connections with routers: how they are opened, and what they say of addresses.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;

use ipnet::IpNet;
use landfall_bare_metal_bgp::NextHops;
use landfall_bare_metal_l2::peers::shares_subnet;
use landfall_bare_metal_resources::Distance;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::options::{set_lowest_ttl, set_md5};
use crate::network::Interface;

/// Routing protocols come before other traffic (RFC 4594 §3.1, CS6).
const PRECEDENCE: u32 = 0xc0;
/// Connections that wait to be accepted at most.
const BACKLOG: i32 = 64;

/// What a connection with a router is to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) source: Option<IpAddr>,
    pub(super) distance: Distance,
    /// Whether the router may be of our own autonomous system, and so anywhere.
    pub(super) is_internal: bool,
}

/// Opens a connection.
pub(super) async fn dial(
    to: SocketAddr,
    manner: Manner,
    key: Option<std::sync::Arc<[u8]>>,
) -> io::Result<TcpStream> {
    let socket = new(to)?;
    if let Some(key) = &key {
        set_md5(&socket, host(to.ip()), Some(key))?;
    }
    manner.apply(&socket, to.is_ipv4())?;
    if let Some(source) = manner.source {
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    let socket = TcpSocket::from_std_stream(socket.into());
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Listens on a port, for one family.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new(address)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Manner {
    /// Sets how far what is sent may go, and from how far away something is taken.
    pub(super) fn apply(&self, socket: &Socket, is_ipv4: bool) -> io::Result<()> {
        let hops = match self.distance {
            Distance::TtlSecurity => Some(255),
            Distance::Multihop(hops) => Some(u32::from(hops)),
            Distance::Usual if self.is_internal => None,
            Distance::Usual => Some(1),
        };
        if is_ipv4 {
            socket.set_tos_v4(PRECEDENCE)?;
        } else {
            socket.set_tclass_v6(PRECEDENCE)?;
        }
        match hops {
            Some(hops) if is_ipv4 => socket.set_ttl_v4(hops)?,
            Some(hops) => socket.set_unicast_hops_v6(hops)?,
            None => {}
        }
        if self.distance == Distance::TtlSecurity {
            set_lowest_ttl(socket, is_ipv4, 255)?;
        }
        Ok(())
    }

    /// Whether a router is on a link of ours.
    fn is_near(&self) -> bool {
        !self.is_internal && !matches!(self.distance, Distance::Multihop(_))
    }

    /// Whether there may be a way to a router now that was not there before: an interface on its network, or
    /// any where it is farther away, has come up or has got an address.
    pub(super) fn is_led_to_anew(
        &self,
        to: SocketAddr,
        before: &BTreeMap<u32, Interface>,
        now: &BTreeMap<u32, Interface>,
    ) -> bool {
        let leads = |it: &Interface| {
            let is_way = match to {
                SocketAddr::V6(to) if to.scope_id() != 0 => it.index == to.scope_id(),
                _ if self.is_near() => it.own_address_towards(to.ip()).is_some(),
                _ => !it.subnets.is_empty(),
            };
            it.is_up && is_way
        };
        let led = |it: &Interface| before.get(&it.index).is_some_and(leads);
        // Before the first look nothing is known.
        !before.is_empty() && now.values().any(|it| leads(it) && !led(it))
    }

    /// Whether a router on a link of ours is out of reach from this address of ours.
    pub(super) fn is_cut_off(
        &self,
        local: SocketAddr,
        interfaces: &BTreeMap<u32, Interface>,
    ) -> bool {
        let own = local.ip().to_canonical();
        let has = |it: &&Interface| match own {
            IpAddr::V6(own) if own.is_unicast_link_local() => it.link_local == Some(own),
            own => it.subnets.iter().any(|(it, _)| *it == own),
        };
        // Of an interface that is no Ethernet nothing is known: a loopback has the addresses of many.
        let mut having = interfaces.values().filter(has);
        self.is_near() && having.any(|it| !it.is_up)
    }

    /// The same for a connection that a router has opened.
    pub(super) fn apply_accepted(&self, stream: &TcpStream) -> io::Result<()> {
        let is_ipv4 = stream.peer_addr()?.is_ipv4();
        stream.set_nodelay(true)?;
        // The same socket by another descriptor, for as long as it takes.
        let socket = Socket::from(stream.as_fd().try_clone_to_owned()?);
        self.apply(&socket, is_ipv4)
    }
}

/// The network of one address.
pub(super) fn host(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// An address on an interface.
pub(super) fn on_link(address: Ipv6Addr, port: u16, interface: u32) -> SocketAddr {
    SocketAddrV6::new(address, port, 0, interface).into()
}

/// Where a router is to send traffic: our own addresses on a connection with it, and where the connection
/// is of the other family, those of the same interface, or else those of the node.
pub(super) fn next_hops(
    stream: &TcpStream,
    interfaces: &BTreeMap<u32, Interface>,
    node: &[IpAddr],
) -> io::Result<NextHops> {
    let local = stream.local_addr()?;
    let remote = stream.peer_addr()?.ip().to_canonical();
    let own = local.ip().to_canonical();
    let scope = match local {
        SocketAddr::V6(it) => it.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let mut all = interfaces.values();
    let interface = all.find(|it| it.index == scope || it.subnets.iter().any(|(a, _)| *a == own));
    let beside = interface.into_iter().flat_map(|it| it.subnets.iter());
    let mut candidates: Vec<_> = beside.map(|(it, _)| *it).collect();
    candidates.extend_from_slice(node);
    let mut hops = NextHops {
        v4: candidates.iter().find_map(|it| match it {
            IpAddr::V4(it) => Some(*it),
            IpAddr::V6(_) => None,
        }),
        v6: candidates.iter().find_map(|it| match it {
            IpAddr::V6(it) => Some(*it),
            IpAddr::V4(_) => None,
        }),
        link_local: None,
        is_over_v6: own.is_ipv6(),
    };
    match own {
        IpAddr::V4(own) => hops.v4 = Some(own),
        IpAddr::V6(own) if own.is_unicast_link_local() => {
            hops.link_local = Some(own);
            // An address of another interface would lead past the link.
            hops.v6 = hops.v6.filter(|it| {
                let mut beside = interface.iter().flat_map(|it| &it.subnets);
                beside.any(|(own, _)| own == it)
            });
        }
        IpAddr::V6(own) => {
            hops.v6 = Some(own);
            // Only for a router on the same link (RFC 2545 §3).
            hops.link_local = interface
                .filter(|it| {
                    let mut subnets = it.subnets.iter();
                    subnets.any(|(own, bits)| shares_subnet(remote, *own, *bits))
                })
                .and_then(|it| it.link_local);
        }
    }
    Ok(hops)
}
