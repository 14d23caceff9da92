//! What cannot be had: it says so, names the remedy, and everything else goes on.

use std::process::Command;

use serde_json::json;

use crate::process::{Process, program, skip};
use crate::walk::{Nobody, is_root};
use crate::world::{World, address_in, answer, condition, service};

#[tokio::test]
async fn a_cloud_that_fails_is_told_and_tried_again() {
    let world = World::start().await;
    let fault = json!({"kind": "error", "status": 503, "code": "maintenance"});
    world
        .cloud
        .order_fault(json!({"operation": "PutLoadBalancer", "fault": fault, "times": 1}))
        .await;
    world.create(&service("hello")).await;
    let failed = world
        .until("hello", "says that it failed", |it| {
            condition(it)["reason"] == "ProviderUnavailable"
        })
        .await;
    let message = condition(&failed)["message"].as_str().unwrap();
    assert!(message.contains("503 Service Unavailable"), "{message}");
    world.address("hello").await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_load_balancer() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let fault = json!({"kind": "lostAfterChange"});
    world
        .cloud
        .order_fault(json!({"operation": "PutLoadBalancer", "fault": fault, "times": 1}))
        .await;
    world.create(&service("hello")).await;
    let address = world.address("hello").await;
    answer(&address, 8080).await;
    let puts = world.calls("PutLoadBalancer").await;
    assert_eq!(puts.len(), 2, "the first was lost");
    assert_eq!(puts[0]["id"], puts[1]["id"]);
    world.delete("hello").await;
    world
        .until("hello", "is gone", serde_json::Value::is_null)
        .await;
    assert_eq!(world.calls("DeleteLoadBalancer").await.len(), 1);
}

#[tokio::test]
async fn a_port_of_a_protocol_that_the_cloud_lacks_is_named() {
    let world = World::start().await;
    world.deploy("hello", 1).await;
    let mut object = service("hello");
    object["spec"]["ports"] = json!([
        {"name": "http", "port": 8080},
        {"name": "sctp", "port": 9999, "protocol": "SCTP"},
    ]);
    world.create(&object).await;
    let address = world.address("hello").await;
    let seen = world
        .until("hello", "names the port", |it| {
            condition(it)["reason"] == "PortsNotServed"
        })
        .await;
    let ports = &seen["status"]["loadBalancer"]["ingress"][0]["ports"];
    assert_eq!(ports[1]["error"], "landfall.dev/ProtocolNotSupported");
    answer(&address, 8080).await;
}

#[tokio::test]
async fn addresses_that_the_machine_lacks_are_named_with_the_remedy() {
    let mut command = Command::new(program("landfall"));
    // TEST-NET-2 (RFC 5737): no machine has it.
    let world = World::start_as(command.args(["sandbox", "--pool", "198.51.100.0/24"])).await;
    world.create(&service("hello")).await;
    let seen = world
        .until("hello", "names the remedy", |it| {
            condition(it)["reason"] == "PortsNotServed"
        })
        .await;
    let message = condition(&seen)["message"].as_str().unwrap();
    assert!(
        message.contains("198.51.100.1") && message.contains("add it"),
        "{message}"
    );
    let ports = &seen["status"]["loadBalancer"]["ingress"][0]["ports"];
    assert_eq!(ports[0]["error"], "landfall.dev/AddressNotAvailable");
}

#[tokio::test]
async fn a_pool_that_is_used_up_is_told_and_waited_for() {
    let mut command = Command::new(program("landfall"));
    let pool = format!("127.199.{}.4/30", std::process::id() % 256);
    let world = World::start_as(command.args(["sandbox", "--pool", &pool])).await;
    // Of four addresses, the first and the last are none.
    for name in ["a", "b"] {
        world.create(&service(name)).await;
        world.address(name).await;
    }
    world.create(&service("c")).await;
    world
        .until("c", "waits", |it| condition(it)["reason"] == "Exhausted")
        .await;
    world.delete("a").await;
    world.address("c").await;
}

#[tokio::test]
async fn a_port_below_1024_without_the_right_is_named_with_the_remedy() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if !first.is_ok_and(|text| text.trim().parse::<u16>().is_ok_and(|first| first > 80)) {
        return skip("ports below 1024 without the right: this system lets everybody bind them");
    }
    let nobody = Nobody::new();
    let world = World::start_as(nobody.command("landfall").arg("sandbox")).await;
    world.deploy("hello", 1).await;
    let mut object = service("low");
    object["spec"]["selector"] = json!({"app": "hello"});
    object["spec"]["ports"] = json!([{"name": "http", "port": 80, "targetPort": 8080}]);
    world.create(&object).await;
    let seen = world
        .until("low", "names the remedy", |it| {
            condition(it)["reason"] == "PortsNotServed"
        })
        .await;
    let message = condition(&seen)["message"].as_str().unwrap();
    assert!(message.contains("CAP_NET_BIND_SERVICE"), "{message}");
    assert!(address_in(&seen).is_some());
    world.create(&service("hello")).await;
    answer(&world.address("hello").await, 8080).await;
}

#[test]
fn a_loopback_of_one_address_is_named_with_the_remedy() {
    if !is_root() {
        return skip("a loopback with one address: needs root, to make a network namespace");
    }
    let script = "ip link set lo up && ip address del 127.0.0.1/8 dev lo && \
                  ip address add 127.0.0.1/32 dev lo && exec \"$0\" sandbox";
    let mut command = Command::new("unshare");
    let program = program("landfall");
    let mut sandbox = Process::start(command.args(["--net", "sh", "-c", script]).arg(program));
    let ended = sandbox.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(
        ended.errors.contains("has no address 127.2"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("ip address add"), "{}", ended.errors);
}
