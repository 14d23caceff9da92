//! What tests see of the calls, and what they can let go wrong.

use std::time::{Duration, Instant};

use landfall_mock_cloud::{CallList, FaultList};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, until};

impl World {
    async fn calls(&self, query: &str) -> CallList {
        let response = self.get(&format!("/admin/calls{query}")).await;
        response.json().await.unwrap()
    }

    async fn summaries(&self, query: &str) -> Vec<String> {
        let calls = self.calls(query).await.calls;
        let summary = |call: &landfall_mock_cloud::Call| {
            let id = call.id.as_deref().unwrap_or("-");
            format!("{} {id} {}", call.operation, call.result)
        };
        calls.iter().map(summary).collect()
    }

    async fn fault(&self, rule: Value) -> StatusCode {
        let request = self.call(Method::POST, "/admin/faults").json(&rule);
        request.send().await.unwrap().status()
    }

    async fn faults(&self) -> FaultList {
        self.get("/admin/faults").await.json().await.unwrap()
    }
}

fn put_fault(times: u32, fault: &Value) -> Value {
    json!({"operation": "PutLoadBalancer", "times": times, "fault": fault})
}

#[tokio::test]
async fn every_call_is_seen_in_order() {
    let world = World::start().await;
    for tags in [json!({}), json!({}), json!({"a": "b"})] {
        world.put("web", &json!({"tags": tags})).await;
    }
    world.get("/v1/load-balancers").await;
    world.try_put("web", &json!({"unknown": 1})).await;
    world.try_put("WEB", &json!({})).await;
    world.delete("web").await;
    world.get("/v1/load-balancers/web").await;
    let anonymous = world.anonymous(Method::DELETE, "/v1/load-balancers/web");
    anonymous.send().await.unwrap();
    assert_eq!(
        world.summaries("").await,
        [
            "PutLoadBalancer web Made",
            "PutLoadBalancer web Unchanged",
            "PutLoadBalancer web Changed",
            "ListLoadBalancers - Read",
            "PutLoadBalancer web invalid",
            "PutLoadBalancer WEB invalid",
            "DeleteLoadBalancer web Deleted",
            "GetLoadBalancer web not-found",
            "DeleteLoadBalancer web unauthorized",
        ]
    );
    let calls = world.calls("").await.calls;
    let statuses: Vec<_> = calls.iter().map(|call| call.status.unwrap()).collect();
    assert_eq!(statuses, [201, 200, 200, 200, 400, 400, 204, 404, 401]);
    assert!(calls.is_sorted_by_key(|call| (call.sequence, call.time)));
    assert!(calls.iter().all(|call| call.duration_seconds.is_some()));

    assert_eq!(
        world.summaries("?operation=ListLoadBalancers").await.len(),
        1
    );
    assert_eq!(
        world
            .summaries("?id=web&operation=DeleteLoadBalancer")
            .await
            .len(),
        2
    );
    let after = format!("?after={}", calls[6].sequence);
    assert_eq!(world.summaries(&after).await.len(), 2);

    let forget = world.call(Method::DELETE, "/admin/calls").send().await;
    assert_eq!(forget.unwrap().status(), 204);
    assert!(world.calls("").await.calls.is_empty());
}

#[tokio::test]
async fn calls_that_are_forgotten_are_counted() {
    let world = World::with(|options| options.calls_kept = 2).await;
    for _ in 0..5 {
        world.get("/v1/load-balancers").await;
    }
    let list = world.calls("").await;
    assert_eq!((list.calls.len(), list.dropped), (2, 3));
}

#[tokio::test]
async fn a_slow_call_is_seen_while_it_lasts() {
    let world = World::start().await;
    world
        .fault(put_fault(1, &json!({"kind": "latency", "duration": "1m"})))
        .await;
    let body = json!({});
    let call = world.try_put("web", &body);
    tokio::select! {
        _ = call => panic!("a call of a minute is over"),
        () = until(async || world.summaries("").await == ["PutLoadBalancer web InFlight"]) => {}
    }
    until(async || world.summaries("").await == ["PutLoadBalancer web Abandoned"]).await;
}

#[tokio::test]
async fn latency_is_added_and_the_call_carried_out() {
    let world = World::start().await;
    world
        .fault(put_fault(
            1,
            &json!({"kind": "latency", "duration": "200ms"}),
        ))
        .await;
    let began = Instant::now();
    assert_eq!(world.try_put("web", &json!({})).await.status(), 201);
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(world.faults().await.faults.is_empty());
}

#[tokio::test]
async fn an_error_is_answered_and_nothing_done() {
    let world = World::start().await;
    let fault = json!({"kind": "error", "status": 503, "code": "maintenance",
                       "retryAfter": "Sun, 06 Nov 1994 08:49:37 GMT"});
    world.fault(put_fault(2, &fault)).await;
    for _ in 0..2 {
        let response = world.try_put("web", &json!({})).await;
        assert_eq!(response.status(), 503);
        assert_eq!(
            response.headers()["retry-after"],
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:landfall:problem:maintenance");
    }
    assert_eq!(world.get("/v1/load-balancers/web").await.status(), 404);
    assert_eq!(world.try_put("web", &json!({})).await.status(), 201);
    assert_eq!(
        world.summaries("?id=web").await[0],
        "PutLoadBalancer web maintenance"
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_change() {
    let world = World::start().await;
    for (id, answer) in [("a", "badGateway"), ("b", "cut")] {
        let fault = json!({"kind": "lostAfterChange", "answer": answer});
        world.fault(put_fault(1, &fault)).await;
        let path = format!("/v1/load-balancers/{id}");
        let sent = world.call(Method::PUT, &path).json(&json!({})).send().await;
        let told = match sent {
            Ok(response) if response.status().is_success() => response.bytes().await.is_ok(),
            Ok(_) | Err(_) => false,
        };
        assert!(!told, "the client learned what came of it");
        assert_eq!(world.read(id).await["id"], id);
        let call = &world.summaries(&format!("?id={id}")).await[0];
        assert_eq!(*call, format!("PutLoadBalancer {id} Made"));
    }
}

#[tokio::test]
async fn a_fault_for_ever_ends_when_all_are_cleared() {
    let world = World::start().await;
    world.put("web", &json!({})).await;
    let error = json!({"kind": "error", "status": 500, "code": "down"});
    assert_eq!(world.fault(json!({"id": "web", "fault": error})).await, 201);
    for _ in 0..3 {
        assert_eq!(world.get("/v1/load-balancers/web").await.status(), 500);
    }
    assert_eq!(world.get("/v1/load-balancers").await.status(), 200);
    let anonymous = world.anonymous(Method::GET, "/v1/load-balancers/web");
    assert_eq!(
        anonymous.send().await.unwrap().status(),
        401,
        "the token comes first"
    );
    assert_eq!(world.faults().await.faults.len(), 1);
    let clear = world.call(Method::DELETE, "/admin/faults").send().await;
    assert_eq!(clear.unwrap().status(), 204);
    assert_eq!(world.get("/v1/load-balancers/web").await.status(), 200);
}

#[tokio::test]
async fn a_fault_of_no_use_is_refused() {
    let world = World::start().await;
    let error = |status: u16, retry_after: &str| json!({"kind": "error", "status": status, "code": "x", "retryAfter": retry_after});
    for (rule, field) in [
        (json!({"fault": error(200, "1")}), "/fault/status"),
        (json!({"fault": error(503, "a\nb")}), "/fault/retryAfter"),
        (
            json!({"fault": {"kind": "latency", "duration": "soon"}}),
            "/fault",
        ),
        (json!({"fault": {"kind": "lightning"}}), "/fault"),
        (json!({"fault": error(503, "1"), "times": 0}), "/times"),
        (
            json!({"fault": error(503, "1"), "operation": "Put"}),
            "/operation",
        ),
        (json!({"times": 1}), ""),
    ] {
        let request = world.call(Method::POST, "/admin/faults").json(&rule);
        let problem: Value = request.send().await.unwrap().json().await.unwrap();
        let found = problem["field"].as_str().unwrap();
        assert!(found.starts_with(field), "{rule}: {problem}");
    }
    assert!(world.faults().await.faults.is_empty());
}

#[tokio::test]
async fn a_quota_is_told_and_can_be_raised() {
    let world = World::start().await;
    world.put("a", &json!({})).await;
    let quota = async |body: Value| {
        let request = world.call(Method::PUT, "/admin/quota").json(&body);
        assert_eq!(request.send().await.unwrap().status(), 204);
    };
    quota(json!({"loadBalancers": 1})).await;
    let refused = world.try_put("b", &json!({})).await;
    assert_eq!(refused.status(), 409);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:landfall:problem:quota-exceeded");
    world.put("a", &json!({"tags": {"still": "there"}})).await;
    quota(json!({})).await;
    world.put("b", &json!({})).await;
}

#[tokio::test]
async fn the_cloud_tells_what_it_can_do() {
    let world = World::with(|options| options.pool.insert(0, "::1/128".parse().unwrap())).await;
    let told: Value = world.get("/v1/capabilities").await.json().await.unwrap();
    let expected = json!({"protocols": ["TCP", "UDP"], "families": ["IPv6", "IPv4"]});
    assert_eq!(told, expected);
}
