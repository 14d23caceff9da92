//! Changes while a session is up, and what asks for answers (RFC 5880 §6.5, §6.6, §6.8.3).

use std::time::Duration;

use super::{Node, answering, config, intervals, milliseconds, packet, polling};
use crate::State::{AdminDown, Down, Init, Up};
use crate::{Config, ControlPacket};

/// A session that is up for so long that nothing is under way.
fn settled(config: Config) -> Node {
    let mut node = Node::in_state(config, Up);
    node.pass_hearing(milliseconds(1000), &packet(Up), milliseconds(40));
    node.forget();
    node
}

/// The longest time between packets that it sends while the peer says this.
fn slowest(node: &mut Node, heard: &ControlPacket) -> Duration {
    node.forget();
    node.pass_hearing(milliseconds(2000), heard, milliseconds(40));
    let gaps = node.sent.windows(2).map(|pair| pair[1].0 - pair[0].0);
    gaps.max().expect("packets are sent")
}

#[test]
fn who_comes_up_asks_until_the_peer_answers() {
    let mut node = Node::new(config());
    node.hear(&packet(Init));
    assert!(node.last().is_poll);
    node.pass_hearing(milliseconds(200), &packet(Up), milliseconds(40));
    assert!(node.sent.len() > 3);
    assert!(
        node.sent
            .iter()
            .all(|(_, sent)| sent.is_poll && !sent.is_final)
    );
    // That the peer asks as well is no answer.
    node.hear(&polling(packet(Up)));
    node.pass(milliseconds(50));
    assert!(node.last().is_poll);
    node.hear(&answering(packet(Up)));
    node.forget();
    node.pass_hearing(milliseconds(200), &packet(Up), milliseconds(40));
    assert!(node.sent.iter().all(|(_, sent)| !sent.is_poll));
}

#[test]
fn packets_go_on_coming_often_until_the_peer_knows_that_they_will_not() {
    let mut node = settled(config());
    node.reconfigure(intervals(200, 50, 3));
    // No packet is added for it (§6.5).
    assert!(node.sent.is_empty());
    assert!(slowest(&mut node, &packet(Up)) <= milliseconds(50));
    assert_eq!(node.last().transmit_interval, milliseconds(200));
    assert!(node.last().is_poll);
    assert_eq!(node.session.remote_detection_time(), milliseconds(600));
    node.hear(&answering(packet(Up)));
    assert!(slowest(&mut node, &packet(Up)) > milliseconds(150));
    assert!(!node.last().is_poll);
}

#[test]
fn packets_come_more_often_at_once() {
    let mut node = settled(intervals(400, 50, 3));
    node.reconfigure(config());
    assert!(slowest(&mut node, &packet(Up)) <= milliseconds(50));
    assert!(node.last().is_poll);
}

#[test]
fn the_peer_is_waited_for_as_before_until_it_knows_that_it_must_hurry() {
    let mut node = settled(intervals(50, 400, 3));
    assert_eq!(node.session.detection_time(), Some(milliseconds(1200)));
    node.reconfigure(config());
    node.pass_hearing(milliseconds(400), &packet(Up), milliseconds(40));
    assert_eq!(node.last().receive_interval, milliseconds(50));
    assert_eq!(node.session.detection_time(), Some(milliseconds(1200)));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.detection_time(), Some(milliseconds(150)));
}

#[test]
fn the_peer_is_waited_for_longer_at_once() {
    let mut node = settled(config());
    node.reconfigure(intervals(50, 400, 3));
    assert_eq!(node.session.detection_time(), Some(milliseconds(1200)));
}

#[test]
fn a_second_change_waits_until_the_first_is_surely_answered() {
    let mut node = settled(config());
    node.reconfigure(intervals(200, 50, 3));
    node.pass_hearing(milliseconds(200), &packet(Up), milliseconds(40));
    node.reconfigure(intervals(300, 50, 3));
    node.pass_hearing(milliseconds(200), &packet(Up), milliseconds(40));
    assert_eq!(node.last().transmit_interval, milliseconds(200));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.transmit_interval(), milliseconds(200));
    // Another answer to the same Poll is under way, and must not be taken for one to the next.
    node.pass(milliseconds(40));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.transmit_interval(), milliseconds(200));
    node.pass_hearing(milliseconds(600), &packet(Up), milliseconds(40));
    assert_eq!(node.last().transmit_interval, milliseconds(300));
    assert!(node.last().is_poll);
    assert_eq!(node.session.transmit_interval(), milliseconds(200));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.transmit_interval(), milliseconds(300));
}

#[test]
fn a_change_that_is_taken_back_while_it_waits_is_never_told() {
    let mut node = settled(config());
    node.reconfigure(intervals(200, 50, 3));
    node.reconfigure(intervals(300, 50, 3));
    node.reconfigure(intervals(200, 50, 3));
    node.hear(&answering(packet(Up)));
    node.pass_hearing(milliseconds(1000), &packet(Up), milliseconds(40));
    assert!(
        node.sent
            .iter()
            .all(|it| it.1.transmit_interval == milliseconds(200))
    );
}

#[test]
fn while_it_is_not_up_changes_count_at_once() {
    let mut node = Node::in_state(intervals(50, 400, 3), Init);
    node.reconfigure(intervals(3000, 50, 5));
    assert_eq!(node.session.transmit_interval(), milliseconds(3000));
    assert_eq!(node.session.detection_time(), Some(milliseconds(150)));
    let mut node = settled(config());
    node.reconfigure(intervals(50, 20, 3));
    node.hear(&packet(Down));
    assert_eq!(node.session.transmit_interval(), milliseconds(1000));
    assert_eq!(node.last().transmit_interval, milliseconds(1000));
}

#[test]
fn a_multiplier_is_told_at_once() {
    let mut node = settled(config());
    node.reconfigure(intervals(50, 50, 5));
    node.pass(milliseconds(50));
    assert_eq!(node.last().multiplier.get(), 5);
}

#[test]
fn the_peers_intervals_count_at_once() {
    let mut node = settled(config());
    let slow = ControlPacket {
        transmit_interval: milliseconds(600),
        receive_interval: milliseconds(600),
        ..packet(Up)
    };
    node.hear(&slow);
    assert_eq!(node.session.transmit_interval(), milliseconds(600));
    assert_eq!(node.session.detection_time(), Some(milliseconds(1800)));
    assert!(slowest(&mut node, &slow) >= milliseconds(450));
    // It is shorter again, and that much time has passed: the next goes as soon as can be (§6.8.3).
    node.pass(milliseconds(700));
    node.hear(&slow);
    while node
        .sent
        .last()
        .is_none_or(|it| node.now - node.start < it.0 + milliseconds(60))
    {
        node.pass(milliseconds(10));
    }
    node.hear(&packet(Up));
    node.pass(Duration::ZERO);
    assert_eq!(node.sent.last().unwrap().0, node.now - node.start);
}

#[test]
fn a_poll_is_answered_at_once_in_every_state_but_our_administrators() {
    for state in [Down, Init, Up] {
        let mut node = Node::in_state(config(), state);
        node.now += milliseconds(5);
        let due = node.session.next_tick();
        let asked = if state == Up { Up } else { AdminDown };
        node.hear(&polling(packet(asked)));
        assert_eq!(node.sent.len(), 1, "{state:?}");
        assert!(node.last().is_final && !node.last().is_poll);
        assert_eq!(node.last().state, node.session.state());
        if state == Up {
            // An answer is no periodic packet, and puts off none.
            assert_eq!(node.session.next_tick(), due);
        }
    }
    let mut node = Node::in_state(config(), AdminDown);
    node.hear(&polling(packet(Up)));
    assert!(node.sent.is_empty());
}

#[test]
fn one_packet_answers_and_tells_a_change() {
    let mut node = Node::in_state(config(), Init);
    node.pass(milliseconds(100));
    node.hear(&polling(packet(Up)));
    assert_eq!(node.sent.len(), 1);
    assert!(node.last().is_final && !node.last().is_poll);
    assert_eq!(
        (node.last().state, node.last().transmit_interval),
        (Up, milliseconds(50))
    );
    node.pass(milliseconds(37));
    assert_eq!(node.sent.len(), 1, "the next is due an interval later");
    node.pass(milliseconds(13));
    assert!(node.last().is_poll, "its own Poll follows");
}

#[test]
fn when_a_packet_is_missing_periodic_packets_ask_for_an_answer() {
    let mut node = settled(config());
    let before = node.sent.len();
    node.pass(milliseconds(149));
    assert_eq!(node.session.state(), Up);
    let heard = node.now - node.start - milliseconds(149);
    let expected = heard + milliseconds(50);
    let silent = &node.sent[before..];
    let asking = silent.iter().filter(|(_, sent)| sent.is_poll).count();
    assert!(asking >= 2, "{asking}");
    assert!(
        silent
            .iter()
            .all(|(at, sent)| sent.is_poll == (*at > expected))
    );
    // No packet is added for it.
    let gaps = node.sent.windows(2).map(|it| it[1].0 - it[0].0);
    assert!(gaps.min().unwrap() >= milliseconds(50) * 3 / 4);
    // An answer counts as heard.
    node.hear(&answering(packet(Up)));
    node.pass(milliseconds(50));
    assert_eq!(node.session.state(), Up);
    assert!(!node.last().is_poll);
}

#[test]
fn nobody_is_asked_who_is_not_up_or_not_there() {
    // It says rarely that its administrator has taken it down.
    let mut node = Node::new(config());
    let rare = ControlPacket {
        transmit_interval: milliseconds(1000),
        ..packet(AdminDown)
    };
    node.pass_hearing(milliseconds(20_000), &rare, milliseconds(2900));
    assert!(node.sent.iter().all(|(_, sent)| !sent.is_poll));
    // It falls silent, while a Poll runs or not, and whether or not that changes what is told.
    for transmit in [50, 5000] {
        for next in [50, 100] {
            let mut node = settled(intervals(transmit, 50, 3));
            node.reconfigure(intervals(transmit, next, 3));
            node.pass(milliseconds(5000));
            assert_eq!(node.session.state(), Down);
            assert!(!node.last().is_poll, "{transmit} {next}");
        }
    }
}

#[test]
fn an_answer_to_such_a_question_ends_no_change() {
    let mut node = settled(config());
    node.pass(milliseconds(100));
    assert!(node.last().is_poll);
    node.reconfigure(intervals(200, 50, 3));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.transmit_interval(), milliseconds(50));
    node.pass_hearing(milliseconds(400), &packet(Up), milliseconds(40));
    assert_eq!(node.last().transmit_interval, milliseconds(200));
    assert_eq!(node.session.transmit_interval(), milliseconds(50));
    node.hear(&answering(packet(Up)));
    assert_eq!(node.session.transmit_interval(), milliseconds(200));
}

#[test]
fn a_peer_in_demand_mode_is_left_in_peace_while_both_are_up() {
    let demand = |state| ControlPacket {
        is_demand: true,
        ..packet(state)
    };
    let mut node = settled(config());
    node.hear(&demand(Up));
    node.forget();
    node.pass_hearing(milliseconds(2000), &demand(Up), milliseconds(40));
    assert!(node.sent.is_empty());
    assert_eq!(node.session.state(), Up);
    // It asks, and is answered.
    node.hear(&polling(demand(Up)));
    assert!(node.last().is_final);
    node.forget();
    // What is to be told is told in a Poll Sequence, until it is answered (§6.6).
    node.reconfigure(intervals(100, 50, 3));
    node.pass_hearing(milliseconds(400), &demand(Up), milliseconds(40));
    assert!(node.sent.len() > 3 && node.sent.iter().all(|it| it.1.is_poll));
    node.hear(&answering(demand(Up)));
    node.forget();
    node.pass_hearing(milliseconds(1000), &demand(Up), milliseconds(40));
    assert!(node.sent.is_empty());
    // A change that had to wait is told, though nothing else is due.
    node.reconfigure(intervals(150, 50, 3));
    node.reconfigure(intervals(200, 50, 3));
    node.pass_hearing(milliseconds(400), &demand(Up), milliseconds(40));
    node.hear(&answering(demand(Up)));
    node.pass_hearing(milliseconds(1000), &demand(Up), milliseconds(40));
    assert_eq!(node.last().transmit_interval, milliseconds(200));
    node.hear(&answering(demand(Up)));
    // Its silence is noticed as ever: it is not we who use Demand mode.
    node.pass(milliseconds(150));
    assert_eq!(node.session.state(), Down);
    node.forget();
    node.hear(&demand(Down));
    node.pass_hearing(milliseconds(3000), &demand(Down), milliseconds(140));
    assert!(node.sent.len() > 3, "it is active only when both are up");
}
