//! Addresses that stay.

use super::*;

const WIDE: &[&str] = &["10.0.0.1-10.0.0.9"];
const NARROW: &[&str] = &["10.0.0.3-10.0.0.9"];

/// A pool, and two Services that have 10.0.0.1 and 10.0.0.2.
fn two_served() -> World {
    let mut world = World::with(&[pool("a", WIDE)]);
    world.ensure(&service("web"));
    world.ensure(&service("db"));
    world.changed();
    world
}

#[test]
fn an_edit_that_still_has_the_addresses_concerns_nobody() {
    let mut world = two_served();
    for edit in [
        pool("a", &["10.0.0.0-10.0.0.255"]),
        pool("a", WIDE).allocation(Allocation::Closed),
        pool("a", WIDE).priority(1),
        pool("a", WIDE).for_services("x", "y"),
        pool("a", WIDE).senseless(),
    ] {
        world.pool(&edit);
        assert_eq!(world.changed(), [""; 0]);
        assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    }
}

#[test]
fn a_rename_a_split_and_a_merge_keep_every_address() {
    let mut world = two_served();
    world.remove_pool("a");
    world.pool(&pool("b", WIDE));
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    assert_eq!(world.standing("b"), "ready, 2 assigned, 7 available");
    world.pool(&pool("b", &["10.0.0.1"]));
    world.pool(&pool("c", &["10.0.0.2-10.0.0.9"]));
    for (name, address) in [("web", "10.0.0.1"), ("db", "10.0.0.2")] {
        let answer = world.answer(&service(name));
        assert_eq!(answer.addresses[0].address, ip(address));
        assert_eq!(answer.addresses[0].lost_by, None, "another pool has it");
    }
    assert_eq!(world.standing("c"), "ready, 1 assigned, 7 available");
    world.remove_pool("c");
    world.pool(&pool("b", WIDE));
    assert_eq!(world.standing("b"), "ready, 2 assigned, 7 available");
    // One who names the pool that had it keeps it in a split, too.
    let named = service("named").of_pool("b");
    assert_eq!(world.ensure(&named), "10.0.0.3");
    world.pool(&pool("b", &["10.0.0.4-10.0.0.9"]));
    world.pool(&pool("d", &["10.0.0.1-10.0.0.3"]));
    assert_eq!(world.ensure(&named), "10.0.0.3");
}

#[test]
fn an_address_that_its_pool_lost_is_kept_and_told_and_only_its_service_is_looked_at() {
    let mut world = two_served();
    world.pool(&pool("a", &["10.0.0.2-10.0.0.9"]));
    assert_eq!(world.changed(), ["web"]);
    let given = &world.answer(&service("web")).addresses[0];
    assert_eq!(
        (given.pool.clone(), given.lost_by.as_deref()),
        (None, Some("a"))
    );
    let lost = &world.allocator.pool("a").unwrap().lost;
    assert_eq!(lost.iter().copied().collect::<Vec<_>>(), [ip("10.0.0.1")]);
    // It has it again.
    world.pool(&pool("a", WIDE));
    assert_eq!(world.changed(), ["web"]);
    assert_eq!(world.answer(&service("web")).addresses[0].lost_by, None);
    assert!(world.allocator.pool("a").unwrap().lost.is_empty());
}

#[test]
fn a_lost_address_goes_when_its_service_asks_for_something_else_or_its_pool_takes_it_back() {
    let mut world = two_served();
    world.pool(&pool("a", NARROW));
    assert_eq!(
        world.ensure(&service("web").labels(&[("a", "b")])),
        "10.0.0.1"
    );
    let asking = service("web").asking(&["10.0.0.9"]);
    assert_eq!(world.ensure(&asking), "10.0.0.9");
    assert_eq!(world.ensure(&service("db")), "10.0.0.2");
    world.changed();
    world.pool(&pool("a", NARROW).reclaiming());
    assert_eq!(world.changed(), ["db"]);
    assert_eq!(world.ensure(&service("db")), "10.0.0.3");
}

#[test]
fn a_lost_address_that_is_taken_back_is_kept_until_there_is_another() {
    let mut world = two_served();
    world.pool(&pool("a", &["10.0.0.1"]).reclaiming());
    assert_eq!(world.ensure(&service("db")), "10.0.0.2 Exhausted");
    world.release(&service("web"));
    assert_eq!(world.ensure(&service("db")), "10.0.0.1");
}

#[test]
fn a_pool_that_is_gone_takes_nothing_with_it() {
    let mut world = two_served();
    world.remove_pool("a");
    assert_eq!(world.changed(), ["db", "web"]);
    let answer = world.answer(&service("web"));
    assert_eq!(
        (answer.addresses[0].pool.as_deref(), answer.refusals),
        (None, vec![])
    );
    assert_eq!(
        world.ensure(&service("web").labels(&[("a", "b")])),
        "10.0.0.1"
    );
}

#[test]
fn a_released_address_rests_before_somebody_else_gets_it() {
    let mut world = World::with(&[pool("a", &["10.0.0.1-10.0.0.2"]).reuse_after(60)]);
    world.ensure(&service("1"));
    world.release(&service("1"));
    assert_eq!(world.standing("a"), "ready, 0 assigned, 1 available");
    assert_eq!(world.ensure(&service("2")), "10.0.0.2");
    assert_eq!(world.ensure(&service("3")), "Exhausted");
    world.changed();
    world.later(59);
    assert_eq!(world.changed(), [""; 0]);
    world.later(1);
    assert_eq!(world.changed(), ["3"]);
    assert_eq!(world.ensure(&service("3")), "10.0.0.1");
    // Who asks for it by name knows what he does.
    world.release(&service("3"));
    assert_eq!(
        world.ensure(&service("4").asking(&["10.0.0.1"])),
        "10.0.0.1"
    );
}

#[test]
fn a_lost_address_goes_when_its_service_asks_for_anything_instead() {
    let mut world = World::with(&[pool("a", WIDE)]);
    assert_eq!(world.ensure(&service("web").of_pool("a")), "10.0.0.1");
    world.pool(&pool("a", NARROW));
    assert_eq!(world.ensure(&service("web").of_pool("a")), "10.0.0.1");
    assert_eq!(world.ensure(&service("web")), "10.0.0.3");
}

#[test]
fn an_address_that_was_asked_for_while_it_rested_is_nobody_elses_when_the_rest_would_end() {
    let mut world = World::with(&[pool("a", &["10.0.0.1"]).reuse_after(60)]);
    world.ensure(&service("1"));
    world.release(&service("1"));
    assert_eq!(
        world.ensure(&service("2").asking(&["10.0.0.1"])),
        "10.0.0.1"
    );
    world.later(61);
    assert_eq!(world.ensure(&service("3")), "Exhausted");
    assert_eq!(world.standing("a"), "ready, 1 assigned, 0 available");
}
