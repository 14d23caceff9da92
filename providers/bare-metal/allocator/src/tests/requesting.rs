//! Addresses and pools that are asked for.

use super::*;
use FamilyPolicy::{PreferDualStack, RequireDualStack};

fn two_pools() -> World {
    World::with(&[
        pool("a", &["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]),
        pool("b", &["10.0.1.1-10.0.1.9"]).allocation(Allocation::OnRequest),
        pool("c", &["10.0.2.1-10.0.2.9"]).allocation(Allocation::Closed),
    ])
}

#[test]
fn a_requested_address_is_given_exactly_or_not_at_all() {
    let mut world = two_pools();
    for (service, told) in [
        (service("1").asking(&["10.0.0.7"]), "10.0.0.7"),
        (service("2").asking(&["10.0.0.7"]), "AddressInUse"),
        (service("3").asking(&["10.0.1.7"]), "10.0.1.7"),
        (service("4").asking(&["10.0.2.7"]), "PoolClosed"),
        (service("5").asking(&["10.9.9.9"]), "AddressNotInPool"),
        (service("6").of_pool("b"), "10.0.1.1"),
        (service("7").of_pool("c"), "PoolClosed"),
        (service("8").of_pool("x"), "PoolNotFound"),
        (service("9").of_pool("b").asking(&["10.0.1.3"]), "10.0.1.3"),
        (
            service("10").of_pool("b").asking(&["10.0.0.3"]),
            "AddressInOtherPool",
        ),
    ] {
        assert_eq!(world.ensure(&service), told, "{}", service.need.uid);
    }
}

#[test]
fn a_refusal_names_what_is_in_the_way() {
    let mut world = two_pools();
    world.ensure(&service("first").asking(&["10.0.0.7"]));
    for (service, words) in [
        (
            service("2").asking(&["10.0.0.7"]),
            "10.0.0.7 is in use by default/first; to share it, give both the same annotation \
             landfall.dev/sharing-key",
        ),
        (
            service("10").of_pool("b").asking(&["10.0.0.3"]),
            "10.0.0.3 is in AddressPool a, not in b, which the Service names as well",
        ),
        (
            service("5").asking(&["10.9.9.9"]),
            "10.9.9.9 is in no AddressPool",
        ),
    ] {
        assert_eq!(world.words(&service), words);
    }
}

#[test]
fn two_addresses_may_be_asked_for_from_different_pools() {
    let mut world = World::with(&[
        pool("four", &["10.0.0.1-10.0.0.9"]),
        pool("six", &["fd00::1-fd00::9"]),
    ]);
    let both = |name| {
        service(name)
            .dual(RequireDualStack)
            .asking(&["10.0.0.5", "fd00::5"])
    };
    assert_eq!(world.ensure(&both("web")), "10.0.0.5 fd00::5");
    assert_eq!(world.ensure(&both("late")), "AddressInUse AddressInUse");
    // Where one is asked for, the other is any.
    let one = service("one").dual(PreferDualStack).asking(&["fd00::6"]);
    assert_eq!(world.ensure(&one), "10.0.0.1 fd00::6");
}

#[test]
fn one_who_asks_for_another_address_keeps_what_it_has_until_that_is_free() {
    let mut world = two_pools();
    let holder = service("holder").asking(&["10.0.0.7"]);
    world.ensure(&holder);
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    let asking = service("web").asking(&["10.0.0.7"]);
    assert_eq!(world.ensure(&asking), "10.0.0.1 AddressInUse");
    world.changed();
    world.release(&holder);
    assert_eq!(world.changed(), ["web"]);
    assert_eq!(world.ensure(&asking), "10.0.0.7");
    assert_eq!(
        world.ensure(&service("next")),
        "10.0.0.1",
        "the old one is free"
    );
}

#[test]
fn one_who_names_a_pool_is_moved_there() {
    let mut world = two_pools();
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    assert_eq!(world.ensure(&service("web").of_pool("b")), "10.0.1.1");
    // To ask for nothing any more is no reason to move.
    assert_eq!(world.ensure(&service("web")), "10.0.1.1");
}
