//! Turns that an announcement takes: what was begun and is no more true, and what is counted.

use super::announcing::{ETH0, ETH1, FAST, World, claim, question};
use super::{FOREIGN, V4, V6};
use crate::network::Start;

#[test]
fn nobody_can_answer_where_an_interface_is_gone_so_nothing_is_announced() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    world.until(10);
    world.announcer.interface_gone(ETH0, world.now);
    assert_eq!(world.until(5000), [""; 0]);
}

#[test]
fn what_was_asked_where_it_is_not_to_be_any_more_does_not_count_elsewhere() {
    let mut world = World::new();
    world.interface(ETH1, false);
    world.announce(V4, &[ETH0, ETH1], FAST);
    assert_eq!(world.until(10), ["0 probe on 2"], "the other one is down");
    world.announce(V4, &[ETH1], FAST);
    world.until(1000);
    world.interface(ETH1, true);
    let expected = [
        "1000 probe on 3",
        "1020 announced",
        "1020 announcement on 3",
    ];
    assert_eq!(world.until(1020), expected);
}

#[test]
fn what_changes_nothing_of_an_interface_is_not_told() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    world.until(10_000);
    world.interface(ETH0, true);
    assert_eq!(world.until(10_000), [""; 0]);
}

#[test]
fn who_is_told_anew_is_told_where_an_interface_is_up() {
    let mut world = World::new();
    world.interface(ETH1, true);
    world.announce(V4, &[ETH0, ETH1], FAST);
    world.until(10_000);
    world.interface(ETH1, false);
    world.announcer.reassert(V4, world.now);
    assert_eq!(world.until(10_000), ["10000 announcement on 2"]);
}

#[test]
fn what_another_host_answered_does_not_keep_one_that_is_taken_over_from_being_announced() {
    for address in [V4, V6] {
        let mut world = World::new();
        world.announce(address, &[ETH0], FAST);
        world.until(10);
        world.hear(&claim(address, FOREIGN));
        world.until(100);
        world.announce(address, &[ETH0], Start::AtOnce);
        let said = world.until(100);
        assert_eq!(said[..2], ["100 announced", "100 announcement on 2"]);
    }
}

#[test]
fn another_host_that_speaks_again_and_again_does_not_put_off_the_next_try() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    for at in [10, 4000, 8000] {
        world.until(at);
        world.hear(&claim(V4, FOREIGN));
    }
    let said = world.until(10_010);
    assert_eq!(said.last().unwrap(), "10010 probe on 2", "{said:?}");
}

#[test]
fn an_address_that_was_put_off_and_is_withdrawn_is_due_no_more() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    world.until(60_000);
    world.announcer.reassert(V4, world.now);
    world.announcer.withdraw(V4);
    assert_eq!(world.announcer.next(), None);
}

#[test]
fn what_is_sent_unasked_and_what_is_not_answered_is_counted() {
    let mut world = World::new();
    world.announce(V4, &[ETH0], FAST);
    let said = world.until(10_000);
    let announcements = said.iter().filter(|it| it.contains("announcement")).count();
    let counters = |world: &World| world.announcer.counters.clone();
    assert_eq!(counters(&world).gratuitous, announcements as u64);
    // More than any neighbour has a use for within a second.
    for _ in 0..2000 {
        world.hear(&question(V4));
    }
    let answers = world.say().len() as u64;
    assert_eq!(counters(&world).answered, answers);
    assert!(answers > 0 && answers < 2000, "{answers}");
    assert_eq!(counters(&world).limited, 2000 - answers);
}
