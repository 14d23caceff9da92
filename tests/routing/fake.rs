//! A router that does what no router should: bytes on a TCP connection, on this machine, which nodes reach
//! by the network that is for their management.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use landfall_test_network::Lan;
use landfall_test_process::PATIENCE;
use landfall_test_routers::eventually;
use serde_json::Value;

use crate::routers::peer_at;

/// Types of messages (RFC 4271 §4.1).
pub const OPEN: u8 = 1;
pub const UPDATE: u8 = 2;
pub const NOTIFICATION: u8 = 3;
pub const KEEPALIVE: u8 = 4;

/// `MP` for unicast routes of IPv4 and IPv6 (RFC 4760 §8).
pub const BOTH: [&[u8]; 2] = [&[1, 4, 0, 1, 0, 1], &[1, 4, 0, 2, 0, 1]];

/// The same, and what is told is kept over a restart (RFC 4724 §3).
pub const KEEPING: [&[u8]; 3] = [BOTH[0], BOTH[1], &[64, 2, 0, 120]];

/// Where such a router listens.
pub struct Fake {
    listener: TcpListener,
}

/// A connection that a speaker has opened with it.
pub struct Heard {
    pub stream: TcpStream,
}

/// What an OPEN says.
pub struct Open<'a> {
    pub asn: u16,
    pub hold_time: u16,
    pub id: Ipv4Addr,
    pub capabilities: &'a [&'a [u8]],
}

impl Default for Open<'_> {
    fn default() -> Self {
        Self {
            asn: 64500,
            hold_time: 90,
            id: Ipv4Addr::new(10, 0, 0, 1),
            capabilities: &BOTH,
        }
    }
}

impl Open<'_> {
    fn body(&self) -> Vec<u8> {
        let mut body = vec![4];
        body.extend(self.asn.to_be_bytes());
        body.extend(self.hold_time.to_be_bytes());
        body.extend(self.id.octets());
        let capabilities = self.capabilities.concat();
        let length = u8::try_from(capabilities.len()).unwrap();
        // One optional parameter, with all of them (RFC 5492 §4).
        body.extend([length + 2, 2, length]);
        body.extend(capabilities);
        body
    }
}

impl Fake {
    pub fn new(lan: &Lan) -> Self {
        let listener = TcpListener::bind((lan.gateway(), 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    /// What nodes are told of it.
    pub fn peer(&self, more: Value) -> Value {
        let address = self.listener.local_addr().unwrap();
        let mut spec = peer_at(&address.ip().to_string(), more);
        spec["port"] = address.port().into();
        spec
    }

    /// The next connection.
    pub fn accept(&self) -> Heard {
        let stream = eventually("a connection", || Some(self.listener.accept().ok()?.0));
        Heard::new(stream)
    }

    /// Whether somebody has opened a connection that was not accepted yet.
    pub fn is_called(&self) -> bool {
        self.listener.accept().is_ok()
    }

    /// A session that is established.
    pub fn establish(&self, open: &Open) -> Heard {
        let mut heard = self.accept();
        heard.greet(open);
        heard
    }
}

/// A message whole.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    bytes.extend(u16::try_from(19 + body.len()).unwrap().to_be_bytes());
    bytes.push(kind);
    bytes.extend(body);
    bytes
}

impl Heard {
    fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Calls a node.
    pub fn call(to: SocketAddr) -> Self {
        let open = || TcpStream::connect_timeout(&to, Duration::from_secs(1)).ok();
        Self::new(eventually("the node listens", open))
    }

    pub fn say(&mut self, kind: u8, body: &[u8]) {
        self.stream.write_all(&message(kind, body)).unwrap();
    }

    /// Has a session with whoever is at the other end.
    pub fn greet(&mut self, open: &Open) {
        self.say(OPEN, &open.body());
        self.say(KEEPALIVE, &[]);
        while self.next().unwrap().0 != KEEPALIVE {}
    }

    pub fn say_open(&mut self, open: &Open) {
        self.say(OPEN, &open.body());
    }

    /// The next message, its type and its body; None: the connection was closed.
    pub fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0; 19];
        self.stream.read_exact(&mut header).ok()?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let mut body = vec![0; length - header.len()];
        self.stream.read_exact(&mut body).ok()?;
        Some((header[18], body))
    }

    /// Reads until the other end says why it ends, and ends, and closes this end, too. None: it does not say.
    pub fn last_word(mut self) -> Option<(u8, u8)> {
        let mut last = None;
        while let Some((kind, body)) = self.next() {
            if kind == NOTIFICATION {
                last = Some((body[0], body[1]));
            }
        }
        last
    }
}

/// What a speaker does with its only route, of IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Announced {
        communities: Vec<u32>,
        local_pref: Option<u32>,
    },
    Withdrawn,
    Ended(u8, u8),
}

impl Heard {
    /// What is said of the route next; None: the connection was closed without a word.
    pub fn of_route(&mut self) -> Option<Said> {
        loop {
            let (kind, body) = self.next()?;
            match kind {
                NOTIFICATION => return Some(Said::Ended(body[0], body[1])),
                UPDATE => {}
                _ => continue,
            }
            let (withdrawn, rest) = part(&body);
            let (attributes, announced) = part(rest);
            if !withdrawn.is_empty() {
                return Some(Said::Withdrawn);
            }
            // Else it is the end of all routes.
            if !announced.is_empty() {
                return Some(read(attributes));
            }
        }
    }
}

/// What two bytes tell the length of, and what is behind it.
fn part(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    bytes[2..].split_at(length)
}

fn read(mut attributes: &[u8]) -> Said {
    let (mut communities, mut local_pref) = (Vec::new(), None);
    while let [flags, kind, rest @ ..] = attributes {
        // The length has two bytes where that flag is set (RFC 4271 §4.3).
        let (value, behind) = if flags & 0x10 == 0 {
            rest[1..].split_at(usize::from(rest[0]))
        } else {
            part(rest)
        };
        let numbers = value.chunks_exact(4);
        let mut numbers = numbers.map(|it| u32::from_be_bytes(it.try_into().unwrap()));
        match kind {
            5 => local_pref = numbers.next(),
            8 => communities = numbers.collect(),
            _ => {}
        }
        attributes = behind;
    }
    Said::Announced {
        communities,
        local_pref,
    }
}
