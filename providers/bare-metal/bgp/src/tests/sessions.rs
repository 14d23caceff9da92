//! Sessions between two machines.

use super::bench::*;
use crate::*;
use std::time::Duration;

#[test]
fn a_session_comes_up_and_the_router_has_the_routes_and_their_end() {
    let mut pair = Pair::new(settings(), router());
    for prefix in ["203.0.113.10/32", "2001:db8:1::10/128", "203.0.113.11/32"] {
        pair.ours().want(net(prefix), Some(plain()));
    }
    let now = pair.now;
    pair.sides[1].peer.start(now);
    pair.ours().start(now);
    pair.settle();
    assert_eq!(pair.states(), [State::Established; 2]);
    assert_eq!(pair.learnt.routes.len(), 3);
    // Those that share attributes share a message, and no end is told before all is known.
    assert_eq!((pair.learnt.updates, pair.learnt.ended.len()), (2, 0));
    pair.ours().complete();
    pair.settle();
    assert_eq!(pair.learnt.ended, [Family::Ipv4, Family::Ipv6]);
    pair.ours().want(net("203.0.113.10/32"), None);
    pair.settle();
    let left = ["203.0.113.11/32", "2001:db8:1::10/128"].map(net);
    assert_eq!(pair.learnt.prefixes(), left.into());
    assert_eq!(pair.ours().counts(), [2, 2, 0]);
    // Nothing but keepalives passes from now on.
    let before = pair.ours().counters();
    pair.pass(Duration::from_mins(10));
    assert_eq!(pair.states(), [State::Established; 2]);
    let after = pair.ours().counters();
    assert_eq!(after.updates_sent, before.updates_sent);
    let keepalives = after.sent - before.sent;
    assert!((20..=27).contains(&keepalives), "{keepalives}");
}

#[test]
fn of_two_connections_one_is_left() {
    let theirs = Settings {
        passive: false,
        ..router()
    };
    // Whoever has the greater identifier, one connection is left, and the session is not lost.
    for id in [[192, 0, 2, 1], [192, 0, 2, 200]] {
        let theirs = Settings {
            router_id: id.into(),
            ..theirs.clone()
        };
        let mut pair = Pair::started(settings(), theirs);
        pair.pass(Duration::from_mins(1));
        assert_eq!(pair.states(), [State::Established; 2]);
        for side in &pair.sides {
            assert_eq!(side.told.established, 1, "{id:?}: {:?}", side.told);
            assert_eq!(side.told.causes, [], "{id:?}");
        }
    }
}

#[test]
fn a_silent_router_is_lost_at_the_hold_time_and_tried_again() {
    let mut pair = Pair::started(settings(), router());
    pair.is_cut = true;
    pair.pass(Duration::from_mins(1));
    assert_eq!(pair.states()[0], State::Established);
    pair.pass(Duration::from_secs(31));
    assert_ne!(pair.states()[0], State::Established);
    let told = Notification {
        code: 4,
        subcode: 0,
        data: vec![],
    };
    assert_eq!(pair.sides[0].told.causes[0], Cause::Sent(told.clone()));
    assert_eq!(pair.sides[0].told.notified, [told]);
    pair.pass(Duration::from_mins(2));
    pair.is_cut = false;
    pair.pass(Duration::from_secs(10));
    assert_eq!(pair.states(), [State::Established; 2]);
}
