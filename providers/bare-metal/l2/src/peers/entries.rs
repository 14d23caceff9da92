//! How the entries of a statement are written: each a kind, then what belongs to it. Numbers are
//! big-endian.
//!
//! ```text
//! 0 claim         address  flags(1)  epoch(8)
//! 1 unclaimed     address
//! 2 interface     name  mac(6)  count(1)  { address  length(1) } × count
//! 3 no interface  name
//! 4 draining      flags(1)
//!
//! address: 4 and four bytes, or 6 and sixteen; name: its length (1), and so many bytes of UTF-8
//! ```

use std::net::IpAddr;

use super::statement::{Claim, Entry, Interface, LONGEST_NAME, MOST_SUBNETS};
use crate::mac::Mac;

/// Entries of one message take at most so many bytes, so that no datagram needs to be fragmented
/// where the smallest MTU of IPv6 (1280, RFC 8200, section 5) holds.
pub(super) const ROOM: usize = 1100;

/// Splits entries into such as fit into one message each. Nothing gives nothing.
pub(super) fn chunks(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut chunks: Vec<Vec<Entry>> = Vec::new();
    let (mut room, mut scratch) = (0, Vec::new());
    for entry in entries {
        scratch.clear();
        write(&entry, &mut scratch);
        match chunks.last_mut() {
            Some(chunk) if scratch.len() <= room => chunk.push(entry),
            _ => {
                chunks.push(vec![entry]);
                room = ROOM;
            }
        }
        room = room.saturating_sub(scratch.len());
    }
    chunks
}

pub(super) fn write_all(entries: &[Entry], to: &mut Vec<u8>) {
    for entry in entries {
        write(entry, to);
    }
}

fn write(entry: &Entry, to: &mut Vec<u8>) {
    match entry {
        Entry::Claim(address, claim) => {
            to.push(0);
            write_address(*address, to);
            to.push(u8::from(claim.is_offered));
            to.extend(claim.epoch.to_be_bytes());
        }
        Entry::Unclaimed(address) => {
            to.push(1);
            write_address(*address, to);
        }
        Entry::Interface(name, interface) => {
            to.push(2);
            write_name(name, to);
            to.extend(interface.mac.0);
            let subnets = interface.subnets.iter().take(MOST_SUBNETS);
            to.push(u8::try_from(subnets.len()).unwrap_or(0));
            for (address, length) in subnets {
                write_address(*address, to);
                to.push(*length);
            }
        }
        Entry::NoInterface(name) => {
            to.push(3);
            write_name(name, to);
        }
        Entry::Draining(is_draining) => to.extend([4, u8::from(*is_draining)]),
    }
}

fn write_address(address: IpAddr, to: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            to.push(4);
            to.extend(address.octets());
        }
        IpAddr::V6(address) => {
            to.push(6);
            to.extend(address.octets());
        }
    }
}

/// What is longer than a name may be is cut: the kernel has none such.
fn write_name(name: &str, to: &mut Vec<u8>) {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    to.push(u8::try_from(end).unwrap_or(0));
    to.extend(&name.as_bytes()[..end]);
}

/// Reads all entries. `None` if they are not what they ought to be, to the last byte.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = Reader(bytes);
    let mut entries = Vec::new();
    while !reader.0.is_empty() {
        entries.push(reader.entry()?);
    }
    Some(entries)
}

/// What is left to be read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn address(&mut self) -> Option<IpAddr> {
        match self.byte()? {
            4 => self.array::<4>().map(IpAddr::from),
            6 => self.array::<16>().map(IpAddr::from),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let fits = (1..=LONGEST_NAME).contains(&length);
        let name = std::str::from_utf8(name).ok()?;
        fits.then(|| name.to_owned())
    }

    fn entry(&mut self) -> Option<Entry> {
        Some(match self.byte()? {
            0 => {
                let address = self.address()?;
                let is_offered = self.flag()?;
                let epoch = self.number()?;
                Entry::Claim(address, Claim { epoch, is_offered })
            }
            1 => Entry::Unclaimed(self.address()?),
            2 => {
                let name = self.name()?;
                let mac = Mac(self.array()?);
                let count = usize::from(self.byte()?);
                let subnets = (0..count)
                    .map(|_| self.subnet())
                    .collect::<Option<Vec<_>>>()?;
                (count <= MOST_SUBNETS)
                    .then_some(Entry::Interface(name, Interface { mac, subnets }))?
            }
            3 => Entry::NoInterface(self.name()?),
            4 => Entry::Draining(self.flag()?),
            _ => return None,
        })
    }

    fn subnet(&mut self) -> Option<(IpAddr, u8)> {
        let (address, length) = (self.address()?, self.byte()?);
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (length <= longest).then_some((address, length))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn entry() -> impl Strategy<Value = Entry> {
        let claim = (any::<IpAddr>(), any::<u64>(), any::<bool>());
        let claim = claim.prop_map(|(address, epoch, is_offered)| {
            Entry::Claim(address, Claim { epoch, is_offered })
        });
        let subnet = (any::<IpAddr>(), 0_u8..=32);
        let subnets = prop::collection::vec(subnet, 0..=MOST_SUBNETS);
        let interface = ("[a-z.0-9]{1,15}", any::<[u8; 6]>(), subnets);
        let interface = interface.prop_map(|(name, mac, subnets)| {
            let mac = Mac(mac);
            Entry::Interface(name, Interface { mac, subnets })
        });
        prop_oneof![
            claim,
            any::<IpAddr>().prop_map(Entry::Unclaimed),
            interface,
            "[a-z.0-9]{1,15}".prop_map(Entry::NoInterface),
            any::<bool>().prop_map(Entry::Draining),
        ]
    }

    fn written(entries: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_all(entries, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in prop::collection::vec(entry(), 0..40)) {
            prop_assert_eq!(read(&written(&entries)), Some(entries));
        }

        #[test]
        fn what_is_cut_short_is_not_read(entry in entry(), cut in 1_usize..20) {
            let bytes = written(&[entry]);
            let left = bytes.len().saturating_sub(cut).max(1);
            prop_assert_eq!(read(&bytes[..left]), None);
        }

        #[test]
        fn chunks_have_all_in_order_and_fit(entries in prop::collection::vec(entry(), 0..200)) {
            let chunks = chunks(entries.clone());
            for chunk in &chunks {
                prop_assert!(written(chunk).len() <= ROOM);
            }
            prop_assert_eq!(chunks.concat(), entries);
        }

        #[test]
        fn no_bytes_are_too_bad_to_be_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(entries) = read(&bytes) {
                prop_assert_eq!(read(&written(&entries)), Some(entries));
            }
        }
    }
}
