//! The API by itself: what is answered to what, for good and bad calls.

use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::target::Target;
use crate::world::{World, body};

/// The problem, whose status and media type must be right.
async fn problem(response: Response) -> Value {
    let status = response.status().as_u16();
    assert!(status >= 400, "{response:?}");
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status);
    for field in ["type", "title", "detail"] {
        let text = problem[field].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "no {field} in {problem}");
    }
    problem
}

#[tokio::test]
async fn the_same_put_twice_is_one() {
    let world = World::start().await;
    let target = Target::start("a").await;
    let mut body = body(8080, &[&target]);
    body["tags"] = json!({"team": "shop"});
    let first = world.try_put("web", &body).await;
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    assert_eq!(first["id"], "web");
    assert_eq!(first["tags"], json!({"team": "shop"}));
    world.until_health("web", &["Healthy"]).await;
    let second = world.try_put("web", &body).await;
    assert_eq!(second.status(), 200);
    let second: Value = second.json().await.unwrap();
    assert_eq!(second["addresses"], first["addresses"]);
    assert_eq!(second, world.read("web").await);
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    let world = World::start().await;
    world.put("web", &json!({})).await;
    world.delete("web").await;
    for method in [Method::GET, Method::DELETE] {
        let response = world.call(method, "/v1/load-balancers/web").send().await;
        let problem = problem(response.unwrap()).await;
        assert_eq!(problem["type"], "urn:landfall:problem:not-found");
    }
}

#[tokio::test]
async fn a_list_is_in_order_and_matches_every_tag() {
    let world = World::start().await;
    for (id, tags) in [
        ("c", json!({"landfall.dev/cluster": "x=y&z", "n": "1"})),
        ("a", json!({"landfall.dev/cluster": "x=y&z", "n": "2"})),
        ("b", json!({})),
    ] {
        world.put(id, &json!({"tags": tags})).await;
    }
    let list = async |query: &str| {
        let response = world.get(&format!("/v1/load-balancers{query}")).await;
        let list: Value = response.json().await.unwrap();
        let items = list["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let cluster = "tag=landfall.dev/cluster%3Dx%3Dy%26z";
    assert_eq!(list("").await, ["a", "b", "c"]);
    assert_eq!(list(&format!("?{cluster}")).await, ["a", "c"]);
    assert_eq!(list(&format!("?{cluster}&tag=n=1")).await, ["c"]);
    assert!(list("?tag=n=1&tag=n=2").await.is_empty());
    for query in ["?tag=n", "?label=n=1", "?tag"] {
        let response = world.get(&format!("/v1/load-balancers{query}")).await;
        assert_eq!(problem(response).await["status"], 400, "{query}");
    }
}

#[tokio::test]
async fn a_body_of_no_use_says_where() {
    let world = World::start().await;
    let listener = |change: Value| {
        let mut listener = json!({"protocol": "TCP", "port": 80});
        let change = change.as_object().unwrap().clone();
        listener.as_object_mut().unwrap().extend(change);
        json!({"listeners": [{"protocol": "TCP", "port": 79}, listener]})
    };
    for (body, field) in [
        (json!({"tag": {}}), "/tag"),
        (json!({"tags": {"a": 1}}), "/tags/a"),
        (
            json!({"requestedAddresses": ["nowhere"]}),
            "/requestedAddresses/0",
        ),
        (listener(json!({"port": 70_000})), "/listeners/1/port"),
        (listener(json!({"port": 79})), "/listeners/1/port"),
        (
            listener(json!({"protocol": "SCTP"})),
            "/listeners/1/protocol",
        ),
        (listener(json!({"ports": 1})), "/listeners/1/ports"),
        (json!({"listeners": [{"port": 80}]}), "/listeners/0"),
        (json!([]), ""),
    ] {
        let problem = problem(world.try_put("web", &body).await).await;
        assert_eq!(problem["status"], 400, "{problem}");
        assert_eq!(problem["field"], field, "{problem}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(world.get("/v1/load-balancers/web").await.status(), 404);
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let world = World::start().await;
    let body = json!({"listeners": [
        {"protocol": "TCP", "port": 0},
        {"protocol": "TCP", "port": 80, "targets": [{"name": "", "address": "0.0.0.0", "port": 0}]},
    ]});
    let problem = problem(world.try_put("web", &body).await).await;
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
}

#[tokio::test]
async fn a_call_of_no_use_is_a_problem() {
    let world = World::start().await;
    let put = || world.call(Method::PUT, "/v1/load-balancers/web");
    let json = |body: String| put().header("content-type", "application/json").body(body);
    let at = |method, path: &str| world.call(method, path);
    for (request, status) in [
        (json("{".into()), 400),
        (json("{} {}".into()), 400),
        (json(String::new()), 400),
        (json("\u{0}".into()), 400),
        (put(), 415),
        (put().header("content-type", "text/plain").body("{}"), 415),
        (put().body("{}"), 415),
        (
            json(format!(
                "{{\"tags\":{{\"a\":\"{}\"}}}}",
                "x".repeat(1 << 20)
            )),
            413,
        ),
        (at(Method::GET, "/v2"), 404),
        (at(Method::GET, "/"), 404),
        (at(Method::GET, "/v1/load-balancers/"), 404),
        (at(Method::PUT, "/v1/load-balancers/a/b"), 404),
        (at(Method::POST, "/v1/load-balancers"), 405),
        (at(Method::PATCH, "/v1/load-balancers/web"), 405),
        (at(Method::PUT, "/admin/faults"), 405),
        (at(Method::GET, "/v1/load-balancers/Web"), 400),
        (at(Method::GET, "/v1/load-balancers/a%20b"), 400),
        (at(Method::DELETE, "/v1/load-balancers/%FF"), 400),
        (at(Method::GET, "/admin/calls?after=x"), 400),
        (at(Method::GET, "/admin/calls?operation=Nothing"), 400),
        (at(Method::GET, "/admin/calls?since=1"), 400),
    ] {
        let what = format!("{request:?}");
        let problem = problem(request.send().await.unwrap()).await;
        assert_eq!(problem["status"], status, "{what}: {problem}");
    }
    let wrong = at(Method::POST, "/v1/load-balancers").send().await.unwrap();
    assert!(wrong.headers().contains_key("allow"));
}

#[tokio::test]
async fn each_half_has_its_own_token() {
    let world = World::start().await;
    let (list, calls) = ("/v1/load-balancers", "/admin/calls");
    for (path, authorization) in [
        (list, None),
        (list, Some("Bearer admin")),
        (list, Some("Bearer token2")),
        (list, Some("Bearer ")),
        (list, Some("Basic token")),
        (list, Some("token")),
        (calls, None),
        (calls, Some("Bearer token")),
    ] {
        let mut request = world.anonymous(Method::GET, path);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let response = request.send().await.unwrap();
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        assert_eq!(
            problem(response).await["status"],
            401,
            "{path} {authorization:?}"
        );
    }
    let scheme = world
        .anonymous(Method::GET, list)
        .header("authorization", "bearer token");
    assert_eq!(scheme.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_description_names_every_route() {
    let world = World::start().await;
    let response = world
        .anonymous(Method::GET, "/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let description: Value = response.json().await.unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            operations.push(format!("{method} {path} {id}"));
            assert!(operation["summary"].is_string(), "{id} says nothing");
        }
    }
    operations.sort();
    assert_eq!(
        operations,
        [
            "delete /admin/calls ForgetCalls",
            "delete /admin/faults ClearFaults",
            "delete /admin/load-balancers/{id} RemoveLoadBalancer",
            "delete /admin/token ExpireToken",
            "delete /v1/load-balancers/{id} DeleteLoadBalancer",
            "get /admin/calls ListCalls",
            "get /admin/faults ListFaults",
            "get /v1/capabilities GetCapabilities",
            "get /v1/changes WatchChanges",
            "get /v1/load-balancers ListLoadBalancers",
            "get /v1/load-balancers/{id} GetLoadBalancer",
            "patch /admin/load-balancers/{id} AlterLoadBalancer",
            "post /admin/faults AddFault",
            "put /admin/provisioning SetProvisioning",
            "put /admin/quota SetQuota",
            "put /admin/token SetToken",
            "put /v1/load-balancers/{id} PutLoadBalancer",
        ]
    );
    assert_eq!(description["security"], json!([{"bearer": []}]));
    assert_every_reference_leads_somewhere(&description, &description);
    for (method, path) in [
        ("put", "/v1/load-balancers/{id}"),
        ("post", "/admin/faults"),
    ] {
        let operation = &description["paths"][path][method];
        assert!(
            operation["requestBody"]["content"]["application/json"].is_object(),
            "{operation}"
        );
    }
}

fn assert_every_reference_leads_somewhere(description: &Value, part: &Value) {
    if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            description.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    let parts: Vec<&Value> = match part {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    for part in parts {
        assert_every_reference_leads_somewhere(description, part);
    }
}

#[tokio::test]
async fn a_burst_of_puts_gives_every_one_an_address_of_its_own() {
    // The addresses of no machine: what counts here is the book, and not the sockets.
    let world = World::on("198.18.0.0/22".parse().unwrap(), |_| ()).await;
    let puts = (0..300).map(|n| {
        let world = &world;
        async move { world.put(&format!("lb-{n}"), &json!({})).await["addresses"][0].clone() }
    });
    let mut addresses: Vec<_> = join_all(puts).await;
    addresses.sort_by_key(Value::to_string);
    addresses.dedup();
    assert_eq!(addresses.len(), 300);
}
