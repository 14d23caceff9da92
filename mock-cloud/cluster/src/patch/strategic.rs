//! Strategic merge patch: a merge that matches list elements by key, with the directives
//! `$patch`, `$deleteFromPrimitiveList/…` and `$retainKeys`. `$setElementOrder/…` is ignored:
//! it orders elements for readers and no controller depends on it.

use serde_json::{Map, Value};

use crate::answer::ApiError;
use crate::schema::{List, Place};

const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `target`, which both stand at a place of the object.
pub(super) fn merge(target: &mut Value, patch: &Value, place: &Place<'_>) -> Result<(), ApiError> {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return Ok(());
    };
    match fields.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = stripped(patch);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "unknown patch type found: {other}"
            )));
        }
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(object) = target.as_object_mut() else {
        return Ok(());
    };
    for (name, wanted) in fields {
        field(object, name, wanted, place)?;
    }
    if let Some(keep) = fields.get("$retainKeys").and_then(Value::as_array) {
        object.retain(|name, _| keep.iter().any(|kept| kept.as_str() == Some(name)));
    }
    Ok(())
}

fn field(
    object: &mut Map<String, Value>,
    name: &str,
    wanted: &Value,
    place: &Place<'_>,
) -> Result<(), ApiError> {
    if let Some(list) = name.strip_prefix(DELETE_FROM) {
        if let (Some(Value::Array(items)), Some(gone)) = (object.get_mut(list), wanted.as_array()) {
            items.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    if name.starts_with('$') {
        return Ok(());
    }
    let place = place.field(name);
    match wanted {
        Value::Null => {
            object.remove(name);
        }
        Value::Object(inner) if inner.get("$patch").is_some_and(|how| how == "delete") => {
            object.remove(name);
        }
        Value::Object(_) => {
            let target = object.entry(name).or_insert(Value::Null);
            merge(target, wanted, &place)?;
        }
        Value::Array(items) => {
            let target = object
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            if let Value::Array(existing) = target {
                list(existing, items, &place)?;
            }
        }
        plain => {
            object.insert(name.to_owned(), plain.clone());
        }
    }
    Ok(())
}

fn list(existing: &mut Vec<Value>, items: &[Value], place: &Place<'_>) -> Result<(), ApiError> {
    match place.list() {
        List::Atomic => *existing = items.iter().map(stripped).collect(),
        List::Set => {
            for item in items {
                if !existing.contains(item) {
                    existing.push(item.clone());
                }
            }
        }
        List::Map { merge: key, .. } | List::MergeOnly(key) => {
            keyed(existing, items, place, key)?;
        }
    }
    Ok(())
}

fn keyed(
    existing: &mut Vec<Value>,
    items: &[Value],
    place: &Place<'_>,
    key: &str,
) -> Result<(), ApiError> {
    let directive = |item: &Value| item["$patch"].as_str().map(str::to_owned);
    if items
        .iter()
        .any(|item| directive(item).as_deref() == Some("replace") && item.get(key).is_none())
    {
        *existing = items
            .iter()
            .filter(|item| item.get("$patch").is_none())
            .map(stripped)
            .collect();
        return Ok(());
    }
    for item in items {
        let Some(id) = item.get(key) else {
            return Err(ApiError::bad_request(format!(
                "map: {item} does not contain declared merge key: {key}"
            )));
        };
        let found = existing.iter().position(|one| one.get(key) == Some(id));
        match (directive(item).as_deref(), found) {
            (Some("delete"), _) => existing.retain(|one| one.get(key) != Some(id)),
            (_, Some(at)) => merge(&mut existing[at], item, &place.item())?,
            (_, None) => existing.push(stripped(item)),
        }
    }
    Ok(())
}

/// A patch as a value: without nulls and directives.
fn stripped(patch: &Value) -> Value {
    match patch {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
                .map(|(name, value)| (name.clone(), stripped(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(stripped).collect()),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Place, merge};
    use crate::resource::Kind;

    fn run(mut target: Value, patch: &Value) -> Value {
        let service = Kind::Service.resource();
        merge(&mut target, patch, &Place::root(&service)).unwrap();
        target
    }

    #[test]
    fn lists_merge_by_key() {
        let service = json!({ "spec": { "ports": [{ "port": 80, "name": "a" }, { "port": 81 }] } });
        let patch = json!({ "spec": { "ports": [
            { "port": 80, "nodePort": 30000 },
            { "port": 81, "$patch": "delete" },
            { "port": 82 },
        ], "$setElementOrder/ports": [{ "port": 82 }, { "port": 80 }] } });
        assert_eq!(
            run(service, &patch),
            json!({ "spec": { "ports": [{ "port": 80, "name": "a", "nodePort": 30000 }, { "port": 82 }] } })
        );
    }

    #[test]
    fn directives() {
        let service =
            json!({ "metadata": { "finalizers": ["a/b", "c/d"], "labels": { "x": "y" } } });
        let patch = json!({ "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["a/b"],
            "finalizers": ["e/f"],
            "labels": { "$patch": "replace", "z": "1" },
        } });
        let merged = run(service, &patch);
        let mut finalizers: Vec<_> = merged["metadata"]["finalizers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        finalizers.sort_unstable();
        assert_eq!(finalizers, ["c/d", "e/f"]);
        assert_eq!(merged["metadata"]["labels"], json!({ "z": "1" }));
    }

    #[test]
    fn retain_keys_drops_the_rest() {
        let target =
            json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": {} } } });
        let patch =
            json!({ "spec": { "strategy": { "$retainKeys": ["type"], "type": "Recreate" } } });
        assert_eq!(
            run(target, &patch)["spec"]["strategy"],
            json!({ "type": "Recreate" })
        );
    }

    #[test]
    fn an_atomic_list_is_replaced() {
        let target =
            json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
        let patch = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.2" }] } } });
        assert_eq!(run(target, &patch), patch);
    }
}
