//! What both sides say of themselves, and what they agree on.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use rustbgpd_wire::{Afi, Capability, ExtendedNextHopFamily, Message, OpenMessage, Safi};

use super::bench::*;
use super::hand::*;
use crate::*;

/// What comes of an OPEN: what is agreed on, or what the router is told.
fn judged(
    settings: Settings,
    hops: NextHops,
    open: OpenMessage,
) -> Result<Negotiated, Notification> {
    let mut hand = Hand::at_with(State::Connect, settings, &open);
    hand.peer.connected(hand.id, hops, hand.now);
    hand.hear(&Message::Open(open));
    if let Some(why) = hand.notified().pop() {
        assert_eq!(hand.causes, [Cause::Sent(why.clone())]);
        return Err(why);
    }
    hand.hear(&KEEPALIVE);
    Ok((**hand.peer.negotiated().unwrap()).clone())
}

fn plainly(settings: Settings, open: OpenMessage) -> Result<Negotiated, Notification> {
    judged(settings, next_hops(), open)
}

/// The OPEN that a machine sends.
pub(super) fn sent(settings: Settings, hops: NextHops) -> OpenMessage {
    let mut hand = Hand::at_with(State::Connect, settings, &open());
    hand.peer.connected(hand.id, hops, hand.now);
    hand.take();
    last_open(&hand)
}

pub(super) fn last_open(hand: &Hand) -> OpenMessage {
    let mut sent = hand.sent.iter().rev();
    let open = sent.find_map(|(_, it)| match it {
        Message::Open(open) => Some(open.clone()),
        _ => None,
    });
    open.unwrap()
}

fn over_v6() -> NextHops {
    NextHops {
        is_over_v6: true,
        ..next_hops()
    }
}

fn asn(short: u16, long: Option<u32>) -> OpenMessage {
    let long = long.map(|asn| Capability::FourOctetAs { asn });
    OpenMessage {
        my_as: short,
        capabilities: [family(Afi::Ipv4)].into_iter().chain(long).collect(),
        ..open()
    }
}

#[test]
fn the_routers_autonomous_system_is_the_one_that_is_expected() {
    use RemoteAsn::{External, Internal, Number};
    const LONG: u32 = 4_200_000_000;
    let ours = u16::try_from(OURS).unwrap();
    // What is expected, what the router says (two bytes, four bytes), and whose it is then.
    let table = [
        (Number(64500), (64500, Some(64500)), Some(64500)),
        (Number(64500), (64500, None), Some(64500)),
        (Number(64500), (64501, Some(64501)), None),
        (Number(64500), (64501, None), None),
        // Four bytes count (RFC 6793 §4.1).
        (Number(LONG), (23456, Some(LONG)), Some(LONG)),
        (Number(LONG), (23456, None), None),
        (Number(64500), (64500, Some(LONG)), None),
        (Internal, (ours, Some(OURS)), Some(OURS)),
        (Internal, (64500, Some(64500)), None),
        (External, (64500, Some(64500)), Some(64500)),
        (External, (23456, Some(LONG)), Some(LONG)),
        (External, (ours, Some(OURS)), None),
        // Nobody's (RFC 7607, RFC 6793 §9).
        (External, (0, None), None),
        (External, (0, Some(0)), None),
        (External, (64500, Some(0)), None),
        (External, (0, Some(64500)), None),
        (External, (23456, None), None),
        (External, (23456, Some(23456)), None),
        (Number(0), (0, Some(0)), None),
    ];
    for (remote_asn, (short, long), expected) in table {
        let settings = Settings {
            remote_asn,
            ..settings()
        };
        let outcome = plainly(settings, asn(short, long));
        let case = format!("{remote_asn:?}, {short}, {long:?}");
        match expected {
            None => assert_eq!(outcome, Err(notification(2, 2, &[])), "{case}"),
            Some(expected) => {
                let agreed = outcome.unwrap();
                assert_eq!(agreed.remote_asn, expected, "{case}");
                assert_eq!(agreed.is_internal, expected == OURS, "{case}");
                assert_eq!(agreed.is_four_octet, long.is_some(), "{case}");
            }
        }
    }
}

#[test]
fn our_own_autonomous_system_is_said_in_two_bytes_if_it_fits_and_in_four() {
    for (local_asn, short) in [
        (64512, 64512),
        (65535, 65535),
        (65536, 23456),
        (4_200_000_000, 23456),
    ] {
        let open = sent(
            Settings {
                local_asn,
                ..settings()
            },
            next_hops(),
        );
        assert_eq!(open.my_as, short);
        assert!(
            open.capabilities
                .contains(&Capability::FourOctetAs { asn: local_asn })
        );
    }
}

#[test]
fn within_an_autonomous_system_an_identifier_is_unique() {
    let id = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    // RFC 6286 §2.2: any number but zero; and ours is another's only outside.
    let table = [
        ("192.0.2.1", false, true),
        ("192.0.2.1", true, true),
        ("0.0.0.0", false, false),
        ("0.0.0.0", true, false),
        ("192.0.2.11", false, true),
        ("192.0.2.11", true, false),
        ("255.255.255.255", false, true),
        ("224.0.0.1", true, true),
    ];
    for (text, is_internal, is_fine) in table {
        let number = if is_internal { OURS } else { THEIRS };
        let settings = Settings {
            remote_asn: RemoteAsn::Number(number),
            ..settings()
        };
        let open = OpenMessage {
            bgp_identifier: id(text),
            ..asn(u16::try_from(number).unwrap(), Some(number))
        };
        let outcome = plainly(settings, open).map(|it| it.remote_id);
        let expected = if is_fine {
            Ok(id(text))
        } else {
            Err(notification(2, 3, &[]))
        };
        assert_eq!(outcome, expected, "{text}, {is_internal}");
    }
}

#[test]
fn the_lower_hold_time_counts_and_none_means_for_ever() {
    let seconds = Duration::from_secs;
    // Ours, theirs, a keepalive time of ours; the hold and the keepalive time.
    let table = [
        (90, 90, None, Some((90, 30_000))),
        (90, 30, None, Some((30, 10_000))),
        (9, 180, None, Some((9, 3000))),
        (9, 3, None, Some((3, 1000))),
        (90, 65535, None, Some((90, 30_000))),
        (90, 0, None, None),
        (0, 90, None, None),
        (0, 0, Some(10), None),
        (90, 90, Some(10), Some((90, 10_000))),
        (90, 9, Some(10), Some((9, 3000))),
        (90, 90, Some(0), Some((90, 1000))),
        (65535, 65535, None, Some((65535, 21_845_000))),
    ];
    for (ours, theirs, keepalive, expected) in table {
        let settings = Settings {
            hold_time: (ours > 0).then(|| seconds(ours)),
            keepalive_time: keepalive.map(seconds),
            ..settings()
        };
        assert_eq!(
            u64::from(sent(settings.clone(), next_hops()).hold_time),
            ours
        );
        let agreed = plainly(
            settings,
            OpenMessage {
                hold_time: theirs,
                ..open()
            },
        )
        .unwrap();
        assert_eq!(
            agreed.hold_time,
            expected.map(|it| seconds(it.0)),
            "{ours}, {theirs}"
        );
        let keepalives = expected.map(|it| Duration::from_millis(it.1));
        assert_eq!(agreed.keepalive_time, keepalives, "{ours}, {theirs}");
    }
    for hold_time in [1, 2] {
        let outcome = plainly(
            settings(),
            OpenMessage {
                hold_time,
                ..open()
            },
        );
        assert_eq!(outcome, Err(notification(2, 6, &[])));
    }
}

#[test]
fn the_families_of_both_count_and_what_is_lacking_is_told() {
    use Family::{Ipv4, Ipv6};
    let other = Capability::MultiProtocol {
        afi: Afi::Ipv4,
        safi: Safi::Multicast,
    };
    let unknown = Capability::Unknown {
        code: 1,
        data: vec![0, 99, 0, 1].into(),
    };
    let (v4, v6) = (family(Afi::Ipv4), family(Afi::Ipv6));
    // Ours, the router's capabilities, and what is left.
    let other_v6 = Capability::MultiProtocol {
        afi: Afi::Ipv6,
        safi: Safi::Multicast,
    };
    let table: [(&[Family], Vec<Capability>, &[Family]); 11] = [
        (&[Ipv4, Ipv6], vec![v4.clone(), other_v6], &[Ipv4]),
        (&[Ipv4, Ipv6], vec![v4.clone(), v6.clone()], &[Ipv4, Ipv6]),
        (&[Ipv4, Ipv6], vec![v4.clone()], &[Ipv4]),
        (&[Ipv4, Ipv6], vec![v6.clone(), other.clone()], &[Ipv6]),
        (&[Ipv4], vec![v4.clone(), v6.clone()], &[Ipv4]),
        // Who says nothing speaks IPv4.
        (&[Ipv4, Ipv6], vec![], &[Ipv4]),
        (&[Ipv6], vec![], &[]),
        (&[Ipv6], vec![v4.clone()], &[]),
        (&[Ipv4], vec![v6], &[]),
        // Who says something else does not.
        (&[Ipv4, Ipv6], vec![other], &[]),
        (&[Ipv4], vec![unknown], &[]),
    ];
    for (ours, capabilities, expected) in table {
        let ours: BTreeSet<_> = ours.iter().copied().collect();
        let settings = Settings {
            families: ours.clone(),
            ..settings()
        };
        let said = sent(settings.clone(), next_hops()).capabilities;
        for afi in [Afi::Ipv4, Afi::Ipv6] {
            let wanted = if afi == Afi::Ipv4 { Ipv4 } else { Ipv6 };
            assert_eq!(said.contains(&family(afi)), ours.contains(&wanted));
        }
        let case = format!("{ours:?}, {capabilities:?}");
        match plainly(
            settings,
            OpenMessage {
                capabilities,
                ..open()
            },
        ) {
            Ok(agreed) => {
                assert!(agreed.families.iter().eq(expected), "{case}");
                let missing = agreed.missing_families;
                assert!(missing.is_disjoint(&agreed.families), "{case}");
                assert_eq!(&missing | &agreed.families, ours, "{case}");
            }
            Err(why) => {
                assert_eq!(expected, [], "{case}");
                // The capabilities as they stand in an OPEN (RFC 5492 §5).
                let lacking = ours.iter().flat_map(|it| match it {
                    Ipv4 => [1, 4, 0, 1, 0, 1],
                    Ipv6 => [1, 4, 0, 2, 0, 1],
                });
                let lacking: Vec<_> = lacking.collect();
                assert_eq!(why, notification(2, 7, &lacking), "{case}");
            }
        }
    }
}

#[test]
fn an_ipv6_next_hop_for_ipv4_takes_both_sides_and_a_connection_over_ipv6() {
    let next_hop = |nlri_afi, next_hop_afi| ExtendedNextHopFamily {
        nlri_afi,
        nlri_safi: Safi::Unicast,
        next_hop_afi,
    };
    let right = next_hop(Afi::Ipv4, Afi::Ipv6);
    let capable = |all: Vec<ExtendedNextHopFamily>| {
        let mut open = open();
        open.capabilities.push(Capability::ExtendedNextHop(all));
        open
    };
    let v6_only = Settings {
        families: [Family::Ipv6].into(),
        ..settings()
    };
    let table = [
        (settings(), over_v6(), capable(vec![right]), true, true),
        (settings(), over_v6(), open(), true, false),
        (settings(), next_hops(), capable(vec![right]), false, false),
        (
            settings(),
            over_v6(),
            capable(vec![next_hop(Afi::Ipv6, Afi::Ipv6)]),
            true,
            false,
        ),
        (
            settings(),
            over_v6(),
            capable(vec![next_hop(Afi::Ipv6, Afi::Ipv6), right]),
            true,
            true,
        ),
        (v6_only, over_v6(), capable(vec![right]), false, false),
    ];
    for (settings, hops, open, is_offered, is_agreed) in table {
        let offer = Capability::ExtendedNextHop(vec![right]);
        let said = sent(settings.clone(), hops).capabilities;
        assert_eq!(said.contains(&offer), is_offered, "{settings:?}");
        let agreed = judged(settings, hops, open.clone()).unwrap();
        assert_eq!(agreed.is_extended_next_hop, is_agreed, "{open:?}");
    }
}

pub(super) fn restarting(has_restarted: bool, seconds: u64) -> Settings {
    let restart = Restart {
        time: Duration::from_secs(seconds),
        has_restarted,
    };
    Settings {
        restart: Some(restart),
        ..settings()
    }
}

#[test]
fn nothing_is_offered_that_we_do_not_do() {
    let capabilities = sent(restarting(true, 120), over_v6()).capabilities;
    let codes: Vec<_> = capabilities.iter().map(Capability::code).collect();
    assert_eq!(codes, [1, 1, 2, 5, 65, 64]);
}
