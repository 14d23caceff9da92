//! Changes under live traffic: what stays is not disturbed, and what goes has time to end.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::target::{Client, Target, reached};
use crate::world::{World, body, pool, until};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn new_targets_get_new_connections_and_old_ones_end_in_peace() {
    let world = World::start().await;
    let (old, new) = (Target::start("old").await, Target::start("new").await);
    let address = world.serve("web", &[&old]).await;
    let mut before = Client::connect(address).await.unwrap();
    assert_eq!(world.serve("web", &[&new]).await, address);
    assert_eq!(reached(address, 3).await, ["new"]);
    assert!(before.echoes().await);
    world.until_health("web", &["Healthy", "Draining"]).await;
    drop(before);
    world.until_health("web", &["Healthy"]).await;
}

#[tokio::test]
async fn connections_that_do_not_end_are_cut() {
    let world = World::with(|options| options.timing.drain_timeout = SHORT).await;
    let (old, new) = (Target::start("old").await, Target::start("new").await);
    let address = world.serve("web", &[&old]).await;
    let mut before = Client::connect(address).await.unwrap();
    world.serve("web", &[&new]).await;
    let mut after = Client::connect(address).await.unwrap();
    until(async || !before.echoes().await).await;
    assert!(after.echoes().await, "only the old target's are cut");
    world.until_health("web", &["Healthy"]).await;
}

#[tokio::test]
async fn a_target_that_comes_back_in_time_keeps_its_connections() {
    let world = World::with(|options| options.timing.drain_timeout = SHORT).await;
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let address = world.serve("web", &[&a, &b]).await;
    world.until_health("web", &["Healthy"; 2]).await;
    let (mut first, mut second) = (
        Client::connect(address).await.unwrap(),
        Client::connect(address).await.unwrap(),
    );
    assert_ne!(first.reached, second.reached);
    world.serve("web", &[&a]).await;
    world.serve("web", &[&a, &b]).await;
    // A third that leaves shows when the time would have been over.
    let c = Target::start("c").await;
    world.serve("web", &[&a, &b, &c]).await;
    world.until_health("web", &["Healthy"; 3]).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(Client::connect(address).await.unwrap());
    }
    world.serve("web", &[&a, &b]).await;
    for other in others.iter_mut().filter(|other| other.reached == "c") {
        until(async || !other.echoes().await).await;
    }
    assert!(first.echoes().await && second.echoes().await);
}

#[tokio::test]
async fn a_port_can_be_changed_on_live_traffic() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut before = Client::connect(address).await.unwrap();
    let changed = world.put("web", &body(9000, &[&target])).await;
    assert_eq!(changed["addresses"][0], address.ip().to_string());
    assert!(TcpStream::connect(address).await.is_err());
    let moved = (address.ip(), 9000).into();
    assert!(Client::connect(moved).await.unwrap().echoes().await);
    assert!(before.echoes().await);
    // And back, while connections of the first time are still there.
    assert_eq!(world.serve("web", &[&target]).await, address);
    assert!(Client::connect(address).await.unwrap().echoes().await);
    assert!(before.echoes().await);
}

#[tokio::test]
async fn connections_of_a_port_that_is_gone_are_cut_in_the_end() {
    let world = World::with(|options| options.timing.drain_timeout = SHORT).await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut before = Client::connect(address).await.unwrap();
    world.put("web", &body(9000, &[&target])).await;
    until(async || !before.echoes().await).await;
}

#[tokio::test]
async fn a_change_elsewhere_disturbs_nobody() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut client = Client::connect(address).await.unwrap();
    world.serve("other", &[&target]).await;
    world.delete("other").await;
    let tagged = serde_json::json!({
        "tags": {"team": "shop"},
        "listeners": body(8080, &[&target])["listeners"],
    });
    world.put("web", &tagged).await;
    assert!(client.echoes().await);
}

#[tokio::test]
async fn a_deleted_load_balancer_stops_answering_and_its_connections_end_in_peace() {
    let world = World::with(|options| options.timing.drain_timeout = SHORT).await;
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    let mut before = Client::connect(address).await.unwrap();
    world.delete("web").await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(before.echoes().await);
    until(async || !before.echoes().await).await;
}

#[tokio::test]
async fn an_address_is_nobody_elses_while_connections_to_it_go_on() {
    // One address in all.
    let world = World::on(pool(32), |_| ()).await;
    let target = Target::start("a").await;
    let address = world.serve("first", &[&target]).await;
    let client = Client::connect(address).await.unwrap();
    world.delete("first").await;

    let full = world.try_put("second", &body(8080, &[&target])).await;
    assert_eq!(full.status(), 409);
    let seconds = full.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse::<u64>();
    assert!(
        (1..=31).contains(&seconds.unwrap()),
        "the time that is left"
    );

    drop(client);
    until(async || {
        let put = world.try_put("second", &body(8080, &[&target])).await;
        put.status() == 201
    })
    .await;
    assert!(Client::connect(address).await.unwrap().echoes().await);
}

#[tokio::test]
async fn an_address_is_free_at_once_if_nobody_is_connected() {
    let world = World::on(pool(32), |_| ()).await;
    let target = Target::start("a").await;
    for _ in 0..50 {
        world.serve("web", &[&target]).await;
        world.delete("web").await;
    }
}
