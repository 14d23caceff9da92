//! What a Service gets that asks for nothing in particular.

use super::*;
use FamilyPolicy::{PreferDualStack, RequireDualStack};

#[test]
fn the_lowest_free_address_of_the_first_pool_that_is_for_it() {
    let mut world = World::with(&[
        pool("b", &["10.0.1.1-10.0.1.9"]),
        pool("a", &["10.0.0.1-10.0.0.2"]),
        pool("cheap", &["10.0.9.1-10.0.9.1"]).priority(10),
        pool("asked", &["10.0.8.1-10.0.8.9"])
            .allocation(Allocation::OnRequest)
            .priority(1),
        pool("closed", &["10.0.7.1-10.0.7.9"])
            .allocation(Allocation::Closed)
            .priority(1),
    ]);
    let told: Vec<_> = ["1", "2", "3", "4"]
        .map(|it| world.ensure(&service(it)))
        .into();
    assert_eq!(told, ["10.0.9.1", "10.0.0.1", "10.0.0.2", "10.0.1.1"]);
    assert_eq!(world.ensure(&service("2")), "10.0.0.1", "asked again");
}

#[test]
fn selectors_let_in_and_leave_out() {
    let mut world = World::with(&[
        pool("team", &["10.0.0.1-10.0.0.9"])
            .for_namespaces("team", "a")
            .priority(1),
        pool("web", &["10.0.1.1-10.0.1.9"])
            .for_services("tier", "web")
            .priority(2),
        pool("all", &["10.0.2.1-10.0.2.9"]),
    ]);
    let plain = service("plain");
    let team = service("team").namespace("other", &[("team", "a")]);
    let web = service("web").labels(&[("tier", "web")]);
    assert_eq!(world.ensure(&plain), "10.0.2.1");
    assert_eq!(world.ensure(&team), "10.0.0.1");
    assert_eq!(world.ensure(&web), "10.0.1.1");
    // To name the pool does not help.
    let intruder = service("intruder").of_pool("team");
    assert_eq!(world.ensure(&intruder), "PoolNotForService");
    assert_eq!(
        world.words(&intruder),
        "AddressPool team is not for this Service: its namespaceSelector does not match"
    );
}

#[test]
fn without_a_pool_there_is_nothing() {
    let mut world = World::with(&[]);
    assert_eq!(world.ensure(&service("web")), "NoPool");
    let mut world = World::with(&[pool("six", &["fd00::1-fd00::9"])]);
    assert_eq!(world.ensure(&service("web")), "NoPool");
}

#[test]
fn two_families_may_come_from_two_pools() {
    let four = pool("four", &["10.0.0.1-10.0.0.9"]);
    let six = pool("six", &["fd00::1-fd00::9"]);
    for policy in [PreferDualStack, RequireDualStack] {
        let mut world = World::with(&[four.clone(), six.clone()]);
        assert_eq!(
            world.ensure(&service("web").dual(policy)),
            "10.0.0.1 fd00::1"
        );
    }
}

#[test]
fn one_who_prefers_two_families_takes_what_there_is_and_is_completed_later() {
    let mut world = World::with(&[pool("four", &["10.0.0.1-10.0.0.9"])]);
    let web = service("web").dual(PreferDualStack);
    assert_eq!(world.ensure(&web), "10.0.0.1 NoPool");
    world.changed();
    world.pool(&pool("six", &["fd00::1-fd00::9"]));
    assert_eq!(world.changed(), ["web"]);
    assert_eq!(world.ensure(&web), "10.0.0.1 fd00::1");
}

#[test]
fn one_who_requires_two_families_takes_both_or_neither() {
    let mut world = World::with(&[pool("four", &["10.0.0.1-10.0.0.1"])]);
    let web = service("web").dual(RequireDualStack);
    assert_eq!(world.ensure(&web), "NoPool");
    assert_eq!(
        world.ensure(&service("other")),
        "10.0.0.1",
        "nothing was taken"
    );
    world.pool(&pool("six", &["fd00::1-fd00::9"]));
    assert_eq!(world.ensure(&web), "Exhausted");
    world.release(&service("other"));
    assert_eq!(world.ensure(&web), "10.0.0.1 fd00::1");
}

#[test]
fn one_that_comes_to_require_two_families_keeps_the_one_it_has() {
    let mut world = World::with(&[pool("four", &["10.0.0.1-10.0.0.9"])]);
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    let both = service("web").dual(RequireDualStack);
    assert_eq!(world.ensure(&both), "10.0.0.1 NoPool");
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
}

#[test]
fn a_family_that_is_wanted_no_more_is_let_go() {
    let mut world = World::with(&[pool("both", &["10.0.0.1", "fd00::1"])]);
    assert_eq!(
        world.ensure(&service("web").dual(PreferDualStack)),
        "10.0.0.1 fd00::1"
    );
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    let six = service("six").set(|it| it.families = vec![Family::IPv6]);
    assert_eq!(world.ensure(&six), "fd00::1");
}
