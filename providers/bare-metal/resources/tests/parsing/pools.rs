//! Pools: what they give, and what is said of those that can't.

use std::time::Duration;

use landfall_bare_metal_resources::Pool;
use landfall_bare_metal_resources::kinds::{AddressPool, Allocation, IpFamily, Sharing};
use serde_json::{Value, json};

fn parse(spec: &Value) -> Result<Pool, Vec<String>> {
    let object: AddressPool = serde_json::from_value(json!({
        "apiVersion": "landfall.dev/v1alpha1",
        "kind": "AddressPool",
        "metadata": {"name": "blue"},
        "spec": spec,
    }))
    .unwrap();
    Pool::parse(&object).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn counts(pool: &Pool) -> [u128; 2] {
    [IpFamily::Ipv4, IpFamily::Ipv6].map(|it| pool.usable.count(it))
}

#[test]
fn what_is_left_out_has_a_default() {
    let pool = parse(&json!({"addresses": ["192.0.2.0/24"]})).unwrap();
    assert_eq!(pool.name, "blue");
    assert_eq!(pool.allocation, Allocation::Automatic);
    assert_eq!(pool.priority, 100);
    assert_eq!(pool.reuse_after, Duration::from_mins(1));
    assert_eq!(pool.sharing, Sharing::SameNamespace);
    assert!(pool.namespaces.selects_all() && pool.services.selects_all());
    assert_eq!(counts(&pool), [256, 0]);
}

#[test]
fn an_empty_selector_selects_everything() {
    let pool = parse(&json!({
        "addresses": ["192.0.2.0/24"],
        "namespaceSelector": {},
        "serviceSelector": {"matchLabels": {}, "matchExpressions": []},
    }));
    let pool = pool.unwrap();
    assert!(pool.namespaces.selects_all() && pool.services.selects_all());
}

/// What is written, what is given from in order, and how many of each family.
#[test]
fn a_pool_gives_what_is_written_without_what_is_excluded_and_skipped() {
    let rows = [
        (
            json!({"addresses": ["2001:db8::/120", "192.0.2.128/25", "192.0.2.0/25"]}),
            "192.0.2.0/24, 2001:db8::/120",
            [256, 256],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.0-192.0.2.9", "192.0.2.20", "192.0.2.255"]}),
            "192.0.2.10-192.0.2.19, 192.0.2.21-192.0.2.254",
            [244, 0],
        ),
        // An exclusion may reach beyond the pool.
        (
            json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.1.0-192.0.2.7", "192.0.2.128-192.0.3.4"]}),
            "192.0.2.8-192.0.2.127",
            [120, 0],
        ),
        (
            json!({"addresses": ["192.0.2.64/26"], "skipNetworkAndBroadcast": true}),
            "192.0.2.65-192.0.2.126",
            [62, 0],
        ),
        (
            json!({"addresses": ["192.0.2.4/30"], "skipNetworkAndBroadcast": true}),
            "192.0.2.5-192.0.2.6",
            [2, 0],
        ),
        // /31 and /32 have no network or broadcast address; ranges don't either.
        (
            json!({"addresses": ["192.0.2.2/31", "192.0.2.9/32", "192.0.2.16-192.0.2.31"], "skipNetworkAndBroadcast": true}),
            "192.0.2.2/31, 192.0.2.9, 192.0.2.16/28",
            [19, 0],
        ),
        // .0 and .255 stay in the ranges and are not given.
        (
            json!({"addresses": ["192.0.2.250-192.0.3.5"], "skipNetworkAndBroadcast": true}),
            "192.0.2.250-192.0.3.5",
            [10, 0],
        ),
        (
            json!({"addresses": ["2001:db8::/126"], "skipNetworkAndBroadcast": true}),
            "2001:db8::/126",
            [0, 4],
        ),
        // What no Service can have is not given, though a network has it.
        (
            json!({"addresses": ["223.255.255.254-224.0.0.9", "255.255.255.254/31"]}),
            "223.255.255.254/31, 255.255.255.254",
            [3, 0],
        ),
    ];
    for (spec, ranges, expected) in rows {
        let pool = parse(&spec).unwrap_or_else(|faults| panic!("{spec}: {faults:?}"));
        assert_eq!(pool.usable.ranges().to_string(), ranges, "{spec}");
        assert_eq!(counts(&pool), expected, "{spec}");
    }
}

#[test]
fn every_fault_is_named_with_its_field() {
    let rows = [
        (
            json!({"addresses": []}),
            vec!["spec.addresses: a pool needs addresses"],
        ),
        (
            json!({"addresses": ["192.0.2.1/24", "192.0.2.9-192.0.2.1", "192.0.2.0/24"]}),
            vec![
                "spec.addresses[0]: 192.0.2.1/24 has bits set beyond the prefix length (did you mean 192.0.2.0/24?)",
                "spec.addresses[1]: the range is reversed: 192.0.2.9 is above 192.0.2.1 (did you mean 192.0.2.1-192.0.2.9?)",
            ],
        ),
        (
            json!({"addresses": ["192.0.2.0/25", "192.0.2.200", "192.0.2.100-192.0.2.220", "192.0.2.0/25"]}),
            vec![
                "spec.addresses[2]: 192.0.2.100-192.0.2.220 overlaps spec.addresses[0] (192.0.2.0/25)",
                "spec.addresses[2]: 192.0.2.100-192.0.2.220 overlaps spec.addresses[1] (192.0.2.200)",
                "spec.addresses[3]: 192.0.2.0/25 overlaps spec.addresses[0] (192.0.2.0/25)",
            ],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.3.1", "192.0.2.1", "zero"]}),
            vec![
                "spec.exclude[2]: 'zero' is neither a network (192.0.2.0/24) nor a range (192.0.2.10-192.0.2.20) nor an address (192.0.2.10)",
            ],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.3.1", "192.0.2.1"]}),
            vec!["spec.exclude[0]: 192.0.3.1 is in none of the addresses, so it excludes nothing"],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.0/25", "192.0.2.128/25"]}),
            vec!["spec.exclude: everything is excluded, so that no address is left"],
        ),
        (
            json!({"addresses": ["192.0.2.255"], "skipNetworkAndBroadcast": true}),
            vec!["spec.skipNetworkAndBroadcast: it skips all addresses that are left"],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "priority": -1, "reuseAfter": "169h"}),
            vec![
                "spec.priority: -1 is not between 0 and 1000000",
                "spec.reuseAfter: 169h is more than 168h, which is a week",
            ],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "reuseAfter": "60",
                "namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            vec![
                "spec.namespaceSelector.matchExpressions[0]: In and NotIn need values",
                "spec.reuseAfter: '60' is no duration (a number with a unit is needed, such as 300ms, 90s, 5m or 1h)",
            ],
        ),
        (
            json!({"addresses": (0..1001).map(|it| format!("10.0.{}.{}", it / 256, it % 256)).collect::<Vec<_>>()}),
            vec!["spec.addresses: 1001 items are too many; 1000 may be there"],
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(parse(&spec).unwrap_err(), expected, "{spec}");
    }
}
