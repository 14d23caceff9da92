//! Pools that change while Services have addresses of them.

use serde_json::{Value, json};

use crate::objects::{addresses, annotated, condition, service};
use crate::world::World;

#[tokio::test]
async fn exhaustion_ends_with_a_release_or_a_larger_pool() {
    let world = World::with(&[(
        "a",
        json!({"addresses": ["192.0.2.10"], "reuseAfter": "0s"}),
    )])
    .await;
    world.create(&service("first")).await;
    world.until_at("first", &["192.0.2.10"]).await;
    for name in ["second", "third"] {
        world.create(&service(name)).await;
        let told = world.until_lacks(name, "Exhausted").await;
        let message = &condition(&told, "landfall.dev/Provisioned")["message"];
        assert!(
            message.as_str().unwrap().contains(&world.named("a")),
            "{message}"
        );
    }
    world.delete("first").await;
    world.until_at("second", &["192.0.2.10"]).await;
    world
        .edit(
            "a",
            json!({"spec": {"addresses": ["192.0.2.10-192.0.2.11"]}}),
        )
        .await;
    world.until_at("third", &["192.0.2.11"]).await;
}

#[tokio::test]
async fn an_address_that_rests_is_given_when_its_rest_is_over() {
    let spec = json!({"addresses": ["192.0.2.10"], "reuseAfter": "2s"});
    let world = World::with(&[("a", spec)]).await;
    world.create(&service("first")).await;
    world.until_at("first", &["192.0.2.10"]).await;
    world.create(&service("second")).await;
    world.until_lacks("second", "Exhausted").await;
    let released = std::time::Instant::now();
    world.delete("first").await;
    world.until_at("second", &["192.0.2.10"]).await;
    let rested = released.elapsed();
    assert!(rested >= std::time::Duration::from_secs(2), "{rested:?}");
}

#[tokio::test]
async fn a_closed_pool_keeps_what_is_assigned_and_gives_nothing_new() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    world.create(&service("old")).await;
    world.until_at("old", &["192.0.2.0"]).await;
    world
        .edit("a", json!({"spec": {"allocation": "Closed"}}))
        .await;
    world
        .until_pool("a", "is closed", |it| {
            condition(it, "Ready")["reason"] == "Closed"
        })
        .await;
    let pool = world.named("a");
    world
        .create(&annotated("new", &[("address-pool", &pool)]))
        .await;
    world.until_lacks("new", "PoolClosed").await;
    assert_eq!(addresses(&world.get("old").await), ["192.0.2.0"]);
    world
        .edit("a", json!({"spec": {"allocation": "OnRequest"}}))
        .await;
    world.until_at("new", &["192.0.2.1"]).await;
    world.create(&service("unasked")).await;
    world.until_lacks("unasked", "NoPool").await;
}

#[tokio::test]
async fn an_edit_that_keeps_the_addresses_writes_to_no_service() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    world.create(&service("web")).await;
    let before = world.until_at("web", &["192.0.2.0"]).await;
    world
        .edit(
            "a",
            json!({"spec": {"addresses": ["192.0.2.0/27"], "priority": 3}}),
        )
        .await;
    world
        .until_pool("a", "is larger", |it| it["status"]["ipv4"]["total"] == 32)
        .await;
    // A rename: the new one is there before the old one goes, or after.
    world
        .pool("b", json!({"addresses": ["192.0.2.0/27"]}))
        .await;
    world
        .until_pool("b", "is in conflict", |it| {
            condition(it, "Conflicting")["status"] == "True"
        })
        .await;
    world.delete_pool("a").await;
    let pool = world
        .until_pool("b", "has it", |it| it["status"]["ipv4"]["assigned"] == 1)
        .await;
    assert_eq!(condition(&pool, "Ready")["status"], "True", "{pool:#}");
    world.create(&service("next")).await;
    world.until_at("next", &["192.0.2.1"]).await;
    let version = |service: &Value| service["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&world.get("web").await), version(&before));
}

#[tokio::test]
async fn a_lost_address_is_served_and_told_until_it_is_reclaimed() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    world.create(&service("web")).await;
    world.until_at("web", &["192.0.2.0"]).await;
    world.create(&service("other")).await;
    let other = world.until_at("other", &["192.0.2.1"]).await;
    world
        .edit("a", json!({"spec": {"exclude": ["192.0.2.0"]}}))
        .await;
    let lost = world
        .until("web", "is told", |it| {
            !condition(it, "landfall.dev/AddressOutOfPool").is_null()
        })
        .await;
    assert_eq!(addresses(&lost), ["192.0.2.0"]);
    let told = condition(&lost, "landfall.dev/AddressOutOfPool")["message"].clone();
    assert_eq!(
        told,
        world.until_told("web", "AddressOutOfPool").await.as_str()
    );
    let pool = world
        .until_pool("a", "says so", |it| {
            it["status"]["retained"] == json!(["192.0.2.0"])
        })
        .await;
    let message = &condition(&pool, "Ready")["message"];
    assert!(
        message.as_str().unwrap().contains("still in use"),
        "{message}"
    );
    let reclaim = json!({"metadata": {"annotations": {"landfall.dev/reclaim": "true"}}});
    world.edit("a", reclaim).await;
    let moved = world.until_at("web", &["192.0.2.2"]).await;
    assert!(condition(&moved, "landfall.dev/AddressOutOfPool").is_null());
    world
        .until_pool("a", "retains nothing", |it| {
            it["status"]["retained"].is_null()
        })
        .await;
    let version = |service: &Value| service["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&world.get("other").await), version(&other));
}

#[tokio::test]
async fn a_scrape_finds_how_full_each_pool_is() {
    let ranges = json!(["192.0.2.0/28", "2001:db8::/64"]);
    let spec = json!({"addresses": ranges, "exclude": ["192.0.2.0"]});
    let world = World::with(&[("a", spec)]).await;
    world.create(&service("web")).await;
    world.until_at("web", &["192.0.2.1"]).await;
    let metrics = world.metrics.encode().unwrap();
    let pool = world.named("a");
    for expected in [
        format!("landfall_pool_addresses{{pool=\"{pool}\",family=\"IPv4\"}} 15.0"),
        format!("landfall_pool_addresses_assigned{{pool=\"{pool}\",family=\"IPv4\"}} 1.0"),
        format!("landfall_pool_addresses_available{{pool=\"{pool}\",family=\"IPv4\"}} 14.0"),
        format!("landfall_pool_addresses{{pool=\"{pool}\",family=\"IPv6\"}} 18446744073709"),
        "# HELP landfall_pool_addresses_available ".to_owned(),
    ] {
        assert!(metrics.contains(&expected), "no {expected} in\n{metrics}");
    }
}
