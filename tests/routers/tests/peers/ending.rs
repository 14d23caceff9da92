//! How sessions end, and what is told of it.

use std::thread;

use landfall_test_network::Lan;
use landfall_test_routers::{
    BfdState, Bird, Family, Frr, GracefulRestart, Neighbour, RemoteAs, Router, SessionState,
    eventually, until,
};

use crate::{
    B, F, G, Kind, QUICK, address, are_possible_or_skip, config, neighbour, prefixes, start,
};

/// On the router and on the first node of a network of its own.
struct Pair {
    lan: Lan,
    /// How each knows the other.
    router: String,
    node: String,
}

impl Pair {
    fn new() -> Self {
        let lan = Lan::new(1);
        let [router, node] = ["router", "node1"].map(|it| address(&lan, it, Family::Ipv4));
        Self {
            lan,
            router: router.to_string(),
            node: node.to_string(),
        }
    }
}

#[test]
fn a_session_that_is_shut_down_or_refused_says_why() {
    if !are_possible_or_skip() {
        return;
    }
    thread::scope(|scope| {
        for (here, there) in [(F, B), (B, F), (G, F), (B, G)] {
            scope.spawn(move || shut_down(here, there));
        }
        scope.spawn(refused);
    });
}

fn shut_down(here: Kind, there: Kind) {
    let what = format!("{here:?} and {there:?}");
    let Pair { lan, router, node } = Pair::new();
    let with = |host, other| config(&lan, host).with(neighbour(&lan, other, Family::Ipv4));
    let other = start(there, &lan, "node1", &with("node1", "router"));
    let one = start(here, &lan, "router", &with("router", "node1"));
    one.until_established(&node);
    other.until_established(&router);
    one.disable(&node);
    let session = eventually(&format!("{what}: the end of a session"), || {
        let session = other.session(&router).unwrap();
        let is_up = session.state == SessionState::Established;
        (!is_up && session.last_error.is_some()).then_some(session)
    });
    let error = session.last_error.unwrap();
    if there == B {
        let expected = "Received: Administrative shutdown";
        assert!(error.text.starts_with(expected), "{what}: {error:?}");
    } else {
        assert_eq!(error.notification, Some((6, 2)), "{what}: {error:?}");
    }
    let own = one.session(&node).unwrap();
    assert_ne!(own.state, SessionState::Established, "{what}");
    assert_eq!((own.up, own.hold_time), (None, None), "{what}");
    if here == G || there == G {
        // It takes its time.
        return;
    }
    one.enable(&node);
    one.until_established(&node);
    other.until_established(&router);
    one.clear(&node);
    // Administrative reset, or shutdown as BIRD says it too.
    until(&format!("{what}: another end"), || {
        let session = other.session(&router).unwrap();
        let error = session.last_error.unwrap();
        match there {
            B => error.text.starts_with("Received: Administrative reset"),
            _ => error.notification == Some((6, 4)),
        }
    });
}

/// For another autonomous system than the other end was told.
fn refused() {
    let Pair { lan, node, .. } = Pair::new();
    let stranger = Neighbour {
        remote_as: RemoteAs::Asn(64999),
        ..neighbour(&lan, "node1", Family::Ipv4)
    };
    let one = Frr::start(&lan, "router", &config(&lan, "router").with(stranger));
    let honest = config(&lan, "node1").with(neighbour(&lan, "router", Family::Ipv4));
    let _other = Bird::start(&lan, "node1", &honest);
    until("a bad peer AS", || {
        let error = one.session(&node).unwrap().last_error;
        error.is_some_and(|it| it.notification == Some((2, 2)))
    });
}

#[test]
fn bfd_sees_the_end_of_a_silent_neighbour_and_of_one_that_was_killed() {
    if !are_possible_or_skip() {
        return;
    }
    // At the same network, and over several hops (RFC 5883): BIRD sends with a hop limit of 64, and FRR
    // takes as many hops as it is told.
    thread::scope(|scope| {
        for multihop in [None, Some(255)] {
            scope.spawn(move || watched(multihop));
        }
    });
}

fn watched(multihop: Option<u8>) {
    let Pair { lan, .. } = Pair::new();
    let with = |host: &str, other: &str| {
        config(&lan, host).with(Neighbour {
            bfd: Some(QUICK),
            multihop,
            source: multihop.map(|_| address(&lan, host, Family::Ipv4)),
            graceful_restart: GracefulRestart::Off,
            ..neighbour(&lan, other, Family::Ipv4)
        })
    };
    let frr = Frr::start(&lan, "router", &with("router", "node1"));
    let mut bird = Bird::start(&lan, "node1", &with("node1", "router"));
    let (ours, theirs) = eventually("BFD is up", || {
        let both = frr.bfd_sessions().into_iter().zip(bird.bfd_sessions());
        let mut both = both.filter(|(one, other)| {
            (one.state, other.state) == (BfdState::Up, BfdState::Up)
                // As long as one is down, it sends once a second.
                && other.interval == Some(QUICK.interval)
                && one.details.as_ref().unwrap().remote.receive == QUICK.interval
        });
        both.next()
    });
    let details = ours.details.unwrap();
    assert_eq!(ours.address, address(&lan, "node1", Family::Ipv4));
    assert_eq!(theirs.address, address(&lan, "router", Family::Ipv4));
    assert_eq!(details.multihop, multihop.is_some());
    assert_eq!(theirs.interface.is_none(), multihop.is_some());
    for timers in [details.own, details.remote] {
        assert_eq!(timers.receive, QUICK.interval, "{details:?}");
        assert_eq!(timers.transmit, QUICK.interval, "{details:?}");
        assert_eq!(timers.multiplier, QUICK.multiplier, "{details:?}");
    }
    assert_eq!(theirs.detection_time, Some(QUICK.interval * 3));
    let prefix = prefixes(&lan, "node1")[0];
    until("a route in the kernel", || {
        !frr.kernel_routes(prefix).is_empty()
    });
    if multihop.is_some() {
        bird.kill();
    } else {
        lan.mute("node1");
        until("it is noticed", || {
            let sessions = frr.bfd_sessions().into_iter();
            let mut details = sessions.filter_map(|it| it.details);
            details.any(|it| it.diagnostic == "control detection time expired")
        });
    }
    until("no route in the kernel", || {
        frr.kernel_routes(prefix).is_empty()
    });
    until("no path", || frr.route(prefix).is_empty());
}

/// How often the kernel of a host has dropped something for this reason.
fn dropped(lan: &Lan, host: &str, counter: &str) -> u64 {
    let mut command = lan.command(host, "cat");
    let said = command.arg("/proc/net/netstat").output().unwrap().stdout;
    let text = String::from_utf8(said).unwrap();
    let mut lines = text.lines().filter(|it| it.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(values.split(' '));
    both.find(|it| it.0 == counter).unwrap().1.parse().unwrap()
}

#[test]
fn who_has_another_password_or_may_be_far_away_is_not_heard() {
    if !are_possible_or_skip() {
        return;
    }
    thread::scope(|scope| {
        for (here, there) in [(F, B), (B, G), (G, F)] {
            scope.spawn(move || {
                let with = |password: &str, it| Neighbour {
                    password: Some(password.into()),
                    ..it
                };
                let change = (|it| with("right", it), |it| with("wrong", it));
                not_heard(here, there, "TCPMD5Failure", &change);
            });
            scope.spawn(move || {
                let near = |it| Neighbour {
                    ttl_security: true,
                    ..it
                };
                not_heard(here, there, "TCPMinTTLDrop", &(near, |it| it));
            });
        }
    });
}

/// What the kernel drops is counted so where one end is changed by the first, and the other by the
/// second.
fn not_heard(
    here: Kind,
    there: Kind,
    counter: &str,
    change: &(
        impl Fn(Neighbour) -> Neighbour,
        impl Fn(Neighbour) -> Neighbour,
    ),
) {
    let Pair { lan, node, .. } = Pair::new();
    let with = |host, other| (config(&lan, host), neighbour(&lan, other, Family::Ipv4));
    let (strict, known) = with("router", "node1");
    let one = start(here, &lan, "router", &strict.with(change.0(known)));
    let (stranger, known) = with("node1", "router");
    let _other = start(there, &lan, "node1", &stranger.with(change.1(known)));
    until(&format!("{counter} of {here:?} for {there:?}"), || {
        ["router", "node1"]
            .into_iter()
            .any(|it| dropped(&lan, it, counter) > 0)
    });
    let state = one.session(&node).unwrap().state;
    assert_ne!(state, SessionState::Established, "{here:?}, {there:?}");
}

#[test]
fn a_router_ends_with_its_test_and_may_start_again_before() {
    if !are_possible_or_skip() {
        return;
    }
    thread::scope(|scope| {
        for kind in [F, B, G] {
            scope.spawn(move || ends(kind));
        }
    });
}

fn ends(kind: Kind) {
    let lan = Lan::new(0);
    let programs = || {
        let said = std::process::Command::new("ip")
            .args(["netns", "pids", &lan.namespace("router")])
            .output();
        String::from_utf8(said.unwrap().stdout).unwrap()
    };
    let [.., prefix] = prefixes(&lan, "router");
    let mut router = start(kind, &lan, "router", &config(&lan, "router"));
    let ids = programs();
    router.kill();
    assert_eq!(programs(), "", "{kind:?}");
    if let Ok(left) = std::fs::read_dir("/var/tmp/frr") {
        let left = left.map(|it| it.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = left.collect();
        for id in ids.lines() {
            let ours = format!(".{id}");
            assert!(!left.iter().any(|it| it.ends_with(&ours)), "{left:?}");
        }
    }
    router.restart();
    until("its own route", || router.route(prefix).len() == 1);
    router.stop();
    assert_eq!(programs(), "", "{kind:?}");
    router.restart();
    until("its own route", || router.route(prefix).len() == 1);
    assert_ne!(programs(), "", "{kind:?}");
    let failed = thread::scope(|scope| {
        let failing = scope.spawn(move || {
            let _router = router.namespace();
            panic!("as a test does that fails; this is in order");
        });
        failing.join()
    });
    assert!(failed.is_err());
    assert_eq!(programs(), "", "{kind:?}");
}
