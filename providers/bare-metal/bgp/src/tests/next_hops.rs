//! Where traffic is sent by what we announce, and what is not announced.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rustbgpd_wire::{Afi, Capability, ExtendedNextHopFamily, Message, OpenMessage, Safi};

use super::bench::*;
use super::hand::*;
use super::updates::{V4, V6, all_updates, attributes, external, session, value};
use crate::*;

#[test]
fn traffic_is_sent_where_the_router_reaches_us() {
    let v4 = Ipv4Addr::new(192, 0, 2, 11);
    let global: Ipv6Addr = "2001:db8::11".parse().unwrap();
    let local: Ipv6Addr = "fe80::11".parse().unwrap();
    let given_v4 = Ipv4Addr::new(192, 0, 2, 99);
    let given_v6: Ipv6Addr = "2001:db8::99".parse().unwrap();
    let hops = |v4, v6, link_local, is_over_v6| NextHops {
        v4,
        v6,
        link_local,
        is_over_v6,
    };
    let numbered = hops(Some(v4), Some(global), None, false);
    let over_v6 = hops(Some(v4), Some(global), None, true);
    let on_link = hops(Some(v4), Some(global), Some(local), true);
    let unnumbered = hops(None, None, Some(local), true);
    let nowhere = NextHops::default();
    let plainly = Attributes::default();
    let given = Attributes {
        next_hop_v4: Some(given_v4),
        next_hop_v6: Some(given_v6),
        ..Attributes::default()
    };
    let one = |it: Ipv6Addr| it.octets().to_vec();
    let two = || [global.octets(), local.octets()].concat();
    let four = |it: Ipv4Addr| it.octets().to_vec();
    // Our addresses, whether both can have an IPv6 next hop for IPv4, what is wanted, and what is said of IPv4
    // and of IPv6 (RFC 4271 §5.1.3, RFC 2545 §3, RFC 8950 §4). Where there is a link-local address only,
    // it stands alone: FRR and BIRD take it for the address on the link that the session is on.
    let table = [
        (numbered, false, &plainly, Some(four(v4)), Some(one(global))),
        (numbered, true, &plainly, Some(four(v4)), Some(one(global))),
        (over_v6, false, &plainly, Some(four(v4)), Some(one(global))),
        (
            over_v6,
            true,
            &plainly,
            Some(one(global)),
            Some(one(global)),
        ),
        (on_link, false, &plainly, Some(four(v4)), Some(two())),
        (on_link, true, &plainly, Some(two()), Some(two())),
        (unnumbered, false, &plainly, None, Some(one(local))),
        (
            unnumbered,
            true,
            &plainly,
            Some(one(local)),
            Some(one(local)),
        ),
        (nowhere, false, &plainly, None, None),
        (
            nowhere,
            false,
            &given,
            Some(four(given_v4)),
            Some(one(given_v6)),
        ),
        (
            on_link,
            true,
            &given,
            Some(four(given_v4)),
            Some(one(given_v6)),
        ),
    ];
    for (hops, is_extended, wanted, expected_v4, expected_v6) in table {
        let mut open = open();
        if is_extended {
            let offer = ExtendedNextHopFamily {
                nlri_afi: Afi::Ipv4,
                nlri_safi: Safi::Unicast,
                next_hop_afi: Afi::Ipv6,
            };
            open.capabilities
                .push(Capability::ExtendedNextHop(vec![offer]));
        }
        let mut hand = session(settings(), &open, hops);
        let address = "2001:db8:1::10".parse::<Ipv6Addr>().unwrap();
        let nlri = [&[128][..], &address.octets()].concat();
        let case = format!("{hops:?}, {is_extended}, {wanted:?}");
        sends(
            &mut hand,
            (V4, 1, &[32, 203, 0, 113, 10]),
            wanted,
            expected_v4,
            &case,
        );
        sends(&mut hand, (V6, 2, &nlri), wanted, expected_v6, &case);
    }
}

/// What is said of a prefix, of some family and as it stands in a message, has this next hop.
fn sends(
    hand: &mut Hand,
    (prefix, afi, nlri): (&str, u8, &[u8]),
    wanted: &Attributes,
    expected: Option<Vec<u8>>,
    case: &str,
) {
    hand.peer.want(net(prefix), Some(Arc::new(wanted.clone())));
    let updates = all_updates(hand);
    let Some(expected) = expected else {
        assert_eq!(updates, [], "{prefix}, {case}");
        return;
    };
    let said = attributes(&updates[0]);
    let body = &updates[0].nlri[..];
    if expected.len() == 4 {
        assert_eq!(value(&said, 3), Some(&expected[..]), "{prefix}, {case}");
        assert_eq!((value(&said, 14), body), (None, nlri), "{prefix}, {case}");
    } else {
        let length = u8::try_from(expected.len()).unwrap();
        let reach = [&[0, afi, 1, length], &expected[..], &[0], nlri].concat();
        assert_eq!(value(&said, 14), Some(&reach[..]), "{prefix}, {case}");
        assert_eq!((value(&said, 3), body.len()), (None, 0), "{prefix}, {case}");
    }
}

#[test]
fn a_route_that_loses_its_next_hop_is_withdrawn_and_counted() {
    let hops = NextHops {
        v6: None,
        ..next_hops()
    };
    let mut hand = session(settings(), &open(), hops);
    let given = Attributes {
        next_hop_v6: Some("2001:db8::99".parse().unwrap()),
        ..Attributes::default()
    };
    let given = Arc::new(given);
    let mut learnt = Learnt::default();
    let mut counts = |wanted: Option<Arc<Attributes>>| {
        hand.peer.want(net(V6), wanted);
        for update in all_updates(&mut hand) {
            learnt.hear(&Message::Update(update), true);
        }
        (hand.peer.counts(), learnt.routes.len())
    };
    assert_eq!(counts(Some(given.clone())), ([1, 1, 0], 1));
    assert_eq!(counts(Some(plain())), ([1, 0, 1], 0));
    assert_eq!(counts(Some(given.clone())), ([1, 1, 0], 1));
    assert_eq!(counts(Some(plain())), ([1, 0, 1], 0));
    assert_eq!(counts(None), ([0, 0, 0], 0));
    // It loses it before that was said, and has it again.
    assert_eq!(counts(Some(given.clone())), ([1, 1, 0], 1));
    hand.peer.want(net(V6), Some(plain()));
    hand.peer.want(net(V6), Some(given));
    assert_eq!(hand.peer.next_update(), None);
    assert_eq!(hand.peer.counts(), [1, 1, 0]);
}

#[test]
fn what_the_router_is_not_asked_for_is_not_said() {
    let v4_only = OpenMessage {
        capabilities: vec![family(Afi::Ipv4)],
        ..open()
    };
    let mut hand = session(settings(), &v4_only, next_hops());
    hand.peer.want(net(V6), Some(plain()));
    hand.peer.complete();
    let ended = all_updates(&mut hand);
    // One message, which ends IPv4 (RFC 4724 §2).
    assert_eq!(ended.len(), 1);
    let update = &ended[0];
    assert!(
        update.nlri.is_empty()
            && update.withdrawn_routes.is_empty()
            && update.path_attributes.is_empty()
    );
    hand.peer.want(net(V6), None);
    assert_eq!(hand.peer.next_update(), None);
    let mut hand = external();
    hand.peer.complete();
    let ended = all_updates(&mut hand);
    assert_eq!(attributes(&ended[1]), [(15, vec![0, 2, 1])]);
    // Bits beyond a prefix are nobody's.
    hand.peer.want(net("203.0.113.77/24"), Some(plain()));
    hand.peer.want(net("203.0.113.0/24"), Some(plain()));
    assert_eq!(all_updates(&mut hand)[0].nlri[..], [24, 203, 0, 113]);
}
