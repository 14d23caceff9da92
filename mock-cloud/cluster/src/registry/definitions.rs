//! `CustomResourceDefinition`s: their defaults and status, the kinds that come and go with them, and
//! the end of their objects. On the real server controllers do that a moment later; here it is part
//! of the write.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{DeleteOptions, Target, delete, now};
use crate::answer::ApiError;
use crate::custom::Version;
pub(super) use crate::definition::{validate, warnings};
use crate::resource::{Kind, Resource, Subresource, join};
use crate::store::{Key, Object, State};

/// Holds a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Fills in names and the conversion.
pub(super) fn default(definition: &mut Value) {
    let spec = &mut definition["spec"];
    if !spec.is_object() {
        *spec = json!({});
    }
    if !spec["names"].is_object() {
        spec["names"] = json!({});
    }
    let names = &mut spec["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = json!(kind.to_lowercase());
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() && !kind.is_empty() {
        names["listKind"] = json!(format!("{kind}List"));
    }
    if spec["conversion"].is_null() {
        spec["conversion"] = json!({ "strategy": "None" });
    }
}

/// Refuses new objects of a kind that is going or gone.
pub(super) fn check_open(state: &State, resource: &Resource, name: &str) -> Result<(), ApiError> {
    if resource.custom.is_none() {
        return Ok(());
    }
    let definition = state.definition(resource.storage);
    match definition.and_then(|name| state.get(Kind::CustomResourceDefinition, &Key::new("", name)))
    {
        None => Err(ApiError::no_such_path()),
        Some(definition) if definition.terminating() => {
            let why = "create not allowed while custom resource definition is terminating";
            Err(ApiError::forbidden(resource, name, why))
        }
        Some(_) => Ok(()),
    }
}

/// The status that a definition has after a write: which names it got, and whether it is served.
pub(super) fn settle(
    state: &State,
    resource: &Resource,
    definition: &mut Value,
    old: Option<&Arc<Object>>,
) {
    if resource.storage != Kind::CustomResourceDefinition {
        return;
    }
    if !definition["status"].is_object() {
        definition["status"] = json!({});
    }
    let versions = definition["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten();
    let stored = versions.clone().find(|version| version["storage"] == true);
    if let Some(name) = stored.map(|version| version["name"].clone()) {
        let status = &mut definition["status"]["storedVersions"];
        match status.as_array_mut() {
            Some(names) if names.contains(&name) => {}
            Some(names) => names.push(name),
            None => *status = json!([name]),
        }
    }
    let conflict = conflict(state, definition);
    let accepted = match (&conflict, old) {
        (None, _) => definition["spec"]["names"].clone(),
        (Some(_), Some(old)) => old.value["status"]["acceptedNames"].clone(),
        (Some(_), None) => json!({ "kind": "", "plural": "" }),
    };
    definition["status"]["acceptedNames"] = accepted;
    let established = has_condition(definition, "Established");
    match conflict {
        None => {
            set_condition(
                definition,
                "NamesAccepted",
                true,
                "NoConflicts",
                "no conflicts found",
            );
            let why = "the initial names have been accepted";
            set_condition(definition, "Established", true, "InitialNamesAccepted", why);
        }
        Some((reason, message)) => {
            set_condition(definition, "NamesAccepted", false, reason, &message);
            if !established {
                let why = "not all names are accepted";
                set_condition(definition, "Established", false, "NotAccepted", why);
            }
        }
    }
}

fn set_condition(definition: &mut Value, kind: &str, holds: bool, reason: &str, message: &str) {
    let status = if holds { "True" } else { "False" };
    let conditions = &mut definition["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let all = conditions.as_array_mut().into_iter().flatten();
    let found = all.into_iter().find(|condition| condition["type"] == kind);
    let mut condition = json!({
        "type": kind,
        "status": status,
        "lastTransitionTime": now(),
        "reason": reason,
        "message": message,
    });
    match found {
        Some(found) => {
            if found["status"] == status {
                condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            *found = condition;
        }
        None => {
            if let Some(all) = conditions.as_array_mut() {
                all.push(condition);
            }
        }
    }
}

fn has_condition(definition: &Value, kind: &str) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    let holds = |one: &Value| one["type"] == kind && one["status"] == "True";
    conditions.is_some_and(|all| all.iter().any(holds))
}

/// The first name that another definition of the group has.
fn conflict(state: &State, definition: &Value) -> Option<(&'static str, String)> {
    let names = &definition["spec"]["names"];
    let others: Vec<&Value> = state
        .list(Kind::CustomResourceDefinition, None)
        .map(|other| &other.value)
        .filter(|other| other["spec"]["group"] == definition["spec"]["group"])
        .filter(|other| other["metadata"]["name"] != definition["metadata"]["name"])
        .map(|other| &other["status"]["acceptedNames"])
        .collect();
    let is_resource = |name: &Value, other: &&Value| {
        let short = other["shortNames"].as_array();
        other["plural"] == *name
            || other["singular"] == *name
            || short.is_some_and(|short| short.contains(name))
    };
    let is_kind =
        |name: &Value, other: &&Value| other["kind"] == *name || other["listKind"] == *name;
    let taken = |name: &Value, is: &dyn Fn(&Value, &&Value) -> bool| {
        let taken = others.iter().any(|other| is(name, other));
        taken.then(|| format!("{name} is already in use"))
    };
    let short = names["shortNames"].as_array().into_iter().flatten();
    let short = short.into_iter().find_map(|name| taken(name, &is_resource));
    let found = [
        ("ListKindConflict", taken(&names["listKind"], &is_kind)),
        ("KindConflict", taken(&names["kind"], &is_kind)),
        ("ShortNamesConflict", short),
        ("SingularConflict", taken(&names["singular"], &is_resource)),
        ("PluralConflict", taken(&names["plural"], &is_resource)),
    ];
    found
        .into_iter()
        .find_map(|(reason, taken)| Some((reason, taken?)))
}

/// Serves what a definition that was just stored defines.
pub(super) fn follow(state: &mut State, resource: &Resource, definition: &Arc<Object>) {
    if resource.storage != Kind::CustomResourceDefinition {
        return;
    }
    if has_condition(&definition.value, "Established") {
        let value = &definition.value;
        state.define(definition.name(), |kind| resources(value, kind));
        refit(state, definition.name());
    }
    reconsider(state, &definition.value);
}

/// Objects are read as the newest schema has them: without what it does not know, with its
/// defaults. Nothing is written by that.
fn refit(state: &mut State, name: &str) {
    let Some(resource) = state.defined(name) else {
        return;
    };
    if let Some(version) = &resource.custom {
        state.reread(resource.storage, |object| {
            version.schema.prune(object);
            version.default(object);
        });
    }
}

/// Forgets what a definition that was just removed defined, and ends a definition that waited for
/// the object that was just removed.
pub(super) fn withdraw(state: &mut State, resource: &Resource, object: &Arc<Object>) {
    match resource.storage {
        Kind::CustomResourceDefinition => {
            state.undefine(object.name());
            reconsider(state, &object.value);
        }
        kind @ Kind::Custom(_) if state.list(kind, None).next().is_none() => {
            let key = Key::new("", state.definition(kind).unwrap_or_default());
            let definition = state.get(Kind::CustomResourceDefinition, &key).cloned();
            if let Some(definition) = definition.filter(|definition| definition.terminating()) {
                release(state, &definition);
            }
        }
        _ => {}
    }
}

fn release(state: &mut State, definition: &Arc<Object>) {
    let mut new = definition.value.clone();
    if let Some(finalizers) = new["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|name| name != CLEANUP);
        if finalizers.is_empty() {
            let kind = Kind::CustomResourceDefinition;
            let gone = state.remove(kind, new);
            withdraw(state, &kind.resource(), &gone);
            return;
        }
    }
    state.put(
        Kind::CustomResourceDefinition,
        new,
        definition.managers.clone(),
    );
}

/// Names that became free may be what another definition of the group waits for.
fn reconsider(state: &mut State, changed: &Value) {
    let kind = Kind::CustomResourceDefinition;
    let waiting: Vec<Arc<Object>> = state
        .list(kind, None)
        .filter(|other| other.value["spec"]["group"] == changed["spec"]["group"])
        .filter(|other| other.value["metadata"]["name"] != changed["metadata"]["name"])
        .filter(|other| !has_condition(&other.value, "NamesAccepted"))
        .cloned()
        .collect();
    for other in waiting {
        let mut new = other.value.clone();
        settle(state, &kind.resource(), &mut new, Some(&other));
        if has_condition(&new, "NamesAccepted") {
            let object = state.put(kind, new, other.managers.clone());
            follow(state, &kind.resource(), &object);
        }
    }
}

/// Deletes the objects of a definition that is being deleted; those that finalizers hold hold it.
pub(super) fn empty(state: &mut State, definition: &mut Value) {
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    let Some(resource) = state.defined(name) else {
        return;
    };
    let keys: Vec<Key> = state
        .list(resource.storage, None)
        .map(|object| object.key())
        .collect();
    for key in keys {
        let target = Target::new(resource.clone(), key);
        if let Err(error) = delete::delete_in(state, &target, &DeleteOptions::default()) {
            tracing::debug!(%error, "an object was gone before its definition");
        }
    }
    if state.list(resource.storage, None).next().is_none() {
        return;
    }
    let finalizers = &mut definition["metadata"]["finalizers"];
    match finalizers.as_array_mut() {
        Some(names) if names.iter().any(|name| name == CLEANUP) => {}
        Some(names) => names.push(json!(CLEANUP)),
        None => *finalizers = json!([CLEANUP]),
    }
    let why =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set_condition(
        definition,
        "Terminating",
        true,
        "InstanceDeletionPending",
        why,
    );
}

/// What a definition is to the rest of the server: one resource for each served version, the one
/// in which objects are stored first.
fn resources(definition: &Value, kind: Kind) -> Vec<(Arc<Resource>, bool)> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&spec["group"]);
    let versions = spec["versions"].as_array().cloned().unwrap_or_default();
    let stored = versions.iter().find(|version| version["storage"] == true);
    let stored_version = join(
        &group,
        stored
            .and_then(|one| one["name"].as_str())
            .unwrap_or_default(),
    );
    let names = &definition["status"]["acceptedNames"];
    let resource = |version: &Value| {
        let api_version = join(&group, &text(&version["name"]));
        let deprecation = format!("{api_version} {} is deprecated", text(&names["kind"]));
        let has_status = version["subresources"]["status"].is_object();
        let resource = Resource {
            group: group.clone(),
            version: text(&version["name"]),
            kind: text(&names["kind"]),
            list_kind: text(&names["listKind"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            short_names: crate::custom::strings(&names["shortNames"]),
            categories: crate::custom::strings(&names["categories"]),
            namespaced: spec["scope"] == "Namespaced",
            subresources: if has_status {
                vec![Subresource::Status]
            } else {
                Vec::new()
            },
            create_on_update: false,
            unconditional_update: false,
            storage: kind,
            stored_version: stored_version.clone(),
            custom: Some(Arc::new(Version::parse(version, &deprecation))),
        };
        (Arc::new(resource), version["served"] == true)
    };
    let mut all: Vec<_> = versions.iter().map(resource).collect();
    all.sort_by_key(|(resource, _)| resource.api_version() != stored_version);
    all
}
