//! One cluster as a handle that is cheap to clone.

use std::sync::Arc;

use axum::Router;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::controllers;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::patch::Operation;
use crate::registry::{self, Target, WriteOptions};
use crate::resource::Kind;
use crate::serve;
use crate::store::{Key, LOG_CAPACITY, Store};

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// A handle on one cluster in memory. Clones are the same cluster; it lives as long as one of
/// them, or a client, does.
#[derive(Clone, Debug)]
pub struct Cluster {
    store: Arc<Store>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// A new cluster with the namespaces `default`, `kube-system`, `kube-public` and
    /// `kube-node-lease`, and nothing else. No controller runs yet.
    pub fn new() -> Self {
        Self::with_event_log(LOG_CAPACITY)
    }

    /// A new cluster that keeps this many events of each kind for watches that resume; a watch
    /// that is further behind is answered with 410.
    pub fn with_event_log(capacity: usize) -> Self {
        let store = Arc::new(Store::new(capacity));
        let resource = Kind::Namespace.resource();
        for name in NAMESPACES {
            let target = Target::new(resource.clone(), Key::new("", name));
            let options = WriteOptions::internal("kube-apiserver");
            registry::create(&store, &target, json!({}), Operation::Update, &options)
                .expect("a namespace with a good name can be created in an empty store");
        }
        Self { store }
    }

    /// A client in this process: no socket, no authentication. Its default namespace is
    /// `default`.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.router(), "default")
    }

    /// The API, without authentication.
    pub fn router(&self) -> Router {
        api::router(self.store.clone())
    }

    /// Runs the controllers until `shutdown` is cancelled: Deployments own Pods, Pods get nodes,
    /// Services get EndpointSlices, what is owned goes with its owner, and a deleted namespace
    /// takes its contents along. They wait for changes and do nothing while there are none.
    pub async fn run_controllers(&self, shutdown: CancellationToken) {
        controllers::run(self.store.clone(), shutdown).await;
    }

    /// Serves the API over TLS, to those who bear the token of `credentials`, until `shutdown`
    /// is cancelled. Returns within two seconds of that: watches end at once.
    ///
    /// # Errors
    /// When the certificate cannot be used. A connection that fails ends alone.
    pub async fn serve(
        &self,
        listener: TcpListener,
        credentials: Credentials,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        serve::serve(self.router(), listener, credentials, shutdown).await
    }

    /// Forgets all events so far: a watch that resumes from before is answered with 410, as
    /// after etcd's compaction. For tests.
    pub fn compact(&self) {
        self.store.lock().compact();
    }
}
