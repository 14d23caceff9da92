//! ARP requests and NDP solicitations, past the kernel's table of neighbours.

use std::ffi::CString;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, bail};
use landfall_bare_metal_l2::{Arp, Heard, Mac, Operation, Solicitation, hear};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::Question;

pub(crate) struct WhoHas {
    socket: Socket,
    address: IpAddr,
    question: Vec<u8>,
}

impl WhoHas {
    pub(crate) fn new(
        address: IpAddr,
        own: &str,
        mac: &str,
        vlan: Option<&str>,
    ) -> anyhow::Result<Self> {
        let bytes = mac.split(':').map(|it| u8::from_str_radix(it, 16));
        let bytes: Vec<_> = bytes.collect::<Result<_, _>>()?;
        let Ok(mac) = bytes.try_into().map(Mac) else {
            bail!("{mac} is no hardware address");
        };
        let (protocol, question) = match address {
            IpAddr::V4(it) => {
                let own: Ipv4Addr = own.parse()?;
                (libc::ETH_P_ARP, Arp::request(mac, own, it))
            }
            IpAddr::V6(it) => {
                let own: Ipv6Addr = own.parse()?;
                (libc::ETH_P_IPV6, Solicitation::request(mac, own, it))
            }
        };
        let mut question = question.to_vec();
        if let Some(vlan) = vlan {
            let [a, b] = vlan.parse::<u16>()?.to_be_bytes();
            question.splice(12..12, [0x81, 0x00, a, b]);
        }
        let protocol = u16::try_from(protocol)?.to_be();
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.bind(&at_eth0(protocol)?).context("bind to eth0")?;
        Ok(Self {
            socket,
            address,
            question,
        })
    }
}

/// Frames of one protocol, in network byte order, at the interface `eth0`.
fn at_eth0(protocol: u16) -> anyhow::Result<SockAddr> {
    let name = CString::new("eth0")?;
    let index = rustix::net::netdevice::name_to_index(
        Socket::new(Domain::IPV4, Type::DGRAM, None)?,
        name.to_str()?,
    )?;
    let mut storage = SockAddrStorage::zeroed();
    #[expect(unsafe_code, reason = "socket2 has no addresses of AF_PACKET")]
    // SAFETY: sockaddr_ll is plain numbers, for which zeros are valid, and fits a sockaddr_storage.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = u16::try_from(libc::AF_PACKET)?;
    address.sll_protocol = protocol;
    address.sll_ifindex = i32::try_from(index)?;
    let length = u32::try_from(size_of::<libc::sockaddr_ll>())?;
    #[expect(unsafe_code, reason = "socket2 has no addresses of AF_PACKET")]
    // SAFETY: the family and the length are those of what was written.
    let address = unsafe { SockAddr::new(storage, length) };
    Ok(address)
}

impl Question for WhoHas {
    fn ask(&self, _: usize) -> io::Result<()> {
        self.socket.send(&self.question).map(|_| ())
    }

    fn answer(&self) -> io::Result<Option<(Option<usize>, String)>> {
        let mut bytes = [0; 2048];
        let length = (&self.socket).read(&mut bytes)?;
        // What is not well-formed is no answer.
        let by = match hear(&bytes[..length]).ok().flatten() {
            Some(Heard::Arp(it))
                if it.operation == Operation::Reply && IpAddr::V4(it.sender) == self.address =>
            {
                it.sender_mac
            }
            Some(Heard::Advertisement(it))
                if it.is_solicited && IpAddr::V6(it.target) == self.address =>
            {
                it.target_mac.unwrap_or(it.link_source)
            }
            _ => return Ok(None),
        };
        Ok(Some((None, by.to_string())))
    }
}
