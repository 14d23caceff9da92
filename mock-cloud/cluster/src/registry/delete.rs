//! Deleting an object: preconditions, finalizers, grace and propagation.

use std::sync::Arc;

use serde_json::{Value, json};

use super::update::is_released;
use super::{Target, definitions, timestamp};
use crate::answer::ApiError;
use crate::resource::{Kind, Resource};
use crate::store::{Object, State, Store};

/// What becomes of objects that this one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
    /// They stay, without their owner.
    Orphan,
}

/// `DeleteOptions`, from the body and the query.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    /// Do everything but store.
    pub(crate) dry_run: bool,
    /// Only if this is its UID.
    pub(crate) uid: Option<String>,
    /// Only at this resourceVersion.
    pub(crate) resource_version: Option<String>,
    /// Seconds that a Pod is given.
    pub(crate) grace: Option<i64>,
    /// What becomes of dependents.
    pub(crate) propagation: Option<Propagation>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// It is gone; this was its last state.
    Gone(Arc<Object>),
    /// It waits for its finalizers or its grace period.
    Waiting(Arc<Object>),
}

impl Deleted {
    /// The object either way.
    pub(crate) fn object(&self) -> &Arc<Object> {
        match self {
            Self::Gone(object) | Self::Waiting(object) => object,
        }
    }
}

/// Deletes an object, or marks it for deletion.
pub(crate) fn delete(
    store: &Store,
    target: &Target,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    delete_in(&mut store.lock(), target, options)
}

/// The same by one who holds the lock.
pub(super) fn delete_in(
    state: &mut State,
    target: &Target,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let resource = &*target.resource;
    let old = state
        .get(resource.storage, &target.key)
        .cloned()
        .ok_or_else(|| ApiError::not_found(resource, &target.key.name))?;
    check_preconditions(resource, &old, options)?;
    if resource.storage == Kind::Namespace
        && ["default", "kube-system", "kube-public"].contains(&old.name())
    {
        let why = "this namespace may not be deleted";
        return Err(ApiError::forbidden(resource, old.name(), why));
    }
    let grace = grace(resource.storage, &old.value, options);
    let mut new = old.value.clone();
    propagate(&mut new, options.propagation);
    if resource.storage == Kind::CustomResourceDefinition && !options.dry_run {
        definitions::empty(state, &mut new);
    }
    mark(resource.storage, &mut new, &old.value, grace);
    let gone = is_released(resource.storage, &new);
    Ok(finish(state, resource, new, &old, gone, options.dry_run))
}

fn finish(
    state: &mut State,
    resource: &Resource,
    new: Value,
    old: &Arc<Object>,
    gone: bool,
    dry_run: bool,
) -> Deleted {
    if dry_run {
        let object = Arc::new(Object::new(new, old.revision, old.managers.clone()));
        return if gone {
            Deleted::Gone(object)
        } else {
            Deleted::Waiting(object)
        };
    }
    if gone {
        // An object that goes at once never shows a deletionTimestamp.
        let last = if old.terminating() {
            new
        } else {
            old.value.clone()
        };
        let object = state.remove(resource.storage, last);
        definitions::withdraw(state, resource, &object);
        return Deleted::Gone(object);
    }
    if new == old.value {
        return Deleted::Waiting(old.clone());
    }
    Deleted::Waiting(state.put(resource.storage, new, old.managers.clone()))
}

fn check_preconditions(
    resource: &Resource,
    old: &Object,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let name = old.name();
    if let Some(uid) = &options.uid
        && uid != old.uid()
    {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            old.uid()
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    if let Some(version) = &options.resource_version
        && *version != old.revision.to_string()
    {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            old.revision
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    Ok(())
}

/// Only a Pod on a node is given time: somebody there must stop it.
fn grace(kind: Kind, object: &Value, options: &DeleteOptions) -> i64 {
    let running = kind == Kind::Pod
        && object["spec"]["nodeName"]
            .as_str()
            .is_some_and(|node| !node.is_empty())
        && !matches!(
            object["status"]["phase"].as_str(),
            Some("Succeeded" | "Failed")
        );
    if !running {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64();
    options.grace.or(own).unwrap_or(30).max(0)
}

fn propagate(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else {
        return;
    };
    let mut finalizers: Vec<Value> = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    finalizers.retain(|name| name != "orphan" && name != "foregroundDeletion");
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(json!("foregroundDeletion")),
        Propagation::Orphan => finalizers.push(json!("orphan")),
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
        }
    }
}

/// Marks for deletion; a second mark can only shorten the grace period.
fn mark(kind: Kind, new: &mut Value, old: &Value, grace: i64) {
    let metadata = &mut new["metadata"];
    let before = old["metadata"]["deletionGracePeriodSeconds"].as_i64();
    if old["metadata"]["deletionTimestamp"].is_null() || before.is_some_and(|before| grace < before)
    {
        metadata["deletionTimestamp"] = json!(timestamp(grace));
        metadata["deletionGracePeriodSeconds"] = json!(grace);
        if let Some(generation) = metadata["generation"].as_i64() {
            metadata["generation"] = json!(generation + 1);
        }
    }
    if kind == Kind::Namespace {
        new["status"]["phase"] = json!("Terminating");
    }
}
