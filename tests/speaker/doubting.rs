//! What others say on the network, and must not do harm.

use std::net::UdpSocket;
use std::time::Duration;

use landfall_bare_metal_l2::peers::{Body, Boot, Claim, Entry, Keys, Message, NodeId};
use landfall_test_network::{Probe, is_possible_or_skip, now};
use landfall_test_process::Process;
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::failing::served;
use crate::world::{KEY, World, eventually};

const EVERY: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_foreign_host_has_is_not_announced_before_it_is_free() {
    if !is_possible_or_skip("addresses of foreign hosts") {
        return;
    }
    let world = World::new(THREE).await;
    for (name, text) in [("web", "192.0.2.201"), ("web6", "fd00:192:0:2::1001")] {
        let address = address(text);
        let length = if address.is_ipv4() { 32 } else { 128 };
        // On the interface itself: IPv6 answers for no other.
        let place = format!("{address}/{length} dev eth0");
        let nodad = if address.is_ipv4() { "" } else { " nodad" };
        world
            .lan
            .ip("router", &format!("address add {place}{nodad}"));
        let asked = Probe::who_has(&world.lan, "client", address, EVERY);
        let foreign = world.lan.mac("router").to_string();
        world.service(name, &[text], "Cluster", &["node1"]).await;
        let mut by = String::new();
        eventually(&format!("{text} is contested"), async || {
            for host in world.speakers.keys() {
                let status = world.status(host).await;
                let held = status["addresses"].as_array().cloned().unwrap_or_default();
                let mut held = held.into_iter();
                if held.any(|it| {
                    it["address"] == text
                        && it["state"] == "Contested"
                        && it["contestedBy"] == json!(foreign)
                }) {
                    return true;
                }
            }
            false
        })
        .await;
        let start = now();
        asked.pass(Duration::from_millis(300));
        for answer in asked.owners(start, now()) {
            by.clone_from(&answer.by);
            assert_eq!(by, foreign, "{text}");
        }
        assert_eq!(by, foreign);
        world.lan.ip("router", &format!("address del {place}"));
        // Tried again every ten seconds.
        let owner = world.owner(address).await;
        let answer = asked.answer_after(now());
        assert_eq!(answer.by, world.lan.mac(&owner).to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_of_who_has_no_key_do_nothing_but_count() {
    if !is_possible_or_skip("forged messages between speakers") {
        return;
    }
    let world = World::new(THREE).await;
    let owner = served(&world).await;
    let address = address("192.0.2.200");
    let ping = Probe::ping(&world.lan, "client", address, EVERY);
    let start = now();
    ping.answer_after(start);
    // From the management network, as an attacker who reaches the port.
    let to = (world.lan.management_address(&owner), 7477);
    let socket = UdpSocket::bind((world.lan.gateway(), 0)).unwrap();
    let mut forged = b"LF\x01\x00".to_vec();
    forged.extend([7; 120]);
    for length in [0, 3, 40, 85, 124] {
        for _ in 0..20 {
            socket.send_to(&forged[..length], to).unwrap();
        }
    }
    eventually("they are counted", async || {
        let metrics = world.metrics(&owner);
        let dropped = metrics
            .lines()
            .filter(|it| it.starts_with("landfall_speaker_messages_dropped_total{"));
        let count = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
        dropped.filter_map(count).sum::<u64>() >= 100
    })
    .await;
    ping.pass(Duration::from_millis(300));
    assert_eq!(ping.lost(start, now() - 100_000), 0);
    assert_eq!(world.owner(address).await, owner);
    assert!(world.speakers[&owner].errors().contains("were dropped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_with_the_key_from_elsewhere_does_nothing_but_count() {
    if !is_possible_or_skip("forged claims of speakers") {
        return;
    }
    let world = World::new(THREE).await;
    let owner = served(&world).await;
    let address = address("192.0.2.200");
    let asked = Probe::who_has(&world.lan, "client", address, EVERY);
    let start = now();
    asked.answer_after(start);
    let keys = Keys::new(KEY.as_bytes(), None);
    let id = |host: &str| NodeId::of(&world.node(host));
    let socket = UdpSocket::bind((world.lan.gateway(), 0)).unwrap();
    let claim = Claim {
        epoch: u64::MAX,
        is_offered: false,
    };
    for from in world.speakers.keys() {
        for to in world.speakers.keys() {
            let of_all = vec![Entry::Claim(address, claim)];
            for body in [
                Body::Leaves,
                Body::Change {
                    before: 1,
                    entries: of_all,
                },
            ] {
                let message = Message {
                    from: id(from),
                    boot: Boot(7),
                    sequence: u64::MAX,
                    echo: Some(Boot(8)),
                    version: u64::MAX,
                    body,
                };
                let datagram = keys.seal(id(to), &message);
                let place = (world.lan.management_address(to), 7477);
                socket.send_to(&datagram, place).unwrap();
            }
        }
    }
    for host in world.speakers.keys() {
        eventually("it is counted", async || {
            let metrics = world.metrics(host);
            let of_source = r#"messages_dropped_total{reason="source address"} 4"#;
            let of_own = r#"messages_dropped_total{reason="of our own name"} 2"#;
            metrics.contains(of_source) && metrics.contains(of_own)
        })
        .await;
    }
    asked.pass(Duration::from_millis(300));
    assert_eq!(asked.owners(start, now()).len(), 1);
    assert_eq!(world.owner(address).await, owner);
    world.until_all_know_each_other().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_without_a_fail_over() {
    if !is_possible_or_skip("changes of the key") {
        return;
    }
    let world = World::new(THREE).await;
    let owner = served(&world).await;
    let address = address("192.0.2.200");
    let asked = Probe::who_has(&world.lan, "client", address, EVERY);
    let start = now();
    let (old, new) = (
        "a key that only this story has",
        "another key that is as long",
    );
    let first = world.status(&owner).await["keyId"].clone();
    for (turn, keys) in [
        vec![("key", old), ("next", new)],
        vec![("key", new), ("next", old)],
        vec![("key", new)],
    ]
    .into_iter()
    .enumerate()
    {
        world.set_keys(&keys).await;
        for host in world.speakers.keys() {
            eventually("the change is taken in", async || {
                let log = world.speakers[host].errors();
                log.matches("keys were read").count() >= turn + 2
            })
            .await;
        }
        asked.pass(Duration::from_secs(1));
    }
    assert_eq!(asked.owners(start, now()).len(), 1);
    assert_eq!(world.owner(address).await, owner);
    world
        .until_status(&owner, "signs with the other", |it| it["keyId"] != first)
        .await;
    for speaker in world.speakers.values() {
        assert!(
            !speaker.errors().contains("speaker is dead"),
            "{}",
            speaker.errors()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_speaker_of_one_node_is_told_so_and_ends() {
    if !is_possible_or_skip("two speakers of one node") {
        return;
    }
    let world = World::new(THREE).await;
    let owner = served(&world).await;
    let mut second = Process::start(&mut world.command(&owner, &world.node(&owner)));
    let ended = second.ended();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended
            .errors
            .contains("does another speaker run on this node?"),
        "{}",
        ended.errors
    );
    assert_eq!(world.owner(address("192.0.2.200")).await, owner);
    // And one on another machine, which says that it is this one.

    let mut third = Process::start(&mut world.command("router", &world.node(&owner)));
    let ended = third.ended();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.errors.contains("is --node-name right?"),
        "{}",
        ended.errors
    );
    assert_eq!(world.owner(address("192.0.2.200")).await, owner);
}
