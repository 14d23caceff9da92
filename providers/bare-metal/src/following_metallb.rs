//! The watches of MetalLB's objects, and of the pods that may be its controller.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::{Api, Client, ResourceExt};
use landfall_bare_metal_resources::metallb::{GROUP, KINDS, Kind, Source};
use landfall_events::{Events, Kind as Type, Told};
use landfall_watch::{Foreign, Health, watched};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::keeper::Keeper;
use crate::metallb;

/// How many kinds are followed: MetalLB's, and pods.
pub(crate) const COUNT: usize = KINDS.len() + 1;

/// What a task needs that follows a kind.
#[derive(Clone)]
struct Follower {
    keeper: Arc<Keeper>,
    client: Client,
    namespace: String,
    health: Health,
    read: watch::Sender<usize>,
}

/// Starts the watches; `read` counts the kinds that were read whole.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    keeper: &Arc<Keeper>,
    client: &Client,
    health: &Health,
    namespace: &str,
    read: watch::Sender<usize>,
) {
    let follower = Follower {
        keeper: keeper.clone(),
        client: client.clone(),
        namespace: namespace.to_owned(),
        health: health.clone(),
        read,
    };
    for kind in KINDS {
        tasks.spawn(follower.clone().follow(kind));
    }
    tasks.spawn(follower.follow_pods());
    let (events, writers) = Events::new(client);
    tasks.spawn(writers);
    tasks.spawn(tell(events, namespace.to_owned(), keeper.untold()));
}

impl Follower {
    async fn follow(self, kind: Kind) {
        let (client, health) = (self.client.clone(), self.health.clone());
        let all = Foreign::new(
            client,
            Some(&self.namespace),
            kind.resource(),
            kind.what,
            health,
        );
        all.follow(
            &self.read,
            |name, value| {
                self.keeper
                    .with(|state, now| state.put_metallb(kind, name, value, now));
            },
            |name| {
                self.keeper
                    .with(|state, now| state.remove_metallb(kind, name, now));
            },
            || self.keeper.with(|state, _| state.metallb.names_of(kind)),
        )
        .await;
    }

    async fn follow_pods(self) {
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.namespace);
        let thin = |pod: &mut Pod| {
            pod.metadata.managed_fields = None;
            pod.spec = None;
        };
        let health = self.health.clone();
        let what = "Pods of MetalLB's namespace";
        let events = watched(api.clone(), what, health, Arc::default(), thin);
        let pods = landfall_watch::Kind {
            key: Pod::name_any,
            put: |pod: Pod| {
                self.keeper
                    .with(|state, now| state.put_metallb_pod(&pod, now));
            },
            remove: |name: &String| {
                self.keeper
                    .with(|state, now| state.remove_metallb_pod(name, now));
            },
            known: || {
                self.keeper
                    .with(|state, _| state.metallb.names_of_controllers())
            },
            at: |name: &String| (api.clone(), name.clone()),
        };
        pods.follow(events, &self.read).await;
    }
}

/// Tells, in the log and by events, what of MetalLB's objects could not be carried over.
async fn tell(
    events: Events,
    namespace: String,
    mut untold: mpsc::UnboundedReceiver<metallb::Told>,
) {
    while let Some((source, note)) = untold.recv().await {
        let Source { kind, name, .. } = source;
        tracing::warn!(
            kind,
            name,
            "MetalLB's object cannot be followed in all: {note}"
        );
        events.tell(Told {
            about: ObjectReference {
                api_version: metallb::version_of(kind).map(|it| format!("{GROUP}/{it}")),
                kind: Some(kind.to_owned()),
                namespace: Some(namespace.clone()),
                name: Some(name),
                ..ObjectReference::default()
            },
            kind: Type::Warning,
            reason: "NotCarriedOver",
            action: "Read",
            note,
        });
    }
}
