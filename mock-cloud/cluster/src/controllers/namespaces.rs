//! Deleted namespaces: everything in them is deleted, and when nothing is left the namespace
//! loses the finalizer that held it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, Scope};
use crate::registry::{self, DeleteOptions, Intent, Target, WriteOptions};
use crate::resource::{Kind, Resource, Subresource};
use crate::store::{Change, Event, Key, Object, Store};

const NAME: &str = "namespace-controller";

pub(super) struct Namespaces {
    store: Arc<Store>,
    terminating: BTreeSet<String>,
    dirty: BTreeSet<String>,
}

impl Controller for Namespaces {
    const SCOPE: Scope = Scope::All;
    const SETTLE: Duration = Duration::ZERO;

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            terminating: BTreeSet::new(),
            dirty: BTreeSet::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        if event.kind == Kind::Namespace {
            let name = event.object.name().to_owned();
            if event.change == Change::Deleted {
                self.terminating.remove(&name);
                self.dirty.remove(&name);
            } else if event.object.terminating() {
                self.terminating.insert(name.clone());
                self.dirty.insert(name);
            }
        } else if event.change == Change::Deleted
            && self.terminating.contains(event.object.namespace())
        {
            self.dirty.insert(event.object.namespace().to_owned());
        }
    }

    fn act(&mut self) -> bool {
        let Some(name) = self.dirty.pop_first() else {
            return false;
        };
        self.empty(&name);
        true
    }
}

impl Namespaces {
    fn empty(&self, name: &str) {
        let content: Vec<(Arc<Resource>, Arc<Object>)> = {
            let state = self.store.lock();
            let kinds = state.kinds();
            let resources = kinds.into_iter().filter_map(|kind| state.resource(kind));
            let mut content = Vec::new();
            for resource in resources.filter(|resource| resource.namespaced) {
                let objects = state.list(resource.storage, Some(name));
                content.extend(objects.map(|object| (resource.clone(), object.clone())));
            }
            content
        };
        if content.is_empty() {
            self.release(name);
            return;
        }
        for (resource, object) in content.iter().filter(|(_, object)| !object.terminating()) {
            let target = Target::new(resource.clone(), object.key());
            if let Err(error) = registry::delete(&self.store, &target, &DeleteOptions::default()) {
                tracing::debug!(namespace = name, object = object.name(), %error, "not deleted");
            }
        }
    }

    fn release(&self, name: &str) {
        let target = Target::new(Kind::Namespace.resource(), Key::new("", name))
            .through(Subresource::Finalize);
        let change = |namespace: &mut Value| namespace["spec"]["finalizers"] = json!([]);
        let options = WriteOptions::internal(NAME);
        if let Err(error) =
            registry::update(&self.store, &target, Intent::Change(&change), &options)
        {
            tracing::debug!(namespace = name, %error, "not released");
        }
    }
}
