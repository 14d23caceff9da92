//! Addresses that several Services have.

use super::*;

fn one_address() -> World {
    World::with(&[pool("a", &["10.0.0.1"]).sharing(PoolSharing::AnyNamespace)])
}

#[test]
fn services_with_the_same_key_and_different_ports_share() {
    let mut world = one_address();
    for (service, told) in [
        (service("first").sharing("k", &[80]), "10.0.0.1"),
        (service("second").sharing("k", &[443]), "10.0.0.1"),
        (service("same-port").sharing("k", &[80]), "Exhausted"),
        (service("other-key").sharing("j", &[22]), "Exhausted"),
        (service("no-key"), "Exhausted"),
        (
            service("other-namespace")
                .namespace("other", &[])
                .sharing("k", &[22]),
            "10.0.0.1",
        ),
    ] {
        assert_eq!(world.ensure(&service), told, "{}", service.need.uid);
    }
    let pool = world.standing("a");
    assert_eq!(
        pool, "ready, 1 assigned, 0 available",
        "one address, however many share it"
    );
}

#[test]
fn a_shared_address_is_preferred_to_a_free_one() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.ensure(&service("alone"));
    assert_eq!(world.ensure(&service("1").sharing("k", &[80])), "10.0.0.2");
    assert_eq!(world.ensure(&service("2").sharing("k", &[443])), "10.0.0.2");
    assert_eq!(world.ensure(&service("3").sharing("k", &[80])), "10.0.0.3");
}

#[test]
fn why_a_requested_address_is_not_shared_is_said() {
    for (sharing, second, reason, words) in [
        (
            PoolSharing::SameNamespace,
            service("b").sharing("k", &[80]),
            "PortInUse",
            "10.0.0.1 is in use by default/a, which has TCP port 80 there, too",
        ),
        (
            PoolSharing::SameNamespace,
            service("b").namespace("other", &[]).sharing("k", &[22]),
            "SharingForbidden",
            "10.0.0.1 is in use by default/a, and AddressPool p has sharing: SameNamespace",
        ),
        (
            PoolSharing::Never,
            service("b").sharing("k", &[22]),
            "SharingForbidden",
            "10.0.0.1 is in use by default/a, and AddressPool p has sharing: Never",
        ),
    ] {
        let mut world = World::with(&[pool("p", &["10.0.0.1"]).sharing(sharing)]);
        world.ensure(&service("a").sharing("k", &[80]));
        let second = second.asking(&["10.0.0.1"]);
        assert_eq!(world.ensure(&second), reason);
        assert_eq!(world.words(&second), words);
    }
}

#[test]
fn with_traffic_policy_local_there_must_be_a_node_with_an_endpoint_of_each() {
    let mut world = one_address();
    let local = |name, port, nodes| service(name).sharing("k", &[port]).local(nodes);
    assert_eq!(world.ensure(&local("a", 1, &["n1", "n2"])), "10.0.0.1");
    assert_eq!(world.ensure(&local("b", 2, &["n2", "n3"])), "10.0.0.1");
    // Each pair has one in common, but not all three.
    let third = local("c", 3, &["n1", "n3"]).asking(&["10.0.0.1"]);
    assert_eq!(world.ensure(&third), "NoCommonNode");
    assert_eq!(
        world.ensure(&local("d", 4, &[])),
        "10.0.0.1",
        "has no endpoint yet"
    );
    let cluster = service("e").sharing("k", &[5]);
    assert_eq!(world.ensure(&cluster), "10.0.0.1", "goes through any node");
}

#[test]
fn endpoints_that_move_apart_take_nothing_from_anybody_but_are_told() {
    let mut world = one_address();
    let local = |name, port, nodes| service(name).sharing("k", &[port]).local(nodes);
    world.ensure(&local("a", 1, &["n1"]));
    world.ensure(&local("b", 2, &["n1"]));
    world.changed();
    let answer = world.answer(&local("b", 2, &["n2"]));
    assert!(answer.addresses[0].lacks_common_node);
    assert_eq!(world.changed(), ["a"]);
    assert!(world.answer(&local("a", 1, &["n1"])).addresses[0].lacks_common_node);
    let again = world.answer(&local("b", 2, &["n1", "n2"]));
    assert!(!again.addresses[0].lacks_common_node);
}

#[test]
fn whoever_changes_so_that_he_may_share_no_more_moves() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.ensure(&service("a").sharing("k", &[80]));
    world.ensure(&service("b").sharing("k", &[443]));
    assert_eq!(world.ensure(&service("b").sharing("j", &[443])), "10.0.0.2");
    assert_eq!(world.ensure(&service("a").sharing("k", &[80])), "10.0.0.1");
    // Alone, anybody may change his key.
    assert_eq!(world.ensure(&service("a").sharing("l", &[80])), "10.0.0.1");
    assert_eq!(world.ensure(&service("c").sharing("k", &[22])), "10.0.0.3");
}

#[test]
fn a_pool_that_forbids_sharing_takes_nothing_from_those_who_share() {
    let mut world = one_address();
    world.ensure(&service("a").sharing("k", &[80]));
    world.ensure(&service("b").sharing("k", &[443]));
    world.pool(&pool("a", &["10.0.0.1"]).sharing(PoolSharing::Never));
    assert_eq!(world.ensure(&service("b").sharing("k", &[443])), "10.0.0.1");
    assert_eq!(world.ensure(&service("c").sharing("k", &[22])), "Exhausted");
}

#[test]
fn who_waits_for_a_port_or_a_key_is_served_when_it_comes() {
    let mut world = one_address();
    world.ensure(&service("a").sharing("k", &[80]));
    world.ensure(&service("b").sharing("k", &[443]));
    let same_port = service("c").sharing("k", &[80]);
    let other_key = service("d").sharing("j", &[22]);
    assert_eq!(world.ensure(&same_port), "Exhausted");
    assert_eq!(world.ensure(&other_key), "Exhausted");
    world.changed();
    world.ensure(&service("a").sharing("k", &[81]));
    assert_eq!(world.changed(), ["c"]);
    assert_eq!(world.ensure(&same_port), "10.0.0.1");
    for gone in [service("a"), service("b"), same_port] {
        world.release(&gone);
    }
    assert_eq!(world.ensure(&other_key), "10.0.0.1");
}
