//! Bodies: what cannot be read, what is not known, and how the answer says so.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::raw::{Raw, SERVICES, service};

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_where() {
    let raw = Raw::new();
    let send = |kind: &'static str, body: Vec<u8>| {
        let raw = raw.clone();
        async move {
            let request = Request::post(SERVICES).header("content-type", kind);
            raw.send(request.body(Body::from(body)).unwrap()).await
        }
    };
    let malformed = send(
        "application/json",
        b"{\"metadata\":{\n\"name\" 1}}".to_vec(),
    )
    .await
    .expect(400);
    assert_eq!(malformed.body["reason"], "BadRequest");
    if raw.is_alone() {
        // The real server repeats the body instead.
        let why = malformed.message();
        assert!(why.contains("line 2"), "{why}");
    }
    let kind = send("text/plain", b"x".to_vec()).await.expect(415);
    assert_eq!(kind.body["reason"], "UnsupportedMediaType");
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    assert_eq!(send("application/json", large).await.status, 413);
    send("application/json", b"[]".to_vec()).await.expect(400);
    let yaml = "metadata: {name: plain}\nspec: {ports: [{port: 80}]}\n";
    send("application/yaml", yaml.as_bytes().to_vec())
        .await
        .expect(201);
}

#[tokio::test]
async fn types_unknown_fields_and_repeated_fields_are_named_by_path() {
    let raw = Raw::new();
    let wrong = service("web", json!({ "ports": [{ "port": "eighty" }] }));
    let answer = raw.post(SERVICES, wrong).await.expect(400);
    let expected = r#"Service in version "v1" cannot be handled as a Service: "#;
    let why = answer.message().strip_prefix(expected);
    // The real server names the field of its Go type, without an index.
    let field = if raw.is_alone() {
        "spec.ports[0].port"
    } else {
        "ServicePort.spec.ports.port"
    };
    assert!(
        why.is_some_and(|why| why.contains(field)),
        "{}",
        answer.message()
    );
    let unknown = service("web", json!({ "colour": "blue" }));
    let strict = format!("{SERVICES}?fieldValidation=Strict");
    let answer = raw.post(&strict, unknown.clone()).await.expect(400);
    assert!(
        answer
            .message()
            .ends_with(r#"strict decoding error: unknown field "spec.colour""#)
    );
    let answer = raw.post(SERVICES, unknown).await.expect(201);
    assert_eq!(
        answer.warnings,
        [r#"299 - "unknown field \"spec.colour\"""#]
    );
    assert!(answer.body["spec"]["colour"].is_null());
    let twice = r#"{"metadata":{"name":"two"},"spec":{"ports":[{"port":1}],"type":"NodePort","type":"ClusterIP"}}"#;
    let request = Request::post(&strict).header("content-type", "application/json");
    let answer = raw
        .send(request.body(Body::from(twice)).unwrap())
        .await
        .expect(400);
    assert!(answer.message().contains(r#"duplicate field "spec.type""#));
}

#[tokio::test]
async fn identity_in_the_body_must_fit_the_url() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let mut elsewhere = service("x", json!({}));
    elsewhere["metadata"]["namespace"] = json!("kube-system");
    raw.post(SERVICES, elsewhere).await.expect(400);
    raw.put(&format!("{SERVICES}/web"), &service("other", json!({})))
        .await
        .expect(400);
    let mut pod = service("x", json!({}));
    pod["kind"] = json!("Pod");
    raw.post(SERVICES, pod).await.expect(400);
    let missing = "/api/v1/namespaces/nowhere/services";
    let answer = raw.post(missing, service("x", json!({}))).await.expect(404);
    assert_eq!(answer.message(), "namespaces \"nowhere\" not found");
    let twice = raw
        .post(SERVICES, service("web", json!({})))
        .await
        .expect(409);
    assert_eq!(twice.message(), "services \"web\" already exists");
    raw.post(SERVICES, service("", json!({}))).await.expect(422);
    let mut generated = service("", json!({}));
    generated["metadata"] = json!({ "generateName": "g-" });
    let answer = raw.post(SERVICES, generated).await.expect(201);
    assert_eq!(answer.body["metadata"]["name"].as_str().unwrap().len(), 7);
}

#[tokio::test]
async fn only_an_apply_must_say_what_it_is_about() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let web = format!("{SERVICES}/web");
    for (kind, refused) in [
        (json!({}), "/, Kind="),
        (json!({ "kind": "Service" }), "/, Kind=Service"),
        (json!({ "apiVersion": "v1" }), "/v1, Kind="),
        (
            json!({ "apiVersion": "v1", "kind": "Pod" }),
            "/v1, Kind=Pod",
        ),
        (
            json!({ "apiVersion": "apps/v1", "kind": "Service" }),
            "apps/v1, Kind=Service",
        ),
    ] {
        let mut body = kind;
        body["metadata"] = json!({ "name": "web", "labels": { "a": "b" } });
        let answer = raw.apply(&web, "m", false, body.clone()).await.expect(400);
        assert_eq!(answer.message(), format!("invalid object type: {refused}"));
        let answer = raw.strategic(&web, body).await.expect(200);
        assert_eq!(answer.body["kind"], "Service", "{refused}");
    }
    raw.merge(&web, json!({ "kind": "Pod" })).await.expect(422);
}

#[tokio::test]
async fn leases_need_a_version_to_be_replaced_and_put_creates_them() {
    let raw = Raw::new();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease =
        |holder: &str| json!({ "metadata": { "name": "l" }, "spec": { "holderIdentity": holder } });
    raw.put(path, &lease("a")).await.expect(201);
    let answer = raw.put(path, &lease("b")).await.expect(422);
    assert!(answer.message().contains("must be specified for an update"));
    let zero = json!({ "spec": { "leaseDurationSeconds": 0 } });
    raw.merge(path, zero).await.expect(422);
}
