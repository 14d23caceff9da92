//! From an address of a pool to who announces it, as people see it: a controller, speakers, and what
//! the Service and `landfall status` say.

use std::process::Command;

use landfall_test_network::is_possible_or_skip;
use landfall_test_process::{Process, output, program};
use serde_json::{Value, json};

use crate::announcing::THREE;
use crate::world::{World, eventually};

const CONFIG: &str = "\
clusterName: story
providers:
- type: bare-metal
  class: landfall.dev/bare-metal
  default: true
";

/// A controller for the story's cluster.
pub fn controller(world: &World) -> Process {
    let config = world.folder.path().join("controller.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut command = Command::new(program("landfall"));
    command
        .args([
            "controller",
            "--lease-namespace",
            &world.namespace,
            "--config",
        ])
        .arg(config)
        .arg("--kubeconfig")
        .arg(world.kubeconfig());
    Process::start(&mut command)
}

pub fn condition<'a>(service: &'a Value, type_: &str) -> &'a Value {
    let conditions = service["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let condition = conditions.find(|it| it["type"] == type_);
    condition.unwrap_or(&Value::Null)
}

/// Whether the Service is told that this host announces the address.
fn names(world: &World, service: &Value, address: &str, host: &str) -> bool {
    let message = &condition(service, "landfall.dev/Announced")["message"];
    let by = format!("{address} by {} (eth0)", world.node(host));
    message.as_str().is_some_and(|it| it.contains(&by))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_which_node_announces_its_address() {
    if !is_possible_or_skip("a controller and speakers together") {
        return;
    }
    let mut world = World::new(THREE).await;
    let mut controller = controller(&world);
    controller.wait_until_ready();
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    });
    world.put_service(service).await;
    world.set_pods("web", &["node1"]).await;
    let seen = std::cell::RefCell::new(Value::Null);
    eventually("the Service is announced", async || {
        seen.replace(world.get_service("web").await);
        let service = seen.borrow();
        condition(&service, "landfall.dev/Announced")["status"] == "True"
            && condition(&service, "landfall.dev/Serving")["status"] == "True"
    })
    .await;
    let service = seen.take();
    let text = service["status"]["loadBalancer"]["ingress"][0]["ip"]
        .as_str()
        .unwrap();
    let address = text.parse().unwrap();
    let owner = world.owner(address).await;
    assert!(names(&world, &service, text, &owner), "{service:#}");

    let mut status = Command::new(program("landfall"));
    status
        .arg("status")
        .arg("--kubeconfig")
        .arg(world.kubeconfig());
    let (is_fine, table) = output(&mut status);
    assert!(
        is_fine && table.contains(text) && table.contains(&world.node("node3")),
        "{table}"
    );

    world.kill(&owner);
    let next = world.owner(address).await;
    eventually("the other node is named", async || {
        let service = world.get_service("web").await;
        names(&world, &service, text, &next)
    })
    .await;
    world.delete("web").await;
    world
        .until_status(&next, "has none", |it| it["addressCount"] == 0)
        .await;
}
