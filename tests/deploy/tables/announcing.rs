//! Advertisements and peers that mean something, and some that don't.

use serde_json::{Value, json};

use super::{Row, Table, rows};

pub fn l2_advertisements() -> Table {
    let good = [
        json!({}),
        json!({
            "pools": ["blue", "red"],
            "poolSelector": {"matchLabels": {"site": "north"}},
            "serviceSelector": {},
            "nodeSelector": {"matchLabels": {"rack": "1"}},
            "interfaces": ["eth0", "bond*", "eth?.10"],
            "preferredNodes": [{"weight": 100, "selector": {"matchLabels": {"rack": "1"}}}],
            "offSubnet": "Allow",
            "probe": "Strict",
        }),
    ];
    let wrong = [
        (json!({"pools": ["Blue"]}), "pools[0]", "should match"),
        (json!({"pools": ["a", "a"]}), "pools[1]", "Duplicate"),
        (json!({"interfaces": [""]}), "interfaces[0]", "at least 1"),
        (
            json!({"interfaces": ["a/b"]}),
            "interfaces[0]",
            "should match",
        ),
        (
            json!({"interfaces": (0..65).map(|it| format!("eth{it}")).collect::<Vec<_>>()}),
            "interfaces",
            "at most 64",
        ),
        (
            json!({"preferredNodes": vec![json!({"weight": 1, "selector": {}}); 33]}),
            "preferredNodes",
            "at most 32",
        ),
        (json!({"offSubnet": "Yes"}), "offSubnet", "Allow"),
        (json!({"probe": "Slow"}), "probe", "Strict"),
        (
            json!({"preferredNodes": [{"weight": 0, "selector": {}}]}),
            "preferredNodes[0].weight",
            "greater than or equal to 1",
        ),
        (
            json!({"preferredNodes": [{"weight": 5}]}),
            "preferredNodes[0].selector",
            "Required",
        ),
    ];
    Table {
        kind: "L2Advertisement",
        good: good.to_vec(),
        refused: rows(wrong),
    }
}

pub fn bgp_advertisements() -> Table {
    let wrong = [
        (
            json!({"aggregationLength": 0}),
            "aggregationLength",
            "greater than or equal to 1",
        ),
        (
            json!({"aggregationLengthV6": 129}),
            "aggregationLengthV6",
            "less than or equal to 128",
        ),
        (
            json!({"aggregationLength": 24, "serviceSelector": {"matchLabels": {"a": "b"}}}),
            "serviceSelector",
            "default aggregation lengths",
        ),
        (
            json!({"localPref": -1}),
            "localPref",
            "greater than or equal to 0",
        ),
        (
            json!({"med": 4_294_967_296_i64}),
            "med",
            "less than or equal to",
        ),
        (
            json!({"asPathPrepend": 33}),
            "asPathPrepend",
            "less than or equal to 32",
        ),
        (
            json!({"communities": ["65000:65536"]}),
            "communities[0]",
            "at most 65535",
        ),
        (
            json!({"communities": ["large:1:2:4294967296"]}),
            "communities[0]",
            "at most 4294967295",
        ),
        (
            json!({"communities": ["1:2:3"]}),
            "communities[0]",
            "should match",
        ),
        (
            json!({"communities": (0..64).map(|it| format!("65000:{it}")).collect::<Vec<_>>()}),
            "communities",
            "at most 63",
        ),
        (
            json!({"communityAliases": {"Blue": "1:2"}}),
            "communityAliases",
            "lower-case",
        ),
        (
            json!({"communityAliases": {"blue": "red"}}),
            "communityAliases.blue",
            "should match",
        ),
        (json!({"nextHop": {}}), "nextHop", "name an address"),
        (
            json!({"nextHop": {"ipv4": "2001:db8::1"}}),
            "nextHop.ipv4",
            "an IPv4 address is needed",
        ),
        (
            json!({"nextHop": {"ipv6": "192.0.2.1"}}),
            "nextHop.ipv6",
            "an IPv6 address is needed",
        ),
        (
            json!({"serviceAttributes": ["Color"]}),
            "serviceAttributes[0]",
            "MED",
        ),
    ];
    Table {
        kind: "BGPAdvertisement",
        good: good_bgp_advertisements(),
        refused: rows(wrong),
    }
}

fn good_bgp_advertisements() -> Vec<Value> {
    let good = [
        json!({}),
        json!({
            "pools": ["blue"],
            "peers": ["tor-1"],
            "nodeSelector": {},
            "aggregationLength": 24,
            "aggregationLengthV6": 64,
            "localPref": 4_294_967_295_u32,
            "med": 0,
            "asPathPrepend": 2,
            "communities": ["65000:100", "large:65000:1:4294967295", "no-export", "blue"],
            "communityAliases": {"blue": "65000:1", "red": "large:1:2:3"},
            "nextHop": {"ipv4": "192.0.2.1", "ipv6": "2001:db8::1"},
            "serviceAttributes": ["LocalPref", "MED", "ASPathPrepend", "Communities"],
        }),
        json!({"serviceSelector": {"matchLabels": {"a": "b"}}}),
    ];
    good.to_vec()
}

/// A good peer, with these fields besides or instead.
fn peer(fields: Value) -> Value {
    let mut spec = json!({"localASN": 65000, "peerASN": 65001, "address": "192.0.2.1"});
    let fields: serde_json::Map<String, Value> = serde_json::from_value(fields).unwrap();
    spec.as_object_mut().unwrap().extend(fields);
    spec
}

pub fn peers() -> Table {
    let fields = places().into_iter().chain(times());
    let refused = fields.map(|(fields, field, words)| (peer(fields), field, words));
    Table {
        kind: "BGPPeer",
        good: good_peers(),
        refused: refused.collect(),
    }
}

fn good_peers() -> Vec<Value> {
    let good = [
        peer(json!({})),
        peer(json!({"peerASN": "Internal"})),
        peer(json!({"peerASN": "External", "localASN": 4_294_967_295_u32})),
        peer(json!({"address": "fe80::1", "interface": "eth0"})),
        peer(json!({"address": null, "interface": "eth0"})),
        peer(json!({"address": "192.0.2.0/24", "passive": true, "port": 1179})),
        peer(json!({"holdTime": "3s", "keepaliveTime": "1s", "connectRetryTime": "1s"})),
        peer(json!({"holdTime": "0s"})),
        peer(json!({"routerID": "10.0.0.1", "sourceAddress": "192.0.2.9", "multihop": 255})),
        peer(json!({"passwordSecretRef": {"name": "tor"}, "ttlSecurity": true})),
        peer(json!({"gracefulRestart": {}, "families": ["IPv6"], "nodeSelector": {}})),
        peer(json!({"bfd": {}})),
        peer(
            json!({"bfd": {"transmitInterval": "50ms", "receiveInterval": "1s", "multiplier": 255,
            "passive": true, "multihop": true, "minimumTTL": 250}}),
        ),
    ];
    good.to_vec()
}

fn places() -> Vec<Row> {
    let wrong = [
        (
            json!({"localASN": 0}),
            "localASN",
            "greater than or equal to 1",
        ),
        (json!({"peerASN": 0}), "peerASN", "from 1 to 4294967295"),
        (
            json!({"peerASN": "65001"}),
            "peerASN",
            "Internal or External",
        ),
        (json!({"address": null}), "", "name the router's address"),
        (
            json!({"address": "fe80::1"}),
            "address",
            "needs the interface",
        ),
        (
            json!({"address": "fe80::1%eth0", "interface": null}),
            "address",
            "without a zone",
        ),
        (
            json!({"address": "router.example.org"}),
            "address",
            "is needed",
        ),
        (json!({"address": "192.0.2.0/24"}), "address", "set passive"),
        (
            json!({"address": "192.0.2.1/24", "passive": true}),
            "address",
            "bits are set",
        ),
        (json!({"interface": "eth0"}), "interface", "link-local"),
        (
            json!({"port": 65536}),
            "port",
            "less than or equal to 65535",
        ),
        (
            json!({"sourceAddress": "2001:db8::1"}),
            "sourceAddress",
            "family of address",
        ),
        (
            json!({"address": "192.0.2.0/24", "passive": true, "sourceAddress": "2001:db8::1"}),
            "sourceAddress",
            "family of address",
        ),
        (
            json!({"address": null, "interface": "eth0", "bfd": {"multihop": true}}),
            "bfd.multihop",
            "not several hops away",
        ),
        (json!({"routerID": "0.0.0.0"}), "routerID", "not 0.0.0.0"),
        (
            json!({"routerID": "2001:db8::1"}),
            "routerID",
            "an IPv4 address is needed",
        ),
        (
            json!({"multihop": 1}),
            "multihop",
            "greater than or equal to 2",
        ),
        (
            json!({"multihop": 5, "ttlSecurity": true}),
            "multihop",
            "choose one",
        ),
        (
            json!({"multihop": 5, "peerASN": "Internal"}),
            "multihop",
            "external peers",
        ),
        (
            json!({"multihop": 5, "peerASN": 65000}),
            "multihop",
            "external peers",
        ),
    ];
    rows(wrong)
}

fn times() -> Vec<Row> {
    let wrong = [
        (json!({"holdTime": "2s"}), "holdTime", "from 3s"),
        (json!({"holdTime": "3500ms"}), "holdTime", "whole seconds"),
        (
            json!({"holdTime": "90"}),
            "holdTime",
            "a number with a unit",
        ),
        (
            json!({"keepaliveTime": "91s"}),
            "keepaliveTime",
            "longer than holdTime",
        ),
        (
            json!({"keepaliveTime": "3s", "holdTime": "0s"}),
            "keepaliveTime",
            "longer than holdTime",
        ),
        (json!({"keepaliveTime": "0s"}), "keepaliveTime", "from 1s"),
        (
            json!({"connectRetryTime": "0s"}),
            "connectRetryTime",
            "from 1s",
        ),
        (
            json!({"gracefulRestart": {"restartTime": "4096s"}}),
            "gracefulRestart.restartTime",
            "4095s",
        ),
        (json!({"families": []}), "families", "at least 1"),
        (
            json!({"families": ["IPv4", "IPv4"]}),
            "families[1]",
            "Duplicate",
        ),
        (
            json!({"bfd": {"transmitInterval": "9ms"}}),
            "bfd.transmitInterval",
            "from 10ms",
        ),
        (
            json!({"bfd": {"receiveInterval": "61s"}}),
            "bfd.receiveInterval",
            "to 60s",
        ),
        (
            json!({"bfd": {"multiplier": 0}}),
            "bfd.multiplier",
            "greater than or equal to 1",
        ),
        (
            json!({"bfd": {"minimumTTL": 254}}),
            "bfd.minimumTTL",
            "goes with multihop",
        ),
    ];
    rows(wrong)
}
