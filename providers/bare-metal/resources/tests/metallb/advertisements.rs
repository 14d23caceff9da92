//! `L2Advertisement`, `BGPAdvertisement` and `Community`.

use std::collections::BTreeMap;

use landfall_bare_metal_resources::kinds::OffSubnet;
use landfall_bare_metal_resources::metallb::{Converted, Scope};
use landfall_bare_metal_resources::{BgpRule, Community, L2Rule};
use serde_json::{Value, json};

use crate::{converted, document, said};

fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn l2(spec: &str) -> Converted {
    converted(&document("L2Advertisement", "lan", spec))
}

fn l2_rule(converted: &Converted) -> &L2Rule {
    converted.l2_advertisements[0].meaning.as_ref().unwrap()
}

#[test]
fn an_empty_advertisement_is_for_everything_on_every_interface() {
    let converted = converted(
        "
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
",
    );
    let rule = l2_rule(&converted);
    assert!(rule.pools.has("any", &BTreeMap::new()));
    assert!(rule.nodes.selects_all() && rule.services.selects_all() && rule.interfaces.is_empty());
    assert_eq!(rule.off_subnet, OffSubnet::Allow);
    let spec = serde_json::to_value(&converted.l2_advertisements[0].written[0].spec).unwrap();
    assert_eq!(spec, json!({"offSubnet": "Allow", "probe": "Fast"}));
}

#[test]
fn nodes_by_their_names_become_one_selector() {
    let converted = l2("
  ipAddressPools: [blue]
  interfaces: [eth0, eth1]
  nodeSelectors:
  - {matchLabels: {kubernetes.io/hostname: n1}}
  - {matchLabels: {kubernetes.io/hostname: n2}}
  preferredNodeSelectors:
  - {weight: 50, preference: {matchLabels: {rack: '1'}}}");
    assert!(converted.notes.is_empty());
    let [written] = &converted.l2_advertisements[0].written[..] else {
        panic!("not one");
    };
    let expected = json!({
        "pools": ["blue"],
        "nodeSelector": {"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1", "n2"]},
        ]},
        "interfaces": ["eth0", "eth1"],
        "preferredNodes": [{"weight": 50, "selector": {"matchLabels": {"rack": "1"}}}],
        "offSubnet": "Allow",
        "probe": "Fast",
    });
    assert_eq!(serde_json::to_value(&written.spec).unwrap(), expected);
    assert_eq!(&L2Rule::parse(written).unwrap(), l2_rule(&converted));
}

#[test]
fn other_alternatives_become_several_advertisements_that_together_say_the_same() {
    let converted = converted(
        &[
            document("L2Advertisement", "lan-2", "  ipAddressPools: [red]"),
            document(
                "L2Advertisement",
                "lan",
                "
  ipAddressPools: [blue]
  ipAddressPoolSelectors: [{matchLabels: {site: north}}, {matchLabels: {tier: a}}]
  nodeSelectors: [{matchLabels: {rack: '1'}}, {matchLabels: {zone: z}}]",
            ),
        ]
        .concat(),
    );
    let equal = &converted.l2_advertisements[0];
    let names: Vec<_> = equal
        .written
        .iter()
        .map(|it| it.metadata.name.clone().unwrap())
        .collect();
    assert_eq!(names, ["lan-1", "lan-3", "lan-4", "lan-5"]);
    let parts: Vec<_> = equal
        .written
        .iter()
        .map(|it| L2Rule::parse(it).unwrap())
        .collect();
    let whole = equal.meaning.as_ref().unwrap();
    for (name, pool) in [
        ("blue", BTreeMap::new()),
        ("x", labels("site", "north")),
        ("x", labels("tier", "a")),
        ("x", BTreeMap::new()),
    ] {
        for node in [
            labels("rack", "1"),
            labels("zone", "z"),
            labels("rack", "2"),
        ] {
            let says = |rule: &L2Rule| rule.pools.has(name, &pool) && rule.nodes.matches(&node);
            assert_eq!(
                parts.iter().any(says),
                says(whole),
                "{name} {pool:?} {node:?}"
            );
        }
    }
}

#[test]
fn weights_that_are_counted_more_than_once_are_told_of() {
    let converted = l2("
  nodeSelectors: [{matchLabels: {rack: '1'}}, {matchLabels: {zone: z}}]
  preferredNodeSelectors: [{weight: 50, preference: {matchLabels: {rack: '1'}}}]");
    let notes = said(&converted.notes, Scope::Writing);
    assert!(
        notes[0].starts_with("L2Advertisement lan: spec.preferredNodeSelectors: "),
        "{notes:?}"
    );
}

#[test]
fn faults_of_an_advertisement_have_the_names_of_its_own_fields() {
    let converted = l2("
  ipAddressPools: [Blue]
  ipAddressPoolSelectors: [{matchLabels: {a: '-'}}]
  interfaces: [a/b]
  preferredNodeSelectors: [{weight: 101, preference: {}}]");
    let faults = converted.l2_advertisements[0].meaning.clone().unwrap_err();
    let mut fields: Vec<_> = faults.into_iter().map(|it| it.field).collect();
    fields.sort();
    let expected = [
        "spec.interfaces[0]",
        "spec.ipAddressPoolSelectors[0].matchLabels",
        "spec.ipAddressPools[0]",
        "spec.preferredNodeSelectors[0].weight",
    ];
    assert_eq!(fields, expected);
}

fn bgp(spec: &str, others: &str) -> Converted {
    converted(&[document("BGPAdvertisement", "out", spec), others.to_owned()].concat())
}

fn bgp_rule(converted: &Converted) -> &BgpRule {
    converted.bgp_advertisements[0].meaning.as_ref().unwrap()
}

#[test]
fn communities_and_their_aliases_become_numbers() {
    let aliases = document(
        "Community",
        "names",
        "  communities: [{name: Blue_1, value: '65000:1'}, {name: big, value: 'large:1:2:3'}]",
    );
    let converted = bgp(
        "
  aggregationLength: 24
  aggregationLengthV6: 64
  localPref: 200
  communities: [Blue_1, big, '65000:7', '65000:1']
  peers: [tor]
  ipAddressPools: [blue]",
        &aliases,
    );
    assert!(converted.notes.is_empty());
    let rule = bgp_rule(&converted);
    let expected = [
        Community::Standard(65_000, 1),
        Community::Standard(65_000, 7),
        Community::Large(1, 2, 3),
    ];
    assert!(rule.communities.iter().eq(&expected));
    let written = &converted.bgp_advertisements[0].written[0];
    let expected = json!({
        "pools": ["blue"],
        "peers": ["tor"],
        "aggregationLength": 24,
        "aggregationLengthV6": 64,
        "localPref": 200,
        "asPathPrepend": 0,
        "communities": ["65000:1", "large:1:2:3", "65000:7"],
    });
    assert_eq!(serde_json::to_value(&written.spec).unwrap(), expected);
    assert_eq!(&BgpRule::parse(written).unwrap(), rule);
}

#[test]
fn what_is_not_said_is_as_in_metallb() {
    let converted = bgp("  localPref: 0", "");
    let rule = bgp_rule(&converted);
    assert_eq!(
        (rule.aggregation_length, rule.aggregation_length_v6),
        (32, 128)
    );
    assert_eq!(rule.local_pref, None);
    assert!(rule.peers.is_empty() && rule.pools.has("any", &BTreeMap::new()));
}

#[test]
fn an_alias_that_nobody_defines_or_two_do_is_told_of() {
    let converted = bgp("  communities: [Nobody]", "");
    let faults = converted.bgp_advertisements[0].meaning.clone().unwrap_err();
    assert_eq!(faults[0].field, "spec.communities[0]");
    let name = |object: &str, value: &str| {
        let spec = format!("  communities: [{{name: blue, value: '{value}'}}]");
        document("Community", object, &spec)
    };
    let both = [
        name("a", "65000:1"),
        name("b", "65000:2"),
        name("c", "65000"),
        name("d", "65000:1"),
    ];
    let converted = bgp("  communities: [blue]", &both.concat());
    assert!(
        bgp_rule(&converted)
            .communities
            .iter()
            .eq(&[Community::Standard(65_000, 1)])
    );
    assert_eq!(
        said(&converted.notes, Scope::Meaning),
        [
            "Community b: spec.communities[0]: the name blue stands for something else already; the first counts",
            "Community c: spec.communities[0]: '65000' is no community, such as 65000:100 or large:65000:1:2; the name stands for nothing",
        ]
    );
}

#[test]
fn an_aggregate_for_some_services_is_refused_as_there() {
    let converted = bgp(
        "  aggregationLength: 24\n  serviceSelectors: [{matchLabels: {a: b}}]",
        "",
    );
    let faults = converted.bgp_advertisements[0].meaning.clone().unwrap_err();
    assert_eq!(faults[0].field, "spec.serviceSelectors");
}

#[test]
fn alternatives_for_routes_become_several_advertisements() {
    let converted = bgp(
        "  serviceSelectors: [{matchLabels: {a: b}}, {matchLabels: {c: d}}]\n  localPref: 7",
        "",
    );
    let equal = &converted.bgp_advertisements[0];
    let selectors: Vec<Value> = equal
        .written
        .iter()
        .map(|it| serde_json::to_value(&it.spec.service_selector).unwrap())
        .collect();
    let expected = [
        json!({"matchLabels": {"a": "b"}}),
        json!({"matchLabels": {"c": "d"}}),
    ];
    assert_eq!(selectors, expected);
    assert!(equal.written.iter().all(|it| it.spec.local_pref == Some(7)));
}
