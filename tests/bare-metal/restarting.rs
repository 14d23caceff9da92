//! A controller that ends, and another that takes over.

use serde_json::{Value, json};

use crate::objects::{addresses, condition, service};
use crate::world::World;

fn version(service: &Value) -> Value {
    service["metadata"]["resourceVersion"].clone()
}

#[tokio::test]
async fn a_restart_keeps_every_address_and_writes_to_no_service() {
    let mut world = World::with(&[("a", json!({"addresses": ["192.0.2.10-192.0.2.19"]}))]).await;
    for name in ["a", "b", "c"] {
        world.create(&service(name)).await;
        world
            .until(name, "has an address", |it| !addresses(it).is_empty())
            .await;
    }
    world.delete("b").await;
    let before = [world.get("a").await, world.get("c").await];
    world.stop_controller().await;
    world.create(&service("new")).await;
    world.start_controller().await;
    // The address that rested has no memory of it in a new process.
    world.until_at("new", &["192.0.2.11"]).await;
    let after = [world.get("a").await, world.get("c").await];
    assert_eq!(
        before.each_ref().map(version),
        after.each_ref().map(version)
    );
}

#[tokio::test]
async fn of_two_that_claim_one_address_the_older_keeps_it_and_the_other_is_told() {
    let mut world = World::with(&[("a", json!({"addresses": ["192.0.2.10-192.0.2.19"]}))]).await;
    world.create(&service("old")).await;
    world.until_at("old", &["192.0.2.10"]).await;
    // Made in the same second, the name decides.
    world.create(&service("young")).await;
    world.until_at("young", &["192.0.2.11"]).await;
    world.stop_controller().await;
    let stolen =
        json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10", "ipMode": "VIP"}]}}});
    world.patch_status("young", stolen).await;
    world.start_controller().await;
    let young = world.until_at("young", &["192.0.2.11"]).await;
    let told = condition(&young, "landfall.dev/AddressTaken")["message"].clone();
    assert!(
        told.as_str().unwrap().contains("/old, which is older"),
        "{told}"
    );
    assert_eq!(addresses(&world.get("old").await), ["192.0.2.10"]);
}

#[tokio::test]
async fn without_the_custom_resources_everybody_is_told_and_all_heals_with_them() {
    // On a real control plane the other stories have installed them.
    if std::env::var_os("LANDFALL_CONTROL_PLANE").is_some() {
        return;
    }
    let mut world = World::without_controller().await;
    world.start_controller().await;
    world.create(&service("web")).await;
    let told = world.until_lacks("web", "ProviderUnavailable").await;
    let message = condition(&told, "landfall.dev/Provisioned")["message"].clone();
    let message = message.as_str().unwrap();
    assert!(
        message.contains("landfall crds | kubectl apply -f -"),
        "{message}"
    );
    let troubles = world.health.troubles().join("\n");
    assert!(
        troubles.contains("provider landfall.dev/bare-metal"),
        "{troubles}"
    );
    world.install().await;
    world.pool("a", json!({"addresses": ["192.0.2.10"]})).await;
    world.until_at("web", &["192.0.2.10"]).await;
    assert_eq!(world.health.troubles(), [""; 0]);
}
