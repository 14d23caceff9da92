//! What happens when.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rustbgpd_wire::{Afi, Message, RouteRefreshMessage, Safi};

use super::bench::*;
use super::hand::*;
use crate::*;

pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// When something is due next.
pub(super) fn due(hand: &Hand) -> Duration {
    hand.peer.next_tick().unwrap() - hand.now
}

pub(super) fn within(time: Duration, least: Duration, most: Duration) {
    assert!(
        (least..=most).contains(&time),
        "{time:?}, not {least:?} to {most:?}"
    );
}

#[test]
fn keepalives_come_after_three_quarters_of_the_time_at_least_at_random() {
    let mut times: BTreeSet<Duration> = BTreeSet::new();
    let mut hand = Hand::at(State::Established);
    for _ in 0..200 {
        let wait = due(&hand);
        within(wait, Duration::from_millis(22_500), seconds(30));
        times.insert(wait);
        hand.hear(&KEEPALIVE);
        hand.late(wait);
        assert_eq!(hand.done(), "KEEPALIVE");
    }
    let (first, last) = (times.first().unwrap(), times.last().unwrap());
    assert!(times.len() > 190 && *first < seconds(23) && *last > Duration::from_millis(29_500));
}

#[test]
fn the_hold_time_counts_from_the_last_word_of_the_router() {
    let bodies: [&[u8]; 2] = [&raw(4, &[]), &raw(2, &[0; 4])];
    for body in bodies {
        let mut hand = Hand::at(State::Established);
        hand.late(Duration::from_millis(89_999));
        assert_eq!(hand.peer.state(), State::Established);
        hand.hear_bytes(body);
        hand.late(Duration::from_millis(89_999));
        assert_eq!(hand.peer.state(), State::Established);
        hand.late(Duration::from_millis(1));
        assert_eq!(hand.causes, [Cause::Sent(notification(4, 0, &[]))]);
    }
    // Half a message is none, and a refresh does not count (RFC 4271 §4.4).
    let refresh = raw(5, &[0, 1, 0, 1]);
    for body in [&raw(4, &[])[..18], &refresh] {
        let mut hand = Hand::at(State::Established);
        hand.late(seconds(60));
        hand.hear_bytes(body);
        hand.late(seconds(30));
        assert_eq!(hand.causes, [Cause::Sent(notification(4, 0, &[]))]);
    }
    // What has come before somebody looks is heard before.
    let mut hand = Hand::at(State::Established);
    hand.now += seconds(1000);
    hand.hear(&KEEPALIVE);
    hand.late(Duration::ZERO);
    assert_eq!(hand.peer.state(), State::Established);
}

#[test]
fn without_a_hold_time_nobody_is_lost_once_there_is_a_session() {
    let ours = Settings {
        hold_time: None,
        ..settings()
    };
    let mut hand = Hand::at_with(State::Established, ours.clone(), &open());
    assert_eq!(hand.peer.next_tick(), None);
    hand.late(seconds(1_000_000));
    assert_eq!(
        (hand.peer.state(), hand.done()),
        (State::Established, String::new())
    );
    // Before that, each step takes four minutes at most.
    let mut hand = Hand::at_with(State::OpenConfirm, ours, &open());
    hand.pass(seconds(239));
    assert_eq!(hand.peer.state(), State::OpenConfirm);
    hand.pass(seconds(1));
    assert_eq!(hand.causes, [Cause::Sent(notification(4, 0, &[]))]);
}

#[test]
fn a_router_that_takes_nothing_is_left_after_eight_minutes_or_twice_the_hold_time() {
    for (hold_time, limit) in [(90, 480), (3, 480), (240, 480), (600, 1200), (0, 480)] {
        let ours = Settings {
            hold_time: Some(seconds(600)),
            ..settings()
        };
        let theirs = rustbgpd_wire::OpenMessage {
            hold_time,
            ..open()
        };
        let mut hand = Hand::at_with(State::Established, ours, &theirs);
        let since = hand.now;
        hand.peer.blocked(hand.id, Some(since));
        let step = seconds(1);
        while hand.now + step < since + seconds(limit) {
            hand.hear(&KEEPALIVE);
            hand.pass(step);
        }
        assert_eq!(hand.peer.state(), State::Established, "{hold_time}");
        // It takes something again, and then nothing once more.
        hand.peer.blocked(hand.id, None);
        hand.hear(&KEEPALIVE);
        hand.pass(step + step);
        let since = hand.now;
        hand.peer.blocked(hand.id, Some(since));
        while hand.causes.is_empty() {
            hand.hear(&KEEPALIVE);
            hand.pass(step);
        }
        assert_eq!(hand.now - since, seconds(limit), "{hold_time}");
        assert_eq!(hand.causes, [Cause::Sent(notification(8, 0, &[]))]);
        assert_eq!(hand.closed, [hand.id]);
    }
}

fn refresh(afi: Afi) -> Message {
    Message::RouteRefresh(RouteRefreshMessage::new(afi, Safi::Unicast))
}

/// How many messages are said.
fn said(hand: &mut Hand) -> usize {
    std::iter::from_fn(|| hand.peer.next_update()).count()
}

fn with_routes() -> Hand {
    let mut hand = Hand::at(State::Established);
    hand.peer.want(net("203.0.113.1/32"), Some(plain()));
    hand.peer.want(net("2001:db8::1/128"), Some(plain()));
    assert_eq!(said(&mut hand), 2);
    hand
}

#[test]
fn all_is_said_again_once_a_second_however_often_that_is_asked_for() {
    let mut hand = with_routes();
    let flood: Vec<u8> = (0..1000).flat_map(|_| bytes(&refresh(Afi::Ipv4))).collect();
    hand.hear_bytes(&flood);
    assert_eq!(said(&mut hand), 1);
    // The first was answered; the rest is answered by one.
    assert_eq!(due(&hand), seconds(1));
    let mut count = 0;
    for _ in 0..1000 {
        hand.hear(&refresh(Afi::Ipv4));
        hand.pass(Duration::from_millis(10));
        count += said(&mut hand);
    }
    assert_eq!(count, 10);
    // The last is not lost, and then it is quiet.
    hand.pass(seconds(1));
    let rest = said(&mut hand);
    assert!(rest <= 1);
    hand.pass(seconds(5));
    assert_eq!(said(&mut hand), 0);
    // Each family by itself; others are nothing to us.
    hand.hear(&refresh(Afi::Ipv6));
    hand.hear(&refresh(Afi::Ipv4));
    hand.hear_bytes(&raw(5, &[0, 25, 0, 70]));
    hand.hear_bytes(&raw(5, &[0, 1, 0, 2]));
    assert_eq!(said(&mut hand), 2);
    hand.hear_bytes(&raw(5, &[0, 1, 0, 1]));
    hand.pass(Duration::from_millis(999));
    assert_eq!(said(&mut hand), 0);
    hand.pass(Duration::from_millis(1));
    assert_eq!(said(&mut hand), 1);
}

#[test]
fn what_was_asked_for_in_one_session_is_not_said_in_the_next() {
    let mut hand = with_routes();
    hand.hear(&refresh(Afi::Ipv4));
    hand.hear(&refresh(Afi::Ipv4));
    hand.lose();
    assert!(hand.accept());
    hand.hear(&Message::Open(open()));
    hand.hear(&KEEPALIVE);
    assert_eq!(said(&mut hand), 2);
    hand.pass(seconds(5));
    assert_eq!(said(&mut hand), 0);
    // And the first of the next is answered at once.
    hand.hear(&refresh(Afi::Ipv4));
    assert_eq!(said(&mut hand), 1);
}

/// What happens at some time.
#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Late(u64),
    Connected,
    Lost,
    Accepted,
    Said(usize),
    Blocked(bool),
    Bfd,
    Stop,
    Start,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..40_000).prop_map(Step::Pass),
        1 => (0_u64..400_000).prop_map(Step::Late),
        3 => Just(Step::Connected),
        1 => Just(Step::Lost),
        2 => Just(Step::Accepted),
        8 => (0_usize..7).prop_map(Step::Said),
        1 => any::<bool>().prop_map(Step::Blocked),
        1 => Just(Step::Bfd),
        1 => Just(Step::Stop),
        2 => Just(Step::Start),
    ]
}

/// Looks as long as something is due at once, which soon is not so.
fn settle(hand: &mut Hand) {
    for _ in 0..4 {
        if hand.peer.next_tick().is_none_or(|it| it > hand.now) {
            return;
        }
        hand.late(Duration::ZERO);
    }
    panic!("something is due for ever: {hand:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_due_is_done_when_somebody_looks(
        steps in prop::collection::vec(step(), 0..80),
        passive in any::<bool>(),
        hold in prop_oneof![Just(None), Just(Some(seconds(3))), Just(Some(seconds(90)))],
    ) {
        let ours = Settings { passive, hold_time: hold, ..settings() };
        let mut hand = Hand::new(ours);
        let messages = [
            bytes(&Message::Open(open())).to_vec(),
            raw(4, &[]),
            raw(4, &[]),
            raw(5, &[0, 1, 0, 1]),
            raw(2, &[0; 4]),
            raw(3, &[6, 4]),
            vec![0; 19],
        ];
        let end: fn(&Hand, u64) -> Instant = |hand, millis| hand.now + Duration::from_millis(millis);
        for step in steps {
            match step {
                Step::Pass(millis) => {
                    let end = end(&hand, millis);
                    while let Some(next) = hand.peer.next_tick().filter(|it| *it <= end) {
                        prop_assert!(next > hand.now);
                        hand.now = next;
                        settle(&mut hand);
                    }
                    hand.now = end;
                }
                Step::Late(millis) => hand.late(Duration::from_millis(millis)),
                Step::Connected => {
                    hand.id = hand.dialled.last().copied().unwrap_or(hand.id);
                    hand.connect();
                }
                Step::Lost => hand.lose(),
                Step::Accepted => drop(hand.accept()),
                Step::Said(which) => hand.hear_bytes(&messages[which]),
                Step::Blocked(is_blocked) => {
                    hand.peer.blocked(hand.id, is_blocked.then_some(hand.now));
                }
                Step::Bfd => hand.peer.bfd_down(hand.now),
                Step::Stop => hand.peer.stop(&Leave::Deconfigured),
                Step::Start => hand.peer.start(hand.now),
            }
            hand.take();
            settle(&mut hand);
        }
        // Who is started and does not wait for the router tries again some day.
        hand.peer.start(hand.now);
        hand.take();
        hand.dialled.clear();
        let end = hand.now + seconds(1000);
        while hand.now < end && hand.dialled.is_empty() && hand.peer.state() != State::Established {
            let Some(next) = hand.peer.next_tick() else { break };
            hand.now = hand.now.max(next);
            hand.late(Duration::ZERO);
        }
        let is_tried = passive || !hand.dialled.is_empty() || hand.peer.state() >= State::Connect;
        prop_assert!(is_tried, "{:?}", hand);
    }
}
