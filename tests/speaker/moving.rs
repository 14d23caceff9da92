//! Addresses that move because somebody wants it, and such as must not move.

use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::failing::served;
use crate::world::{Shape, World};

const EVERY: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_hands_its_addresses_over_and_nothing_is_lost() {
    if !is_possible_or_skip("draining of nodes") {
        return;
    }
    let world = World::new(THREE).await;
    let mut owner = served(&world).await;
    let address = address("192.0.2.200");
    let ping = Probe::ping(&world.lan, "client", address, EVERY);
    let taint = |key: &str| json!({"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
    let mut gone = taint("node.kubernetes.io/out-of-service");
    gone["spec"]["unschedulable"] = json!(true);
    let annotated = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
    let back = json!({
        "metadata": {"annotations": {"landfall.dev/drain": null}},
        "spec": {"taints": null, "unschedulable": null},
    });
    for patch in [taint("landfall.dev/drain"), annotated, gone] {
        let start = now();
        ping.answer_after(start);
        world.patch_node(&owner, patch.clone()).await;
        world
            .until_status(&owner, "drains", |it| it["draining"] == true)
            .await;
        let next = world.owner_but(address, &owner).await;
        world
            .until_status(&owner, "has none", |it| it["addressCount"] == 0)
            .await;
        ping.pass(Duration::from_millis(200));
        assert_eq!(ping.lost(start, now() - 100_000), 0, "{patch}");
        world.patch_node(&owner, back.clone()).await;
        world
            .until_status(&owner, "drains no more", |it| it["draining"] == false)
            .await;
        assert_eq!(world.owner(address).await, next, "it stays where it is");
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
    let texts: Vec<_> = (200..220).map(|it| format!("192.0.2.{it}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let address = address("192.0.2.200");
    for host in world.lan.nodes().collect::<Vec<_>>() {
        world.lan.give(host, address);
    }
    for (number, text) in texts.iter().enumerate() {
        let name = format!("web-{number}");
        world.service(&name, &[text], "Cluster", &["node1"]).await;
    }
    let owners = world.owners(&texts).await;
    assert!(owners.contains(&"node1".to_owned()) && owners.contains(&"node2".to_owned()));
    let ping = Probe::ping(&world.lan, "client", address, EVERY);
    let asked = Probe::who_has(&world.lan, "router", address, EVERY);
    let start = now();
    ping.answer_after(start);
    for host in ["node3", "node4", "node5"] {
        world.start(host);
        world.until_ready(host);
    }
    world.until_all_know_each_other().await;
    ping.pass(Duration::from_millis(500));
    assert_eq!(ping.lost(start, now() - 100_000), 0);
    assert_eq!(asked.owners(start, now()).len(), 1);
    assert_eq!(world.owners(&texts).await, owners);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_partition_one_owner_remains_and_a_second_failure_is_like_the_first() {
    if !is_possible_or_skip("partitions") {
        return;
    }
    for nodes in [3, 5] {
        let world = World::new(Shape { nodes, config: "" }).await;
        served(&world).await;
        let address = address("192.0.2.200");
        let ping = Probe::ping(&world.lan, "client", address, EVERY);
        let asked = Probe::who_has(&world.lan, "client", address, EVERY);
        for turn in ["first", "second"] {
            let old = world.owner(address).await;
            let mac = world.lan.mac(&old).to_string();
            ping.answer_after(now());
            world.lan.part(&[&old]);
            let parted = now();
            let taken = taken_from(&asked, &mac, parted);
            ping.answer_after(taken);
            world.lan.heal();
            let healed = now();
            let new = world.owner_but(address, &old).await;
            world
                .until_status(&old, "has none", |it| it["addressCount"] == 0)
                .await;
            world.until_all_know_each_other().await;
            ping.pass(Duration::from_millis(500));
            let settled = healed + 1_000_000;
            asked.pass(Duration::from_millis(1200));
            let owners = asked.owners(settled, now());
            assert_eq!(owners.len(), 1, "{turn}: {owners:?}");
            assert_eq!(owners[0].by, world.lan.mac(&new).to_string());
            println!("{nodes} nodes, {turn}: {} ms", (taken - parted) / 1000);
        }
    }
}

/// When another than this one answers.
pub fn taken_from(asked: &Probe, mac: &str, since: u64) -> u64 {
    let mut since = since;
    loop {
        let answer = asked.answer_after(since);
        if answer.by != mac {
            return answer.at;
        }
        since = answer.at;
    }
}
