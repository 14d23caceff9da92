//! Requests without a client library: what is sent and what comes back, word for word.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use landfall_mock_cluster::Cluster;
use serde_json::{Value, json};

use crate::world::World;

pub(crate) const SERVICES: &str = "/api/v1/namespaces/default/services";

/// How long a story waits: kube-controller-manager's garbage collector looks for new kinds twice a
/// minute, and once more where a kind came or went under its eyes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A cluster and its API.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) cluster: Cluster,
    pub(crate) world: Arc<World>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn version(&self) -> &str {
        self.body["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default()
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

impl Raw {
    pub(crate) fn new() -> Self {
        let cluster = Cluster::new();
        let world = World::real_or(&cluster).into();
        Self { cluster, world }
    }

    /// What only a mock cluster is asked.
    pub(crate) fn of(cluster: Cluster) -> Self {
        let world = World::mock(&cluster).into();
        Self { cluster, world }
    }

    /// Whether nobody else writes to the cluster.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(*self.world, World::Mock(_))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.world.send(request).await;
        let status = response.status().as_u16();
        let warnings = response
            .headers()
            .get_all("warning")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = self.world.read(&bytes);
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            body,
            warnings,
        }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, kind: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body)
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", &Value::Null).await
    }

    pub(crate) async fn table(&self, path: &str) -> Answer {
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        let request = Request::get(path).header("accept", accept);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, "application/json", &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", path, "application/json", body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "", &Value::Null).await
    }

    pub(crate) async fn merge(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, "application/merge-patch+json", &body)
            .await
    }

    pub(crate) async fn strategic(&self, path: &str, body: Value) -> Answer {
        self.call(
            "PATCH",
            path,
            "application/strategic-merge-patch+json",
            &body,
        )
        .await
    }

    pub(crate) async fn json_patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, "application/json-patch+json", &body)
            .await
    }

    pub(crate) async fn apply(
        &self,
        path: &str,
        manager: &str,
        force: bool,
        body: Value,
    ) -> Answer {
        let path = format!("{path}?fieldManager={manager}&force={force}");
        self.call("PATCH", &path, "application/apply-patch+yaml", &body)
            .await
    }

    /// A LoadBalancer Service called `web` with this spec beside type and ports.
    pub(crate) async fn web(&self, spec: Value) -> Answer {
        self.post(SERVICES, service("web", spec)).await.expect(201)
    }
}

/// A LoadBalancer Service with one port, and what `spec` adds to it.
pub(crate) fn service(name: &str, spec: Value) -> Value {
    let mut service = json!({
        "metadata": { "name": name },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "selector": { "app": name } },
    });
    for (field, value) in spec.as_object().unwrap() {
        service["spec"][field] = value.clone();
    }
    service
}

/// Waits until a condition holds: often enough to be quick, long enough for a loaded machine.
pub(crate) async fn eventually<F: Future<Output = Option<T>>, T>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came: {what}");
}
