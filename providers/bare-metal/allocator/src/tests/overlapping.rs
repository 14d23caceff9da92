//! Pools that have addresses in common, and pools that make no sense.

use super::*;

#[test]
fn of_two_that_overlap_the_older_works_on() {
    let old = pool("old", &["10.0.0.1-10.0.0.9"]).created(1).priority(9);
    let new = pool("new", &["10.0.0.9-10.0.0.20"]).created(2).priority(1);
    for order in [[&old, &new], [&new, &old]] {
        let mut world = World::before_begin(&[]);
        for pool in order {
            world.pool(pool);
        }
        world.begin(&[]);
        let standing = world.standing("new");
        assert!(
            standing.starts_with("has 10.0.0.9-10.0.0.9 in common with old"),
            "{standing}"
        );
        assert_eq!(world.ensure(&service("web")), "10.0.0.1");
        assert_eq!(
            world.ensure(&service("asks").asking(&["10.0.0.15"])),
            "PoolConflicting"
        );
        world.remove_pool("old");
        assert_eq!(
            world.ensure(&service("asks").asking(&["10.0.0.15"])),
            "10.0.0.15"
        );
    }
}

#[test]
fn of_two_of_an_age_the_name_decides() {
    let world = World::with(&[pool("b", &["10.0.0.1"]), pool("a", &["10.0.0.1"])]);
    assert_eq!(world.standing("a"), "ready, 0 assigned, 1 available");
    assert_eq!(
        world.standing("b"),
        "has 10.0.0.1-10.0.0.1 in common with a, 0 assigned, 1 available"
    );
}

#[test]
fn whose_edit_makes_the_overlap_gives_nothing_new_and_loses_nothing() {
    let old = pool("old", &["10.0.0.1-10.0.0.9"]).created(1);
    let mut world = World::with(&[old.clone(), pool("new", &["10.0.1.1-10.0.1.9"]).created(2)]);
    assert_eq!(world.ensure(&service("web")), "10.0.1.1");
    assert_eq!(
        world.ensure(&service("db").asking(&["10.0.0.1"])),
        "10.0.0.1"
    );
    world.changed();
    world.pool(&pool("old", &["10.0.0.1-10.0.1.9"]).created(1));
    assert!(
        world
            .standing("old")
            .starts_with("has 10.0.1.1-10.0.1.9 in common with new")
    );
    assert_eq!(world.standing("new"), "ready, 1 assigned, 8 available");
    assert_eq!(world.changed(), [""; 0]);
    assert_eq!(
        world.ensure(&service("db").asking(&["10.0.0.1"])),
        "10.0.0.1"
    );
    assert_eq!(world.ensure(&service("next")), "10.0.1.2");
    // Waiting for what the conflict holds back ends with it.
    assert_eq!(
        world.ensure(&service("asks").asking(&["10.0.0.2"])),
        "PoolConflicting"
    );
    world.pool(&old);
    assert_eq!(world.standing("old"), "ready, 2 assigned, 7 available");
    assert_eq!(
        world.ensure(&service("asks").asking(&["10.0.0.2"])),
        "10.0.0.2"
    );
}

#[test]
fn a_restart_remembers_who_was_in_conflict() {
    let old = pool("old", &["10.0.0.1-10.0.1.9"])
        .created(1)
        .formerly_conflicting();
    let world = World::with(&[old, pool("new", &["10.0.1.1-10.0.1.9"]).created(2)]);
    assert!(
        world
            .standing("old")
            .starts_with("has 10.0.1.1-10.0.1.9 in common with new")
    );
}

#[test]
fn what_is_excluded_from_one_may_be_the_others() {
    let around = pool("around", &["10.0.0.1-10.0.0.3", "10.0.0.7-10.0.0.9"]);
    let world = World::with(&[around, pool("within", &["10.0.0.4-10.0.0.6"])]);
    assert_eq!(world.standing("around"), "ready, 0 assigned, 6 available");
    assert_eq!(world.standing("within"), "ready, 0 assigned, 3 available");
}

#[test]
fn a_pool_that_makes_no_sense_disables_itself_alone() {
    let mut world = World::with(&[
        pool("bad", &["10.0.0.1-10.0.0.9"]),
        pool("good", &["10.0.1.1-10.0.1.9"]),
    ]);
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    world.pool(&pool("bad", &[]).senseless());
    assert_eq!(world.ensure(&service("web")), "10.0.0.1");
    assert_eq!(world.ensure(&service("next")), "10.0.1.1");
    assert_eq!(world.ensure(&service("asks").of_pool("bad")), "PoolInvalid");
    world.pool(&pool("bad", &["10.0.0.1-10.0.0.9"]));
    assert_eq!(world.ensure(&service("asks").of_pool("bad")), "10.0.0.2");
}

#[test]
fn after_a_restart_a_pool_that_makes_no_sense_has_what_its_status_says() {
    let bad = pool("bad", &[])
        .senseless()
        .formerly("10.0.0.1", "10.0.0.9");
    let mut world = World::before_begin(&[bad]);
    world.begin(&[(&service("web"), &["10.0.0.1"])]);
    let answer = world.answer(&service("web"));
    assert_eq!(answer.addresses[0].pool.as_deref(), Some("bad"));
}
