//! Which packet is for which session, and what strangers can do (RFC 5880 §6.3, §6.8.6).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{answering, config, milliseconds, packet};
use crate::{
    Action, Arrival, Config, ControlPacket, Dropped, HopKind, Hops, Local, Malformed, Path,
    Sessions, State,
};

pub(super) fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

/// From a router at .1 to us at .10, on interface 3.
pub(super) fn arrival() -> Arrival {
    Arrival {
        from: address(1),
        to: address(10),
        interface: 3,
        ttl: 255,
        hops: HopKind::Single,
    }
}

fn multihop() -> Config {
    Config {
        hops: Hops::Multihop { minimum_ttl: 250 },
        ..config()
    }
}

/// The first packet of a peer.
pub(super) fn first() -> [u8; 24] {
    ControlPacket {
        your_discriminator: None,
        ..packet(State::Down)
    }
    .encode()
}

/// A packet for a session.
pub(super) fn to(sessions: &Sessions, path: &Path, packet: ControlPacket) -> [u8; 24] {
    let session = sessions.get(path).unwrap();
    ControlPacket {
        your_discriminator: Some(session.discriminator()),
        ..packet
    }
    .encode()
}

#[test]
fn a_first_packet_is_for_the_session_with_its_source() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    let link_local: IpAddr = "fe80::1".parse().unwrap();
    let on_3 = sessions.set(link_local, Local::Interface(3), config(), now);
    let on_4 = sessions.set(link_local, Local::Interface(4), config(), now);
    let to_10 = sessions.set(address(1), Local::Address(address(10)), config(), now);
    let to_11 = sessions.set(address(1), Local::Address(address(11)), config(), now);
    let far = sessions.set(address(1), Local::Any, multihop(), now);
    let any = sessions.set(address(2), Local::Any, config(), now);
    let (single, multi) = (HopKind::Single, HopKind::Multi);
    let table = [
        ("fe80::1", "fe80::a", 3, single, Some(on_3)),
        ("fe80::1", "fe80::a", 4, single, Some(on_4)),
        ("fe80::1", "fe80::a", 5, single, None),
        ("192.0.2.1", "192.0.2.10", 3, single, Some(to_10)),
        ("192.0.2.1", "192.0.2.11", 3, single, Some(to_11)),
        ("192.0.2.1", "192.0.2.12", 3, single, None),
        ("192.0.2.1", "192.0.2.10", 3, multi, Some(far)),
        ("192.0.2.2", "192.0.2.10", 9, single, Some(any)),
        ("192.0.2.2", "192.0.2.10", 9, multi, None),
        ("192.0.2.3", "192.0.2.10", 3, single, None),
        // As a socket for both families writes them.
        (
            "::ffff:192.0.2.2",
            "::ffff:192.0.2.10",
            3,
            single,
            Some(any),
        ),
        ("192.0.2.1", "::ffff:192.0.2.11", 3, single, Some(to_11)),
    ];
    for (from, to, interface, hops, expected) in table {
        let arrival = Arrival {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            interface,
            ttl: 255,
            hops,
        };
        let heard = sessions.receive(&first(), &arrival, now);
        assert_eq!(heard, expected.ok_or(Dropped::Stranger), "{arrival:?}");
    }
}

#[test]
fn a_later_packet_is_for_the_session_that_it_names_wherever_it_comes_from() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    let one = sessions.set(address(1), Local::Any, config(), now);
    let other = sessions.set(address(2), Local::Any, config(), now);
    let bytes = to(&sessions, &other, packet(State::Init));
    assert_eq!(sessions.receive(&bytes, &arrival(), now), Ok(other));
    let elsewhere = Arrival {
        from: address(77),
        interface: 9,
        ..arrival()
    };
    let bytes = to(&sessions, &one, packet(State::Init));
    assert_eq!(sessions.receive(&bytes, &elsewhere, now), Ok(one));
    for (path, session) in sessions.iter() {
        assert_eq!(session.state(), State::Up, "{path:?}");
    }
    let actions = sessions.take_actions();
    let up: Vec<_> = actions.iter().filter(|it| it.1 == Action::Up).collect();
    assert_eq!(up, [&(other, Action::Up), &(one, Action::Up)]);
}

#[test]
fn each_bad_packet_is_dropped_by_its_reason_and_counted_where_it_belongs() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = sessions.set(address(1), Local::Any, config(), now);
    let good = to(&sessions, &path, packet(State::Up));
    let with = |at: usize, octet: u8| {
        let mut bytes = good;
        bytes[at] = octet;
        bytes.to_vec()
    };
    let authenticated = [&with(1, 0xc4)[..3], &[28], &good[4..], &[1, 4, 1, 0]].concat();
    let stranger_named = with(8, good[8].wrapping_add(1));
    let unnamed = [&good[..8], &[0; 4], &good[12..]].concat();
    let nameless = [&good[..4], &[0; 4], &good[8..]].concat();
    let near = arrival();
    let routed = Arrival { ttl: 254, ..near };
    let other_port = Arrival {
        hops: HopKind::Multi,
        ..near
    };
    let table = [
        (vec![], near, Malformed::Cut.into()),
        (with(0, 0), near, Malformed::Version.into()),
        (with(3, 23), near, Malformed::TooShort.into()),
        (with(3, 25), near, Malformed::TooLong.into()),
        (with(2, 0), near, Malformed::ZeroMultiplier.into()),
        (with(1, 0xc1), near, Malformed::Multipoint.into()),
        (nameless, near, Malformed::ZeroMyDiscriminator.into()),
        (unnamed, near, Malformed::ZeroYourDiscriminator.into()),
        (stranger_named, near, Dropped::UnknownDiscriminator),
        (authenticated, near, Dropped::Authenticated),
        (good.to_vec(), routed, Dropped::Ttl),
        (good.to_vec(), other_port, Dropped::OtherHops),
    ];
    sessions.take_actions();
    for (bytes, arrival, dropped) in &table {
        assert_eq!(sessions.receive(bytes, arrival, now), Err(*dropped));
    }
    let session = sessions.get(&path).unwrap();
    assert_eq!(session.state(), State::Down);
    assert_eq!(session.remote().discriminator, None);
    assert_eq!(session.counts().received, 0);
    let counted: Vec<_> = session.counts().dropped.iter().collect();
    assert_eq!(counted.len(), table.len());
    assert!(counted.iter().all(|it| *it.1 == 1), "{counted:?}");
    assert!(sessions.dropped().is_empty());

    // The same from who has no session is counted for the table, but for what names one.
    for (bytes, arrival, dropped) in &table {
        let arrival = Arrival {
            from: address(9),
            ..*arrival
        };
        assert_eq!(sessions.receive(bytes, &arrival, now), Err(*dropped));
    }
    assert_eq!(sessions.dropped().len(), table.len() - 3);
    let of_session = &sessions.get(&path).unwrap().counts().dropped;
    for named in [Dropped::Authenticated, Dropped::Ttl, Dropped::OtherHops] {
        assert_eq!(of_session[&named], 2);
    }
    assert!(sessions.take_actions().is_empty());
    let words: BTreeSet<_> = table.iter().map(|it| it.2.reason()).collect();
    assert_eq!(words.len(), table.len());
}

#[test]
fn strangers_add_to_a_number_and_nothing_else() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    sessions.set(address(1), Local::Any, config(), now);
    sessions.take_actions();
    let before = (sessions.iter().count(), sessions.next_tick());
    for number in 0..50_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let from = [10, b, c, d].into();
        let strange = Arrival { from, ..arrival() };
        let mut bytes = first();
        bytes[4..8].copy_from_slice(&[1, a, c, d]);
        assert_eq!(
            sessions.receive(&bytes, &strange, now),
            Err(Dropped::Stranger)
        );
    }
    assert_eq!((sessions.iter().count(), sessions.next_tick()), before);
    assert_eq!(*sessions.dropped(), [(Dropped::Stranger, 50_000)].into());
    assert!(sessions.take_actions().is_empty());
}

#[test]
fn each_session_is_served_when_it_is_due() {
    let start = Instant::now();
    let mut now = start;
    let mut sessions = Sessions::new(7);
    let paths: Vec<_> = (1..=50)
        .map(|number| sessions.set(address(number), Local::Any, config(), now))
        .collect();
    let mut sent = BTreeMap::<Path, Vec<Instant>>::new();
    while now < start + Duration::from_secs(10) {
        now = now.max(sessions.next_tick().unwrap());
        sessions.tick(now);
        assert!(sessions.next_tick().unwrap() > now);
        for (path, action) in sessions.take_actions() {
            assert!(matches!(action, Action::Send(_)));
            sent.entry(path).or_default().push(now);
        }
    }
    let mut last: BTreeSet<&Instant> = BTreeSet::new();
    for path in paths {
        let times = &sent[&path];
        assert!((11..=15).contains(&times.len()), "{}", times.len());
        last.extend(times.last());
    }
    assert!(last.len() > 40, "they keep step: {}", last.len());
    let names: BTreeSet<_> = sessions.iter().map(|it| it.1.discriminator()).collect();
    assert_eq!(names.len(), 50);
}

/// A session that is up.
pub(super) fn up(sessions: &mut Sessions, now: Instant) -> Path {
    let path = sessions.set(address(1), Local::Any, config(), now);
    let bytes = to(sessions, &path, packet(State::Init));
    sessions.receive(&bytes, &arrival(), now).unwrap();
    let bytes = to(sessions, &path, answering(packet(State::Up)));
    sessions.receive(&bytes, &arrival(), now).unwrap();
    sessions.take_actions();
    path
}

#[test]
fn what_waits_in_a_socket_is_heard_before_silence_is_judged() {
    let start = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = up(&mut sessions, start);
    let late = start + Duration::from_secs(5);
    let bytes = to(&sessions, &path, packet(State::Up));
    sessions.receive(&bytes, &arrival(), late).unwrap();
    sessions.tick(late);
    assert_eq!(sessions.get(&path).unwrap().state(), State::Up);
    sessions.tick(late + milliseconds(150));
    assert_eq!(sessions.get(&path).unwrap().state(), State::Down);
}
