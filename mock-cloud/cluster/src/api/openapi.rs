//! The least `OpenAPI` v3 that kubectl needs to validate on the server: for each kind one PATCH
//! operation that has a `fieldValidation` parameter.

use serde_json::{Map, Value, json};

use crate::resource::{self, RESOURCES, Resource};

/// `/openapi/v3`.
pub(super) fn index() -> Value {
    let mut paths = Map::new();
    for (group, version) in resource::group_versions() {
        let path = base(group, version);
        let url = format!("/openapi/v3/{path}?hash=0");
        paths.insert(path, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// One group-version.
pub(super) fn document(group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in RESOURCES
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
    {
        paths.insert(object_path(resource), json!({ "patch": patch(resource) }));
        let name = format!("mock.{}.{}", resource.version, resource.kind);
        schemas.insert(
            name,
            json!({
                "type": "object",
                "x-kubernetes-group-version-kind": [group_version_kind(resource)],
            }),
        );
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.37.2" },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn base(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn object_path(resource: &Resource) -> String {
    let base = base(resource.group, resource.version);
    let scope = if resource.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    format!("/{base}/{scope}{}/{{name}}", resource.plural)
}

fn group_version_kind(resource: &Resource) -> Value {
    json!({ "group": resource.group, "version": resource.version, "kind": resource.kind })
}

fn patch(resource: &Resource) -> Value {
    let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
    json!({
        "operationId": format!("patch{}", resource.kind),
        "parameters": [
            parameter("dryRun"),
            parameter("fieldManager"),
            parameter("fieldValidation"),
            parameter("force"),
        ],
        "responses": { "200": { "description": "OK" } },
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": group_version_kind(resource),
    })
}
