//! Where a story plays: in a mock cluster of its own, or, when `LANDFALL_CONTROL_PLANE` names a
//! kubeconfig, on a real control plane that it shares with other stories.
//!
//! Every story has a namespace, and nodes that bear its label. Its controller is confined to
//! them: lists and watches of whole clusters are narrowed on their way. Otherwise the controllers
//! of two stories, each of which takes the whole cluster for its own, would put each other's
//! Services right, and one story's nodes would be calls in all others. All else is untouched.

use std::path::PathBuf;

use http::{Request, Uri};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use landfall_mock_cluster::Cluster;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Names the administrator's kubeconfig of a real control plane.
const CONTROL_PLANE: &str = "LANDFALL_CONTROL_PLANE";
/// The label of what is a story's own and lies in no namespace; its value is the story's.
pub const STORY: &str = "landfall.dev/story";
/// Collections that lie in namespaces and are read over all of them.
const NAMESPACED: [(&str, &str); 3] = [
    ("/api/v1", "services"),
    ("/apis/discovery.k8s.io/v1", "endpointslices"),
    ("/apis/landfall.dev/v1alpha1", "addressreservations"),
];
/// Collections of the whole cluster, of which a story has those objects that bear its label.
const LABELLED: [&str; 5] = [
    "/api/v1/nodes",
    "/apis/landfall.dev/v1alpha1/addresspools",
    "/apis/landfall.dev/v1alpha1/l2advertisements",
    "/apis/landfall.dev/v1alpha1/bgpadvertisements",
    "/apis/landfall.dev/v1alpha1/speakerstatuses",
];

#[derive(Clone)]
pub struct Place {
    /// May do and sees everything.
    pub client: Client,
    /// The story's own.
    pub namespace: String,
}

impl Place {
    pub async fn new() -> Self {
        let client = match std::env::var_os(CONTROL_PLANE) {
            Some(kubeconfig) => client(kubeconfig.into()).await,
            None => Cluster::new().client(),
        };
        let namespaces = Api::<Namespace>::all(client.clone());
        let ours = object(json!({"metadata": {"generateName": "story-"}}));
        let made = namespaces.create(&PostParams::default(), &ours).await;
        Self {
            client,
            namespace: made.unwrap().metadata.name.unwrap(),
        }
    }

    /// This client, confined to the story.
    pub fn confine(&self, client: &Client) -> Client {
        let (client, namespace) = (client.clone(), self.namespace.clone());
        let confined = tower::service_fn(move |mut request: Request<Body>| {
            *request.uri_mut() = narrowed(request.uri(), &namespace);
            let client = client.clone();
            async move { client.send(request).await }
        });
        Client::new(confined, "default")
    }
}

/// A typed object from JSON.
pub fn object<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

async fn client(kubeconfig: PathBuf) -> Client {
    // A second call fails only because a first succeeded.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

fn narrowed(uri: &Uri, namespace: &str) -> Uri {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let whole = |(group, resource): &(&str, &str)| path == format!("{group}/{resource}");
    let narrowed = if let Some((group, resource)) = NAMESPACED.iter().find(|it| whole(it)) {
        format!("{group}/namespaces/{namespace}/{resource}?{query}")
    } else if LABELLED.contains(&path) {
        let label = STORY.replace('/', "%2F");
        format!("{path}?{query}&labelSelector={label}%3D{namespace}")
    } else if path == "/api/v1/namespaces" {
        format!("{path}?{query}&fieldSelector=metadata.name%3D{namespace}")
    } else {
        return uri.clone();
    };
    narrowed.parse().unwrap()
}
