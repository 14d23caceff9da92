//! What the cloud tells of whether what arrives gets through.

use serde_json::{Value, json};

use crate::stream::Listener;
use crate::target::Target;
use crate::world::{World, body};

#[tokio::test]
async fn only_what_has_held_is_told_and_the_entity_tag_stays() {
    let world = World::start().await;
    let mut listener = Listener::start(&world, "", None).await;
    let target = Target::start("a").await;
    let made = world.put("web", &body(8080, &[&target])).await;
    assert_eq!(made["serving"]["state"], "Yes", "{made}");
    assert_eq!(listener.several(2).await, ["changed web", "serving web"]);

    let address = target.stop().await;
    assert_eq!(listener.next().await.unwrap(), "serving web");
    let down = world.read("web").await;
    assert_eq!(
        (&down["serving"]["state"], &down["serving"]["code"]),
        (&json!("No"), &json!("TargetsUnhealthy"))
    );
    assert_eq!(
        down["serving"]["message"],
        "the only target of port 8080/TCP is unhealthy: Connection refused (os error 111)"
    );
    let target = Target::at("a", address).await;
    assert_eq!(listener.next().await.unwrap(), "serving web");
    let up = world.read("web").await;
    assert_eq!(up["serving"]["state"], "Yes");
    let sequence = |it: &Value| it["serving"]["sequence"].as_u64().unwrap();
    assert!(sequence(&made) < sequence(&down) && sequence(&down) < sequence(&up));
    assert_eq!((&made["etag"], &made["etag"]), (&down["etag"], &up["etag"]));

    let none = world.put("web", &body(8080, &[])).await;
    assert_eq!(none["serving"]["code"], "NoTargets", "it is told at once");
    let again = world.put("web", &body(8080, &[&target])).await;
    assert_eq!(again["serving"]["state"], "Yes", "{again}");
}

#[tokio::test]
async fn a_target_that_flaps_is_no_word() {
    let world = World::start().await;
    let mut target = Target::start("a").await;
    world.put("web", &body(8080, &[&target])).await;
    let mut listener = Listener::start(&world, "", None).await;
    for _ in 0..4 {
        let address = target.stop().await;
        world.until_health("web", &["Unhealthy"]).await;
        target = Target::at("a", address).await;
        world.until_health("web", &["Healthy"]).await;
    }
    world.put("last", &json!({})).await;
    assert_eq!(listener.next().await.unwrap(), "changed last");
}
