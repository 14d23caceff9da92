//! Pools that make no sense, or not beside others.

use serde_json::json;

use crate::objects::{addresses, condition, service};
use crate::world::World;

#[tokio::test]
async fn a_pool_that_makes_no_sense_says_so_with_the_field_and_disables_itself_alone() {
    let world = World::with(&[
        (
            "bad",
            json!({"addresses": ["192.0.2.0/28", "192.0.2.8-192.0.2.20"], "priority": 1}),
        ),
        ("good", json!({"addresses": ["198.51.100.1"]})),
    ])
    .await;
    let bad = world
        .until_pool("bad", "is told", |it| {
            condition(it, "Ready")["reason"] == "Invalid"
        })
        .await;
    let message = condition(&bad, "Ready")["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.starts_with("spec.addresses[1]: "), "{message}");
    world.create(&service("web")).await;
    world.until_at("web", &["198.51.100.1"]).await;
    world
        .edit("bad", json!({"spec": {"addresses": ["192.0.2.0/28"]}}))
        .await;
    world
        .until_pool("bad", "is ready", |it| {
            condition(it, "Ready")["status"] == "True"
        })
        .await;
    world.create(&service("next")).await;
    world.until_at("next", &["192.0.2.0"]).await;
}

#[tokio::test]
async fn of_two_pools_that_overlap_the_second_gives_nothing_until_they_do_no_more() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    world.create(&service("web")).await;
    world.until_at("web", &["192.0.2.0"]).await;
    world
        .pool(
            "b",
            json!({"addresses": ["192.0.2.8-192.0.2.40"], "priority": 1}),
        )
        .await;
    let b = world
        .until_pool("b", "is told", |it| {
            condition(it, "Conflicting")["status"] == "True"
        })
        .await;
    let message = &condition(&b, "Conflicting")["message"];
    let expected = format!(
        "it has 192.0.2.8/29 in common with AddressPool {}",
        world.named("a")
    );
    assert_eq!(message, expected.as_str());
    assert_eq!(condition(&b, "Ready")["reason"], "Conflicting");
    world.create(&service("next")).await;
    world.until_at("next", &["192.0.2.1"]).await;
    world
        .edit(
            "b",
            json!({"spec": {"addresses": ["192.0.2.16-192.0.2.40"]}}),
        )
        .await;
    world
        .until_pool("b", "is ready", |it| {
            condition(it, "Ready")["status"] == "True"
        })
        .await;
    world.create(&service("third")).await;
    world.until_at("third", &["192.0.2.16"]).await;
    assert_eq!(addresses(&world.get("web").await), ["192.0.2.0"]);
}

#[tokio::test]
async fn an_advertisement_that_makes_no_sense_is_told_and_announces_nothing() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    let senseless = json!({"nodeSelector": {"matchLabels": {"a": "no value at all"}}});
    world.advertise("lan", senseless).await;
    let lan = world
        .until_advertisement("lan", "is told", |it| {
            condition(it, "Ready")["reason"] == "Invalid"
        })
        .await;
    let message = condition(&lan, "Ready")["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.starts_with("spec.nodeSelector"), "{message}");
    world.create(&service("web")).await;
    let web = world.until_at("web", &["192.0.2.0"]).await;
    let announced = condition(&web, "landfall.dev/Announced");
    assert_eq!(announced["reason"], "NoAdvertisement");
    let mended = json!({"spec": {"nodeSelector": {"matchLabels": {"a": "b"}}}});
    world.edit_advertisement("lan", mended).await;
    world
        .until_advertisement("lan", "is in order", |it| {
            condition(it, "Ready")["status"] == "True"
        })
        .await;
    world
        .until("web", "waits for a speaker", |it| {
            condition(it, "landfall.dev/Announced")["reason"] == "NoEndpoints"
        })
        .await;
}
