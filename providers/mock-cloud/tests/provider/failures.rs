//! What the provider does when calls go wrong.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use landfall_provider_api::{Error, Outcome, Provider, Retry};
use landfall_provider_mock_cloud::{MockCloud, NewError};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::world::{World, address, assigned, cluster, wanted};

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let world = World::start().await;
    let provider = world.begun().await;
    for (uid, answer) in [("s1", "badGateway"), ("s2", "cut")] {
        let fault = json!({"kind": "lostAfterChange", "answer": answer});
        world.fault("PutLoadBalancer", 1, fault).await;
        let error = provider.ensure(&wanted(uid)).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        world.forget_calls().await;
        provider.ensure(&wanted(uid)).await.unwrap();
        assert_eq!(world.calls().await, ["PutLoadBalancer Unchanged"]);
    }
    assert_eq!(world.items().await.len(), 2, "nothing was made twice");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_taken_for_what_was_before() {
    let world = World::start().await;
    let provider = world.begun().await;
    let before = wanted("s1");
    provider.ensure(&before).await.unwrap();
    let mut after = before.clone();
    after.ports[0].port = 9000;
    world
        .fault("PutLoadBalancer", 1, json!({"kind": "lostAfterChange"}))
        .await;
    provider.ensure(&after).await.unwrap_err();
    world.forget_calls().await;
    provider.ensure(&before).await.unwrap();
    assert_eq!(world.calls().await, ["PutLoadBalancer Changed"]);
}

#[tokio::test]
async fn a_release_whose_answer_was_lost_can_be_repeated() {
    let world = World::start().await;
    let provider = world.begun().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    world
        .fault("DeleteLoadBalancer", 1, json!({"kind": "lostAfterChange"}))
        .await;
    provider.release(&wanted("s1").id).await.unwrap_err();
    provider.release(&wanted("s1").id).await.unwrap();
    assert!(world.items().await.is_empty());
}

#[tokio::test]
async fn a_call_that_is_cut_off_leaves_nothing_certain() {
    let world = World::start().await;
    let provider = world.begun().await;
    let (before, mut after) = (wanted("s1"), wanted("s1"));
    provider.ensure(&before).await.unwrap();
    after.ports[0].port = 9000;
    let slow = json!({"kind": "latency", "duration": "1m"});
    world.fault("PutLoadBalancer", 1, slow).await;
    let cut = tokio::time::timeout(Duration::from_millis(100), provider.ensure(&after)).await;
    assert!(cut.is_err());
    world.forget_calls().await;
    provider.ensure(&before).await.unwrap();
    assert_eq!(world.calls().await, ["PutLoadBalancer Unchanged"]);
}

#[tokio::test]
async fn a_cloud_that_asks_for_fewer_calls_says_when() {
    let world = World::start().await;
    let provider = world.begun().await;
    for status in [429, 503] {
        let fault =
            json!({"kind": "error", "status": status, "code": "slow-down", "retryAfter": "7"});
        world.fault("PutLoadBalancer", 1, fault).await;
        let error = provider.ensure(&wanted("s1")).await.unwrap_err();
        assert_eq!(
            error.retry(),
            Retry::After(Duration::from_secs(7)),
            "{error}"
        );
    }
    provider.ensure(&wanted("s1")).await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_names_the_file() {
    let world = World::start().await;
    let provider = MockCloud::new(&world.url(), "wrong", cluster()).unwrap();
    for error in [
        provider.owned().await.unwrap_err(),
        provider.ensure(&wanted("s1")).await.unwrap_err(),
        provider.release(&wanted("s1").id).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unauthorized(_)), "{error}");
        let text = error.to_string();
        let begin = format!("the mock cloud at {} rejects the token", world.url());
        assert!(
            text.starts_with(&begin) && text.contains("tokenFile"),
            "{text}"
        );
    }
}

/// What is said of a mock cloud at this URL.
async fn said(url: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let provider = MockCloud::new(url, "token", cluster()).unwrap();
    let error = provider.ensure(&wanted("s1")).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    error.to_string()
}

#[tokio::test]
async fn nobody_there_names_the_url_and_the_remedy() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let expected = format!(
        "the mock cloud at {url} cannot be reached: connection refused; is it running, and is \
         `url` right?"
    );
    assert_eq!(said(&url).await, expected);
    assert_eq!(said(&format!("{url}/")).await, expected);
}

#[tokio::test]
async fn tls_where_there_is_none_is_told() {
    let world = World::start().await;
    let url = world.url().replace("http://", "https://");
    let text = said(&url).await;
    let begin = format!("the mock cloud at {url} cannot be reached over TLS: ");
    assert!(
        text.starts_with(&begin) && text.contains("`url` begins with http://"),
        "{text}"
    );
}

#[tokio::test]
async fn who_speaks_no_http_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"SSH-2.0-other\r\n").await.unwrap();
        }
    });
    let text = said(&url).await;
    let begin = format!(
        "the connection to the mock cloud at {url} broke during PUT \
         /v1/load-balancers/k8s.demo.c1.s1: "
    );
    assert!(
        text.starts_with(&begin) && text.ends_with("is `url` right?"),
        "{text}"
    );
}

#[tokio::test]
async fn another_server_is_told() {
    for (status, body) in [
        (200, "<html>welcome</html>"),
        (404, "not found"),
        (405, "no"),
        (302, ""),
    ] {
        let provider = answered(status, body.to_owned()).await;
        let error = provider.ensure(&wanted("s1")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        let text = error.to_string();
        let begins = text.starts_with("the mock cloud at http://127.0.0.1:");
        assert!(
            begins && text.contains("is `url` that of a mock cloud"),
            "{text}"
        );
        assert!(text.contains(&status.to_string()), "{text}");
    }
}

/// A provider whose cloud answers everything like this.
async fn answered(status: u16, body: String) -> MockCloud {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let status = StatusCode::from_u16(status).unwrap();
    let router = Router::new().fallback(async move || (status, body));
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    MockCloud::new(&url, "token", cluster()).unwrap()
}

#[tokio::test]
async fn an_answer_without_sense_is_an_unavailable_cloud() {
    let item = |addresses: &[&str]| {
        let target = json!({"name": "node-2", "address": "127.0.0.2", "port": 30080,
                            "health": {"state": "Initial"}});
        let other = json!({"name": "node-3", "address": "127.0.0.3", "port": 30080,
                           "health": {"state": "Initial"}});
        let wanted = wanted("s1");
        let tags = landfall_provider_api::tags::of_load_balancer(&wanted.id, &wanted.service);
        json!({
            "id": "k8s.demo.c1.s1", "requestedAddresses": [], "addresses": addresses,
            "families": ["IPv4"],
            "tags": tags.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "listeners": [{"protocol": "TCP", "port": 8080, "status": {"state": "Listening"},
                           "targets": [target, other]}],
        })
    };
    // So that the cases below fail for their own reason.
    let sane = answered(200, item(&["127.200.0.1"]).to_string()).await;
    let outcome: Outcome = sane.ensure(&wanted("s1")).await.unwrap();
    assert_eq!(address(&assigned(outcome)).to_string(), "127.200.0.1");

    let mut elsewhere = item(&["127.200.0.1"]);
    elsewhere["listeners"][0]["port"] = json!(1);
    for (status, body) in [
        (200, String::new()),
        (200, "<html>".into()),
        (200, "{}".into()),
        (200, item(&[]).to_string()),
        (200, item(&["fd00::1"]).to_string()),
        (200, item(&["nowhere"]).to_string()),
        (200, elsewhere.to_string()),
        (404, "not found".into()),
        (404, json!({"type": "about:blank"}).to_string()),
        (302, String::new()),
        (500, "oops".into()),
        (418, "{}".into()),
    ] {
        let provider = answered(status, body.clone()).await;
        let error = provider.ensure(&wanted("s1")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unavailable { .. }),
            "{status} {body}: {error}"
        );
        assert!(error.to_string().contains("http://127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn another_servers_404_is_no_successful_release() {
    let provider = answered(404, "not found".into()).await;
    let error = provider.release(&wanted("s1").id).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_bad_url_is_refused_at_once() {
    let error = MockCloud::new("127.0.0.1:9090", "token", cluster()).unwrap_err();
    assert!(matches!(error, NewError::Url { .. }), "{error}");
}
