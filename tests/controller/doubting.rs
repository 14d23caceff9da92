//! An API server that once lists no Services although there are some: nothing is deleted on the
//! word of a list alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::world::{World, eventually, service};

type Answer = Response<axum::body::Body>;

/// A liar between the controller and the API server.
#[derive(Clone, Default)]
struct Liar {
    /// Whether the next list of Services is to be empty.
    lies: Arc<AtomicBool>,
    /// Ends the watches of Services that stand.
    cut: Arc<Notify>,
}

impl Liar {
    /// The same client, which lies about Services when told to.
    fn between(&self, client: Client) -> Client {
        let liar = self.clone();
        let lying = tower::service_fn(move |request: Request<Body>| {
            let (liar, client) = (liar.clone(), client.clone());
            async move { liar.pass(client, request).await }
        });
        Client::new(lying, "default")
    }

    async fn pass(self, client: Client, request: Request<Body>) -> kube::Result<Answer> {
        let is_read = request.method() == http::Method::GET;
        if !is_read || !request.uri().path().ends_with("/services") {
            return Ok(client.send(request).await?.map(axum::body::Body::new));
        }
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_watch = query.contains("watch=true");
        let is_probe = query.contains("limit=1&") || query.ends_with("limit=1");
        if is_watch && self.lies.load(Ordering::SeqCst) {
            let gone = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired",
                "message": "too old resource version", "code": 410,
            });
            return Ok(answer(&json!({"type": "ERROR", "object": gone})));
        }
        let real = client.send(request).await?;
        if is_watch {
            let cut = self.cut.clone();
            let events = BodyStream::new(real.into_body());
            let events = events.take_until(Box::pin(async move { cut.notified().await }));
            return Ok(Response::new(axum::body::Body::new(StreamBody::new(
                events,
            ))));
        }
        if !is_probe && self.lies.swap(false, Ordering::SeqCst) {
            let bytes = real.into_body().collect().await?.to_bytes();
            let mut list: Value = serde_json::from_slice(&bytes).unwrap();
            list["items"] = json!([]);
            return Ok(answer(&list));
        }
        Ok(real.map(axum::body::Body::new))
    }

    /// Has the controller read an empty list, and waits until it has.
    async fn lie(&self) {
        self.lies.store(true, Ordering::SeqCst);
        self.cut.notify_waiters();
        eventually(
            || async { !self.lies.load(Ordering::SeqCst) },
            || "the lie was told".to_owned(),
        )
        .await;
    }
}

fn answer(body: &Value) -> Answer {
    let answer = Response::builder().header("content-type", "application/json");
    let body = axum::body::Body::from(serde_json::to_vec(body).unwrap());
    answer.body(body).unwrap()
}

/// A world with a liar, in which what belongs to nobody would be released at once.
async fn world() -> (World, Liar) {
    let mut world = World::without_controller().await;
    let liar = Liar::default();
    world.acting = liar.between(world.acting.clone());
    world
        .provider
        .compare_every(Duration::from_millis(100), Duration::ZERO);
    world.start_controller().await;
    for name in ["a", "b", "c"] {
        world.create(&service(name)).await;
        world.until_provisioned(name).await;
    }
    (world, liar)
}

/// Each Service is there, was never released, and is looked after.
async fn all_is_well(world: &World) {
    for name in ["a", "b", "c"] {
        let (before, _) = world.provider.count(name);
        world.provider.change(name);
        world
            .until_asked("is asked again", |provider| provider.count(name).0 > before)
            .await;
        assert_eq!(world.provider.count(name).1, 0, "{name} was released");
    }
}

#[tokio::test]
async fn an_empty_list_while_it_runs_releases_nothing_and_is_read_again() {
    let (world, liar) = world().await;
    liar.lie().await;
    world.settle().await;
    all_is_well(&world).await;
}

#[tokio::test]
async fn an_empty_list_at_the_start_releases_nothing_and_is_read_again() {
    let (mut world, liar) = world().await;
    world.stop_controller().await;
    liar.lies.store(true, Ordering::SeqCst);
    world.start_controller().await;
    assert!(!liar.lies.load(Ordering::SeqCst), "the lie was told");
    let compared = world.provider.comparisons();
    world
        .until_asked("was compared", |provider| {
            provider.comparisons() > compared + 3
        })
        .await;
    world.settle().await;
    all_is_well(&world).await;
}
