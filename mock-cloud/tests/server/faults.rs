//! What can be let go wrong beyond single calls, and changes behind the client's back.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::datagram::{Asker, Echo, body};
use crate::target::Target;
use crate::world::{self, World, until};

impl World {
    async fn order(&self, rule: Value) {
        let request = self.call(Method::POST, "/admin/faults").json(&rule);
        assert_eq!(request.send().await.unwrap().status(), 201, "{rule}");
    }

    async fn clear(&self) {
        let request = self.call(Method::DELETE, "/admin/faults");
        assert_eq!(request.send().await.unwrap().status(), 204);
    }

    async fn status(&self, method: Method, path: &str) -> StatusCode {
        let request = self.call(method, path).json(&json!({}));
        request.send().await.unwrap().status()
    }
}

const WEB: &str = "/v1/load-balancers/web";
const BEHIND: &str = "/admin/load-balancers/web";

#[tokio::test]
async fn a_call_hangs_until_it_is_released() {
    let world = World::start().await;
    world
        .order(json!({"fault": {"kind": "hang"}, "times": 1}))
        .await;
    let empty = json!({});
    let put = world.try_put("web", &empty);
    tokio::pin!(put);
    let waits = async {
        until(async || {
            let calls: Value = world.get("/admin/calls").await.json().await.unwrap();
            calls["calls"][0]["result"] == "InFlight"
        })
        .await;
        assert_eq!(world.get(WEB).await.status(), 404, "others go on");
    };
    tokio::select! {
        _ = &mut put => panic!("it did not hang"),
        () = waits => {}
    }
    world.clear().await;
    assert_eq!(put.await.status(), 201);
}

#[tokio::test]
async fn too_many_calls_are_told_when_to_come_again() {
    let world = World::start().await;
    let throttle = json!({"kind": "throttle", "calls": 2, "per": "10m"});
    world.order(json!({"fault": throttle})).await;
    for _ in 0..2 {
        assert_eq!(world.get(WEB).await.status(), 404);
    }
    let throttled = world.get(WEB).await;
    assert_eq!(throttled.status(), 429);
    let seconds: u64 = throttled.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((590..=600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn an_outage_ends_by_itself_or_when_it_is_cleared() {
    let world = World::start().await;
    let mut stream = world.get("/v1/changes").await;
    world
        .order(json!({"fault": {"kind": "outage"}, "lasting": "300ms"}))
        .await;
    assert_eq!(world.get(WEB).await.status(), 503);
    while let Ok(Some(_)) = stream.chunk().await {}
    until(async || world.get(WEB).await.status() == 404).await;
    world.order(json!({"fault": {"kind": "outage"}})).await;
    assert_eq!(world.get("/v1/changes").await.status(), 503);
    world.clear().await;
    assert_eq!(world.get(WEB).await.status(), 404);
}

#[tokio::test]
async fn a_token_expires_and_is_exchanged() {
    let world = World::start().await;
    assert_eq!(world.status(Method::DELETE, "/admin/token").await, 204);
    assert_eq!(world.get(WEB).await.status(), 401);
    let with = async |token: &str| {
        let set = world
            .call(Method::PUT, "/admin/token")
            .json(&json!({"token": token}));
        assert_eq!(set.send().await.unwrap().status(), 204);
    };
    with("another").await;
    assert_eq!(world.get(WEB).await.status(), 401);
    let new = world
        .anonymous(Method::GET, WEB)
        .bearer_auth("another")
        .send()
        .await;
    assert_eq!(new.unwrap().status(), 404);
    with("token").await;
    assert_eq!(world.get(WEB).await.status(), 404);
}

#[tokio::test]
async fn a_put_or_delete_can_stop_half_way() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let mut three = world::body(8080, &[&target]);
    for port in [8081, 8082] {
        let more = world::body(port, &[&target])["listeners"][0].clone();
        three["listeners"].as_array_mut().unwrap().push(more);
    }
    let left = async || {
        world.read("web").await["listeners"]
            .as_array()
            .unwrap()
            .len()
    };
    let half = |operation: &str, listeners: u32| {
        json!({"operation": operation, "times": 1,
               "fault": {"kind": "halfWay", "listeners": listeners}})
    };
    world.order(half("PutLoadBalancer", 2)).await;
    assert_eq!(world.try_put("web", &three).await.status(), 500);
    assert_eq!(left().await, 2);
    world.put("web", &three).await;
    assert_eq!(left().await, 3);
    world.order(half("DeleteLoadBalancer", 1)).await;
    assert_eq!(world.status(Method::DELETE, WEB).await, 500);
    assert_eq!(left().await, 1);
    world.delete("web").await;
}

#[tokio::test]
async fn reads_can_be_stale() {
    let world = World::start().await;
    world.put("web", &json!({"tags": {"team": "shop"}})).await;
    world.order(json!({"fault": {"kind": "staleReads"}})).await;
    world.delete("web").await;
    world.put("new", &json!({"tags": {"team": "shop"}})).await;
    assert_eq!(world.read("web").await["tags"]["team"], "shop");
    assert_eq!(world.get("/v1/load-balancers/new").await.status(), 404);
    let ids = async |query: &str| {
        let path = format!("/v1/load-balancers{query}");
        let list: Value = world.get(&path).await.json().await.unwrap();
        let ids = list["items"].as_array().unwrap().iter();
        ids.map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("?tag=team=shop").await, ["web"]);
    assert!(ids("?tag=team=bank").await.is_empty());
    world.clear().await;
    assert_eq!(ids("").await, ["new"]);
}

#[tokio::test]
async fn a_load_balancer_can_be_altered_and_deleted_behind_the_clients_back() {
    let world = World::start().await;
    let (mine, theirs) = (Echo::start("mine").await, Echo::start("theirs").await);
    let address = world.open("web", &body(&[&mine])).await;
    let before = world.read("web").await["etag"].clone();
    let alter = async |patch: Value| {
        let request = world.call(Method::PATCH, BEHIND).json(&patch);
        request.send().await.unwrap().status()
    };
    assert_eq!(
        alter(json!({"listeners": body(&[&theirs])["listeners"]})).await,
        200
    );
    assert_eq!(Asker::to(address).await.ask().await, "theirs");
    assert_ne!(world.read("web").await["etag"], before);
    assert_eq!(
        alter(json!({"sourceRanges": ["10.0.0.0/8"], "tags": {"x": "y"}})).await,
        200
    );
    assert_eq!(Asker::to(address).await.once("hello").await, None);
    assert_eq!(world.read("web").await["tags"], json!({"x": "y"}));
    assert_eq!(alter(json!({"listeners": 1})).await, 400);
    assert_eq!(
        alter(json!({"listeners": [{"protocol": "TCP", "port": 0}]})).await,
        400
    );
    assert_eq!(world.status(Method::DELETE, BEHIND).await, 204);
    assert_eq!(world.status(Method::DELETE, BEHIND).await, 404);
    assert_eq!(alter(json!({})).await, 404);
    let calls: Value = world
        .get("/admin/calls?operation=DeleteLoadBalancer")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(calls["calls"], json!([]), "the journal is the client's");
}
