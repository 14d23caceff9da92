//! Changing an object: PUT, the four kinds of PATCH, and the controllers' own changes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create::{allocate, create};
use super::{
    Origin, Target, WriteOptions, Written, decode, definitions, metadata, strategy, to_served,
    to_stored,
};
use crate::answer::{ApiError, FieldError};
use crate::patch::{self, Manager, Managers, Operation, Patch};
use crate::resource::{Kind, Resource, Subresource};
use crate::schema::Shape;
use crate::service::Lease;
use crate::store::{Object, State, Store};

/// What the change is.
pub(crate) enum Intent<'a> {
    /// PUT: this body instead.
    Replace(Value),
    /// PATCH.
    Patch(&'a Patch),
    /// A change made by this crate, which is trusted to fit the type.
    Change(&'a dyn Fn(&mut Value)),
}

struct Wanted {
    object: Value,
    managers: Option<Managers>,
    warnings: Vec<String>,
}

/// Changes an object, or creates it where the verb allows that.
pub(crate) fn update(
    store: &Store,
    target: &Target,
    intent: Intent<'_>,
    options: &WriteOptions,
) -> Result<Written, ApiError> {
    let resource = &*target.resource;
    if let Intent::Patch(Patch::Apply(config)) = &intent {
        check_type(resource, config)?;
    }
    let mut state = store.lock();
    let Some(old) = state.get(resource.storage, &target.key).cloned() else {
        drop(state);
        return absent(store, target, intent, options);
    };
    let served = to_served(resource, &old.value).into_owned();
    let wanted = wanted(target, &served, &old, &intent, options)?;
    check_preconditions(resource, &wanted.object, &old, &intent)?;
    let mut new = to_stored(resource, wanted.object);
    new["apiVersion"] = json!(resource.stored_version);
    new["kind"] = old.value["kind"].clone();
    metadata::restore(&mut new, &old.value);
    strategy::isolate(resource, target.subresource, &mut new, &old.value);
    strategy::default(resource, &mut new);
    strategy::prepare_update(resource, target.subresource, &mut new, &old.value);
    let mut warnings = wanted.warnings;
    warnings.extend(validate(target, &mut new, &old)?);
    let lease = if target.subresource.is_none() {
        allocate(&mut state, resource, &mut new, Some(&old.value))?
    } else {
        Lease::default()
    };
    bump_generation(resource, target.subresource, &mut new, &old.value);
    definitions::settle(&state, resource, &mut new, Some(&old));
    warnings.extend(strategy::warnings(resource, &new, Some(&old.value)));
    let managers = wanted.managers.unwrap_or_else(|| {
        let manager = Manager::new(&options.manager, Operation::Update, target.subresource);
        old.managers.updated(resource, &manager, &old.value, &new)
    });
    let object = finish(&mut state, resource, new, managers, &old, lease, options);
    Ok(Written {
        object,
        created: false,
        warnings,
    })
}

fn validate(target: &Target, new: &mut Value, old: &Object) -> Result<Vec<String>, ApiError> {
    let resource = &*target.resource;
    let mut warnings = Vec::new();
    let mut faults = metadata::validate(resource, new, Some(&old.value));
    faults.extend(match (target.subresource, &resource.custom) {
        (part, Some(version)) => {
            let (faults, let_pass) = version.validate(part, new, Some(&old.value));
            warnings = let_pass;
            faults
        }
        (Some(Subresource::Status), None) => {
            strategy::validate_status(resource.storage, new, &old.value)
        }
        (part, None) => strategy::validate(resource, part, new, Some(&old.value)),
    });
    if faults.is_empty() {
        Ok(warnings)
    } else {
        Err(ApiError::invalid(resource, old.name(), &faults))
    }
}

/// Stores the new version, or notices that there is nothing to store.
fn finish(
    state: &mut State,
    resource: &Resource,
    new: Value,
    managers: Managers,
    old: &Arc<Object>,
    lease: Lease,
    options: &WriteOptions,
) -> Arc<Object> {
    let gone = is_released(resource.storage, &new);
    if new == old.value && managers == *old.managers && !gone {
        return old.clone();
    }
    if options.dry_run {
        lease.roll_back(&mut state.allocations);
        return Arc::new(Object::new(new, old.revision, Arc::new(managers)));
    }
    if resource.storage == Kind::Service {
        Lease::commit(&mut state.allocations, &new, &old.value);
    }
    if gone {
        let object = state.remove(resource.storage, new);
        definitions::withdraw(state, resource, &object);
        return object;
    }
    let object = state.put(resource.storage, new, Arc::new(managers));
    definitions::follow(state, resource, &object);
    object
}

/// Whether nothing holds a terminating object any more.
pub(super) fn is_released(kind: Kind, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    !metadata["deletionTimestamp"].is_null()
        && empty(&metadata["finalizers"])
        && metadata["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or_default()
            == 0
        && (kind != Kind::Namespace || empty(&object["spec"]["finalizers"]))
}

fn wanted(
    target: &Target,
    served: &Value,
    old: &Object,
    intent: &Intent<'_>,
    options: &WriteOptions,
) -> Result<Wanted, ApiError> {
    let resource = &*target.resource;
    let shape = Shape::Of(resource);
    let (mut object, origin) = match intent {
        Intent::Change(change) => {
            let mut object = served.clone();
            change(&mut object);
            return Ok(Wanted {
                object,
                managers: None,
                warnings: Vec::new(),
            });
        }
        Intent::Replace(body) => {
            metadata::check_identity(resource, body, &target.key)?;
            (body.clone(), Origin::Body)
        }
        Intent::Patch(patch @ Patch::Apply(config)) => {
            return applied(target, served, old, (patch, config), options);
        }
        Intent::Patch(patch) => {
            let object = patch.patched(resource, served)?;
            (object, Origin::Patch(patch))
        }
    };
    let warnings = decode(shape, &mut object, options.validation, origin)?;
    Ok(Wanted {
        object,
        managers: None,
        warnings,
    })
}

fn applied(
    target: &Target,
    served: &Value,
    old: &Object,
    (patch, config): (&Patch, &Value),
    options: &WriteOptions,
) -> Result<Wanted, ApiError> {
    let resource = &*target.resource;
    let shape = Shape::Of(resource);
    let mut config = patch::relevant(config, target.subresource, resource.has_status());
    // The configuration is decoded by itself: what it spells wrong is its own fault.
    let warnings = decode(shape, &mut config, options.validation, Origin::Body)?;
    metadata::check_identity(resource, &config, &target.key)?;
    let manager = Manager::new(&options.manager, Operation::Apply, target.subresource);
    let applied = patch::apply(
        resource,
        served,
        &old.managers,
        &config,
        &manager,
        options.force,
    )?;
    let mut object = applied.object;
    decode(shape, &mut object, options.validation, Origin::Patch(patch))?;
    Ok(Wanted {
        object,
        managers: Some(applied.managers),
        warnings,
    })
}

/// An apply, alone among patches, must say what it is about.
fn check_type(resource: &Resource, config: &Value) -> Result<(), ApiError> {
    let text = |field: &str| config[field].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version == resource.api_version() && kind == resource.kind {
        return Ok(());
    }
    // As Go writes a group, version and kind: the core group is empty.
    let slash = if version.contains('/') { "" } else { "/" };
    let why = format!("invalid object type: {slash}{version}, Kind={kind}");
    Err(ApiError::bad_request(why))
}

/// uid and resourceVersion in a body are preconditions.
fn check_preconditions(
    resource: &Resource,
    wanted: &Value,
    old: &Object,
    intent: &Intent<'_>,
) -> Result<(), ApiError> {
    let metadata = &wanted["metadata"];
    let patched = matches!(
        intent,
        Intent::Patch(Patch::Json(_) | Patch::Merge(_) | Patch::Strategic(_))
    );
    if let Some(uid) = metadata["uid"].as_str()
        && !uid.is_empty()
        && uid != old.uid()
    {
        if patched {
            let fault = FieldError::invalid("metadata.uid", uid, "field is immutable");
            return Err(ApiError::invalid(resource, old.name(), &[fault]));
        }
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            old.uid()
        );
        return Err(ApiError::conflict(resource, old.name(), &why));
    }
    if patched
        && metadata["name"]
            .as_str()
            .is_some_and(|name| name != old.name())
    {
        let name = metadata["name"].clone();
        let fault = FieldError::invalid("metadata.name", name, "field is immutable");
        return Err(ApiError::invalid(resource, old.name(), &[fault]));
    }
    match metadata["resourceVersion"].as_str().unwrap_or_default() {
        "" | "0" if resource.unconditional_update || !matches!(intent, Intent::Replace(_)) => {
            Ok(())
        }
        "" | "0" => Err(ApiError::no_version(resource, old.name())),
        version if version == old.revision.to_string() => Ok(()),
        _ => Err(ApiError::modified(resource, old.name())),
    }
}

/// PUT creates where the strategy allows it, an apply creates always, a patch never.
fn absent(
    store: &Store,
    target: &Target,
    intent: Intent<'_>,
    options: &WriteOptions,
) -> Result<Written, ApiError> {
    let resource = &*target.resource;
    let (body, operation) = match intent {
        Intent::Replace(body) if resource.create_on_update && target.subresource.is_none() => {
            if !body["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .is_empty()
            {
                return Err(ApiError::not_found(resource, &target.key.name));
            }
            (body, Operation::Update)
        }
        Intent::Patch(Patch::Apply(config)) => {
            if let Some(uid) = config["metadata"]["uid"].as_str() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(ApiError::conflict(resource, &target.key.name, &why));
            }
            // The real server tries to create through /status, too.
            (config.clone(), Operation::Apply)
        }
        _ => return Err(ApiError::not_found(resource, &target.key.name)),
    };
    create(store, target, body, operation, options)
}

fn bump_generation(
    resource: &Resource,
    subresource: Option<Subresource>,
    new: &mut Value,
    old: &Value,
) {
    if !metadata::has_generation(resource.storage) || subresource == Some(Subresource::Status) {
        return;
    }
    let changed = match resource.storage {
        // A status that has a path of its own is the same in both.
        Kind::Custom(_) => {
            let without = |object: &Value| {
                let mut object = object.clone();
                object["metadata"].take();
                object
            };
            without(new) != without(old)
        }
        Kind::EndpointSlice => {
            let without = |object: &Value| {
                let mut object = object.clone();
                object["metadata"] = object["metadata"]["labels"].take();
                object
            };
            without(new) != without(old)
        }
        _ => new["spec"] != old["spec"],
    };
    if changed {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
        new["metadata"]["generation"] = json!(generation);
    }
}
