//! The labels of namespaces, which all Services of one share.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;

use super::dispatch::Note;
use super::indexed::Index;

/// Labels by namespace.
#[derive(Debug, Default)]
pub(super) struct Namespaces(HashMap<String, Arc<BTreeMap<String, String>>>);

impl Namespaces {
    /// The labels of a namespace; none of one that is not known.
    pub(super) fn labels(&self, name: &str) -> Arc<BTreeMap<String, String>> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

impl Index for Namespaces {
    type Object = Namespace;

    fn put(&mut self, namespace: &Namespace) -> Vec<Note> {
        let (name, labels) = (namespace.name_any(), namespace.labels());
        if self.0.get(&name).is_some_and(|known| **known == *labels) {
            return Vec::new();
        }
        self.0.insert(name.clone(), Arc::new(labels.clone()));
        vec![Note::LookInto(name)]
    }

    /// It goes after all that was in it, so nobody is concerned.
    fn remove(&mut self, namespace: &Namespace) -> Vec<Note> {
        self.0.remove(&namespace.name_any());
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_is_in_a_namespace_shares_its_labels_and_is_concerned_by_a_change_of_them() {
        let namespace = |labels| {
            let namespace = json!({"metadata": {"name": "shop", "labels": labels}});
            serde_json::from_value::<Namespace>(namespace).unwrap()
        };
        let mut namespaces = Namespaces::default();
        let first = namespace(json!({"team": "a"}));
        let concerned = namespaces.put(&first);
        assert!(matches!(&concerned[..], [Note::LookInto(name)] if name == "shop"));
        assert_eq!(namespaces.labels("shop")["team"], "a");
        assert!(Arc::ptr_eq(
            &namespaces.labels("shop"),
            &namespaces.labels("shop")
        ));
        assert!(namespaces.put(&first).is_empty(), "nothing is new");
        assert_eq!(namespaces.put(&namespace(json!({"team": "b"}))).len(), 1);
        assert_eq!(namespaces.labels("shop")["team"], "b");
        namespaces.remove(&first);
        assert!(namespaces.labels("shop").is_empty());
    }
}
