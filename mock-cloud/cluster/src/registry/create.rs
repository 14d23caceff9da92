//! Creating an object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Origin, Target, WriteOptions, Written, decode, definitions, metadata, strategy, to_stored,
};
use crate::answer::ApiError;
use crate::names;
use crate::patch::{Manager, Managers, Operation};
use crate::resource::{Kind, Resource};
use crate::schema::Shape;
use crate::service::{Lease, Refusal};
use crate::store::{Key, Object, State, Store};

/// Names tried for one `generateName` before the clash is reported.
const GENERATE_ATTEMPTS: usize = 8;

/// Creates an object from a body. `target.key.name` may be empty: the body then names it.
pub(crate) fn create(
    store: &Store,
    target: &Target,
    mut body: Value,
    operation: Operation,
    options: &WriteOptions,
) -> Result<Written, ApiError> {
    let resource = &*target.resource;
    let mut warnings = decode(
        Shape::Of(resource),
        &mut body,
        options.validation,
        Origin::Body,
    )?;
    metadata::check_identity(resource, &body, &target.key)?;
    let mut object = to_stored(resource, body);
    object["apiVersion"] = json!(resource.stored_version);
    object["kind"] = json!(resource.kind);
    let manager = Manager::new(&options.manager, operation, None);
    let managers = Managers::created(resource, manager, &object);
    let generated = metadata::begin(resource, &mut object, &target.key)?;

    let mut state = store.lock();
    definitions::check_open(&state, resource, object_name(&object))?;
    check_namespace(
        &state,
        resource,
        &target.key.namespace,
        object_name(&object),
    )?;
    if generated {
        find_free_name(&state, resource, &mut object);
    }
    strategy::default(resource, &mut object);
    strategy::prepare_create(&state, resource, &mut object);
    let mut faults = metadata::validate(resource, &object, None);
    faults.extend(strategy::validate(resource, None, &mut object, None));
    if !faults.is_empty() {
        return Err(ApiError::invalid(resource, object_name(&object), &faults));
    }
    if exists(&state, resource, &object) {
        return Err(ApiError::already_exists(resource, object_name(&object)));
    }
    warnings.extend(strategy::warnings(resource, &object, None));
    let lease = allocate(&mut state, resource, &mut object, None)?;
    let object = if options.dry_run {
        lease.roll_back(&mut state.allocations);
        Arc::new(Object::new(object, 0, Arc::new(managers)))
    } else {
        let object = state.put(resource.storage, object, Arc::new(managers));
        definitions::follow(&mut state, resource, &object);
        object
    };
    Ok(Written {
        object,
        created: true,
        warnings,
    })
}

/// A generated name that is taken is generated again.
fn find_free_name(state: &State, resource: &Resource, object: &mut Value) {
    for _ in 0..GENERATE_ATTEMPTS {
        if !exists(state, resource, object) {
            return;
        }
        let prefix = object["metadata"]["generateName"]
            .as_str()
            .unwrap_or_default();
        object["metadata"]["name"] = json!(names::generate(prefix));
    }
}

fn object_name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn exists(state: &State, resource: &Resource, object: &Value) -> bool {
    state.get(resource.storage, &Key::of(object)).is_some()
}

/// Takes the cluster IPs and node ports that a Service needs; nothing for other kinds.
pub(super) fn allocate(
    state: &mut State,
    resource: &Resource,
    object: &mut Value,
    old: Option<&Value>,
) -> Result<Lease, ApiError> {
    if resource.storage != Kind::Service {
        return Ok(Lease::default());
    }
    Lease::take(&mut state.allocations, object, old).map_err(|refusal| match refusal {
        Refusal::Invalid(faults) => ApiError::invalid(resource, object_name(object), &faults),
        Refusal::Exhausted(error) => error,
    })
}

fn check_namespace(
    state: &State,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    if !resource.namespaced {
        return Ok(());
    }
    let namespaces = Kind::Namespace.resource();
    let Some(found) = state.get(Kind::Namespace, &Key::new("", namespace)) else {
        return Err(ApiError::not_found(&namespaces, namespace));
    };
    if found.terminating() {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        return Err(
            ApiError::forbidden(resource, name, &why).with_cause(&json!({
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            })),
        );
    }
    Ok(())
}
