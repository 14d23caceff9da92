//! The network itself: what joins its hosts, what parts them, and what probes see of both.

use std::net::IpAddr;
use std::time::Duration;

use landfall_test_network::{Lan, Probe, is_possible_or_skip, now};

const EVERY: Duration = Duration::from_millis(10);
/// Longer than any hold-up of this machine that is not a fault of the network.
const FAULT: Duration = Duration::from_millis(500);

fn addresses(lan: &Lan, host: &str) -> [IpAddr; 2] {
    let (v4, v6) = lan.addresses(host);
    [v4.into(), v6.into()]
}

/// Brings a fault about, lets it last, ends it, and checks that the probe saw it and its end.
fn check(probe: &Probe, what: &str, begin: impl FnOnce(), end: impl FnOnce()) {
    let since = probe.answer_after(now()).at;
    begin();
    probe.pass(FAULT);
    end();
    let until = probe.answer_after(now()).at;
    let gap = probe.longest_gap(since, until);
    assert!(gap >= FAULT, "{what}: {gap:?}");
    assert!(probe.lost(since, until) > 20, "{what}: nothing was lost");
}

#[test]
fn each_fault_is_seen_by_a_client_and_ends() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let lan = Lan::new(2);
    for address in addresses(&lan, "node1") {
        let probe = Probe::ping(&lan, "client", address, EVERY);
        let node = "node1";
        check(&probe, "cut", || lan.cut(node), || lan.join(node));
        check(&probe, "mute", || lan.mute(node), || lan.unmute(node));
        check(&probe, "loss", || lan.loss(node, 100), || lan.loss(node, 0));
        check(&probe, "part", || lan.part(&[node]), || lan.heal());
        check(&probe, "part", || lan.part(&["client"]), || lan.heal());
    }
}

#[test]
fn a_part_of_the_network_still_hears_itself() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let lan = Lan::new(2);
    let own = addresses(&lan, "node1");
    lan.part(&["client", "node1"]);
    for address in own {
        Probe::ping(&lan, "client", address, EVERY).answer_after(now());
    }
    let from_node2 = Probe::ping(&lan, "node2", own[0], EVERY);
    from_node2.pass(FAULT);
    assert_eq!(from_node2.answers(), []);
    // Nor did the question get through, which would have told where it came from.
    let known = lan.ip("node1", "neighbour show 192.0.2.12 dev eth0");
    assert!(!known.contains("lladdr"), "{known}");
}

#[test]
fn who_has_an_address_is_told_by_its_host() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let lan = Lan::new(1);
    let mac = lan.mac("node1").to_string();
    for address in addresses(&lan, "node1") {
        let probe = Probe::who_has(&lan, "client", address, EVERY);
        assert_eq!(probe.answer_after(now()).by, mac);
        check(&probe, "cut", || lan.cut("node1"), || lan.join("node1"));
        let owners = probe.owners(0, now());
        assert_eq!(owners.len(), 1, "{owners:?}");
    }
    // An address of the loopback is served, and not answered for.
    let served: IpAddr = "192.0.2.200".parse().unwrap();
    lan.give("node1", served);
    let probe = Probe::who_has(&lan, "client", served, EVERY);
    probe.pass(FAULT);
    assert_eq!(probe.answers(), []);
    lan.ip(
        "client",
        &format!("neighbour replace {served} lladdr {mac} dev eth0"),
    );
    Probe::ping(&lan, "client", served, EVERY).answer_after(now());
}

#[test]
fn this_machine_reaches_a_host_that_is_cut_off_and_networks_do_not_meet() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let lans = [Lan::new(1), Lan::new(1)];
    for lan in &lans {
        lan.cut("node1");
        let listener = std::net::TcpListener::bind((lan.gateway(), 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let script = format!("exec 3<>/dev/tcp/{}/{}", to.ip(), to.port());
        let mut command = lan.command("node1", "bash");
        assert!(command.args(["-c", &script]).status().unwrap().success());
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), IpAddr::V4(lan.management_address("node1")));
    }
    let names: Vec<_> = lans.iter().map(|it| it.namespace("node1")).collect();
    let mut running = lans[0]
        .command("node1", "sleep")
        .arg("600")
        .spawn()
        .unwrap();
    drop(lans);
    assert!(!running.wait().unwrap().success(), "it was ended");
    let left = std::fs::read_dir("/run/netns").unwrap();
    let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    for name in names {
        assert!(!left.contains(&name.into()), "{left:?}");
    }
}

#[test]
fn a_client_beyond_the_router_reaches_nodes_through_it_and_its_connections_are_spread() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let mut lan = Lan::new(2);
    lan.add_second();
    lan.route_second();
    for address in addresses(&lan, "node1") {
        let probe = Probe::ping(&lan, "far", address, EVERY);
        check(
            &probe,
            "mute",
            || lan.mute("router"),
            || lan.unmute("router"),
        );
    }
    // What is not at any network goes where the router says, by its connection.
    let served = ["203.0.113.1", "2001:db8::1"];
    for (index, served) in served.into_iter().enumerate() {
        let hops = ["node1", "node2"].map(|node| {
            lan.give(node, served.parse().unwrap());
            format!("nexthop via {} dev eth0", addresses(&lan, node)[index])
        });
        lan.ip("router", &format!("route add {served} {}", hops.join(" ")));
        let ways = (1024..1100).map(|port| {
            let from = addresses(&lan, "client")[index];
            let question = format!(
                "route get {served} from {from} iif eth0 ipproto tcp sport {port} dport 80"
            );
            let said = lan.ip("router", &question);
            let mut words = said.split_whitespace().skip_while(|it| *it != "via");
            words.nth(1).unwrap().to_owned()
        });
        let ways: std::collections::BTreeSet<_> = ways.collect();
        assert_eq!(ways.len(), 2, "{ways:?}");
        let probe = Probe::ping(&lan, "far", served.parse().unwrap(), EVERY);
        probe.answer_after(now());
    }
}

#[test]
fn a_cable_that_is_cut_is_noticed_at_its_other_end() {
    if !is_possible_or_skip("networks in namespaces") {
        return;
    }
    let lan = Lan::new(1);
    lan.lay_cable(("router", "p1"), ("node1", "p0"));
    let has_carrier = || lan.ip("router", "link show dev p1").contains("LOWER_UP");
    assert!(has_carrier());
    lan.cut_cable("node1", "p0");
    assert!(!has_carrier());
    lan.join_cable("node1", "p0");
    assert!(has_carrier());
    // The switch knows nothing of it.
    lan.cut("node1");
    assert!(has_carrier());
    let said = lan.ip("router", "-brief -6 address show dev p1 scope link");
    assert!(said.contains("fe80::"), "{said}");
}
