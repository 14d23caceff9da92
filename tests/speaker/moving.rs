//! Addresses that move because somebody wants it, and such as must not move.

use std::time::Duration;

use landfall_test_network::{is_possible_or_skip, now};
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::families::{BOTH, Families};
use crate::world::{Shape, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_hands_its_addresses_over_and_nothing_is_lost() {
    if !is_possible_or_skip("draining of nodes") {
        return;
    }
    let world = World::in_order(3).await;
    let families = Families::served(&world, "web", BOTH).await;
    let mut owner = families.owner(&world).await;
    let taint = |key: &str| json!({"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
    let mut gone = taint("node.kubernetes.io/out-of-service");
    gone["spec"]["unschedulable"] = json!(true);
    let annotated = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
    let back = json!({
        "metadata": {"annotations": {"landfall.dev/drain": null}},
        "spec": {"taints": null, "unschedulable": null},
    });
    for patch in [taint("landfall.dev/drain"), annotated, gone] {
        let start = families.until_answered();
        world.patch_node(&owner, patch.clone()).await;
        world
            .until_status(&owner, "drains", |it| it["draining"] == true)
            .await;
        let next = families.owner_but(&world, &owner).await;
        world
            .until_status(&owner, "has none", |it| it["addressCount"] == 0)
            .await;
        families.pass(Duration::from_millis(200));
        families.lost_nothing(start, &patch.to_string());
        world.patch_node(&owner, back.clone()).await;
        world
            .until_status(&owner, "drains no more", |it| it["draining"] == false)
            .await;
        assert_eq!(families.owner(&world).await, next, "it stays where it is");
        owner = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_nowhere_to_go_stays_while_its_node_drains() {
    if !is_possible_or_skip("draining of the only node") {
        return;
    }
    let world = World::new(THREE).await;
    world
        .service("web", &["192.0.2.200"], "Local", &["node2"])
        .await;
    let address = address("192.0.2.200");
    assert_eq!(world.owner(address).await, "node2", "it alone has a pod");
    let annotated = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
    world.patch_node("node2", annotated).await;
    world
        .until_status("node2", "drains", |it| it["draining"] == true)
        .await;
    assert_eq!(world.owner(address).await, "node2");
    // A pod comes up elsewhere.
    world.set_pods("web", &["node2", "node3"]).await;
    world
        .until_status("node2", "has none", |it| it["addressCount"] == 0)
        .await;
    assert_eq!(world.owner(address).await, "node3");
    // Without any pod nobody announces.
    world.set_pods("web", &[]).await;
    world
        .until_status("node3", "has none", |it| it["addressCount"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_moves_nothing() {
    if !is_possible_or_skip("joining of nodes") {
        return;
    }
    let mut world = World::without_speakers(Shape {
        nodes: 5,
        config: "",
    })
    .await;
    for host in ["node1", "node2"] {
        world.start(host);
        world.until_ready(host);
    }
    world.until_all_know_each_other().await;
    let pairs = (201..211).map(|it| [format!("192.0.2.{it}"), format!("fd00:192:0:2::1{it}")]);
    let mut texts: Vec<_> = pairs.flatten().collect();
    for (number, pair) in texts.chunks(2).enumerate() {
        let name = format!("web-{number}");
        let pair = [pair[0].as_str(), pair[1].as_str()];
        world.service(&name, &pair, "Cluster", &["node1"]).await;
    }
    let families = Families::served(&world, "web", BOTH).await;
    texts.extend(BOTH.map(str::to_owned));
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let owners = world.owners(&texts).await;
    assert!(owners.contains(&"node1".to_owned()) && owners.contains(&"node2".to_owned()));
    let start = families.until_answered();
    for host in ["node3", "node4", "node5"] {
        world.start(host);
        world.until_ready(host);
    }
    world.until_all_know_each_other().await;
    families.pass(Duration::from_millis(500));
    families.lost_nothing(start, "others have joined");
    families.one_each(start);
    assert_eq!(world.owners(&texts).await, owners);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_partition_one_owner_remains_and_a_second_failure_is_like_the_first() {
    if !is_possible_or_skip("partitions") {
        return;
    }
    for nodes in [3, 5] {
        let world = World::in_order(nodes).await;
        let families = Families::served(&world, "web", BOTH).await;
        for turn in ["first", "second"] {
            let old = families.owner(&world).await;
            let mac = world.lan.mac(&old).to_string();
            families.until_answered();
            world.lan.part(&[&old]);
            let taken = families.taken_from(&mac, now());
            world.lan.heal();
            let healed = now();
            let new = families.owner_but(&world, &old).await;
            world
                .until_status(&old, "has none", |it| it["addressCount"] == 0)
                .await;
            world.until_all_know_each_other().await;
            families.pass(Duration::from_millis(1400));
            families.stayed_at(&world, &new, healed + 1_000_000, turn);
            println!("{nodes} nodes, {turn}: {taken:?} ms");
        }
    }
}
