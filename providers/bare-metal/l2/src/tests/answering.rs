//! What a responder does about frames.

use std::net::IpAddr;
use std::time::Instant;

use super::*;
use crate::ndp::ALL_NODES;
use crate::{Advertisement, Arp, Heard, Reaction, Responder, Solicitation, hear, solicited_node};

/// One that announces both addresses.
fn responder() -> Responder {
    let mut responder = Responder::new(OWN, Instant::now());
    responder.announce(V4.into());
    responder.announce(V6.into());
    responder
}

/// What it does about a well-formed frame.
fn react(responder: &mut Responder, frame: &[u8]) -> Reaction {
    responder.hear(frame, Instant::now()).unwrap()
}

fn contested(address: impl Into<IpAddr>, by: Mac) -> Reaction {
    Reaction::Contested {
        address: address.into(),
        by,
    }
}

/// The solicited-node group of the address.
fn group() -> (Mac, Ipv6Addr) {
    let group = solicited_node(V6);
    (Mac::of_group(group), group)
}

#[test]
fn who_asks_for_an_announced_address_is_answered() {
    let mut responder = responder();
    let request = Arp::request(CLIENT, CLIENT_V4, V4);
    let Reaction::Answer(reply) = react(&mut responder, &request) else {
        panic!("no answer");
    };
    assert!(matches!(
        hear(&reply), Ok(Some(Heard::Arp(said))) if said.sender == V4 && said.sender_mac == OWN
    ));
    let other = Arp::request(CLIENT, CLIENT_V4, Ipv4Addr::new(192, 0, 2, 11));
    assert_eq!(react(&mut responder, &other), Reaction::Nothing);
}

#[test]
fn who_asks_whether_an_announced_address_is_free_is_told_that_it_is_not() {
    let mut responder = responder();
    let probe = Arp::probe(CLIENT, V4);
    assert!(matches!(react(&mut responder, &probe), Reaction::Answer(_)));
    let probe = Solicitation::probe(CLIENT, V6);
    let Reaction::Answer(answer) = react(&mut responder, &probe) else {
        panic!("no answer");
    };
    // One that may not have the address cannot be reached by it (RFC 4861, section 7.2.4).
    let to_all = Advertisement::unsolicited(OWN, V6);
    assert_eq!(answer, to_all);
}

#[test]
fn solicitations_are_answered_to_groups_and_to_us_with_and_without_the_option() {
    let mut responder = responder();
    for to in [group(), (OWN, V6)] {
        for told in [Some(RIVAL), None] {
            let asked = solicitation((CLIENT, CLIENT_V6), to, V6, told);
            let Reaction::Answer(answer) = react(&mut responder, &asked) else {
                panic!("no answer");
            };
            let flags = 0x60;
            let there = (told.unwrap_or(CLIENT), CLIENT_V6);
            let expected = advertisement((OWN, V6), there, V6, flags, Some(OWN));
            assert_eq!(&answer[..], expected);
        }
    }
}

#[test]
fn an_address_that_is_probed_is_answered_for_by_nobody() {
    let mut responder = Responder::new(OWN, Instant::now());
    responder.probe(V4.into());
    responder.probe(V6.into());
    let request = Arp::request(CLIENT, CLIENT_V4, V4);
    assert_eq!(react(&mut responder, &request), Reaction::Nothing);
    let asked = solicitation((CLIENT, CLIENT_V6), group(), V6, Some(CLIENT));
    assert_eq!(react(&mut responder, &asked), Reaction::Nothing);

    responder.announce(V4.into());
    assert!(matches!(
        react(&mut responder, &request),
        Reaction::Answer(_)
    ));
    responder.withdraw(V4.into());
    assert_eq!(react(&mut responder, &request), Reaction::Nothing);
}

#[test]
fn two_that_probe_at_once_are_told_of_each_other() {
    let mut responder = Responder::new(OWN, Instant::now());
    responder.probe(V4.into());
    responder.probe(V6.into());
    let probe = Arp::probe(RIVAL, V4);
    assert_eq!(react(&mut responder, &probe), contested(V4, RIVAL));
    let probe = Solicitation::probe(RIVAL, V6);
    assert_eq!(react(&mut responder, &probe), contested(V6, RIVAL));
}

#[test]
fn whoever_else_has_an_address_contests_it() {
    let mut responder = responder();
    let all = (Mac::of_group(ALL_NODES), ALL_NODES);
    let frames = [
        ("an announcement", Arp::announcement(RIVAL, V4).to_vec()),
        (
            "a question from it",
            Arp::request(RIVAL, V4, CLIENT_V4).to_vec(),
        ),
        (
            "an advertisement",
            Advertisement::unsolicited(RIVAL, V6).to_vec(),
        ),
        (
            "an advertisement that does not say where",
            advertisement((RIVAL, V6), all, V6, 0x20, None),
        ),
        (
            "a question from it, by NDP",
            solicitation((RIVAL, V6), group(), CLIENT_V6, Some(RIVAL)),
        ),
    ];
    for (what, frame) in frames {
        let reaction = react(&mut responder, &frame);
        assert!(
            matches!(reaction, Reaction::Contested { by: RIVAL, .. }),
            "{what}: {reaction:?}"
        );
    }
}

#[test]
fn what_a_switch_sends_back_to_us_contests_nothing() {
    let mut responder = responder();
    for frame in [
        Arp::announcement(OWN, V4).to_vec(),
        Arp::probe(OWN, V4).to_vec(),
        Advertisement::unsolicited(OWN, V6).to_vec(),
        Solicitation::probe(OWN, V6).to_vec(),
    ] {
        assert_eq!(react(&mut responder, &frame), Reaction::Nothing);
    }
}

#[test]
fn who_asks_without_end_is_answered_no_more_while_others_are() {
    let (mut responder, now) = (responder(), Instant::now());
    let flood = Arp::request(RIVAL, CLIENT_V4, V4);
    let answers = (0..5000).filter(|_| {
        let reaction = responder.hear(&flood, now).unwrap();
        matches!(reaction, Reaction::Answer(_))
    });
    assert_eq!(answers.count(), 1000);
    assert_eq!(responder.hear(&flood, now), Ok(Reaction::Limited));
    let calm = Arp::request(CLIENT, CLIENT_V4, V4);
    let reaction = responder.hear(&calm, now).unwrap();
    assert!(matches!(reaction, Reaction::Answer(_)));
}

#[test]
fn an_answer_is_not_answered() {
    let Ok(Some(Heard::Arp(question))) = hear(&Arp::request(RIVAL, V4, CLIENT_V4)) else {
        panic!();
    };
    // To one that asked by our address.
    let answer = question.reply(CLIENT);
    assert_eq!(react(&mut responder(), &answer), Reaction::Nothing);
}

#[test]
fn who_claims_an_address_for_another_mac_is_told_by_that() {
    let virtual_mac = Mac([0, 0, 0x5e, 0, 1, 7]);
    let group = (Mac([0x33, 0x33, 0, 0, 0, 1]), ALL_NODES);
    let claim = |by| advertisement((by, CLIENT_V6), group, V6, 0x20, Some(virtual_mac));
    let mut responder = responder();
    assert_eq!(
        react(&mut responder, &claim(RIVAL)),
        contested(V6, virtual_mac)
    );
    assert_eq!(react(&mut responder, &claim(OWN)), Reaction::Nothing);
    let asks = solicitation((RIVAL, V6), group, CLIENT_V6, Some(virtual_mac));
    assert_eq!(react(&mut responder, &asks), contested(V6, virtual_mac));
}
