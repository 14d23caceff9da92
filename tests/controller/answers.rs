//! What a provider answers, and what becomes of it.

use landfall_provider_api::{Ingress, IpMode, Serving};
use serde_json::{Value, json};

use crate::world::{World, condition, condition_of, has_finalizer, ingress, service};

fn serving(service: &Value) -> &Value {
    condition_of(service, "landfall.dev/Serving")
}

#[tokio::test]
async fn whether_traffic_gets_through_is_told_and_each_change_is_one_write_and_no_event() {
    let world = World::start().await;
    world.provider.serve(Serving::No {
        reason: "NoTargets",
        message: "there is no target".into(),
    });
    world.create(&service("web")).await;
    let first = world.until_provisioned("web").await;
    assert_eq!(serving(&first)["status"], "False", "{first:#}");
    assert_eq!(serving(&first)["reason"], "NoTargets");
    world.provider.serve(Serving::Yes);
    world.provider.change("web");
    let then = world
        .until("web", "serves", |it| serving(it)["status"] == "True")
        .await;
    assert_eq!(condition(&then), condition(&first));
    world.settle().await;
    assert_eq!(world.events("web").await.len(), 1);
    let now = world.get("web").await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        then["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_told_and_heals() {
    let world = World::start().await;
    world.create(&service("other")).await;
    world.until_provisioned("other").await;
    let six = Ingress::Ip {
        address: "2001:db8::1".parse().unwrap(),
        mode: IpMode::Vip,
    };
    let answers = [
        (vec![], "status.loadBalancer.ingress: is empty"),
        (
            vec![six],
            "2001:db8::1: the Service asks for no IPv6 address",
        ),
        (
            vec![Ingress::Hostname("LB.example.com".into())],
            "status.loadBalancer.ingress[].hostname: \"LB.example.com\"",
        ),
    ];
    for (index, (answer, complaint)) in answers.into_iter().enumerate() {
        let name = format!("web-{index}");
        world.provider.answer(Some(answer));
        world.create(&service(&name)).await;
        let told = world.until_condition(&name, "SenselessAnswer").await;
        let message = condition(&told)["message"].as_str().unwrap();
        assert!(message.contains(complaint), "{message}");
        assert!(ingress(&told).is_null(), "{told:#}");
        assert!(
            world
                .until_told(&name, "SyncLoadBalancerFailed")
                .await
                .contains(complaint)
        );
        world.provider.answer(None);
        world.until_provisioned(&name).await;
        let (calls, _) = world.provider.count(&name);
        assert!(calls <= 3, "{calls} calls for one answer");
    }
    assert_eq!(world.provider.count("other"), (1, 0));
}

#[tokio::test]
async fn without_effects_outside_a_service_is_one_write() {
    let mut world = World::without_controller().await;
    world.provider.able(|it| it.outside_effects = false);
    world.start_controller().await;
    let (services, seen) = (world.services(), std::sync::Arc::default());
    let watched = {
        let seen: std::sync::Arc<std::sync::Mutex<Vec<Value>>> = std::sync::Arc::clone(&seen);
        let made = world.create(&service("web")).await;
        let from = made.metadata.resource_version.unwrap();
        let watch = services
            .watch(&kube::api::WatchParams::default(), &from)
            .await
            .unwrap();
        tokio::spawn(async move {
            use futures::{StreamExt, pin_mut};
            pin_mut!(watch);
            while let Some(event) = watch.next().await {
                if let Ok(kube::api::WatchEvent::Modified(service)) = event {
                    let service = serde_json::to_value(service).unwrap();
                    seen.lock().unwrap().push(service);
                }
            }
        })
    };
    world.until_provisioned("web").await;
    world.settle().await;
    watched.abort();
    let mut seen = seen.lock().unwrap().clone();
    seen.retain(|it| it["metadata"]["name"] == "web");
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert!(has_finalizer(&seen[0]) && condition(&seen[0])["status"] == "True");
    assert_eq!(ingress(&seen[0])[0]["ip"], "192.0.2.1");
    // And it is let go like any other.
    world.delete("web").await;
    world.until_gone("web").await;
    assert_eq!(world.provider.count("web"), (1, 1));
}

#[tokio::test]
async fn what_has_no_address_does_not_serve() {
    let world = World::start().await;
    let mut web = service("web");
    web["spec"]["loadBalancerIP"] = json!("bad");
    world.create(&web).await;
    let refused = world.until_condition("web", "Invalid").await;
    assert_eq!(serving(&refused)["reason"], "NotProvisioned", "{refused:#}");
    assert!(has_finalizer(&refused), "{refused:#}");
}
