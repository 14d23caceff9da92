//! What fails, and what a client sees of it. How soon is the bench's; here it is whether.

use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use landfall_test_process::Way;

use crate::announcing::{THREE, address};
use crate::world::World;

const EVERY: Duration = Duration::from_millis(10);

/// A Service at `192.0.2.200`, and the host that has it.
pub async fn served(world: &World) -> String {
    let address = address("192.0.2.200");
    for node in world.lan.nodes().collect::<Vec<_>>() {
        world.lan.give(node, address);
    }
    world
        .service(
            "web",
            &["192.0.2.200"],
            "Cluster",
            &["node1", "node2", "node3"],
        )
        .await;
    world.owner(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_its_node_another_takes_the_address() {
    if !is_possible_or_skip("fail-over of addresses") {
        return;
    }
    let mut world = World::new(THREE).await;
    let mut owner = served(&world).await;
    let address = address("192.0.2.200");
    let ping = Probe::ping(&world.lan, "client", address, EVERY);
    let asked = Probe::who_has(&world.lan, "router", address, EVERY);
    for fault in ["cut", "mute", "kill", "term"] {
        let start = now();
        ping.answer_after(start);
        let mac = world.lan.mac(&owner).to_string();
        match fault {
            "cut" => world.lan.cut(&owner),
            "mute" => world.lan.mute(&owner),
            "kill" => world.kill(&owner),
            _ => world.signal(&owner, "TERM"),
        }
        let faulted = now();
        let answer = loop {
            let since = asked.answers().last().map_or(faulted, |it| it.at);
            let answer = asked.answer_after(since.max(faulted));
            if answer.by != mac {
                break answer;
            }
        };
        ping.answer_after(answer.at);
        println!(
            "{fault}: taken after {} ms, client's gap {:?}",
            (answer.at - faulted) / 1000,
            ping.longest_gap(start, now())
        );
        let next = world.owner_but(address, &owner).await;
        assert_eq!(answer.by, world.lan.mac(&next).to_string());
        // It comes back, and nothing moves.
        match fault {
            "cut" => world.lan.join(&owner),
            "mute" => world.lan.unmute(&owner),
            _ => {
                world.speakers.remove(&owner);
                world.start(&owner);
                world.until_ready(&owner);
            }
        }
        world.until_all_know_each_other().await;
        let back = now();
        asked.pass(Duration::from_millis(500));
        assert_eq!(asked.owners(back, now()).len(), 1, "{fault}");
        assert_eq!(world.owner(address).await, next, "{fault}");
        owner = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_api_server_addresses_stay_and_fail_over() {
    if !is_possible_or_skip("speakers without an API server") {
        return;
    }
    let mut world = World::new(THREE).await;
    let owner = served(&world).await;
    let address = address("192.0.2.200");
    let ping = Probe::ping(&world.lan, "client", address, EVERY);
    for way in [Way::Silent, Way::Refused] {
        let start = now();
        ping.answer_after(start);
        world.api_is(way);
        ping.pass(Duration::from_secs(3));
        assert_eq!(ping.lost(start, now() - 100_000), 0, "{way:?}");
    }
    let asked = Probe::who_has(&world.lan, "router", address, EVERY);
    world.kill(&owner);
    let killed = now();
    let answer = asked.answer_after(killed + 50_000);
    assert_ne!(answer.by, world.lan.mac(&owner).to_string());
    ping.answer_after(answer.at);
}
