//! Which state follows which (RFC 5880 §6.2, §6.8.6).

use super::{Node, config, milliseconds, packet};
use crate::State::{AdminDown, Down, Init, Up};
use crate::{Action, ControlPacket, Diagnostic, DownReason, Hops, State};

const DOWN_BY_PEER: Option<Action> = Some(Action::Down {
    reason: DownReason::NeighborSignaledDown,
});
const DOWN_BY_ADMINISTRATOR: Option<Action> = Some(Action::Down {
    reason: DownReason::NeighborAdministrativelyDown,
});

/// Ours, what is received, what ours is then, what is told of it, and whether a packet goes at once.
const TABLE: [(State, State, State, Option<Action>, bool); 16] = [
    // §6.8.6: in AdminDown, packets are discarded.
    (AdminDown, AdminDown, AdminDown, None, false),
    (AdminDown, Down, AdminDown, None, false),
    (AdminDown, Init, AdminDown, None, false),
    (AdminDown, Up, AdminDown, None, false),
    // The peer has to leave Up before a session begins (§6.2).
    (Down, AdminDown, Down, None, false),
    (Down, Down, Init, None, true),
    (Down, Init, Up, Some(Action::Up), true),
    (Down, Up, Down, None, false),
    (Init, AdminDown, Down, None, true),
    (Init, Down, Init, None, false),
    (Init, Init, Up, Some(Action::Up), true),
    (Init, Up, Up, Some(Action::Up), true),
    (Up, AdminDown, Down, DOWN_BY_ADMINISTRATOR, true),
    (Up, Down, Down, DOWN_BY_PEER, true),
    (Up, Init, Up, None, false),
    (Up, Up, Up, None, false),
];

#[test]
fn each_state_follows_as_the_rfc_has_it() {
    for (before, received, after, told, goes) in TABLE {
        let mut node = Node::in_state(config(), before);
        let diagnostic = node.session.diagnostic();
        node.now += milliseconds(1);
        node.hear(&packet(received));
        let row = format!("{before:?}, {received:?}");
        let is_since_now = node.session.since() == node.now;
        assert_eq!(is_since_now, before != after, "{row}");
        assert_eq!(node.session.state(), after, "{row}");
        assert_eq!(node.session.remote().state, received, "{row}");
        let changes: Vec<_> = node.changes.iter().map(|it| it.1).collect();
        assert_eq!(changes, Vec::from_iter(told), "{row}");
        assert_eq!(node.sent.len(), usize::from(goes), "{row}");
        if goes {
            assert_eq!(node.last().state, after, "{row}");
        }
        let expected = match (before, after) {
            (Init | Up, Down) => Diagnostic::NeighborSignaledSessionDown,
            _ => diagnostic,
        };
        assert_eq!(node.session.diagnostic(), expected, "{row}");
    }
}

#[test]
fn silence_ends_init_and_up_and_changes_nothing_else() {
    for (before, after) in [
        (Down, Down),
        (Init, Down),
        (Up, Down),
        (AdminDown, AdminDown),
    ] {
        let mut node = Node::in_state(config(), before);
        node.pass(milliseconds(10_000));
        assert_eq!(node.session.state(), after, "{before:?}");
        let is_failure = matches!(before, Init | Up);
        let expired = node.session.diagnostic() == Diagnostic::ControlDetectionTimeExpired;
        assert_eq!(expired, is_failure, "{before:?}");
        let reasons = (before == Up).then_some(DownReason::ControlDetectionTimeExpired);
        assert_eq!(node.down_reasons(), Vec::from_iter(reasons), "{before:?}");
    }
}

#[test]
fn why_it_went_down_is_told_until_it_is_up_again() {
    let mut node = Node::in_state(config(), Up);
    node.hear(&packet(Down));
    let told = Diagnostic::NeighborSignaledSessionDown;
    assert_eq!(node.last().diagnostic, told);
    node.hear(&packet(Down));
    assert_eq!((node.last().state, node.last().diagnostic), (Init, told));
    node.hear(&packet(Up));
    assert_eq!(node.last().diagnostic, Diagnostic::None);
    let counts = node.session.counts();
    assert_eq!((counts.up, counts.down), (2, 1));
}

#[test]
fn an_administrator_is_told_from_a_failure() {
    let mut node = Node::in_state(config(), Up);
    node.hear(&ControlPacket {
        diagnostic: Diagnostic::AdministrativelyDown,
        ..packet(AdminDown)
    });
    assert_eq!(
        node.session.remote().diagnostic,
        Diagnostic::AdministrativelyDown
    );
    // It goes on being told, and ends: nothing of it is a failure.
    node.pass_hearing(milliseconds(5000), &packet(AdminDown), milliseconds(900));
    node.pass(milliseconds(60_000));
    let reasons = node.down_reasons();
    assert_eq!(reasons, [DownReason::NeighborAdministrativelyDown]);
    assert!(!reasons[0].is_failure());
    assert!(!DownReason::OwnAdministrativeDown.is_failure());
    assert!(DownReason::NeighborSignaledDown.is_failure());
    assert!(DownReason::ControlDetectionTimeExpired.is_failure());
}

#[test]
fn our_own_administrator_is_told_to_the_peer_and_can_be_undone() {
    let mut node = Node::in_state(config(), Up);
    node.session.administrative_down(node.now);
    node.session.administrative_down(node.now);
    node.act();
    assert_eq!(node.sent.len(), 1);
    assert_eq!(node.last().state, AdminDown);
    assert_eq!(node.last().diagnostic, Diagnostic::AdministrativelyDown);
    assert_eq!(node.down_reasons(), [DownReason::OwnAdministrativeDown]);
    assert_eq!(node.session.remote_detection_time(), milliseconds(3000));
    node.pass(milliseconds(3000));
    assert!(node.sent.len() >= 4, "{}", node.sent.len());
    assert!(node.sent.iter().all(|it| it.1.state == AdminDown));
    node.session.enable(node.now);
    node.act();
    assert_eq!((node.session.state(), node.last().state), (Down, Down));
    node.hear(&packet(Down));
    node.hear(&packet(Up));
    assert_eq!(node.session.state(), Up);
}

#[test]
fn only_packets_that_came_straight_here_count_over_one_hop() {
    for (hops, ttl, counts) in [
        (Hops::SingleHop, 255, true),
        (Hops::SingleHop, 254, false),
        (Hops::SingleHop, 0, false),
        (Hops::Multihop { minimum_ttl: 250 }, 250, true),
        (Hops::Multihop { minimum_ttl: 250 }, 249, false),
    ] {
        let mut node = Node::new(crate::Config { hops, ..config() });
        let heard = node.session.receive(&packet(Down), ttl, node.now);
        assert_eq!(heard.is_ok(), counts, "{hops:?} {ttl}");
        assert_eq!(node.session.state() == Init, counts);
    }
}

#[test]
fn what_is_dropped_changes_nothing_but_its_count() {
    use crate::Dropped;
    let authenticated = ControlPacket {
        has_authentication: true,
        ..packet(Down)
    };
    let of_another = ControlPacket {
        your_discriminator: Some(super::PEER),
        ..packet(Down)
    };
    for (packet, ttl, dropped) in [
        (authenticated, 255, Dropped::Authenticated),
        (of_another, 255, Dropped::UnknownDiscriminator),
        (packet(Down), 254, Dropped::Ttl),
    ] {
        let mut node = Node::in_state(config(), Up);
        let (remote, due) = (*node.session.remote(), node.session.next_tick());
        node.now += milliseconds(10);
        for _ in 0..3 {
            let heard = node.session.receive(&packet, ttl, node.now);
            assert_eq!(heard, Err(dropped));
        }
        node.act();
        assert_eq!(node.session.state(), Up);
        assert_eq!(*node.session.remote(), remote);
        assert_eq!(node.session.next_tick(), due);
        assert!(node.sent.is_empty() && node.changes.is_empty());
        let counts = node.session.counts();
        assert_eq!(counts.dropped, [(dropped, 3)].into());
        assert_eq!(counts.received, 2);
    }
}

#[test]
fn what_the_peer_says_of_itself_can_be_seen() {
    let mut node = Node::in_state(config(), Up);
    node.hear(&ControlPacket {
        is_control_plane_independent: true,
        is_demand: true,
        ..packet(Up)
    });
    let remote = node.session.remote();
    assert!(remote.is_control_plane_independent && remote.is_demand);
    assert_eq!(remote.discriminator, Some(super::PEER));
    node.pass(milliseconds(1000));
    assert!(!node.sent.is_empty());
    assert!(node.sent.iter().all(|(_, sent)| {
        let flags = sent.is_control_plane_independent || sent.is_demand;
        !flags && sent.echo_interval.is_zero()
    }));
}
