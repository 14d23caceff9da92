//! Server-side apply (KEP-555): merges what a manager wants, refuses to take fields from others
//! unless forced, and removes what the manager had applied before and now leaves out.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::join;
use super::managers::{Manager, Managers, element, leaves, same_element};
use crate::answer::ApiError;
use crate::resource::{Kind, Subresource};
use crate::schema::{self, List};

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
    kind: Kind,
    live: &Value,
    managers: &Managers,
    config: &Value,
    manager: &Manager,
    force: bool,
) -> Result<Applied, ApiError> {
    let wanted = leaves(kind, config);
    let present = leaves(kind, live);
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
    remove(kind, &mut object, "", "", &dropped);
    merge(kind, &mut object, config, "");
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
    let mut lines: Vec<String> = Vec::new();
    for (manager, path) in conflicts {
        let message = manager.describe(api_version);
        causes.push(json!({
            "reason": "FieldManagerConflict",
            "message": message,
            "field": path,
        }));
        lines.push(if conflicts.len() == 1 {
            format!("{message}: {path}")
        } else {
            format!("{message}:\n- {path}")
        });
    }
    let count = conflicts.len();
    let plural = if count == 1 { "" } else { "s" };
    let separator = if count == 1 { " " } else { "\n" };
    ApiError::apply_conflict(
        format!(
            "Apply failed with {count} conflict{plural}:{separator}{}",
            lines.join("\n")
        ),
        &causes,
    )
}

/// Merges `config` into `target`: maps and keyed lists by element, the rest as a whole.
fn merge(kind: Kind, target: &mut Value, config: &Value, path: &str) {
    match config {
        Value::Object(fields) if !schema::atomic_map(kind, path) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            for (name, value) in fields {
                merge(kind, &mut target[name], value, &join(path, name));
            }
        }
        Value::Array(items) => merge_list(kind, target, items, path),
        leaf => *target = leaf.clone(),
    }
}

fn merge_list(kind: Kind, target: &mut Value, items: &[Value], path: &str) {
    let how = schema::list(kind, path);
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
                    let same = same_element(one, item, keys);
                    let keep = !(same && seen);
                    seen |= same;
                    keep
                });
                match existing
                    .iter_mut()
                    .find(|one| same_element(one, item, keys))
                {
                    Some(one) => merge(kind, one, item, path),
                    None => existing.push(item.clone()),
                }
            }
            _ if !existing.contains(item) => existing.push(item.clone()),
            _ => {}
        }
    }
}

/// Removes the leaves named in `dropped`, and what becomes empty by that.
fn remove(
    kind: Kind,
    value: &mut Value,
    schema_path: &str,
    path: &str,
    dropped: &BTreeSet<String>,
) -> bool {
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
                let (inner, at) = (join(schema_path, name), format!("{path}.{name}"));
                !remove(kind, field, &inner, &at, dropped)
            });
            fields.len() < before && only_keys_left(kind, fields, schema_path)
        }
        Value::Array(items) => {
            let before = items.len();
            match schema::list(kind, schema_path) {
                List::Set => items.retain(|item| !dropped.contains(&format!("{path}[{item}]"))),
                List::Map { keys, .. } => items.retain_mut(|item| {
                    let at = format!("{path}{}", element(item, keys));
                    !remove(kind, item, schema_path, &at, dropped)
                }),
                List::Atomic | List::MergeOnly(_) => {}
            }
            items.is_empty() && before > 0
        }
        _ => false,
    }
}

/// An element of a keyed list of which nothing but defaulted keys is left is gone; the metadata,
/// the spec and the status themselves always stay.
fn only_keys_left(kind: Kind, fields: &Map<String, Value>, schema_path: &str) -> bool {
    if matches!(
        schema_path,
        "" | "metadata" | "spec" | "status" | "status.loadBalancer"
    ) {
        return false;
    }
    match schema::list(kind, schema_path) {
        List::Map { keys, .. } => !fields.keys().any(|name| name == keys[0]),
        _ => fields.is_empty(),
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
            Kind::Service,
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
