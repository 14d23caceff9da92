//! When packets are sent, and when a peer is taken for gone (RFC 5880 §6.8.3, §6.8.4, §6.8.7).

use std::time::Duration;

use super::{Node, answering, config, intervals, milliseconds, packet};
use crate::State::{AdminDown, Down, Init, Up};
use crate::{Config, ControlPacket, DownReason};

/// The times between packets of a session that is up and hears its peer.
fn gaps(config: Config, seed: u64) -> Vec<Duration> {
    let mut node = Node::seeded(config, seed);
    node.hear(&packet(Init));
    node.hear(&answering(packet(Up)));
    node.forget();
    node.pass_hearing(milliseconds(20_000), &packet(Up), milliseconds(25));
    assert_eq!(node.session.state(), Up);
    let at = |pair: &[(Duration, ControlPacket)]| pair[1].0 - pair[0].0;
    node.sent.windows(2).map(at).collect()
}

#[test]
fn packets_come_after_what_the_rfc_allows_of_the_interval_at_random() {
    // Detect Mult, and the greatest part of the interval, in thousandths.
    for (multiplier, most) in [
        (1, 900),
        (2, 900),
        (3, 900),
        (4, 775),
        (5, 792),
        (10, 830),
        (255, 874),
    ] {
        let gaps = gaps(intervals(50, 50, multiplier), 3);
        let (least, most) = (milliseconds(50) * 3 / 4, milliseconds(50) * most / 1000);
        let (shortest, longest) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
        assert!(shortest >= least, "{multiplier}: {shortest:?}");
        assert!(longest <= most, "{multiplier}: {longest:?}");
        let spread = (most - least) / 20;
        assert!(shortest < least + spread, "{multiplier}: {shortest:?}");
        assert!(longest > most - spread, "{multiplier}: {longest:?}");
    }
}

#[test]
fn from_four_on_a_packet_more_than_the_multiplier_fits_into_the_detection_time() {
    for multiplier in 4..=255_u8 {
        let range =
            1.0 - 0.25 + (f64::from(multiplier) / (f64::from(multiplier) + 1.0) - 0.75) / 2.0;
        assert!(range * (f64::from(multiplier) + 1.0) < f64::from(multiplier));
    }
    let gaps = gaps(intervals(50, 50, 4), 5);
    for five in gaps.windows(5) {
        assert!(five.iter().sum::<Duration>() < milliseconds(195));
    }
}

#[test]
fn sessions_of_different_seeds_do_not_keep_step_and_those_of_one_do() {
    let (one, same, other) = (gaps(config(), 1), gaps(config(), 1), gaps(config(), 2));
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn a_session_that_is_not_up_sends_each_second_at_most() {
    for state in [Down, AdminDown] {
        let mut node = Node::in_state(config(), state);
        node.pass(milliseconds(20_000));
        let times: Vec<_> = node.sent.iter().map(|it| it.0).collect();
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(
                gap >= milliseconds(750) && gap <= milliseconds(900),
                "{gap:?}"
            );
        }
        assert!(times.len() > 20);
        let slow = Duration::from_secs(1);
        assert!(node.sent.iter().all(|it| it.1.transmit_interval == slow));
    }
    // A configured interval that is longer than a second is used as it is.
    let mut node = Node::new(intervals(5000, 50, 3));
    node.pass(milliseconds(20_000));
    assert!(node.sent.len() <= 6, "{}", node.sent.len());
    assert_eq!(node.last().transmit_interval, milliseconds(5000));
}

#[test]
fn the_first_packet_goes_at_once_and_from_then_on_each_change() {
    let mut node = Node::new(config());
    node.pass(Duration::ZERO);
    assert_eq!((node.sent.len(), node.last().your_discriminator), (1, None));
    node.pass(milliseconds(10));
    node.hear(&packet(Down));
    assert_eq!(node.last().state, Init);
    assert_eq!(node.last().your_discriminator, Some(super::PEER));
    assert_eq!(node.last().transmit_interval, milliseconds(1000));
    node.pass(milliseconds(10));
    node.hear(&packet(Up));
    assert_eq!(node.last().state, Up);
    assert_eq!(node.last().transmit_interval, milliseconds(50));
    // The next is due an interval later, and not at once because the last periodic one is long ago.
    node.forget();
    node.pass(milliseconds(37));
    assert!(node.sent.is_empty());
    node.pass(milliseconds(13));
    assert_eq!(node.sent.len(), 1);
}

#[test]
fn the_slower_of_the_two_says_how_often() {
    // Our two intervals and the peer's two, in milliseconds; what is sent by, and the Detection Time.
    for (own, peer, sent, detection) in [
        ((50, 50), (50, 50), 50, 150),
        ((50, 50), (50, 300), 300, 150),
        ((50, 50), (200, 20), 50, 600),
        ((400, 10), (20, 100), 400, 60),
        ((20, 1000), (10, 10), 20, 3000),
    ] {
        let mut node = Node::new(intervals(own.0, own.1, 3));
        let said = |state| ControlPacket {
            transmit_interval: milliseconds(peer.0),
            receive_interval: milliseconds(peer.1),
            ..packet(state)
        };
        node.hear(&said(Init));
        node.hear(&answering(said(Up)));
        assert_eq!(node.session.transmit_interval(), milliseconds(sent));
        let detected = milliseconds(detection);
        assert_eq!(node.session.detection_time(), Some(detected));
        let theirs = node.session.remote_detection_time();
        assert_eq!(theirs, milliseconds(sent) * 3);
        node.pass(detected - Duration::from_nanos(1));
        assert_eq!(node.session.state(), Up);
        node.pass(Duration::from_nanos(1));
        assert_eq!(
            node.down_reasons(),
            [DownReason::ControlDetectionTimeExpired]
        );
    }
}

#[test]
fn the_peers_multiplier_says_how_long_it_is_waited_for_and_not_ours() {
    let mut node = Node::in_state(intervals(50, 50, 7), Up);
    assert_eq!(node.session.detection_time(), Some(milliseconds(150)));
    node.hear(&ControlPacket {
        multiplier: 20.try_into().unwrap(),
        ..packet(Up)
    });
    assert_eq!(node.session.detection_time(), Some(milliseconds(1000)));
    assert_eq!(node.session.remote_detection_time(), milliseconds(350));
}

#[test]
fn who_is_silent_is_forgotten_in_every_state() {
    for state in [Down, Init, Up, AdminDown] {
        let mut node = Node::in_state(config(), state);
        node.hear(&packet(if state == Down { AdminDown } else { Up }));
        assert!(node.session.remote().discriminator.is_some());
        node.forget();
        node.pass(milliseconds(149));
        assert!(node.session.remote().discriminator.is_some(), "{state:?}");
        node.pass(milliseconds(1));
        assert_eq!(node.session.remote().discriminator, None, "{state:?}");
        assert_eq!(node.session.detection_time(), None);
        node.pass(milliseconds(2000));
        assert_eq!(node.last().your_discriminator, None);
    }
}

#[test]
fn a_late_tick_takes_nobody_for_gone_whose_packets_have_arrived() {
    let mut node = Node::in_state(config(), Up);
    // Held up for a second; the packet came in its last millisecond.
    node.now += milliseconds(1000);
    let arrived = node.now.checked_sub(milliseconds(1)).unwrap();
    node.session.receive(&packet(Up), 255, arrived).unwrap();
    // One that was read after it and had arrived before changes nothing of that.
    node.session
        .receive(&packet(Up), 255, arrived - milliseconds(500))
        .unwrap();
    node.session.tick(node.now);
    node.act();
    assert_eq!(node.session.state(), Up);
    // No packet is made up for.
    assert_eq!(node.sent.len(), 1);
    node.pass(milliseconds(148));
    assert_eq!(node.session.state(), Up);
    node.pass(milliseconds(1));
    assert_eq!(node.session.state(), Down);
}

#[test]
fn who_is_passive_waits_for_the_peer_and_again_when_it_falls_silent() {
    let passive = Config {
        passive: true,
        ..config()
    };
    let mut node = Node::new(passive);
    assert_eq!(node.session.next_tick(), None);
    node.pass(milliseconds(10_000));
    node.session.administrative_down(node.now);
    node.session.enable(node.now);
    node.act();
    assert!(node.sent.is_empty());
    node.hear(&packet(Down));
    assert_eq!(node.last().state, Init);
    node.hear(&packet(Up));
    node.forget();
    node.pass(milliseconds(150));
    assert_eq!(node.session.state(), Down);
    // RFC 5880 §6.8.7: not even that it is down, since the peer's discriminator is forgotten.
    assert!(node.sent.iter().all(|it| it.1.state == Up));
    node.forget();
    node.pass(milliseconds(10_000));
    assert!(node.sent.is_empty());
    assert_eq!(node.session.next_tick(), None);
}

#[test]
fn who_wants_no_periodic_packets_gets_changes_and_answers_alone() {
    let mute = |state| ControlPacket {
        receive_interval: Duration::ZERO,
        ..packet(state)
    };
    let mut node = Node::new(config());
    node.hear(&mute(Down));
    node.hear(&mute(Up));
    assert_eq!(node.sent.len(), 2);
    node.forget();
    node.pass_hearing(milliseconds(1000), &mute(Up), milliseconds(50));
    assert_eq!(node.session.state(), Up);
    assert!(node.sent.is_empty());
    node.hear(&super::polling(mute(Up)));
    assert_eq!(node.sent.len(), 1);
    node.hear(&packet(Up));
    node.pass(Duration::ZERO);
    assert_eq!(node.sent.len(), 2, "the next is long due");
}
