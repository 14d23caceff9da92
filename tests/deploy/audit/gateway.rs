//! A way to the API server that can lose sight of a kind, as a watch does that has fallen too far
//! behind: what is gone meanwhile, only a new list tells.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyDataStream, BodyExt};
use kube::Client;
use serde_json::json;
use tokio::sync::watch;

use crate::process::PATIENCE;

/// Passes on what the process asks for, with the rights of an account.
pub struct Gateway {
    address: SocketAddr,
    hidden: watch::Sender<Option<Hidden>>,
    /// How many requests had to wait so far.
    held: watch::Sender<usize>,
}

/// A kind out of sight.
struct Hidden {
    /// How its paths end.
    ending: String,
    /// Whether its watches have expired; else they fail.
    is_expired: bool,
}

#[derive(Clone)]
struct Way {
    client: Client,
    hidden: watch::Receiver<Option<Hidden>>,
    held: watch::Sender<usize>,
}

impl Gateway {
    /// Listens at an address of this machine.
    pub async fn start(client: Client, at: Ipv4Addr) -> Self {
        let listener = tokio::net::TcpListener::bind((at, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (hidden, seen) = watch::channel(None);
        let (held, _) = watch::channel(0);
        let way = Way {
            client,
            hidden: seen,
            held: held.clone(),
        };
        let router = Router::new().fallback(pass).with_state(way);
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            hidden,
            held,
        }
    }

    /// Writes a kubeconfig that leads through it.
    pub fn write_kubeconfig(&self, path: &Path) {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "detour",
            "clusters": [{"name": "detour", "cluster": {
                "server": format!("http://{}", self.address),
            }}],
            "contexts": [{"name": "detour", "context": {"cluster": "detour", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
        });
        std::fs::write(path, kubeconfig.to_string()).unwrap();
    }

    /// Ends the watches of a kind. Until it is seen again, they are told that they have expired,
    /// and lists wait.
    pub fn hide(&self, resource: &str) {
        self.hidden.send_replace(Some(Hidden {
            ending: format!("/{resource}"),
            is_expired: true,
        }));
    }

    /// The same, but watches fail, and what was read still holds.
    pub fn fail(&self, resource: &str) {
        self.hidden.send_replace(Some(Hidden {
            ending: format!("/{resource}"),
            is_expired: false,
        }));
    }

    /// Waits until so many more requests wait.
    pub async fn until_held(&self, more: usize) {
        let goal = *self.held.borrow() + more;
        let mut held = self.held.subscribe();
        let held = held.wait_for(|it| *it >= goal);
        let held = tokio::time::timeout(PATIENCE, held).await;
        held.expect("requests wait").unwrap();
    }

    pub fn show(&self) {
        self.hidden.send_replace(None);
    }
}

async fn pass(State(mut way): State<Way>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let is_watch = query
        .split('&')
        .any(|it| it == "watch=true" || it == "watch=1");
    let is_hidden = move |hidden: &Option<Hidden>| {
        let hidden = hidden.as_ref();
        hidden.is_some_and(|it| path.ends_with(&it.ending))
    };
    if is_watch && is_hidden(&way.hidden.borrow()) {
        let is_expired = way.hidden.borrow().as_ref().is_some_and(|it| it.is_expired);
        return if is_expired {
            expired()
        } else {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        };
    }
    if is_hidden(&way.hidden.borrow()) {
        way.held.send_modify(|held| *held += 1);
    }
    let mut seen = way.hidden.clone();
    seen.wait_for(|it| !is_hidden(it)).await.unwrap();
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let request = http::Request::from_parts(parts, kube::client::Body::from(body));
    let (parts, body) = way.client.send(request).await.unwrap().into_parts();
    let body = BodyDataStream::new(body).map_err(axum::Error::new);
    let body = if is_watch {
        let hidden = async move {
            let _ = way.hidden.wait_for(is_hidden).await;
        };
        Body::from_stream(body.take_until(Box::pin(hidden)))
    } else {
        Body::from_stream(body)
    };
    Response::from_parts(parts, body)
}

/// As an API server says it: in the stream.
fn expired() -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410,
    });
    Json(json!({"type": "ERROR", "object": status})).into_response()
}
