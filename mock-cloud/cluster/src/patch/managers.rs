//! Who set which field: the record that server-side apply decides by (KEP-555). A field is the
//! path of a leaf, list elements named by their keys. It is kept beside the object, not shown in
//! `metadata.managedFields`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::join;
use crate::resource::{Kind, Subresource};
use crate::schema::{self, List};

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
        format!("conflict with {:?}{through}{using}", self.name)
    }
}

/// Fields by manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managers {
    pub(super) owned: BTreeMap<Manager, BTreeSet<String>>,
}

impl Managers {
    /// The record of a new object.
    pub(crate) fn created(kind: Kind, manager: Manager, object: &Value) -> Self {
        let fields = leaves(kind, object).into_keys().collect();
        Self {
            owned: BTreeMap::from([(manager, fields)]),
        }
    }

    /// The record after a write that was not an apply: who changes a field has it.
    pub(crate) fn updated(&self, kind: Kind, manager: &Manager, old: &Value, new: &Value) -> Self {
        let (before, after) = (leaves(kind, old), leaves(kind, new));
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
pub(super) fn leaves(kind: Kind, object: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
                    if let Some(value) = value.get(field) {
                        walk(
                            kind,
                            value,
                            &format!("metadata.{field}"),
                            &format!(".metadata.{field}"),
                            &mut found,
                        );
                    }
                }
            }
            _ => walk(kind, value, name, &format!(".{name}"), &mut found),
        }
    }
    found
}

fn walk<'a>(
    kind: Kind,
    value: &'a Value,
    schema_path: &str,
    path: &str,
    found: &mut BTreeMap<String, &'a Value>,
) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !schema::atomic_map(kind, schema_path) => {
            for (name, field) in fields {
                walk(
                    kind,
                    field,
                    &join(schema_path, name),
                    &format!("{path}.{name}"),
                    found,
                );
            }
        }
        Value::Array(items) => match schema::list(kind, schema_path) {
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
                    let path = format!("{path}{}", element(item, keys));
                    walk(kind, item, schema_path, &path, found);
                }
            }
        },
        leaf => {
            found.insert(path.to_owned(), leaf);
        }
    }
}

/// `[port=80,protocol="TCP"]`.
pub(super) fn element(item: &Value, keys: &[&str]) -> String {
    let pairs: Vec<String> = keys
        .iter()
        .map(|key| {
            let value = match item.get(key) {
                Some(value) => value.clone(),
                // The only defaulted keys in the served kinds are protocols.
                None => Value::from("TCP"),
            };
            format!("{key}={value}")
        })
        .collect();
    format!("[{}]", pairs.join(","))
}

/// Whether two elements are the same by key.
pub(super) fn same_element(one: &Value, other: &Value, keys: &[&str]) -> bool {
    element(one, keys) == element(other, keys)
}
