//! Objects of a kind that somebody else defines, and that may not be served yet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, ListParams, TypeMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{Health, Kind, explain, watched};

/// From one question whether a kind is served by now to the next.
const PAUSE: Duration = Duration::from_secs(10);

/// A kind in a namespace, or in all of them.
#[derive(Debug)]
pub struct Foreign {
    api: Api<DynamicObject>,
    resource: ApiResource,
    what: &'static str,
    health: Health,
}

impl Foreign {
    /// The objects of this kind in one namespace, or in all; `what` names them in the plural.
    pub fn new(
        client: Client,
        namespace: Option<&str>,
        resource: ApiResource,
        what: &'static str,
        health: Health,
    ) -> Self {
        Self {
            api: match namespace {
                Some(namespace) => Api::namespaced_with(client, namespace, &resource),
                None => Api::all_with(client, &resource),
            },
            resource,
            what,
            health,
        }
    }

    /// Takes in each with its name, and forgets those that are gone. While the kind is not served there
    /// is nothing of it, and `read`, which counts the kinds that were read whole, counts that as well.
    pub async fn follow(
        &self,
        read: &watch::Sender<usize>,
        put: impl Fn(String, &Value),
        remove: impl Fn(&String),
        known: impl Fn() -> BTreeSet<String>,
    ) {
        self.until_served(read).await;
        let thin = |object: &mut DynamicObject| object.metadata.managed_fields = None;
        let health = self.health.clone();
        let events = watched(self.api.clone(), self.what, health, Arc::default(), thin);
        let kind = Kind {
            key: DynamicObject::name_any,
            put: |mut object: DynamicObject| {
                // Items of a list do not say what they are.
                object.types.get_or_insert_with(|| TypeMeta {
                    api_version: self.resource.api_version.clone(),
                    kind: self.resource.kind.clone(),
                });
                put(object.name_any(), &json!(object));
            },
            remove,
            known,
            at: |name: &String| (self.api.clone(), name.clone()),
        };
        kind.follow(events, read).await;
    }

    /// Shows all that there are whenever there are others. A list's word is enough here: for what is only told
    /// to people.
    pub async fn show(&self, mut show: impl FnMut(&[Arc<DynamicObject>])) {
        self.until_served(&watch::Sender::default()).await;
        let thin = |object: &mut DynamicObject| object.metadata.managed_fields = None;
        let health = self.health.clone();
        let events = watched(self.api.clone(), self.what, health, Arc::default(), thin);
        let mut writer = Writer::new(self.resource.clone());
        let store = writer.as_reader();
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            writer.apply_watcher_event(&event);
            if !matches!(event, Event::Init | Event::InitApply(_)) {
                show(&store.state());
            }
        }
    }

    async fn until_served(&self, read: &watch::Sender<usize>) {
        let mut is_first = true;
        loop {
            let one = ListParams::default().limit(1);
            let Err(error) = self.api.list_metadata(&one).await else {
                break;
            };
            // Of a group that it does not know at all, an API server says nothing more.
            if matches!(&error, kube::Error::Api(status) if status.code == 404) {
                if is_first {
                    let kind = self.resource.kind.as_str();
                    tracing::info!(kind, "is not installed, so there is nothing of it");
                }
                self.health.well(self.what);
                if std::mem::take(&mut is_first) {
                    read.send_modify(|kinds| *kinds += 1);
                }
            } else {
                let error = explain(&error);
                tracing::warn!(error, "{} cannot be read", self.what);
                self.health
                    .trouble(self.what, format!("cannot be read: {error}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.health.well(self.what);
        if !is_first {
            // It was counted as read when there was none.
            read.send_modify(|kinds| *kinds -= 1);
        }
    }
}
