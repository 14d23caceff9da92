//! The watches of MetalLB's objects, and of the pods that may be its controller.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::api::{ApiResource, DynamicObject, ListParams, TypeMeta};
use kube::{Api, Client, ResourceExt};
use landfall_bare_metal_resources::metallb::{GROUP, Source};
use landfall_events::{Events, Kind as Type, Told};
use landfall_watch::{Health, explain, watched};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::keeper::Keeper;
use crate::metallb::{self, KINDS, Kind};

/// From one question whether a kind is served by now to the next.
const PAUSE: Duration = Duration::from_secs(10);

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
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: kind.version.to_owned(),
            api_version: format!("{GROUP}/{}", kind.version),
            kind: kind.singular.to_owned(),
            plural: kind.plural.to_owned(),
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        self.until_served(&api, kind).await;
        let thin = |object: &mut DynamicObject| object.metadata.managed_fields = None;
        let health = self.health.clone();
        let events = watched(api.clone(), kind.what, health, Arc::default(), thin);
        let of_kind = landfall_watch::Kind {
            key: DynamicObject::name_any,
            put: |mut object: DynamicObject| {
                // Items of a list do not say what they are.
                object.types.get_or_insert_with(|| TypeMeta {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                });
                let name = object.name_any();
                let value = json!(object);
                self.keeper
                    .with(|state, now| state.put_metallb(kind, name, &value, now));
            },
            remove: |name: &String| {
                self.keeper
                    .with(|state, now| state.remove_metallb(kind, name, now));
            },
            known: || self.keeper.with(|state, _| state.metallb.names_of(kind)),
            at: |name: &String| (api.clone(), name.clone()),
        };
        of_kind.follow(events, &self.read).await;
    }

    /// Waits until a kind is served; until then there is nothing of it.
    async fn until_served(&self, api: &Api<DynamicObject>, kind: Kind) {
        let mut is_first = true;
        loop {
            let one = ListParams::default().limit(1);
            let Err(error) = api.list_metadata(&one).await else {
                break;
            };
            if matches!(&error, kube::Error::Api(status) if status.is_not_found()) {
                if is_first {
                    tracing::info!(
                        kind = kind.singular,
                        "is not installed, so there is nothing of it"
                    );
                }
                self.health.well(kind.what);
                if std::mem::take(&mut is_first) {
                    self.read.send_modify(|kinds| *kinds += 1);
                }
            } else {
                let error = explain(&error);
                tracing::warn!(error, "{} cannot be read", kind.what);
                self.health
                    .trouble(kind.what, format!("cannot be read: {error}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.health.well(kind.what);
        if !is_first {
            // It was counted as read when there was none.
            self.read.send_modify(|kinds| *kinds -= 1);
        }
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
