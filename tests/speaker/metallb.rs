//! A cluster that MetalLB has left: its objects stand there as they were, and are read.

use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use serde_json::json;

use crate::announcing::address;
use crate::world::{Shape, World};

const READING: Shape = Shape {
    nodes: 2,
    config: "readMetalLB: {namespace: metallb-spoken}",
};

#[tokio::test(flavor = "multi_thread")]
async fn what_metallb_announced_is_announced_without_an_edit() {
    if !is_possible_or_skip("speakers announce what MetalLB's objects say") {
        return;
    }
    // No kind of MetalLB's is installed yet.
    let world = World::new(READING).await;
    // On no node's subnet, which is no matter to MetalLB.
    let text = "198.51.100.7";
    let ip = address(text);
    world.service("old", &[text], "Cluster", &["node1"]).await;
    world.install_metallb().await;
    let pool = json!({"addresses": [" 198.51.100.0/28 "], "autoAssign": false});
    world.put_metallb("IPAddressPool", "old", pool).await;
    let selected = json!({"ipAddressPools": ["old"]});
    world.put_metallb("L2Advertisement", "old", selected).await;
    let owner = world.owner(ip).await;
    let every = Duration::from_millis(5);
    let asked = Probe::who_has(&world.lan, "client", ip, every);
    let answer = asked.answer_after(now());
    assert_eq!(answer.by, world.lan.mac(&owner).to_string());
    world.remove_metallb("L2Advertisement", "old").await;
    world
        .until_status(&owner, "announces nothing", |it| it["addressCount"] == 0)
        .await;
}
