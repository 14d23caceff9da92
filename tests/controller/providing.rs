//! From a Service to its status.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::world::{World, condition, has_finalizer, ingress, service};

#[tokio::test]
async fn a_service_gets_an_address_with_its_mode_and_ports() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let service = world.until_provisioned("web").await;
    assert!(has_finalizer(&service));
    assert_eq!(
        *ingress(&service),
        json!([{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}])
    );
    assert_eq!(condition(&service)["reason"], "Provisioned");
    assert_eq!(
        world.until_told("web", "EnsuredLoadBalancer").await,
        "traffic lands at 192.0.2.1"
    );
    assert_eq!(world.provider.count("web"), (1, 0));
}

#[tokio::test]
async fn finalizer_and_condition_stand_before_the_first_call() {
    let world = World::start().await;
    let seen = Arc::new(Mutex::new(None));
    let (client, found) = (world.client.clone(), seen.clone());
    world.provider.on_ensure(move |wanted| {
        let api = Api::<Service>::namespaced(client.clone(), &wanted.service.namespace);
        let (name, found) = (wanted.service.name.clone(), found.clone());
        async move {
            let service = serde_json::to_value(api.get(&name).await.unwrap()).unwrap();
            *found.lock().unwrap() = Some(service);
        }
        .boxed()
    });
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    let service = seen.lock().unwrap().take().unwrap();
    assert!(has_finalizer(&service), "{service:#}");
    assert_eq!(condition(&service)["reason"], "Pending", "{service:#}");
}

#[tokio::test]
async fn a_burst_is_one_call_each() {
    let world = World::start().await;
    let names: Vec<_> = (0..60).map(|n| format!("web-{n}")).collect();
    for name in &names {
        world.create(&service(name)).await;
    }
    for name in &names {
        world.until_provisioned(name).await;
    }
    world.settle().await;
    for name in &names {
        assert_eq!(world.provider.count(name), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn what_others_write_meanwhile_survives() {
    let world = World::start().await;
    let client = world.client.clone();
    world.provider.on_ensure(move |wanted| {
        let api = Api::<Service>::namespaced(client.clone(), &wanted.service.namespace);
        let name = wanted.service.name.clone();
        async move {
            let patch = json!({
                "metadata": {"labels": {"by": "somebody"}, "finalizers": ["example.com/theirs"]},
                "status": {"conditions": [{
                    "type": "example.com/Theirs", "status": "True", "reason": "R", "message": "m",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }]},
            });
            let patch = Patch::Strategic(patch);
            api.patch_status(&name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
        .boxed()
    });
    world.create(&service("web")).await;
    let service = world.until_provisioned("web").await;
    assert_eq!(service["metadata"]["labels"]["by"], "somebody");
    let finalizers = service["metadata"]["finalizers"].as_array().unwrap();
    assert!(finalizers.iter().any(|name| name == "example.com/theirs") && finalizers.len() == 2);
    let conditions = service["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|it| it["type"] == "example.com/Theirs"),
        "{service:#}"
    );
    assert_eq!(
        world.provider.count("web"),
        (1, 0),
        "a conflict is no reason to call again"
    );
}

#[tokio::test]
async fn one_hung_call_delays_nobody_else() {
    let mut world = World::without_controller().await;
    world.start_controller_with(2).await;
    world.provider.hang_for("slow");
    world.create(&service("slow")).await;
    world
        .until_asked("is asked for slow", |provider| {
            provider.count("slow").0 == 1
        })
        .await;
    for name in ["a", "b", "c"] {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    world.provider.let_go();
    world.until_provisioned("slow").await;
}
