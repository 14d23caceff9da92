//! What kubectl prints.

use serde_json::{Value, json};

use super::{DEFINITIONS, define, object, pool, pools};
use crate::raw::Raw;

#[tokio::test]
async fn columns_are_those_of_the_definition() {
    let raw = Raw::new();
    let group = "columns.example.dev";
    let spec = object(json!({
        "size": { "type": "integer" },
        "auto": { "type": "boolean" },
        "addresses": { "type": "array", "items": { "type": "string" } },
        "since": { "type": "string" },
        "peers": { "type": "array", "items": { "type": "object", "properties": {
            "name": { "type": "string" }, "up": { "type": "string" },
        } } },
    }));
    let mut definition = pools(group, spec);
    definition["spec"]["versions"][0]["additionalPrinterColumns"] = json!([
        { "name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "How large." },
        { "name": "Auto", "type": "boolean", "jsonPath": ".spec.auto" },
        { "name": "Addresses", "type": "string", "jsonPath": ".spec.addresses", "priority": 1 },
        { "name": "First", "type": "string", "jsonPath": ".spec.addresses[0]" },
        { "name": "Up", "type": "string", "jsonPath": ".spec.peers[?(@.name==\"b\")].up" },
        { "name": "Since", "type": "date", "jsonPath": ".spec.since" },
        { "name": "Wrong", "type": "integer", "jsonPath": ".spec.since" },
        { "name": "Missing", "type": "string", "jsonPath": ".status.phase" },
    ]);
    let path = define(&raw, definition).await;
    let spec = json!({
        "size": 3, "auto": true, "addresses": ["a", "b"], "since": "soon",
        "peers": [{ "name": "a", "up": "no" }, { "name": "b", "up": "yes" }],
    });
    raw.post(&path, pool(group, "a", spec)).await.expect(201);
    raw.post(&path, pool(group, "b", json!({})))
        .await
        .expect(201);
    let table = raw.table(&path).await.expect(200).body;
    let shown = |column: &Value| {
        json!([
            column["name"],
            column["type"],
            column["format"],
            column["priority"]
        ])
    };
    let columns: Vec<Value> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(shown)
        .collect();
    assert_eq!(
        Value::from(columns),
        json!([
            ["Name", "string", "name", 0],
            ["Size", "integer", "", 0],
            ["Auto", "boolean", "", 0],
            ["Addresses", "string", "", 1],
            ["First", "string", "", 0],
            ["Up", "string", "", 0],
            ["Since", "date", "", 0],
            ["Wrong", "integer", "", 0],
            ["Missing", "string", "", 0],
        ])
    );
    assert_eq!(table["columnDefinitions"][1]["description"], "How large.");
    let described = "Custom resource definition column (in JSONPath format): .spec.auto";
    assert_eq!(table["columnDefinitions"][2]["description"], described);
    let first = json!([
        "a",
        3,
        true,
        r#"["a","b"]"#,
        "a",
        "yes",
        "<invalid>",
        null,
        null
    ]);
    assert_eq!(table["rows"][0]["cells"], first);
    let second = json!(["b", null, null, null, null, null, null, null, null]);
    assert_eq!(table["rows"][1]["cells"], second);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let one = raw.table(&format!("{path}/a")).await.expect(200).body;
    assert_eq!(one["rows"][0]["cells"], first);
}

#[tokio::test]
async fn without_columns_there_is_the_age_and_a_definition_shows_when_it_was_made() {
    let raw = Raw::new();
    let group = "ages.example.dev";
    let path = define(&raw, pools(group, object(json!({})))).await;
    raw.post(&path, pool(group, "a", json!({})))
        .await
        .expect(201);
    let table = raw.table(&path).await.expect(200).body;
    assert_eq!(table["columnDefinitions"][1]["name"], "Age");
    assert_eq!(table["columnDefinitions"][1]["type"], "date");
    assert!(
        table["rows"][0]["cells"][1]
            .as_str()
            .unwrap()
            .ends_with('s')
    );
    let table = raw
        .table(&format!("{DEFINITIONS}/pools.{group}"))
        .await
        .expect(200)
        .body;
    let columns = table["columnDefinitions"].as_array().unwrap();
    let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
    assert_eq!(
        json!(names),
        json!([
            "Name",
            "Scope",
            "Versions",
            "Created At",
            "Group",
            "Kind",
            "ShortNames",
            "Established"
        ])
    );
    let created = table["rows"][0]["object"]["metadata"]["creationTimestamp"].clone();
    let name = format!("pools.{group}");
    assert_eq!(
        table["rows"][0]["cells"],
        json!([
            name,
            "Namespaced",
            "v1alpha1(storage)",
            created,
            group,
            "Pool",
            "pl",
            true
        ])
    );
}
