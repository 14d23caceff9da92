//! What a speaker costs while nothing happens, and what it writes.

use std::time::{Duration, Instant};

use landfall_test_routers::{Bird, Router, until};
use serde_json::json;

use crate::bursts::services;
use crate::peers::{peer, waiting, world_of};
use crate::table::Table;
use crate::usage::{memory_mib, seconds};
use crate::watching::{Watch, now};
use crate::world::Shape;

const MEASURED: Duration = Duration::from_mins(1);
/// The usual one of speakers, and of RFC 4271.
const HOLD_TIME: Duration = Duration::from_secs(90);

/// With the usual heartbeat of speakers among each other, and with one that leaves little but the sessions. There is
/// one speaker, on the first of four nodes.
pub async fn print(table: &Table) {
    of(table, "25 ms", "").await;
    of(table, "1 s", "heartbeat: 1s").await;
}

async fn of(table: &Table, heartbeat: &str, config: &'static str) {
    let shape = Shape { nodes: 4, config };
    let mut world = world_of(shape).await;
    services(&world, 100, 10).await;
    let hosts = ["router", "node2", "node3", "node4"];
    let routers: Vec<_> = hosts
        .iter()
        .map(|host| {
            let mut config = waiting(&world.lan, host, None);
            for neighbour in &mut config.neighbours {
                neighbour.hold_time = HOLD_TIME;
            }
            Bird::start(&world.lan, host, &config)
        })
        .collect();
    for host in hosts {
        let mut spec = peer(&world.lan, host);
        spec["holdTime"] = json!("90s");
        world.peer(host, spec).await;
    }
    world.start("node1");
    world.until_ready("node1");
    until("all routes", || {
        routers.iter().all(|it| it.routes().len() == 1000)
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    let id = world.speakers["node1"].id();
    let version = async || {
        let status = world.everywhere::<landfall_bare_metal_resources::kinds::SpeakerStatus>();
        let object = status.get(&world.node("node1")).await.unwrap();
        object.metadata.resource_version.unwrap()
    };
    let watches = hosts.map(|host| Watch::updates(&world.lan, host, "node1"));
    let since = now();
    let (before, used, start) = (version().await, seconds(id), Instant::now());
    tokio::time::sleep(MEASURED).await;
    let share = (seconds(id) - used) / start.elapsed().as_secs_f64() * 100.0;
    table.add(
        &format!("idle, 4 routers, 1,000 prefixes, heartbeat {heartbeat}: of a processor"),
        "%",
        vec![share],
        "< 1",
    );
    let sent: usize = watches.iter().map(|it| it.count(since, |_| true)).sum();
    let what = "the same: UPDATEs in a minute";
    table.add(what, "", vec![sent as f64], "0");
    let rss = memory_mib(id, "VmRSS:");
    table.add("the same: RSS", "MiB", vec![rss], "");
    let writes = f64::from(u8::from(version().await != before));
    table.add(
        "the same: its SpeakerStatus was written",
        "",
        vec![writes],
        "0",
    );
}
