//! What is written of a report.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use landfall_bare_metal_bgp as bgp;
use landfall_bare_metal_l2::Mac;
use landfall_bare_metal_resources::kinds::{AddressState, MOST_ADDRESSES, SpeakerReport};

use super::*;
use crate::cluster::status::{Fixed, Written, status};
use crate::report::{Address, Interface, Peer, Report, State};
use crate::sessions::{Agreed, SessionReport, SessionReports, Trouble};

fn fixed() -> Fixed {
    Fixed {
        node: "a".into(),
        owner: None,
        peer_addresses: vec![address("192.0.2.11"), address("fd00::11")],
        port: 7477,
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(5900),
    }
}

fn held(state: State, contested_by: Option<Mac>) -> Address {
    Address {
        interfaces: vec!["eth0".to_owned()],
        state,
        since: SystemTime::UNIX_EPOCH,
        contested_by,
    }
}

#[test]
fn a_report_is_written_as_it_is() {
    let peer = |is_alive| Peer {
        is_alive,
        since: SystemTime::UNIX_EPOCH,
    };
    let mac = Mac([2, 0, 0, 0, 0, 9]);
    let report = Report {
        addresses: [
            (address("192.0.2.200"), held(State::Announced, Some(mac))),
            (address("192.0.2.201"), held(State::Contested, Some(mac))),
            (address("192.0.2.202"), held(State::Probing, None)),
        ]
        .into(),
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            mac,
            subnets: vec![(address("192.0.2.11"), 24), (address("fd00::11"), 64)],
            is_up: false,
        }],
        peers: [(Arc::from("b"), peer(true)), (Arc::from("c"), peer(false))].into(),
        is_draining: true,
        key_id: Some(7),
    };
    let written = serde_json::to_value(status(&fixed(), &report, &sessions())).unwrap();
    let epoch = "1970-01-01T00:00:00Z";
    let of = |text: &str, state: &str| {
        json!({"address": text, "interfaces": ["eth0"],
        "since": epoch, "state": state})
    };
    let mut addresses = [
        of("192.0.2.200", "Announced"),
        of("192.0.2.201", "Contested"),
        of("192.0.2.202", "Probing"),
    ];
    for contested in &mut addresses[..2] {
        contested["contestedBy"] = json!("02:00:00:00:00:09");
    }
    let expected = json!({
        "peerAddresses": ["192.0.2.11", "fd00::11"],
        "peerPort": 7477,
        "startedAt": "1970-01-01T00:00:05Z",
        "draining": true,
        "addressCount": 1,
        "addresses": addresses,
        "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:09",
            "subnets": ["192.0.2.0/24", "fd00::/64"], "up": false}],
        "peers": [{"node": "b", "alive": true, "since": epoch},
            {"node": "c", "alive": false, "since": epoch}],
        "peersAlive": 1,
        "bgpSessions": [
            {"peer": "tor-1", "address": "192.0.2.1", "state": "Established", "since": epoch,
                "peerASN": 64500, "prefixes": 2, "withoutNextHop": 1, "missingFamilies": ["IPv6"]},
            {"peer": "tor-2", "state": "Idle", "since": epoch, "prefixes": 0,
                "lastError": "no answer", "lastErrorAt": epoch},
        ],
        "bgpEstablished": 1,
        "keyId": "07",
    });
    assert_eq!(written, expected);
}

fn sessions() -> SessionReports {
    let epoch = SystemTime::UNIX_EPOCH;
    let report = SessionReport {
        state: bgp::State::Idle,
        since: epoch,
        agreed: None,
        routes: [0; 3],
        error: Some(Trouble {
            why: "no answer".to_owned(),
            at: epoch,
        }),
        bfd: None,
        counters: bgp::Counters::default(),
    };
    let agreed = Agreed {
        remote_asn: 64500,
        hold_time: None,
        families: [bgp::Family::Ipv4].into(),
        missing_families: [bgp::Family::Ipv6].into(),
        is_kept_over_restart: false,
    };
    let up = SessionReport {
        state: bgp::State::Established,
        agreed: Some(agreed),
        routes: [3, 2, 1],
        error: None,
        ..report.clone()
    };
    let id = |name: &str, at: Option<IpAddr>| (Arc::from(name), at);
    [
        (id("tor-1", Some(address("192.0.2.1"))), up),
        (id("tor-2", None), report),
    ]
    .into()
}

#[test]
fn of_more_addresses_than_there_is_room_for_all_are_counted() {
    let more = u32::try_from(MOST_ADDRESSES).unwrap() + 7;
    let all = (0..more).map(|it| (IpAddr::V4(it.into()), held(State::Announced, None)));
    let report = Report {
        addresses: all.collect(),
        ..Report::default()
    };
    let SpeakerReport {
        address_count,
        addresses,
        ..
    } = status(&fixed(), &report, &SessionReports::new());
    assert_eq!((address_count, addresses.len()), (more, MOST_ADDRESSES));
    assert!(
        addresses
            .iter()
            .all(|it| it.state == AddressState::Announced)
    );
}

#[test]
fn a_list_that_has_become_empty_is_written_as_such() {
    let mut report = SpeakerReport {
        peer_addresses: vec!["192.0.2.1".to_owned()],
        ..SpeakerReport::default()
    };
    let written = |report: &SpeakerReport| serde_json::to_value(Written::from(report)).unwrap();
    assert_eq!(
        written(&report),
        json!({
            "peerAddresses": ["192.0.2.1"], "addresses": [], "interfaces": [], "peers": [],
            "draining": false, "addressCount": 0, "peersAlive": 0,
            "bgpSessions": [], "bgpEstablished": 0,
        })
    );
    report.peer_addresses.clear();
    assert_eq!(written(&report)["peerAddresses"], json!([]));
}
