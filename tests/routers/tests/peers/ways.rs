//! Several ways, and ways without addresses.

use std::time::Duration;

use landfall_test_network::{Lan, Probe, now};
use landfall_test_routers::{
    BfdState, Bird, Family, Frr, KernelNextHop, Neighbour, RemoteAs, Router, RouterConfig,
    SessionState, eventually, kernel_routes, until,
};

use crate::{B, F, G, Kind, QUICK, are_possible_or_skip, asn, config, neighbour, prefixes, start};

#[test]
fn traffic_goes_over_all_that_call_from_a_range_with_a_password() {
    if !are_possible_or_skip() {
        return;
    }
    let mut lan = Lan::new(2);
    lan.add_second();
    lan.route_second();
    // Both nodes announce the same, of one autonomous system.
    let originates = config(&lan, "node1").originates;
    let both = prefixes(&lan, "node1");
    for prefix in both {
        lan.give("node1", prefix.addr());
        lan.give("node2", prefix.addr());
    }
    for kind in [F, B] {
        let ranges = ["192.0.2.0/24", "fd00:192:0:2::/64"].map(|it| it.parse().unwrap());
        let mut at_router = RouterConfig::new(asn("router"), lan.addresses("router").0);
        at_router.neighbours = ranges
            .map(|range| Neighbour {
                password: Some("secret".into()),
                ..Neighbour::in_range(range, RemoteAs::Asn(64501))
            })
            .to_vec();
        let router = start(kind, &lan, "router", &at_router);
        let nodes = ["node1", "node2"].map(|host| {
            let mut at_node = RouterConfig::new(64501, lan.addresses(host).0);
            at_node.originates.clone_from(&originates);
            let calls = [Family::Ipv4, Family::Ipv6].map(|family| Neighbour {
                password: Some("secret".into()),
                families: vec![family],
                ..neighbour(&lan, "router", family)
            });
            at_node.neighbours = calls.to_vec();
            Bird::start(&lan, host, &at_node)
        });
        for prefix in both {
            until(&format!("{kind:?} has two ways"), || {
                router.kernel_routes(prefix).len() == 2
            });
            assert_eq!(
                kernel_routes(&lan, "router", prefix),
                router.kernel_routes(prefix)
            );
            assert!(router.route(prefix).iter().any(|it| it.is_used));
            let probe = Probe::ping(&lan, "far", prefix.addr(), Duration::from_millis(10));
            probe.answer_after(now());
        }
        let sessions = router.sessions();
        let up = sessions
            .iter()
            .filter(|it| it.state == SessionState::Established);
        assert_eq!(up.count(), 4, "{sessions:#?}");
        drop(nodes);
        for prefix in both {
            until(&format!("{kind:?} has no way"), || {
                router.kernel_routes(prefix).is_empty()
            });
        }
    }
}

#[test]
fn of_one_autonomous_system_and_from_a_range_all_is_heard_with_its_preference() {
    if !are_possible_or_skip() {
        return;
    }
    std::thread::scope(|scope| {
        for (here, there) in [(F, B), (B, F), (G, B)] {
            scope.spawn(move || of_one(here, there));
        }
    });
}

fn of_one(here: Kind, there: Kind) {
    let lan = Lan::new(1);
    let range = "192.0.2.0/24".parse().unwrap();
    let hears = Neighbour::in_range(range, RemoteAs::Internal);
    let hears = RouterConfig::new(asn("node1"), lan.addresses("router").0).with(hears);
    let told = config(&lan, "node1").with(Neighbour {
        remote_as: RemoteAs::Internal,
        ..neighbour(&lan, "router", Family::Ipv4)
    });
    let at = lan.addresses("node1").0;
    let what = format!("{there:?} as {here:?} sees it");
    let router = start(here, &lan, "router", &hears);
    let _node = start(there, &lan, "node1", &told);
    router.until_established(&at.to_string());
    for prefix in prefixes(&lan, "node1") {
        let path = eventually(&what, || router.route(prefix).pop());
        assert!(path.as_path.is_empty(), "{what}: {path:?}");
        assert_eq!(path.local_pref, Some(100), "{what}");
        assert_eq!(path.from, Some(at.into()), "{what}");
    }
}

#[test]
fn who_is_at_the_other_end_of_a_cable_needs_no_address() {
    if !are_possible_or_skip() {
        return;
    }
    let lan = Lan::new(2);
    lan.lay_cable(("router", "p1"), ("node1", "p0"));
    lan.lay_cable(("router", "p2"), ("node2", "p0"));
    let on = |interface| Neighbour {
        bfd: Some(QUICK),
        ..Neighbour::on(interface, RemoteAs::External)
    };
    let at_router = config(&lan, "router").with(on("p1")).with(on("p2"));
    let router = Frr::start(&lan, "router", &at_router);
    for (kind, host, interface) in [(F, "node1", "p1"), (B, "node2", "p2")] {
        let node = start(kind, &lan, host, &config(&lan, host).with(on("p0")));
        let session = router.until_established(interface);
        assert!(session.capabilities.extended_next_hop);
        let seen = node.until_established("p0");
        assert!(seen.address.unwrap().to_string().starts_with("fe80::"));
        for prefix in prefixes(&lan, host) {
            until(&format!("{prefix} of {kind:?}"), || {
                let hops = kernel_routes(&lan, "router", prefix);
                let is_it =
                    |it: &KernelNextHop| it.device == interface && it.gateway == session.address;
                hops.len() == 1 && is_it(&hops[0])
            });
        }
        until("BFD is up", || {
            let mut sessions = router.bfd_sessions().into_iter();
            sessions
                .any(|it| it.interface.as_deref() == Some(interface) && it.state == BfdState::Up)
        });
        lan.cut_cable(host, "p0");
        for prefix in prefixes(&lan, host) {
            until("no way", || {
                kernel_routes(&lan, "router", prefix).is_empty()
            });
        }
    }
}
