//! What each kind does on a write: a dispatch to the kinds' own files, and the kinds that need
//! only a few lines.

use serde_json::{Value, json};

use super::{definitions, deployments, endpoint_slices, events, metadata, pods, secrets};
use crate::answer::FieldError;
use crate::resource::{Kind, Resource, Subresource};
use crate::service;
use crate::store::State;

/// Fills in defaults; harmless on an object that has them.
pub(super) fn default(resource: &Resource, object: &mut Value) {
    if let Some(version) = &resource.custom {
        return version.default(object);
    }
    match resource.storage {
        Kind::Service => service::default(object),
        Kind::Pod => pods::default(object),
        Kind::Deployment => deployments::default(object),
        Kind::EndpointSlice => endpoint_slices::default(object),
        Kind::Namespace => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        }
        Kind::Node => {
            for part in ["spec", "status"] {
                if !object[part].is_object() {
                    object[part] = json!({});
                }
            }
        }
        Kind::CustomResourceDefinition => definitions::default(object),
        Kind::Secret => secrets::default(object),
        Kind::Event | Kind::Lease | Kind::Custom(_) => {}
    }
}

/// What a create may not set.
pub(super) fn prepare_create(state: &State, resource: &Resource, object: &mut Value) {
    match resource.storage {
        Kind::Service => object["status"] = json!({ "loadBalancer": {} }),
        Kind::Pod => object["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" }),
        Kind::Deployment => object["status"] = json!({}),
        Kind::Namespace => {
            object["spec"] = json!({ "finalizers": ["kubernetes"] });
            object["status"] = json!({ "phase": "Active" });
        }
        Kind::CustomResourceDefinition => {
            object["status"] = json!({});
            definitions::settle(state, resource, object, None);
        }
        Kind::Custom(_) => {
            if resource.has_status() {
                remove(object, "status");
            }
        }
        // A kubelet registers its Node with the status.
        Kind::Node | Kind::Event | Kind::EndpointSlice | Kind::Lease | Kind::Secret => {}
    }
}

/// Takes from the old version what this path may not change.
pub(super) fn isolate(
    resource: &Resource,
    subresource: Option<Subresource>,
    new: &mut Value,
    old: &Value,
) {
    match subresource {
        Some(Subresource::Status) => {
            let status = new["status"].take();
            let metadata = new["metadata"].take();
            *new = old.clone();
            // Of a custom object it is the status alone.
            if resource.custom.is_none() {
                new["metadata"] = metadata;
            }
            if status.is_null() {
                remove(new, "status");
            } else {
                new["status"] = status;
            }
        }
        Some(Subresource::Finalize) => {
            let finalizers = new["spec"]["finalizers"].take();
            *new = old.clone();
            new["spec"]["finalizers"] = finalizers;
        }
        Some(Subresource::Binding) => {}
        Some(Subresource::Scale) | None => {
            if resource.has_status() {
                keep(new, old, "status");
            }
            if resource.storage == Kind::Namespace {
                keep(new, old, "spec");
            }
        }
    }
}

fn keep(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => new[field] = value.clone(),
        None => remove(new, field),
    }
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

/// What an update changes by itself.
pub(super) fn prepare_update(
    resource: &Resource,
    subresource: Option<Subresource>,
    new: &mut Value,
    old: &Value,
) {
    let status = subresource == Some(Subresource::Status);
    match resource.storage {
        Kind::Custom(_) => {}
        Kind::Service if status => service::prepare_status(new),
        Kind::Service => {
            service::carry_over(new, old);
            service::wipe(new, old);
        }
        _ if status && new["status"].is_null() => new["status"] = json!({}),
        _ => {}
    }
}

/// Every fault of a new object or of a change.
pub(super) fn validate(
    resource: &Resource,
    subresource: Option<Subresource>,
    new: &mut Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    match resource.storage {
        Kind::Service => {
            let mut faults = service::validate(new, old);
            if let Some(old) = old {
                faults.extend(service::validate_update(new, old));
            }
            faults
        }
        // A binding changes what nothing else may: the node.
        Kind::Pod if subresource == Some(Subresource::Binding) => Vec::new(),
        Kind::Pod => pods::validate(new, old),
        Kind::Deployment => deployments::validate(new, old),
        Kind::EndpointSlice => endpoint_slices::validate(new, old),
        Kind::Lease => lease(new),
        Kind::Secret => secrets::validate(new, old),
        Kind::Event => events::validate(resource, new, old),
        Kind::CustomResourceDefinition => definitions::validate(new, old),
        Kind::Custom(_) => match &resource.custom {
            Some(version) => version.validate(subresource, new, old).0,
            None => Vec::new(),
        },
        Kind::Namespace | Kind::Node => Vec::new(),
    }
}

/// What is allowed and unwise of a new object or of a change.
pub(super) fn warnings(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<String> {
    match resource.storage {
        Kind::Service => service::warnings(new, old),
        Kind::CustomResourceDefinition => definitions::warnings(new, old),
        Kind::Custom(_) => metadata::finalizer_warnings(new, old),
        _ => Vec::new(),
    }
}

/// Every fault of a status.
pub(super) fn validate_status(kind: Kind, new: &Value, old: &Value) -> Vec<FieldError> {
    match kind {
        Kind::Service => service::validate_status(new, old),
        _ => Vec::new(),
    }
}

fn lease(lease: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (field, minimum) in [("leaseDurationSeconds", 1), ("leaseTransitions", 0)] {
        if let Some(number) = lease["spec"][field].as_i64()
            && number < minimum
        {
            let why = if minimum == 1 {
                "must be greater than 0"
            } else {
                "must be greater than or equal to 0"
            };
            faults.push(FieldError::invalid(format!("spec.{field}"), number, why));
        }
    }
    faults
}
