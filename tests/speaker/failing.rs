//! What fails, and what a client sees of it. How soon is the bench's; here it is whether.

use std::time::Duration;

use landfall_test_network::{is_possible_or_skip, now};
use landfall_test_process::Way;

use crate::announcing::address;
use crate::families::{BOTH, Families};
use crate::world::World;

/// A Service at `192.0.2.200`, and the host that has it.
pub async fn served(world: &World) -> String {
    let address = address("192.0.2.200");
    let nodes: Vec<_> = world.lan.nodes().collect();
    for node in &nodes {
        world.lan.give(node, address);
    }
    world
        .service("web", &["192.0.2.200"], "Cluster", &nodes)
        .await;
    world.owner(address).await
}

/// What happens to a node or its speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its cable is pulled.
    Cut,
    /// It is heard no more, and hears nothing.
    Mute,
    /// Its speaker is killed.
    Kill,
    /// Its speaker is told to end.
    Term,
}

impl Fault {
    pub fn begin(self, world: &mut World, host: &str) {
        match self {
            Self::Cut => world.lan.cut(host),
            Self::Mute => world.lan.mute(host),
            Self::Kill => world.kill(host),
            Self::Term => world.signal(host, "TERM"),
        }
    }

    pub fn end(self, world: &mut World, host: &str) {
        match self {
            Self::Cut => world.lan.join(host),
            Self::Mute => world.lan.unmute(host),
            Self::Kill | Self::Term => {
                world.speakers.remove(host);
                world.start(host);
                world.until_ready(host);
            }
        }
    }
}

/// Has something happen to the node that has both addresses, which another takes. Then it comes back,
/// and nothing moves. Returns who has them now.
pub async fn fail_over(world: &mut World, families: &Families, fault: Fault) -> String {
    let owner = families.owner(world).await;
    let mac = world.lan.mac(&owner).to_string();
    let start = families.until_answered();
    fault.begin(world, &owner);
    let taken = families.taken_from(&mac, now());
    let gaps = families.gaps(start);
    println!("{fault:?}: taken after {taken:?} ms, client's gaps {gaps:?}");
    let next = families.owner_but(world, &owner).await;
    assert_ne!(next, owner);
    if fault == Fault::Term {
        families.lost_nothing(start, "it hands over");
    }
    fault.end(world, &owner);
    world.until_all_know_each_other().await;
    let back = now();
    families.pass(Duration::from_millis(500));
    families.stayed_at(world, &next, back, &format!("{fault:?} is over"));
    assert_eq!(families.owner(world).await, next, "{fault:?} is over");
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_its_node_another_takes_the_address() {
    if !is_possible_or_skip("fail-over of addresses") {
        return;
    }
    let mut world = World::in_order(3).await;
    let families = Families::served(&world, "web", BOTH).await;
    for fault in [Fault::Cut, Fault::Mute, Fault::Kill, Fault::Term] {
        fail_over(&mut world, &families, fault).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_api_server_addresses_stay_and_fail_over() {
    if !is_possible_or_skip("speakers without an API server") {
        return;
    }
    let mut world = World::in_order(3).await;
    let families = Families::served(&world, "web", BOTH).await;
    let owner = families.owner(&world).await;
    for way in [Way::Silent, Way::Refused] {
        let start = families.until_answered();
        world.api_is(way);
        families.pass(Duration::from_secs(2));
        families.lost_nothing(start, &format!("{way:?}"));
        families.stayed_at(&world, &owner, start, &format!("{way:?}"));
    }
    world.kill(&owner);
    let mac = world.lan.mac(&owner).to_string();
    families.taken_from(&mac, now());
}
