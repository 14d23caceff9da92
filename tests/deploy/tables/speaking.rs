//! Statuses that a speaker may report, and some that it may not.

use serde_json::{Value, json};

use super::{Row, Table, rows};

/// A status, not a spec.
pub fn reports() -> Table {
    let good = [
        json!({}),
        json!({"addressCount": 1001, "peersAlive": 0, "draining": true}),
        json!({
            "peerAddresses": ["10.0.0.1", "2001:db8::1"],
            "peerPort": 65535,
            "startedAt": "2026-01-02T03:04:05Z",
            "draining": false,
            "addressCount": 2,
            "addresses": [
                {"address": "192.0.2.1", "state": "Probing"},
                {
                    "address": "2001:db8::1", "interfaces": ["eth0", "bond0.10"],
                    "since": "2026-01-02T03:04:05.123456Z", "state": "Announced",
                    "contestedBy": "02:00:00:00:00:01",
                },
            ],
            "interfaces": [
                {"name": "eth0", "mac": "02:00:00:00:00:02", "subnets": ["192.0.2.0/24"], "up": true},
                {"name": "lo"},
            ],
            "peers": [
                {"node": "node-2", "alive": true, "since": "2026-01-02T03:04:05Z"},
                {"node": "node-3"},
            ],
            "peersAlive": 1,
            "bgpSessions": [
                {
                    "peer": "tor-1", "address": "192.0.2.254", "state": "Established", "peerASN": 4_200_000_000_u32,
                    "since": "2026-01-02T03:04:05Z", "prefixes": 10_000, "bfdState": "Up",
                    "missingFamilies": ["IPv6"],
                },
                {
                    "peer": "tor-2", "state": "Idle", "withoutNextHop": 3,
                    "lastError": "sent: Bad Peer AS (2/2)", "lastErrorAt": "2026-01-02T03:04:05Z",
                },
            ],
            "bgpEstablished": 1,
            "keyId": "0f1e2d3c",
        }),
        json!({"addresses": many(1000, |_| json!({"address": "192.0.2.1", "state": "Announced"}))}),
    ];
    Table {
        kind: "SpeakerStatus",
        good: good.to_vec(),
        refused: rows(numbers().into_iter().chain(lists())),
    }
}

fn many(count: u32, item: impl Fn(u32) -> Value) -> Vec<Value> {
    (0..count).map(item).collect()
}

fn numbers() -> Vec<Row> {
    let wrong = [
        (
            json!({"peerPort": 0}),
            "peerPort",
            "greater than or equal to 1",
        ),
        (
            json!({"peerPort": 65536}),
            "peerPort",
            "less than or equal to 65535",
        ),
        (
            json!({"addressCount": -1}),
            "addressCount",
            "greater than or equal to 0",
        ),
        (
            json!({"peersAlive": -1}),
            "peersAlive",
            "greater than or equal to 0",
        ),
        (json!({"startedAt": "now"}), "startedAt", "date-time"),
        (json!({"draining": "no"}), "draining", "boolean"),
        (json!({"keyId": ""}), "keyId", "at least 1"),
    ];
    wrong.to_vec()
}

fn lists() -> Vec<Row> {
    let address = |_| json!({"address": "192.0.2.1", "state": "Announced"});
    let wrong = [
        (
            json!({"peerAddresses": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]}),
            "peerAddresses",
            "at most 2",
        ),
        (
            json!({"addresses": many(1001, address)}),
            "addresses",
            "at most 1000",
        ),
        (
            json!({"addresses": [{"address": "192.0.2.1", "state": "Glowing"}]}),
            "addresses[0].state",
            "Probing",
        ),
        (
            json!({"addresses": [{"address": "192.0.2.1"}]}),
            "addresses[0].state",
            "Required",
        ),
        (
            json!({"addresses": [{"address": "192.0.2.1", "state": "Contested", "contestedBy": "02-00-00-00-00-01"}]}),
            "addresses[0].contestedBy",
            "should match",
        ),
        (
            json!({"interfaces": many(65, |it| json!({"name": format!("eth{it}")}))}),
            "interfaces",
            "at most 64",
        ),
        (
            json!({"interfaces": [{"mac": "02:00:00:00:00:01"}]}),
            "interfaces[0].name",
            "Required",
        ),
        (
            json!({"peers": [{"node": ""}]}),
            "peers[0].node",
            "at least 1",
        ),
        (
            json!({"bgpSessions": [{"peer": "tor-1", "state": "Sleeping"}]}),
            "bgpSessions[0].state",
            "Established",
        ),
        (
            json!({"bgpSessions": [{"state": "Idle"}]}),
            "bgpSessions[0].peer",
            "Required",
        ),
        (
            json!({"bgpSessions": many(257, |it| json!({"peer": format!("tor-{it}"), "state": "Idle"}))}),
            "bgpSessions",
            "at most 256",
        ),
        (
            json!({"peers": many(1001, |it| json!({"node": format!("node-{it}")}))}),
            "peers",
            "at most 1000",
        ),
    ];
    wrong.to_vec()
}
