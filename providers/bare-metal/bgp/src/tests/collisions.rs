//! Two connections at once (RFC 4271 §6.8).

use std::net::Ipv4Addr;
use std::time::Duration;

use rustbgpd_wire::{Capability, Message, OpenMessage};

use super::bench::*;
use super::hand::*;
use super::orders::{HIGHER, LOWER, SAME};
use crate::*;

/// A connection of ours on which our OPEN is sent, and the router's OPEN on one of its own.
fn theirs_comes(after: Duration, id: Ipv4Addr, asn: u32) -> Hand {
    let settings = Settings {
        remote_asn: RemoteAsn::External,
        ..settings()
    };
    let mut hand = Hand::at_with(State::OpenSent, settings, &open());
    hand.pass(after);
    assert!(hand.accept());
    hand.hear(&Message::Open(OpenMessage {
        bgp_identifier: id,
        my_as: 23_456,
        capabilities: vec![Capability::FourOctetAs { asn }],
        ..open()
    }));
    hand
}

#[test]
fn who_has_the_greater_identifier_and_then_autonomous_system_wins() {
    let none = Duration::ZERO;
    let collision = notification(6, 7, &[]);
    for (id, asn, is_ours) in [
        (LOWER, OURS + 1, true),
        (HIGHER, OURS - 1, false),
        (SAME, OURS - 1, true),
        (SAME, OURS + 1, false),
    ] {
        let hand = theirs_comes(none, id, asn);
        let expected = if is_ours {
            &[collision.clone()][..]
        } else {
            &[]
        };
        assert_eq!(hand.notified(), expected, "{id}, {asn}");
        let state = if is_ours {
            State::OpenSent
        } else {
            State::OpenConfirm
        };
        assert_eq!(hand.peer.state(), state);
        assert_eq!(hand.causes, []);
    }
}

#[test]
fn a_connection_on_which_nothing_comes_does_not_keep_the_routers_away() {
    // Whatever takes our connection, the router speaks on its own.
    let mut hand = theirs_comes(Duration::from_secs(10), LOWER, THEIRS);
    assert_eq!(
        (hand.peer.state(), hand.notified()),
        (State::OpenConfirm, vec![])
    );
    hand.hear(&KEEPALIVE);
    assert_eq!(hand.established, 1);
    assert_eq!(hand.notified(), [notification(6, 7, &[])]);
    let hand = theirs_comes(Duration::from_millis(9999), LOWER, THEIRS);
    assert_eq!(hand.peer.state(), State::OpenSent);
}

#[test]
fn ours_is_tried_again_if_nothing_comes_of_the_routers() {
    // The router opens a connection and says nothing, and ours is refused.
    let mut hand = Hand::at(State::Connect);
    let ours = hand.id;
    assert!(hand.accept());
    hand.peer.lost(ours, Some("refused".to_owned()), hand.now);
    hand.take();
    hand.done();
    hand.pass(Duration::from_secs(7));
    assert_eq!(hand.done(), "dials");
    // Its OPEN, and then nothing is dialled beside it, for as long as it lives.
    hand.hear(&Message::Open(open()));
    assert_eq!(hand.done(), "KEEPALIVE closed");
    hand.pass(Duration::from_secs(80));
    assert_eq!(
        (hand.dialled.len(), hand.peer.state()),
        (0, State::OpenConfirm)
    );
    hand.pass(Duration::from_secs(10));
    assert_eq!(hand.causes, [Cause::Sent(notification(4, 0, &[]))]);
    hand.pass(Duration::from_secs(7));
    assert_eq!(hand.dialled.len(), 1);
}

#[test]
fn a_session_does_not_end_by_a_second_connection() {
    let mut hand = Hand::at(State::Established);
    let session = hand.peer.established_on();
    assert!(hand.accept());
    hand.hear(&Message::Open(open()));
    assert_eq!(hand.notified(), [notification(6, 7, &[])]);
    assert_eq!(hand.closed, [hand.id]);
    assert_eq!((hand.peer.established_on(), hand.causes), (session, vec![]));
}

/// A router that keeps our routes over its restart.
fn helping() -> (Settings, OpenMessage) {
    let settings = Settings {
        restart: Some(Restart {
            time: Duration::from_mins(2),
            has_restarted: false,
        }),
        ..settings()
    };
    let mut open = open();
    open.capabilities.push(Capability::GracefulRestart {
        restart_state: true,
        notification: false,
        restart_time: 120,
        families: vec![],
    });
    (settings, open)
}

#[test]
fn a_router_that_has_restarted_takes_the_place_of_what_it_was() {
    let (settings, open) = helping();
    let mut hand = Hand::at_with(State::Established, settings, &open);
    hand.peer.want(net("203.0.113.1/32"), Some(plain()));
    while hand.peer.next_update().is_some() {}
    let session = hand.id;
    assert!(hand.accept());
    // Until its OPEN has come it may be anybody's.
    assert_eq!(hand.peer.established_on(), Some(session));
    hand.hear(&Message::Open(open));
    assert_eq!(hand.notified(), []);
    assert_eq!(
        (&hand.closed, &hand.causes),
        (&vec![session], &vec![Cause::Replaced])
    );
    assert_eq!(hand.peer.state(), State::OpenConfirm);
    assert_eq!(hand.peer.counts(), [1, 0, 0]);
    hand.hear(&KEEPALIVE);
    assert_eq!(hand.peer.established_on(), Some(hand.id));
    // All is said again, and no other connection is opened meanwhile.
    assert!(hand.peer.next_update().is_some());
    hand.pass(Duration::from_mins(1));
    assert!(hand.dialled.is_empty());
}

#[test]
fn of_the_connections_that_the_router_opens_the_last_counts() {
    let mut hand = Hand::at(State::Active);
    assert!(hand.accept());
    let first = hand.id;
    // One that was not gone on with is not gone on with.
    assert!(hand.accept());
    let second = hand.id;
    assert_eq!((&hand.closed, &hand.causes), (&vec![first], &vec![]));
    // One that was goes on until there is more to say of the other.
    hand.hear(&Message::Open(open()));
    assert!(hand.accept());
    assert_eq!(hand.closed, [first]);
    hand.hear(&Message::Open(open()));
    assert_eq!(hand.closed, [first, second]);
    assert_eq!(hand.notified(), [notification(6, 7, &[])]);
    hand.hear(&KEEPALIVE);
    assert_eq!(hand.peer.established_on(), Some(hand.id));
    // What comes on one that is over is nothing.
    hand.done();
    hand.id = second;
    hand.hear(&KEEPALIVE);
    hand.hear_bytes(&[0; 100]);
    hand.lose();
    assert_eq!(
        (hand.done(), hand.peer.state()),
        (String::new(), State::Established)
    );
}

#[test]
fn bfd_ends_all_connections_and_the_session_counts() {
    let mut hand = Hand::at(State::Established);
    hand.pass(Duration::from_secs(15));
    hand.hear(&KEEPALIVE);
    hand.accept();
    hand.done();
    hand.peer.bfd_down(hand.now);
    hand.take();
    assert_eq!(hand.done(), "6/10 6/10 closed closed");
    assert_eq!(hand.causes, [Cause::Sent(notification(6, 10, &[]))]);
    // It had worked: the router is tried again soon.
    let soon = hand.now + Duration::from_millis(500);
    assert!(hand.peer.next_tick().is_some_and(|it| it <= soon));
}
