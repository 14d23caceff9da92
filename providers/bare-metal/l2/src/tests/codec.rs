//! Frames, byte for byte, and what does not pass for one.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;
use crate::ndp::ALL_NODES;
use crate::{Advertisement, Arp, Heard, Malformed, Operation, Solicitation, hear, solicited_node};

#[test]
fn an_announcement_of_an_ipv4_address_is_a_request_for_itself() {
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4, 0, 1, // Ethernet, IPv4, request
        2, 0, 0, 0, 0, 1, 192, 0, 2, 10, // who says it
        0, 0, 0, 0, 0, 0, 192, 0, 2, 10, // who is asked
    ];
    assert_eq!(&Arp::announcement(OWN, V4)[..], expected);
}

#[test]
fn a_probe_says_nothing_of_an_address_of_the_one_who_asks() {
    let heard = hear(&Arp::probe(OWN, V4)).unwrap();
    let Some(Heard::Arp(probe)) = heard else {
        panic!("{heard:?}");
    };
    assert!(probe.is_probe());
    assert_eq!((probe.sender_mac, probe.target), (OWN, V4));
    let heard = hear(&Solicitation::probe(OWN, V6)).unwrap();
    let Some(Heard::Solicitation(probe)) = heard else {
        panic!("{heard:?}");
    };
    assert!(probe.is_probe());
    assert_eq!(probe.source_mac, None, "RFC 4861, section 7.1.1");
    assert_eq!(probe.destination, solicited_node(V6));
}

#[test]
fn a_request_says_who_asks_and_where_to_answer() {
    let asker: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let frame = Solicitation::request(OWN, asker, V6);
    let group = solicited_node(V6);
    assert_eq!(frame[..6], Mac::of_group(group).0);
    let expected = Solicitation {
        link_source: OWN,
        source: asker,
        destination: group,
        target: V6,
        source_mac: Some(OWN),
    };
    assert_eq!(hear(&frame), Ok(Some(Heard::Solicitation(expected))));
}

#[test]
fn an_announcement_of_an_ipv6_address_overrides_and_reaches_all_nodes() {
    let flags = 0x20;
    let to = (Mac::of_group(ALL_NODES), ALL_NODES);
    let expected = advertisement((OWN, V6), to, V6, flags, Some(OWN));
    assert_eq!(&Advertisement::unsolicited(OWN, V6)[..], expected);
}

#[test]
fn groups_are_those_of_rfc_4291_and_rfc_2464() {
    let group: Ipv6Addr = "ff02::1:ffab:cdef".parse().unwrap();
    let address = "2001:db8::12ab:cdef".parse().unwrap();
    assert_eq!(solicited_node(address), group);
    assert_eq!(Mac::of_group(group).to_string(), "33:33:ff:ab:cd:ef");
}

/// What is wrong with a frame.
fn fault(frame: &[u8]) -> Malformed {
    hear(frame).unwrap_err()
}

#[test]
fn what_is_no_arp_for_ipv4_on_ethernet_is_dropped_or_others_concern() {
    let request = Arp::request(CLIENT, CLIENT_V4, V4);
    let with = |place: usize, value: u8| {
        let mut frame = request.to_vec();
        frame[place] = value;
        frame
    };
    for (what, place, value) in [
        ("hardware of another kind", 15, 6),
        ("another protocol", 16, 0x86),
        ("RARP", 21, 3),
        ("another frame", 13, 0),
    ] {
        assert_eq!(hear(&with(place, value)), Ok(None), "{what}");
    }
    let mut long = with(18, 8);
    long.extend([0; 8]);
    assert_eq!(fault(&long), Malformed::AddressLength);
    assert_eq!(fault(&with(22, 3)), Malformed::SenderIsGroup);
    assert_eq!(fault(&request[..41]), Malformed::Truncated);
    assert_eq!(fault(&request[..13]), Malformed::Truncated);
}

#[test]
fn what_rfc_4861_calls_invalid_is_dropped() {
    let from = (CLIENT, CLIENT_V6);
    let group = (Mac::of_group(solicited_node(V6)), solicited_node(V6));
    let valid = solicitation(from, group, V6, Some(CLIENT));
    assert!(matches!(hear(&valid), Ok(Some(Heard::Solicitation(_)))));

    let routed = icmp(from, group, valid[54..].to_vec(), 254);
    assert_eq!(fault(&routed), Malformed::HopLimit);
    let mut bent = valid.clone();
    *bent.last_mut().unwrap() ^= 1;
    assert_eq!(fault(&bent), Malformed::Checksum);
    for nobody in [Mac::ZERO, Mac::of_group(ALL_NODES)] {
        let sent = solicitation((nobody, CLIENT_V6), group, V6, Some(CLIENT));
        assert_eq!(fault(&sent), Malformed::SenderIsGroup);
        let said = solicitation(from, group, V6, Some(nobody));
        assert_eq!(fault(&said), Malformed::SenderIsGroup);
    }
    let sent = solicitation((CLIENT, ALL_NODES), group, V6, Some(CLIENT));
    assert_eq!(fault(&sent), Malformed::SenderIsGroup);
    let of_group = solicitation(from, group, ALL_NODES, Some(CLIENT));
    assert_eq!(fault(&of_group), Malformed::TargetIsGroup);
    let nobody = (CLIENT, Ipv6Addr::UNSPECIFIED);
    let to_all = solicitation(nobody, (Mac::of_group(ALL_NODES), ALL_NODES), V6, None);
    assert_eq!(fault(&to_all), Malformed::Destination);
    let known = solicitation(nobody, group, V6, Some(CLIENT));
    assert_eq!(fault(&known), Malformed::OptionOfNobody);
    let all = (Mac::of_group(ALL_NODES), ALL_NODES);
    let solicited = advertisement(from, all, V6, 0x60, Some(CLIENT));
    assert_eq!(fault(&solicited), Malformed::SolicitedByAll);
    let mut body = valid[54..].to_vec();
    body[25] = 0;
    assert_eq!(fault(&icmp(from, group, body, 255)), Malformed::Option);
    let mut version = valid.clone();
    version[14] = 0x40;
    assert_eq!(fault(&version), Malformed::Version);
    assert_eq!(fault(&valid[..60]), Malformed::Truncated);

    let mut code = valid[54..].to_vec();
    code[1] = 1;
    assert_eq!(hear(&icmp(from, group, code, 255)), Ok(None), "ignored");
}

#[test]
fn padding_is_no_part_of_a_packet() {
    let mut padded = Arp::request(CLIENT, CLIENT_V4, V4).to_vec();
    let bare = hear(&padded);
    padded.resize(60, 0xaa);
    assert_eq!(hear(&padded), bare);
    let group = (Mac::of_group(solicited_node(V6)), solicited_node(V6));
    let mut padded = solicitation((CLIENT, CLIENT_V6), group, V6, None);
    let bare = hear(&padded);
    padded.resize(100, 0xaa);
    assert_eq!(hear(&padded), bare);
}

fn address() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>()
        .prop_map(Ipv6Addr::from)
        .prop_filter("it is somebody's", |it| {
            !it.is_multicast() && !it.is_unspecified()
        })
}

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(|[first, rest @ ..]| {
        let mut mac = [first & 0xfe | 2, 0, 0, 0, 0, 0];
        mac[1..].copy_from_slice(&rest);
        Mac(mac)
    })
}

proptest! {
    #[test]
    fn no_bytes_do_harm(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = hear(&frame);
    }

    #[test]
    fn nothing_that_is_cut_off_is_understood(mac in mac(), target in address(), at in 0_usize..86) {
        let frame = Advertisement::unsolicited(mac, target);
        prop_assert!(hear(&frame[..at]).is_err());
    }

    #[test]
    fn a_single_bent_bit_is_found(mac in mac(), target in address(), bit in 0_usize..(86 * 8)) {
        let frame = Advertisement::unsolicited(mac, target);
        let mut bent = frame.to_vec();
        bent[bit / 8] ^= 1 << (bit % 8);
        let (heard, before) = (hear(&bent), hear(&frame).unwrap());
        // The frame's own header has no checksum here, and no field of IPv6 but these is in one.
        let is_covered = !matches!(bit / 8, 0..=17);
        if is_covered {
            prop_assert!(!matches!(heard, Ok(Some(it)) if Some(it) == before), "{heard:?}");
        }
    }

    #[test]
    fn what_is_sent_is_heard_as_it_was_meant(
        mac in mac(), asker in mac(), target in address(), source in address(), told in any::<bool>()
    ) {
        let heard = hear(&Advertisement::unsolicited(mac, target)).unwrap();
        let said = Advertisement {
            link_source: mac,
            target,
            target_mac: Some(mac),
            is_solicited: false,
            overrides: true,
        };
        prop_assert_eq!(heard, Some(Heard::Advertisement(said)));
        let asked = Solicitation {
            link_source: asker,
            source,
            destination: solicited_node(target),
            target,
            source_mac: told.then_some(asker),
        };
        let answer = asked.answer(mac);
        prop_assert_eq!(&answer[..6], &asker.0);
        let said = Advertisement { is_solicited: true, ..said };
        prop_assert_eq!(hear(&answer).unwrap(), Some(Heard::Advertisement(said)));
    }

    #[test]
    fn a_reply_goes_to_who_asked(mac in mac(), asker in mac(), v4 in any::<[u8; 4]>(), other in any::<[u8; 4]>()) {
        let (sender, target) = (v4.into(), other.into());
        let Some(Heard::Arp(request)) = hear(&Arp::request(asker, sender, target)).unwrap() else {
            return Err(TestCaseError::fail("a request is heard"));
        };
        let reply = request.reply(mac);
        prop_assert_eq!(&reply[..6], &asker.0);
        let said = Arp {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: target,
            target_mac: asker,
            target: sender,
        };
        prop_assert_eq!(hear(&reply).unwrap(), Some(Heard::Arp(said)));
    }
}
