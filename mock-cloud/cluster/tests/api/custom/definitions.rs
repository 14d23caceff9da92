//! Definitions that are refused, and how.

use serde_json::{Value, json};

use super::{DEFINITIONS, Differences, object, pools};
use crate::raw::Raw;

/// A schema of `spec`, where in it is a fault, and how what is said of it starts and ends.
const SCHEMAS: &[(&str, &str, &str, &str)] = &[
    (
        r#"{ "properties": {} }"#,
        ".type",
        "Required value: must not be empty for specified object fields",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array" } } }"#,
        ".properties[a].items",
        "Required value: must be specified",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array", "items": {} } } }"#,
        ".properties[a].items.type",
        "Required value: must not be empty for specified array items",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "thing" } } }"#,
        ".properties[a].type",
        "Unsupported value: \"thing\"",
        r#""array", "boolean", "integer", "number", "object", "string""#,
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "string", "pattern": "(" } } }"#,
        ".properties[a].pattern",
        "Invalid value: \"(\": must be a valid regular expression, but isn't: ",
        "",
    ),
    (
        r#"{ "type": "object", "allOf": [{ "type": "object" }] }"#,
        ".allOf[0].type",
        "Forbidden: must be empty to be structural",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": { "type": "string" } }"#,
        ".additionalProperties",
        "Forbidden: additionalProperties and properties are mutual exclusive",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "object", "properties": { "k": { "type": "string" } } }, "x-kubernetes-list-type": "map" } } }"#,
        ".properties[a].x-kubernetes-list-map-keys",
        "Required value: must not be empty if x-kubernetes-list-type is map",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "object", "properties": { "k": { "type": "string" } } }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] } } }"#,
        ".properties[a].items.properties[k].default",
        "Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "object", "properties": { "k": { "type": "string" } } }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["x"] } } }"#,
        ".properties[a].x-kubernetes-list-map-keys",
        "Invalid value: [\"x\"]: entries must all be names of item properties",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "string", "x-kubernetes-list-type": "set" } } }"#,
        ".properties[a].type",
        "Invalid value: \"string\": must be array if x-kubernetes-list-type is specified",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "bag" } } }"#,
        ".properties[a].x-kubernetes-list-type",
        "Unsupported value: \"bag\"",
        r#""atomic", "set", "map""#,
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "integer", "default": "x" } } }"#,
        ".properties[a].default",
        "Invalid value: \"string\":  in body must be of type integer: \"string\"",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "object", "default": { "b": 1 } } } }"#,
        ".properties[a].default",
        "Invalid value: {\"b\":1}: must not have unknown fields",
        "",
    ),
    (
        r#"{ "type": "object", "properties": { "a": { "type": "string", "x-kubernetes-preserve-unknown-fields": false } } }"#,
        ".properties[a].x-kubernetes-preserve-unknown-fields",
        "Invalid value: false: must be true or undefined",
        "",
    ),
];

#[tokio::test]
async fn a_definition_must_name_itself_and_its_parts_well() {
    let (raw, mut differences) = (Raw::new(), Differences::default());
    let group = "broken.example.dev";
    let sound = || pools(group, object(json!({})));
    let with = |pointer: &str, value: Value| {
        let mut definition = sound();
        *definition.pointer_mut(pointer).unwrap() = value;
        definition
    };
    for (pointer, value, field, start, end) in [
        (
            "/metadata/name",
            json!("pools.elsewhere.dev"),
            "metadata.name",
            "Invalid value: \"pools.elsewhere.dev\": ",
            r#"must be spec.names.plural+"."+spec.group"#,
        ),
        (
            "/spec/scope",
            json!("Planet"),
            "spec.scope",
            "Unsupported value: \"Planet\"",
            r#"supported values: "Cluster", "Namespaced""#,
        ),
        (
            "/spec/versions/0/storage",
            json!(false),
            "spec.versions",
            "Invalid value: ",
            "must have exactly one version marked as storage version",
        ),
        (
            "/spec/versions/0/name",
            json!("V1"),
            "spec.versions[0].name",
            "Invalid value: \"V1\": a DNS-1035 label must consist of",
            "",
        ),
        (
            "/spec/names/kind",
            json!("a b"),
            "spec.names.kind",
            "Invalid value: \"a b\": may have mixed case, but should otherwise match: ",
            "",
        ),
        (
            "/spec/names/shortNames",
            json!(["P"]),
            "spec.names.shortNames[0]",
            "Invalid value: \"P\": a DNS-1035 label",
            "",
        ),
        (
            "/spec/versions/0/schema",
            Value::Null,
            "spec.versions[0].schema.openAPIV3Schema",
            "Required value",
            "",
        ),
    ] {
        differences
            .refused(&raw, with(pointer, value), field, start, end)
            .await;
    }
}

#[tokio::test]
async fn a_definition_must_describe_its_columns_and_be_allowed_its_group() {
    let (raw, mut differences) = (Raw::new(), Differences::default());
    let group = "described.example.dev";
    let sound = || pools(group, object(json!({})));
    let mut columns = sound();
    columns["spec"]["versions"][0]["additionalPrinterColumns"] =
        json!([{ "name": "A", "type": "float", "jsonPath": "spec.a" }]);
    let field = "spec.additionalPrinterColumns[0]";
    let types = "must be one of boolean,date,integer,number,string";
    differences
        .refused(
            &raw,
            columns.clone(),
            &format!("{field}.type"),
            "Invalid value: \"float\"",
            types,
        )
        .await;
    let path = "must be a simple json path starting with .";
    differences
        .refused(
            &raw,
            columns,
            &format!("{field}.JSONPath"),
            "Invalid value: \"spec.a\"",
            path,
        )
        .await;
    let mut protected = sound();
    protected["metadata"]["name"] = json!("pools.test.k8s.io");
    protected["spec"]["group"] = json!("test.k8s.io");
    let field = "metadata.annotations[api-approved.kubernetes.io]";
    differences
        .refused(
            &raw,
            protected,
            field,
            "Required value: protected groups must have approval",
            "",
        )
        .await;
    let unknown = format!("{DEFINITIONS}?fieldValidation=Strict");
    let mut misspelt = sound();
    misspelt["spec"]["versions"][0]["schemas"] = json!({});
    let answer = raw.post(&unknown, misspelt).await.expect(400);
    let why = r#"strict decoding error: unknown field "spec.versions[0].schemas""#;
    assert!(answer.message().ends_with(why), "{}", answer.message());
}

#[tokio::test]
async fn a_schema_must_be_structural() {
    let (raw, mut differences) = (Raw::new(), Differences::default());
    let group = "structural.example.dev";
    let at = "spec.validation.openAPIV3Schema.properties[spec]";
    for (spec, field, start, end) in SCHEMAS {
        let spec: Value = serde_json::from_str(spec).unwrap();
        differences
            .refused(
                &raw,
                pools(group, spec),
                &format!("{at}{field}"),
                start,
                end,
            )
            .await;
    }
    let mut metadata = pools(group, object(json!({})));
    metadata["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["metadata"] =
        json!({ "type": "object", "properties": { "labels": { "type": "object" } } });
    let field = "spec.validation.openAPIV3Schema.properties[metadata]";
    let why = "Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified";
    differences.refused(&raw, metadata, field, why, "").await;
}

#[tokio::test]
async fn what_is_served_keeps_its_name_and_scope() {
    let raw = Raw::new();
    let group = "kept.example.dev";
    super::define(&raw, pools(group, object(json!({})))).await;
    let path = format!("{DEFINITIONS}/pools.{group}");
    for (patch, field) in [
        (json!({ "spec": { "scope": "Cluster" } }), "spec.scope"),
        (
            json!({ "spec": { "names": { "kind": "Pond" } } }),
            "spec.names.kind",
        ),
        (
            json!({ "spec": { "group": "other.example.dev" } }),
            "spec.group",
        ),
    ] {
        let answer = raw.merge(&path, patch).await.expect(422);
        let why = answer.message();
        assert!(
            why.contains(field) && why.contains("field is immutable"),
            "{why}"
        );
    }
    let mut body = raw.get(&path).await.body;
    body["metadata"]["resourceVersion"] = json!("");
    let answer = raw.put(&path, &body).await.expect(422);
    assert!(answer.message().contains("must be specified for an update"));
    let mut unknown = pools(
        group,
        object(json!({ "ip": { "type": "string", "format": "ip" } })),
    );
    unknown["metadata"]["name"] = json!("ponds.kept.example.dev");
    unknown["spec"]["names"] = json!({ "kind": "Pond", "plural": "ponds" });
    let answer = raw.post(DEFINITIONS, unknown).await.expect(201);
    assert_eq!(answer.warnings, [r#"299 - "unrecognized format \"ip\"""#]);
}
