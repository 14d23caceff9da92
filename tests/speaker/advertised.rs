//! What an `L2Advertisement` says, and labels of nodes.

use std::time::Duration;

use landfall_test_network::{Probe, is_possible_or_skip, now};
use serde_json::{Value, json};

use crate::announcing::THREE;
use crate::families::{BOTH, EVERY, Families};
use crate::telling::{condition, controller};
use crate::world::{World, eventually};

const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

#[tokio::test(flavor = "multi_thread")]
async fn selectors_weights_and_labels_say_which_node_announces() {
    if !is_possible_or_skip("nodes of advertisements") {
        return;
    }
    let mut world = World::without_speakers(THREE).await;
    let story = world.namespace.clone();
    let of = |hosts: &[&str]| {
        let is_one = json!({"key": "host", "operator": "In", "values": hosts});
        json!({"matchLabels": {"story": story}, "matchExpressions": [is_one]})
    };
    let weigh = |weight: u8, hosts: &[&str]| json!({"weight": weight, "selector": of(hosts)});
    let sums = [
        weigh(30, &["node1"]),
        weigh(50, &["node2"]),
        weigh(30, &["node1", "node3"]),
    ];
    let without_first = json!({
        "nodeSelector": of(&["node2", "node3"]), "preferredNodes": [weigh(1, &["node3"])],
    });
    world.advertise(json!({"preferredNodes": sums})).await;
    world.start_all().await;
    let families = Families::served(&world, "web", BOTH).await;
    assert_eq!(families.owner(&world).await, "node1", "30 and 30 is most");
    let start = families.until_answered();
    // It does not move because another is preferred now.
    let others = json!({"preferredNodes": [weigh(100, &["node2"])]});
    world.advertise(others).await;
    families.pass(Duration::from_millis(700));
    families.stayed_at(&world, "node1", start, "others are preferred");
    world.advertise(without_first).await;
    // Whoever sees that first takes what is offered, perhaps one address each.
    let [first, second] = &families.0;
    let next = world.owner_but(first.address, "node1").await;
    world.owner_but(second.address, "node1").await;
    world
        .until_status("node1", "has none", |it| it["addressCount"] == 0)
        .await;
    let label = |value: Value| json!({"metadata": {"labels": {EXCLUDED: value}}});
    world.patch_node(&next, label(json!(""))).await;
    let last = families.owner_but(&world, &next).await;
    assert!(last != "node1", "it is not selected");
    world
        .until_status(&next, "has none", |it| it["addressCount"] == 0)
        .await;
    let moved = families.until_answered();
    world.patch_node(&next, label(Value::Null)).await;
    families.pass(Duration::from_millis(700));
    families.stayed_at(&world, &last, moved, "the other may again");
    families.lost_nothing(start, "all of it was handed over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_nobodys_subnet_is_announced_only_if_that_is_allowed() {
    if !is_possible_or_skip("addresses in nobody's subnet") {
        return;
    }
    let world = World::new(THREE).await;
    world.pool(&["203.0.113.0/28"]).await;
    let mut controller = controller(&world);
    controller.wait_until_ready();
    let spec = json!({
        "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}],
    });
    let service = json!({"metadata": {"name": "web"}, "spec": spec});
    world.put_service(service).await;
    world.set_pods("web", &["node1"]).await;
    // The address, once the Service is told so.
    let told = async |status: &str, why: &str| {
        let address = std::cell::RefCell::new(Value::Null);
        eventually(&format!("Announced is {status}: {why}"), async || {
            let service = world.get_service("web").await;
            let announced = condition(&service, "landfall.dev/Announced");
            let message = announced["message"].as_str().unwrap_or_default();
            address.replace(service["status"]["loadBalancer"]["ingress"][0]["ip"].clone());
            announced["status"] == status && message.contains(why)
        })
        .await;
        address.take().as_str().unwrap().to_owned()
    };
    let text = told("False", "it is in no subnet of a node's interfaces").await;
    let asked = Probe::who_has(&world.lan, "client", text.parse().unwrap(), EVERY);
    asked.pass(Duration::from_millis(500));
    assert_eq!(asked.answers(), []);
    for host in world.speakers.keys() {
        assert_eq!(world.status(host).await["addressCount"], 0, "{host}");
    }
    world.advertise(json!({"offSubnet": "Allow"})).await;
    told("True", &text).await;
    let owner = world.owner(text.parse().unwrap()).await;
    let answer = asked.answer_after(now());
    assert_eq!(answer.by, world.lan.mac(&owner).to_string());
}
