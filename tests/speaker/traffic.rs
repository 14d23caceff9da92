//! Real traffic: from a client to an address, the node that has it, its kube-proxy, and a pod; while
//! things fail.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::witness::Witness;
use crate::world::{World, eventually};

const EVERY: Duration = Duration::from_millis(10);

/// Beginnings of connections, at the client.
const BEGINNINGS: &str = "tcp port 80 and tcp[tcpflags] & tcp-syn != 0";

/// How many connections a client has begun that nobody took, by its ports.
fn not_taken(world: &World, witness: &Witness, address: &str) -> usize {
    let client = world.lan.addresses("client").0;
    let mac = world.lan.mac("client").to_string();
    let port = |text: &str, before: &str| {
        let (_, port) = text.split_once(before)?;
        let port = port.split(|it: char| !it.is_ascii_digit()).next()?;
        Some(port.to_owned())
    };
    let begun = witness.seen(&mac, &["Flags [S],", &format!("> {address}.80:")]);
    let begun = begun
        .iter()
        .filter_map(|it| port(&it.text, &format!("{client}.")));
    let begun: HashSet<_> = begun.collect();
    let taken = witness.seen("", &["Flags [S.],", &format!("{address}.80 > ")]);
    let taken = taken
        .iter()
        .filter_map(|it| port(&it.text, &format!("> {client}.")));
    let taken: HashSet<_> = taken.collect();
    assert!(!taken.is_empty(), "connections are seen");
    begun.difference(&taken).count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real control plane with kube-proxy"]
async fn connections_to_pods_come_through_whatever_fails() {
    if !is_possible_or_skip("traffic through kube-proxy") {
        return;
    }
    let mut world = World::new(THREE).await;
    let _traffic = world.traffic();
    let all = ["node1", "node2", "node3"];
    for (name, text, policy, pods) in [
        ("cluster", "192.0.2.210", "Cluster", &all[..1]),
        ("local", "192.0.2.211", "Local", &all[..]),
    ] {
        let address = address(text);
        world.service(name, &[text], policy, pods).await;
        let to = SocketAddr::new(address, 80);
        let client = Probe::connect(&world.lan, "client", to, EVERY);
        client.answer_after(now());
        let mut owner = world.owner(address).await;
        for fault in ["cut", "mute", "kill", "term", "drain"] {
            // The one pod stays reachable.
            if policy == "Cluster" && owner == "node1" && matches!(fault, "cut" | "mute") {
                let away = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
                world.patch_node("node1", away).await;
                owner = world.owner_but(address, "node1").await;
                let back = json!({"metadata": {"annotations": {"landfall.dev/drain": null}}});
                world.patch_node("node1", back).await;
                world
                    .until_status("node1", "drains no more", |it| it["draining"] == false)
                    .await;
            }
            let Some(witness) = Witness::start(&world, BEGINNINGS).await else {
                return;
            };
            let start = now();
            client.answer_after(start);
            match fault {
                "cut" => world.lan.cut(&owner),
                "mute" => world.lan.mute(&owner),
                "kill" => world.kill(&owner),
                "term" => world.signal(&owner, "TERM"),
                _ => {
                    let away = json!({"metadata": {"annotations": {"landfall.dev/drain": "true"}}});
                    world.patch_node(&owner, away).await;
                }
            }
            let next = world.owner_but(address, &owner).await;
            let taken = now();
            client.answer_after(taken);
            client.pass(Duration::from_millis(300));
            // Connections that were under way when the last question was asked have their time.
            let until = now() - 200_000;
            let lost = client.lost(start, until);
            let gap = client.longest_gap(start, until);
            println!("{name}: {fault}: {lost} connections lost, longest gap {gap:?}");
            // Nobody waits, and every connection is taken. What it has come to is known to the node that took
            // it, so one that is under way at the moment of the move may end with it.
            if matches!(fault, "term" | "drain") {
                assert_eq!(
                    client.lost(taken, until),
                    0,
                    "{name}: {fault}: after the move"
                );
                eventually("every connection is taken", async || {
                    not_taken(&world, &witness, text) == 0
                })
                .await;
            }
            if policy == "Local" {
                let answers = client.answers();
                let last = answers.last().unwrap();
                assert_eq!(last.by, next, "the pod of the node that has the address");
            }
            match fault {
                "cut" => world.lan.join(&owner),
                "mute" => world.lan.unmute(&owner),
                "drain" => {
                    let back = json!({"metadata": {"annotations": {"landfall.dev/drain": null}}});
                    world.patch_node(&owner, back).await;
                }
                _ => {
                    world.speakers.remove(&owner);
                    world.start(&owner);
                    world.until_ready(&owner);
                }
            }
            world.until_all_know_each_other().await;
            owner = next;
        }
    }
    eventually("nobody is left draining", async || {
        let mut left = 0;
        for host in all {
            left += usize::from(world.status(host).await["draining"] == true);
        }
        left == 0
    })
    .await;
}
