//! How long is waited before a connection is opened again.

use std::collections::BTreeSet;
use std::time::Duration;

use rustbgpd_wire::Message;

use super::bench::*;
use super::hand::*;
use super::times::{due, seconds, within};
use crate::*;

fn with_seed(seed: u64) -> Hand {
    let mut hand = Hand::new(settings());
    hand.peer = Peer::new(settings(), seed);
    hand
}

fn establish(hand: &mut Hand) {
    hand.connect();
    hand.hear(&Message::Open(open()));
    hand.hear(&KEEPALIVE);
    assert_eq!(hand.peer.state(), State::Established);
}

/// Time passes in a session in which the router says that it lives.
fn live(hand: &mut Hand, time: Duration) {
    let end = hand.now + time;
    while hand.now < end {
        hand.hear(&KEEPALIVE);
        hand.pass(seconds(20).min(end - hand.now));
    }
}

/// Waits until a connection is opened again; how long that took.
fn until_dialled(hand: &mut Hand) -> Duration {
    let before = hand.now;
    hand.dialled.clear();
    while hand.dialled.is_empty() {
        let wait = due(hand);
        hand.late(wait);
    }
    hand.id = hand.dialled[0];
    hand.now - before
}

#[test]
fn who_does_not_answer_is_asked_again_and_again() {
    let mut hand = Hand::at(State::Connect);
    let mut waits = BTreeSet::new();
    for _ in 0..50 {
        let wait = until_dialled(&mut hand);
        within(
            wait,
            Duration::from_millis(3750),
            Duration::from_millis(6250),
        );
        assert_eq!(hand.causes.pop(), Some(Cause::NoAnswer));
        waits.insert(wait);
    }
    assert!(waits.len() > 45);
    // About the usual time: sooner and later.
    assert!(waits.first() < Some(&seconds(5)) && waits.last() > Some(&seconds(5)));
}

#[test]
fn where_nobody_listens_waits_grow_up_to_the_usual_one_until_a_session_has_lasted() {
    let refused = |hand: &mut Hand| {
        hand.peer
            .lost(hand.id, Some("refused".to_owned()), hand.now);
        hand.take();
        let wait = until_dialled(hand);
        let why = Cause::Connection("refused".to_owned());
        assert_eq!(hand.causes.pop(), Some(why));
        wait
    };
    let about = |wait: Duration, milliseconds| {
        let time = Duration::from_millis(milliseconds);
        within(wait, time.mul_f64(0.75), time.mul_f64(1.25));
    };
    let mut hand = Hand::at(State::Connect);
    for expected in [500, 1000, 2000, 4000, 5000, 5000] {
        about(refused(&mut hand), expected);
    }
    // A router that breaks what has begun is not tried again and again at once.
    establish(&mut hand);
    live(&mut hand, Duration::from_millis(9999));
    about(refused(&mut hand), 5000);
    establish(&mut hand);
    live(&mut hand, seconds(10));
    within(
        refused(&mut hand),
        Duration::from_millis(375),
        Duration::from_millis(500),
    );
    about(refused(&mut hand), 5000);
    establish(&mut hand);
    live(&mut hand, seconds(60));
    within(
        refused(&mut hand),
        Duration::from_millis(375),
        Duration::from_millis(500),
    );
    about(refused(&mut hand), 500);
    // Nobody waits longer than usual.
    let quick = Settings {
        connect_retry_time: seconds(1),
        ..settings()
    };
    let mut hand = Hand::at_with(State::Connect, quick, &open());
    for expected in [500, 1000, 1000] {
        about(refused(&mut hand), expected);
    }
}

#[test]
fn who_may_be_reached_again_is_tried_soon_but_not_after_an_error() {
    let slow = || Settings {
        connect_retry_time: seconds(120),
        ..settings()
    };
    let soon = Duration::from_millis(375)..=Duration::from_millis(500);
    let hurry = |hand: &mut Hand| {
        hand.peer.hurry(hand.now);
        hand.take();
    };
    // A wait, and a connection that is not answered.
    let mut hand = Hand::at_with(State::Connect, slow(), &open());
    for _ in 0..8 {
        hand.lose();
        until_dialled(&mut hand);
    }
    hand.lose();
    assert!(due(&hand) > seconds(30));
    hurry(&mut hand);
    let most = *soon.end();
    assert!(soon.contains(&due(&hand)), "{:?}", due(&hand));
    // Whoever says so again and again does not put it off.
    hand.pass(Duration::from_millis(300));
    hurry(&mut hand);
    let rest = most.saturating_sub(Duration::from_millis(300));
    assert!(due(&hand) <= rest, "{:?}", due(&hand));
    until_dialled(&mut hand);
    let before = hand.id;
    hurry(&mut hand);
    assert!(soon.contains(&due(&hand)));
    until_dialled(&mut hand);
    assert_ne!(hand.id, before);
    // What is under way goes on.
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let mut hand = Hand::at_with(state, slow(), &open());
        hurry(&mut hand);
        assert_eq!(hand.peer.state(), state);
        assert!(due(&hand) > most);
    }
    // After an error, without a start, and where the router is waited for, nobody is tried.
    let mut hand = Hand::at_with(State::OpenSent, slow(), &open());
    hand.hear_bytes(&[0; 19]);
    let wait = due(&hand);
    hurry(&mut hand);
    assert_eq!(due(&hand), wait);
    let passive = Settings {
        passive: true,
        ..slow()
    };
    let mut hand = Hand::new(passive);
    hand.start();
    hurry(&mut hand);
    assert_eq!(hand.peer.next_tick(), None);
    let mut hand = Hand::new(slow());
    hurry(&mut hand);
    assert_eq!(hand.peer.next_tick(), None);
}

#[test]
fn errors_make_waits_grow_until_a_session_has_lasted() {
    let error = |hand: &mut Hand| {
        hand.hear_bytes(&[0; 19]);
        until_dialled(hand)
    };
    let mut hand = with_seed(7);
    hand.start();
    for expected in [5, 10, 20, 40, 60, 60, 60] {
        hand.connect();
        let wait = error(&mut hand);
        within(
            wait,
            seconds(expected).mul_f64(0.75),
            seconds(expected).mul_f64(1.25),
        );
    }
    // A session that does not last does not make good for it.
    for _ in 0..2 {
        establish(&mut hand);
        live(&mut hand, Duration::from_millis(9999));
        within(error(&mut hand), seconds(45), seconds(75));
    }
    // One that worked is tried again soon once, and one that lasted counts.
    establish(&mut hand);
    live(&mut hand, seconds(10));
    within(
        error(&mut hand),
        Duration::from_millis(375),
        Duration::from_millis(500),
    );
    hand.connect();
    within(error(&mut hand), seconds(45), seconds(75));
    establish(&mut hand);
    live(&mut hand, seconds(60));
    within(
        error(&mut hand),
        Duration::from_millis(375),
        Duration::from_millis(500),
    );
    hand.connect();
    within(
        error(&mut hand),
        Duration::from_millis(3750),
        Duration::from_millis(6250),
    );
    // Whoever waits longer anyway waits so long by and by, but at once if the router says that it means it.
    let slow = Settings {
        connect_retry_time: seconds(120),
        ..settings()
    };
    let mut hand = Hand::at_with(State::OpenSent, slow.clone(), &open());
    for expected in [5, 10, 20, 40, 80, 120, 120] {
        within(
            error(&mut hand),
            seconds(expected).mul_f64(0.75),
            seconds(expected).mul_f64(1.25),
        );
        hand.connect();
    }
    let mut hand = Hand::at_with(State::OpenSent, slow, &open());
    hand.hear_bytes(&raw(3, &[6, 2]));
    within(until_dialled(&mut hand), seconds(90), seconds(150));
}

#[test]
fn how_long_to_wait_is_by_why_a_session_has_ended() {
    let soon = (Duration::from_millis(375), Duration::from_millis(500));
    let first = (Duration::from_millis(375), Duration::from_millis(625));
    let usual = (Duration::from_millis(3750), Duration::from_millis(6250));
    let cease = |subcode| Some(raw(3, &[6, subcode]));
    // How long the session was, what ended it (None: the connection broke), how long is waited, and whether
    // nobody is let in until then.
    let table = [
        (3600, None, soon, false),
        (10, None, soon, false),
        (9, None, first, false),
        (0, None, first, false),
        (3600, cease(4), soon, false),
        (3600, cease(7), soon, false),
        (9, cease(4), usual, true),
        // Who says that there is to be no session means it, however long there was one.
        (3600, cease(1), usual, true),
        (3600, cease(2), usual, true),
        (3600, cease(3), usual, true),
        (3600, cease(5), usual, true),
        (3600, cease(8), usual, true),
        (3600, Some(raw(3, &[4, 0])), soon, false),
        (3600, Some(raw(3, &[2, 2])), soon, false),
        (0, Some(raw(3, &[2, 2])), usual, true),
    ];
    for (length, end, (least, most), is_closed) in table {
        let mut hand = with_seed(7);
        hand.start();
        establish(&mut hand);
        live(&mut hand, seconds(length));
        match &end {
            Some(bytes) => hand.hear_bytes(bytes),
            None => hand.lose(),
        }
        let case = format!("{length}, {end:?}");
        let expected = if is_closed {
            State::Idle
        } else {
            State::Active
        };
        assert_eq!(hand.peer.state(), expected, "{case}");
        assert_eq!(hand.accept(), !is_closed, "{case}");
        let wait = due(&hand);
        assert!((least..=most).contains(&wait), "{case}: {wait:?}");
    }
}

#[test]
fn speakers_do_not_all_come_at_once() {
    // After a loss, an error, and a refusal, and when nobody answers.
    let ends: [fn(&mut Hand); 4] = [
        |hand| {
            establish(hand);
            live(hand, seconds(60));
            hand.lose();
        },
        |hand| {
            hand.connect();
            hand.hear_bytes(&[0; 19]);
        },
        |hand| hand.lose(),
        |_| {},
    ];
    for end in ends {
        let waits = (0..100).map(|seed| {
            let mut hand = with_seed(seed);
            hand.start();
            end(&mut hand);
            until_dialled(&mut hand)
        });
        assert_eq!(waits.collect::<BTreeSet<_>>().len(), 100);
    }
}
