//! What the controller watches, turned into notes and into what lies around Services. What no
//! provider looks at is not watched, so that no right to it is needed.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Api, Client};
use landfall_provider_api as api;
use landfall_provider_api::{ClusterId, EndpointInput, ServiceName};
use landfall_service::{Surroundings, name_of, targets};
use landfall_watch::{Health, watched};
use tokio::sync::{Notify, mpsc, watch};

use super::dispatch::Note;
use super::gated::Gated;
use super::indexed::{Indexed, Task};
use super::namespaces::Namespaces;
use super::slices::Slices;
use crate::lease::Gate;

/// Changes of nodes within this time reach the load balancers together.
const NODE_BATCH: Duration = Duration::from_millis(500);

/// Annotation in which `kubectl apply` keeps the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is known of the cluster.
pub(super) struct Watches {
    pub(super) services: Store<Service>,
    /// Told when a Service was found at the API server that is not among them.
    pub(super) doubt: Arc<Notify>,
    cluster: ClusterId,
    nodes: watch::Receiver<Option<Arc<[api::Node]>>>,
    namespaces: Option<Indexed<Namespaces>>,
    slices: Option<Indexed<Slices>>,
    /// Pods that wait for a load balancer, where a provider looks at them.
    pub(super) gated: Option<Gated>,
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
        gate: &Gate,
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
            let with_labels = inputs.iter().any(|it| it.node_labels);
            let task = follow_nodes(events, nodes_known, notes.clone(), with_labels);
            tasks.push(task.boxed());
        } else {
            nodes_known.send_replace(Some(Arc::default()));
        }
        let namespaces = inputs.iter().any(|it| it.namespace_labels).then(|| {
            let (indexed, task) =
                Indexed::watch(client, "Namespaces", health, thin_namespace, notes);
            tasks.push(task);
            indexed
        });
        let slices = inputs
            .iter()
            .any(|it| it.endpoints != EndpointInput::Nothing)
            .then(|| {
                let (indexed, task) =
                    Indexed::watch(client, "EndpointSlices", health, thin_slice, notes);
                tasks.push(task);
                indexed
            });
        let gated = inputs.iter().any(|it| it.readiness_gates).then(|| {
            let (gated, task) = Gated::new(client, gate.clone(), health, notes);
            tasks.push(task);
            gated
        });
        let watches = Self {
            services,
            doubt,
            cluster,
            nodes,
            namespaces,
            slices,
            gated,
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
                namespaces.complete().await;
            }
        };
        let slices = async {
            if let Some(slices) = &self.slices {
                slices.complete().await;
            }
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
        let labels = |it: &Indexed<Namespaces>| it.locked().labels(&name.namespace);
        let slices = |it: &Indexed<Slices>| it.locked().of(name);
        let waiting = |it: &Gated| it.waiting(name);
        Surroundings {
            cluster: self.cluster.clone(),
            nodes: self.nodes.borrow().clone().unwrap_or_default(),
            namespace_labels: self.namespaces.as_ref().map(labels).unwrap_or_default(),
            slices: self.slices.as_ref().map(slices).unwrap_or_default(),
            waiting: self.gated.as_ref().map(waiting).unwrap_or_default(),
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

async fn follow_nodes(
    events: impl Stream<Item = Event<Node>>,
    known: watch::Sender<Option<Arc<[api::Node]>>>,
    notes: mpsc::UnboundedSender<Note>,
    with_labels: bool,
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
        let now = targets(nodes.iter().map(AsRef::as_ref), with_labels);
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
