//! How messages are written and authenticated: a datagram each.
//!
//! ```text
//! 0      2          3     4    12     20     28         36     44       52     53
//! +------+----------+-----+----+------+------+----------+------+--------+------+------+-----+
//! | "LF" | protocol | key | to | from | boot | sequence | echo | stated | kind | body | tag |
//! +------+----------+-----+----+------+------+----------+------+--------+------+------+-----+
//! ```
//!
//! Numbers are big-endian. `key` is the first byte of the key's SHA-256, so that two keys may be valid
//! while they are changed; `stated` is the version of the sender's statement. The body of a message
//! about another node is that node and its boot; of a change the version before it (8) and entries; of a
//! whole statement the part, how many there are (2 each), and entries. The tag is HMAC-SHA-256
//! (RFC 2104, FIPS 180-4) over all before it.

use std::fmt;

use ring::{digest, hmac};

use super::entries::{self, ROOM, Reader};
use super::message::{Body, Message};
use super::node::{Boot, NodeId};

const MAGIC: [u8; 2] = *b"LF";
const PROTOCOL: u8 = 1;
/// Length of what every message has, without the tag.
const HEAD: usize = 53;
/// Longest of what stands in a body before entries.
const BEFORE_ENTRIES: usize = 8;
/// Length of the tag.
const TAG: usize = digest::SHA256_OUTPUT_LEN;
/// Longest datagram.
pub const LONGEST: usize = HEAD + BEFORE_ENTRIES + ROOM + TAG;

/// Why a datagram is dropped. Each has a name to be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// It is shorter or longer than what it says it is.
    #[error("length")]
    Length,
    /// It is no message of ours.
    #[error("not ours")]
    NotOurs,
    /// Another version of this protocol.
    #[error("protocol")]
    Protocol,
    /// None of our keys can have made it.
    #[error("unknown key")]
    UnknownKey,
    /// Somebody without the key has made or altered it.
    #[error("authentication")]
    Authentication,
    /// It is for another speaker.
    #[error("for another")]
    ForAnother,
    /// A kind of message that is not known.
    #[error("kind")]
    Kind,
    /// A body that is not what its kind says.
    #[error("body")]
    Body,
}

/// A key, and by what it is known.
struct Key {
    id: u8,
    key: hmac::Key,
}

impl Key {
    fn new(secret: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, secret);
        Self {
            id: digest.as_ref()[0],
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }
}

/// The keys of a cluster's speakers: what is sent is made with the first, what comes in may be made with
/// either.
pub struct Keys {
    current: Key,
    other: Option<Key>,
}

impl Keys {
    /// From the secrets. While they are changed the one that comes, or the one that goes, is the other.
    pub fn new(current: &[u8], other: Option<&[u8]>) -> Self {
        Self {
            current: Key::new(current),
            other: other.map(Key::new),
        }
    }

    /// What tells the key that is used from others, and nothing about it.
    pub fn id(&self) -> u8 {
        self.current.id
    }

    /// Writes a message.
    pub fn seal(&self, to: NodeId, message: &Message) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(HEAD + TAG);
        datagram.extend(MAGIC);
        datagram.extend([PROTOCOL, self.current.id]);
        let echo = message.echo.map_or(0, |it| it.0);
        for number in [
            to.0,
            message.from.0,
            message.boot.0,
            message.sequence,
            echo,
            message.version,
        ] {
            datagram.extend(number.to_be_bytes());
        }
        write_body(&message.body, &mut datagram);
        let tag = hmac::sign(&self.current.key, &datagram);
        datagram.extend(tag.as_ref());
        datagram
    }

    /// Reads a datagram that came to this speaker.
    pub fn open(&self, own: NodeId, datagram: &[u8]) -> Result<Message, Refused> {
        if datagram.len() > LONGEST {
            return Err(Refused::Length);
        }
        let length = datagram.len().checked_sub(TAG).ok_or(Refused::Length)?;
        let (said, tag) = datagram.split_at(length);
        let (head, body) = said.split_at_checked(HEAD).ok_or(Refused::Length)?;
        if head[..2] != MAGIC {
            return Err(Refused::NotOurs);
        }
        if head[2] != PROTOCOL {
            return Err(Refused::Protocol);
        }
        let keys = [Some(&self.current), self.other.as_ref()];
        let keys = keys.into_iter().flatten();
        let mut keys = keys.filter(|key| key.id == head[3]).peekable();
        if keys.peek().is_none() {
            return Err(Refused::UnknownKey);
        }
        if !keys.any(|key| hmac::verify(&key.key, said, tag).is_ok()) {
            return Err(Refused::Authentication);
        }
        let mut reader = Reader(&head[4..HEAD - 1]);
        let mut number = || reader.number().ok_or(Refused::Length);
        let to = number()?;
        if to != own.0 {
            return Err(Refused::ForAnother);
        }
        Ok(Message {
            from: NodeId(number()?),
            boot: Boot(number()?),
            sequence: number()?,
            echo: Some(number()?).filter(|it| *it != 0).map(Boot),
            version: number()?,
            body: read_body(head[HEAD - 1], body)?,
        })
    }
}

fn write_body(body: &Body, to: &mut Vec<u8>) {
    let kind = match body {
        Body::Heartbeat => 0,
        Body::Suspects(..) => 1,
        Body::Hears(..) => 2,
        Body::Dead(..) => 3,
        Body::Missed => 4,
        Body::Leaves => 5,
        Body::Ask => 6,
        Body::Change { .. } => 7,
        Body::Whole { .. } => 8,
    };
    to.push(kind);
    match body {
        Body::Heartbeat | Body::Missed | Body::Leaves | Body::Ask => {}
        Body::Suspects(node, boot) | Body::Hears(node, boot) | Body::Dead(node, boot) => {
            to.extend(node.0.to_be_bytes());
            to.extend(boot.0.to_be_bytes());
        }
        Body::Change { before, entries } => {
            to.extend(before.to_be_bytes());
            entries::write_all(entries, to);
        }
        Body::Whole {
            part,
            parts,
            entries,
        } => {
            to.extend(part.to_be_bytes());
            to.extend(parts.to_be_bytes());
            entries::write_all(entries, to);
        }
    }
}

fn read_body(kind: u8, bytes: &[u8]) -> Result<Body, Refused> {
    let mut reader = Reader(bytes);
    let of_none = |body| bytes.is_empty().then_some(body).ok_or(Refused::Body);
    let mut of_node = |make: fn(NodeId, Boot) -> Body| {
        let (node, boot) = (reader.number()?, reader.number()?);
        let is_all = reader.0.is_empty();
        is_all.then(|| make(NodeId(node), Boot(boot)))
    };
    match kind {
        0 => of_none(Body::Heartbeat),
        1 => of_node(Body::Suspects).ok_or(Refused::Body),
        2 => of_node(Body::Hears).ok_or(Refused::Body),
        3 => of_node(Body::Dead).ok_or(Refused::Body),
        4 => of_none(Body::Missed),
        5 => of_none(Body::Leaves),
        6 => of_none(Body::Ask),
        7 => read_change(reader).ok_or(Refused::Body),
        8 => read_whole(reader).ok_or(Refused::Body),
        _ => Err(Refused::Kind),
    }
}

fn read_change(mut reader: Reader<'_>) -> Option<Body> {
    let before = reader.number()?;
    let entries = entries::read(reader.0)?;
    Some(Body::Change { before, entries })
}

fn read_whole(mut reader: Reader<'_>) -> Option<Body> {
    let part = reader.array().map(u16::from_be_bytes)?;
    let parts = reader.array().map(u16::from_be_bytes)?;
    let entries = entries::read(reader.0)?;
    (part < parts).then_some(Body::Whole {
        part,
        parts,
        entries,
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::statement::Entry;
    use super::*;

    const OWN: NodeId = NodeId(7);

    fn keys() -> Keys {
        Keys::new(b"the key of this cluster", None)
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entries = prop::collection::vec(entries::tests::entry(), 0..20);
        // As many as fit into one message.
        entries.prop_map(|it| entries::chunks(it).into_iter().next().unwrap_or_default())
    }

    fn message() -> impl Strategy<Value = Message> {
        let subject = || (any::<u64>(), any::<u64>()).prop_map(|(a, b)| (NodeId(a), Boot(b)));
        let body = prop_oneof![
            Just(Body::Heartbeat),
            subject().prop_map(|(node, boot)| Body::Suspects(node, boot)),
            subject().prop_map(|(node, boot)| Body::Hears(node, boot)),
            subject().prop_map(|(node, boot)| Body::Dead(node, boot)),
            Just(Body::Missed),
            Just(Body::Leaves),
            Just(Body::Ask),
            (any::<u64>(), entries())
                .prop_map(|(before, entries)| Body::Change { before, entries }),
            (any::<u16>(), 1_u16.., entries()).prop_map(|(part, parts, entries)| Body::Whole {
                part: part % parts,
                parts,
                entries,
            }),
        ];
        let echo = prop::option::of(1..u64::MAX);
        let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
        (numbers, echo, body).prop_map(|(numbers, echo, body)| Message {
            from: NodeId(numbers.0),
            boot: Boot(numbers.1),
            sequence: numbers.2,
            echo: echo.map(Boot),
            version: numbers.3,
            body,
        })
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened_as_it_was(message in message()) {
            let datagram = keys().seal(OWN, &message);
            prop_assert!(datagram.len() <= LONGEST);
            prop_assert_eq!(keys().open(OWN, &datagram), Ok(message));
        }

        #[test]
        fn no_bytes_pass_that_the_key_has_not_made(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(keys().open(OWN, &bytes).is_err());
            let mut ours = b"LF\x01".to_vec();
            ours.push(keys().current.id);
            ours.extend(bytes);
            prop_assert!(keys().open(OWN, &ours).is_err());
        }

        #[test]
        fn no_bit_can_be_altered_and_nothing_cut_off_or_added(
            message in message(), bit in 0_usize..LONGEST * 8, cut in 1_usize..LONGEST
        ) {
            let datagram = keys().seal(OWN, &message);
            let mut altered = datagram.clone();
            let bit = bit % (datagram.len() * 8);
            altered[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(keys().open(OWN, &altered).is_err());
            prop_assert!(keys().open(OWN, &datagram[..datagram.len().saturating_sub(cut)]).is_err());
            let mut longer = datagram;
            longer.push(0);
            prop_assert!(keys().open(OWN, &longer).is_err());
        }
    }

    fn heartbeat() -> Message {
        Message {
            from: NodeId(1),
            boot: Boot(2),
            sequence: 3,
            echo: None,
            version: 4,
            body: Body::Heartbeat,
        }
    }

    #[test]
    fn a_message_for_another_is_not_taken_for_ones_own() {
        let datagram = keys().seal(NodeId(8), &heartbeat());
        assert_eq!(keys().open(OWN, &datagram), Err(Refused::ForAnother));
    }

    #[test]
    fn while_keys_are_changed_nothing_is_lost() {
        let (old, new): (&[u8], &[u8]) = (b"old", b"new");
        // First all learn the new one, then use it, then forget the old one.
        let steps = [
            Keys::new(old, None),
            Keys::new(old, Some(new)),
            Keys::new(new, Some(old)),
            Keys::new(new, None),
        ];
        for pair in steps.windows(2) {
            for (from, to) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                let datagram = from.seal(OWN, &heartbeat());
                assert_eq!(to.open(OWN, &datagram), Ok(heartbeat()));
            }
        }
        let datagram = steps[0].seal(OWN, &heartbeat());
        assert_eq!(steps[3].open(OWN, &datagram), Err(Refused::UnknownKey));
    }

    #[test]
    fn another_protocol_says_so() {
        let mut datagram = keys().seal(OWN, &heartbeat());
        datagram[2] = 2;
        assert_eq!(keys().open(OWN, &datagram), Err(Refused::Protocol));
        datagram[0] = b'X';
        assert_eq!(keys().open(OWN, &datagram), Err(Refused::NotOurs));
    }
}
