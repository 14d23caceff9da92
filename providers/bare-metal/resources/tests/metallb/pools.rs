//! `IPAddressPool`.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_bare_metal_resources::Pool;
use landfall_bare_metal_resources::kinds::{AddressPool, Allocation, IpFamily, Sharing};
use landfall_bare_metal_resources::metallb::{Converted, Scope};
use serde_json::{Value, json};

use crate::{converted, document, said};

fn pool(spec: &str) -> Converted {
    converted(&document("IPAddressPool", "blue", spec))
}

fn meaning(converted: &Converted) -> &Pool {
    converted.pools[0].meaning.as_ref().unwrap()
}

/// The written spec, without what every pool from MetalLB has.
fn written(converted: &Converted) -> Value {
    let mut spec = serde_json::to_value(&converted.pools[0].written[0].spec).unwrap();
    let fields = spec.as_object_mut().unwrap();
    for (field, always) in [
        ("reuseAfter", json!("0s")),
        ("sharing", json!("AnyNamespace")),
        ("priority", json!(100)),
        ("allocation", json!("Automatic")),
        ("skipNetworkAndBroadcast", json!(false)),
    ] {
        if fields[field] == always {
            fields.remove(field);
        }
    }
    spec
}

#[test]
fn a_pool_keeps_its_name_its_labels_and_its_addresses() {
    let converted = converted(
        "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: blue
  namespace: metallb-system
  labels: {site: north}
  annotations: {landfall.dev/reclaim: 'true', example.org/note: hello}
  creationTimestamp: 2026-01-02T03:04:05Z
spec:
  addresses:
  - 192.0.2.0/24
  - 198.51.100.10-198.51.100.20
  - 2001:db8::/64
",
    );
    assert!(converted.notes.is_empty());
    let pool = &converted.pools[0];
    let metadata = &pool.written[0].metadata;
    assert_eq!(metadata.name.as_deref(), Some("blue"));
    assert_eq!(metadata.namespace, None);
    assert_eq!(metadata.creation_timestamp, None);
    assert_eq!(metadata.labels.as_ref().unwrap()["site"], "north");
    let annotations: Vec<_> = metadata.annotations.as_ref().unwrap().keys().collect();
    assert_eq!(annotations, ["landfall.dev/reclaim"]);
    assert!(pool.metadata.creation_timestamp.is_some());
    let meaning = pool.meaning.as_ref().unwrap();
    assert_eq!(meaning.name, "blue");
    assert_eq!(meaning.allocation, Allocation::Automatic);
    assert_eq!(meaning.sharing, Sharing::AnyNamespace);
    assert_eq!(meaning.reuse_after, Duration::ZERO);
    assert_eq!(meaning.usable.count(IpFamily::Ipv4), 256 + 11);
}

#[test]
fn addresses_are_read_as_metallb_reads_them() {
    let rows = [
        ("192.0.2.10 - 192.0.2.20", "192.0.2.10-192.0.2.20"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        // It passes host bits over.
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"),
    ];
    for (theirs, ours) in rows {
        let converted = pool(&format!("  addresses: ['{theirs}']"));
        assert_eq!(
            written(&converted),
            json!({"addresses": [ours]}),
            "{theirs}"
        );
        assert!(converted.pools[0].meaning.is_ok());
    }
}

/// Only .0 and .255 are skipped there, not the ends of smaller networks.
#[test]
fn avoiding_buggy_addresses_skips_the_same_addresses() {
    let rows = [
        ("192.0.2.0/24", json!("192.0.2.0/24"), 254),
        ("192.0.2.0/25", json!("192.0.2.0-192.0.2.127"), 127),
        ("192.0.2.64/26", json!("192.0.2.64-192.0.2.127"), 64),
        ("192.0.2.4/30", json!("192.0.2.4-192.0.2.7"), 4),
        ("192.0.2.4/31", json!("192.0.2.4/31"), 2),
        ("192.0.2.4/32", json!("192.0.2.4/32"), 1),
        ("192.0.0.0/16", json!("192.0.0.0/16"), 65_536 - 512),
        ("192.0.2.250-192.0.3.5", json!("192.0.2.250-192.0.3.5"), 10),
    ];
    for (theirs, ours, count) in rows {
        let converted = pool(&format!("  addresses: ['{theirs}']\n  avoidBuggyIPs: true"));
        let expected = json!({"addresses": [ours], "skipNetworkAndBroadcast": true});
        assert_eq!(written(&converted), expected, "{theirs}");
        let usable = &meaning(&converted).usable;
        assert_eq!(usable.count(IpFamily::Ipv4), count, "{theirs}");
    }
}

#[test]
fn a_pool_that_is_not_assigned_from_by_itself_is_there_on_request() {
    let converted = pool("  addresses: [192.0.2.0/24]\n  autoAssign: false");
    assert_eq!(meaning(&converted).allocation, Allocation::OnRequest);
}

#[test]
fn pools_for_some_services_come_before_those_for_all_and_zero_is_last_of_them() {
    let with = |name: &str, priority: &str| {
        let spec = format!("  addresses: [192.0.2.0/24]\n  serviceAllocation: {{{priority}}}");
        document("IPAddressPool", name, &spec)
    };
    let without = document("IPAddressPool", "f", "  addresses: [192.0.2.0/24]");
    let all = [
        with("a", "priority: 0"),
        with("b", "priority: 50"),
        with("c", "priority: 10"),
        with("d", ""),
        with("e", "priority: 2000000"),
        without.clone(),
    ];
    let converted = converted(&all.concat());
    let mut order: Vec<_> = converted
        .pools
        .iter()
        .map(|it| it.meaning.as_ref().unwrap())
        .collect();
    order.sort_by_key(|it| (it.priority, it.name.clone()));
    let order: String = order.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(order, "cbadef");
    assert_eq!(
        said(&converted.notes, Scope::Meaning),
        [
            "IPAddressPool e: spec.serviceAllocation.priority: so high a number has no room before pools without serviceAllocation; it comes last of those with it"
        ]
    );
    // Where nobody says anything, nobody has to read a number.
    assert_eq!(
        crate::converted(&without).pools[0].written[0].spec.priority,
        100
    );
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn one_of_the_names_and_selectors_of_namespaces_is_enough() {
    let converted = pool(
        "
  addresses: [192.0.2.0/24]
  serviceAllocation:
    namespaces: [one, two]
    namespaceSelectors:
    - {matchLabels: {team: a}}
    - {matchLabels: {team: b}}
    serviceSelectors:
    - {matchExpressions: [{key: tier, operator: In, values: [front, edge]}]}",
    );
    let pool = meaning(&converted);
    for (of, expected) in [
        (labels(&[("kubernetes.io/metadata.name", "two")]), true),
        (labels(&[("team", "b")]), true),
        (labels(&[("team", "c")]), false),
        (labels(&[]), false),
    ] {
        assert_eq!(pool.namespaces.matches(&of), expected, "{of:?}");
    }
    assert!(pool.services.matches(&labels(&[("tier", "edge")])));
    assert!(!pool.services.matches(&labels(&[])));
    // Names join to one selector and teams to another, but not both to one.
    let notes = said(&converted.notes, Scope::Writing);
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("IPAddressPool blue: spec.serviceAllocation.namespaceSelectors: ")
    );
    assert!(said(&converted.notes, Scope::Meaning).is_empty());
}

#[test]
fn lists_that_one_selector_can_say_are_written_as_one() {
    let rows = [
        (
            "namespaces: [one]",
            json!({"matchLabels": {"kubernetes.io/metadata.name": "one"}}),
        ),
        (
            "namespaces: [two, one]",
            json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["one", "two"]}]}),
        ),
        (
            "namespaceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: In, values: [c]}]}]",
            json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}),
        ),
        (
            "namespaceSelectors: [{matchLabels: {a: b, c: d}}, {matchLabels: {c: d, a: b}}]",
            json!({"matchLabels": {"a": "b", "c": "d"}}),
        ),
        (
            "namespaceSelectors: [{matchLabels: {a: b}}, {}]",
            Value::Null,
        ),
        ("namespaces: []", Value::Null),
    ];
    for (theirs, ours) in rows {
        let converted = pool(&format!(
            "  addresses: [192.0.2.0/24]\n  serviceAllocation: {{{theirs}}}"
        ));
        assert!(converted.notes.is_empty(), "{theirs}");
        let selector = &converted.pools[0].written[0].spec.namespace_selector;
        assert_eq!(serde_json::to_value(selector).unwrap(), ours, "{theirs}");
        let again = Pool::parse(&converted.pools[0].written[0]).unwrap();
        assert_eq!(
            &again,
            meaning(&converted),
            "{theirs}: written and meant differ"
        );
    }
}

/// There an empty result opens the pool to everybody who asks.
#[test]
fn selectors_that_match_no_namespace_let_nobody_in() {
    let converted = pool(
        "  addresses: [192.0.2.0/24]\n  serviceAllocation: {namespaceSelectors: [{matchLabels: {no: body}}]}",
    );
    assert!(
        !meaning(&converted)
            .namespaces
            .matches(&labels(&[("team", "a")]))
    );
}

#[test]
fn what_is_wrong_is_told_by_the_fields_of_the_object() {
    let rows = [
        ("  addresses: []", vec!["spec.addresses"]),
        (
            "  addresses: [192.0.2.9-192.0.2.1, nothing]",
            vec!["spec.addresses[0]", "spec.addresses[1]"],
        ),
        (
            "  addresses: [192.0.2.0/24]\n  serviceAllocation: {serviceSelectors: [{}, {matchExpressions: [{key: a, operator: In}]}]}",
            vec!["spec.serviceAllocation.serviceSelectors[1].matchExpressions[0]"],
        ),
    ];
    for (spec, fields) in rows {
        let faults = pool(spec).pools[0].meaning.clone().unwrap_err();
        let found: Vec<_> = faults.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(found, fields, "{spec}");
    }
}

#[test]
fn fields_that_nobody_knows_are_named() {
    let converted = pool(
        "  addresses: [192.0.2.0/24]\n  adresses: [x]\n  serviceAllocation: {namespaces: [a], color: red}",
    );
    assert_eq!(
        said(&converted.notes, Scope::Meaning),
        [
            "IPAddressPool blue: spec.adresses: this field is not known; it is passed over",
            "IPAddressPool blue: spec.serviceAllocation.color: this field is not known; it is passed over",
        ]
    );
}

/// Whatever is written means the same when it is read again, as far as one selector can say it.
#[test]
fn what_is_written_can_be_read() {
    let object: &AddressPool = &pool("  addresses: [192.0.2.0/24]").pools[0].written[0];
    let text = serde_json::to_value(object).unwrap();
    assert_eq!(text["apiVersion"], "landfall.dev/v1alpha1");
    assert_eq!(
        &serde_json::from_value::<AddressPool>(text).unwrap(),
        object
    );
}
