//! Pools and reservations that mean something, and some that don't.

use serde_json::{Value, json};

use super::{Row, Table};

fn pool(address: &str) -> Value {
    json!({"addresses": [address]})
}

/// A good pool with one field that is not.
fn with(field: &str, value: Value) -> Value {
    let mut spec = pool("192.0.2.0/24");
    spec[field] = value;
    spec
}

pub fn pools() -> Table {
    let mut refused = wrong_addresses();
    refused.extend(wrong_fields());
    Table {
        kind: "AddressPool",
        good: good_pools(),
        refused,
    }
}

fn good_pools() -> Vec<Value> {
    let addresses = [
        "192.0.2.0/24",
        "192.0.2.10-192.0.2.20",
        "192.0.2.10-192.0.2.10",
        "192.0.2.10",
        "0.0.0.0/0",
        "127.200.0.0/16",
        "2001:db8::/32",
        "2001:db8::1-2001:db8::ffff",
        "2001:DB8::1",
        "::/0",
    ];
    let selector = json!({"matchExpressions": [
        {"key": "team", "operator": "In", "values": ["a"]},
        {"key": "test", "operator": "DoesNotExist"},
    ]});
    let rest = ["0s", "90s", "5m", "1h30m", "168h"].map(|time| {
        json!({
            "addresses": ["192.0.2.0/24", "2001:db8::/64"],
            "exclude": ["192.0.2.1"],
            "allocation": "OnRequest",
            "priority": 0,
            "namespaceSelector": {},
            "serviceSelector": selector,
            "skipNetworkAndBroadcast": true,
            "reuseAfter": time,
            "sharing": "AnyNamespace",
        })
    });
    addresses.map(pool).into_iter().chain(rest).collect()
}

fn wrong_addresses() -> Vec<Row> {
    let form = "neither a network";
    let never = "no Service can have";
    let rows = [
        ("192.0.2.300", form),
        ("192.0.2.0/33", form),
        ("192.0.2.1-", form),
        ("192.0.2.1 - 192.0.2.9", form),
        ("192.0.2.1-192.0.2.5-192.0.2.9", form),
        ("192.0.2.1-9", form),
        ("lb.example.org", form),
        ("::ffff:c000:201", form),
        ("fe80::1%eth0", "no zone"),
        ("fe80::1%a-fe80::2%b%c", "no zone"),
        ("::ffff:192.0.2.1", "not inside an IPv6 address"),
        ("::ffff:192.0.2.0/120", "not inside an IPv6 address"),
        ("192.0.2.1/24", "bits are set"),
        ("2001:db8::1/64", "bits are set"),
        ("192.0.2.1-2001:db8::1", "one family"),
        ("192.0.2.9-192.0.2.1", "reversed"),
        ("192.0.3.0-192.0.2.255", "reversed"),
        ("0.0.0.0", never),
        ("::", never),
        ("255.255.255.255", never),
        ("224.0.0.0/4", never),
        ("239.1.0.0/16", never),
        ("ff02::1", never),
    ];
    let as_address = rows.map(|(entry, words)| (pool(entry), "addresses[0]", words));
    let as_exclusion = rows.map(|(entry, words)| {
        let spec = json!({"addresses": ["0.0.0.0/0"], "exclude": ["192.0.2.1", entry]});
        (spec, "exclude[1]", words)
    });
    super::rows(as_address.into_iter().chain(as_exclusion))
}

fn wrong_fields() -> Vec<Row> {
    let expression = |expression: Value| json!({"matchExpressions": [expression]});
    let rows = [
        (json!({"addresses": []}), "addresses", "at least 1"),
        (json!({}), "addresses", "Required"),
        (
            json!({"addresses": vec!["192.0.2.1"; 1001]}),
            "addresses",
            "at most 1000",
        ),
        (
            with("allocation", json!("Sometimes")),
            "allocation",
            "Automatic",
        ),
        (with("sharing", json!("always")), "sharing", "SameNamespace"),
        (
            with("priority", json!(-1)),
            "priority",
            "greater than or equal to 0",
        ),
        (
            with("priority", json!(1_000_001)),
            "priority",
            "less than or equal to 1000000",
        ),
        (
            with("reuseAfter", json!("60")),
            "reuseAfter",
            "a number with a unit",
        ),
        (
            with("reuseAfter", json!("-5s")),
            "reuseAfter",
            "a number with a unit",
        ),
        (
            with("reuseAfter", json!("soon")),
            "reuseAfter",
            "a number with a unit",
        ),
        (with("reuseAfter", json!("169h")), "reuseAfter", "a week"),
        (
            with(
                "namespaceSelector",
                expression(json!({"key": "a", "operator": "Is", "values": ["b"]})),
            ),
            "namespaceSelector.matchExpressions[0].operator",
            "DoesNotExist",
        ),
        (
            with(
                "serviceSelector",
                expression(json!({"key": "a", "operator": "In"})),
            ),
            "serviceSelector.matchExpressions[0]",
            "need values",
        ),
        (
            with(
                "serviceSelector",
                expression(json!({"key": "a", "operator": "Exists", "values": ["b"]})),
            ),
            "serviceSelector.matchExpressions[0]",
            "take none",
        ),
    ];

    super::rows(rows)
}

pub fn reservations() -> Table {
    let good = [
        json!({"address": "192.0.2.1"}),
        json!({"address": "2001:db8::1"}),
        json!({"pool": "blue"}),
        json!({"pool": "blue", "family": "IPv6"}),
        json!({"pool": "blue", "family": null}),
    ];
    let rows = [
        (json!({}), "", "either an address or a pool"),
        (
            json!({"address": "192.0.2.1", "pool": "blue"}),
            "",
            "either an address or a pool",
        ),
        (
            json!({"address": "192.0.2.1", "family": "IPv4"}),
            "family",
            "goes with pool",
        ),
        (json!({"pool": "blue", "family": "v4"}), "family", "IPv6"),
        (json!({"pool": "Blue"}), "pool", "should match"),
        (json!({"address": "192.0.2.0/24"}), "address", "is needed"),
        (json!({"address": "fe80::1%eth0"}), "address", "is needed"),
        (json!({"address": "224.0.0.1"}), "address", "is needed"),
    ];
    Table {
        kind: "AddressReservation",
        good: good.to_vec(),
        refused: super::rows(rows),
    }
}
