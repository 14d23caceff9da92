//! From annotations to what is asked of the pools.

use std::net::IpAddr;

use landfall_bare_metal_allocator::Need;
use landfall_provider_api::{Error, Family, LoadBalancer, TrafficPolicy};

use super::wanted;
use crate::asking::need;

/// An IPv4 Service with these annotations.
fn asking(annotations: &[(&str, &str)]) -> LoadBalancer {
    let mut wanted = wanted(&[Family::IPv4]);
    let annotations = annotations.iter();
    wanted.annotations = annotations
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    wanted
}

fn asked(annotations: &[(&str, &str)]) -> Need {
    need(&asking(annotations)).unwrap()
}

fn refused(wanted: &LoadBalancer) -> (String, String) {
    match need(wanted) {
        Err(Error::Invalid { field, message }) => (field, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_annotation_comes_before_metallbs_and_its_new_name_before_its_old_one() {
    let old = ("metallb.universe.tf/address-pool", "old");
    let new = ("metallb.io/address-pool", "new");
    let ours = ("landfall.dev/address-pool", "ours");
    let pool = |annotations: &[(&str, &str)]| asked(annotations).ask.pool.unwrap();
    assert_eq!(&*pool(&[old]), "old");
    assert_eq!(&*pool(&[old, new]), "new");
    assert_eq!(&*pool(&[old, new, ours]), "ours");

    let old = ("metallb.universe.tf/allow-shared-ip", "old");
    let new = ("metallb.io/allow-shared-ip", "new");
    let ours = ("landfall.dev/sharing-key", "ours");
    let key = |annotations: &[(&str, &str)]| asked(annotations).sharing.unwrap().key;
    assert_eq!(&*key(&[old]), "old");
    assert_eq!(&*key(&[old, new]), "new");
    assert_eq!(&*key(&[old, new, ours]), "ours");
}

#[test]
fn an_address_of_the_spec_or_of_our_annotation_comes_before_metallbs() {
    let theirs = [("metallb.io/loadBalancerIPs", "192.0.2.2")];
    assert_eq!(
        asked(&theirs).ask.addresses,
        ["192.0.2.2".parse::<IpAddr>().unwrap()]
    );
    let mut both = asking(&theirs);
    both.requested_addresses = vec!["192.0.2.1".parse().unwrap()];
    let asked = need(&both).unwrap().ask.addresses;
    assert_eq!(asked, both.requested_addresses);
}

#[test]
fn an_address_of_a_family_that_the_service_lacks_is_refused_with_the_field() {
    let (field, message) = refused(&asking(&[("metallb.io/loadBalancerIPs", "2001:db8::1")]));
    assert_eq!(field, "metadata.annotations[metallb.io/loadBalancerIPs]");
    assert!(message.contains("2001:db8::1"), "{message}");
    let old = asking(&[("metallb.universe.tf/loadBalancerIPs", "2001:db8::1")]);
    let (field, _) = refused(&old);
    assert_eq!(
        field,
        "metadata.annotations[metallb.universe.tf/loadBalancerIPs]"
    );
}

#[test]
fn an_address_and_a_reservation_cannot_both_be_asked_for() {
    let mut wanted = asking(&[("landfall.dev/reservation", "front-door")]);
    assert!(need(&wanted).is_ok());
    wanted.requested_addresses = vec!["192.0.2.1".parse().unwrap()];
    let (field, _) = refused(&wanted);
    assert_eq!(field, "metadata.annotations[landfall.dev/reservation]");
}

#[test]
fn metallbs_pool_counts_beside_a_reservation_which_may_be_of_one_family_of_two() {
    let both = [
        ("landfall.dev/reservation", "front-door"),
        ("metallb.io/address-pool", "office"),
    ];
    let ask = asked(&both).ask;
    assert_eq!(ask.reservations, ["front-door"]);
    assert_eq!(ask.pool.as_deref(), Some("office"));
}

#[test]
fn who_shares_is_bound_to_its_nodes_only_if_its_traffic_stays_there() {
    let mut wanted = asking(&[("landfall.dev/sharing-key", "front")]);
    wanted.endpoint_nodes = ["node-a".to_owned()].into();
    let local = |wanted: &LoadBalancer| need(wanted).unwrap().sharing.unwrap().local;
    assert_eq!(local(&wanted), None);
    wanted.traffic_policy = TrafficPolicy::Local {
        health_check_node_port: None,
    };
    assert_eq!(local(&wanted), Some(wanted.endpoint_nodes.clone()));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let (field, message) = refused(&asking(&[
        ("landfall.dev/address-pool", "No Name"),
        ("landfall.dev/reservation", "Neither"),
    ]));
    assert_eq!(field, "metadata.annotations[landfall.dev/address-pool]");
    assert!(message.contains("landfall.dev/reservation"), "{message}");
}
