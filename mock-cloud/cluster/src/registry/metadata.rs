//! The rules of `metadata`: identity, names, labels, finalizers, owners, and what a client may
//! never set.

use serde_json::{Value, json};

use super::now;
use crate::answer::{ApiError, FieldError};
use crate::names;
use crate::resource::{Kind, Resource};
use crate::store::Key;

/// Finalizers without a domain.
const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
/// Total size of all annotations of one object.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Refuses a body that is of another kind, or that names another object than the URL does.
pub(super) fn check_identity(resource: &Resource, body: &Value, key: &Key) -> Result<(), ApiError> {
    let api_version = resource.api_version();
    let wrong_kind = body["kind"]
        .as_str()
        .is_some_and(|kind| kind != resource.kind && !kind.is_empty());
    let wrong_version = body["apiVersion"]
        .as_str()
        .is_some_and(|version| version != api_version && !version.is_empty());
    if wrong_kind && !wrong_version && resource.custom.is_some() {
        let kind = body["kind"].as_str().unwrap_or_default();
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        return Err(ApiError::invalid_kind(resource, kind, name));
    }
    if wrong_kind || wrong_version {
        return Err(ApiError::bad_request(format!(
            "the API version and kind in the data ({}, {}) do not match the expected ones ({api_version}, {})",
            body["apiVersion"].as_str().unwrap_or_default(),
            body["kind"].as_str().unwrap_or_default(),
            resource.kind
        )));
    }
    let namespace = body["metadata"]["namespace"].as_str().unwrap_or_default();
    if !namespace.is_empty() && namespace != key.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    if !key.name.is_empty() && !name.is_empty() && name != key.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            key.name
        )));
    }
    Ok(())
}

/// Starts the metadata of a new object. True when its name was generated.
pub(super) fn begin(resource: &Resource, object: &mut Value, key: &Key) -> Result<bool, ApiError> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let metadata = object["metadata"]
        .as_object_mut()
        .expect("made an object above");
    if metadata
        .get("resourceVersion")
        .is_some_and(|version| version != "" && version != "0")
    {
        return Err(ApiError::internal(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    for field in [
        "resourceVersion",
        "managedFields",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), json!(uuid::Uuid::new_v4().to_string()));
    metadata.insert("creationTimestamp".to_owned(), json!(now()));
    if resource.namespaced {
        metadata.insert("namespace".to_owned(), json!(key.namespace));
    } else {
        metadata.remove("namespace");
    }
    if !key.name.is_empty() {
        metadata.insert("name".to_owned(), json!(key.name));
    }
    let named = metadata.get("name").is_some_and(|name| name != "");
    let prefix = metadata
        .get("generateName")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let generated = !named && !prefix.is_empty();
    if generated {
        metadata.insert("name".to_owned(), json!(names::generate(&prefix)));
    }
    if has_generation(resource.storage) {
        metadata.insert("generation".to_owned(), json!(1));
    }
    tidy(object);
    Ok(generated)
}

/// Whether the server counts the versions of a kind's spec. Of the served kinds Services, Nodes,
/// Namespaces, Events, Leases and Secrets have no generation on a real server either.
pub(super) fn has_generation(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::Deployment
            | Kind::EndpointSlice
            | Kind::CustomResourceDefinition
            | Kind::Custom(_)
    )
}

/// Drops empty maps and lists, which Go does not write.
pub(super) fn tidy(object: &mut Value) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let empty = metadata.get(field).is_some_and(|value| match value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        });
        if empty {
            metadata.remove(field);
        }
    }
}

/// Restores what only the server sets.
pub(super) fn restore(new: &mut Value, old: &Value) {
    if !new["metadata"].is_object() {
        new["metadata"] = json!({});
    }
    let metadata = new["metadata"]
        .as_object_mut()
        .expect("made an object above");
    metadata.remove("managedFields");
    metadata.remove("selfLink");
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
    ] {
        match old["metadata"].get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
    tidy(new);
}

/// Every fault of the metadata, of a new object or of a change.
pub(super) fn validate(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let metadata = &new["metadata"];
    if old.is_none() {
        match metadata["name"].as_str().unwrap_or_default() {
            "" => faults.push(FieldError::required(
                "metadata.name",
                "name or generateName is required",
            )),
            name => {
                if let Some(fault) = name_fault(resource.storage, name) {
                    faults.push(FieldError::invalid("metadata.name", name, fault));
                }
            }
        }
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if let Some(fault) = names::qualified_fault(key) {
            faults.push(FieldError::invalid("metadata.labels", key.as_str(), fault));
        }
        if let Some(fault) = names::label_value_fault(value) {
            faults.push(FieldError::invalid("metadata.labels", value, fault));
        }
    }
    annotations(metadata, &mut faults);
    finalizers(resource.storage, metadata, old, &mut faults);
    owners(metadata, &mut faults);
    faults
}

fn name_fault(kind: Kind, name: &str) -> Option<String> {
    match kind {
        // Services since KEP-5311: digits may come first.
        Kind::Service | Kind::Namespace => names::label_fault(name),
        _ => names::subdomain_fault(name),
    }
}

fn annotations(metadata: &Value, faults: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        if let Some(fault) = names::qualified_fault(&key.to_lowercase()) {
            faults.push(FieldError::invalid(
                "metadata.annotations",
                key.as_str(),
                fault,
            ));
        }
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > ANNOTATIONS_LIMIT {
        faults.push(FieldError::too_long(
            "metadata.annotations",
            ANNOTATIONS_LIMIT,
        ));
    }
}

/// The API extensions server knows no standard names of finalizers, and asks for no domain.
fn is_extension(kind: Kind) -> bool {
    matches!(kind, Kind::CustomResourceDefinition | Kind::Custom(_))
}

fn finalizers(kind: Kind, metadata: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    let list = |metadata: &Value| -> Vec<String> {
        metadata["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    let wanted = list(metadata);
    for name in &wanted {
        if let Some(fault) = names::qualified_fault(name) {
            faults.push(FieldError::invalid(
                "metadata.finalizers",
                name.as_str(),
                fault,
            ));
        } else if !is_extension(kind) && !name.contains('/') && !STANDARD.contains(&name.as_str()) {
            faults.push(FieldError::invalid(
                "metadata.finalizers",
                name.as_str(),
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    let Some(old) = old.map(|old| &old["metadata"]) else {
        return;
    };
    if old["deletionTimestamp"].is_null() {
        return;
    }
    let before = list(old);
    let added: Vec<String> = wanted
        .iter()
        .filter(|name| !before.contains(name))
        .map(|name| format!("{name:?}"))
        .collect();
    if !added.is_empty() {
        faults.push(FieldError::forbidden(
            "metadata.finalizers",
            &format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            ),
        ));
    }
}

/// What the API extensions server says of a finalizer that is new and names no domain.
pub(super) fn finalizer_warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let before = old.and_then(|old| old["metadata"]["finalizers"].as_array());
    let names = new["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten();
    let fresh = names.filter(|name| before.is_none_or(|before| !before.contains(name)));
    let plain = fresh
        .filter_map(Value::as_str)
        .filter(|name| !name.contains('/') && !STANDARD.contains(name));
    let warn = |name: &str| {
        let path = if name.contains('.') {
            " including a path (/)"
        } else {
            ""
        };
        format!(
            "metadata.finalizers: {name:?}: prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        )
    };
    plain.map(warn).collect()
}

fn owners(metadata: &Value, faults: &mut Vec<FieldError>) {
    let list = metadata["ownerReferences"].as_array();
    let mut controllers = 0;
    for (index, owner) in list.into_iter().flatten().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                faults.push(FieldError::invalid(
                    format!("metadata.ownerReferences[{index}].{field}"),
                    "",
                    format!("{field} must not be empty"),
                ));
            }
        }
        controllers += usize::from(owner["controller"] == true);
    }
    if controllers > 1 {
        faults.push(FieldError::invalid(
            "metadata.ownerReferences",
            metadata["ownerReferences"].clone(),
            "Only one reference can have Controller set to true",
        ));
    }
}
