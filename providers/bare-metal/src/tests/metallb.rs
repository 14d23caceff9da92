//! MetalLB's objects beside ours.

use std::collections::BTreeSet;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use landfall_bare_metal_resources::kinds::AddressPool;
use landfall_provider_api::{Family, LoadBalancer, Outcome};
use serde_json::{Value, json};

use super::{begun, wanted};
use crate::state::State;
use landfall_bare_metal_resources::metallb::{KINDS, Kind};

fn kind(singular: &str) -> Kind {
    let mut kinds = KINDS.into_iter();
    kinds.find(|it| it.singular == singular).unwrap()
}

/// Takes in an object of MetalLB's.
fn put(state: &mut State, singular: &str, name: &str, labels: &Value, spec: &Value) {
    let kind = kind(singular);
    let object = json!({
        "apiVersion": format!("metallb.io/{}", kind.version), "kind": singular,
        "metadata": {"name": name, "labels": labels}, "spec": spec,
    });
    state.put_metallb(kind, name.into(), &object, Instant::now());
}

fn native(name: &str, range: &str) -> AddressPool {
    let pool = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": name}, "spec": {"addresses": [range]},
    });
    serde_json::from_value(pool).unwrap()
}

/// What is told of the announcing of an address that it is given.
fn announced(state: &mut State, wanted: &LoadBalancer) -> &'static str {
    let Ok(Outcome::Provisioned(assigned)) = state.ensure(wanted, Instant::now()) else {
        panic!("it is given an address");
    };
    let mut told = assigned.conditions.iter();
    let told = told.find(|it| it.type_ == "landfall.dev/Announced");
    told.unwrap().reason
}

#[test]
fn a_pod_that_has_ended_is_no_controller() {
    let mut state = begun();
    let labels = json!({"app": "metallb", "component": "controller"});
    for (phase, runs) in [("Running", true), ("Failed", false), ("Succeeded", false)] {
        let pod = json!({"metadata": {"name": "a", "labels": labels}, "status": {"phase": phase}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        state.put_metallb_pod(&pod, Instant::now());
        assert_eq!(state.metallb.is_running(), runs, "{phase}");
    }
}

#[test]
fn a_native_pool_stands_in_the_place_of_the_one_of_its_name() {
    let (mut state, now) = (begun(), Instant::now());
    let theirs = json!({"addresses": ["198.51.100.0/28"]});
    put(&mut state, "IPAddressPool", "a", &json!({}), &theirs);
    state.put_pool(native("a", "192.0.2.0/28"), now);
    let has = |state: &State, address: &str| {
        let pool = state.allocator.pool("a");
        pool.is_some_and(|it| it.has(address.parse().unwrap()))
    };
    // Whatever happens to MetalLB's.
    let more = json!({"addresses": ["198.51.100.0/27"]});
    put(&mut state, "IPAddressPool", "a", &json!({}), &more);
    assert!(has(&state, "192.0.2.1") && !has(&state, "198.51.100.1"));
    state.remove_metallb(kind("IPAddressPool"), "a", now);
    assert!(has(&state, "192.0.2.1"));
    put(&mut state, "IPAddressPool", "a", &json!({}), &more);
    state.remove_pool("a", now);
    assert!(has(&state, "198.51.100.1"));
    state.remove_metallb(kind("IPAddressPool"), "a", now);
    assert!(!has(&state, "198.51.100.1"));
}

#[test]
fn what_announces_a_pool_changes_with_its_labels_and_with_the_advertisement() {
    let (mut state, now) = (begun(), Instant::now());
    let pool = json!({"addresses": ["192.0.2.0/28"]});
    put(&mut state, "IPAddressPool", "a", &json!({}), &pool);
    let selected = json!({"ipAddressPoolSelectors": [{"matchLabels": {"net": "lan"}}]});
    put(&mut state, "L2Advertisement", "lan", &json!({}), &selected);
    let wanted = wanted(&[Family::IPv4]);
    assert_eq!(announced(&mut state, &wanted), "NoAdvertisement");

    state.allocator.take_changed();
    put(
        &mut state,
        "IPAddressPool",
        "a",
        &json!({"net": "lan"}),
        &pool,
    );
    let looked_at = |state: &mut State| -> BTreeSet<String> {
        let changed = state.allocator.take_changed();
        changed.services.iter().map(ToString::to_string).collect()
    };
    let all = [wanted.id.service_uid.clone()].into();
    assert_eq!(looked_at(&mut state), all);
    assert_eq!(announced(&mut state, &wanted), "NoEndpoints");

    state.allocator.take_changed();
    state.remove_metallb(kind("L2Advertisement"), "lan", now);
    assert_eq!(looked_at(&mut state), all);
    assert_eq!(announced(&mut state, &wanted), "NoAdvertisement");
}

#[test]
fn what_only_writing_it_anew_would_lose_is_not_told() {
    let mut state = begun();
    // Ours can say one of the two; read as it is, it means what it says.
    let either = json!([{"matchLabels": {"rack": "1"}}, {"matchLabels": {"zone": "b"}}]);
    let spec = json!({
        "myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "nodeSelectors": either,
    });
    put(&mut state, "BGPPeer", "router", &json!({}), &spec);
    assert_eq!(state.metallb.untold, []);
    put(
        &mut state,
        "L2Advertisement",
        "odd",
        &json!({}),
        &json!({"colour": 1}),
    );
    assert_eq!(state.metallb.untold.len(), 1);
}
