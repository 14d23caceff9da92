//! Services of two IP families, in a sandbox whose cloud has addresses of both.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{PATIENCE, program, skip};
use crate::world::{World, answer, condition, pause, service};

/// A net that no machine has, unless somebody adds it.
const ABSENT: &str = "fd00:dead:7::/64";

async fn start(pool: &str) -> World {
    World::start_as(Command::new(program("landfall")).args(["sandbox", "--pool", pool])).await
}

/// A Service of two families, on a port that nobody has on `[::1]`; `None` if this machine has no
/// such address.
fn dual(name: &str) -> Option<(Value, u16)> {
    let Ok(held) = std::net::TcpListener::bind("[::1]:0") else {
        skip("Services of two families: this machine has no address ::1");
        return None;
    };
    let port = held.local_addr().unwrap().port();
    let mut object = service(name);
    object["spec"]["ipFamilyPolicy"] = json!("PreferDualStack");
    object["spec"]["ports"] = json!([{"name": "http", "port": port, "targetPort": 8080}]);
    Some((object, port))
}

fn addresses(service: &Value) -> Vec<String> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let address = |it: &Value| it["ip"].as_str().unwrap().to_owned();
    ingress.into_iter().flatten().map(address).collect()
}

#[tokio::test]
async fn a_service_of_two_families_gets_an_address_of_each() {
    let Some((object, port)) = dual("hello") else {
        return;
    };
    let world = start("::1/128").await;
    world.deploy("hello", 1).await;
    world.create(&object).await;
    let seen = world
        .until("hello", "is provisioned", |it| {
            condition(it)["status"] == "True"
        })
        .await;
    let addresses = addresses(&seen);
    assert_eq!(addresses.len(), 2, "{seen:#}");
    assert!(addresses[0].starts_with("127."), "{addresses:?}");
    assert_eq!(addresses[1], "::1");
    for address in [addresses[0].as_str(), "[::1]"] {
        answer(address, port).await;
    }
}

#[tokio::test]
async fn an_ipv6_pool_that_the_machine_lacks_is_told_with_the_command() {
    let world = start(ABSENT).await;
    let command = format!("`ip -6 route add local {ABSENT} dev lo`");
    let deadline = Instant::now() + PATIENCE;
    while !world.controller().errors().contains(&command) {
        let errors = world.controller().errors();
        assert!(Instant::now() < deadline, "no {command} in {errors}");
        pause().await;
    }
    let mut object = service("hello");
    object["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    world.create(&object).await;
    let seen = world
        .until("hello", "names the remedy", |it| {
            condition(it)["reason"] == "PortsNotServed"
        })
        .await;
    let message = condition(&seen)["message"].as_str().unwrap();
    assert!(message.contains(&command), "{message}");
}

#[tokio::test]
async fn a_preferred_family_that_is_lacking_comes_when_it_can_be_had() {
    let Some((first, _)) = dual("first") else {
        return;
    };
    let Some((second, port)) = dual("second") else {
        return;
    };
    let world = start("::1/128").await;
    world.deploy("second", 1).await;
    world.create(&first).await;
    world
        .until("first", "has both", |it| addresses(it).len() == 2)
        .await;
    world.create(&second).await;
    let seen = world
        .until("second", "has one", |it| !addresses(it).is_empty())
        .await;
    let half = addresses(&seen);
    assert!(half.len() == 1 && half[0].starts_with("127."), "{half:?}");
    answer(&half[0], port).await;

    world.delete("first").await;
    let seen = world
        .until("second", "has both", |it| addresses(it).len() == 2)
        .await;
    assert_eq!(addresses(&seen), [half[0].as_str(), "::1"]);
    answer("[::1]", port).await;
}
