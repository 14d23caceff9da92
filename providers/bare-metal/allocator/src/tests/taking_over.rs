//! What is held when a process starts.

use super::*;

#[test]
fn what_is_held_is_kept_and_who_lacks_is_served_in_the_order_of_age() {
    let (web, db) = (service("web").created(3), service("db").created(2));
    let (old, young) = (service("old").created(1), service("young").created(4));
    let expected = ["10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.4"];
    let mut holdings: Vec<(&ServiceBuilder, &[&str])> = vec![
        (&web, &["10.0.0.1"]),
        (&db, &["10.0.0.3"]),
        (&young, &[]),
        (&old, &[]),
    ];
    for _ in 0..2 {
        let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
        world.begin(&holdings);
        // Whoever is asked for first, the answers are the same.
        let told = [&young, &old, &db, &web].map(|it| world.ensure(it));
        assert_eq!(
            [&told[3], &told[2], &told[1], &told[0]],
            expected.each_ref()
        );
        holdings.reverse();
    }
}

#[test]
fn of_two_who_hold_one_address_the_older_keeps_it_and_the_other_is_told() {
    let (old, young) = (service("old").created(1), service("young").created(2));
    let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.begin(&[(&young, &["10.0.0.1"]), (&old, &["10.0.0.1"])]);
    assert_eq!(world.ensure(&old), "10.0.0.1");
    assert_eq!(world.ensure(&young), "10.0.0.2");
    let evicted = world.answer(&young).evicted;
    assert_eq!(evicted, Some((ip("10.0.0.1"), in_default("old"))));
    let asking = service("asking").created(3).asking(&["10.0.0.1"]);
    let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.begin(&[(&asking, &["10.0.0.1"]), (&old, &["10.0.0.1"])]);
    assert_eq!(world.ensure(&asking), "AddressInUse");
}

#[test]
fn those_who_share_go_on_sharing() {
    let (a, b) = (
        service("a").sharing("k", &[80]),
        service("b").sharing("k", &[443]),
    );
    let senseless = service("c").senseless();
    let mut world = World::before_begin(&[pool("p", &["10.0.0.1"]).sharing(PoolSharing::Never)]);
    world.begin(&[
        (&a, &["10.0.0.1"]),
        (&b, &["10.0.0.1"]),
        (&senseless, &["10.0.0.1"]),
    ]);
    assert_eq!(world.ensure(&a), "10.0.0.1");
    assert_eq!(world.ensure(&b), "10.0.0.1");
    assert_eq!(world.ensure(&service("d").sharing("k", &[22])), "Exhausted");
}

#[test]
fn an_address_of_no_pool_is_kept_only_if_it_is_surely_from_here() {
    let (ours, theirs) = (service("ours"), service("theirs").not_ours());
    let moved = service("moved").not_ours();
    let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.begin(&[
        (&ours, &["192.0.2.1"]),
        (&theirs, &["198.51.100.1"]),
        (&moved, &["10.0.0.5"]),
    ]);
    assert_eq!(world.ensure(&ours), "192.0.2.1");
    assert_eq!(world.ensure(&theirs), "10.0.0.1");
    assert_eq!(
        world.ensure(&moved),
        "10.0.0.5",
        "as after a change from another program"
    );
}

#[test]
fn what_a_pool_lost_before_the_restart_or_during_it_is_still_known() {
    let a = pool("a", &["10.0.0.3-10.0.0.9"]).formerly("10.0.0.1", "10.0.0.9");
    for (a, told) in [(a.clone(), "10.0.0.1"), (a.reclaiming(), "10.0.0.3")] {
        let web = service("web");
        let mut world = World::before_begin(&[a]);
        world.begin(&[(&web, &["10.0.0.1"])]);
        assert_eq!(world.ensure(&web), told);
    }
}

#[test]
fn one_that_asked_for_something_else_meanwhile_is_given_it() {
    let web = service("web").asking(&["10.0.0.9"]);
    let mut world = World::before_begin(&[pool("a", &["10.0.0.1-10.0.0.9"])]);
    world.begin(&[(&web, &["10.0.0.1"])]);
    assert_eq!(world.ensure(&web), "10.0.0.9");
}

#[test]
fn one_that_names_another_pool_meanwhile_is_moved_there() {
    let web = service("web").of_pool("b");
    let pools = [pool("a", &["10.0.0.1"]), pool("b", &["10.0.1.1"])];
    let mut world = World::before_begin(&pools);
    world.begin(&[(&web, &["10.0.0.1"])]);
    assert_eq!(world.ensure(&web), "10.0.1.1");
}

#[test]
fn nobody_joins_one_whose_terms_are_not_known() {
    let senseless = service("senseless").senseless();
    let mut world = World::before_begin(&[pool("p", &["10.0.0.1"])]);
    world.begin(&[(&senseless, &["10.0.0.1"])]);
    let joins = service("joins").sharing("k", &[22]).asking(&["10.0.0.1"]);
    assert_eq!(world.ensure(&joins), "AddressInUse");
}
