//! What a provider answers, and what becomes of it.

use landfall_provider_api::{Ingress, IpMode, Lack, ProviderCondition, Serving};
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
    let events = world.all_told("web", "EnsuredLoadBalancer").await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let now = world.get("web").await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        then["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn what_a_provider_says_besides_is_written_told_where_it_warns_and_taken_away() {
    let world = World::start().await;
    let said = |type_, reason, warns| ProviderCondition {
        type_,
        holds: Some(true),
        reason,
        message: format!("because of {reason}"),
        warns,
    };
    let (quiet, loud) = ("landfall.dev/Quiet", "landfall.dev/Loud");
    world
        .provider
        .say(vec![said(quiet, "So", false), said(loud, "HalfOpen", true)]);
    world.create(&service("web")).await;
    let first = world.until_provisioned("web").await;
    assert_eq!(condition_of(&first, quiet)["reason"], "So", "{first:#}");
    assert_eq!(condition_of(&first, loud)["status"], "True");
    let note = world.until_told("web", "HalfOpen").await;
    assert_eq!(note, "because of HalfOpen");

    world.provider.say(vec![said(loud, "HalfOpen", true)]);
    world.provider.change("web");
    let then = world
        .until("web", "is quiet", |it| condition_of(it, quiet).is_null())
        .await;
    assert_eq!(condition_of(&then, loud), condition_of(&first, loud));
    let events = world.all_told("web", "EnsuredLoadBalancer").await;
    let mut reasons: Vec<_> = events.iter().flat_map(|it| &it.reason).collect();
    reasons.sort();
    assert_eq!(reasons, ["EnsuredLoadBalancer", "HalfOpen"]);

    let external = json!({"spec": {"type": "ClusterIP"}});
    world.patch("web", external).await;
    world
        .until("web", "bears nothing of ours", |it| {
            condition_of(it, loud).is_null() && condition(it).is_null()
        })
        .await;
}

#[tokio::test]
async fn who_waits_keeps_what_is_still_his_and_nothing_else() {
    let world = World::start().await;
    world.create(&service("web")).await;
    let first = world.until_provisioned("web").await;
    let lack = Lack {
        reason: "AddressInUse",
        message: "192.0.2.9 is another's".into(),
    };
    world.provider.lack(Some(lack.clone()), true);
    world.provider.change("web");
    let waiting = world.until_condition("web", "AddressInUse").await;
    assert_eq!(ingress(&waiting), ingress(&first));
    assert_eq!(condition(&waiting)["message"], lack.message);
    let note = world.until_told("web", "SyncLoadBalancerFailed").await;
    assert_eq!(note, lack.message);

    world.provider.lack(Some(lack), false);
    world.provider.change("web");
    let bare = world
        .until("web", "has nothing", |it| {
            ingress(it).as_array().is_none_or(Vec::is_empty)
        })
        .await;
    assert_eq!(condition(&bare), condition(&waiting));
    assert_eq!(serving(&bare)["reason"], "NotProvisioned");

    world.provider.lack(None, false);
    world.provider.change("web");
    let then = world.until_provisioned("web").await;
    assert_eq!(ingress(&then), ingress(&first));
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
