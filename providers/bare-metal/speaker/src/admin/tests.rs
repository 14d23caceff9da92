//! What people and scrapes see of a report.

use std::time::{Duration, SystemTime};

use landfall_bare_metal_l2::peers::{Refused, Stale};
use landfall_bare_metal_l2::{Mac, Malformed};
use prometheus_client::encoding::text::encode;
use serde_json::{Value, json};

use super::*;
use crate::network;
use crate::report::{Address, Dropped, Interface, Peer};

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn report() -> Report {
    let held = |state, contested_by| Address {
        interfaces: vec!["eth0".to_owned()],
        state,
        since: at(7),
        contested_by,
    };
    let interface = |name: &str, is_up| Interface {
        name: name.to_owned(),
        mac: MAC,
        subnets: Vec::new(),
        is_up,
    };
    let peer = |is_alive| Peer {
        is_alive,
        since: at(8),
    };
    Report {
        addresses: [
            ([192, 0, 2, 1].into(), held(State::Announced, None)),
            ([192, 0, 2, 2].into(), held(State::Contested, Some(MAC))),
            ([192, 0, 2, 3].into(), held(State::Announced, None)),
        ]
        .into(),
        interfaces: vec![interface("eth0", true), interface("eth1", false)],
        peers: [("b".into(), peer(true)), ("c".into(), peer(false))].into(),
        is_draining: true,
        key_id: Some(7),
    }
}

/// Each counter has another number.
fn counts() -> Counts {
    let malformed = [(Malformed::Truncated, 13), (Malformed::Checksum, 14)];
    Counts {
        sent: 1,
        sent_bytes: 2,
        received: 3,
        received_bytes: 4,
        unsent: 5,
        dropped: [(Dropped::Source, 6), (Refused::Authentication.into(), 7)].into(),
        claimed: 8,
        released: 9,
        deaths: 10,
        network: network::Counters {
            malformed: malformed.into(),
            answered: 15,
            limited: 16,
            contested: 17,
            gratuitous: 18,
            unsent: 19,
        },
    }
}

fn admin() -> Admin {
    let (_, reports) = watch::channel(Arc::new(report()));
    let (_, counts) = watch::channel(Arc::new(counts()));
    Admin::new(reports, counts)
}

#[test]
fn lists_have_every_address_and_every_speaker() {
    let of = |text: &str, state: &str, by: Value| {
        json!({"address": text, "interfaces": ["eth0"], "state": state, "since": 7,
            "contestedBy": by})
    };
    let expected = json!([
        of("192.0.2.1", "Announced", Value::Null),
        of("192.0.2.2", "Contested", json!("02:00:00:00:00:09")),
        of("192.0.2.3", "Announced", Value::Null),
    ]);
    assert_eq!(json!(admin().addresses()), expected);
    let expected = json!([
        {"node": "b", "alive": true, "since": 8},
        {"node": "c", "alive": false, "since": 8},
    ]);
    assert_eq!(json!(admin().peers()), expected);
}

#[test]
fn a_scrape_finds_each_number_by_its_name() {
    let mut registry = Registry::with_prefix("landfall");
    admin().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let lines: Vec<_> = text.lines().filter(|it| !it.starts_with('#')).collect();
    let expected = [
        r#"addresses{state="Announced"} 2"#,
        r#"addresses{state="Contested"} 1"#,
        r#"addresses{state="Probing"} 0"#,
        "peers_alive 1",
        r#"interface_up{interface="eth0"} 1"#,
        r#"interface_up{interface="eth1"} 0"#,
        "draining 1",
        "claimed_total 8",
        "released_total 9",
        "peer_deaths_total 10",
        "messages_sent_total 1",
        "messages_sent_bytes_total 2",
        "messages_unsent_total 5",
        "messages_received_total 3",
        "messages_received_bytes_total 4",
        "answered_total 15",
        "limited_total 16",
        "contested_total 17",
        "gratuitous_total 18",
        "frames_unsent_total 19",
        r#"messages_dropped_total{reason="authentication"} 7"#,
        r#"messages_dropped_total{reason="source address"} 6"#,
        r#"malformed_total{reason="checksum"} 14"#,
        r#"malformed_total{reason="truncated"} 13"#,
    ]
    .map(|it| format!("landfall_speaker_{it}"));
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let lines = lines.into_iter().map(|it| it.replace("{}", "")).collect();
    assert_eq!(sorted(lines), sorted(expected.into()));
}

#[test]
fn each_reason_to_drop_a_datagram_has_its_own_words() {
    let refused = [
        Refused::Length,
        Refused::NotOurs,
        Refused::Protocol,
        Refused::UnknownKey,
        Refused::Authentication,
        Refused::ForAnother,
        Refused::Kind,
        Refused::Body,
    ];
    let stale = [
        Stale::ForAnotherLife,
        Stale::OfAnotherLife,
        Stale::HeardBefore,
        Stale::OfStranger,
        Stale::OfOwnName,
    ];
    let all = refused.map(Dropped::from).into_iter();
    let all = all.chain(stale.map(Dropped::from)).chain([Dropped::Source]);
    let words: std::collections::BTreeSet<_> = all.map(Dropped::reason).collect();
    assert_eq!(words.len(), 14);
}
