//! Sessions and the routes in them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use landfall_test_network::Lan;
use landfall_test_routers::{
    Family, GracefulRestart, Neighbour, Origin, Path, Router, eventually, until,
};

use crate::{
    B, F, G, Kind, address, are_possible_or_skip, asn, communities, config, large_communities,
    neighbour, prefixes, start,
};

const HOSTS: [&str; 3] = ["router", "node1", "node2"];

/// Of two hosts.
fn password(one: &str, other: &str) -> String {
    let mut both = [one, other];
    both.sort_unstable();
    both.join("-")
}

/// Each with each other, over sessions of this family, changed by `change`.
fn mesh(
    lan: &Lan,
    family: Family,
    change: impl Fn(&str, Neighbour) -> Neighbour,
) -> Vec<(Kind, &'static str, Box<dyn Router>)> {
    let routers = [F, B, G].into_iter().zip(HOSTS);
    let routers = routers.map(|(kind, host)| {
        let others = HOSTS.into_iter().filter(|it| *it != host);
        let neighbours = others.map(|other| {
            let plain = neighbour(lan, other, family);
            let it = Neighbour {
                password: Some(password(host, other)),
                ttl_security: true,
                ..plain
            };
            change(host, it)
        });
        let mut config = config(lan, host);
        config.neighbours = neighbours.collect();
        (kind, host, start(kind, lan, host, &config))
    });
    routers.collect()
}

/// The path that a router has to a prefix of another's by that one itself.
fn path_from(router: &dyn Router, lan: &Lan, host: &str, family: Family, at: IpAddr) -> Path {
    let index = usize::from(family == Family::Ipv6);
    let prefix = prefixes(lan, host)[index];
    eventually(&format!("{prefix} in {}", router.namespace()), || {
        let mut paths = router.route(prefix).into_iter();
        paths.find(|it| it.from == Some(at) && it.is_used)
    })
}

#[test]
fn one_session_carries_both_families_and_all_that_is_said_of_a_route() {
    if !are_possible_or_skip() {
        return;
    }
    let lan = Lan::new(2);
    let began = Instant::now();
    let routers = mesh(&lan, Family::Ipv4, |_, it| it);
    for (kind, host, router) in &routers {
        for (of, other, _) in routers.iter().filter(|it| it.1 != *host) {
            let what = format!("{of:?} as {kind:?} sees it");
            let at = address(&lan, other, Family::Ipv4);
            let session = router.until_established(&at.to_string());
            assert_eq!(session.address, Some(at), "{what}");
            assert_eq!(session.hold_time, Some(Duration::from_secs(9)), "{what}");
            // The system's clock, in seconds, on each side.
            let up = session.up.unwrap();
            assert!(
                up <= began.elapsed() + Duration::from_secs(2),
                "{what}: {up:?}"
            );
            let can = session.capabilities;
            let families = [Family::Ipv4, Family::Ipv6];
            assert_eq!(can.families, families.into(), "{what}");
            assert!(can.four_octet_asn && can.route_refresh, "{what}: {can:?}");
            assert_eq!(can.extended_next_hop, *of == G, "{what}: {can:?}");
            let restart = can.graceful_restart.unwrap();
            assert_eq!(restart.families, [].into(), "{what}");

            for family in families {
                let path = path_from(router.as_ref(), &lan, other, family, at);
                let what = format!("{what}: {path:?}");
                assert_eq!(path.from, Some(at), "{what}");
                assert_eq!(path.as_path, [asn(other)], "{what}");
                assert_eq!(path.next_hops[0], address(&lan, other, family), "{what}");
                assert_eq!(path.origin, Some(Origin::Igp), "{what}");
                assert_eq!(path.med, Some(13), "{what}");
                let mut seen = path.communities.clone();
                seen.sort();
                assert_eq!(seen, communities(), "{what}");
                assert_eq!(path.large_communities, large_communities(other), "{what}");
                assert!(!path.stale, "{what}");
            }
        }
        let own = prefixes(&lan, host).map(|it| router.route(it));
        assert!(own.iter().all(|it| it.len() == 1 && it[0].from.is_none()));
        // Both families of each of the three, and nothing else.
        assert_eq!(router.routes().len(), 6, "{kind:?}: {:?}", router.routes());
        assert_eq!(router.sessions().len(), 2);
        if *kind != G {
            let other = HOSTS.into_iter().find(|it| it != host).unwrap();
            for (prefix, family) in prefixes(&lan, other)
                .into_iter()
                .zip([Family::Ipv4, Family::Ipv6])
            {
                let hops = eventually("a route in the kernel", || {
                    let hops = router.kernel_routes(prefix);
                    (!hops.is_empty()).then_some(hops)
                });
                assert_eq!(hops.len(), 1);
                let gateway = hops[0].gateway.unwrap();
                let is_link_local = gateway.to_string().starts_with("fe80::");
                assert!(
                    is_link_local || gateway == address(&lan, other, family),
                    "{hops:?}"
                );
            }
        }
    }
}

#[test]
fn routes_of_ipv4_have_next_hops_of_ipv6_over_a_session_of_ipv6() {
    if !are_possible_or_skip() {
        return;
    }
    let lan = Lan::new(2);
    let routers = mesh(&lan, Family::Ipv6, |_, it| Neighbour {
        extended_next_hop: true,
        graceful_restart: GracefulRestart::Off,
        ..it
    });
    for (kind, host, router) in &routers {
        for (of, other, _) in routers.iter().filter(|it| it.1 != *host) {
            let at = address(&lan, other, Family::Ipv6);
            let session = router.until_established(&at.to_string());
            let can = session.capabilities;
            assert!(can.extended_next_hop, "{of:?} as {kind:?} sees it: {can:?}");
            assert_eq!(can.graceful_restart, None);
            let path = path_from(router.as_ref(), &lan, other, Family::Ipv4, at);
            assert_eq!(path.next_hops[0], at, "{of:?} as {kind:?} sees it");
            let prefix = prefixes(&lan, other)[0];
            if *kind != G {
                until("a route of IPv4 by IPv6 in the kernel", || {
                    let hops = router.kernel_routes(prefix);
                    hops.first().is_some_and(|it| it.gateway.unwrap().is_ipv6())
                });
            }
        }
    }
}

#[test]
fn routes_of_who_restarts_gracefully_are_kept_and_are_stale() {
    if !are_possible_or_skip() {
        return;
    }
    let lan = Lan::new(2);
    let mut routers = mesh(&lan, Family::Ipv4, |host, it| match host {
        "node2" => it,
        _ => Neighbour {
            graceful_restart: GracefulRestart::Restarting,
            ..it
        },
    });
    let at = address(&lan, "node1", Family::Ipv4);
    let families = [(Family::Ipv4, false), (Family::Ipv6, false)];
    for host in [0, 2] {
        let router = &routers[host].2;
        let session = router.until_established(&at.to_string());
        let restart = session.capabilities.graceful_restart.unwrap();
        assert_eq!(restart.families, families.into());
        assert_eq!(restart.time, Some(Duration::from_mins(2)));
        assert!(!path_from(router.as_ref(), &lan, "node1", Family::Ipv4, at).stale);
    }
    let prefix = prefixes(&lan, "node1")[0];
    until("a route in the kernel", || {
        !routers[0].2.kernel_routes(prefix).is_empty()
    });
    routers[1].2.kill();
    for host in [0, 2] {
        let router = &routers[host].2;
        until("a stale path", || {
            let paths = router.route(prefix).into_iter();
            let mut paths = paths.filter(|it| it.from == Some(at));
            paths.next().expect("it is kept").stale
        });
    }
    assert_eq!(routers[0].2.kernel_routes(prefix).len(), 1);
    routers[1].2.restart();
    // GoBGP does not hear of it for half a minute.
    until("a fresh path", || {
        let paths = routers[0].2.route(prefix).into_iter();
        paths.into_iter().any(|it| it.from == Some(at) && !it.stale)
    });
    let at = address(&lan, "router", Family::Ipv4);
    let [frr, bird, _] = &mut routers[..] else {
        panic!("three routers")
    };
    let session = bird.2.until_established(&at.to_string());
    let restart = session.capabilities.graceful_restart.unwrap();
    assert_eq!(restart.families, families.into());
    let fresh = path_from(bird.2.as_ref(), &lan, "router", Family::Ipv4, at);
    assert!(!fresh.stale);
    frr.2.kill();
    until("a stale path", || {
        path_from(bird.2.as_ref(), &lan, "router", Family::Ipv4, at).stale
    });
}
