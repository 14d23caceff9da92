use std::collections::BTreeMap;
use std::net::IpAddr;

use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage::{DelAddress, DelLink, NewAddress, NewLink};
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope,
};
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State,
};

use super::OWN;
use crate::network::interfaces::{Interface, Table};

/// An Ethernet link that is up.
fn link(index: u32, name: &str) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.link_layer_type = LinkLayerType::Ether;
    link.header.flags = LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Running;
    link.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(OWN.0.to_vec()),
        LinkAttribute::OperState(State::Up),
    ];
    link
}

fn with(mut link: LinkMessage, attribute: LinkAttribute) -> LinkMessage {
    link.attributes.push(attribute);
    link
}

fn address(index: u32, address: &str, bits: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    let address: IpAddr = address.parse().unwrap();
    message.header.index = index;
    message.header.prefix_len = bits;
    message.header.scope = AddressScope::Universe;
    message.attributes = vec![AddressAttribute::Address(address)];
    message
}

fn names(table: &Table) -> Vec<(String, bool)> {
    let interfaces = table.interfaces().into_values();
    interfaces.map(|it| (it.name, it.is_up)).collect()
}

#[test]
fn what_is_no_interface_of_its_own_is_left_out() {
    let mut table = Table::default();
    let mut loopback = link(1, "lo");
    loopback.header.flags |= LinkFlags::Loopback;
    let mut tunnel = link(4, "wg0");
    tunnel.header.link_layer_type = LinkLayerType::None;
    let vrf = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vrf)]);
    let vlan = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vlan)]);
    for link in [
        loopback,
        link(2, "eth0"),
        with(link(3, "eth1"), LinkAttribute::Controller(6)),
        tunnel,
        with(link(5, "eth2"), LinkAttribute::Controller(7)),
        link(6, "br0"),
        with(link(7, "red"), vrf),
        with(link(8, "eth0.5"), vlan),
    ] {
        table.apply(&NewLink(link));
    }
    let names: Vec<_> = names(&table).into_iter().map(|it| it.0).collect();
    assert_eq!(names, ["eth0", "eth2", "br0", "red", "eth0.5"]);
}

#[test]
fn an_interface_is_up_when_it_is_switched_on_and_has_a_carrier() {
    for (flags, state, expected) in [
        (LinkFlags::Up | LinkFlags::LowerUp, State::Up, true),
        (LinkFlags::Up | LinkFlags::LowerUp, State::Unknown, true),
        (LinkFlags::Up | LinkFlags::LowerUp, State::Dormant, false),
        (LinkFlags::Up, State::Down, false),
        (LinkFlags::Up, State::Unknown, false),
        (LinkFlags::LowerUp, State::Up, false),
        (LinkFlags::empty(), State::Down, false),
    ] {
        let mut link = link(2, "eth0");
        link.header.flags = flags;
        link.attributes
            .retain(|it| !matches!(it, LinkAttribute::OperState(_)));
        let mut table = Table::default();
        table.apply(&NewLink(with(link, LinkAttribute::OperState(state))));
        assert_eq!(
            names(&table),
            [("eth0".to_owned(), expected)],
            "{flags:?} {state:?}"
        );
    }
}

#[test]
fn subnets_are_those_of_addresses_that_others_reach() {
    let mut table = Table::default();
    table.apply(&NewLink(link(2, "eth0")));
    let mut local = address(2, "127.1.0.1", 8);
    local.header.scope = AddressScope::Host;
    let mut peer = address(2, "203.0.113.2", 32);
    let own = AddressAttribute::Local("203.0.113.1".parse().unwrap());
    peer.attributes.push(own);
    let mut here = address(2, "fe80::1", 64);
    here.header.scope = AddressScope::Link;
    let mut double = address(2, "fd00::2", 64);
    double.header.flags = AddressHeaderFlags::Dadfailed;
    for it in [
        address(2, "192.0.2.1", 24),
        address(2, "fd00::1", 64),
        local,
        peer,
        double,
    ] {
        table.apply(&NewAddress(it));
    }
    let eth0 = |table: &Table| -> Interface { table.interfaces()[&2].clone() };
    assert!(eth0(&table).link_local.is_none());
    table.apply(&NewAddress(here));
    assert!(eth0(&table).link_local.is_some());
    let subnets: BTreeMap<_, _> = eth0(&table)
        .subnets
        .iter()
        .map(|(it, bits)| (it.to_string(), *bits))
        .collect();
    let expected = [("192.0.2.1", 24), ("203.0.113.1", 32), ("fd00::1", 64)];
    assert_eq!(
        subnets,
        expected.map(|(it, bits)| (it.to_owned(), bits)).into()
    );
    table.apply(&DelAddress(address(2, "192.0.2.1", 24)));
    assert_eq!(eth0(&table).subnets.len(), 2);
}

#[test]
fn the_own_address_towards_another_is_that_of_the_subnet() {
    let mut table = Table::default();
    table.apply(&NewLink(link(2, "eth0")));
    table.apply(&NewAddress(address(2, "192.0.2.1", 24)));
    table.apply(&NewAddress(address(2, "fd00::1", 64)));
    table.apply(&NewAddress(address(2, "192.0.2.77", 32)));
    table.apply(&NewAddress(address(2, "192.0.2.130", 25)));
    for (towards, expected) in [
        ("192.0.2.200", Some("192.0.2.130")),
        ("192.0.2.77", Some("192.0.2.1")),
        ("192.0.3.1", None),
        ("fd00::2:0:0:1", Some("fd00::1")),
        ("fd00:0:0:1::1", None),
    ] {
        let own = table.interfaces()[&2].own_address_towards(towards.parse().unwrap());
        assert_eq!(own, expected.map(|it| it.parse().unwrap()), "{towards}");
    }
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_deleted() {
    let mut table = Table::default();
    table.apply(&NewLink(link(2, "eth0")));
    table.apply(&NewAddress(address(2, "192.0.2.1", 24)));
    let mut left = link(2, "eth0");
    left.header.interface_family = AddressFamily::Bridge;
    table.apply(&DelLink(left));
    assert_eq!(names(&table).len(), 1);
    table.apply(&DelLink(link(2, "eth0")));
    table.apply(&NewLink(link(2, "eth0")));
    assert!(
        table.interfaces()[&2].subnets.is_empty(),
        "its addresses went with it"
    );
}
