//! Owner references: what is owned goes when the last of its owners has gone, before its owner
//! on a foreground deletion, and loses its owner on an orphaning one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Controller, Scope};
use crate::registry::{self, DeleteOptions, Intent, Propagation, Target, WriteOptions};
use crate::resource::Kind;
use crate::store::{Change, Event, Key, Object, Store};

const NAME: &str = "garbage-collector";

type Place = (Kind, Key);

pub(super) struct Garbage {
    store: Arc<Store>,
    dependents: HashMap<String, BTreeSet<Place>>,
    /// Objects whose owners may be gone.
    orphans: BTreeSet<Place>,
    /// Owners that wait for their dependents.
    owners: BTreeSet<Place>,
}

impl Controller for Garbage {
    const SCOPE: Scope = Scope::All;
    const SETTLE: Duration = Duration::ZERO;

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            dependents: HashMap::new(),
            orphans: BTreeSet::new(),
            owners: BTreeSet::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        let place = (event.kind, event.object.key());
        if let Some(before) = &event.previous {
            for owner in owner_uids(&before.value) {
                self.forget(owner, &place);
            }
        }
        if event.change == Change::Deleted {
            let owned = self.dependents.get(event.object.uid());
            self.orphans.extend(owned.into_iter().flatten().cloned());
            self.wake_owners(&event.object);
            return;
        }
        for owner in owner_uids(&event.object.value) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(place.clone());
        }
        if event.change == Change::Added && owner_uids(&event.object.value).next().is_some() {
            self.orphans.insert(place.clone());
        }
        if waits_for_dependents(&event.object.value) {
            self.owners.insert(place);
        }
    }

    fn act(&mut self) -> bool {
        if let Some((kind, key)) = self.orphans.pop_first() {
            self.collect(kind, &key);
            return true;
        }
        if let Some((kind, key)) = self.owners.pop_first() {
            self.release(kind, &key);
            return true;
        }
        false
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str())
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| list.iter().any(|finalizer| finalizer == name))
}

fn waits_for_dependents(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
        && (has_finalizer(object, "foregroundDeletion") || has_finalizer(object, "orphan"))
}

impl Garbage {
    fn forget(&mut self, owner: &str, place: &Place) {
        if let Some(places) = self.dependents.get_mut(owner) {
            places.remove(place);
            if places.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// A dependent has gone: its owners may have waited for that.
    fn wake_owners(&mut self, object: &Object) {
        let owners = object.value["metadata"]["ownerReferences"].as_array();
        for owner in owners.into_iter().flatten() {
            let text = |field: &str| owner[field].as_str().unwrap_or_default();
            let found = {
                let state = self.store.lock();
                let kind = state.kind_named(text("apiVersion"), text("kind"));
                kind.and_then(|kind| state.resource(kind))
            };
            let Some(resource) = found else { continue };
            let kind = resource.storage;
            let namespace = if resource.namespaced {
                object.namespace()
            } else {
                ""
            };
            let name = owner["name"].as_str().unwrap_or_default();
            self.owners.insert((kind, Key::new(namespace, name)));
        }
    }

    /// Deletes an object whose owners are all gone.
    fn collect(&self, kind: Kind, key: &Key) {
        let object = {
            let state = self.store.lock();
            let Some(object) = state.get(kind, key).cloned() else {
                return;
            };
            let owned = owner_uids(&object.value).next().is_some();
            if !owned || owner_uids(&object.value).any(|uid| state.has_uid(uid)) {
                return;
            }
            object
        };
        self.delete(kind, &object);
    }

    /// Does for an owner that waits what its finalizer is for, and takes the finalizer away.
    fn release(&self, kind: Kind, key: &Key) {
        let (owner, owned) = {
            let state = self.store.lock();
            let Some(owner) = state.get(kind, key).cloned() else {
                return;
            };
            let places = self.dependents.get(owner.uid());
            let owned: Vec<(Kind, Arc<Object>)> = places
                .into_iter()
                .flatten()
                .filter_map(|(kind, key)| Some((*kind, state.get(*kind, key)?.clone())))
                .collect();
            (owner, owned)
        };
        if !waits_for_dependents(&owner.value) {
            return;
        }
        if has_finalizer(&owner.value, "orphan") {
            let uid = owner.uid().to_owned();
            for (kind, object) in &owned {
                self.change(*kind, &object.key(), |object| {
                    drop_from(&mut object["metadata"]["ownerReferences"], |owner| {
                        owner["uid"] == uid.as_str()
                    });
                });
            }
            self.drop_finalizer(kind, key, "orphan");
        } else if owned.is_empty() {
            self.drop_finalizer(kind, key, "foregroundDeletion");
        } else {
            for (kind, object) in owned.iter().filter(|(_, object)| !object.terminating()) {
                self.delete(*kind, object);
            }
        }
    }

    fn delete(&self, kind: Kind, object: &Object) {
        let Some(resource) = self.store.lock().resource(kind) else {
            return;
        };
        let target = Target::new(resource, object.key());
        let options = DeleteOptions {
            uid: Some(object.uid().to_owned()),
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        if let Err(error) = registry::delete(&self.store, &target, &options) {
            tracing::debug!(name = object.name(), %error, "it was gone before its collection");
        }
    }

    fn drop_finalizer(&self, kind: Kind, key: &Key, name: &str) {
        self.change(kind, key, |object| {
            drop_from(&mut object["metadata"]["finalizers"], |finalizer| {
                finalizer == name
            });
        });
    }

    fn change(&self, kind: Kind, key: &Key, change: impl Fn(&mut Value)) {
        let Some(resource) = self.store.lock().resource(kind) else {
            return;
        };
        let target = Target::new(resource, key.clone());
        let options = WriteOptions::internal(NAME);
        if let Err(error) =
            registry::update(&self.store, &target, Intent::Change(&change), &options)
        {
            tracing::debug!(name = key.name, %error, "not changed by the garbage collector");
        }
    }
}

fn drop_from(list: &mut Value, unwanted: impl Fn(&Value) -> bool) {
    if let Some(items) = list.as_array_mut() {
        items.retain(|item| !unwanted(item));
    }
}
