//! What the provider learns from the stream of changes, and what it carries.

use std::time::Duration;

use futures::StreamExt;
use landfall_provider_api::{Affinity, Error, Outcome, Port, Protocol, TrafficPolicy};
use reqwest::Method;
use serde_json::json;

use crate::world::{World, assigned, next, wanted};

#[tokio::test]
async fn what_others_alter_is_told_and_repaired_by_one_put() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    for patch in [
        json!({"sourceRanges": ["10.0.0.0/8"]}),
        json!({"listeners": []}),
        json!({"tags": {"landfall.dev/service-uid": "another"}}),
        json!({"tags": null}),
    ] {
        world.alter("s1", "", patch.clone()).await;
        assert_eq!(next(&mut changes).await, "s1", "{patch}");
        world.forget_calls().await;
        provider.ensure(&wanted("s1")).await.unwrap();
        assert_eq!(world.calls().await, ["PutLoadBalancer Changed"], "{patch}");
    }
    world
        .admin(Method::DELETE, "load-balancers/k8s.demo.c1.s1", json!({}))
        .await;
    assert_eq!(next(&mut changes).await, "s1");
    world.forget_calls().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    assert_eq!(world.calls().await, ["PutLoadBalancer Made"]);
}

#[tokio::test]
async fn our_own_changes_wake_nobody() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    for uid in ["s1", "s2"] {
        let mut wanted = wanted(uid);
        for port in [8080, 8081, 8082] {
            wanted.ports[0].port = port;
            provider.ensure(&wanted).await.unwrap();
        }
    }
    provider.release(&wanted("s2").id).await.unwrap();
    world.alter("s1", "", json!({"listeners": []})).await;
    assert_eq!(next(&mut changes).await, "s1");
    let more = tokio::time::timeout(Duration::from_millis(200), changes.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn what_the_stream_does_not_tell_is_found_by_the_bulk_read() {
    let world = World::start().await;
    let (provider, _changes) = world.listening().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    world
        .alter("s1", "?quietly=true", json!({"listeners": []}))
        .await;
    world.forget_calls().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    assert_eq!(world.calls().await, [""; 0]);
    provider.owned().await.unwrap();
    provider.ensure(&wanted("s1")).await.unwrap();
    assert_eq!(
        world.calls().await,
        ["ListLoadBalancers Read", "PutLoadBalancer Changed"]
    );
}

#[tokio::test]
async fn a_stale_write_has_no_effect() {
    let world = World::start().await;
    let (old, new) = (world.begun().await, world.begun().await);
    old.ensure(&wanted("s1")).await.unwrap();
    new.owned().await.unwrap();
    let (mut newer, mut older) = (wanted("s1"), wanted("s1"));
    newer.ports[0].port = 9000;
    older.ports[0].port = 7000;
    new.ensure(&newer).await.unwrap();
    let error = old.ensure(&older).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(world.items().await[0]["listeners"][0]["port"], 9000);
    new.ensure(&wanted("s1")).await.unwrap();
    let error = old.release(&wanted("s1").id).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(world.items().await.len(), 1);
    // It has read again what is there, and may decide anew.
    old.release(&wanted("s1").id).await.unwrap();
    new.release(&wanted("s1").id).await.unwrap();
}

#[tokio::test]
async fn provisioning_ends_with_a_change() {
    let world = World::start().await;
    world
        .admin(Method::PUT, "provisioning", json!({"duration": "200ms"}))
        .await;
    let (provider, mut changes) = world.listening().await;
    let outcome = provider.ensure(&wanted("s1")).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Provisioning { assigned: None, .. }),
        "{outcome:?}"
    );
    assert_eq!(next(&mut changes).await, "s1");
    assert!(
        !assigned(provider.ensure(&wanted("s1")).await.unwrap())
            .ingress
            .is_empty()
    );
}

#[tokio::test]
async fn what_happened_while_the_stream_was_away_is_told() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    for uid in ["s1", "s2"] {
        provider.ensure(&wanted(uid)).await.unwrap();
    }
    let fault = json!({"fault": {"kind": "outage"}});
    world.admin(Method::POST, "faults", fault).await;
    world.alter("s2", "", json!({"listeners": []})).await;
    world.admin(Method::DELETE, "faults", json!({})).await;
    assert_eq!(next(&mut changes).await, "s2");
}

#[tokio::test]
async fn who_waits_is_woken_by_what_others_delete() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    let theirs = world.begun().await;
    for n in 1..=6 {
        theirs.ensure(&wanted(&format!("s{n}"))).await.unwrap();
    }
    provider.ensure(&wanted("late")).await.unwrap_err();
    theirs.release(&wanted("s3").id).await.unwrap();
    while next(&mut changes).await != "late" {}
    provider.ensure(&wanted("late")).await.unwrap();
}

#[tokio::test]
async fn all_that_a_service_asks_for_is_carried() {
    let world = World::start().await;
    let provider = world.begun().await;
    let mut wanted = wanted("s1");
    wanted.ports.push(Port {
        protocol: Protocol::Udp,
        ..wanted.ports[0].clone()
    });
    wanted.source_ranges = vec!["10.0.0.0/8".parse().unwrap()];
    wanted.affinity = Affinity::ClientIp(Duration::from_secs(90));
    wanted.traffic_policy = TrafficPolicy::Local {
        health_check_node_port: Some(32000),
    };
    let outcome = assigned(provider.ensure(&wanted).await.unwrap());
    assert!(outcome.failed_ports.is_empty());
    let item = &world.items().await[0];
    assert_eq!(item["sourceRanges"], json!(["10.0.0.0/8"]));
    assert_eq!(
        item["affinity"],
        json!({"type": "clientIp", "timeout": "90s"})
    );
    for (index, protocol) in ["TCP", "UDP"].iter().enumerate() {
        let listener = &item["listeners"][index];
        assert_eq!(
            (&listener["protocol"], &listener["port"]),
            (&json!(protocol), &json!(8080))
        );
        assert_eq!(listener["healthCheck"]["port"], 32000);
        assert_eq!(listener["healthCheck"]["path"], "/healthz");
    }
}

#[tokio::test]
async fn a_cloud_that_has_forgotten_everything_is_told_everything() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    for uid in ["s1", "s2"] {
        provider.ensure(&wanted(uid)).await.unwrap();
    }
    let world = world.replace().await;
    let mut told = [next(&mut changes).await, next(&mut changes).await];
    told.sort();
    assert_eq!(told, ["s1", "s2"]);
    for uid in ["s1", "s2"] {
        provider.ensure(&wanted(uid)).await.unwrap();
    }
    assert_eq!(world.items().await.len(), 2);
}
