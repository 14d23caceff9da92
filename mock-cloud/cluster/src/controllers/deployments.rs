//! Deployments: makes and removes Pods so that as many as wanted run the present template.
//! There are no `ReplicaSet`s: Pods carry the template's hash. It never says that a Pod is ready.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rollout::{HASH_LABEL, Rollout, template_hash};
use super::{Controller, Scope};
use crate::patch::Operation;
use crate::registry::{self, DeleteOptions, Intent, Target, WriteOptions};
use crate::resource::{Kind, Subresource};
use crate::store::{Change, Event, Key, Object, Store};

const NAME: &str = "deployment-controller";

pub(super) struct Deployments {
    store: Arc<Store>,
    dirty: BTreeSet<Key>,
}

impl Controller for Deployments {
    const SCOPE: Scope = Scope::Only(&[Kind::Deployment, Kind::Pod]);
    const SETTLE: Duration = Duration::from_millis(5);

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            dirty: BTreeSet::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        match event.object.value["kind"].as_str() {
            Some("Deployment") if event.change != Change::Deleted => {
                self.dirty.insert(event.object.key());
            }
            Some("Pod") => {
                let owner = controller_of(&event.object.value);
                if let Some(owner) = owner.filter(|owner| owner["kind"] == "Deployment") {
                    let name = owner["name"].as_str().unwrap_or_default();
                    self.dirty.insert(Key::new(event.object.namespace(), name));
                }
            }
            _ => {}
        }
    }

    fn act(&mut self) -> bool {
        let Some(key) = self.dirty.pop_first() else {
            return false;
        };
        self.reconcile(&key);
        true
    }
}

/// The owner that controls an object.
pub(super) fn controller_of(object: &Value) -> Option<&Value> {
    object["metadata"]["ownerReferences"]
        .as_array()?
        .iter()
        .find(|owner| owner["controller"] == true)
}

impl Deployments {
    fn reconcile(&self, key: &Key) {
        let (deployment, pods) = {
            let state = self.store.lock();
            let Some(deployment) = state.get(Kind::Deployment, key).cloned() else {
                return;
            };
            let pods: Vec<Arc<Object>> = state
                .list(Kind::Pod, Some(&key.namespace))
                .filter(|pod| {
                    controller_of(&pod.value).is_some_and(|owner| owner["uid"] == deployment.uid())
                })
                .cloned()
                .collect();
            (deployment, pods)
        };
        let rollout = Rollout::plan(&deployment.value, &pods);
        if !deployment.terminating() {
            for _ in 0..rollout.create {
                self.create_pod(&deployment);
            }
            for pod in &rollout.delete {
                self.delete_pod(pod);
            }
        }
        self.write_status(key, &rollout.status);
    }

    fn create_pod(&self, deployment: &Object) {
        let template = &deployment.value["spec"]["template"];
        let hash = template_hash(template);
        let mut metadata = template["metadata"].clone();
        metadata["labels"][HASH_LABEL] = json!(hash);
        metadata["generateName"] = json!(format!("{}-{hash}-", deployment.name()));
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": deployment.name(),
            "uid": deployment.uid(),
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
        if let Some(fields) = metadata.as_object_mut() {
            fields.remove("name");
        }
        let pod = json!({ "metadata": metadata, "spec": template["spec"] });
        let target = Target::new(Kind::Pod.resource(), Key::new(deployment.namespace(), ""));
        let options = WriteOptions::internal(NAME);
        if let Err(error) = registry::create(&self.store, &target, pod, Operation::Update, &options)
        {
            tracing::warn!(deployment = deployment.name(), %error, "cannot create a pod");
        }
    }

    fn delete_pod(&self, pod: &Object) {
        let target = Target::new(Kind::Pod.resource(), pod.key());
        let options = DeleteOptions {
            uid: Some(pod.uid().to_owned()),
            ..DeleteOptions::default()
        };
        if let Err(error) = registry::delete(&self.store, &target, &options) {
            tracing::debug!(pod = pod.name(), %error, "a pod was gone before its deletion");
        }
    }

    fn write_status(&self, key: &Key, status: &Value) {
        let target =
            Target::new(Kind::Deployment.resource(), key.clone()).through(Subresource::Status);
        let change = |deployment: &mut Value| deployment["status"] = status.clone();
        let options = WriteOptions::internal(NAME);
        if let Err(error) =
            registry::update(&self.store, &target, Intent::Change(&change), &options)
        {
            tracing::debug!(deployment = key.name, %error, "its status was not written");
        }
    }
}
