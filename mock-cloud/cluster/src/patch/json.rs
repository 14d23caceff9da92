//! JSON Patch (RFC 6902) with the two leniencies of the Kubernetes API server: `test` of null
//! passes where the leaf is missing (kube-rs' finalizer helper depends on it), and `replace` of
//! a missing leaf adds it.

use serde_json::{Value, json};

use crate::answer::ApiError;

/// Kubernetes' own limit on operations in one patch.
const MAX_OPERATIONS: usize = 10_000;

/// Applies all operations or none.
pub(super) fn patch(object: &mut Value, operations: &[Value]) -> Result<(), ApiError> {
    if operations.len() > MAX_OPERATIONS {
        return Err(ApiError::too_large(MAX_OPERATIONS));
    }
    for operation in operations {
        step(object, operation)?;
    }
    Ok(())
}

fn step(object: &mut Value, operation: &Value) -> Result<(), ApiError> {
    let refused = || {
        ApiError::unprocessable("the server rejected our request due to an error in our request")
    };
    let path = operation["path"].as_str().unwrap_or_default();
    let missing_leaf = object.pointer(path).is_none()
        && path
            .rsplit_once('/')
            .and_then(|(parent, _)| object.pointer(parent))
            .is_some_and(Value::is_object);
    let mut operation = operation.clone();
    match operation["op"].as_str() {
        Some("test") if missing_leaf && operation["value"].is_null() => return Ok(()),
        Some("test") if operation.get("value").is_none() => operation["value"] = Value::Null,
        Some("replace") if missing_leaf => operation["op"] = json!("add"),
        _ => {}
    }
    let operation: json_patch::PatchOperation = serde_json::from_value(operation)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    json_patch::patch(object, &[operation]).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::patch;

    fn run(operations: Value) -> Result<Value, u16> {
        let mut object = json!({ "metadata": { "labels": { "a": "b" } } });
        let operations: Vec<Value> = serde_json::from_value(operations).unwrap();
        patch(&mut object, &operations)
            .map(|()| object)
            .map_err(|error| error.code)
    }

    #[test]
    fn leniencies_and_refusals() {
        let null = json!([{ "op": "test", "path": "/metadata/finalizers", "value": null }]);
        assert!(run(null).is_ok());
        assert!(run(json!([{ "op": "test", "path": "/metadata/finalizers" }])).is_ok());
        let parent = json!([{ "op": "test", "path": "/metadata/annotations/x", "value": null }]);
        assert_eq!(run(parent), Err(422));
        let replace = json!([{ "op": "replace", "path": "/metadata/labels/c", "value": "d" }]);
        assert_eq!(run(replace).unwrap()["metadata"]["labels"]["c"], "d");
        for refused in [
            json!([{ "op": "remove", "path": "/metadata/x" }]),
            json!([{ "op": "add", "path": "/metadata/finalizers/-", "value": "x" }]),
            json!([{ "op": "add", "path": "/metadata/annotations/x", "value": "y" }]),
            json!([{ "op": "test", "path": "/metadata/labels/a", "value": "c" }]),
        ] {
            assert_eq!(run(refused.clone()), Err(422), "{refused}");
        }
        assert_eq!(run(json!([{ "op": "dance", "path": "/x" }])), Err(400));
    }
}
