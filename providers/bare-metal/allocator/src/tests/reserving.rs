//! AddressReservations.

use super::*;
use FamilyPolicy::PreferDualStack;

fn from_a() -> Want {
    Want::FromPool {
        pool: "a".into(),
        family: Family::IPv4,
    }
}

#[test]
fn a_reserved_address_is_only_for_who_names_it_and_outlives_him() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.2"]).reuse_after(60)]);
    world.reserve("mine", from_a());
    assert_eq!(world.reserved("mine"), "10.0.0.1");
    assert_eq!(world.ensure(&service("other")), "10.0.0.2");
    let thief = service("thief").asking(&["10.0.0.1"]);
    assert_eq!(world.ensure(&thief), "AddressReserved");
    let web = service("web").with_reservations(&["mine"]);
    assert_eq!(world.ensure(&web), "10.0.0.1");
    world.release(&web);
    assert_eq!(world.ensure(&thief), "AddressReserved");
    // No rest is needed: it is for the same purpose.
    assert_eq!(
        world.ensure(&service("web-2").with_reservations(&["mine"])),
        "10.0.0.1"
    );
}

#[test]
fn who_has_the_address_keeps_it_when_its_reservation_comes_or_goes() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.2"])]);
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    world.reserve("mine", Want::Address(ip("10.0.0.1")));
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    let named = service("web").with_reservations(&["mine"]);
    assert_eq!(world.ensure(&named), "10.0.0.1");
    world.unreserve("mine");
    assert_eq!(world.ensure(&named), "10.0.0.1 ReservationNotFound");
    world.release(&named);
    assert_eq!(world.ensure(&service("next")), "10.0.0.1");
}

#[test]
fn two_who_name_one_reservation_share_or_one_waits() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.2"])]);
    world.reserve("mine", from_a());
    let named = |name| service(name).with_reservations(&["mine"]);
    assert_eq!(world.ensure(&named("1").sharing("k", &[80])), "10.0.0.1");
    assert_eq!(world.ensure(&named("2").sharing("k", &[443])), "10.0.0.1");
    assert_eq!(world.ensure(&named("3").sharing("k", &[80])), "PortInUse");
}

#[test]
fn a_dual_stack_service_may_name_one_or_two() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"])]);
    world.reserve("four", Want::Address(ip("10.0.0.4")));
    world.reserve("six", Want::Address(ip("fd00::6")));
    let dual = |name, reservations| {
        service(name)
            .dual(PreferDualStack)
            .with_reservations(reservations)
    };
    assert_eq!(
        world.ensure(&dual("both", &["four", "six"])),
        "10.0.0.4 fd00::6"
    );
    world.release(&dual("both", &[]));
    assert_eq!(world.ensure(&dual("one", &["four"])), "10.0.0.4 fd00::1");
    let single = service("single").with_reservations(&["six"]);
    assert_eq!(world.ensure(&single), "ReservationLacksFamily");
}

#[test]
fn why_a_reservation_keeps_nothing_and_that_it_does_once_it_can() {
    let mut world = World::with(&[
        pool("a", &["10.0.0.1"]),
        pool("closed", &["10.0.1.1"]).allocation(Allocation::Closed),
        pool("picky", &["10.0.2.1"]).for_namespaces("team", "a"),
    ]);
    world.ensure(&service("holder"));
    for (name, want, reason) in [
        ("1", from_a(), "Exhausted"),
        ("2", Want::Address(ip("10.9.9.9")), "AddressNotInPool"),
        ("3", Want::Address(ip("10.0.1.1")), "PoolGivesNothing"),
        ("4", Want::Address(ip("10.0.2.1")), "PoolNotForNamespace"),
    ] {
        world.reserve(name, want);
        assert_eq!(world.reserved(name), reason);
    }
    let web = service("web").with_reservations(&["1"]);
    assert_eq!(world.ensure(&web), "ReservationNotReady");
    world.release(&service("holder"));
    assert_eq!(world.reserved("1"), "10.0.0.1");
    assert_eq!(world.ensure(&web), "10.0.0.1");
    world.pool(&pool("b", &["10.9.9.9"]));
    assert_eq!(world.reserved("2"), "10.9.9.9");
}

#[test]
fn a_restart_keeps_every_reservation() {
    let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.reserve_with("told", from_a(), Some("10.0.0.5"));
    world.reserve("untold", from_a());
    let user = service("user").with_reservations(&["untold"]);
    world.begin(&[(&user, &["10.0.0.7"]), (&service("web"), &[])]);
    assert_eq!(world.reserved("told"), "10.0.0.5");
    assert_eq!(
        world.reserved("untold"),
        "10.0.0.7",
        "its user has it already"
    );
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
}

#[test]
fn a_reserved_address_is_not_shared_with_one_who_does_not_name_it() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.2"])]);
    world.reserve("mine", from_a());
    let named = service("named").with_reservations(&["mine"]);
    assert_eq!(world.ensure(&named.sharing("k", &[80])), "10.0.0.1");
    assert_eq!(
        world.ensure(&service("other").sharing("k", &[443])),
        "10.0.0.2"
    );
}
