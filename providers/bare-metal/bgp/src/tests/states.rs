//! Every state with every event (RFC 4271 §8).

use std::time::Duration;

use rustbgpd_wire::{
    Afi, Message, NotificationCode, NotificationMessage, RouteRefreshMessage, Safi,
};

use super::bench::*;
use super::hand::*;
use crate::*;

/// What happens (RFC 4271 §8.1), and what this machine knows beyond that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    ManualStart,
    ManualStop,
    ConnectRetryTimerExpires,
    HoldTimerExpires,
    KeepaliveTimerExpires,
    SendHoldTimerExpires,
    TcpCrAcked,
    TcpConnectionConfirmed,
    TcpConnectionFails,
    BgpOpen,
    BgpHeaderErr,
    BgpOpenMsgErr,
    OpenCollisionDump,
    NotifMsgVerErr,
    NotifMsg,
    KeepAliveMsg,
    UpdateMsg,
    UpdateMsgErr,
    RouteRefresh,
    BfdDown,
}

/// Nothing is done, and the state stays.
const NO: &str = "=";
/// It cannot be: the timer does not run.
const NEVER: &str = "-";

/// An event, what becomes of it in Idle, Connect, Active, `OpenSent`, `OpenConfirm` and Established (the state
/// that follows, and what is done), and why that is so. Where nothing else is said, §8.2.2 has it so. Who
/// is to be connected again waits in `Active` if nothing was wrong, and in `Idle` after an error; §8.2.2
/// says Idle for both, and leaves to §8.1.1 (options 3, 5 and 6: `AutomaticStart`, `DampPeerOscillations`,
/// `IdleHoldTimer`) how long that lasts.
#[rustfmt::skip]
const TABLE: [(Event, [&str; 6], &str); 20] = [
    (Event::ManualStart, ["Connect: dials", NO, NO, NO, NO, NO], "event 1; ignored but in Idle"),
    (Event::ManualStop, [NO, "Idle: closed", "Idle", "Idle: 6/2 closed", "Idle: 6/2 closed", "Idle: 6/2 closed"],
        "event 2; with a word (RFC 9003)"),
    (Event::ConnectRetryTimerExpires, [NEVER, "Connect: closed dials", "Connect: dials", NO, NO, NO],
        "event 9; it does not run from OpenSent on, where §8.2.2 calls it an error of the machine"),
    (Event::HoldTimerExpires, [NEVER, NEVER, NEVER, "Idle: 4/0 closed", "Idle: 4/0 closed", "Active: 4/0 closed"],
        "event 10; in OpenSent after four minutes"),
    (Event::KeepaliveTimerExpires, [NEVER, NEVER, NEVER, NEVER, "OpenConfirm: KEEPALIVE", "Established: KEEPALIVE"],
        "event 11"),
    (Event::SendHoldTimerExpires, [NEVER, NEVER, NEVER, "Idle: 8/0 closed", "Idle: 8/0 closed", "Active: 8/0 closed"],
        "RFC 9687 §4 for Established; a router that does not take as much as an OPEN is no better"),
    (Event::TcpCrAcked, [NO, "OpenSent: OPEN", NO, NO, NO, NO],
        "event 16; without a dial there is none, and a second word of the same connection is nothing"),
    (Event::TcpConnectionConfirmed, [NO, "OpenSent: OPEN", "OpenSent: OPEN", "OpenSent: OPEN", "OpenConfirm: OPEN", "Established: OPEN"],
        "event 17; a connection of the router's is tracked beside ours until its OPEN has come (§6.8)"),
    (Event::TcpConnectionFails, [NO, "Active: closed", NO, "Active: closed", "Active: closed", "Active: closed"],
        "event 18; nothing was wrong with the router, so that its next connection is let in at once"),
    (Event::BgpOpen, [NO, NO, NO, "OpenConfirm: KEEPALIVE", "Idle: 5/2 closed", "Idle: 5/3 closed"],
        "event 19; a second OPEN on one connection is no collision but an error (RFC 6608 §3)"),
    (Event::BgpHeaderErr, [NO, NO, NO, "Idle: 1/1 closed", "Idle: 1/1 closed", "Idle: 1/1 closed"], "event 21"),
    (Event::BgpOpenMsgErr, [NO, NO, NO, "Idle: 2/2 closed", "Idle: 5/2 closed", "Idle: 5/3 closed"],
        "event 22; what comes after the first OPEN is wrong whatever is in it"),
    (Event::OpenCollisionDump, ["Idle", "Established: OPEN KEEPALIVE closed", "Established: OPEN KEEPALIVE",
        "Established: OPEN KEEPALIVE 6/7 closed", "Established: OPEN 6/7 KEEPALIVE closed", "Established: OPEN 6/7 closed"],
        "event 23; the router wins. Of an established session and another the other is closed (§6.8)"),
    (Event::NotifMsgVerErr, [NO, NO, NO, "Idle: closed", "Idle: closed", "Idle: closed"], "event 24"),
    (Event::NotifMsg, [NO, NO, NO, "Idle: closed", "Idle: closed", "Idle: closed"],
        "event 25; in OpenSent §8.2.2 would have it answered by 5/0, while §6.4 answers none"),
    (Event::KeepAliveMsg, [NO, NO, NO, "Idle: 5/1 closed", "Established", NO], "event 26; subcodes by RFC 6608"),
    (Event::UpdateMsg, [NO, NO, NO, "Idle: 5/1 closed", "Idle: 5/2 closed", NO], "event 27; subcodes by RFC 6608"),
    (Event::UpdateMsgErr, [NO, NO, NO, "Idle: 5/1 closed", "Idle: 5/2 closed", "Idle: 3/10 closed"],
        "event 28; only what cannot be told apart ends a session (RFC 7606 §5.3)"),
    (Event::RouteRefresh, [NO, NO, NO, "Idle: 5/1 closed", "Idle: 5/2 closed", NO], "RFC 2918 §4"),
    (Event::BfdDown, [NO, NO, NO, "Idle: 6/10 closed", "Idle: 6/10 closed", "Idle: 6/10 closed"],
        "RFC 5882 §4.2, RFC 9384; a dial comes to nothing by itself"),
];

const STATES: [State; 6] = [
    State::Idle,
    State::Connect,
    State::Active,
    State::OpenSent,
    State::OpenConfirm,
    State::Established,
];

#[test]
fn each_state_and_event_has_what_rfc_4271_says() {
    let mut wrong = Vec::new();
    for (event, cells, why) in TABLE {
        for (state, expected) in STATES.into_iter().zip(cells) {
            if expected == NEVER {
                continue;
            }
            let mut hand = Hand::at(state);
            happens(event, state, &mut hand);
            let done = hand.done();
            let after = hand.peer.state();
            let outcome = match done.as_str() {
                "" if after == state && hand.causes.is_empty() => NO.to_owned(),
                "" => after.name().to_owned(),
                done => format!("{}: {done}", after.name()),
            };
            let expected = if expected == state.name() {
                NO
            } else {
                expected
            };
            if outcome != expected {
                wrong.push(format!(
                    "{event:?} in {state:?} ({why}): {outcome}, not {expected}"
                ));
            }
            // It is told once when a session ends or does not come about, and never else.
            let is_over = done.contains("closed") && after < State::OpenSent;
            let is_told = is_over && !(event == Event::ManualStop && state == State::Connect);
            if hand.causes.len() != usize::from(is_told) {
                wrong.push(format!("{event:?} in {state:?} tells {:?}", hand.causes));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn happens(event: Event, state: State, hand: &mut Hand) {
    let seconds = Duration::from_secs;
    let (id, now) = (hand.id, hand.now);
    let notification = |code, subcode| {
        Message::Notification(NotificationMessage {
            code: NotificationCode::from_u8(code),
            subcode,
            data: bytes::Bytes::new(),
        })
    };
    match event {
        Event::ManualStart => hand.peer.start(now),
        Event::ManualStop => hand.peer.stop(&Leave::Shutdown("bye".to_owned())),
        Event::ConnectRetryTimerExpires => hand.late(seconds(7)),
        Event::HoldTimerExpires if state == State::OpenSent => hand.late(seconds(240)),
        Event::HoldTimerExpires => hand.late(seconds(90)),
        Event::KeepaliveTimerExpires => hand.late(seconds(30)),
        Event::SendHoldTimerExpires => {
            // The router says something all the time, and takes nothing.
            hand.peer
                .blocked(id, Some(now.checked_sub(seconds(470)).unwrap()));
            hand.late(seconds(10));
        }
        Event::TcpCrAcked => {
            if state != State::Idle && state != State::Active {
                hand.connect();
            }
        }
        Event::TcpConnectionConfirmed => {
            assert_eq!(hand.accept(), state != State::Idle);
        }
        Event::TcpConnectionFails => hand.lose(),
        Event::BgpOpen => hand.hear(&Message::Open(open())),
        Event::BgpHeaderErr => hand.hear_bytes(&[0; 19]),
        Event::BgpOpenMsgErr => hand.hear(&Message::Open(rustbgpd_wire::OpenMessage {
            capabilities: vec![],
            my_as: 1,
            ..open()
        })),
        Event::OpenCollisionDump => {
            let wins = rustbgpd_wire::OpenMessage {
                bgp_identifier: [192, 0, 2, 200].into(),
                ..open()
            };
            if hand.accept() {
                hand.hear(&Message::Open(wins));
                hand.hear(&KEEPALIVE);
            }
        }
        Event::NotifMsgVerErr => hand.hear(&notification(2, 1)),
        Event::NotifMsg => hand.hear(&notification(6, 4)),
        Event::KeepAliveMsg => hand.hear(&KEEPALIVE),
        Event::UpdateMsg => hand.hear_bytes(&raw(2, &[0; 4])),
        Event::UpdateMsgErr => hand.hear_bytes(&raw(2, &[0, 0, 0, 0, 33, 1, 2, 3, 4, 5])),
        Event::RouteRefresh => {
            let refresh = RouteRefreshMessage::new(Afi::Ipv4, Safi::Unicast);
            hand.hear(&Message::RouteRefresh(refresh));
        }
        Event::BfdDown => hand.peer.bfd_down(now),
    }
    hand.take();
}

#[test]
fn after_an_error_nobody_is_let_in_until_the_wait_is_over() {
    let mut hand = Hand::at(State::OpenSent);
    hand.hear_bytes(&[0; 19]);
    assert_eq!((hand.peer.state(), hand.accept()), (State::Idle, false));
    let due = hand.peer.next_tick().unwrap();
    hand.now = due;
    hand.late(Duration::ZERO);
    assert_eq!((hand.peer.state(), hand.accept()), (State::Connect, true));
    // Who only waits lets in again, too.
    let mut hand = Hand::new(Settings {
        passive: true,
        ..settings()
    });
    hand.start();
    assert!(hand.accept() && hand.dialled.is_empty());
    hand.hear_bytes(&[0; 19]);
    assert_eq!((hand.peer.state(), hand.accept()), (State::Idle, false));
    hand.pass(Duration::from_secs(7));
    assert_eq!(
        (hand.peer.state(), hand.peer.next_tick()),
        (State::Active, None)
    );
    assert!(hand.accept() && hand.dialled.is_empty());
}

#[test]
fn what_is_left_is_told_why() {
    let told = |leave: Leave| {
        let mut hand = Hand::at(State::Established);
        hand.peer.stop(&leave);
        hand.take();
        assert_eq!(hand.peer.state(), State::Idle);
        assert_eq!(hand.causes.len(), 1);
        assert!(hand.peer.next_tick().is_none());
        hand.notified()
    };
    let why = || "node drains".to_owned();
    let spoken = notification(6, 2, b"\x0bnode drains");
    assert_eq!(told(Leave::Shutdown(why())), std::slice::from_ref(&spoken));
    assert_eq!(spoken.communication(), Some(why()));
    assert_eq!(spoken.to_string().matches("node drains").count(), 1);
    assert_eq!(told(Leave::Deconfigured), [notification(6, 3, &[])]);
    assert_eq!(told(Leave::Reconfigured), [notification(6, 6, &[])]);
    // A router that does not keep our routes hears of a restart.
    assert_eq!(told(Leave::Restart(why())), [spoken]);
    // Whatever is said is cut so that it fits.
    let long = told(Leave::Shutdown("ä".repeat(3000)));
    assert_eq!((long[0].data[0], long[0].data.len()), (128, 129));
}
