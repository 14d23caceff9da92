//! AddressReservations.

use serde_json::json;

use crate::objects::{annotated, condition, service};
use crate::world::{World, until};

#[tokio::test]
async fn a_reservation_keeps_its_address_beyond_the_service_that_used_it() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.10-192.0.2.12"]}))]).await;
    world
        .reserve("mine", json!({"pool": world.named("a")}))
        .await;
    let reservations = world.reservations();
    let mine = until(&reservations, "mine", "is ready", |it| {
        condition(it, "Ready")["status"] == "True"
    });
    let mine = mine.await;
    assert_eq!(mine["status"]["address"], "192.0.2.10");
    assert_eq!(mine["status"]["pool"], world.named("a").as_str());
    world.create(&service("other")).await;
    world.until_at("other", &["192.0.2.11"]).await;
    let named = |name| annotated(name, &[("reservation", "mine")]);
    world.create(&named("web")).await;
    world.until_at("web", &["192.0.2.10"]).await;
    until(&reservations, "mine", "names its user", |it| {
        it["status"]["service"] == "web"
    })
    .await;
    world.delete("web").await;
    until(&reservations, "mine", "has no user", |it| {
        it["status"]["service"].is_null() && it["status"]["address"] == "192.0.2.10"
    })
    .await;
    world
        .create(&annotated("thief", &[("load-balancer-ips", "192.0.2.10")]))
        .await;
    world.until_lacks("thief", "AddressReserved").await;
    world.create(&named("web-2")).await;
    world.until_at("web-2", &["192.0.2.10"]).await;
}

#[tokio::test]
async fn why_a_reservation_keeps_nothing_is_told_and_heals() {
    let world = World::with(&[]).await;
    world
        .reserve("mine", json!({"address": "192.0.2.10"}))
        .await;
    world
        .create(&annotated("web", &[("reservation", "mine")]))
        .await;
    world.until_lacks("web", "ReservationNotReady").await;
    let reservations = world.reservations();
    until(&reservations, "mine", "is told", |it| {
        condition(it, "Ready")["reason"] == "AddressNotInPool"
    })
    .await;
    world
        .pool("a", json!({"addresses": ["192.0.2.0/28"]}))
        .await;
    world.until_at("web", &["192.0.2.10"]).await;
    until(&reservations, "mine", "is ready", |it| {
        condition(it, "Ready")["status"] == "True"
    })
    .await;
}
