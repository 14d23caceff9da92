//! What the controller watches, turned into notes and into what lies around Services. What no
//! provider looks at is not watched, so that no right to it is needed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt};
use landfall_provider_api as api;
use landfall_provider_api::{ClusterId, EndpointInput, ServiceName};
use landfall_service::{Surroundings, name_of, targets};
use landfall_watch::{Health, watched};
use tokio::sync::{Notify, mpsc, watch};

use super::dispatch::Note;
use super::slices::Slices;

/// Changes of nodes within this time reach the load balancers together.
const NODE_BATCH: Duration = Duration::from_millis(500);

/// Annotation in which `kubectl apply` keeps the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a running watch does until nobody listens any more.
type Task = BoxFuture<'static, ()>;

/// What is known of the cluster.
pub(super) struct Watches {
    pub(super) services: Store<Service>,
    /// Told when a Service was found at the API server that is not among them.
    pub(super) doubt: Arc<Notify>,
    cluster: ClusterId,
    nodes: watch::Receiver<Option<Arc<[api::Node]>>>,
    namespaces: Option<Store<Namespace>>,
    slices: Option<Arc<Mutex<Slices>>>,
    /// Becomes true once all slices were read.
    slices_read: watch::Receiver<bool>,
}

impl Watches {
    /// Watches Services, and what the providers of a process look at besides. The tasks keep it up
    /// to date.
    pub(super) fn new(
        client: &Client,
        cluster: ClusterId,
        inputs: &[api::Inputs],
        notes: &mpsc::UnboundedSender<Note>,
        health: &Health,
    ) -> (Self, Vec<Task>) {
        let mut tasks = Vec::new();
        let doubt = Arc::new(Notify::new());
        let (services, task) = services(client, notes.clone(), health.clone(), doubt.clone());
        tasks.push(task);
        let (nodes_known, nodes) = watch::channel(None);
        if inputs.iter().any(|it| it.nodes) {
            let events = watched(
                Api::all(client.clone()),
                "Nodes",
                health.clone(),
                Arc::default(),
                thin_node,
            );
            tasks.push(follow_nodes(events, nodes_known, notes.clone()).boxed());
        } else {
            nodes_known.send_replace(Some(Arc::default()));
        }
        let namespaces = inputs.iter().any(|it| it.namespace_labels).then(|| {
            let (store, task) = namespaces(client, notes.clone(), health.clone());
            tasks.push(task);
            store
        });
        let (read, slices_read) = watch::channel(true);
        let slices = inputs
            .iter()
            .any(|it| it.endpoints != EndpointInput::Nothing)
            .then(|| {
                read.send_replace(false);
                let slices = Arc::<Mutex<Slices>>::default();
                let events = watched(
                    Api::all(client.clone()),
                    "EndpointSlices",
                    health.clone(),
                    Arc::default(),
                    thin_slice,
                );
                tasks.push(follow_slices(events, slices.clone(), read, notes.clone()).boxed());
                slices
            });
        let watches = Self {
            services,
            doubt,
            cluster,
            nodes,
            namespaces,
            slices,
            slices_read,
        };
        (watches, tasks)
    }

    /// Waits until all that is watched was read once.
    pub(super) async fn complete(&self) {
        let nodes = async {
            let mut nodes = self.nodes.clone();
            // Without a task that tells, the controller is about to end.
            let _ = nodes.wait_for(Option::is_some).await;
        };
        let namespaces = async {
            if let Some(namespaces) = &self.namespaces {
                let _ = namespaces.wait_until_ready().await;
            }
        };
        let slices = async {
            let mut read = self.slices_read.clone();
            let _ = read.wait_for(|read| *read).await;
        };
        let _ = tokio::join!(self.services.wait_until_ready(), nodes, namespaces, slices);
    }

    /// A Service as the watch last told it.
    pub(super) fn service(&self, name: &ServiceName) -> Option<Arc<Service>> {
        self.services
            .get(&ObjectRef::new(&name.name).within(&name.namespace))
    }

    /// What lies around the Service of this name.
    pub(super) fn around(&self, name: &ServiceName) -> Surroundings {
        let namespace = self.namespaces.as_ref().and_then(|namespaces| {
            let namespace = namespaces.get(&ObjectRef::new(&name.namespace))?;
            Some(namespace.labels().clone())
        });
        Surroundings {
            cluster: self.cluster.clone(),
            nodes: self.nodes.borrow().clone().unwrap_or_default(),
            namespace_labels: namespace.map(Arc::new).unwrap_or_default(),
            slices: match &self.slices {
                Some(slices) => locked(slices).of(name),
                None => Vec::new(),
            },
        }
    }
}

/// Leaves out of a cached Service what is long and never looked at.
fn thin_service(service: &mut Service) {
    service.metadata.managed_fields = None;
    if let Some(annotations) = &mut service.metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

fn thin_node(node: &mut Node) {
    node.metadata.managed_fields = None;
    if let Some(status) = &mut node.status {
        status.images = None;
    }
}

fn thin_namespace(namespace: &mut Namespace) {
    namespace.metadata.managed_fields = None;
    namespace.metadata.annotations = None;
}

fn thin_slice(slice: &mut EndpointSlice) {
    slice.metadata.managed_fields = None;
}

fn services(
    client: &Client,
    notes: mpsc::UnboundedSender<Note>,
    health: Health,
    doubt: Arc<Notify>,
) -> (Store<Service>, Task) {
    let (store, mut writer) = reflector::store();
    let events = watched(
        Api::all(client.clone()),
        "Services",
        health,
        doubt,
        thin_service,
    );
    let task = async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            writer.apply_watcher_event(&event);
            let note = match event {
                Event::Apply(service) | Event::Delete(service) => Note::Look(name_of(&service)),
                Event::InitDone => Note::LookAtAll,
                Event::Init | Event::InitApply(_) => continue,
            };
            if notes.send(note).is_err() {
                break;
            }
        }
    };
    (store, task.boxed())
}

fn namespaces(
    client: &Client,
    notes: mpsc::UnboundedSender<Note>,
    health: Health,
) -> (Store<Namespace>, Task) {
    let (store, mut writer) = reflector::store();
    let events = watched(
        Api::all(client.clone()),
        "Namespaces",
        health,
        Arc::default(),
        thin_namespace,
    );
    let task = async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            writer.apply_watcher_event(&event);
            let note = match event {
                Event::Apply(namespace) => Note::LookInto(namespace.name_any()),
                Event::InitDone => Note::LookAtAll,
                Event::Delete(_) | Event::Init | Event::InitApply(_) => continue,
            };
            if notes.send(note).is_err() {
                break;
            }
        }
    };
    (store, task.boxed())
}

async fn follow_slices(
    events: impl Stream<Item = Event<EndpointSlice>>,
    slices: Arc<Mutex<Slices>>,
    read: watch::Sender<bool>,
    notes: mpsc::UnboundedSender<Note>,
) {
    let mut events = std::pin::pin!(events);
    // What is listed, until the list is complete.
    let mut listed = Slices::default();
    while let Some(event) = events.next().await {
        let changed = match event {
            Event::Apply(slice) => locked(&slices).put(&slice),
            Event::Delete(slice) => locked(&slices).remove(&slice),
            Event::Init => {
                listed = Slices::default();
                continue;
            }
            Event::InitApply(slice) => {
                listed.put(&slice);
                continue;
            }
            Event::InitDone => {
                *locked(&slices) = std::mem::take(&mut listed);
                read.send_replace(true);
                if notes.send(Note::LookAtAll).is_err() {
                    break;
                }
                continue;
            }
        };
        let mut changed = changed.into_iter();
        if !changed.all(|name| notes.send(Note::Look(name)).is_ok()) {
            break;
        }
    }
}

/// Only the task that follows the watch writes; a panic in it leaves nothing half done.
fn locked(slices: &Mutex<Slices>) -> MutexGuard<'_, Slices> {
    slices.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow_nodes(
    events: impl Stream<Item = Event<Node>>,
    known: watch::Sender<Option<Arc<[api::Node]>>>,
    notes: mpsc::UnboundedSender<Note>,
) {
    let (store, mut writer) = reflector::store::<Node>();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        writer.apply_watcher_event(&event);
        match event {
            Event::InitDone => {}
            Event::Apply(_) | Event::Delete(_) => batch(&mut events, &mut writer).await,
            Event::Init | Event::InitApply(_) => continue,
        }
        let nodes = store.state();
        let now = targets(nodes.iter().map(AsRef::as_ref));
        let changed = known.send_if_modified(|before| {
            let changed = before.as_ref() != Some(&now);
            if changed {
                *before = Some(now);
            }
            changed
        });
        if changed && notes.send(Note::LookAtAll).is_err() {
            break;
        }
    }
}

/// Takes in what else happens within the batch.
async fn batch(
    events: &mut (impl Stream<Item = Event<Node>> + Unpin),
    writer: &mut reflector::store::Writer<Node>,
) {
    let end = tokio::time::sleep(NODE_BATCH);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return,
            event = events.next() => match event {
                Some(event) => writer.apply_watcher_event(&event),
                None => return,
            },
        }
    }
}
