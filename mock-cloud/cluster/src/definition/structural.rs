//! Whether a schema is structural: each value has one type, said outside of `allOf` and its like,
//! which only narrow it down.

use regex::Regex;
use serde_json::{Value, json};

use super::{list, text};
use crate::answer::FieldError;
use crate::custom::{Additional, Schema, default_faults};

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What may not be said within `allOf` and its like.
const FORBIDDEN: [(&str, &str); 11] = [
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-embedded-resource",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-int-or-string",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-list-type",
        "must be undefined to be structural",
    ),
    ("x-kubernetes-validations", "must be empty to be structural"),
];

/// Every reason why a schema is not structural.
pub(super) fn faults(path: &str, schema: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    visit(path, schema, Level::Root, &mut faults);
    complete(path, path, schema, schema, &mut faults);
    faults
}

fn visit(path: &str, schema: &Value, level: Level, faults: &mut Vec<FieldError>) {
    let at = |field: &str| format!("{path}.{field}");
    let kind = text(&schema["type"]);
    if kind == "array" && !schema["items"].is_object() {
        faults.push(FieldError::required(at("items"), "must be specified"));
    }
    if schema["items"].is_object() {
        visit(&at("items"), &schema["items"], Level::Item, faults);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        visit(
            &at(&format!("properties[{name}]")),
            field,
            Level::Field,
            faults,
        );
    }
    let open = &schema["additionalProperties"];
    if !open.is_null() && level == Level::Root {
        faults.push(FieldError::forbidden(
            at("additionalProperties"),
            "must not be used at the root",
        ));
    }
    if open.is_object() {
        visit(&at("additionalProperties"), open, Level::Field, faults);
    }
    let any = |field: &str| schema[field] == true;
    let (either, preserves) = (
        any("x-kubernetes-int-or-string"),
        any("x-kubernetes-preserve-unknown-fields"),
    );
    if either && preserves {
        let field = at("x-kubernetes-preserve-unknown-fields");
        let why = "must be false if x-kubernetes-int-or-string is true";
        faults.push(FieldError::invalid(field, true, why));
    }
    narrowing(path, schema, faults);
    if kind.is_empty() && !either && !preserves {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        faults.push(FieldError::required(at("type"), why));
    }
    if level == Level::Root {
        root(path, schema, faults);
    }
}

fn root(path: &str, schema: &Value, faults: &mut Vec<FieldError>) {
    let at = |field: &str| format!("{path}.{field}");
    let kind = text(&schema["type"]);
    if !kind.is_empty() && kind != "object" {
        faults.push(FieldError::invalid(
            at("type"),
            kind,
            "must be object at the root",
        ));
    }
    for field in ["apiVersion", "kind"] {
        let property = &schema["properties"][field];
        if !property.is_null() && property["type"] != "string" {
            let field = at(&format!("properties[{field}].type"));
            faults.push(FieldError::invalid(
                field,
                text(&property["type"]),
                "must be string",
            ));
        }
    }
    let metadata = &schema["properties"]["metadata"];
    if metadata.is_null() {
        return;
    }
    if metadata["type"] != "object" {
        let field = at("properties[metadata].type");
        faults.push(FieldError::invalid(
            field,
            text(&metadata["type"]),
            "must be object",
        ));
    }
    let said = metadata.as_object().into_iter().flatten();
    let more = said.into_iter().any(|(field, value)| match field.as_str() {
        "type" | "description" => false,
        "properties" => value.as_object().is_some_and(|fields| {
            fields
                .keys()
                .any(|name| name != "name" && name != "generateName")
        }),
        _ => true,
    });
    if more {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        faults.push(FieldError::forbidden(at("properties[metadata]"), why));
    }
}

fn is_either(list: &Value) -> bool {
    *list == json!([{ "type": "integer" }, { "type": "string" }])
}

/// `allOf` and its like, and patterns.
fn narrowing(path: &str, schema: &Value, faults: &mut Vec<FieldError>) {
    let pattern = text(&schema["pattern"]);
    if let Err(error) = Regex::new(pattern) {
        let why = format!("must be a valid regular expression, but isn't: {error}");
        faults.push(FieldError::invalid(format!("{path}.pattern"), pattern, why));
    }
    for (field, inner) in narrowed(schema) {
        nested(&format!("{path}.{field}"), inner, faults);
    }
}

fn narrowed(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for field in ["anyOf", "allOf", "oneOf"] {
        if field == "anyOf" && is_either(&schema[field]) {
            continue;
        }
        for (index, inner) in list(&schema[field]).iter().enumerate() {
            found.push((format!("{field}[{index}]"), inner));
        }
    }
    if schema["not"].is_object() {
        found.push(("not".to_owned(), &schema["not"]));
    }
    found
}

fn nested(path: &str, schema: &Value, faults: &mut Vec<FieldError>) {
    for (field, why) in FORBIDDEN {
        let value = &schema[field];
        let nothing = value.is_null()
            || *value == false
            || *value == ""
            || value.as_array().is_some_and(Vec::is_empty);
        if !nothing {
            faults.push(FieldError::forbidden(format!("{path}.{field}"), why));
        }
    }
    if !schema["properties"]["metadata"].is_null() {
        let field = format!("{path}.properties[metadata]");
        faults.push(FieldError::forbidden(
            field,
            "must not be specified in a nested context",
        ));
    }
    if schema["items"].is_object() {
        nested(&format!("{path}.items"), &schema["items"], faults);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        nested(&format!("{path}.properties[{name}]"), field, faults);
    }
    narrowing(path, schema, faults);
}

/// What the root narrows down must be there outside, too. (Below the root nobody looks.)
fn complete(
    path: &str,
    narrowing: &str,
    whole: &Value,
    part: &Value,
    faults: &mut Vec<FieldError>,
) {
    for (field, inner) in narrowed(part) {
        complete_nested(path, &format!("{narrowing}.{field}"), whole, inner, faults);
    }
}

fn complete_nested(
    path: &str,
    narrowing: &str,
    whole: &Value,
    part: &Value,
    faults: &mut Vec<FieldError>,
) {
    complete(path, narrowing, whole, part, faults);
    if part["items"].is_object() {
        let (at, from) = (format!("{path}.items"), format!("{narrowing}.items"));
        if whole["items"].is_object() {
            complete_nested(&at, &from, &whole["items"], &part["items"], faults);
        } else {
            faults.push(FieldError::required(
                at,
                &format!("because it is defined in {from}"),
            ));
        }
    }
    for (name, field) in part["properties"].as_object().into_iter().flatten() {
        let at = format!("{path}.properties[{name}]");
        let from = format!("{narrowing}.properties[{name}]");
        match whole["properties"].get(name) {
            Some(whole) => complete_nested(&at, &from, whole, field, faults),
            None => faults.push(FieldError::required(
                at,
                &format!("because it is defined in {from}"),
            )),
        }
    }
}

/// Defaults that their own schema would refuse.
pub(super) fn defaults(path: &str, schema: &Schema, faults: &mut Vec<FieldError>) {
    faults.extend(default_faults(schema, &format!("{path}.default")));
    for (name, field) in &schema.properties {
        defaults(&format!("{path}.properties[{name}]"), field, faults);
    }
    if let Some(items) = &schema.items {
        defaults(&format!("{path}.items"), items, faults);
    }
    if let Additional::Of(inner) = &schema.additional {
        defaults(&format!("{path}.additionalProperties"), inner, faults);
    }
}
