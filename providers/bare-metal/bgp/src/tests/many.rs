//! Many routes, and what is said again.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use rustbgpd_wire::{Afi, Message, RouteRefreshMessage, Safi};

use super::bench::*;
use super::hand::*;
use crate::*;

#[test]
fn many_routes_take_as_few_messages_as_there_is_room_for() {
    let mut hand = Hand::at(State::Established);
    let count = 10_000_u32;
    let addresses = (0..count).map(|it| IpNet::from(IpAddr::V4((0xcb00_0000 + it).into())));
    let addresses: Vec<_> = addresses.collect();
    for net in &addresses {
        hand.peer.want(*net, Some(plain()));
    }
    let mut learnt = Learnt::default();
    let mut lengths = Vec::new();
    let mut take = |hand: &mut Hand| {
        let before = lengths.len();
        while let Some((_, bytes)) = hand.peer.next_update() {
            lengths.push(bytes.len());
            learnt.hear(&messages(&bytes)[0], true);
        }
        (
            lengths.len() - before,
            *lengths.iter().max().unwrap(),
            learnt.routes.len(),
        )
    };
    // Each takes five bytes: of 4096, ORIGIN, AS_PATH and NEXT_HOP take 4, 9 and 7, and the frame 23; 21 bytes
    // more are left for what only IPv6 needs.
    let room = 4096 - 23 - 4 - 9 - 41;
    let (messages, longest, known) = take(&mut hand);
    assert_eq!(messages, 10_000_usize.div_ceil(room / 5));
    assert_eq!((known, longest), (10_000, 23 + 4 + 9 + 7 + room / 5 * 5));
    // One that changes costs one message.
    let other = Attributes {
        med: Some(1),
        ..Attributes::default()
    };
    hand.peer.want(addresses[0], Some(other.into()));
    assert_eq!(take(&mut hand).0, 1);
    for net in &addresses {
        hand.peer.want(*net, None);
    }
    let (messages, longest, known) = take(&mut hand);
    let room = 4096 - 23 - 7;
    assert_eq!((messages, known), (10_000_usize.div_ceil(room / 5), 0));
    assert!(longest <= 4096);
}

#[test]
fn a_message_is_never_too_long_whatever_prefixes_are_in_it() {
    for length in [0, 7, 8, 9, 48, 56, 64, 65, 120, 127, 128] {
        let mut hand = Hand::at(State::Established);
        let nets = (0..1000_u128).map(|it| Ipv6Addr::from(it.rotate_right(64) | it.reverse_bits()));
        let nets: Vec<_> = nets
            .map(|it| IpNet::new(it.into(), length).unwrap())
            .collect();
        let mut learnt = Learnt::default();
        for wanted in [Some(plain()), None] {
            for net in &nets {
                hand.peer.want(*net, wanted.clone());
            }
            while let Some((_, bytes)) = hand.peer.next_update() {
                assert!(bytes.len() <= 4096, "{length}: {}", bytes.len());
                learnt.hear(&messages(&bytes)[0], true);
            }
            let known = wanted.map_or(0, |_| hand.peer.counts()[0]);
            assert_eq!(learnt.routes.len(), known);
        }
    }
}

#[test]
fn what_is_asked_for_again_is_said_again_though_it_changes_to_and_fro() {
    let net = net("203.0.113.1/32");
    let one = plain();
    let other = Arc::new(Attributes {
        med: Some(1),
        ..Attributes::default()
    });
    for between in [Some(other), None] {
        let mut hand = Hand::at(State::Established);
        hand.peer.want(net, Some(one.clone()));
        let count = |hand: &mut Hand| std::iter::from_fn(|| hand.peer.next_update()).count();
        assert_eq!(count(&mut hand), 1);
        let refresh = RouteRefreshMessage::new(Afi::Ipv4, Safi::Unicast);
        hand.hear(&Message::RouteRefresh(refresh));
        hand.peer.want(net, between);
        hand.peer.want(net, Some(one.clone()));
        assert_eq!(count(&mut hand), 1);
        hand.peer.want(net, None);
        hand.peer.want(net, Some(one.clone()));
        assert_eq!(count(&mut hand), 0);
    }
}
