//! What routers and we say of restarts (RFC 4724).

use std::collections::BTreeSet;
use std::time::Duration;

use rustbgpd_wire::{Afi, Capability, GracefulRestartFamily, Message, OpenMessage, Safi};

use super::bench::*;
use super::hand::*;
use super::opens::{last_open, restarting, sent};
use crate::*;

/// What an OPEN of ours says of restarts: R, N, the time, and F of each family.
fn restart(open: &OpenMessage) -> Option<(bool, bool, u16, Vec<bool>)> {
    open.capabilities.iter().find_map(|it| match it {
        Capability::GracefulRestart {
            restart_state,
            notification,
            restart_time,
            families,
        } => {
            let forwarding = families.iter().map(|it| it.forwarding_preserved);
            Some((
                *restart_state,
                *notification,
                *restart_time,
                forwarding.collect(),
            ))
        }
        _ => None,
    })
}

fn helper(families: Vec<GracefulRestartFamily>) -> OpenMessage {
    let mut open = open();
    open.capabilities.push(Capability::GracefulRestart {
        restart_state: false,
        notification: false,
        restart_time: 120,
        families,
    });
    open
}

#[test]
fn who_has_restarted_says_so_once_and_that_it_forwards_from_then_on() {
    for has_restarted in [false, true] {
        let settings = restarting(has_restarted, 120);
        let mut hand = Hand::at_with(State::OpenSent, settings, &helper(vec![]));
        let said = |hand: &mut Hand| {
            hand.sent.clear();
            hand.pass(Duration::from_mins(2));
            hand.id = *hand.dialled.last().unwrap();
            hand.connect();
            restart(&last_open(hand)).unwrap()
        };
        // As long as no session comes about it is said anew (RFC 4724 §4.1).
        for _ in 0..2 {
            hand.lose();
            assert_eq!(
                said(&mut hand),
                (has_restarted, false, 120, vec![has_restarted; 2])
            );
        }
        hand.hear(&Message::Open(helper(vec![])));
        hand.hear(&KEEPALIVE);
        assert_eq!(hand.peer.state(), State::Established);
        // A session is lost by a process that lives: nobody has restarted, and all was forwarded.
        hand.lose();
        assert_eq!(said(&mut hand), (false, false, 120, vec![true; 2]));
    }
    assert_eq!(restart(&sent(settings(), next_hops())), None);
    // Twelve bits.
    let long = sent(restarting(false, 100_000), next_hops());
    assert_eq!(restart(&long).unwrap().2, 4095);
}

#[test]
fn a_router_that_knows_of_restarts_keeps_our_routes_even_if_it_only_helps() {
    let both: BTreeSet<_> = [Family::Ipv4, Family::Ipv6].into();
    let v4 = GracefulRestartFamily {
        afi: Afi::Ipv4,
        safi: Safi::Unicast,
        forwarding_preserved: true,
    };
    let none = BTreeSet::new();
    let table = [
        (restarting(false, 120), helper(vec![]), &both),
        (restarting(false, 120), helper(vec![v4]), &both),
        (restarting(false, 120), open(), &none),
        (settings(), helper(vec![v4]), &none),
    ];
    for (settings, open, expected) in table {
        let mut hand = Hand::at_with(State::Established, settings, &open);
        let agreed = hand.peer.negotiated().unwrap();
        assert_eq!(agreed.restart_families, *expected);
        assert_eq!(hand.peer.is_kept_over_restart(), !expected.is_empty());
        // Then our process goes without a word.
        hand.peer.stop(&Leave::Restart("restarts".to_owned()));
        hand.take();
        let is_silent = hand.notified().is_empty();
        assert_eq!(is_silent, !expected.is_empty());
        assert_eq!(hand.causes.contains(&Cause::Restarting), is_silent);
        assert_eq!(hand.closed, [hand.id]);
    }
}
