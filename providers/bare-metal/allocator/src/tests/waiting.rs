//! Services that wait, and what ends it.

use super::*;

#[test]
fn the_oldest_is_served_first_and_one_address_serves_one() {
    let mut world = World::with(&[pool("a", &["10.0.0.1"])]);
    world.ensure(&service("holder"));
    let (young, old) = (service("young").created(2), service("old").created(1));
    assert_eq!(world.ensure(&young), "Exhausted");
    assert_eq!(world.ensure(&old), "Exhausted");
    world.changed();
    world.release(&service("holder"));
    assert_eq!(world.changed(), ["old"]);
    assert_eq!(world.ensure(&young), "Exhausted");
    assert_eq!(world.ensure(&old), "10.0.0.1");
}

#[test]
fn each_obstacle_has_an_end_that_is_noticed() {
    type Story = (
        &'static str,
        ServiceBuilder,
        &'static str,
        fn(&mut World),
        &'static str,
    );
    let stories: [Story; 8] = [
        (
            "a pool is added",
            service("web").asking(&["10.0.5.1"]),
            "AddressNotInPool",
            |world| world.pool(&pool("b", &["10.0.5.1"])),
            "10.0.5.1",
        ),
        (
            "the named pool is added",
            service("web").of_pool("b"),
            "PoolNotFound",
            |world| world.pool(&pool("b", &["10.0.5.1"])),
            "10.0.5.1",
        ),
        (
            "the named pool gets the family",
            service("web").of_pool("six"),
            "PoolLacksFamily",
            |world| world.pool(&pool("six", &["fd00::1", "10.0.5.1"])),
            "10.0.5.1",
        ),
        (
            "the pool is opened",
            service("web").of_pool("closed"),
            "PoolClosed",
            |world| world.pool(&pool("closed", &["10.0.6.1"])),
            "10.0.6.1",
        ),
        (
            "the pool grows",
            service("web").of_pool("full"),
            "Exhausted",
            |world| world.pool(&pool("full", &["10.0.7.1-10.0.7.2"])),
            "10.0.7.2",
        ),
        (
            "another pool is added",
            service("web"),
            "Exhausted",
            |world| world.pool(&pool("b", &["10.0.5.1"])),
            "10.0.5.1",
        ),
        (
            "the reservation is made",
            service("web").with_reservations(&["mine"]),
            "ReservationNotFound",
            |world| {
                world.pool(&pool("b", &["10.0.5.1"]));
                world.reserve("mine", Want::Address(ip("10.0.5.1")));
            },
            "10.0.5.1",
        ),
        (
            "the selector is changed",
            service("web").of_pool("picky"),
            "PoolNotForService",
            |world| world.pool(&pool("picky", &["10.0.8.1"])),
            "10.0.8.1",
        ),
    ];
    for (what, web, reason, end, told) in stories {
        let mut world = World::with(&[
            pool("six", &["fd00::1"]),
            pool("closed", &["10.0.6.1"]).allocation(Allocation::Closed),
            pool("full", &["10.0.7.1"]),
            pool("picky", &["10.0.8.1"]).for_services("x", "y"),
        ]);
        world.ensure(&service("holder"));
        assert_eq!(world.ensure(&web), reason, "{what}");
        world.changed();
        end(&mut world);
        assert_eq!(world.changed(), ["web"], "{what}");
        assert_eq!(world.ensure(&web), told, "{what}");
    }
}

#[test]
fn who_waits_no_more_is_given_nothing() {
    let mut world = World::with(&[pool("a", &["10.0.0.1"])]);
    world.ensure(&service("holder"));
    world.ensure(&service("web"));
    world.release(&service("web"));
    world.changed();
    world.release(&service("holder"));
    assert_eq!(world.changed(), [""; 0]);
    assert_eq!(world.ensure(&service("next")), "10.0.0.1");
}

#[test]
fn who_waits_for_something_else_now_is_told() {
    let mut world = World::with(&[pool("a", &["10.0.0.1"])]);
    world.ensure(&service("holder"));
    let web = service("web").asking(&["10.0.0.1"]);
    assert_eq!(world.ensure(&web), "AddressInUse");
    world.changed();
    world.pool(&pool("a", &["10.0.0.2"]));
    assert_eq!(world.changed(), ["holder", "web"]);
    assert_eq!(world.ensure(&web), "AddressNotInPool");
}

#[test]
fn a_pool_that_takes_nothing_back_any_more_ends_the_wait_for_another_address() {
    let mut world = World::with(&[pool("a", &["10.0.0.1"])]);
    world.ensure(&service("web"));
    world.pool(
        &pool("a", &["10.0.0.2"])
            .reclaiming()
            .allocation(Allocation::Closed),
    );
    assert_eq!(world.ensure(&service("web")), "10.0.0.1 NoPool");
    world.changed();
    world.pool(&pool("a", &["10.0.0.2"]).allocation(Allocation::Closed));
    assert_eq!(world.changed(), ["web"]);
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
}
