//! Changes of a Service that has its load balancer.

use serde_json::{Value, json};

use crate::provider::Call;
use crate::world::{World, condition, has_finalizer, ingress, service};

#[tokio::test]
async fn a_changed_port_is_one_call_and_keeps_the_address() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let before = world.until_provisioned("web").await;
    world
        .patch(
            "web",
            json!({"spec": {"ports": [{"port": 81, "targetPort": 80}]}}),
        )
        .await;
    let after = world
        .until("web", "shows the new port", |it| {
            ingress(it)[0]["ports"][0]["port"] == 81
        })
        .await;
    assert_eq!(ingress(&before)[0]["ip"], ingress(&after)[0]["ip"]);
    world.settle().await;
    let calls = world.provider.calls();
    let ours: Vec<_> = calls
        .into_iter()
        .filter(|it| matches!(it, Call::Ensure(n, _) if n == "web"))
        .collect();
    assert_eq!(
        ours,
        [
            Call::Ensure("web".into(), vec![80]),
            Call::Ensure("web".into(), vec![81])
        ]
    );
}

#[tokio::test]
async fn a_change_that_no_provider_looks_at_is_no_call() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world
        .patch(
            "web",
            json!({
                "metadata": {"labels": {"a": "b"}, "annotations": {"tool/stamp": "now"}},
                "spec": {"selector": {"app": "other"}},
            }),
        )
        .await;
    world.settle().await;
    assert_eq!(world.provider.count("web"), (1, 0));
}

#[tokio::test]
async fn a_port_that_cannot_be_served_is_named_and_the_others_are_served() {
    let world = World::start().await;
    let mut object = service("web");
    object["spec"]["ports"] = json!([
        {"name": "http", "port": 80},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]);
    world.create(&object).await;
    let service = world
        .until("web", "has an address", |it| !ingress(it).is_null())
        .await;
    assert_eq!(
        ingress(&service)[0]["ports"],
        json!([
            {"port": 80, "protocol": "TCP"},
            {"port": 53, "protocol": "UDP", "error": "landfall.dev/ProtocolNotSupported"},
        ])
    );
    assert_eq!(condition(&service)["status"], "False");
    assert_eq!(condition(&service)["reason"], "PortsNotServed");
    assert_eq!(world.provider.held("web")[0].ports.len(), 1);
}

#[tokio::test]
async fn a_service_without_node_ports_is_told_and_healed_when_it_has_them() {
    let world = World::start().await;
    let mut web = service("web");
    web["spec"]["allocateLoadBalancerNodePorts"] = json!(false);
    world.create(&web).await;
    let refused = world.until_condition("web", "Invalid").await;
    let message = condition(&refused)["message"].as_str().unwrap();
    assert!(
        message.contains("spec.allocateLoadBalancerNodePorts"),
        "{message}"
    );
    assert_eq!(world.provider.count("web"), (0, 0));
    world
        .patch(
            "web",
            json!({"spec": {"allocateLoadBalancerNodePorts": true}}),
        )
        .await;
    world.until_provisioned("web").await;
    assert_eq!(world.provider.count("web"), (1, 0));
}

#[tokio::test]
async fn an_annotation_as_long_as_it_may_be_is_refused_in_few_words() {
    let world = World::start().await;
    let mut web = service("web");
    let long = "192.0.2.300,".repeat(20_000);
    web["metadata"]["annotations"] = json!({"landfall.dev/load-balancer-ips": long});
    world.create(&web).await;
    let refused = world.until_condition("web", "Invalid").await;
    let message = condition(&refused)["message"].as_str().unwrap();
    assert!(message.len() < 1024, "{} bytes", message.len());
    assert!(message.ends_with("and 19995 more"), "{message}");
    world.until_told("web", "SyncLoadBalancerFailed").await;
    world.create(&service("other")).await;
    world.until_provisioned("other").await;
    let fewer = json!({"metadata": {"annotations": {"landfall.dev/load-balancer-ips": null}}});
    world.patch("web", fewer).await;
    world.until_provisioned("web").await;
}

#[tokio::test]
async fn a_request_that_cannot_be_granted_says_why_and_heals_when_it_changes() {
    let world = World::start().await;
    let mut object = service("web");
    object["spec"]["loadBalancerIP"] = json!("not an address");
    world.create(&object).await;
    let service = world.until_condition("web", "Invalid").await;
    assert!(
        condition(&service)["message"]
            .as_str()
            .unwrap()
            .starts_with("spec.loadBalancerIP: ")
    );
    world.until_told("web", "SyncLoadBalancerFailed").await;
    assert_eq!(world.provider.count("web"), (0, 0));
    world
        .patch("web", json!({"spec": {"loadBalancerIP": null}}))
        .await;
    world.until_provisioned("web").await;
}

#[tokio::test]
async fn a_cleared_status_and_a_stripped_finalizer_are_put_back() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let before = world.until_provisioned("web").await;
    world
        .patch_status(
            "web",
            json!({"metadata": {"finalizers": null}, "status": {"loadBalancer": {"ingress": null}}}),
        )
        .await;
    let after = world
        .until("web", "is put right", |it| {
            has_finalizer(it) && !ingress(it).is_null()
        })
        .await;
    assert_eq!(ingress(&before), ingress(&after));
    world
        .patch_status("web", json!({"status": {"conditions": null}}))
        .await;
    world.until_provisioned("web").await;
    assert_eq!(
        world.provider.count("web"),
        (1, 0),
        "the provider has nothing to do with it"
    );
}

#[tokio::test]
async fn a_changed_type_releases_and_takes_back_only_what_is_ours() {
    let world = World::start().await;
    let mut object = service("web");
    object["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.create(&object).await;
    world.until_provisioned("web").await;
    world
        .patch("web", json!({"spec": {"type": "ClusterIP"}}))
        .await;
    let after = world
        .until("web", "is let go", |it| {
            !has_finalizer(it) && condition(it).is_null()
        })
        .await;
    assert_eq!(
        after["metadata"]["finalizers"],
        json!(["example.com/theirs"])
    );
    assert!(world.provider.held("web").is_empty());
    world.until_told("web", "DeletedLoadBalancer").await;
    assert_eq!(world.provider.count("web"), (1, 1));

    world
        .patch("web", json!({"spec": {"type": "LoadBalancer"}}))
        .await;
    world.until_provisioned("web").await;
    assert_eq!(world.provider.held("web").len(), 1);
}

#[tokio::test]
async fn a_service_that_goes_to_another_class_is_handed_over() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    // A class may change only by way of another type; both at once is how a user would do it.
    world
        .patch("web", json!({"spec": {"type": "NodePort"}}))
        .await;
    world
        .patch(
            "web",
            json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "example.com/x"}}),
        )
        .await;
    world
        .until_asked("has released it", |provider| provider.count("web").1 == 1)
        .await;
    let after = world
        .until("web", "is not ours", |it| {
            condition(it).is_null() || condition(it)["reason"] == "HandedOver"
        })
        .await;
    assert_eq!(after["spec"]["loadBalancerClass"], "example.com/x");
    assert!(ingress(&after) == &Value::Null, "{after:#}");
}

#[tokio::test]
async fn an_event_tells_the_address_of_now() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let before = world.until_provisioned("web").await;
    world
        .patch("web", json!({"spec": {"type": "ClusterIP"}}))
        .await;
    world.until_told("web", "DeletedLoadBalancer").await;
    // Meanwhile another takes what could be its address.
    world.create(&service("other")).await;
    world.until_provisioned("other").await;
    world
        .patch("web", json!({"spec": {"type": "LoadBalancer"}}))
        .await;
    let after = world.until_provisioned("web").await;
    let (old, new) = (&ingress(&before)[0]["ip"], &ingress(&after)[0]["ip"]);
    assert_ne!(old, new, "the scripted provider gives another address");
    let expected = format!("traffic lands at {}", new.as_str().unwrap());
    let told = async || {
        let events = world.events("web").await;
        events
            .iter()
            .any(|event| event.note.as_deref() == Some(&expected))
    };
    crate::world::eventually(&told, || format!("an event tells: {expected}")).await;
}

#[tokio::test]
async fn whoever_falsifies_the_status_without_end_is_answered_less_and_less() {
    let world = World::start().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    let theirs =
        json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9", "ipMode": "VIP"}]}}});
    let mut put_right = 0;
    for _ in 0..40 {
        world.patch_status("web", theirs.clone()).await;
        // Until it is put right, or the controller has had enough.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while ingress(&world.get("web").await)[0]["ip"] == "203.0.113.9" {
            let told = world.events("web").await;
            if told
                .iter()
                .any(|event| event.reason.as_deref() == Some("Contested"))
            {
                assert!(put_right >= 5, "gave up after {put_right}");
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "neither put right nor told"
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        put_right += 1;
    }
    panic!("put right {put_right} times without end");
}
