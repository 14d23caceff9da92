//! Interfaces come and go, and others learn where an address is.

use landfall_test_network::{Lan, Probe, now};

use crate::node::Node;
use crate::{EVERY, addresses, eventually, lan, neighbour};

const GROUP: &str = "ff02::1:ff00:200";

fn is_in_group(lan: &Lan, host: &str) -> bool {
    lan.ip(host, "maddress show dev eth0").contains(GROUP)
}

#[test]
fn the_group_of_an_address_is_joined_while_one_of_those_that_share_it_is_announced() {
    let Some(lan) = lan(1) else { return };
    let shared = "fd00:192:0:3::200".parse().unwrap();
    let address = addresses()[1];
    let mut node = Node::announcing(&lan, "node1", &[address, shared]);
    assert!(is_in_group(&lan, "node1"));
    node.tell(&format!("withdraw {address}"));
    node.tell("announce 192.0.2.201");
    node.wait_for("announced 192.0.2.201");
    assert!(is_in_group(&lan, "node1"), "the other one needs it");
    node.tell(&format!("withdraw {shared}"));
    eventually("the group is left", || !is_in_group(&lan, "node1"));
}

#[test]
fn a_group_that_the_kernel_forgot_is_joined_again() {
    let Some(lan) = lan(1) else { return };
    let _node = Node::announcing(&lan, "node1", &addresses());
    // Too small for IPv6, which is taken from the interface.
    lan.ip("node1", "link set eth0 mtu 1200");
    eventually("the group is forgotten", || !is_in_group(&lan, "node1"));
    lan.ip("node1", "link set eth0 mtu 1500");
    eventually("the group is joined", || is_in_group(&lan, "node1"));
}

#[test]
fn others_learn_where_an_address_is_when_the_carrier_is_back() {
    let Some(lan) = lan(1) else { return };
    let node = Node::announcing(&lan, "node1", &addresses());
    lan.cut("node1");
    node.wait_for("interfaces eth0=down");
    for address in addresses() {
        let wrong =
            format!("neighbour replace {address} lladdr 02:00:00:00:00:99 nud stale dev eth0");
        lan.ip("client", &wrong);
    }
    lan.join("node1");
    node.wait_for("interfaces eth0=up");
    let mac = lan.mac("node1").to_string();
    for address in addresses() {
        eventually("the client is told", || {
            neighbour(&lan, "client", address).contains(&mac)
        });
    }
    assert!(is_in_group(&lan, "node1"));
}

#[test]
fn an_interface_that_is_deleted_does_no_harm_and_is_used_when_it_is_made_again() {
    let Some(lan) = lan(1) else { return };
    let mut node = Node::announcing(&lan, "node1", &addresses());
    let probes = addresses().map(|it| Probe::who_has(&lan, "client", it, EVERY));
    for probe in &probes {
        probe.answer_after(now());
    }
    lan.ip("node1", "link delete eth0");
    node.wait_for("interfaces mgmt0=up");
    let (node1, switch) = (lan.namespace("node1"), lan.namespace("switch"));
    let pair = format!("link add eth0 netns {node1} type veth peer name node1 netns {switch}");
    lan.ip("node1", &pair);
    lan.ip("switch", "link set node1 master br0 up");
    lan.ip("node1", "link set eth0 address 02:00:00:00:00:0c up");
    for probe in &probes {
        eventually("an answer from there", || {
            probe.answer_after(now()).by == "02:00:00:00:00:0c"
        });
    }
    assert!(node.is_alive());
    assert!(is_in_group(&lan, "node1"));
}

#[test]
fn a_neighbour_follows_an_address_that_is_taken_over() {
    let Some(lan) = lan(2) else { return };
    let macs = ["node1", "node2"].map(|it| lan.mac(it).to_string());
    let mut first = Node::announcing(&lan, "node1", &addresses());
    first.tell(&format!("other {}", macs[1]));
    for address in addresses() {
        lan.give("node1", address);
        lan.give("node2", address);
        let ping = Probe::ping(&lan, "client", address, EVERY);
        let since = ping.answer_after(now()).at;
        assert!(neighbour(&lan, "client", address).contains(&macs[0]));
        let mut second = Node::start(&lan, "node2", "eth0", "at-once", &[]);
        second.tell(&format!("other {}", macs[0]));
        second.tell(&format!("announce {address}"));
        second.wait_for("announced");
        eventually("the client follows", || {
            neighbour(&lan, "client", address).contains(&macs[1])
        });
        let until = ping.answer_after(now()).at;
        let (gap, lost) = (ping.longest_gap(since, until), ping.lost(since, until));
        println!("{address}: {lost} lost, longest gap {gap:?}");
        first.tell(&format!("withdraw {address}"));
        // What each says of it is no contest for the other.
        let said = [first.said(), second.said()].concat();
        assert!(!said.iter().any(|it| it.contains("contested")), "{said:?}");
    }
}

#[test]
fn changes_that_got_lost_are_made_up_for() {
    let Some(lan) = lan(1) else { return };
    let mut node = Node::announcing(&lan, "node1", &addresses());
    node.signal("STOP");
    // More than netlink keeps for a reader that is held up.
    for number in 0..400 {
        let change = format!("link set eth0 alias number-{number}");
        lan.ip("node1", &change);
    }
    lan.ip("node1", "address delete 192.0.2.11/24 dev eth0");
    node.signal("CONT");
    eventually("the last change is seen", || {
        node.tell("interfaces all");
        node.wait_for("interfaces").contains("eth0=up:1")
    });
}
