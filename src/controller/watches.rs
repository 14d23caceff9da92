//! What the controller watches, turned into notes and into the set of nodes.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use landfall_provider_api as api;
use landfall_service::{name_of, targets};
use tokio::sync::{mpsc, watch};

use super::dispatch::Note;
use crate::explain::explain;

/// Changes of nodes within this time reach the load balancers together.
const NODE_BATCH: Duration = Duration::from_millis(500);

/// A cache of all Services, and what keeps it and tells of each change.
pub(super) fn services(
    client: Client,
    notes: mpsc::UnboundedSender<Note>,
) -> (Store<Service>, impl Future<Output = ()>) {
    let (store, writer) = reflector::store();
    let events = watcher(Api::<Service>::all(client), watcher::Config::default())
        .default_backoff()
        .modify(|service| service.metadata.managed_fields = None)
        .reflect(writer);
    let task = async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            let note = match event {
                Ok(Event::Apply(service) | Event::Delete(service)) => Note::Look(name_of(&service)),
                Ok(Event::InitDone) => Note::LookAtAll,
                Ok(Event::Init | Event::InitApply(_)) => continue,
                Err(error) => {
                    tracing::warn!(
                        error = explain(&error),
                        "the watch of Services was interrupted; trying again"
                    );
                    continue;
                }
            };
            if notes.send(note).is_err() {
                break;
            }
        }
    };
    (store, task)
}

/// The nodes that take traffic, and what keeps them up to date.
pub(super) fn nodes(
    client: Client,
    notes: mpsc::UnboundedSender<Note>,
) -> (
    Store<Node>,
    watch::Receiver<Arc<[api::Node]>>,
    impl Future<Output = ()>,
) {
    let (store, writer) = reflector::store();
    let (sender, receiver) = watch::channel(Arc::from([]));
    let events = watcher(Api::<Node>::all(client), watcher::Config::default())
        .default_backoff()
        .modify(|node| node.metadata.managed_fields = None)
        .reflect(writer);
    let task = follow(events, store.clone(), sender, notes);
    (store, receiver, task)
}

async fn follow(
    events: impl Stream<Item = Result<Event<Node>, watcher::Error>>,
    store: Store<Node>,
    sender: watch::Sender<Arc<[api::Node]>>,
    notes: mpsc::UnboundedSender<Note>,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            // Nobody looks at anything before the first list is complete.
            Ok(Event::InitDone) => {}
            Ok(Event::Apply(_) | Event::Delete(_)) => batch(&mut events).await,
            Ok(Event::Init | Event::InitApply(_)) => continue,
            Err(error) => {
                tracing::warn!(
                    error = explain(&error),
                    "the watch of Nodes was interrupted; trying again"
                );
                continue;
            }
        }
        let nodes = store.state();
        let now = targets(nodes.iter().map(AsRef::as_ref));
        let changed = sender.send_if_modified(|before| {
            let changed = *before != now;
            if changed {
                *before = now;
            }
            changed
        });
        if changed && notes.send(Note::LookAtAll).is_err() {
            break;
        }
    }
}

/// Lets the store take in what else happens within the batch.
async fn batch(events: &mut (impl Stream<Item = Result<Event<Node>, watcher::Error>> + Unpin)) {
    let end = tokio::time::sleep(NODE_BATCH);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return,
            event = events.next() => if event.is_none() { return },
        }
    }
}
