//! Server-side apply (KEP-555): merges what a manager wants, refuses to take fields from others
//! unless forced, and removes what the manager had applied before and now leaves out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::managers::{Manager, Managers, leaves};
use crate::answer::ApiError;
use crate::resource::{Resource, Subresource};
use crate::schema::{List, Place};

/// What an apply makes.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The object.
    pub(crate) object: Value,
    /// Who has what afterwards.
    pub(crate) managers: Managers,
}

/// Applies `config` to `live` for `manager`.
///
/// # Errors
/// 409 with every field that others have set to another value, unless forced.
pub(crate) fn apply(
    resource: &Resource,
    live: &Value,
    managers: &Managers,
    config: &Value,
    manager: &Manager,
    force: bool,
) -> Result<Applied, ApiError> {
    let wanted = leaves(resource, config);
    let present = leaves(resource, live);
    let differing: BTreeSet<&String> = wanted
        .iter()
        .filter(|(path, value)| present.get(*path).is_some_and(|live| live != *value))
        .map(|(path, _)| path)
        .collect();
    let mut next = managers.clone();
    let conflicts = take(&mut next, &differing, manager);
    if !force && !conflicts.is_empty() {
        return Err(refusal(&conflicts, live));
    }
    let fields: BTreeSet<String> = wanted.keys().cloned().collect();
    let dropped: BTreeSet<String> = managers
        .owned
        .get(manager)
        .into_iter()
        .flatten()
        .filter(|path| !fields.contains(*path) && !next.has_another_owner(manager, path))
        .cloned()
        .collect();
    let mut object = live.clone();
    let root = Place::root(resource);
    remove(&mut object, &root, "", &dropped);
    merge(&mut object, config, &root);
    next.owned.insert(manager.clone(), fields);
    next.owned.retain(|_, fields| !fields.is_empty());
    Ok(Applied {
        object,
        managers: next,
    })
}

/// Takes fields from other managers; returns whose they were.
fn take(
    managers: &mut Managers,
    wanted: &BTreeSet<&String>,
    manager: &Manager,
) -> Vec<(Manager, String)> {
    let mut taken = Vec::new();
    for (other, fields) in &mut managers.owned {
        if other == manager {
            continue;
        }
        fields.retain(|path| {
            let keep = !wanted.contains(path);
            if !keep {
                taken.push((other.clone(), path.clone()));
            }
            keep
        });
    }
    taken
}

/// What of an applied object counts through this path: a status only through `/status`, the
/// spec only through the object itself, metadata through both.
pub(crate) fn relevant(
    config: &Value,
    subresource: Option<Subresource>,
    has_status: bool,
) -> Value {
    let mut config = config.clone();
    if let Some(fields) = config.as_object_mut() {
        match subresource {
            Some(Subresource::Status) => fields.retain(|name, _| {
                matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status")
            }),
            _ if has_status => {
                fields.remove("status");
            }
            _ => {}
        }
    }
    config
}

fn refusal(conflicts: &[(Manager, String)], live: &Value) -> ApiError {
    let api_version = live["apiVersion"].as_str().unwrap_or("v1");
    let mut causes = Vec::new();
    let mut fields: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (manager, path) in conflicts {
        let name = manager.describe(api_version);
        causes.push(json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {name}"),
            "field": path,
        }));
        fields.entry(name).or_default().push(path);
    }
    let message = if let [(manager, path)] = conflicts {
        let name = manager.describe(api_version);
        format!("Apply failed with 1 conflict: conflict with {name}: {path}")
    } else {
        let mut lines = Vec::new();
        for (name, paths) in &fields {
            lines.push(format!("conflicts with {name}:"));
            lines.extend(paths.iter().map(|path| format!("- {path}")));
        }
        let count = conflicts.len();
        format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
    };
    ApiError::apply_conflict(message, &causes)
}

/// Merges `config` into `target`: maps and keyed lists by element, the rest as a whole.
fn merge(target: &mut Value, config: &Value, place: &Place<'_>) {
    match config {
        Value::Object(fields) if !place.is_atomic_map() => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            for (name, value) in fields {
                merge(&mut target[name], value, &place.field(name));
            }
        }
        Value::Array(items) => merge_list(target, items, place),
        leaf => *target = leaf.clone(),
    }
}

fn merge_list(target: &mut Value, items: &[Value], place: &Place<'_>) {
    let how = place.list();
    let (List::Map { .. } | List::Set, Some(existing)) = (how, target.as_array_mut()) else {
        *target = Value::Array(items.to_vec());
        return;
    };
    for item in items {
        match how {
            List::Map { keys, .. } => {
                // The later of two equal elements goes: a list written by a merge patch may
                // hold two (control plane trials: "a later SSA of that type leaves one").
                let mut seen = false;
                existing.retain(|one| {
                    let same = keys.same(one, item);
                    let keep = !(same && seen);
                    seen |= same;
                    keep
                });
                match existing.iter_mut().find(|one| keys.same(one, item)) {
                    Some(one) => merge(one, item, &place.item()),
                    None => existing.push(item.clone()),
                }
            }
            _ if !existing.contains(item) => existing.push(item.clone()),
            _ => {}
        }
    }
}

/// Removes the leaves named in `dropped`, and what becomes empty by that.
fn remove(value: &mut Value, place: &Place<'_>, path: &str, dropped: &BTreeSet<String>) -> bool {
    if dropped.is_empty() {
        return false;
    }
    if dropped.contains(path) {
        return true;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let before = fields.len();
            fields.retain(|name, field| {
                let at = format!("{path}.{name}");
                !remove(field, &place.field(name), &at, dropped)
            });
            fields.len() < before && fields.is_empty() && !place.stays_empty()
        }
        Value::Array(items) => {
            let before = items.len();
            match place.list() {
                List::Set => items.retain(|item| !dropped.contains(&format!("{path}[{item}]"))),
                List::Map { keys, .. } => items.retain_mut(|item| {
                    let at = format!("{path}{}", keys.element(item));
                    let keyed = |item: &Value| {
                        let fields = item.as_object().into_iter().flatten();
                        fields.into_iter().any(|(name, _)| keys.starts_with(name))
                    };
                    let before = keyed(item);
                    let gone = remove(item, &place.item(), &at, dropped);
                    // Of an element that lost its key only defaulted keys can be left.
                    !gone && keyed(item) == before
                }),
                List::Atomic | List::MergeOnly(_) => {}
            }
            items.is_empty() && before > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Applied, apply};
    use crate::patch::managers::{Manager, Managers, Operation};
    use crate::resource::Kind;

    fn by(name: &str) -> Manager {
        Manager::new(name, Operation::Apply, None)
    }

    fn run(last: &Applied, name: &str, config: &Value, force: bool) -> Result<Applied, u16> {
        apply(
            &Kind::Service.resource(),
            &last.object,
            &last.managers,
            config,
            &by(name),
            force,
        )
        .map_err(|error| error.code)
    }

    fn empty() -> Applied {
        Applied {
            object: json!({ "apiVersion": "v1" }),
            managers: Managers::default(),
        }
    }

    #[test]
    fn what_an_owner_leaves_out_goes() {
        let first = json!({ "metadata": { "labels": { "a": "1", "b": "2" } }, "spec": { "ports": [{ "port": 80 }, { "port": 81 }] } });
        let second = json!({ "metadata": { "labels": { "a": "1" } }, "spec": { "ports": [{ "port": 80 }] } });
        let one = run(&empty(), "a", &first, false).unwrap();
        let two = run(&one, "a", &second, false).unwrap();
        assert_eq!(two.object["metadata"], second["metadata"]);
        assert_eq!(two.object["spec"], second["spec"]);
    }

    #[test]
    fn conditions_side_by_side_and_conflicts() {
        let x = |status: &str| json!({ "status": { "conditions": [{ "type": "X", "status": status }] } });
        let y = json!({ "status": { "conditions": [{ "type": "Y", "status": "True" }] } });
        let one = run(&empty(), "a", &x("True"), false).unwrap();
        let two = run(&one, "b", &y, false).unwrap();
        assert_eq!(
            two.object["status"]["conditions"].as_array().unwrap().len(),
            2
        );
        assert_eq!(run(&two, "b", &x("False"), false).unwrap_err(), 409);
        let forced = run(&two, "b", &x("False"), true).unwrap();
        assert_eq!(forced.object["status"]["conditions"][0]["status"], "False");
    }

    #[test]
    fn ingress_is_taken_and_dropped_as_a_whole() {
        let lb = |ip: &str| json!({ "status": { "loadBalancer": { "ingress": [{ "ip": ip }] } } });
        let one = run(&empty(), "a", &lb("192.0.2.1"), false).unwrap();
        assert_eq!(run(&one, "b", &lb("192.0.2.2"), false).unwrap_err(), 409);
        let two = run(&one, "b", &lb("192.0.2.2"), true).unwrap();
        let left_out_by_former = run(&two, "a", &json!({ "status": {} }), false).unwrap();
        assert_eq!(
            left_out_by_former.object["status"],
            lb("192.0.2.2")["status"]
        );
        let dropped = run(&two, "b", &json!({ "status": {} }), false).unwrap();
        assert!(dropped.object["status"]["loadBalancer"]["ingress"].is_null());
    }
}
