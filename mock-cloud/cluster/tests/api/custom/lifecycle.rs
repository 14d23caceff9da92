//! Definitions come, change and go.

use serde_json::json;

use super::{DEFINITIONS, condition, define, object, pool, pools};
use crate::raw::{Raw, eventually};

#[tokio::test]
async fn a_definition_is_accepted_served_and_discovered() {
    let raw = Raw::new();
    let group = "discovered.example.dev";
    let definition = pools(group, object(json!({ "size": { "type": "integer" } })));
    let path = define(&raw, definition).await;
    let stored = raw.get(&format!("{DEFINITIONS}/pools.{group}")).await.body;
    assert!(condition(&stored, "NamesAccepted"));
    let names = json!({
        "kind": "Pool", "listKind": "PoolList", "plural": "pools", "singular": "pool",
        "shortNames": ["pl"], "categories": ["nets"],
    });
    assert_eq!(stored["spec"]["names"], names);
    assert_eq!(stored["status"]["acceptedNames"], names);
    assert_eq!(stored["status"]["storedVersions"], json!(["v1alpha1"]));
    assert_eq!(stored["spec"]["conversion"], json!({ "strategy": "None" }));
    let versions = json!([{ "groupVersion": format!("{group}/v1alpha1"), "version": "v1alpha1" }]);
    let found = raw.get(&format!("/apis/{group}")).await.expect(200).body;
    assert_eq!(found["versions"], versions);
    assert_eq!(found["preferredVersion"], versions[0]);
    let found = raw
        .get(&format!("/apis/{group}/v1alpha1"))
        .await
        .expect(200)
        .body;
    assert_eq!(found["resources"][0]["name"], "pools");
    assert_eq!(found["resources"][0]["singularName"], "pool");
    assert_eq!(found["resources"][0]["shortNames"], json!(["pl"]));
    assert_eq!(found["resources"][0]["categories"], json!(["nets"]));
    assert_eq!(found["resources"][1]["name"], "pools/status");
    assert_eq!(
        found["resources"][1]["verbs"],
        json!(["get", "patch", "update"])
    );
    let list = raw.get(&path).await.expect(200).body;
    assert_eq!(list["kind"], "PoolList");
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn the_description_that_explain_reads() {
    let raw = Raw::new();
    let group = "explained.example.dev";
    let spec = json!({ "type": "object", "description": "What it holds.", "properties": {
        "size": { "type": "integer", "description": "How large." },
    } });
    define(&raw, pools(group, spec)).await;
    let base = format!("apis/{group}/v1alpha1");
    let schemas = eventually("a description", async || {
        let index = raw.get("/openapi/v3").await.expect(200).body;
        let url = index["paths"][&base]["serverRelativeURL"]
            .as_str()?
            .to_owned();
        let document = raw.get(&url).await.expect(200).body;
        document["components"]["schemas"].as_object().cloned()
    })
    .await;
    let pool = schemas
        .values()
        .find(|schema| schema["x-kubernetes-group-version-kind"][0]["kind"] == "Pool")
        .unwrap();
    assert_eq!(pool["x-kubernetes-group-version-kind"][0]["group"], group);
    assert_eq!(pool["description"], "A pool of addresses.");
    assert_eq!(pool["properties"]["spec"]["description"], "What it holds.");
    assert_eq!(
        pool["properties"]["spec"]["properties"]["size"]["description"],
        "How large."
    );
    assert!(!pool["properties"]["kind"]["description"].is_null());
    raw.get("/openapi/v3/apis/nowhere.example.dev/v1")
        .await
        .expect(404);
}

#[tokio::test]
async fn with_a_definition_go_its_objects() {
    let raw = Raw::new();
    let group = "gone.example.dev";
    let definition = format!("{DEFINITIONS}/pools.{group}");
    let path = define(&raw, pools(group, object(json!({})))).await;
    raw.post(&path, pool(group, "a", json!({})))
        .await
        .expect(201);
    let mut held = pool(group, "held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.dev/hold"]);
    raw.post(&path, held).await.expect(201);
    raw.delete(&definition).await.expect(200);
    eventually("that the free object goes", async || {
        (raw.get(&format!("{path}/a")).await.status == 404).then_some(())
    })
    .await;
    let waiting = raw.get(&definition).await.expect(200).body;
    assert!(condition(&waiting, "Terminating"));
    assert_eq!(
        waiting["metadata"]["finalizers"],
        json!(["customresourcecleanup.apiextensions.k8s.io"])
    );
    eventually("no new objects", async || {
        let refused = raw.post(&path, pool(group, "b", json!({}))).await;
        let why = format!(
            "pools.{group} \"b\" is forbidden: create not allowed while custom resource definition is terminating"
        );
        (refused.status == 403 && refused.message() == why).then_some(())
    })
    .await;
    let free = json!({ "metadata": { "finalizers": null } });
    raw.merge(&format!("{path}/held"), free).await.expect(200);
    eventually("no definition", async || {
        (raw.get(&definition).await.status == 404).then_some(())
    })
    .await;
    eventually("no objects", async || {
        (raw.get(&path).await.status == 404).then_some(())
    })
    .await;
    // The name can be taken again, by other objects.
    let path = define(&raw, pools(group, object(json!({})))).await;
    assert_eq!(raw.get(&path).await.expect(200).body["items"], json!([]));
}

#[tokio::test]
async fn a_new_schema_is_that_of_old_objects_too() {
    let raw = Raw::new();
    let group = "changed.example.dev";
    let definition = format!("{DEFINITIONS}/pools.{group}");
    let path = define(
        &raw,
        pools(group, object(json!({ "old": { "type": "string" } }))),
    )
    .await;
    let made = raw
        .post(&path, pool(group, "a", json!({ "old": "x" })))
        .await
        .expect(201);
    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let patch = json!([{ "op": "replace", "path": schema, "value": { "new": { "type": "string", "default": "y" } } }]);
    let changed = raw.json_patch(&definition, patch).await.expect(200).body;
    assert_eq!(changed["metadata"]["generation"], 2);
    let read = eventually("the new schema", async || {
        let read = raw.get(&format!("{path}/a")).await.expect(200);
        (read.body["spec"]["new"] == "y").then_some(read)
    })
    .await;
    assert_eq!(read.body["spec"], json!({ "new": "y" }));
    assert_eq!(read.version(), made.version());
}

/// The path of a second definition, which wants a short name that the first has and does not get.
async fn wait_for_a_name(raw: &Raw, group: &str) -> String {
    define(raw, pools(group, object(json!({})))).await;
    let mut second = pools(group, object(json!({})));
    second["metadata"]["name"] = json!(format!("ponds.{group}"));
    second["spec"]["names"] = json!({ "kind": "Pond", "plural": "ponds", "shortNames": ["pl"] });
    raw.post(DEFINITIONS, second).await.expect(201);
    let path = format!("{DEFINITIONS}/ponds.{group}");
    let refused = eventually("a verdict", async || {
        let found = raw.get(&path).await.expect(200).body;
        let conditions = found["status"]["conditions"].as_array()?;
        let names = conditions.iter().find(|one| one["type"] == "NamesAccepted");
        names.map(|names| json!([names["status"], names["reason"], names["message"]]))
    })
    .await;
    assert_eq!(
        refused,
        json!(["False", "ShortNamesConflict", "\"pl\" is already in use"])
    );
    raw.get(&format!("/apis/{group}/v1alpha1/ponds"))
        .await
        .expect(404);
    path
}

async fn gets_its_name(raw: &Raw, path: &str) {
    eventually("the name that became free", async || {
        let found = raw.get(path).await.expect(200).body;
        condition(&found, "Established").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_name_is_given_once_and_again_when_its_owner_goes() {
    let raw = Raw::new();
    let group = "names.example.dev";
    let path = wait_for_a_name(&raw, group).await;
    raw.delete(&format!("{DEFINITIONS}/pools.{group}"))
        .await
        .expect(200);
    gets_its_name(&raw, &path).await;
}

#[tokio::test]
async fn a_name_is_given_again_when_its_owner_takes_another() {
    let raw = Raw::new();
    let group = "renamed.example.dev";
    let path = wait_for_a_name(&raw, group).await;
    let other = json!({ "spec": { "names": { "shortNames": ["po"] } } });
    raw.merge(&format!("{DEFINITIONS}/pools.{group}"), other)
        .await
        .expect(200);
    gets_its_name(&raw, &path).await;
}

#[tokio::test]
async fn versions_differ_in_their_name_alone() {
    let raw = Raw::new();
    let group = "versions.example.dev";
    let mut definition = pools(group, object(json!({ "size": { "type": "integer" } })));
    let mut older = definition["spec"]["versions"][0].clone();
    older["name"] = json!("v1");
    older["storage"] = json!(false);
    older["deprecated"] = json!(true);
    definition["spec"]["versions"]
        .as_array_mut()
        .unwrap()
        .push(older);
    let path = define(&raw, definition).await;
    let made = raw
        .post(&path, pool(group, "a", json!({ "size": 1 })))
        .await
        .expect(201);
    assert_eq!(made.warnings, Vec::<String>::new());
    let other = path.replace("v1alpha1", "v1");
    let read = raw.get(&format!("{other}/a")).await.expect(200);
    assert_eq!(read.body["apiVersion"], format!("{group}/v1"));
    assert_eq!(
        read.warnings,
        [format!(r#"299 - "{group}/v1 Pool is deprecated""#)]
    );
    let patch = json!({ "spec": { "size": 2 } });
    let changed = raw
        .merge(&format!("{other}/a"), patch)
        .await
        .expect(200)
        .body;
    assert_eq!(changed["apiVersion"], format!("{group}/v1"));
    let read = raw.get(&format!("{path}/a")).await.expect(200).body;
    assert_eq!(
        (&read["apiVersion"], &read["spec"]["size"]),
        (&json!(format!("{group}/v1alpha1")), &json!(2))
    );
    let found = raw.get(&format!("/apis/{group}")).await.expect(200).body;
    assert_eq!(found["preferredVersion"]["version"], "v1");
}
