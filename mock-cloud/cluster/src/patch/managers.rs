//! Who set which field: the record that server-side apply decides by (KEP-555). A field is the
//! path of a leaf, list elements named by their keys. It is kept beside the object, not shown in
//! `metadata.managedFields`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::resource::{Resource, Subresource};
use crate::schema::{List, Place};

/// Whether a manager applied or wrote in another way: two records, even under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// One writer through one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    /// `fieldManager`.
    pub(crate) name: String,
    /// How it wrote.
    pub(crate) operation: Operation,
    /// `status`, `scale`, or empty.
    pub(crate) subresource: &'static str,
}

impl Manager {
    /// A manager.
    pub(crate) fn new(name: &str, operation: Operation, subresource: Option<Subresource>) -> Self {
        Self {
            name: name.to_owned(),
            operation,
            subresource: subresource.map_or("", Subresource::name),
        }
    }

    /// As conflict messages name it.
    pub(super) fn describe(&self, api_version: &str) -> String {
        let through = match self.subresource {
            "" => String::new(),
            part => format!(" with subresource {part:?}"),
        };
        let using = match self.operation {
            Operation::Apply => String::new(),
            Operation::Update => format!(" using {api_version}"),
        };
        format!("{:?}{through}{using}", self.name)
    }
}

/// Fields by manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managers {
    pub(super) owned: BTreeMap<Manager, BTreeSet<String>>,
}

impl Managers {
    /// The record of a new object.
    pub(crate) fn created(resource: &Resource, manager: Manager, object: &Value) -> Self {
        let fields = leaves(resource, object).into_keys().collect();
        Self {
            owned: BTreeMap::from([(manager, fields)]),
        }
    }

    /// The record after a write that was not an apply: who changes a field has it.
    pub(crate) fn updated(
        &self,
        resource: &Resource,
        manager: &Manager,
        old: &Value,
        new: &Value,
    ) -> Self {
        let (before, after) = (leaves(resource, old), leaves(resource, new));
        let changed: BTreeSet<&String> = after
            .iter()
            .filter(|(path, value)| before.get(*path) != Some(*value))
            .map(|(path, _)| path)
            .collect();
        let mut next = self.clone();
        for fields in next.owned.values_mut() {
            fields.retain(|path| !changed.contains(path) && after.contains_key(path));
        }
        if !changed.is_empty() {
            next.owned
                .entry(manager.clone())
                .or_default()
                .extend(changed.into_iter().cloned());
        }
        next.owned.retain(|_, fields| !fields.is_empty());
        next
    }

    /// Whether anybody but `manager` has a field.
    pub(super) fn has_another_owner(&self, manager: &Manager, path: &str) -> bool {
        self.owned
            .iter()
            .any(|(other, fields)| other != manager && fields.contains(path))
    }
}

/// The leaves of an object and their values, without what the server alone sets.
pub(super) fn leaves<'a>(resource: &Resource, object: &'a Value) -> BTreeMap<String, &'a Value> {
    let root = Place::root(resource);
    let mut found = BTreeMap::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                let place = root.field(name);
                for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
                    if let Some(value) = value.get(field) {
                        let path = format!(".metadata.{field}");
                        walk(value, &place.field(field), &path, &mut found);
                    }
                }
            }
            _ => walk(value, &root.field(name), &format!(".{name}"), &mut found),
        }
    }
    found
}

fn walk<'a>(
    value: &'a Value,
    place: &Place<'_>,
    path: &str,
    found: &mut BTreeMap<String, &'a Value>,
) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !place.is_atomic_map() => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                if field.is_object() || field.is_array() {
                    walk(field, &place.field(name), &path, found);
                } else {
                    found.insert(path, field);
                }
            }
        }
        Value::Array(items) => match place.list() {
            List::Atomic | List::MergeOnly(_) => {
                found.insert(path.to_owned(), value);
            }
            List::Set => {
                for item in items {
                    found.insert(format!("{path}[{item}]"), item);
                }
            }
            List::Map { keys, .. } => {
                for item in items {
                    let path = format!("{path}{}", keys.element(item));
                    walk(item, &place.item(), &path, found);
                }
            }
        },
        leaf => {
            found.insert(path.to_owned(), leaf);
        }
    }
}
