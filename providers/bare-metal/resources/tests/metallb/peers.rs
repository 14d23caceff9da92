//! `BGPPeer` and `BFDProfile`.

use std::time::Duration;

use landfall_bare_metal_resources::kinds::IpFamily;
use landfall_bare_metal_resources::metallb::{Converted, Scope};
use landfall_bare_metal_resources::{Distance, Password, Peer, Place, RemoteAsn};
use serde_json::json;

use crate::{converted, document, said};

/// A good peer with these lines besides.
fn with(lines: &str, others: &str) -> Converted {
    let spec = format!("  myASN: 64512\n  peerASN: 64513\n  peerAddress: 192.0.2.1\n{lines}");
    converted(&[document("BGPPeer", "tor", &spec), others.to_owned()].concat())
}

fn only(spec: &str) -> Converted {
    converted(&document("BGPPeer", "tor", spec))
}

fn peer(converted: &Converted) -> &Peer {
    match &converted.peers[0].meaning {
        Ok(peer) => peer,
        Err(faults) => panic!("{faults:?}"),
    }
}

#[test]
fn a_peer_is_what_it_was() {
    let converted = with("", "");
    assert!(converted.notes.is_empty());
    let peer = peer(&converted);
    assert_eq!(peer.local_asn, 64_512);
    assert_eq!(peer.remote_asn, RemoteAsn::Number(64_513));
    assert_eq!(peer.place, Place::Address("192.0.2.1".parse().unwrap()));
    assert_eq!((peer.port, peer.distance), (179, Distance::Usual));
    assert_eq!(peer.hold_time, Some(Duration::from_secs(90)));
    assert_eq!(peer.keepalive_time, None);
    assert!(peer.families.iter().eq(&[IpFamily::Ipv4]));
    assert!(peer.nodes.selects_all() && peer.bfd.is_none() && peer.password.is_none());
    let written = &converted.peers[0].written[0];
    assert_eq!(&Peer::parse(written).unwrap(), peer);
}

#[test]
fn the_old_version_is_read_as_the_new_one() {
    let yaml = "
apiVersion: metallb.io/v1beta1
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: 192.0.2.1
  holdTime: 30s
  nodeSelectors:
  - matchExpressions: [{key: rack, operator: In, values: ['1', '2']}]
";
    let converted = converted(yaml);
    let peer = peer(&converted);
    assert_eq!(peer.hold_time, Some(Duration::from_secs(30)));
    assert!(!peer.nodes.selects_all());
    assert!(converted.notes.is_empty());
}

#[test]
fn every_field_has_its_place() {
    let converted = with(
        "
  localASN: 65001
  sourceAddress: 192.0.2.9
  peerPort: 1179
  holdTime: 1m30s
  keepaliveTime: 10s
  connectTime: 7s
  routerID: 10.0.0.1
  ebgpMultiHop: true
  enableGracefulRestart: true
  disableMP: true
  dualStackAddressFamily: true
  nodeSelectors: [{matchLabels: {rack: '1'}}]",
        "",
    );
    let expected = json!({
        "localASN": 65_001,
        "peerASN": 64_513,
        "address": "192.0.2.1",
        "port": 1179,
        "sourceAddress": "192.0.2.9",
        "passive": false,
        "holdTime": "90s",
        "keepaliveTime": "10s",
        "connectRetryTime": "7s",
        "routerID": "10.0.0.1",
        "ttlSecurity": false,
        "multihop": 255,
        "gracefulRestart": {"restartTime": "120s"},
        "families": ["IPv4", "IPv6"],
        "nodeSelector": {"matchLabels": {"rack": "1"}},
    });
    let written = &converted.peers[0].written[0];
    assert_eq!(serde_json::to_value(&written.spec).unwrap(), expected);
    assert_eq!(&Peer::parse(written).unwrap(), peer(&converted));
    assert!(converted.notes.is_empty());
}

#[test]
fn hold_and_keepalive_time_say_each_other() {
    let rows = [
        ("  keepaliveTime: 5s", Some(15), Some(5)),
        ("  holdTime: 30s", Some(30), None),
        ("  holdTime: 0s", None, None),
        (
            "  holdTime: 30000ms\n  keepaliveTime: 10s",
            Some(30),
            Some(10),
        ),
        ("  holdTime: 0.5m", Some(30), None),
    ];
    for (lines, hold, keepalive) in rows {
        let converted = with(lines, "");
        let peer = peer(&converted);
        let seconds = |time: Option<Duration>| time.map(|it| it.as_secs());
        assert_eq!(seconds(peer.hold_time), hold, "{lines}");
        assert_eq!(seconds(peer.keepalive_time), keepalive, "{lines}");
    }
}

#[test]
fn a_peer_may_be_of_any_place_and_autonomous_system() {
    let link_local = Place::LinkLocal("fe80::1".parse().unwrap(), "eth0".to_owned());
    let rows = [
        (
            "  myASN: 1\n  dynamicASN: external\n  interface: eth0",
            RemoteAsn::External,
            Place::On("eth0".to_owned()),
            2,
        ),
        (
            "  myASN: 1\n  dynamicASN: internal\n  peerAddress: fe80::1%eth0",
            RemoteAsn::Internal,
            link_local,
            1,
        ),
        (
            "  myASN: 1\n  peerASN: 4294967295\n  peerAddress: 2001:db8::1\n  dualStackAddressFamily: true",
            RemoteAsn::Number(u32::MAX),
            Place::Address("2001:db8::1".parse().unwrap()),
            2,
        ),
    ];
    for (spec, asn, place, families) in rows {
        let converted = only(spec);
        let peer = peer(&converted);
        assert_eq!((peer.remote_asn, &peer.place), (asn, &place), "{spec}");
        assert_eq!(peer.families.len(), families, "{spec}");
    }
}

#[test]
fn a_profile_of_bfd_stands_in_the_peer() {
    let profile = document(
        "BFDProfile",
        "quick",
        "  receiveInterval: 50\n  transmitInterval: 1500\n  detectMultiplier: 5\n  passiveMode: true\n  minimumTtl: 250",
    );
    let over_hops = with("  bfdProfile: quick\n  ebgpMultiHop: true", &profile);
    let bfd = peer(&over_hops).bfd.clone().unwrap();
    assert_eq!(bfd.receive_interval, Duration::from_millis(50));
    assert_eq!(bfd.transmit_interval, Duration::from_millis(1500));
    assert_eq!(
        (bfd.multiplier, bfd.passive, bfd.multihop),
        (5, true, Some(250))
    );
    assert!(over_hops.notes.is_empty());
    let near = with("  bfdProfile: quick", &profile);
    assert_eq!(peer(&near).bfd.as_ref().unwrap().multihop, None);
    assert_eq!(
        said(&near.notes, Scope::Meaning),
        [
            "BGPPeer tor: spec.bfdProfile: minimumTtl of quick means something over several hops only; it is left out"
        ]
    );
    let plain = with(
        "  bfdProfile: plain",
        &document("BFDProfile", "plain", "  echoMode: false"),
    );
    let bfd = peer(&plain).bfd.clone().unwrap();
    assert_eq!(
        (bfd.transmit_interval, bfd.multiplier),
        (Duration::from_millis(300), 3)
    );
}

#[test]
fn what_bfd_cannot_do_here_is_told() {
    let echo = document("BFDProfile", "echo", "  echoMode: true\n  echoInterval: 20");
    let converted = with("  bfdProfile: echo", &echo);
    assert!(peer(&converted).bfd.is_some());
    let notes = said(&converted.notes, Scope::Meaning);
    assert!(
        notes[0].starts_with("BFDProfile echo: spec.echoMode: "),
        "{notes:?}"
    );
    let missing = with("  bfdProfile: missing", "");
    assert_eq!(
        said(&missing.notes, Scope::Meaning),
        [
            "BGPPeer tor: spec.bfdProfile: there is no BFDProfile missing; the session runs without BFD"
        ]
    );
    let wild = document("BFDProfile", "wild", "  transmitInterval: 5");
    let faults = with("  bfdProfile: wild", &wild).peers[0]
        .meaning
        .clone()
        .unwrap_err();
    assert_eq!(faults[0].field, "spec.bfdProfile.transmitInterval");
}

#[test]
fn passwords_work_as_they_are_and_become_secrets_when_they_are_written() {
    let secret = |namespace: &str| {
        Some(Password::Secret {
            namespace: Some(namespace.to_owned()),
            name: "bgp".to_owned(),
        })
    };
    let rows = [
        (
            "  passwordSecret: {name: bgp}",
            secret("metallb-system"),
            "bgp",
        ),
        (
            "  passwordSecret: {name: bgp, namespace: other}",
            secret("other"),
            "bgp",
        ),
        (
            "  password: hunter2",
            Some(Password::Plain("hunter2".to_owned())),
            "tor-password",
        ),
    ];
    for (line, password, name) in rows {
        let converted = with(line, "");
        assert_eq!(peer(&converted).password, password, "{line}");
        let written = &converted.peers[0].written[0].spec;
        assert_eq!(
            written.password_secret_ref.as_ref().unwrap().name,
            name,
            "{line}"
        );
        let notes = said(&converted.notes, Scope::Writing);
        assert!(notes.len() == 1 && notes[0].contains(name), "{notes:?}");
        assert!(said(&converted.notes, Scope::Meaning).is_empty());
    }
    let plain = with("  password: hunter2", "");
    assert!(!format!("{:?} {:?}", plain.peers[0].meaning, plain.notes).contains("hunter2"));
    let faults = with("  password: a\n  passwordSecret: {name: b}", "").peers[0]
        .meaning
        .clone();
    assert_eq!(faults.unwrap_err()[0].field, "spec.password");
}

#[test]
fn a_peer_in_a_vrf_is_left_out() {
    let converted = with("  vrf: red", "");
    assert!(converted.peers.is_empty());
    assert_eq!(
        said(&converted.notes, Scope::Meaning),
        ["BGPPeer tor: spec.vrf: a session in a VRF cannot be had; the peer is left out"]
    );
}

#[test]
fn nodes_that_one_selector_cannot_say_work_and_are_told_of_when_written() {
    let lines = "  nodeSelectors: [{matchLabels: {rack: '1'}}, {matchLabels: {zone: z}}]";
    let converted = with(lines, "");
    assert_eq!(peer(&converted).nodes.alternatives().len(), 2);
    let notes = said(&converted.notes, Scope::Writing);
    assert!(
        notes[0].starts_with("BGPPeer tor: spec.nodeSelectors: "),
        "{notes:?}"
    );
}

#[test]
fn faults_of_a_peer_have_the_names_of_its_own_fields() {
    let rows = [
        ("  peerASN: 1\n  peerAddress: 192.0.2.1", "spec.myASN"),
        ("  myASN: 1\n  peerAddress: 192.0.2.1", "spec.peerASN"),
        (
            "  myASN: 1\n  peerASN: 2\n  peerAddress: router",
            "spec.peerAddress",
        ),
        ("  myASN: 1\n  peerASN: 2", "spec.peerAddress"),
        (
            "  myASN: 1\n  peerASN: 2\n  peerAddress: 192.0.2.1\n  holdTime: 2s",
            "spec.holdTime",
        ),
        (
            "  myASN: 1\n  peerASN: 2\n  peerAddress: 192.0.2.1\n  holdTime: soon",
            "spec.holdTime",
        ),
        (
            "  myASN: 1\n  peerASN: 2\n  peerAddress: 192.0.2.1\n  connectTime: 0s",
            "spec.connectTime",
        ),
        (
            "  myASN: 1\n  peerASN: 1\n  peerAddress: 192.0.2.1\n  ebgpMultiHop: true",
            "spec.ebgpMultiHop",
        ),
        (
            "  myASN: 1\n  peerASN: 2\n  peerAddress: 192.0.2.1\n  peerPort: 70000",
            "spec.peerPort",
        ),
        (
            "  myASN: 1\n  peerASN: 2\n  dynamicASN: internal\n  peerAddress: 192.0.2.1",
            "spec.dynamicASN",
        ),
        (
            "  myASN: 1\n  dynamicASN: both\n  peerAddress: 192.0.2.1",
            "spec.dynamicASN",
        ),
    ];
    for (spec, field) in rows {
        let faults = only(spec).peers[0].meaning.clone().unwrap_err();
        assert_eq!(faults.len(), 1, "{spec}: {faults:?}");
        assert_eq!(faults[0].field, field, "{spec}");
    }
}
