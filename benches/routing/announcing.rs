//! From a status to a route, and from its end.

use landfall_test_routers::{Bird, Frr, Neighbour, RemoteAs, Router, RouterConfig, until};

use crate::peers::{OURS, THEIRS, net, peer, waiting, world};
use crate::table::Table;
use crate::watching::{Time, Watch, ms, now};
use crate::world::World;

const ADDRESS: &str = "203.0.113.10";

/// Times of one Service, from when its status was seen.
struct Times {
    update: f64,
    route: f64,
    withdrawn: f64,
    gone: f64,
}

/// When the API server's word reached the node, after something was asked of it.
fn seen(world: &World, asked: Time) -> Time {
    until("the API server tells", || world.way.told().is_some());
    world.way.told().unwrap().max(asked)
}

async fn once(world: &World, wire: &Watch, fib: &Watch) -> Times {
    world.service("web", &[], "Cluster", &["node1"]).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let asked = now();
    world.way.listen();
    world.give("web", &[ADDRESS]).await;
    let told = seen(world, asked);
    let update = wire.first(told, |_| true);
    let is_it = |line: &str| line.contains(ADDRESS);
    let route = fib.first(told, |line| is_it(line) && !line.starts_with("Deleted"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let asked = now();
    world.way.listen();
    world.delete("web").await;
    let end = seen(world, asked);
    let withdrawn = wire.first(end, |_| true);
    let gone = fib.first(end, |line| is_it(line) && line.starts_with("Deleted"));
    Times {
        update: ms(told, update),
        route: ms(told, route),
        withdrawn: ms(end, withdrawn),
        gone: ms(end, gone),
    }
}

async fn many(world: &World, wire: &Watch, fib: &Watch, runs: usize) -> Vec<Times> {
    let mut times = Vec::new();
    for _ in 0..runs {
        times.push(once(world, wire, fib).await);
    }
    times
}

fn of(times: &[Times], what: fn(&Times) -> f64) -> Vec<f64> {
    times.iter().map(what).collect()
}

pub async fn bird(runs: usize, table: &Table) {
    let mut world = world(1).await;
    let router = Bird::start(&world.lan, "router", &waiting(&world.lan, "router", None));
    world.peer("tor", peer(&world.lan, "router")).await;
    world.start_all().await;
    world.until_session("node1", "tor").await;
    let wire = Watch::updates(&world.lan, "router", "node1");
    let fib = Watch::routes(&world.lan, "router");
    let times = many(&world, &wire, &fib, runs).await;
    let asked = "median ≤ 5, p99 ≤ 50";
    table.add(
        "status seen → UPDATE",
        "ms",
        of(&times, |it| it.update),
        asked,
    );
    table.add(
        "Service deleted → withdrawal",
        "ms",
        of(&times, |it| it.withdrawn),
        asked,
    );
    table.add(
        "status seen → route in BIRD's kernel",
        "ms",
        of(&times, |it| it.route),
        "median ≤ 30",
    );
    table.add(
        "Service deleted → gone there",
        "ms",
        of(&times, |it| it.gone),
        "median ≤ 30",
    );
    drop(router);
}

pub async fn frr(runs: usize, table: &Table) {
    let mut world = world(2).await;
    let router = Frr::start(&world.lan, "router", &waiting(&world.lan, "router", None));
    world.peer("tor", peer(&world.lan, "router")).await;
    world.start("node1");
    world.until_ready("node1");
    world.until_session("node1", "tor").await;
    let fib = Watch::routes(&world.lan, "router");
    {
        let wire = Watch::updates(&world.lan, "router", "node1");
        let times = many(&world, &wire, &fib, runs).await;
        let theirs = "≤ BIRD's as a node + 10";
        table.add(
            "UPDATE → route in FRR's kernel, ours",
            "ms",
            of(&times, |it| it.route - it.update),
            theirs,
        );
        table.add(
            "withdrawal → gone there, ours",
            "ms",
            of(&times, |it| it.gone - it.withdrawn),
            theirs,
        );
    }
    // BIRD as a node: the same address, by a static route that is switched on and off.
    let own = world.lan.addresses("node2").0;
    let mut config = RouterConfig::new(OURS, own).with(Neighbour {
        ..Neighbour::at(world.lan.addresses("router").0, RemoteAs::Asn(THEIRS))
    });
    config.extra =
        format!("protocol static switched {{ disabled; ipv4; route {ADDRESS}/32 blackhole; }}\n");
    let node = Bird::start(&world.lan, "node2", &config);
    router.until_established(&own.to_string());
    let wire = Watch::updates(&world.lan, "router", "node2");
    let (mut routes, mut gone) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let is_it = |line: &str| line.contains(ADDRESS);
        let start = now();
        node.birdc("enable switched");
        let update = wire.first(start, |_| true);
        routes.push(ms(
            update,
            fib.first(start, |it| is_it(it) && !it.starts_with("Deleted")),
        ));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let start = now();
        node.birdc("disable switched");
        let withdrawn = wire.first(start, |_| true);
        gone.push(ms(
            withdrawn,
            fib.first(start, |it| is_it(it) && it.starts_with("Deleted")),
        ));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    table.add("UPDATE → route in FRR's kernel, BIRD's", "ms", routes, "");
    table.add("withdrawal → gone there, BIRD's", "ms", gone, "");
    assert!(router.route(net("203.0.113.10/32")).is_empty());
}
