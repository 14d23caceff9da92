//! A host that is none of the cluster's has an address.

use std::net::IpAddr;

use landfall_test_network::{Lan, Probe, now};

use crate::node::Node;
use crate::{A_WHILE, EVERY, addresses, lan};

/// Lets a host have addresses as its own.
fn own(lan: &Lan, host: &str, addresses: &[IpAddr]) {
    for address in addresses {
        match address {
            IpAddr::V4(it) => lan.ip(host, &format!("address add {it}/24 dev eth0")),
            IpAddr::V6(it) => lan.ip(host, &format!("address add {it}/64 dev eth0 nodad")),
        };
    }
}

#[test]
fn an_address_that_another_host_has_is_not_announced() {
    let Some(lan) = lan(1) else { return };
    own(&lan, "client", &addresses());
    let node = Node::start(&lan, "node1", "eth0", "probe", &addresses());
    let by = lan.mac("client").to_string();
    let mut contested = [node.wait_for("contested"), node.wait_for("contested")];
    contested.sort();
    let expected = addresses().map(|it| format!("contested {it} by {by} yielded"));
    assert_eq!(contested, expected);
    for address in addresses() {
        let probe = Probe::who_has(&lan, "router", address, EVERY);
        probe.pass(A_WHILE);
        let owners = probe.owners(0, now());
        assert_eq!(owners.len(), 1, "{owners:?}");
        assert_eq!(owners[0].by, by);
    }
}

#[test]
fn an_address_that_is_taken_over_is_defended_against_another_host() {
    let Some(lan) = lan(1) else { return };
    own(&lan, "client", &addresses());
    let node = Node::start(&lan, "node1", "eth0", "at-once", &addresses());
    let by = lan.mac("client").to_string();
    let mut contested = [node.wait_for("contested"), node.wait_for("contested")];
    contested.sort();
    let expected = addresses().map(|it| format!("contested {it} by {by} defended"));
    assert_eq!(contested, expected);
}
