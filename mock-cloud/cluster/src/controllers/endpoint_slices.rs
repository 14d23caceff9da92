//! EndpointSlices: which Service is touched by a change, and the writes. What the slices hold is
//! decided in `endpoints` and `slice_plan`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::endpoints::{groups, shown};
use super::slice_plan::plan;
use super::{Controller, Scope};
use crate::patch::Operation;
use crate::registry::{self, DeleteOptions, Intent, Target, WriteOptions};
use crate::resource::Kind;
use crate::selector::map_matches;
use crate::store::{Change, Event, Key, Object, Store};

const NAME: &str = "endpointslice-controller.k8s.io";
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

type Selector = BTreeMap<String, String>;

pub(super) struct EndpointSlices {
    store: Arc<Store>,
    dirty: BTreeSet<Key>,
    selectors: HashMap<Key, Selector>,
    /// Services by namespace and the first pair of their selector, so that a Pod finds its own.
    by_pair: HashMap<(String, String, String), BTreeSet<Key>>,
}

impl Controller for EndpointSlices {
    const SCOPE: Scope = Scope::Only(&[Kind::Service, Kind::Pod, Kind::EndpointSlice]);
    const SETTLE: Duration = Duration::from_millis(25);

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            dirty: BTreeSet::new(),
            selectors: HashMap::new(),
            by_pair: HashMap::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        match event.object.value["kind"].as_str() {
            Some("Service") => self.service_changed(event),
            Some("Pod") => self.pod_changed(event),
            _ if event.change == Change::Deleted => self.slice_deleted(&event.object),
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

fn selector_of(service: &Value) -> Selector {
    if service["spec"]["type"] == "ExternalName" {
        return Selector::new();
    }
    service["spec"]["selector"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn first_pair(key: &Key, selector: &Selector) -> Option<(String, String, String)> {
    let (label, value) = selector.first_key_value()?;
    Some((key.namespace.clone(), label.clone(), value.clone()))
}

impl EndpointSlices {
    fn service_changed(&mut self, event: &Event) {
        let key = event.object.key();
        if let Some(before) = &event.previous
            && event.change == Change::Modified
            && before.value["spec"] == event.object.value["spec"]
        {
            return;
        }
        if let Some(pair) = self
            .selectors
            .remove(&key)
            .and_then(|before| first_pair(&key, &before))
            && let Some(services) = self.by_pair.get_mut(&pair)
        {
            services.remove(&key);
            if services.is_empty() {
                self.by_pair.remove(&pair);
            }
        }
        if event.change == Change::Deleted {
            self.dirty.remove(&key);
            return;
        }
        let selector = selector_of(&event.object.value);
        if let Some(pair) = first_pair(&key, &selector) {
            self.by_pair.entry(pair).or_default().insert(key.clone());
            self.selectors.insert(key.clone(), selector);
            self.dirty.insert(key);
        }
    }

    fn pod_changed(&mut self, event: &Event) {
        if let (Change::Modified, Some(before)) = (event.change, &event.previous)
            && shown(&before.value) == shown(&event.object.value)
        {
            return;
        }
        for pod in event.previous.iter().chain([&event.object]) {
            let labels = &pod.value["metadata"]["labels"];
            for (label, value) in labels.as_object().into_iter().flatten() {
                let value = value.as_str().unwrap_or_default().to_owned();
                let pair = (pod.namespace().to_owned(), label.clone(), value);
                for service in self.by_pair.get(&pair).into_iter().flatten() {
                    if map_matches(&self.selectors[service], labels) {
                        self.dirty.insert(service.clone());
                    }
                }
            }
        }
    }

    fn slice_deleted(&mut self, slice: &Object) {
        let labels = &slice.value["metadata"]["labels"];
        if labels[MANAGED_BY_LABEL] == NAME
            && let Some(service) = labels[SERVICE_LABEL].as_str()
        {
            let key = Key::new(slice.namespace(), service);
            if self.selectors.contains_key(&key) {
                self.dirty.insert(key);
            }
        }
    }

    fn reconcile(&self, key: &Key) {
        let Some(selector) = self.selectors.get(key) else {
            return;
        };
        let (service, slices, groups) = {
            let state = self.store.lock();
            let Some(service) = state.get(Kind::Service, key).cloned() else {
                return;
            };
            let pods: Vec<Arc<Object>> = state
                .list(Kind::Pod, Some(&key.namespace))
                .filter(|pod| map_matches(selector, &pod.value["metadata"]["labels"]))
                .cloned()
                .collect();
            let slices: Vec<Arc<Object>> = state
                .list(Kind::EndpointSlice, Some(&key.namespace))
                .filter(|slice| {
                    let labels = &slice.value["metadata"]["labels"];
                    labels[SERVICE_LABEL] == key.name.as_str() && labels[MANAGED_BY_LABEL] == NAME
                })
                .cloned()
                .collect();
            let zone_of = |node: &str| {
                let node = state.get(Kind::Node, &Key::new("", node))?;
                let zone = node.value["metadata"]["labels"][ZONE_LABEL].as_str()?;
                Some(zone.to_owned())
            };
            let groups = groups(&service.value, &pods, zone_of);
            (service, slices, groups)
        };
        let plan = plan(&slices, groups);
        for (slice, endpoints) in plan.change {
            self.change(&slice, &endpoints);
        }
        // Not for a Service that goes: the garbage collector would delete them again for ever.
        let creations = plan.create.into_iter().filter(|_| !service.terminating());
        for (address_type, ports, endpoints) in creations {
            self.create(&service, &address_type, &ports, &endpoints);
        }
        for slice in plan.delete {
            let target = Target::new(Kind::EndpointSlice.resource(), slice.key());
            log(
                key,
                registry::delete(&self.store, &target, &DeleteOptions::default()),
            );
        }
    }

    fn change(&self, slice: &Object, endpoints: &[Value]) {
        let target = Target::new(Kind::EndpointSlice.resource(), slice.key());
        let change = |slice: &mut Value| slice["endpoints"] = json!(endpoints);
        let options = WriteOptions::internal(NAME);
        let written = registry::update(&self.store, &target, Intent::Change(&change), &options);
        log(&slice.key(), written);
    }

    fn create(&self, service: &Object, address_type: &str, ports: &Value, endpoints: &[Value]) {
        let mut labels = json!({ SERVICE_LABEL: service.name(), MANAGED_BY_LABEL: NAME });
        if service.value["spec"]["clusterIP"] == "None" {
            labels["service.kubernetes.io/headless"] = json!("");
        }
        let slice = json!({
            "metadata": {
                "generateName": format!("{}-", service.name()),
                "labels": labels,
                "ownerReferences": [{
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": service.name(),
                    "uid": service.uid(),
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "addressType": address_type,
            "ports": ports,
            "endpoints": endpoints,
        });
        let key = Key::new(service.namespace(), "");
        let target = Target::new(Kind::EndpointSlice.resource(), key);
        let options = WriteOptions::internal(NAME);
        let written = registry::create(&self.store, &target, slice, Operation::Update, &options);
        log(&service.key(), written);
    }
}

/// A write that is refused here lost a race; the event of the winner brings us back.
fn log<T, E: std::fmt::Display>(key: &Key, result: Result<T, E>) {
    if let Err(error) = result {
        tracing::debug!(namespace = key.namespace, name = key.name, %error, "a slice was not written");
    }
}
