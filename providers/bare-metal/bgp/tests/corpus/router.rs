//! What a router says, made from bytes, and what it hears.

use bytes::Bytes;
use ipnet::IpNet;
use rustbgpd_wire::nlri::Prefix;
use rustbgpd_wire::{MAX_MESSAGE_LEN, Message, decode_message};

/// A message of some type, with the right marker and length.
pub(super) fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("a short body");
    [&[0xff; 16], &length.to_be_bytes()[..], &[kind], body].concat()
}

/// An OPEN that says so many things well.
pub(super) fn open(kind: u8) -> Vec<u8> {
    let asn: u16 = if kind & 2 == 0 { 64500 } else { 64512 };
    let [high, low] = asn.to_be_bytes();
    let mut capabilities = vec![1, 4, 0, 1, 0, 1, 2, 0];
    if kind & 1 == 0 {
        capabilities.extend([65, 4, 0, 0, high, low]);
    }
    if kind & 4 == 0 {
        capabilities.extend([1, 4, 0, 2, 0, 1]);
    }
    if kind & 16 != 0 {
        capabilities.extend([5, 6, 0, 1, 0, 1, 0, 2]);
    }
    if kind & 32 != 0 {
        capabilities.extend([64, 2, 0, 120]);
    }
    let length = u8::try_from(capabilities.len()).expect("a few capabilities");
    let hold = if kind & 8 == 0 { 90 } else { 0 };
    // Whose identifier is the greater decides between connections.
    let id = if kind & 64 == 0 { 1 } else { 200 };
    let fixed = [4, high, low, 0, hold, 192, 0, 2, id, length + 2, 2, length];
    framed(1, &[&fixed[..], &capabilities].concat())
}

pub(super) fn net(prefix: Prefix) -> IpNet {
    let net = match prefix {
        Prefix::V4(it) => IpNet::new(it.addr.into(), it.len),
        Prefix::V6(it) => IpNet::new(it.addr.into(), it.len),
    };
    net.expect("a prefix")
}

/// One message, well made.
pub(super) fn decoded(bytes: &Bytes) -> Message {
    let mut rest = bytes.clone();
    let message = decode_message(&mut rest, MAX_MESSAGE_LEN).expect("what we say can be read");
    assert!(rest.is_empty() && bytes.len() <= 4096);
    message
}
