//! What people and scrapes see of a report.

use std::time::{Duration, SystemTime};

use landfall_bare_metal_bfd as bfd;
use landfall_bare_metal_bgp as bgp;
use landfall_bare_metal_l2::peers::{Refused, Stale};
use landfall_bare_metal_l2::{Mac, Malformed};
use prometheus_client::encoding::text::encode;
use serde_json::{Value, json};

use super::*;
use crate::network;
use crate::report::{Address, Dropped, Interface, Peer};
use crate::sessions::{Agreed, BfdReport, SessionReport, SessionReports};

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

fn sessions() -> SessionReports {
    let up = SessionReport {
        state: bgp::State::Established,
        since: at(9),
        agreed: Some(Agreed {
            remote_asn: 64500,
            hold_time: Some(Duration::from_secs(9)),
            families: [bgp::Family::Ipv4].into(),
            missing_families: [].into(),
            is_kept_over_restart: true,
        }),
        routes: [7, 4, 1],
        error: None,
        bfd: Some(BfdReport {
            state: bfd::State::Up,
            since: at(9),
            trouble: None,
            detection_time: None,
            downs: 20,
            dropped: [(bfd::Dropped::Ttl, 21)].into(),
        }),
        counters: bgp::Counters {
            established: 22,
            received: 23,
            updates_received: 24,
            malformed: 25,
            sent: 26,
            updates_sent: 27,
            notifications: [28, 29],
        },
    };
    let address = "192.0.2.254".parse().unwrap();
    [((Arc::from("tor-1"), Some(address)), up)].into()
}

fn admin() -> Admin {
    let (_, addresses) = watch::channel(Arc::new(report()));
    let (_, sessions) = watch::channel(Arc::new(sessions()));
    let (_, counts) = watch::channel(Arc::new(counts()));
    let reported = Reported {
        addresses,
        sessions,
    };
    let (_, strangers) = watch::channel([(bfd::Dropped::Stranger, 30)].into());
    let (routes, _) = mpsc::channel(1);
    Admin::new(reported, counts, strangers, routes)
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
    let expected = json!([{
        "peer": "tor-1", "address": "192.0.2.254", "state": "Established", "since": 9,
        "peerASN": 64500, "holdTime": 9, "keptOverRestart": true,
        "wanted": 7, "announced": 4, "withoutNextHop": 1, "bfd": "Up", "lastError": null,
    }]);
    assert_eq!(json!(admin().sessions()), expected);
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
    let of_sessions = [
        "bgp_session_up# 1",
        "bgp_announced_prefixes# 4",
        "bgp_pending_prefixes# 2",
        "bgp_prefixes_without_next_hop# 1",
        "bgp_sessions_established_total# 22",
        "bgp_messages_received_total# 23",
        "bgp_updates_received_total# 24",
        "bgp_updates_malformed_total# 25",
        "bgp_messages_sent_total# 26",
        "bgp_updates_sent_total# 27",
        "bgp_notifications_sent_total# 28",
        "bgp_notifications_received_total# 29",
        "bfd_session_up# 1",
        "bfd_downs_total# 20",
    ];
    let dropped = [
        r#"landfall_bfd_packets_dropped_total{peer="tor-1",address="192.0.2.254",reason="ttl"} 21"#,
        r#"landfall_bfd_packets_dropped_total{peer="",address="",reason="stranger"} 30"#,
    ]
    .map(str::to_owned);
    let labels = r#"{peer="tor-1",address="192.0.2.254"}"#;
    let of_sessions = of_sessions.map(|it| format!("landfall_{}", it.replace('#', labels)));
    let expected: Vec<_> = expected
        .into_iter()
        .chain(of_sessions)
        .chain(dropped)
        .collect();
    let lines = lines.into_iter().map(|it| it.replace("{}", "")).collect();
    assert_eq!(sorted(lines), sorted(expected));
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
