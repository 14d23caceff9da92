//! From objects to what is wanted of addresses.

#![expect(
    clippy::needless_pass_by_value,
    reason = "objects are written where they are used"
)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use landfall_bare_metal_l2::Pace;
use landfall_bare_metal_l2::peers::NodeId;
use landfall_bare_metal_resources::kinds::{AddressPool, L2Advertisement};
use landfall_bare_metal_resources::{L2Rule, Pool as Judged};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::node::Node;
use super::service::{Key, Pods, Service};
use super::view::{Pool, View};
use crate::election::Wanted;

mod ending;
mod following;
mod key;
mod metallb;
mod passwords;
mod status;
mod world;

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn key(name: &str) -> Key {
    ("default".to_owned(), name.to_owned())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn service(name: &str, ip: &str, policy: &str) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": name, "labels": {"app": name}},
        "spec": {"type": "LoadBalancer", "externalTrafficPolicy": policy},
        "status": {
            "conditions": [{"type": "landfall.dev/Announced", "status": "False", "reason": "NoSpeaker",
                "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "loadBalancer": {"ingress": [{"ip": ip}]},
        },
    })
}

fn put(view: &mut View, name: &str, value: Value) {
    view.service(&key(name), Service::read(&object::<v1::Service>(value)));
}

/// A slice of a Service's, of pods on these nodes, each ready, ending or out.
fn slice(view: &mut View, name: &str, pods: &[(&str, &str)]) {
    let endpoints = pods.iter().map(|(node, state)| {
        let (ready, serving) = match *state {
            "ready" => (true, true),
            "ending" => (false, true),
            _ => (false, false),
        };
        let conditions = json!({"ready": ready, "serving": serving, "terminating": !ready});
        json!({"addresses": ["10.0.0.1"], "nodeName": node, "conditions": conditions})
    });
    let endpoints: Vec<_> = endpoints.collect();
    let value = json!({"metadata": {"name": format!("{name}-1")}, "addressType": "IPv4", "endpoints": endpoints});
    let pods = Pods::from(&object::<EndpointSlice>(value));
    view.slice(&key(name), &format!("{name}-1"), Some(pods));
}

fn advertise(view: &mut View, name: &str, spec: Value) {
    let value = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement",
        "metadata": {"name": name}, "spec": spec});
    let rule = L2Rule::parse(&object::<L2Advertisement>(value)).unwrap();
    view.advertisement(name, Some(rule));
}

fn node(view: &mut View, name: &str, labels: Value) {
    let value = json!({"metadata": {"name": name, "labels": labels}});
    view.node(name, Some(Node::from(&object::<v1::Node>(value))));
}

/// Three nodes, a pool, an advertisement for all, and a Service with pods on two of the nodes.
fn view() -> View {
    let mut view = View::default();
    for name in ["a", "b", "c"] {
        node(&mut view, name, json!({"zone": name}));
    }
    let pool = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "main"}, "spec": {"addresses": ["192.0.2.200-192.0.2.239"]}});
    let pool = object::<AddressPool>(pool);
    let pool = Pool {
        labels: [("tier".to_owned(), "gold".to_owned())].into(),
        addresses: Judged::parse(&pool).unwrap().usable,
    };
    view.pool("main", Some(pool));
    advertise(&mut view, "all", json!({}));
    put(&mut view, "web", service("web", "192.0.2.200", "Cluster"));
    slice(&mut view, "web", &[("a", "ready"), ("b", "ready")]);
    view
}

fn ids(names: &[&str]) -> BTreeSet<NodeId> {
    names.iter().map(|it| NodeId::of(it)).collect()
}

/// What has changed of one address; it must be the only one.
fn change(view: &mut View) -> Option<Arc<Wanted>> {
    let mut changes = view.changes().wanted;
    assert_eq!(changes.len(), 1, "{changes:?}");
    changes.remove(0).1
}

fn nodes(wanted: &Wanted) -> BTreeSet<NodeId> {
    wanted
        .rules
        .iter()
        .flat_map(|it| it.nodes.keys().copied())
        .collect()
}

#[test]
fn an_address_of_a_pool_that_is_advertised_is_wanted_of_the_nodes_that_are_selected() {
    let mut view = view();
    let wanted = change(&mut view).unwrap();
    assert_eq!(nodes(&wanted), ids(&["a", "b", "c"]));
    assert_eq!(wanted.local, None, "any node passes traffic on");
    let selector = json!({"matchLabels": {"zone": "b"}});
    advertise(&mut view, "all", json!({"nodeSelector": selector}));
    assert_eq!(nodes(&change(&mut view).unwrap()), ids(&["b"]));
    node(&mut view, "d", json!({"zone": "b"}));
    assert_eq!(nodes(&change(&mut view).unwrap()), ids(&["b", "d"]));
    view.node("b", None);
    assert_eq!(nodes(&change(&mut view).unwrap()), ids(&["d"]));
}

#[test]
fn what_changes_nothing_is_no_change() {
    let mut view = view();
    view.changes();
    put(&mut view, "web", service("web", "192.0.2.200", "Cluster"));
    slice(&mut view, "web", &[("b", "ready"), ("c", "ready")]);
    node(&mut view, "a", json!({"zone": "a", "more": ""}));
    advertise(&mut view, "all", json!({}));
    put(
        &mut view,
        "other",
        json!({"metadata": {}, "spec": {"type": "ClusterIP"}, "status": {}}),
    );
    assert_eq!(view.changes().wanted, []);
}

#[test]
fn what_is_not_ours_or_is_going_or_has_nothing_is_not_wanted() {
    let mut foreign = service("web", "192.0.2.200", "Cluster");
    foreign["status"]["conditions"] = json!([]);
    let mut going = service("web", "192.0.2.200", "Cluster");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut other_type = service("web", "192.0.2.200", "Cluster");
    other_type["spec"]["type"] = json!("NodePort");
    let mut empty = service("web", "192.0.2.200", "Cluster");
    empty["status"]["loadBalancer"] = json!({});
    let outside = service("web", "203.0.113.1", "Cluster");
    for value in [foreign, going, other_type, empty, outside] {
        let mut view = view();
        view.changes();
        put(&mut view, "web", value.clone());
        assert_eq!(
            view.changes().wanted,
            [(address("192.0.2.200"), None)],
            "{value}"
        );
    }
    let mut view = view();
    view.changes();
    view.advertisement("all", None);
    assert_eq!(view.changes().wanted, [(address("192.0.2.200"), None)]);
}

#[test]
fn advertisements_select_by_pool_and_by_service_and_add_to_each_other() {
    let mut view = view();
    view.changes();
    let of_service = json!({"matchLabels": {"app": "other"}});
    advertise(&mut view, "all", json!({"serviceSelector": of_service}));
    assert_eq!(change(&mut view), None);
    advertise(&mut view, "all", json!({"pools": ["spare"]}));
    assert_eq!(view.changes().wanted, []);
    let selector = json!({"matchLabels": {"tier": "gold"}});
    advertise(&mut view, "all", json!({"poolSelector": selector}));
    assert_eq!(change(&mut view).unwrap().rules.len(), 1);
    advertise(&mut view, "more", json!({"interfaces": ["eth*"]}));
    assert_eq!(change(&mut view).unwrap().rules.len(), 2);
}

#[test]
fn what_an_advertisement_says_of_nodes_interfaces_and_care_is_carried_over() {
    let mut view = view();
    let usual = change(&mut view).unwrap().rules[0].clone();
    assert!(!usual.is_off_subnet && usual.pace == Pace::Fast && usual.interfaces.is_empty());
    let of = |zone: &str, weight: u32| json!({"weight": weight, "selector": {"matchLabels": {"zone": zone}}});
    let all = json!({"weight": 1, "selector": {}});
    advertise(
        &mut view,
        "all",
        json!({
            "preferredNodes": [of("b", 5), of("c", 7), all],
            "interfaces": ["eth1"], "offSubnet": "Allow", "probe": "Strict",
        }),
    );
    let rule = change(&mut view).unwrap().rules[0].clone();
    let weights = [("a", 1), ("b", 6), ("c", 8)];
    let weights = weights.map(|(name, weight)| (NodeId::of(name), weight));
    assert_eq!(rule.nodes, weights.into(), "all that match add up");
    assert!(rule.is_off_subnet && rule.pace == Pace::Strict);
    let is_meant = |name: &str| rule.interfaces.iter().any(|it| it.matches(name));
    assert!(is_meant("eth1") && !is_meant("eth0"));
}

#[test]
fn what_a_slice_leaves_out_is_as_kubernetes_has_it() {
    let pods = |endpoint: Value| {
        let slice = json!({"metadata": {}, "addressType": "IPv4", "endpoints": [endpoint]});
        let pods = Pods::from(&object::<EndpointSlice>(slice));
        (pods.ready.len(), pods.ending.len(), pods.is_elsewhere)
    };
    let on_a = |conditions: Value| json!({"addresses": ["10.0.0.1"], "nodeName": "a", "conditions": conditions});
    assert_eq!(pods(on_a(json!({}))), (1, 0, false), "ready");
    assert_eq!(
        pods(on_a(json!({"ready": false}))),
        (0, 0, false),
        "nor serving"
    );
    assert_eq!(
        pods(on_a(json!({"ready": false, "serving": true}))),
        (0, 1, false)
    );
    let nowhere = |ready: bool| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}});
    assert_eq!(pods(nowhere(true)), (0, 0, true));
    assert_eq!(pods(nowhere(false)), (0, 0, false));
}

#[test]
fn a_pod_that_is_on_no_node_is_served_by_any_and_by_none_alone() {
    let mut view = view();
    let elsewhere = || {
        let endpoint = json!({"addresses": ["203.0.113.9"], "conditions": {"ready": true}});
        let ending = json!({"addresses": ["10.0.0.1"], "nodeName": "a",
            "conditions": {"ready": false, "serving": true}});
        let slice = json!({"metadata": {}, "addressType": "IPv4", "endpoints": [endpoint, ending]});
        Some(Pods::from(&object::<EndpointSlice>(slice)))
    };
    view.slice(&key("web"), "web-1", elsewhere());
    assert_eq!(
        change(&mut view).unwrap().local,
        None,
        "any node passes it on"
    );
    put(&mut view, "web", service("web", "192.0.2.200", "Local"));
    let local = change(&mut view).unwrap().local.clone().unwrap();
    assert!(
        local.is_empty(),
        "a pod is ready, and on no node; who ends is not asked"
    );
}

#[test]
fn where_only_nodes_with_pods_take_traffic_they_alone_announce() {
    let mut view = view();
    put(&mut view, "web", service("web", "192.0.2.200", "Local"));
    let local = |view: &mut View| change(view).unwrap().local.clone().unwrap();
    assert_eq!(*local(&mut view), ids(&["a", "b"]));
    slice(
        &mut view,
        "web",
        &[("a", "ending"), ("b", "ready"), ("c", "out")],
    );
    assert_eq!(*local(&mut view), ids(&["b"]));
    slice(&mut view, "web", &[("a", "ending"), ("b", "out")]);
    assert_eq!(
        *local(&mut view),
        ids(&["a"]),
        "who ends serves where nobody is ready"
    );
}

#[test]
fn without_a_pod_that_serves_nobody_announces() {
    for policy in ["Cluster", "Local"] {
        let mut view = view();
        put(&mut view, "web", service("web", "192.0.2.200", policy));
        view.changes();
        slice(&mut view, "web", &[("a", "out")]);
        let nobody = change(&mut view).unwrap().local.clone().unwrap();
        assert!(nobody.is_empty(), "{policy}");
        view.slice(&key("web"), "web-1", None);
        assert_eq!(view.changes().wanted, []);
    }
}

#[test]
fn who_shares_an_address_goes_where_all_have_pods() {
    let mut view = view();
    put(&mut view, "web", service("web", "192.0.2.200", "Local"));
    put(&mut view, "dns", service("dns", "192.0.2.200", "Local"));
    let local = |view: &mut View| change(view).unwrap().local.clone().unwrap();
    assert_eq!(
        *local(&mut view),
        ids(&["a", "b"]),
        "one has no pods, and is not asked"
    );
    slice(&mut view, "dns", &[("b", "ready"), ("c", "ready")]);
    assert_eq!(*local(&mut view), ids(&["b"]));
    slice(&mut view, "dns", &[("c", "ready")]);
    assert_eq!(*local(&mut view), ids(&["a", "b", "c"]), "none in common");
    view.service(&key("web"), None);
    assert_eq!(*local(&mut view), ids(&["c"]));
}
