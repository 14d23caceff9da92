//! Which address a load balancer gets, and what if it is of no use.

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::target::{Client, Target};
use crate::world::{World, body, pool};

fn status(answer: &Value) -> &Value {
    &answer["listeners"][0]["status"]
}

#[tokio::test]
async fn the_lowest_free_address_is_given() {
    let world = World::start().await;
    for (id, place) in [("a", 1), ("b", 2), ("c", 3)] {
        let made = world.put(id, &json!({})).await;
        assert_eq!(made["addresses"], json!([world.address(place)]));
    }
    world.delete("b").await;
    let made = world.put("d", &json!({})).await;
    assert_eq!(made["addresses"], json!([world.address(2)]));
}

#[tokio::test]
async fn an_empty_pool_says_so() {
    let world = World::on(pool(31), |_| ()).await;
    for id in ["a", "b"] {
        world.put(id, &json!({})).await;
    }
    let refused = world.try_put("c", &json!({})).await;
    assert_eq!(refused.status(), 409);
    assert!(refused.headers().get("retry-after").is_none());
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:landfall:problem:pool-exhausted");
    world.put("a", &json!({"tags": {"still": "there"}})).await;
}

#[tokio::test]
async fn two_clouds_with_one_pool_keep_apart() {
    let pool = pool(29);
    let (one, two) = (World::on(pool, |_| ()).await, World::on(pool, |_| ()).await);
    let (a, b) = (Target::start("a").await, Target::start("b").await);
    let first = one.serve("web", &[&a]).await;
    let second = two.serve("web", &[&b]).await;
    assert_ne!(first, second);
    assert_eq!(Client::connect(first).await.unwrap().reached, "a");
    assert_eq!(Client::connect(second).await.unwrap().reached, "b");
    assert_eq!(
        one.serve("more", &[&a]).await.ip().to_string(),
        one.address(3)
    );
}

#[tokio::test]
async fn with_a_port_taken_everywhere_the_load_balancer_says_so() {
    let world = World::on(pool(31), |_| ()).await;
    let mut held = Vec::new();
    for place in [0, 1] {
        held.push(
            TcpListener::bind((world.address(place), 8080))
                .await
                .unwrap(),
        );
    }
    let target = Target::start("a").await;
    let made = world.put("web", &body(8080, &[&target])).await;
    assert_eq!(status(&made)["code"], "PortTaken");
    // All others go on.
    let other = world.put("other", &body(8081, &[&target])).await;
    assert_eq!(status(&other)["state"], "Listening");
}

#[tokio::test]
async fn a_port_that_is_free_again_is_taken_by_the_next_put() {
    let world = World::start().await;
    let held = TcpListener::bind((world.address(1), 8080)).await.unwrap();
    let target = Target::start("a").await;
    let mut body = body(8080, &[&target]);
    body["requestedAddresses"] = json!([world.address(1)]);
    let failed = world.put("web", &body).await;
    assert_eq!(
        failed["addresses"],
        json!([world.address(1)]),
        "it was asked for"
    );
    let message = status(&failed)["message"].as_str().unwrap();
    assert!(message.contains("choose another port"), "{message}");
    assert_eq!(status(&world.read("web").await), status(&failed));

    drop(held);
    let healed = world.put("web", &body).await;
    assert_eq!(status(&healed), &json!({"state": "Listening"}));
    let address = format!("{}:8080", world.address(1)).parse().unwrap();
    assert!(Client::connect(address).await.unwrap().echoes().await);
}

#[tokio::test]
async fn an_address_that_this_machine_lacks_is_a_failed_listener() {
    // TEST-NET-1 (RFC 5737): nobody has these.
    let world = World::on("192.0.2.0/29".parse().unwrap(), |_| ()).await;
    let made = world.put("web", &body(8080, &[])).await;
    assert_eq!(status(&made)["code"], "AddressNotAvailable");
    let message = status(&made)["message"].as_str().unwrap();
    assert!(message.contains("192.0.2.1"), "{message}");
    world.delete("web").await;
}

#[tokio::test]
async fn a_requested_address_is_had_or_refused() {
    let world = World::start().await;
    let asking = |address: &str| json!({"requestedAddresses": [address]});
    let made = world.put("a", &asking(&world.address(4))).await;
    assert_eq!(made["addresses"], json!([world.address(4)]));
    for (id, address, code, status) in [
        ("b", world.address(4), "address-taken", 409),
        ("b", world.address(0), "invalid", 400),
        ("b", world.address(7), "invalid", 400),
        ("b", "10.0.0.1".into(), "invalid", 400),
        ("b", "fd00::1".into(), "invalid", 400),
        ("a", world.address(5), "address-fixed", 409),
    ] {
        let refused = world.try_put(id, &asking(&address)).await;
        assert_eq!(refused.status(), status, "{address}");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:landfall:problem:{code}"));
        assert_eq!(problem["field"], "/requestedAddresses/0");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&address), "{detail}");
    }
    assert_eq!(world.get("/v1/load-balancers/b").await.status(), 404);
}

#[tokio::test]
async fn others_on_the_machine_keep_their_port() {
    let world = World::start().await;
    let held = TcpListener::bind((world.address(1), 8080)).await.unwrap();
    let target = Target::start("a").await;
    let address = world.serve("web", &[&target]).await;
    assert_eq!(address.ip().to_string(), world.address(2));
    let (connected, accepted) = tokio::join!(
        TcpStream::connect(held.local_addr().unwrap()),
        held.accept()
    );
    assert!(connected.is_ok() && accepted.is_ok());
}
