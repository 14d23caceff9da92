//! Who asks for an address, in whatever way, is answered.

use std::net::IpAddr;

use landfall_test_network::{Probe, now};
use landfall_test_process::{output, skip};

use crate::node::Node;
use crate::{A_WHILE, EVERY, addresses, eventually, lan, neighbour};

#[test]
fn an_announced_address_is_answered_for_until_it_is_withdrawn() {
    let Some(lan) = lan(1) else { return };
    let mut node = Node::announcing(&lan, "node1", &addresses());
    for address in addresses() {
        let probe = Probe::who_has(&lan, "client", address, EVERY);
        let mac = lan.mac("node1").to_string();
        assert_eq!(probe.answer_after(now()).by, mac);
        node.tell(&format!("withdraw {address}"));
        eventually("silence", || {
            let since = now();
            probe.pass(A_WHILE);
            probe.answers().iter().all(|it| it.at < since)
        });
    }
}

#[test]
fn it_needs_the_capability_for_raw_sockets_and_no_other() {
    let Some(lan) = lan(1) else { return };
    let mut command = lan.command("node1", "setpriv");
    command.args(["--bounding-set=-all,+net_raw", "--inh-caps=-all"]);
    let node = Node::start_by(command, "eth0", "probe", &addresses());
    for address in addresses() {
        node.wait_for("announced ");
        Probe::who_has(&lan, "client", address, EVERY).answer_after(now());
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).unwrap();
    assert!(status.contains("CapEff:\t0000000000002000"), "{status}");
}

#[test]
fn the_usual_tools_find_an_announced_address() {
    let Some(lan) = lan(1) else { return };
    let mut node = Node::announcing(&lan, "node1", &addresses());
    let mac = lan.mac("node1").to_string();
    let mut answered = node.answered();
    for (tool, arguments, address) in [
        ("arping", "-c 1 -w 10 -I eth0", addresses()[0]),
        ("ndisc6", "-1 -r 10", addresses()[1]),
    ] {
        let mut command = lan.command("client", tool);
        command.args(arguments.split(' ')).arg(address.to_string());
        if tool == "ndisc6" {
            command.arg("eth0");
        }
        let (succeeded, said) = output(&mut command);
        if said.contains("No such file") {
            skip(&format!("{tool} against the speaker: it is not installed"));
            continue;
        }
        assert!(succeeded, "{tool}: {said}");
        assert!(said.to_lowercase().contains(&mac), "{tool}: {said}");
        // What is told unasked, just now, would be enough for some.
        let before = std::mem::replace(&mut answered, node.answered());
        assert!(answered > before, "{tool} was not answered");
    }
}

#[test]
fn a_kernel_that_checks_a_neighbour_by_unicast_is_answered() {
    let Some(lan) = lan(1) else { return };
    let _node = Node::announcing(&lan, "node1", &addresses());
    let mac = lan.mac("node1");
    for address in addresses() {
        let entry = format!("neighbour replace {address} lladdr {mac} nud probe dev eth0");
        lan.ip("client", &entry);
        eventually("reachable", || {
            let said = neighbour(&lan, "client", address);
            assert!(!said.contains("FAILED"), "{said}");
            said.contains("REACHABLE")
        });
    }
}

#[test]
fn what_belongs_to_a_vlan_is_not_answered_and_a_priority_is_no_vlan() {
    let Some(lan) = lan(1) else { return };
    let _node = Node::announcing(&lan, "node1", &addresses());
    for address in addresses() {
        let tagged = Probe::who_has_tagged(&lan, "client", address, EVERY, 5);
        tagged.pass(A_WHILE);
        assert_eq!(tagged.answers(), []);
        drop(tagged);
        let priority = Probe::who_has_tagged(&lan, "client", address, EVERY, 0);
        priority.answer_after(now());
    }
}

#[test]
fn a_bridge_is_an_interface_and_its_ports_are_none() {
    let Some(lan) = lan(1) else { return };
    lan.ip("node1", "link add br1 type bridge");
    lan.ip("node1", "link set br1 address 02:00:00:00:00:0b up");
    lan.ip("node1", "address flush dev eth0 scope global");
    lan.ip("node1", "link set eth0 master br1");
    lan.ip("node1", "address add 192.0.2.11/24 dev br1");
    let mut node = Node::start(&lan, "node1", "br1", "probe", &addresses());
    node.tell("interfaces all");
    let seen = node.wait_for("interfaces ");
    assert!(!seen.contains("eth0"), "{seen}");
    assert!(seen.contains("br1=up:1"), "{seen}");
    for address in addresses() {
        let probe = Probe::who_has(&lan, "client", address, EVERY);
        assert_eq!(probe.answer_after(now()).by, "02:00:00:00:00:0b");
    }
    // A port that leaves its bridge is an interface again, and the bridge has no carrier.
    lan.ip("node1", "link set eth0 nomaster");
    node.wait_for("interfaces eth0=up:0");
    eventually("the bridge is down", || {
        node.tell("interfaces all");
        node.wait_for("interfaces").contains("br1=down:1")
    });
}

#[test]
fn a_neighbour_that_is_asked_for_is_answered_by_its_kernel() {
    let Some(lan) = lan(2) else { return };
    let mut node = Node::start(&lan, "node1", "eth0", "probe", &[]);
    let (v4, v6) = lan.addresses("node2");
    for address in [IpAddr::from(v4), IpAddr::from(v6)] {
        node.tell(&format!("ask {address}"));
        assert_eq!(node.wait_for("asked"), format!("asked {address} true"));
        let answered = node.wait_for("answered");
        assert_eq!(answered, format!("answered {address} heard true"));
    }
    lan.mute("node2");
    node.tell(&format!("ask {v4}"));
    node.wait_for("asked");
    node.tell("ask 203.0.113.1");
    assert_eq!(node.wait_for("asked"), "asked 203.0.113.1 false");
    std::thread::sleep(A_WHILE * 2);
    assert_eq!(node.said(), [""; 0]);
}

#[test]
fn a_thousand_addresses_of_each_family_are_announced_and_asked_for_in_their_groups() {
    let Some(lan) = lan(1) else { return };
    // As it is on older kernels: one socket has no room for so many memberships.
    let write = "echo 20480 > /proc/sys/net/core/optmem_max";
    let (_is_per_namespace, _) = output(lan.command("node1", "sh").args(["-c", write]));
    let mut addresses = Vec::new();
    for number in 0..1000_u32 {
        addresses.push(IpAddr::V4((0x0a0a_0000 + number).into()));
        let last = 0xfd00_0192_0000_0002_u128 << 64 | u128::from(0x10_0000 + number);
        addresses.push(IpAddr::V6(last.into()));
    }
    let mut node = Node::announcing(&lan, "node1", &addresses);
    let groups = || lan.ip("node1", "maddress show dev eth0");
    assert_eq!(groups().matches("ff02::1:ff10:").count(), 1000);
    node.tell("counters all");
    let counters = node.wait_for("counters");
    assert!(counters.contains("unsent: 0"), "{counters}");
    for address in [addresses[0], addresses[1998], addresses[1], addresses[1999]] {
        let probe = Probe::who_has(&lan, "client", address, EVERY);
        probe.answer_after(now());
    }
    for address in &addresses {
        node.tell(&format!("withdraw {address}"));
    }
    eventually("groups left", || {
        groups().matches("ff02::1:ff10:").count() == 0
    });
}
