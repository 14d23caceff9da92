//! Where requests go: to a mock cluster in the process, or, when `LANDFALL_CONTROL_PLANE` names a
//! kubeconfig, to a real control plane, so that each row that these tests state of the mock is
//! held against what it stands for.
//!
//! Tests say `default` for the namespace. On the real one each has a namespace of its own, under
//! whose name requests go out, and which is called `default` again in the answers.

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use landfall_mock_cluster::Cluster;
use serde_json::json;
use tokio::sync::OnceCell;
use tower::ServiceExt;

/// Names the administrator's kubeconfig of a real control plane.
const CONTROL_PLANE: &str = "LANDFALL_CONTROL_PLANE";

pub(crate) enum World {
    Mock(Router),
    /// Reached when the first request goes out.
    Real(OnceCell<Real>),
}

pub(crate) struct Real {
    client: Client,
    namespace: String,
}

impl World {
    /// The real one if there is one, else this.
    pub(crate) fn real_or(cluster: &Cluster) -> Self {
        if std::env::var_os(CONTROL_PLANE).is_some() {
            Self::Real(OnceCell::new())
        } else {
            Self::mock(cluster)
        }
    }

    pub(crate) fn mock(cluster: &Cluster) -> Self {
        Self::Mock(cluster.router())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        match self {
            Self::Mock(router) => router.clone().oneshot(request).await.unwrap(),
            Self::Real(real) => real.get_or_init(Real::reach).await.send(request).await,
        }
    }

    /// What an answer of this world says, in the words of the tests.
    pub(crate) fn read(&self, answer: &[u8]) -> String {
        let text = String::from_utf8_lossy(answer).into_owned();
        match self {
            Self::Mock(_) => text,
            Self::Real(real) => {
                let real = real.get().expect("an answer came from it");
                text.replace(&real.namespace, "default")
            }
        }
    }
}

impl Real {
    async fn reach() -> Self {
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(std::env::var_os(CONTROL_PLANE).unwrap()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.unwrap();
        // A refusal is what is asked for.
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        let ours = json!({ "metadata": { "generateName": "row-" } });
        let made = Api::<Namespace>::all(client.clone())
            .create(
                &PostParams::default(),
                &serde_json::from_value(ours).unwrap(),
            )
            .await;
        Self {
            client,
            namespace: made.unwrap().metadata.name.unwrap(),
        }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let named = format!("/namespaces/{}", self.namespace);
        let uri = parts.uri.to_string().replace("/namespaces/default", &named);
        parts.uri = uri.parse().unwrap();
        let body = body.collect().await.unwrap().to_bytes();
        let named = format!(r#""namespace":"{}""#, self.namespace);
        let body = String::from_utf8_lossy(&body).replace(r#""namespace":"default""#, &named);
        let body = kube::client::Body::from(body.into_bytes());
        let response = self.client.send(Request::from_parts(parts, body)).await;
        response.unwrap().map(Body::new)
    }
}
