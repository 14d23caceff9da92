//! Definitions of custom resources and the objects that they define. Definitions have no namespace, so
//! each story has a group of its own.

mod apply;
mod columns;
mod compile;
mod definitions;
mod lifecycle;
mod objects;
mod rules;
mod runtime;
mod schema;
mod values;

use serde_json::{Value, json};

use crate::raw::{Raw, eventually};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The definition of a namespaced `Pool` with a status of its own and this `spec`.
fn pools(group: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("pools.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": "Pool", "plural": "pools", "shortNames": ["pl"], "categories": ["nets"] },
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "description": "A pool of addresses.",
                    "properties": {
                        "spec": spec,
                        "status": { "type": "object", "properties": {
                            "free": { "type": "integer" },
                            "phase": { "type": "string", "enum": ["Ready", "Full"] },
                        } },
                    },
                } },
            }],
        },
    })
}

/// An object `spec` with these properties.
fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

/// A pool to send.
fn pool(group: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{group}/v1alpha1"),
        "kind": "Pool",
        "metadata": { "name": name },
        "spec": spec,
    })
}

/// Creates a definition and waits until it is served; the path of its objects.
async fn define(raw: &Raw, definition: Value) -> String {
    let spec = definition["spec"].clone();
    let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
    raw.post(DEFINITIONS, definition).await.expect(201);
    eventually("an established definition", async || {
        let found = raw.get(&format!("{DEFINITIONS}/{name}")).await;
        condition(&found.body, "Established").then_some(())
    })
    .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let base = format!(
        "/apis/{}/{}",
        text(&spec["group"]),
        text(&spec["versions"][0]["name"])
    );
    let plural = text(&spec["names"]["plural"]);
    let path = if spec["scope"] == "Namespaced" {
        format!("{base}/namespaces/default/{plural}")
    } else {
        format!("{base}/{plural}")
    };
    eventually("objects that are served", async || {
        (raw.get(&path).await.status == 200).then_some(())
    })
    .await;
    path
}

fn condition(definition: &Value, kind: &str) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    let holds = |one: &Value| one["type"] == kind && one["status"] == "True";
    conditions.is_some_and(|all| all.iter().any(holds))
}

/// Rows that were answered otherwise than they say.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// It is refused with a cause at this field whose message starts and ends so.
    async fn refused(&mut self, raw: &Raw, definition: Value, field: &str, start: &str, end: &str) {
        let answer = raw
            .post(&format!("{DEFINITIONS}?dryRun=All"), definition)
            .await;
        let causes = answer.body["details"]["causes"].as_array();
        let found = causes.into_iter().flatten().any(|cause| {
            let message = cause["message"].as_str().unwrap();
            cause["field"] == field && message.starts_with(start) && message.ends_with(end)
        });
        if answer.status != 422 || !found {
            self.0.push(format!(
                "{field} {start} {end}: {} {}",
                answer.status, answer.body
            ));
        }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        assert!(
            self.0.is_empty() || std::thread::panicking(),
            "{}",
            self.0.join("\n\n")
        );
    }
}
