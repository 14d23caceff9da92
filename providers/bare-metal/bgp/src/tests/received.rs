//! What routers send, well or badly made.

use proptest::prelude::*;
use rustbgpd_wire::{Message, OpenMessage};

use super::bench::*;
use super::hand::*;
use crate::*;

fn established() -> Hand {
    Hand::at(State::Established)
}

fn internal() -> Hand {
    let ours = Settings {
        remote_asn: RemoteAsn::Internal,
        ..settings()
    };
    let theirs = OpenMessage {
        my_as: u16::try_from(OURS).unwrap(),
        capabilities: vec![],
        ..open()
    };
    Hand::at_with(State::Established, ours, &theirs)
}

/// How many UPDATEs had wrong attributes, or the code and subcode that were told.
type Outcome = Result<u64, (u8, u8)>;

/// What becomes of a session: it goes on, and how many UPDATEs had wrong attributes; or what was told.
fn outcome(mut hand: Hand, message: &[u8]) -> Result<u64, (u8, u8, Vec<u8>)> {
    hand.hear_bytes(message);
    if let Some(it) = hand.notified().pop() {
        return Err((it.code, it.subcode, it.data));
    }
    assert_eq!(hand.peer.state(), State::Established);
    Ok(hand.peer.counters().malformed)
}

#[test]
fn a_message_that_cannot_be_told_apart_is_named() {
    let marker = |at: usize| {
        let mut bytes = raw(4, &[]);
        bytes[at] = 0xfe;
        bytes
    };
    let long = |length: u16, kind| with_length(length, kind, &[]);
    // What comes, and what is told (RFC 4271 §6.1).
    let table = [
        (marker(0), (1, 1, vec![])),
        (marker(15), (1, 1, vec![])),
        // Of any type: 19 to 4096.
        (long(0, 4), (1, 2, vec![0, 0])),
        (long(18, 2), (1, 2, vec![0, 18])),
        (long(4097, 2), (1, 2, vec![16, 1])),
        (long(65535, 2), (1, 2, vec![255, 255])),
        // Of each: OPEN, UPDATE and NOTIFICATION are longer, KEEPALIVE is not, ROUTE-REFRESH neither.
        (long(28, 1), (1, 2, vec![0, 28])),
        (long(22, 2), (1, 2, vec![0, 22])),
        (long(19, 3), (1, 2, vec![0, 19])),
        (long(20, 3), (1, 2, vec![0, 20])),
        (long(20, 4), (1, 2, vec![0, 20])),
        (long(4096, 4), (1, 2, vec![16, 0])),
        (long(22, 5), (1, 2, vec![0, 22])),
        (long(24, 5), (1, 2, vec![0, 24])),
        // Types that there are not.
        (long(19, 0), (1, 3, vec![0])),
        (long(30, 6), (1, 3, vec![6])),
        (long(19, 255), (1, 3, vec![255])),
    ];
    for (bytes, expected) in table {
        // Whenever it comes, and before more than the header is there.
        for state in [State::OpenSent, State::OpenConfirm, State::Established] {
            let mut hand = Hand::at(state);
            hand.hear_bytes(&bytes[..19]);
            let told = hand
                .notified()
                .pop()
                .map(|it| (it.code, it.subcode, it.data));
            assert_eq!(told, Some(expected.clone()), "{bytes:?}");
            assert_eq!(hand.closed, [hand.id]);
        }
        assert_eq!(outcome(established(), &bytes[..18]), Ok(0));
    }
}

#[test]
fn an_open_that_is_badly_made_is_named() {
    let body = |version, parameters: &[u8]| {
        let length = u8::try_from(parameters.len()).unwrap();
        [
            &[version, 0xfb, 0xf4, 0, 90, 192, 0, 2, 1, length],
            parameters,
        ]
        .concat()
    };
    let table = [
        (body(3, &[]), (2, 1, vec![0, 4])),
        (body(5, &[]), (2, 1, vec![0, 4])),
        // A parameter that nobody knows.
        (body(4, &[9, 0]), (2, 4, vec![])),
        // Lengths that do not fit.
        (body(4, &[2, 9, 1]), (2, 0, vec![])),
        (body(4, &[2]), (2, 0, vec![])),
        (body(4, &[2, 3, 1, 4, 0]), (2, 0, vec![])),
        ([&body(4, &[])[..9], &[4]].concat(), (2, 0, vec![])),
        ([&body(4, &[])[..], &[0]].concat(), (2, 0, vec![])),
    ];
    for (body, expected) in table {
        let mut hand = Hand::at(State::OpenSent);
        hand.hear_bytes(&raw(1, &body));
        let told = hand
            .notified()
            .pop()
            .map(|it| (it.code, it.subcode, it.data));
        assert_eq!(told, Some(expected), "{body:?}");
    }
}

/// An UPDATE with these attributes and one IPv4 prefix.
fn update(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    raw(
        2,
        &[&[0, 0], &length[..], attributes, &[24, 203, 0, 113]].concat(),
    )
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];

/// The attributes that must be there, and another; or in place of one of them.
fn with(attribute: &[u8]) -> Vec<u8> {
    let usual = [ORIGIN, AS_PATH, NEXT_HOP];
    let others = usual.into_iter().filter(|it| it[1] != attribute[1]);
    update(&others.chain([attribute]).collect::<Vec<_>>().concat())
}

#[test]
fn wrong_attributes_end_no_session_unless_routes_cannot_be_told() {
    const FINE: Outcome = Ok(0);
    const MALFORMED: Outcome = Ok(1);
    // Flags, type, length and value; what comes of it (RFC 7606 §7, by section). What counts as malformed there
    // (treat-as-withdraw and attribute-discard) is counted here and has no other effect, as no route is kept.
    let table: &[(&[u8], Outcome)] = &[
        (ORIGIN, FINE),
        (&[0x40, 1, 1, 3], MALFORMED), // §7.1: not IGP, EGP or INCOMPLETE
        (&[0x40, 1, 2, 0, 0], MALFORMED), // §7.1: length
        (&[0xc0, 1, 1, 0], MALFORMED), // §3 c: flags
        (&[0x40, 2, 0], FINE),         // §7.2: an empty path
        (&[0x40, 2, 6, 9, 1, 0, 0, 0, 1], MALFORMED), // §7.2: a segment that there is not
        (&[0x40, 2, 6, 2, 2, 0, 0, 0, 1], MALFORMED), // §7.2: a segment too short
        (&[0x40, 2, 2, 2, 0], FINE),   // §7.2 has it wrong, and the codec lets it pass
        (&[0x40, 2, 6, 2, 1, 0, 0, 0, 0], MALFORMED), // RFC 7607: nobody's number
        (&[0x40, 2, 6, 1, 1, 0, 0, 0, 1], MALFORMED), // RFC 9774: AS_SET
        (&[0x40, 3, 3, 192, 0, 2], MALFORMED), // §7.3
        (&[0x80, 4, 4, 0, 0, 0, 1], FINE),
        (&[0x80, 4, 3, 0, 0, 1], MALFORMED), // §7.4
        (&[0x40, 5, 4, 0, 0, 0, 1], FINE),
        (&[0x40, 5, 3, 0, 0, 1], MALFORMED), // §7.5
        (&[0x40, 6, 0], FINE),
        (&[0x40, 6, 1, 0], MALFORMED), // §7.6: discard
        (&[0xc0, 7, 8, 0, 0, 0, 1, 192, 0, 2, 1], FINE),
        (&[0xc0, 7, 7, 0, 0, 0, 1, 192, 0, 2], MALFORMED), // §7.7: discard
        (&[0xc0, 8, 4, 0, 0, 0, 1], FINE),
        (&[0xc0, 8, 3, 0, 0, 1], MALFORMED),              // §7.8
        (&[0xc0, 8, 0], MALFORMED),                       // §7.8
        (&[0x80, 9, 3, 0, 0, 1], MALFORMED),              // §7.9
        (&[0x80, 10, 3, 0, 0, 1], MALFORMED),             // §7.10
        (&[0xc0, 16, 7, 0, 2, 0, 0, 0, 0, 0], MALFORMED), // §7.14
        (&[0xc0, 32, 11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], MALFORMED), // RFC 8092 §5
        (&[0xc0, 99, 3, 1, 2, 3], FINE),                  // optional and unknown
        (&[0x80, 99, 3, 1, 2, 3], FINE),
        (&[0x40, 99, 3, 1, 2, 3], FINE), // RFC 4271 §6.3 has it wrong, and the codec lets it pass
        (&[0x40, 3, 40, 192, 0, 2, 1], MALFORMED), // §4: longer than what is there
        (&[0x40], MALFORMED),            // §4: no room for a type
        (&[0x80, 14, 5, 0, 2, 1, 0, 0], Err((3, 9))), // §7.11: no next hop
        (&[0x80, 14, 5, 0, 99, 1, 0, 0], Err((3, 9))), // RFC 4760 §7: a family that nobody agreed on
        (&[0x80, 14, 3, 0, 2, 1], Err((3, 5))),
        (&[0x80, 15, 2, 0, 2], Err((3, 5))),            // §7.12
        (&[0x80, 15, 5, 0, 2, 1, 129, 0], Err((3, 9))), // §5.3: a prefix of 129 bits
        (&[0x80, 15, 3, 0, 2, 1], FINE),                // an end of RIB
    ];
    let mut wrong = Vec::new();
    for (attribute, expected) in table {
        let message = if attribute.len() > 1 {
            with(attribute)
        } else {
            update(&[ORIGIN, AS_PATH, NEXT_HOP, attribute].concat())
        };
        let outcome = outcome(established(), &message).map_err(|(a, b, _)| (a, b));
        if outcome != *expected {
            wrong.push(format!("{attribute:x?}: {outcome:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // None at all: §3 d would withdraw the route, which is not kept.
    assert_eq!(outcome(established(), &update(&[])), Ok(0));
    // The same twice: once is enough (§3 g), but for prefixes.
    let twice =
        |attribute: &[u8]| update(&[ORIGIN, AS_PATH, NEXT_HOP, attribute, attribute].concat());
    assert_eq!(outcome(established(), &twice(ORIGIN)), Ok(1));
    let reached = twice(&[0x80, 15, 3, 0, 2, 1]);
    assert!(matches!(outcome(established(), &reached), Err((3, 1, _))));
}

#[test]
fn prefixes_that_cannot_be_told_end_a_session() {
    // Withdrawn, attributes, announced; each with lengths.
    let table: [(&[u8], Outcome); 9] = [
        (&[0, 0, 0, 0], Ok(0)),
        (&[0, 4, 24, 203, 0, 113, 0, 0], Ok(0)),
        (&[0, 2, 33, 1, 0, 0], Err((3, 10))),
        (&[0, 2, 24, 203, 0, 0], Err((3, 10))),
        (&[0, 0, 0, 0, 33, 1, 2, 3, 4, 5], Err((3, 10))),
        (&[0, 0, 0, 0, 24, 203, 0], Err((3, 10))),
        (&[0, 9, 24, 203, 0, 113], Err((3, 1))),
        (&[0, 3, 0, 0, 0], Err((3, 1))),
        (&[0, 0, 0, 9, 0x40, 1, 1, 0], Err((3, 1))),
    ];
    for (body, expected) in table {
        let outcome = outcome(established(), &raw(2, body)).map_err(|(a, b, _)| (a, b));
        assert_eq!(outcome, expected, "{body:?}");
    }
}

#[test]
fn what_an_attribute_may_be_depends_on_who_sends_it() {
    // A router of our own autonomous system that knows two bytes.
    let path = |value: &[u8]| {
        let length = u8::try_from(value.len()).unwrap();
        let path = [&[0x40, 2, length], value].concat();
        update(&[ORIGIN, &path[..], NEXT_HOP, &[0x40, 5, 4, 0, 0, 0, 100]].concat())
    };
    assert_eq!(outcome(internal(), &path(&[2, 1, 0xfb, 0xf4])), Ok(0));
    assert_eq!(outcome(internal(), &path(&[2, 1, 0, 0, 0xfb, 0xf4])), Ok(1));
    assert_eq!(
        outcome(established(), &path(&[2, 1, 0, 0, 0xfb, 0xf4])),
        Ok(0)
    );
    assert_eq!(outcome(established(), &path(&[2, 1, 0xfb, 0xf4])), Ok(1));
    let mut hand = internal();
    hand.hear_bytes(&path(&[]));
    hand.hear_bytes(&path(&[9]));
    let counters = hand.peer.counters();
    assert_eq!((counters.updates_received, counters.malformed), (2, 1));
}

#[test]
fn a_longest_error_fits_into_what_is_told() {
    // As much as a message can hold is wrong, and stands in the NOTIFICATION.
    let prefixes = vec![33; 4096 - 23];
    let message = raw(2, &[&[0, 0, 0, 0][..], &prefixes].concat());
    assert!(matches!(outcome(established(), &message), Err((3, 10, _))));
    let length = u16::try_from(4096 - 23 - 4).unwrap().to_be_bytes();
    let reach = [&[0x90, 15][..], &length, &vec![0xff; 4096 - 23 - 4]].concat();
    let total = u16::try_from(reach.len()).unwrap().to_be_bytes();
    let message = raw(2, &[&[0, 0], &total[..], &reach].concat());
    assert!(matches!(outcome(established(), &message), Err((3, _, _))));
}

#[test]
fn what_comes_after_the_end_of_a_session_is_nothing() {
    let ends = [raw(3, &[6, 4]), vec![0; 19], raw(1, &[4; 10])];
    for end in ends {
        let mut hand = established();
        let more = [
            &end[..],
            &raw(4, &[]),
            &raw(2, &[0; 4]),
            &[0; 50],
            &raw(3, &[6, 4]),
        ]
        .concat();
        hand.hear_bytes(&more);
        hand.hear_bytes(&more);
        hand.lose();
        assert_eq!(hand.causes.len(), 1, "{:?}", hand.causes);
        assert_eq!(hand.closed.len(), 1);
        assert!(hand.notified().len() <= 1);
        assert_eq!(hand.peer.counters().updates_received, 0);
    }
}

#[test]
fn what_the_router_says_at_last_is_told_as_it_is() {
    for (body, text) in [
        (&[6, 2, 5, b'h', b'e', b'l', b'l', b'o'][..], Some("hello")),
        (&[6, 4, 0][..], None),
        (&[6, 2][..], None),
        // Lengths and characters that are wrong.
        (&[6, 2, 9, b'h'][..], None),
        (&[6, 2, 1, 0xff][..], None),
        (&[99, 77, 1, 2, 3][..], None),
    ] {
        let mut hand = established();
        hand.hear_bytes(&raw(3, body));
        let why = notification(body[0], body[1], &body[2..]);
        assert_eq!(why.communication().as_deref(), text);
        assert_eq!(hand.causes, [Cause::Received(why)]);
        // Nothing is answered to it (RFC 4271 §6.4).
        assert_eq!(hand.notified(), []);
        assert_eq!(hand.peer.counters().notifications, [0, 1]);
    }
    let evil = notification(6, 2, b"\x0cline\nline\x1b[m");
    assert_eq!(evil.to_string().lines().count(), 1);
    assert!(!evil.to_string().contains('\x1b'));
}

/// Bytes that make sense now and then.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..60);
    let one = prop_oneof![
        3 => Just(raw(4, &[])),
        2 => Just(bytes(&Message::Open(open())).to_vec()),
        2 => Just(with(&[0x80, 4, 4, 0, 0, 0, 1])),
        1 => Just(with(&[0x80, 4, 3, 0, 0, 1])),
        1 => Just(raw(5, &[0, 1, 0, 1])),
        2 => (1_u8..6, body.clone()).prop_map(|(kind, body)| raw(kind, &body)),
        1 => body,
    ];
    let first = [bytes(&Message::Open(open())).to_vec(), raw(4, &[])].concat();
    let rest = prop::collection::vec(one, 0..12);
    (any::<bool>(), rest).prop_map(move |(is_well, rest)| {
        let first = if is_well { first.clone() } else { Vec::new() };
        [first, rest.concat()].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bytes_come_to_the_same_however_they_come(
        stream in stream(),
        chunks in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let heard = |sizes: &[usize]| {
            let mut hand = Hand::at(State::OpenSent);
            let mut rest = &stream[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(rest.len().min(*size));
                hand.hear_bytes(now);
                rest = later;
            }
            let sent: Vec<_> = hand.sent.iter().map(|it| it.1.clone()).collect();
            (hand.peer.state(), hand.peer.counters(), hand.causes, hand.closed, sent)
        };
        let at_once = heard(&[stream.len().max(1)]);
        prop_assert_eq!(&at_once, &heard(&[1]));
        prop_assert_eq!(&at_once, &heard(&chunks));
    }
}
