//! Many at once.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use landfall_test_process::Way;
use landfall_test_routers::{Bird, Router, until};

use crate::peers::{peer, waiting, world};
use crate::table::Table;
use crate::usage::{memory_mib, seconds};
use crate::world::World;

const AT_ONCE: usize = 16;

fn address(number: u32) -> String {
    Ipv4Addr::from(0x0a40_0000 + number).to_string()
}

/// Services with so many addresses each.
pub async fn services(world: &World, count: u32, each: u32) {
    let made = (0..count).map(async |number| {
        let addresses: Vec<_> = (0..each).map(|it| address(number * each + it)).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        world
            .service(&format!("web-{number}"), &addresses, "Cluster", &["node1"])
            .await;
    });
    futures::stream::iter(made)
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
}

fn known(router: &impl Router) -> usize {
    router.routes().len()
}

/// A thousand statuses that the speaker hears of at once.
pub async fn thousand(runs: usize, table: &Table) {
    let mut values = Vec::new();
    for _ in 0..runs {
        let mut world = world(1).await;
        let router = Bird::start(&world.lan, "router", &waiting(&world.lan, "router", None));
        world.peer("tor", peer(&world.lan, "router")).await;
        world.start_all().await;
        world.until_session("node1", "tor").await;
        world.api_is(Way::Silent);
        services(&world, 1000, 1).await;
        let start = Instant::now();
        world.api_is(Way::Open);
        until("all routes", || known(&router) == 1000);
        values.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    table.add(
        "1,000 statuses at once → all in BIRD's RIB",
        "ms",
        values,
        "≤ 1000",
    );
}

/// Ten thousand prefixes, when four routers come up at the same time.
pub async fn ten_thousand(runs: usize, table: &Table) {
    let (mut values, mut memory, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    let mut world = world(4).await;
    services(&world, 100, 100).await;
    let hosts = ["router", "node2", "node3", "node4"];
    let routers: Vec<_> = hosts
        .iter()
        .map(|host| Bird::start(&world.lan, host, &waiting(&world.lan, host, None)))
        .collect();
    for host in hosts {
        world.peer(host, peer(&world.lan, host)).await;
    }
    for _ in 0..runs {
        world.start("node1");
        for host in hosts {
            let own = world.lan.addresses("node1").0.to_string();
            let router = &routers[hosts.iter().position(|it| *it == host).unwrap()];
            router.until_established(&own);
        }
        let start = Instant::now();
        until("all routes at all routers", || {
            routers.iter().all(|it| known(it) == 10_000)
        });
        values.push(start.elapsed().as_secs_f64() * 1000.0);
        let id = world.speakers["node1"].id();
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory.push(memory_mib(id, "VmHWM:"));
        processor.push(seconds(id) * 1000.0);
        world.kill("node1");
        until("none is left", || routers.iter().all(|it| known(it) == 0));
    }
    table.add(
        "10,000 prefixes to 4 routers, from their sessions on",
        "ms",
        values,
        "≤ 2000",
    );
    table.add(
        "the speaker's greatest RSS by then",
        "MiB",
        memory,
        "< 38.1",
    );
    table.add("processor that it took from its start", "ms", processor, "");
}
