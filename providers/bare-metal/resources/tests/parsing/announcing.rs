//! Advertisements and peers: what is left once the tables in `tests/deploy` have said which are taken.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_bare_metal_resources::kinds::{BGPAdvertisement, BGPPeer, L2Advertisement};
use landfall_bare_metal_resources::{
    BgpRule, Community, Distance, Fault, L2Rule, Peer, Place, RemoteAsn, read,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<T: DeserializeOwned>(spec: &Value) -> T {
    serde_json::from_value(json!({"metadata": {"name": "tried"}, "spec": spec})).unwrap()
}

fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn said<T: std::fmt::Debug>(parsed: Result<T, Vec<Fault>>) -> Vec<String> {
    parsed
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn an_advertisement_is_for_the_pools_that_it_names_or_selects() {
    let north = labels("site", "north");
    let rows = [
        (json!({}), [true, true, true]),
        (json!({"pools": ["blue"]}), [true, false, false]),
        (
            json!({"poolSelector": {"matchLabels": {"site": "north"}}}),
            [false, true, false],
        ),
        (
            json!({"pools": ["blue"], "poolSelector": {"matchLabels": {"site": "north"}}}),
            [true, true, false],
        ),
        (json!({"poolSelector": {}}), [true, true, true]),
    ];
    for (spec, expected) in rows {
        let rule = L2Rule::parse(&object::<L2Advertisement>(&spec)).unwrap();
        let none = BTreeMap::new();
        let pools = [("blue", &none), ("red", &north), ("green", &none)];
        assert_eq!(
            pools.map(|(name, labels)| rule.pools.has(name, labels)),
            expected,
            "{spec}"
        );
    }
}

#[test]
fn interfaces_are_named_or_matched() {
    let rows = [
        ("eth0", "eth0", true),
        ("eth0", "eth01", false),
        ("eth?", "eth7", true),
        ("eth?", "eth", false),
        ("*", "anything", true),
        ("bond*.10", "bond0.10", true),
        ("bond*.10", "bond0.10.10", true),
        ("bond*.10", "bond0.11", false),
        ("*a*b", "aab", true),
        ("*a*b", "aba", false),
        ("e*", "ethernet", true),
        ("en**s?", "enp3s0", true),
    ];
    for (pattern, name, matches) in rows {
        let spec = json!({"interfaces": [pattern]});
        let rule = L2Rule::parse(&object::<L2Advertisement>(&spec)).unwrap();
        assert_eq!(
            rule.interfaces[0].matches(name),
            matches,
            "{pattern} {name}"
        );
    }
}

#[test]
fn communities_are_numbers_well_known_names_and_aliases() {
    let spec = json!({
        "communities": ["65000:100", "large:65000:1:2", "no-export", "graceful-shutdown", "blue"],
        "communityAliases": {"blue": "65000:1"},
    });
    let rule = BgpRule::parse(&object::<BGPAdvertisement>(&spec)).unwrap();
    let expected = [
        Community::Standard(65_000, 1),
        Community::Standard(65_000, 100),
        Community::Standard(65_535, 0),
        Community::Standard(65_535, 65_281),
        Community::Large(65_000, 1, 2),
    ];
    assert!(rule.communities.into_iter().eq(expected));
    let spec =
        json!({"communities": ["red", "65000:+1"], "communityAliases": {"no-export": "1:2"}});
    assert_eq!(
        said(BgpRule::parse(&object::<BGPAdvertisement>(&spec))),
        [
            "spec.communityAliases.no-export: the name means something to everybody; choose another",
            "spec.communities[0]: 'red' is no community, such as 65000:100 or large:65000:1:2 (a name needs a line in communityAliases)",
            "spec.communities[1]: '65000:+1' is no community, such as 65000:100 or large:65000:1:2 (two numbers are at most 65535, three after large: at most 4294967295)",
        ]
    );
}

#[test]
fn a_peer_is_somewhere_and_at_some_distance() {
    let rows = [
        (
            json!({"address": "192.0.2.1"}),
            Place::Address("192.0.2.1".parse().unwrap()),
            Distance::Usual,
        ),
        (
            json!({"address": "2001:db8::1", "multihop": 3}),
            Place::Address("2001:db8::1".parse().unwrap()),
            Distance::Multihop(3),
        ),
        (
            json!({"address": "fe80::1", "interface": "eth0", "ttlSecurity": true}),
            Place::LinkLocal("fe80::1".parse().unwrap(), "eth0".to_owned()),
            Distance::TtlSecurity,
        ),
        (
            json!({"interface": "eth0"}),
            Place::On("eth0".to_owned()),
            Distance::Usual,
        ),
        (
            json!({"address": "192.0.2.0/24", "passive": true}),
            Place::Within("192.0.2.0/24".parse().unwrap()),
            Distance::Usual,
        ),
    ];
    for (mut spec, place, distance) in rows {
        spec["localASN"] = 65_000.into();
        spec["peerASN"] = "External".into();
        let peer = Peer::parse(&object::<BGPPeer>(&spec)).unwrap();
        assert_eq!((peer.place, peer.distance), (place, distance), "{spec}");
        assert_eq!(peer.remote_asn, RemoteAsn::External);
        assert_eq!(peer.hold_time, Some(Duration::from_secs(90)));
        assert_eq!(peer.families.len(), 2);
        assert_eq!(peer.port, 179);
    }
}

#[test]
fn a_hold_time_of_zero_is_none_and_bfd_has_defaults() {
    let spec = json!({
        "localASN": 65_000, "peerASN": 65_001, "address": "192.0.2.1", "holdTime": "0s",
        "bfd": {"multihop": true}, "gracefulRestart": {},
    });
    let peer = Peer::parse(&object::<BGPPeer>(&spec)).unwrap();
    assert_eq!(peer.hold_time, None);
    assert_eq!(peer.restart_time, Some(Duration::from_mins(2)));
    let bfd = peer.bfd.unwrap();
    assert_eq!(bfd.transmit_interval, Duration::from_millis(300));
    assert_eq!((bfd.multiplier, bfd.multihop), (3, Some(254)));
}

#[test]
fn every_fault_of_a_peer_is_named_at_once() {
    let spec = json!({
        "localASN": 0, "peerASN": 65_001, "address": "192.0.2.1%eth0", "holdTime": "2s",
        "keepaliveTime": "soon", "port": 0, "routerID": "router", "bfd": {"transmitInterval": "1ms"},
    });
    let fields: Vec<_> = Peer::parse(&object::<BGPPeer>(&spec))
        .unwrap_err()
        .into_iter()
        .map(|it| it.field)
        .collect();
    let expected = [
        "spec.address",
        "spec.localASN",
        "spec.holdTime",
        "spec.keepaliveTime",
        "spec.port",
        "spec.routerID",
        "spec.bfd.transmitInterval",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn what_is_wrong_with_a_peer_is_said_as_it_was_written() {
    let rows = [
        (
            json!({"address": "224.0.0.1"}),
            "spec.address: no interface can have 224.0.0.1: it is multicast",
        ),
        (
            json!({"sourceAddress": "0.0.0.0"}),
            "spec.sourceAddress: no interface can have 0.0.0.0: it is the unspecified address",
        ),
        (
            json!({"connectRetryTime": "0s"}),
            "spec.connectRetryTime: 0s is not between 1s and 65535s",
        ),
        (
            json!({"gracefulRestart": {"restartTime": "2h"}}),
            "spec.gracefulRestart.restartTime: 2h is not between 1s and 4095s",
        ),
    ];
    for (fields, expected) in rows {
        let mut spec = json!({"localASN": 65_000, "peerASN": 65_001, "address": "192.0.2.1"});
        let fields = fields.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(fields);
        assert_eq!(said(Peer::parse(&object::<BGPPeer>(&spec))), [expected]);
    }
    let spec = json!({"nextHop": {"ipv4": "2001:db8::1", "ipv6": "ff02::1"}});
    assert_eq!(
        said(BgpRule::parse(&object::<BGPAdvertisement>(&spec))),
        [
            "spec.nextHop.ipv4: 2001:db8::1 is no IPv4 address",
            "spec.nextHop.ipv6: no interface can have ff02::1: it is multicast",
        ]
    );
    let named = json!({
        "metadata": {"name": "tried"},
        "spec": {"localASN": 65_000, "peerASN": "internal", "address": "192.0.2.1"},
    });
    let fault = read::<BGPPeer>(&named).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "spec.peerASN: a number from 1 to 4294967295, Internal or External is needed"
    );
}
