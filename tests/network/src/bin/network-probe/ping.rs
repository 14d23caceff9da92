//! ICMP and `ICMPv6` echo.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::Question;

const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;

pub(crate) struct Ping {
    socket: Socket,
    address: IpAddr,
    /// Tells the answers to this process from those to others.
    identifier: [u8; 2],
}

impl Ping {
    pub(crate) fn new(address: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let [.., a, b] = std::process::id().to_be_bytes();
        Ok(Self {
            socket: Socket::new(domain, Type::RAW, Some(protocol))?,
            address,
            identifier: [a, b],
        })
    }
}

impl Question for Ping {
    fn ask(&self, number: usize) -> io::Result<()> {
        let kind = match self.address {
            IpAddr::V4(_) => ECHO_REQUEST,
            IpAddr::V6(_) => ECHO_REQUEST_V6,
        };
        // The whole number, and in the sequence number what has room there.
        let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let [a, b] = self.identifier;
        let mut packet = [kind, 0, 0, 0, a, b, number[2], number[3], 0, 0, 0, 0];
        packet[8..].copy_from_slice(&number);
        // For IPv6 the kernel does it, who knows the addresses.
        let checksum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&checksum);
        let to = SocketAddr::new(self.address, 0).into();
        self.socket.send_to(&packet, &to).map(|_| ())
    }

    fn answer(&self) -> io::Result<Option<(Option<usize>, String)>> {
        let mut bytes = [0; 2048];
        let length = (&self.socket).read(&mut bytes)?;
        let mut packet = &bytes[..length];
        let kind = match self.address {
            IpAddr::V4(_) => {
                // With the header of IPv4, and its length in words.
                let header = usize::from(bytes[0] & 0x0f) * 4;
                packet = packet.get(header..).unwrap_or_default();
                ECHO_REQUEST - 8
            }
            IpAddr::V6(_) => ECHO_REQUEST_V6 + 1,
        };
        let (Some(head), Some(number)) = (packet.get(..6), packet.get(8..12)) else {
            return Ok(None);
        };
        if head[0] != kind || head[4..] != self.identifier {
            return Ok(None);
        }
        let number = number.iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
        Ok(Some((Some(number), String::new())))
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2);
    let sum: u32 = words
        .map(|it| u32::from(u16::from_be_bytes([it[0], it[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}
