//! Clusters of two nodes, where nobody else is there to agree, and of five, where two fail at once.

use std::time::Duration;

use landfall_test_network::{is_possible_or_skip, now};
use serde_json::json;

use crate::failing::{Fault, fail_over};
use crate::families::{BOTH, Families};
use crate::world::{Shape, World, eventually};

const LATER: [&str; 2] = ["192.0.2.201", "fd00:192:0:2::1001"];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_the_other_takes_the_address_and_after_a_partition_one_has_it() {
    if !is_possible_or_skip("clusters of two nodes") {
        return;
    }
    let mut world = World::in_order(2).await;
    let families = Families::served(&world, "web", BOTH).await;
    for fault in [Fault::Cut, Fault::Mute, Fault::Kill] {
        fail_over(&mut world, &families, fault).await;
    }
    // The link of each works, by what it hears of its part: there are two for that long.
    let owner = families.owner(&world).await;
    let mac = world.lan.mac(&owner).to_string();
    let other = if owner == "node1" { "node2" } else { "node1" };
    let elsewhere = Families::watched(&world, BOTH, "router");
    elsewhere.until_answered();
    let start = families.until_answered();
    world.lan.part(&[other, "router"]);
    elsewhere.taken_from(&mac, now());
    families.lost_nothing(start, "on the owner's side");
    families.stayed_at(&world, &owner, start, "on the owner's side");
    world.lan.heal();
    world
        .until_status(&owner, "has none", |it| it["addressCount"] == 0)
        .await;
    world.until_all_know_each_other().await;
    families.pass(Duration::from_secs(1));
    let settled = families.until_answered();
    elsewhere.until_answered();
    families.pass(Duration::from_millis(500));
    families.stayed_at(&world, other, settled, "healed");
    elsewhere.stayed_at(&world, other, settled, "healed");
    assert_eq!(families.owner(&world).await, other);
    families.lost_nothing(settled, "healed");
}

/// What a host's speaker counts, by the name of the metric.
fn count(world: &World, host: &str, name: &str) -> u64 {
    let metrics = world.metrics(host);
    let start = format!("landfall_speaker_{name}{{}} ");
    let line = metrics.lines().find_map(|it| it.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_the_one_whose_own_link_fails_takes_nothing() {
    if !is_possible_or_skip("the only watcher's own link") {
        return;
    }
    let mut world = World::in_order(2).await;
    let families = Families::served(&world, "web", BOTH).await;
    let owner = families.owner(&world).await;
    assert_eq!(owner, "node1");
    let watcher = "node2";
    for fault in [Fault::Mute, Fault::Cut] {
        let start = families.until_answered();
        fault.begin(&mut world, watcher);
        // The owner's link works, so that it knows: the time of a verdict is over.
        eventually("the owner knows", async || {
            world.status(&owner).await["peersAlive"] == 0
        })
        .await;
        families.pass(Duration::from_secs(1));
        assert_eq!(world.status(watcher).await["addressCount"], 0, "{fault:?}");
        assert_eq!(world.status(watcher).await["peersAlive"], 1, "{fault:?}");
        fault.end(&mut world, watcher);
        world.until_all_know_each_other().await;
        families.pass(Duration::from_millis(500));
        families.stayed_at(&world, &owner, start, &format!("{fault:?}"));
        families.lost_nothing(start, &format!("{fault:?}"));
    }
    assert_eq!(families.owner(&world).await, owner);
    assert_eq!(count(&world, watcher, "claimed_total"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_nodes_two_fail_at_once_and_what_each_had_is_taken() {
    if !is_possible_or_skip("two failures at once") {
        return;
    }
    let shape = Shape {
        nodes: 5,
        config: "",
    };
    let mut world = World::without_speakers(shape).await;
    world.advertise_in_order(json!({})).await;
    for host in ["node2", "node3", "node4", "node5"] {
        world.start(host);
    }
    for host in ["node2", "node3", "node4", "node5"] {
        world.until_ready(host);
    }
    world.until_all_know_each_other().await;
    let second = Families::served(&world, "web", BOTH).await;
    let owner_of_second = second.owner(&world).await;
    world.start("node1");
    world.until_ready("node1");
    world.until_all_know_each_other().await;
    let first = Families::served(&world, "later", LATER).await;
    let owner_of_first = first.owner(&world).await;
    assert_ne!(owner_of_first, owner_of_second);
    second.until_answered();
    first.until_answered();
    // Who would be next for what the first has fails with it.
    world.lan.cut(&owner_of_first);
    world.lan.mute(&owner_of_second);
    let failed = now();
    let lost = [&owner_of_first, &owner_of_second].map(|it| world.lan.mac(it).to_string());
    let taken = [
        first.taken_from(&lost[0], failed),
        second.taken_from(&lost[1], failed),
    ];
    println!("two at once: taken after {taken:?} ms");
    let both = [first, second];
    let mut takers = Vec::new();
    for families in &both {
        families.pass(Duration::from_millis(500));
        let settled = families.until_answered();
        // Who is woken first claims, whoever is next in order.
        let macs = families.answered_by();
        assert!(macs.iter().all(|it| !lost.contains(it)), "{macs:?}");
        families.pass(Duration::from_millis(200));
        families.stayed_by_each(&macs, settled, "two are gone");
        takers.push(macs);
    }
    world.lan.join(&owner_of_first);
    world.lan.unmute(&owner_of_second);
    world.until_all_know_each_other().await;
    let back = now();
    for (families, macs) in both.iter().zip(&takers) {
        families.pass(Duration::from_secs(1));
        families.stayed_by_each(macs, back, "two are back");
        families.lost_nothing(back, "two are back");
        for (family, mac) in families.0.iter().zip(macs) {
            let owner = world.owner(family.address).await;
            assert_eq!(&world.lan.mac(&owner).to_string(), mac, "{owner}");
        }
    }
}
