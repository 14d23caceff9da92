//! What a schema of a definition may say, part by part, whatever it is the schema of.

use serde_json::Value;

use super::{list, text};
use crate::answer::FieldError;
use crate::custom::is_known_format;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// What `patternProperties` and its like are answered with.
const UNSUPPORTED: [&str; 6] = [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
    "$ref",
];

/// What is special about the whole: with a status of its own a root may say less.
pub(super) fn root(path: &str, schema: &Value, has_status: bool, faults: &mut Vec<FieldError>) {
    if has_status && schema["type"] != "object" {
        let why = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
        faults.push(FieldError::invalid(
            format!("{path}.type"),
            schema["type"].clone(),
            why,
        ));
    }
    if schema["nullable"] == true {
        let why = "nullable cannot be true at the root";
        faults.push(FieldError::forbidden(format!("{path}.nullable"), why));
    }
    for field in ["apiVersion", "kind", "metadata"] {
        if !schema["properties"][field]["default"].is_null() {
            let at = format!("{path}.properties[{field}].default");
            let why = format!("must not be set in top-level {field}");
            faults.push(FieldError::forbidden(at, &why));
        }
    }
}

/// Every schema right within another, with the rest of the path to it.
pub(super) fn children(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for field in ["additionalProperties", "not", "items"] {
        if schema[field].is_object() {
            found.push((field.to_owned(), &schema[field]));
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        found.push((format!("properties[{name}]"), inner));
    }
    for field in ["allOf", "anyOf", "oneOf"] {
        for (index, inner) in list(&schema[field]).iter().enumerate() {
            found.push((format!("{field}[{index}]"), inner));
        }
    }
    found
}

/// Every fault of a schema and of those in it.
pub(super) fn faults(path: &str, schema: &Value, faults: &mut Vec<FieldError>) {
    let at = |field: &str| format!("{path}.{field}");
    let kind = text(&schema["type"]);
    if !kind.is_empty() && !TYPES.contains(&kind) {
        faults.push(FieldError::not_supported(at("type"), kind, &TYPES));
    }
    for field in UNSUPPORTED {
        if schema.get(field).is_some_and(|value| !value.is_null()) {
            let why = format!("{field} is not supported");
            faults.push(FieldError::forbidden(at(field), &why));
        }
    }
    if schema["items"].is_array() {
        let why = "items must be a schema object and not an array";
        faults.push(FieldError::forbidden(at("items"), why));
    }
    if schema["uniqueItems"] == true {
        let why =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        faults.push(FieldError::forbidden(at("uniqueItems"), why));
    }
    let open = &schema["additionalProperties"];
    let named = schema["properties"]
        .as_object()
        .is_some_and(|fields| !fields.is_empty());
    if named && (*open == false || open.is_object()) {
        let why = "additionalProperties and properties are mutual exclusive";
        faults.push(FieldError::forbidden(at("additionalProperties"), why));
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        let field = at("x-kubernetes-preserve-unknown-fields");
        faults.push(FieldError::invalid(
            field,
            false,
            "must be true or undefined",
        ));
    }
    merging(path, schema, faults);
    for (rest, inner) in children(schema) {
        self::faults(&at(&rest), inner, faults);
    }
}

/// `x-kubernetes-map-type` and `x-kubernetes-list-type`.
fn merging(path: &str, schema: &Value, faults: &mut Vec<FieldError>) {
    let at = |field: &str| format!("{path}.{field}");
    let kind = text(&schema["type"]);
    let mut needs = |wanted: &str, field: &str| {
        let why = format!("must be {wanted} if {field} is specified");
        match kind {
            kind if kind == wanted => {}
            "" => faults.push(FieldError::required(at("type"), &why)),
            kind => faults.push(FieldError::invalid(at("type"), kind, why)),
        }
    };
    let (map, list_type) = (
        &schema["x-kubernetes-map-type"],
        &schema["x-kubernetes-list-type"],
    );
    if !map.is_null() {
        needs("object", "x-kubernetes-map-type");
    }
    if !list_type.is_null() {
        needs("array", "x-kubernetes-list-type");
    }
    for (field, value, known) in [
        ("x-kubernetes-map-type", map, &["atomic", "granular"][..]),
        (
            "x-kubernetes-list-type",
            list_type,
            &["atomic", "set", "map"][..],
        ),
    ] {
        if let Some(value) = value.as_str().filter(|value| !known.contains(value)) {
            faults.push(FieldError::not_supported(at(field), value, known));
        }
    }
    let items = &schema["items"];
    if list_type == "set" && items["type"] == "object" && items["x-kubernetes-map-type"] != "atomic"
    {
        let field = at("items.x-kubernetes-map-type");
        let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
        faults.push(FieldError::invalid(
            field,
            items["x-kubernetes-map-type"].clone(),
            why,
        ));
    }
    let keys = list(&schema["x-kubernetes-list-map-keys"]);
    if !keys.is_empty() && list_type != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        let field = at("x-kubernetes-list-type");
        faults.push(match list_type.as_str() {
            None => FieldError::required(field, why),
            Some(other) => FieldError::invalid(field, other, why),
        });
    }
    if list_type == "map" {
        keyed(path, items, &schema["x-kubernetes-list-map-keys"], faults);
    }
    if matches!(list_type.as_str(), Some("map" | "set")) && items["nullable"] == true {
        let why = format!(
            "cannot be nullable when x-kubernetes-list-type is {}",
            text(list_type)
        );
        faults.push(FieldError::forbidden(at("items.nullable"), &why));
    }
}

/// A list whose elements are told apart by keys.
fn keyed(path: &str, items: &Value, written: &Value, faults: &mut Vec<FieldError>) {
    let at = |field: &str| format!("{path}.{field}");
    let keys = list(written);
    if keys.is_empty() {
        let why = "must not be empty if x-kubernetes-list-type is map";
        faults.push(FieldError::required(at("x-kubernetes-list-map-keys"), why));
    }
    if !items.is_object() {
        let why = "must have a schema if x-kubernetes-list-type is map";
        faults.push(FieldError::required(at("items"), why));
        return;
    }
    if items["type"] != "object" {
        let why = "must be object if parent array's x-kubernetes-list-type is map";
        faults.push(FieldError::invalid(
            at("items.type"),
            items["type"].clone(),
            why,
        ));
        return;
    }
    for (index, key) in keys.iter().map(text).enumerate() {
        let property = &items["properties"][key];
        let field = format!("{path}.items.properties[{key}]");
        if property.is_null() {
            let why = "entries must all be names of item properties";
            faults.push(FieldError::invalid(
                at("x-kubernetes-list-map-keys"),
                written.clone(),
                why,
            ));
            continue;
        }
        if matches!(text(&property["type"]), "array" | "object") {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            faults.push(FieldError::invalid(
                format!("{field}.type"),
                items["type"].clone(),
                why,
            ));
        }
        if keys[..index].iter().any(|one| one == key) {
            let why = "must not contain duplicate entries";
            faults.push(FieldError::invalid(
                at("x-kubernetes-list-map-keys"),
                written.clone(),
                why,
            ));
        }
        let required = list(&items["required"]).iter().any(|name| name == key);
        if !required && property["default"].is_null() {
            let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            faults.push(FieldError::required(format!("{field}.default"), why));
        }
        if property["nullable"] == true {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            faults.push(FieldError::forbidden(format!("{field}.nullable"), why));
        }
    }
}

/// Formats that mean nothing to the server.
pub(super) fn unknown_formats(schema: &Value, unknown: &mut Vec<String>) {
    let format = text(&schema["format"]);
    if !format.is_empty() && !is_known_format(text(&schema["type"]), format) {
        unknown.push(format.to_owned());
    }
    for (_, inner) in children(schema) {
        unknown_formats(inner, unknown);
    }
}
