//! What others did to a load balancer is put right, and told as a repair; nothing else is.

use std::time::Duration;

use futures::StreamExt;
use landfall_provider_api::{Assigned, LoadBalancer, Provider};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, assigned, next, wanted};

const ONE: &str = "load-balancers/k8s.demo.c1.s1";

async fn repaired(provider: &dyn Provider, wanted: &LoadBalancer) -> bool {
    let Assigned { repaired, .. } = assigned(provider.ensure(wanted).await.unwrap());
    repaired
}

fn another() -> LoadBalancer {
    let mut another = wanted("s1");
    another.ports[0].port = 9000;
    another
}

#[tokio::test]
async fn what_others_did_is_a_repair_whether_the_stream_tells_it_or_not() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    assert!(!repaired(&*provider, &wanted("s1")).await, "it is new");
    for query in ["", "?quietly=true"] {
        for (method, body) in [
            (Method::PATCH, json!({"listeners": []})),
            (
                Method::PATCH,
                json!({"tags": {"landfall.dev/service-uid": "other"}}),
            ),
            (Method::DELETE, Value::Null),
        ] {
            let what = format!("{method} {body} {query}");
            world.admin(method, &format!("{ONE}{query}"), body).await;
            if !query.is_empty() {
                provider.owned().await.unwrap();
            }
            assert_eq!(next(&mut changes).await, "s1", "{what}");
            assert!(repaired(&*provider, &wanted("s1")).await, "{what}");
            assert!(!repaired(&*provider, &wanted("s1")).await, "{what}: once");
        }
    }
    let more = tokio::time::timeout(Duration::from_millis(200), changes.next()).await;
    assert!(more.is_err(), "a repair of ours was told to us: {more:?}");
}

#[tokio::test]
async fn ordinary_changes_are_no_repairs() {
    let world = World::start().await;
    let (provider, _changes) = world.listening().await;
    for wanted in [wanted("s1"), another(), wanted("s1")] {
        assert!(!repaired(&*provider, &wanted).await);
    }
    // Altered, and asked to be something else at the same time.
    world
        .alter("s1", "?quietly=true", json!({"listeners": []}))
        .await;
    provider.owned().await.unwrap();
    assert!(!repaired(&*provider, &another()).await);
    provider.release(&another().id).await.unwrap();
    assert!(!repaired(&*provider, &another()).await, "made again");
}

#[tokio::test]
async fn after_a_restart_what_changed_meanwhile_is_no_repair() {
    let world = World::start().await;
    world.begun().await.ensure(&wanted("s1")).await.unwrap();
    let restarted = world.begun().await;
    assert!(!repaired(&*restarted, &another()).await);
    let (restarted, mut changes) = world.listening().await;
    assert!(!repaired(&*restarted, &another()).await);
    world.alter("s1", "", json!({"listeners": []})).await;
    assert_eq!(next(&mut changes).await, "s1");
    assert!(
        repaired(&*restarted, &another()).await,
        "it was seen as wanted"
    );
}

#[tokio::test]
async fn a_repair_counts_once_however_often_it_fails_and_however_long_it_takes() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    world
        .admin(Method::PUT, "provisioning", json!({"duration": "200ms"}))
        .await;
    world.admin(Method::DELETE, ONE, Value::Null).await;
    assert_eq!(next(&mut changes).await, "s1");
    let fault = json!({"kind": "lostAfterChange"});
    world.fault("PutLoadBalancer", 1, fault).await;
    provider.ensure(&wanted("s1")).await.unwrap_err();
    let slow = provider.ensure(&wanted("s1")).await.unwrap();
    let mut outcome = slow;
    while let landfall_provider_api::Outcome::Provisioning { .. } = outcome {
        next(&mut changes).await;
        outcome = provider.ensure(&wanted("s1")).await.unwrap();
    }
    assert!(assigned(outcome).repaired);
    assert!(!repaired(&*provider, &wanted("s1")).await);
}
