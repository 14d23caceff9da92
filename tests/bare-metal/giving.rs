//! What Services are given.

use serde_json::json;

use crate::objects::{addresses, annotated, condition, service};
use crate::world::World;

#[tokio::test]
async fn a_service_gets_an_address_with_one_write_and_is_told_what_is_missing() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.10-192.0.2.12"]}))]).await;
    world.create(&service("web")).await;
    let web = world.until_at("web", &["192.0.2.10"]).await;
    let ingress = &web["status"]["loadBalancer"]["ingress"];
    assert_eq!(ingress[0]["ipMode"], "VIP");
    assert_eq!(
        ingress[0]["ports"][0],
        json!({"port": 80, "protocol": "TCP"})
    );
    assert_eq!(
        condition(&web, "landfall.dev/Provisioned")["status"],
        "True"
    );
    let announced = condition(&web, "landfall.dev/Announced");
    assert_eq!(announced["status"], "False", "{web:#}");
    assert_eq!(announced["reason"], "NoAdvertisement");
    let serving = condition(&web, "landfall.dev/Serving");
    assert_eq!(serving["reason"], "NotAnnounced");
    let finalizer = "service.kubernetes.io/load-balancer-cleanup";
    assert_eq!(web["metadata"]["finalizers"][0], finalizer);
    world.until_told("web", "EnsuredLoadBalancer").await;
    assert_eq!(world.events("web").await.len(), 1);
    let metrics = world.metrics.encode().unwrap();
    let one = "landfall_service_writes_total{result=\"Done\"} 1\n";
    assert!(metrics.contains(one), "all of it was one write: {metrics}");
    let pool = world
        .until_pool("a", "counts it", |it| it["status"]["ipv4"]["assigned"] == 1)
        .await;
    let counts = json!({"total": 3, "assigned": 1, "available": 2});
    assert_eq!(pool["status"]["ipv4"], counts);
    assert_eq!(condition(&pool, "Ready")["status"], "True");
    assert_eq!(
        pool["status"]["addresses"],
        json!(["192.0.2.10-192.0.2.12"])
    );
}

#[tokio::test]
async fn an_advertisement_changes_what_is_told() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.10"]}))]).await;
    world.create(&service("web")).await;
    world.until_at("web", &["192.0.2.10"]).await;
    world
        .advertise("lan", json!({"pools": [world.named("a")]}))
        .await;
    world
        .until("web", "waits for a speaker", |it| {
            let announced = condition(it, "landfall.dev/Announced");
            announced["status"] == "False" && announced["reason"] == "NoEndpoints"
        })
        .await;
}

#[tokio::test]
async fn a_requested_address_is_given_once_it_is_free_and_no_other_before() {
    let world = World::with(&[(
        "a",
        json!({"addresses": ["192.0.2.0/28"], "reuseAfter": "0s"}),
    )])
    .await;
    let asking = |name| annotated(name, &[("load-balancer-ips", "192.0.2.7")]);
    world.create(&asking("first")).await;
    world.until_at("first", &["192.0.2.7"]).await;
    world.create(&asking("second")).await;
    let second = world.until_lacks("second", "AddressInUse").await;
    assert!(addresses(&second).is_empty());
    let message = condition(&second, "landfall.dev/Provisioned")["message"].clone();
    let note = world.until_told("second", "SyncLoadBalancerFailed").await;
    assert_eq!(message, note.as_str());
    assert!(note.contains("192.0.2.7 is in use by"), "{note}");
    world.delete("first").await;
    world.until_at("second", &["192.0.2.7"]).await;
}

#[tokio::test]
async fn services_of_one_key_share_an_address() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.10"]}))]).await;
    let sharing = |name, port| {
        let mut service = annotated(name, &[("sharing-key", "front")]);
        service["spec"]["ports"][0]["port"] = json!(port);
        service
    };
    world.create(&sharing("http", 80)).await;
    world.until_at("http", &["192.0.2.10"]).await;
    world.create(&sharing("https", 443)).await;
    world.until_at("https", &["192.0.2.10"]).await;
    world.create(&sharing("again", 80)).await;
    world.until_lacks("again", "Exhausted").await;
    world
        .until_pool("a", "counts one", |it| {
            it["status"]["ipv4"]["assigned"] == 1
        })
        .await;
    // A port that becomes free is somebody's who waits.
    world
        .patch("http", json!({"spec": {"ports": [{"port": 8080}]}}))
        .await;
    world.until_at("again", &["192.0.2.10"]).await;
    world.until_at("http", &["192.0.2.10"]).await;
}

#[tokio::test]
async fn what_cannot_be_is_told_with_the_field_and_harms_nobody() {
    let world = World::with(&[("a", json!({"addresses": ["192.0.2.0/28"]}))]).await;
    let faults = [
        (
            "load-balancer-ips",
            "192.0.2.1,192.0.2.2",
            "is a second one of its family",
        ),
        (
            "load-balancer-ips",
            "2001:db8::1",
            "a family that the Service does not have",
        ),
        ("load-balancer-ips", "::ffff:192.0.2.1", "write 192.0.2.1"),
        ("load-balancer-ips", "192.0.2.300", "is not an IP address"),
        ("load-balancer-ips", "fe80::1%eth0", "is not an IP address"),
        ("reservation", "other/mine", "of its own namespace only"),
        ("reservation", "a,b,c", "3 reservations are too many"),
        ("reservation", "a,a", "is named twice"),
    ];
    for (index, (annotation, value, words)) in faults.into_iter().enumerate() {
        let name = format!("bad-{index}");
        world
            .create(&annotated(&name, &[(annotation, value)]))
            .await;
        let bad = world.until_lacks(&name, "Invalid").await;
        let message = condition(&bad, "landfall.dev/Provisioned")["message"].clone();
        let message = message.as_str().unwrap();
        assert!(message.contains(words), "{value}: {message}");
        let field = format!("metadata.annotations[landfall.dev/{annotation}]");
        assert!(message.starts_with(&field), "{value}: {message}");
        assert!(addresses(&bad).is_empty(), "{value}");
    }
    let lacks = [
        ("load-balancer-ips", "198.51.100.1", "AddressNotInPool"),
        ("address-pool", "nowhere", "PoolNotFound"),
        ("reservation", "none", "ReservationNotFound"),
    ];
    for (annotation, value, reason) in lacks {
        let name = reason.to_lowercase();
        world
            .create(&annotated(&name, &[(annotation, value)]))
            .await;
        world.until_lacks(&name, reason).await;
    }
    world.create(&service("good")).await;
    world.until_at("good", &["192.0.2.0"]).await;
}

#[tokio::test]
async fn two_families_come_from_two_pools_and_one_that_is_left_open_is_told() {
    let world = World::with(&[("four", json!({"addresses": ["192.0.2.10"]}))]).await;
    let dual = |name: &str, policy| {
        let mut dual = service(name);
        dual["spec"]["ipFamilyPolicy"] = json!(policy);
        dual["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
        dual
    };
    let mut web = dual("web", "PreferDualStack");
    web["spec"]["loadBalancerSourceRanges"] = json!(["198.51.100.0/24"]);
    world.create(&web).await;
    let half = world.until_at("web", &["192.0.2.10"]).await;
    assert!(condition(&half, "landfall.dev/OpenToEverybody").is_null());
    let provisioned = condition(&half, "landfall.dev/Provisioned");
    assert_eq!(provisioned["status"], "True", "it takes what there is");
    world.create(&dual("both", "RequireDualStack")).await;
    world.until_lacks("both", "Exhausted").await;

    world
        .pool("six", json!({"addresses": ["2001:db8::10-2001:db8::1f"]}))
        .await;
    let whole = world.until_at("web", &["192.0.2.10", "2001:db8::10"]).await;
    let open = condition(&whole, "landfall.dev/OpenToEverybody");
    assert_eq!(open["status"], "True", "{whole:#}");
    let note = world.until_told("web", "FamilyOpen").await;
    assert_eq!(open["message"], note.as_str());
    assert!(note.contains("names no IPv6 range"), "{note}");
    let mended =
        json!({"spec": {"loadBalancerSourceRanges": ["198.51.100.0/24", "2001:db8::/32"]}});
    world.patch("web", mended).await;
    world
        .until("web", "is open no more", |it| {
            condition(it, "landfall.dev/OpenToEverybody").is_null()
        })
        .await;
    world
        .edit(
            "four",
            json!({"spec": {"addresses": ["192.0.2.10-192.0.2.11"]}}),
        )
        .await;
    world
        .until_at("both", &["192.0.2.11", "2001:db8::11"])
        .await;
}
