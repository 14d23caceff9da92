//! What fails, and how soon it is known.

use std::time::{Duration, Instant};

use landfall_test_network::Probe;
use landfall_test_routers::{
    Bfd, Bird, GracefulRestart, Neighbour, Originated, RemoteAs, Router, RouterConfig, until,
};
use serde_json::{Value, json};

use crate::peers::{OURS, THEIRS, net, peer, waiting, world};
use crate::table::Table;
use crate::watching::{Watch, ms, now};
use crate::world::World;

const ADDRESS: &str = "203.0.113.10";
const FAST: Bfd = Bfd {
    interval: Duration::from_millis(50),
    multiplier: 3,
};

fn watched(world: &World) -> Value {
    let mut spec = peer(&world.lan, "router");
    spec["bfd"] = json!({"transmitInterval": "50ms", "receiveInterval": "50ms", "multiplier": 3});
    spec
}

/// A node and a router that watch each other.
async fn watching() -> (World, Bird) {
    let mut world = world(1).await;
    let router = Bird::start(
        &world.lan,
        "router",
        &waiting(&world.lan, "router", Some(FAST)),
    );
    world.peer("tor", watched(&world)).await;
    world.start_all().await;
    world.until_session("node1", "tor").await;
    (world, router)
}

fn bfd_is_up(router: &Bird, neighbour: std::net::Ipv4Addr) -> bool {
    let sessions = router.bfd_sessions();
    let mut sessions = sessions.iter();
    sessions.any(|it| {
        it.address == std::net::IpAddr::from(neighbour)
            && it.state == landfall_test_routers::BfdState::Up
    })
}

/// As if nothing had happened: a session that breaks again and again waits longer each time.
async fn begin_again(world: &World) {
    world.remove_peer("tor").await;
    world.peer("tor", watched(world)).await;
}

/// A node falls silent: ours, and beside it BIRD as a node, in the same network.
pub async fn silent_node(runs: usize, table: &Table) {
    let mut world = world(2).await;
    let router = Bird::start(
        &world.lan,
        "router",
        &waiting(&world.lan, "router", Some(FAST)),
    );
    world.peer("tor", watched(&world)).await;
    world
        .service("web", &[ADDRESS], "Cluster", &["node1"])
        .await;
    world.start("node1");
    world.until_ready("node1");
    world.until_session("node1", "tor").await;
    let own = world.lan.addresses("node2").0;
    let other = "203.0.113.20";
    let config = RouterConfig::new(OURS, own)
        .with(Neighbour {
            bfd: Some(FAST),
            ..Neighbour::at(world.lan.addresses("router").0, RemoteAs::Asn(THEIRS))
        })
        .originating(Originated::to(net("203.0.113.20/32")));
    let _node = Bird::start(&world.lan, "node2", &config);
    let fib = Watch::routes(&world.lan, "router");
    for (host, address, name) in [("node1", ADDRESS, "ours"), ("node2", other, "BIRD's")] {
        let neighbour = world.lan.addresses(host).0;
        let prefix = net(&format!("{address}/32"));
        let mut values = Vec::new();
        for _ in 0..runs {
            until("the route is there", || {
                !router.kernel_routes(prefix).is_empty() && bfd_is_up(&router, neighbour)
            });
            tokio::time::sleep(Duration::from_millis(500)).await;
            let start = now();
            world.lan.mute(host);
            let gone = fib.first(start, |it| {
                it.contains(address) && it.starts_with("Deleted")
            });
            values.push(ms(start, gone));
            world.lan.unmute(host);
            begin_again(&world).await;
        }
        let what = format!("node silent, BFD 50 ms × 3: route gone, {name}");
        let asked = if name == "ours" {
            "≤ 1.2 × BIRD's"
        } else {
            ""
        };
        table.add(&what, "ms", values, asked);
    }
}

/// A router falls silent: what our metrics say of it.
pub async fn silent_router(runs: usize, table: &Table) {
    let (world, router) = watching().await;
    let own = world.lan.addresses("node1").0;
    // The answer to a silent router is a Cease, and the end of the connection.
    let mut command = world.lan.command("node1", "tcpdump");
    let address = world.lan.addresses("router").0;
    let filter =
        format!("dst host {address} and tcp port 179 and tcp[((tcp[12] & 0xf0) >> 2) + 18] = 3");
    command.args(["-i", "eth0", "-n", "-tt", "-l", "--immediate-mode", &filter]);
    let wire = Watch::of(command);
    let mut values = Vec::new();
    for _ in 0..runs {
        router.until_established(&own.to_string());
        until("BFD is up", || bfd_is_up(&router, own));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let start = now();
        world.lan.mute("router");
        values.push(ms(start, wire.first(start, |_| true)));
        until("the router knows", || !bfd_is_up(&router, own));
        world.lan.unmute("router");
        begin_again(&world).await;
    }
    table.add(
        "router silent, BFD 50 ms × 3: we end the session",
        "ms",
        values,
        "≤ 185",
    );
}

/// The speaker is killed, and nothing was agreed on for that.
pub async fn killed(runs: usize, table: &Table) {
    let mut world = world(1).await;
    let router = Bird::start(&world.lan, "router", &waiting(&world.lan, "router", None));
    world.peer("tor", peer(&world.lan, "router")).await;
    world
        .service("web", &[ADDRESS], "Cluster", &["node1"])
        .await;
    let fib = Watch::routes(&world.lan, "router");
    let prefix = net(&format!("{ADDRESS}/32"));
    let mut values = Vec::new();
    for _ in 0..runs {
        world.start("node1");
        until("the route is there", || {
            !router.kernel_routes(prefix).is_empty()
        });
        let start = now();
        world.kill("node1");
        let gone = fib.first(start, |it| {
            it.contains(ADDRESS) && it.starts_with("Deleted")
        });
        values.push(ms(start, gone));
    }
    table.add("speaker killed: route gone", "ms", values, "≤ 300");
}

/// The speaker is killed and started again, with graceful restart: what a client loses in a minute.
pub async fn restarted(runs: usize, table: &Table) {
    let mut world = world(1).await;
    let mut config = waiting(&world.lan, "router", None);
    for neighbour in &mut config.neighbours {
        neighbour.graceful_restart = GracefulRestart::Helper;
    }
    let router = Bird::start(&world.lan, "router", &config);
    let mut spec = peer(&world.lan, "router");
    spec["gracefulRestart"] = json!({});
    world.peer("tor", spec).await;
    world.lan.give("node1", ADDRESS.parse().unwrap());
    world.lan.ip(
        "client",
        &format!(
            "route add 203.0.113.0/24 via {}",
            world.lan.addresses("router").0
        ),
    );
    world
        .service("web", &[ADDRESS], "Cluster", &["node1"])
        .await;
    world.start("node1");
    let prefix = net(&format!("{ADDRESS}/32"));
    until("the route is there", || {
        !router.kernel_routes(prefix).is_empty()
    });
    let mut lost = Vec::new();
    for _ in 0..runs.max(1) {
        let every = Duration::from_millis(10);
        let ping = Probe::ping(&world.lan, "client", ADDRESS.parse().unwrap(), every);
        ping.pass(Duration::from_millis(500));
        let start = landfall_test_network::now();
        world.kill("node1");
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.start("node1");
        ping.pass(Duration::from_secs(55));
        let end = landfall_test_network::now();
        ping.settle(start, end);
        lost.push(ping.lost(start, end) as f64);
    }
    table.add(
        "speaker killed and back, graceful restart: lost in 60 s",
        "packets",
        lost,
        "0",
    );
}

/// Ten minutes at five percent loss, with a processor that is busy.
pub async fn losses(table: &Table) {
    let (world, router) = watching().await;
    let own = world.lan.addresses("node1").0;
    until("BFD is up", || bfd_is_up(&router, own));
    world.lan.loss("router", 5);
    let start = Instant::now();
    let busy = std::thread::spawn(move || {
        while start.elapsed() < Duration::from_mins(10) {
            std::hint::spin_loop();
        }
    });
    tokio::time::sleep(Duration::from_mins(10)).await;
    busy.join().unwrap();
    world.lan.loss("router", 0);
    let log = world.speakers["node1"].errors();
    let downs: Vec<_> = log
        .lines()
        .filter(|it| it.contains("BFD session down"))
        .collect();
    let (ours, theirs): (Vec<&str>, Vec<&str>) =
        downs.iter().partition(|it| it.contains("nothing heard"));
    let what = "ten minutes at 5 % loss, BFD 50 ms × 3";
    for (by, downs) in [("us", ours), ("the router", theirs)] {
        let what = format!("{what}: taken for dead by {by}");
        table.add(&what, "", vec![downs.len() as f64], "0");
    }
}
