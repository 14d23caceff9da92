//! A cluster with an API server in this process, and a speaker's side of it.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Node as NodeObject, Secret};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Resource};
use landfall_bare_metal_l2::peers::Timing;
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_bare_metal_resources::speaker::{KEY, SECRET};
use landfall_watch::Health;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::cluster::{Begins, Cluster, Reported};
use crate::report::{Address, Report, State};
use crate::sessions::{self, SessionReports};
use crate::speaking::{Begin, Command};

pub(super) const STATUSES: &str = "speakerstatuses.landfall.dev";
pub(super) const LONG: &str = "a key that is long enough";
pub(super) const OTHER: &str = "another one that is as long";
const PATIENCE: Duration = Duration::from_mins(1);

/// A cluster, and a speaker's side of it.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) health: Health,
    begun: oneshot::Receiver<Begin>,
    commands: mpsc::UnboundedReceiver<Command>,
    reports: watch::Sender<Arc<Report>>,
    following: JoinHandle<()>,
    /// The side of the sessions, which nobody asks here.
    routing: (
        mpsc::UnboundedReceiver<sessions::Command>,
        watch::Sender<Arc<SessionReports>>,
    ),
}

/// An empty cluster that knows our kinds.
pub(super) async fn cluster() -> Client {
    let client = landfall_mock_cluster::Cluster::new().client();
    for crd in crds() {
        create(&Api::all(client.clone()), crd).await;
    }
    client
}

/// A cluster with all that a speaker of node `a` needs, and node `b`.
pub(super) async fn complete() -> Client {
    let client = cluster().await;
    for (name, text) in [("a", "192.0.2.11"), ("b", "192.0.2.12")] {
        put_node(&client, name, Some(text)).await;
    }
    put_key(&client, LONG).await;
    client
}

pub(super) async fn create<K>(api: &Api<K>, object: K)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    api.create(&PostParams::default(), &object).await.unwrap();
}

pub(super) fn all<K: Resource<DynamicType = (), Scope = ClusterResourceScope>>(
    client: &Client,
) -> Api<K> {
    Api::all(client.clone())
}

pub(super) fn here<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
    client: &Client,
) -> Api<K> {
    Api::namespaced(client.clone(), "default")
}

pub(super) async fn patch<K>(api: &Api<K>, name: &str, value: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let patch = Patch::Merge(value);
    api.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

pub(super) async fn patch_status<K>(api: &Api<K>, name: &str, status: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let patch = Patch::Merge(json!({"status": status}));
    let parameters = PatchParams::default();
    let patched = api.patch_status(name, &parameters, &patch);
    patched.await.unwrap();
}

/// Makes a node, or gives it an address.
pub(super) async fn put_node(client: &Client, name: &str, address: Option<&str>) {
    let nodes = all::<NodeObject>(client);
    if nodes.get_opt(name).await.unwrap().is_none() {
        create(&nodes, object(json!({"metadata": {"name": name}}))).await;
    }
    if let Some(address) = address {
        let addresses = json!([{"type": "InternalIP", "address": address}]);
        patch_status(&nodes, name, json!({"addresses": addresses})).await;
    }
}

/// Makes the Secret, or changes it.
pub(super) async fn put_key(client: &Client, key: &str) {
    let secrets = here::<Secret>(client);
    let data = [(KEY.to_owned(), ByteString(key.as_bytes().to_vec()))];
    if secrets.get_opt(SECRET).await.unwrap().is_some() {
        let data = json!({"data": {KEY: data[0].1}});
        patch(&secrets, SECRET, data).await;
        return;
    }
    let mut secret = Secret {
        data: Some(data.into()),
        ..Secret::default()
    };
    secret.metadata.name = Some(SECRET.to_owned());
    create(&secrets, secret).await;
}

/// Makes a Service with an address of a pool that is advertised, and a pod on node `b`.
pub(super) async fn put_service(client: &Client) {
    let pool = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "main"}, "spec": {"addresses": ["192.0.2.200-192.0.2.239"]}});
    create(&all::<AddressPool>(client), object(pool)).await;
    let advertisement = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement",
        "metadata": {"name": "all"}, "spec": {}});
    create(&all::<L2Advertisement>(client), object(advertisement)).await;
    let slice = json!({
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "b"}],
    });
    create(&here::<EndpointSlice>(client), object(slice)).await;
    let mut web = service("web", "192.0.2.200", "Local");
    let status = web["status"].take();
    web["spec"]["ports"] = json!([{"port": 80}]);
    create(&here::<v1::Service>(client), object(web)).await;
    patch_status(&here::<v1::Service>(client), "web", status).await;
}

impl World {
    /// A speaker of node `a`.
    pub(super) fn start(client: Client) -> Self {
        let (begins, begun) = oneshot::channel();
        let (sender, commands) = mpsc::unbounded_channel();
        let (reports, addresses) = watch::channel(Arc::default());
        let health = Health::default();
        let cluster = Cluster {
            client: client.clone(),
            node: "a".into(),
            namespace: "default".to_owned(),
            metallb: None,
            timing: Timing::of_heartbeat(Duration::from_millis(25)),
            port: 7477,
            has_restarted: false,
            health: health.clone(),
        };
        let (routing, routed) = mpsc::unbounded_channel();
        let (session_reports, sessions) = watch::channel(Arc::default());
        let begins = Begins {
            speaking: move |begin| {
                begins.send(begin).unwrap();
                sender
            },
            sessions: move |_: sessions::Begin| routing,
        };
        let reported = Reported {
            addresses,
            sessions,
        };
        let following = tokio::spawn(cluster.follow(begins, reported));
        Self {
            client,
            health,
            begun,
            commands,
            reports,
            following,
            routing: (routed, session_reports),
        }
    }

    pub(super) async fn begun(&mut self) -> Begin {
        let begun = tokio::time::timeout(PATIENCE, &mut self.begun).await;
        begun.expect("it never begins").unwrap()
    }

    pub(super) async fn command(&mut self) -> Command {
        let command = tokio::time::timeout(PATIENCE, self.commands.recv()).await;
        command.expect("nothing is told").unwrap()
    }

    /// Waits until this is a trouble, or none is with `None`; nothing has begun by then.
    pub(super) async fn until_trouble(&mut self, what: &str) {
        let health = self.health.clone();
        eventually(what, async || {
            health.troubles().iter().any(|it| it.contains(what))
        })
        .await;
        assert!(self.begun.try_recv().is_err(), "{what}, and it begins");
    }

    async fn status(&self) -> Option<SpeakerStatus> {
        all(&self.client).get_opt("a").await.unwrap()
    }

    /// Waits until as many addresses are listed in the status.
    pub(super) async fn until_listed(&self, count: usize) -> SpeakerStatus {
        let is_so = |it: &SpeakerStatus| {
            let status = it.status.as_ref();
            status.is_some_and(|it| it.addresses.len() == count)
        };
        eventually("the status is written", async || {
            self.status().await.is_some_and(|it| is_so(&it))
        })
        .await;
        self.status().await.unwrap()
    }

    pub(super) fn report(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|it| {
            let held = Address {
                interfaces: vec!["eth0".to_owned()],
                state: State::Announced,
                since: std::time::SystemTime::UNIX_EPOCH,
                contested_by: None,
            };
            (address(it), held)
        });
        let report = Report {
            addresses: addresses.collect(),
            ..Report::default()
        };
        self.reports.send_replace(Arc::new(report));
    }

    pub(super) async fn ended(self) {
        let Self {
            following,
            commands,
            reports,
            routing,
            ..
        } = self;
        drop((commands, reports, routing));
        let ended = tokio::time::timeout(PATIENCE, following).await;
        ended.expect("it never ends").unwrap();
    }
}

pub(super) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
