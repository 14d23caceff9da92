//! What is heard and answered, frame by frame.

mod answering;
mod codec;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Mac;

/// This node, and two neighbours.
const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const CLIENT: Mac = Mac([2, 0, 0, 0, 0, 2]);
const RIVAL: Mac = Mac([2, 0, 0, 0, 0, 3]);

const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 20);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0xab, 0xcdef);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// A solicitation as a neighbour sends it: what is built here asks only whether an address is free.
fn solicitation(
    from: (Mac, Ipv6Addr),
    (to_mac, to): (Mac, Ipv6Addr),
    target: Ipv6Addr,
    source_mac: Option<Mac>,
) -> Vec<u8> {
    let mut body = vec![135, 0, 0, 0, 0, 0, 0, 0];
    body.extend(target.octets());
    if let Some(mac) = source_mac {
        body.extend([1, 1]);
        body.extend(mac.0);
    }
    icmp(from, (to_mac, to), body, 255)
}

/// An advertisement as a neighbour sends it, with these flags.
fn advertisement(
    from: (Mac, Ipv6Addr),
    to: (Mac, Ipv6Addr),
    target: Ipv6Addr,
    flags: u8,
    target_mac: Option<Mac>,
) -> Vec<u8> {
    let mut body = vec![136, 0, 0, 0, flags, 0, 0, 0];
    body.extend(target.octets());
    if let Some(mac) = target_mac {
        body.extend([2, 1]);
        body.extend(mac.0);
    }
    icmp(from, to, body, 255)
}

/// A frame with a message of `ICMPv6`, whose checksum is put right.
fn icmp(
    (from_mac, from): (Mac, Ipv6Addr),
    (to_mac, to): (Mac, Ipv6Addr),
    mut body: Vec<u8>,
    hop_limit: u8,
) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    body[2..4].fill(0);
    let mut summed = Vec::new();
    summed.extend(from.octets());
    summed.extend(to.octets());
    summed.extend(u32::from(length).to_be_bytes());
    summed.extend([0, 0, 0, 58]);
    summed.extend(&body);
    let sum: u32 = summed
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    body[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = Vec::new();
    frame.extend(to_mac.0);
    frame.extend(from_mac.0);
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([58, hop_limit]);
    frame.extend(from.octets());
    frame.extend(to.octets());
    frame.extend(body);
    frame
}
