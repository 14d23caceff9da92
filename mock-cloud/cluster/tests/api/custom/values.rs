//! Values that a schema refuses, word for word.

use serde_json::{Value, json};

use super::{define, object, pool, pools};
use crate::raw::Raw;

/// A spec, and what is said about it.
const REFUSED: &[(&str, &str)] = &[
    (
        r#"{ "small": true }"#,
        r#"spec.small: Invalid value: "": spec.small in body must be of type int32: """#,
    ),
    (
        r#"{ "small": "1" }"#,
        r#"spec.small: Invalid value: "string": spec.small in body must be of type integer: "string""#,
    ),
    (
        r#"{ "ip4": 5 }"#,
        r#"spec.ip4: Invalid value: "int64": spec.ip4 in body must be of type ipv4: "int64""#,
    ),
    (
        r#"{ "text": "ABCDE" }"#,
        "spec.text: Too long: may not be more than 4 bytes",
    ),
    (
        r#"{ "text": 5 }"#,
        r#"spec.text: Invalid value: "integer": spec.text in body must be of type string: "integer""#,
    ),
    (
        r#"{ "text": "a" }"#,
        r#"spec.text: Invalid value: "a": spec.text in body should be at least 2 chars long"#,
    ),
    (
        r#"{ "text": "abcde" }"#,
        "spec.text: Too long: may not be more than 4 bytes",
    ),
    (
        r#"{ "text": "AB" }"#,
        r#"spec.text: Invalid value: "AB": spec.text in body should match '^[a-z]+$'"#,
    ),
    (
        r#"{ "mode": "c" }"#,
        r#"spec.mode: Unsupported value: "c": supported values: "a", "b""#,
    ),
    (
        r#"{ "level": 3 }"#,
        r#"spec.level: Unsupported value: 3: supported values: "1", "2""#,
    ),
    (
        r#"{ "number": "string" }"#,
        r#"spec.number: Invalid value: "string": spec.number in body must be of type integer: "string""#,
    ),
    (
        r#"{ "number": 1.5 }"#,
        r#"[spec.number: Invalid value: "number": spec.number in body must be of type integer: "number", <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.number]"#,
    ),
    (
        r#"{ "number": 0 }"#,
        "spec.number: Invalid value: 0: spec.number in body should be greater than or equal to 1",
    ),
    (
        r#"{ "number": 4294967296 }"#,
        "spec.number: Invalid value: 4294967296: spec.number in body should be less than or equal to 4294967295",
    ),
    (
        r#"{ "open": 1000000.5 }"#,
        "spec.open: Invalid value: 1.0000005e+06: spec.open in body should be less than 1",
    ),
    (
        r#"{ "wide": 20000000.5 }"#,
        "spec.wide: Invalid value: 2.00000005e+07: spec.wide in body should be less than or equal to 1e+07",
    ),
    (
        r#"{ "small": 4294967296 }"#,
        r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.small"#,
    ),
    (
        r#"{ "open": 0 }"#,
        "spec.open: Invalid value: 0: spec.open in body should be greater than 0",
    ),
    (
        r#"{ "open": 1 }"#,
        "spec.open: Invalid value: 1: spec.open in body should be less than 1",
    ),
    (
        r#"{ "even": 3 }"#,
        "spec.even: Invalid value: 3: spec.even in body should be a multiple of 2",
    ),
    (
        r#"{ "flag": "true" }"#,
        r#"spec.flag: Invalid value: "string": spec.flag in body must be of type boolean: "string""#,
    ),
    (
        r#"{ "list": [] }"#,
        "spec.list: Invalid value: 0: spec.list in body should have at least 1 items",
    ),
    (
        r#"{ "list": ["a", "b", "c"] }"#,
        "spec.list: Too many: 3: must have at most 2 items",
    ),
    (
        r#"{ "list": [1] }"#,
        r#"spec.list[0]: Invalid value: "integer": spec.list[0] in body must be of type string: "integer""#,
    ),
    (
        r#"{ "list": "a" }"#,
        r#"spec.list: Invalid value: "string": spec.list in body must be of type array: "string""#,
    ),
    (
        r#"{ "set": ["a", "b", "a", "a"] }"#,
        r#"spec.set[2]: Duplicate value: "a""#,
    ),
    (
        r#"{ "peers": [{ "name": "x" }, { "name": "x", "port": 1 }] }"#,
        r#"spec.peers[1]: Duplicate value: {"name":"x"}"#,
    ),
    (
        r#"{ "pairs": [{ "a": 1, "b": 1 }, { "a": 1, "b": 2 }, { "a": 1, "b": 1 }] }"#,
        r#"spec.pairs[2]: Duplicate value: {"a":1,"b":1}"#,
    ),
    (
        r#"{ "map": { "a": 1, "b": 2, "c": 3 } }"#,
        "spec.map: Too many: 3: must have at most 2 items",
    ),
    (
        r#"{ "map": {} }"#,
        "spec.map: Invalid value: 0: spec.map in body should have at least 1 properties",
    ),
    (
        r#"{ "map": { "a": "x" } }"#,
        r#"spec.map.a: Invalid value: "string": spec.map.a in body must be of type integer: "string""#,
    ),
    (
        r#"{ "either": true }"#,
        r#"spec.either: Invalid value: "boolean": spec.either in body must be of type integer,string: "boolean""#,
    ),
    (r#"{ "inner": {} }"#, "spec.inner.must: Required value"),
    (
        r#"{ "ip4": "::1" }"#,
        r#"spec.ip4: Invalid value: "::1": spec.ip4 in body must be of type ipv4: "::1""#,
    ),
    (
        r#"{ "ip6": "x" }"#,
        r#"spec.ip6: Invalid value: "x": spec.ip6 in body must be of type ipv6: "x""#,
    ),
    (
        r#"{ "block": "192.0.2.0" }"#,
        r#"spec.block: Invalid value: "192.0.2.0": spec.block in body must be of type cidr: "192.0.2.0""#,
    ),
    (
        r#"{ "when": "today" }"#,
        r#"spec.when: Invalid value: "today": spec.when in body must be of type date-time: "today""#,
    ),
    (
        r#"{ "mac": "x" }"#,
        r#"spec.mac: Invalid value: "x": spec.mac in body must be of type mac: "x""#,
    ),
    (
        r#"{ "span": "x" }"#,
        r#"spec.span: Invalid value: "x": spec.span in body must be of type duration: "x""#,
    ),
    (
        r#"{ "choice": {} }"#,
        r#"[<nil>: Invalid value: "": "spec.choice" must validate one and only one schema (oneOf). Found none valid, spec.choice.x: Required value]"#,
    ),
    (
        r#"{ "choice": { "x": "1", "y": "2" } }"#,
        r#"<nil>: Invalid value: "": "spec.choice" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
    ),
    (
        r#"{ "any": {} }"#,
        r#"[<nil>: Invalid value: "": "spec.any" must validate at least one schema (anyOf), spec.any.x: Required value]"#,
    ),
    (
        r#"{ "never": "never" }"#,
        r#"<nil>: Invalid value: "": "spec.never" must not validate the schema (not)"#,
    ),
    (
        r#"{ "all": "bb" }"#,
        r#"[spec.all: Invalid value: "bb": spec.all in body should match '^a', <nil>: Invalid value: "": "spec.all" must validate all the schemas (allOf)]"#,
    ),
];

/// Specs that nothing is said about.
const TAKEN: &[&str] = &[
    r#"{ "text": "abc", "mode": "a", "level": 1, "number": 4294967295, "open": 0.5, "even": 4 }"#,
    r#"{ "either": 1 }"#,
    r#"{ "either": "1" }"#,
    r#"{ "number": 2.0 }"#,
    r#"{ "ip4": "192.0.2.1", "ip6": "2001:db8::1", "block": "192.0.2.0/24", "free": "anything" }"#,
    r#"{ "when": "2026-01-02T03:04:05Z", "mac": "02:00:5e:00:53:01", "span": "1h30m" }"#,
    r#"{ "choice": { "x": "1" }, "any": { "x": "1", "y": "2" }, "never": "x", "all": "ab" }"#,
    r#"{ "set": ["b", "a"], "peers": [{ "name": "x" }, { "name": "y" }] }"#,
];

/// Everything that a schema can say of a value.
fn everything() -> Value {
    object(json!({
        "text": { "type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$" },
        "mode": { "type": "string", "enum": ["a", "b"] },
        "level": { "type": "integer", "enum": [1, 2] },
        "number": { "type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32 },
        "open": { "type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": true },
        "wide": { "type": "number", "maximum": 10_000_000 },
        "small": { "type": "integer", "format": "int32" },
        "even": { "type": "integer", "multipleOf": 2 },
        "flag": { "type": "boolean" },
        "list": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string" } },
        "set": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
        "peers": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": { "type": "object", "required": ["name"], "properties": {
                "name": { "type": "string" }, "port": { "type": "integer" } } } },
        "pairs": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
            "items": { "type": "object", "required": ["a", "b"], "properties": {
                "a": { "type": "integer" }, "b": { "type": "integer" } } } },
        "map": { "type": "object", "maxProperties": 2, "minProperties": 1, "additionalProperties": { "type": "integer" } },
        "either": { "x-kubernetes-int-or-string": true },
        "inner": { "type": "object", "required": ["must"], "properties": { "must": { "type": "string" } } },
        "ip4": { "type": "string", "format": "ipv4" },
        "ip6": { "type": "string", "format": "ipv6" },
        "block": { "type": "string", "format": "cidr" },
        "when": { "type": "string", "format": "date-time" },
        "mac": { "type": "string", "format": "mac" },
        "span": { "type": "string", "format": "duration" },
        "free": { "type": "string", "format": "ip" },
        "choice": { "type": "object", "properties": { "x": { "type": "string" }, "y": { "type": "string" } },
            "oneOf": [{ "required": ["x"] }, { "required": ["y"] }] },
        "any": { "type": "object", "properties": { "x": { "type": "string" }, "y": { "type": "string" } },
            "anyOf": [{ "required": ["x"] }, { "required": ["y"] }] },
        "never": { "type": "string", "not": { "enum": ["never"] } },
        "all": { "type": "string", "allOf": [{ "minLength": 2 }, { "pattern": "^a" }] },
    }))
}

#[tokio::test]
async fn values_are_refused_in_the_words_of_the_real_server() {
    let raw = Raw::new();
    let group = "values.example.dev";
    let path = define(&raw, pools(group, everything())).await;
    let dry = format!("{path}?dryRun=All");
    let mut differences = Vec::new();
    for (spec, fault) in REFUSED {
        let spec: Value = serde_json::from_str(spec).unwrap();
        let answer = raw.post(&dry, pool(group, "a", spec.clone())).await;
        let expected = format!("Pool.{group} \"a\" is invalid: {fault}");
        if (answer.status, answer.message()) != (422, &expected) {
            differences.push(format!(
                "{spec}:\n{expected}\n{} {}",
                answer.status, answer.body
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    for spec in TAKEN {
        let spec: Value = serde_json::from_str(spec).unwrap();
        raw.post(&dry, pool(group, "a", spec)).await.expect(201);
    }
    let name = raw
        .post(&dry, pool(group, "A", json!({})))
        .await
        .expect(422);
    assert!(
        name.message()
            .contains("metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain")
    );
}
