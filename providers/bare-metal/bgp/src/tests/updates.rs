//! What stands in the UPDATEs that we send.

use std::sync::Arc;

use rustbgpd_wire::{Afi, Capability, Message, OpenMessage, UpdateMessage};

use super::bench::*;
use super::hand::*;
use crate::*;

pub(super) const V4: &str = "203.0.113.10/32";
pub(super) const V6: &str = "2001:db8:1::10/128";

/// A session: whose the router is, what it can, and our addresses.
pub(super) fn session(settings: Settings, open: &OpenMessage, hops: NextHops) -> Hand {
    let mut hand = Hand::at_with(State::Connect, settings, open);
    hand.peer.connected(hand.id, hops, hand.now);
    hand.hear(&Message::Open(open.clone()));
    hand.hear(&KEEPALIVE);
    assert_eq!(hand.peer.state(), State::Established);
    hand
}

pub(super) fn external() -> Hand {
    session(settings(), &open(), next_hops())
}

fn internal() -> Hand {
    let ours = Settings {
        remote_asn: RemoteAsn::Internal,
        ..settings()
    };
    session(ours, &of(OURS, true), next_hops())
}

/// The OPEN of a router of some autonomous system that knows four bytes, or does not.
fn of(asn: u32, is_four_octet: bool) -> OpenMessage {
    let four = is_four_octet.then_some(Capability::FourOctetAs { asn });
    OpenMessage {
        my_as: u16::try_from(asn).unwrap(),
        capabilities: [family(Afi::Ipv4), family(Afi::Ipv6)]
            .into_iter()
            .chain(four)
            .collect(),
        ..open()
    }
}

/// The attributes of an UPDATE as they stand in it: type and value.
pub(super) fn attributes(update: &UpdateMessage) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &update.path_attributes[..];
    let mut all = Vec::new();
    while let [flags, code, more @ ..] = rest {
        let (length, more) = if flags & 0x10 == 0 {
            (usize::from(more[0]), &more[1..])
        } else {
            let length = u16::from_be_bytes([more[0], more[1]]);
            (usize::from(length), &more[2..])
        };
        // Well-known, transitive, optional (RFC 4271 §5, and those that add to it).
        let expected = match code {
            1 | 2 | 3 | 5 => 0x40,
            4 | 14 | 15 => 0x80,
            _ => 0xc0,
        };
        assert_eq!(flags & 0xe0, expected, "of type {code}");
        all.push((*code, more[..length].to_vec()));
        rest = &more[length..];
    }
    all
}

pub(super) fn all_updates(hand: &mut Hand) -> Vec<UpdateMessage> {
    let mut all = Vec::new();
    while let Some((_, bytes)) = hand.peer.next_update() {
        assert!(bytes.len() <= 4096);
        for message in messages(&bytes) {
            let Message::Update(update) = message else {
                panic!("{message:?}");
            };
            let four = hand.peer.negotiated().unwrap().is_four_octet;
            let judged =
                crate::message::judge(&update, four, hand.peer.negotiated().unwrap().is_internal);
            assert_eq!(judged, Ok(crate::message::Judged::Fine));
            all.push(update);
        }
    }
    all
}

/// What is said of one prefix with these attributes.
fn said_of(hand: &mut Hand, prefix: &str, wanted: Attributes) -> Vec<(u8, Vec<u8>)> {
    hand.peer.want(net(prefix), Some(Arc::new(wanted)));
    let updates = all_updates(hand);
    assert_eq!(updates.len(), 1, "{updates:?}");
    attributes(&updates[0])
}

pub(super) fn value(said: &[(u8, Vec<u8>)], code: u8) -> Option<&[u8]> {
    let mut said = said.iter().filter(|it| it.0 == code);
    let found = said.next().map(|it| &it.1[..]);
    assert!(said.next().is_none());
    found
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// All that there is, so that each attribute is there.
fn rich() -> Attributes {
    Attributes {
        local_pref: Some(150),
        med: Some(7),
        prepend: 2,
        communities: vec![1, 0xffff_ff01],
        large_communities: vec![[1, 2, 3], [4, 5, 6]],
        ..Attributes::default()
    }
}

#[test]
fn attributes_come_by_their_type_codes_and_ipv6_prefixes_first() {
    let codes = |said: Vec<(u8, Vec<u8>)>| said.iter().map(|it| it.0).collect::<Vec<_>>();
    let (mut inside, mut outside) = (internal(), external());
    assert_eq!(
        codes(said_of(&mut inside, V4, rich())),
        [1, 2, 3, 4, 5, 8, 32]
    );
    assert_eq!(
        codes(said_of(&mut inside, V6, rich())),
        [14, 1, 2, 4, 5, 8, 32]
    );
    assert_eq!(
        codes(said_of(&mut outside, V4, rich())),
        [1, 2, 3, 4, 8, 32]
    );
    assert_eq!(
        codes(said_of(&mut outside, V6, rich())),
        [14, 1, 2, 4, 8, 32]
    );
    let mut outside = external();
    assert_eq!(
        codes(said_of(&mut outside, V4, Attributes::default())),
        [1, 2, 3]
    );
    assert_eq!(
        codes(said_of(&mut internal(), V6, Attributes::default())),
        [14, 1, 2, 5]
    );
    // What is withdrawn has none.
    outside.peer.want(net(V4), None);
    let withdrawn = all_updates(&mut outside);
    assert_eq!(attributes(&withdrawn[0]), []);
    assert_eq!(withdrawn[0].withdrawn_routes[..], [32, 203, 0, 113, 10]);
}

#[test]
fn what_is_internal_stays_inside() {
    let inside = said_of(&mut internal(), V4, rich());
    let outside = said_of(&mut external(), V4, rich());
    // ORIGIN is IGP, and the rest is as it was wanted.
    for said in [&inside, &outside] {
        assert_eq!(value(said, 1), Some(&[0][..]));
        assert_eq!(value(said, 4), Some(&numbers(&[7])[..]));
        assert_eq!(value(said, 8), Some(&numbers(&[1, 0xffff_ff01])[..]));
        assert_eq!(value(said, 32), Some(&numbers(&[1, 2, 3, 4, 5, 6])[..]));
    }
    assert_eq!(value(&inside, 5), Some(&numbers(&[150])[..]));
    assert_eq!(value(&outside, 5), None);
    // Our autonomous system is not in the path inside, and in it three times outside.
    assert_eq!(value(&inside, 2), Some(&[][..]));
    let path = [&[2, 3], &numbers(&[OURS; 3])[..]].concat();
    assert_eq!(value(&outside, 2), Some(&path[..]));
    let usual = said_of(&mut internal(), V4, Attributes::default());
    assert_eq!(value(&usual, 5), Some(&numbers(&[100])[..]));
}

#[test]
fn a_router_that_knows_two_bytes_gets_a_long_number_in_as4_path() {
    for (asn, short) in [(64512, 64512_u16), (4_200_000_000, 23456)] {
        let ours = Settings {
            local_asn: asn,
            ..settings()
        };
        let mut hand = session(ours, &of(THEIRS, false), next_hops());
        let said = said_of(
            &mut hand,
            V4,
            Attributes {
                prepend: 1,
                ..Attributes::default()
            },
        );
        let [high, low] = short.to_be_bytes();
        assert_eq!(value(&said, 2), Some(&[2, 2, high, low, high, low][..]));
        let long = [&[2, 2], &numbers(&[asn; 2])[..]].concat();
        let expected = (asn > 65535).then_some(&long[..]);
        assert_eq!(value(&said, 17), expected);
    }
}

#[test]
fn a_path_may_be_as_long_as_can_be_asked_for() {
    for (asn, is_four_octet) in [
        (OURS, true),
        (OURS, false),
        (4_200_000_000, true),
        (4_200_000_000, false),
    ] {
        let ours = Settings {
            local_asn: asn,
            ..settings()
        };
        let mut hand = session(ours, &of(THEIRS, is_four_octet), next_hops());
        for prefix in [V4, V6] {
            let wanted = Attributes {
                prepend: 255,
                communities: (0..1000).collect(),
                large_communities: (0..1000).map(|it| [it; 3]).collect(),
                ..rich()
            };
            let said = said_of(&mut hand, prefix, wanted);
            // No segment has more than 255 (RFC 4271 §4.3).
            let size = if is_four_octet { 4 } else { 2 };
            let mut path = value(&said, 2).unwrap();
            let mut count = 0;
            while let [kind, length, rest @ ..] = path {
                assert_eq!(*kind, 2);
                count += usize::from(*length);
                path = &rest[usize::from(*length) * size..];
            }
            assert_eq!(count, 256);
            assert_eq!(
                value(&said, 8).unwrap(),
                numbers(&(0..255).collect::<Vec<_>>())
            );
            assert_eq!(value(&said, 32).unwrap().len(), 85 * 12);
        }
    }
}

#[test]
fn who_leaves_says_so_with_each_route_and_takes_it_back() {
    const SHUTDOWN: u32 = 0xffff_0000;
    let table: [(Vec<u32>, Vec<u32>); 4] = [
        (vec![], vec![SHUTDOWN]),
        (vec![1, 0xffff_ff01], vec![1, SHUTDOWN, 0xffff_ff01]),
        (vec![1, SHUTDOWN], vec![1, SHUTDOWN]),
        ((0..300).collect(), (0..254).chain([SHUTDOWN]).collect()),
    ];
    for mut hand in [internal(), external()] {
        let is_internal = hand.peer.negotiated().unwrap().is_internal;
        for (communities, expected) in &table {
            let wanted = Attributes {
                communities: communities.clone(),
                ..rich()
            };
            let before = said_of(&mut hand, V4, wanted);
            hand.peer.leaving(true);
            // Once.
            hand.peer.leaving(true);
            let updates = all_updates(&mut hand);
            assert_eq!(updates.len(), 1);
            let said = attributes(&updates[0]);
            assert_eq!(value(&said, 8), Some(&numbers(expected)[..]));
            let preference = is_internal.then(|| numbers(&[0]));
            assert_eq!(value(&said, 5), preference.as_deref());
            hand.peer.leaving(false);
            assert_eq!(attributes(&all_updates(&mut hand)[0]), before);
        }
    }
}
