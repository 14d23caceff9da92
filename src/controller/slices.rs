//! EndpointSlices by the Service that they belong to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use landfall_provider_api::ServiceName;
use landfall_service::{Slice, service_of};

use super::dispatch::Note;
use super::indexed::Index;

/// All EndpointSlices that belong to a Service.
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// By Service, then by the slice's own name, in the same namespace.
    by_service: HashMap<ServiceName, BTreeMap<String, Arc<Slice>>>,
    /// Namespace and name of a slice, and the Service that it belongs to.
    owners: HashMap<(String, String), ServiceName>,
}

impl Slices {
    /// The slices of a Service, in order of their names.
    pub(super) fn of(&self, service: &ServiceName) -> Vec<Arc<Slice>> {
        let slices = self.by_service.get(service);
        slices
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }
}

impl Index for Slices {
    type Object = EndpointSlice;

    fn put(&mut self, slice: &EndpointSlice) -> Vec<Note> {
        let key = key(slice);
        let Some(owner) = service_of(slice) else {
            return self.remove(slice);
        };
        let mut concerned = Vec::new();
        if self.owners.get(&key).is_some_and(|before| *before != owner) {
            concerned.extend(self.remove(slice));
        }
        let fresh = Arc::new(Slice::from(slice));
        let slices = self.by_service.entry(owner.clone()).or_default();
        let before = slices.insert(key.1.clone(), fresh.clone());
        if before.as_ref() != Some(&fresh) {
            concerned.push(Note::Look(owner.clone()));
        }
        self.owners.insert(key, owner);
        concerned
    }

    fn remove(&mut self, slice: &EndpointSlice) -> Vec<Note> {
        let key = key(slice);
        let Some(owner) = self.owners.remove(&key) else {
            return Vec::new();
        };
        if let Some(slices) = self.by_service.get_mut(&owner) {
            slices.remove(&key.1);
            if slices.is_empty() {
                self.by_service.remove(&owner);
            }
        }
        vec![Note::Look(owner)]
    }
}

fn key(slice: &EndpointSlice) -> (String, String) {
    let metadata = &slice.metadata;
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(name: &str, service: &str, address: &str) -> EndpointSlice {
        let slice = json!({
            "metadata": {
                "namespace": "default", "name": name,
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"port": 80}],
            "endpoints": [{"addresses": [address]}],
        });
        serde_json::from_value(slice).unwrap()
    }

    fn names(concerned: &[Note]) -> Vec<&str> {
        let names = concerned.iter().map(|note| match note {
            Note::Look(service) => service.name.as_str(),
            other => panic!("{other:?}"),
        });
        names.collect()
    }

    #[test]
    fn only_the_services_that_a_slice_belongs_to_are_concerned() {
        let mut slices = Slices::default();
        let web = ServiceName {
            namespace: "default".into(),
            name: "web".into(),
        };
        let first = slice("web-1", "web", "10.0.0.1");
        assert_eq!(names(&slices.put(&first)), ["web"]);
        assert_eq!(names(&slices.put(&first)), [""; 0], "nothing is new");
        let changed = slice("web-1", "web", "10.0.0.2");
        assert_eq!(names(&slices.put(&changed)), ["web"]);
        assert_eq!(slices.of(&web), [Arc::new(Slice::from(&changed))]);
        let moved = slice("web-1", "api", "10.0.0.2");
        assert_eq!(names(&slices.put(&moved)), ["web", "api"]);
        assert!(slices.of(&web).is_empty());
        assert_eq!(names(&slices.remove(&moved)), ["api"]);
        assert_eq!(names(&slices.remove(&moved)), [""; 0]);
        assert!(slices.by_service.is_empty() && slices.owners.is_empty());
    }
}
