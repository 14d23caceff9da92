//! `OpenAPI` v3. Of fixed kinds the least that kubectl needs to validate on the server: one PATCH
//! operation that has a `fieldValidation` parameter. Of custom kinds their whole schema, which
//! `kubectl explain` reads.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::resource::Resource;
use crate::store::group_versions;

/// `/openapi/v3`.
pub(super) fn index(served: &[Arc<Resource>]) -> Value {
    let mut paths = Map::new();
    for (group, version) in group_versions(served) {
        let path = base(&group, &version);
        let url = format!("/openapi/v3/{path}?hash=0");
        paths.insert(path, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// One group-version, if it is served.
pub(super) fn document(served: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in served
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
    {
        paths.insert(object_path(resource), json!({ "patch": patch(resource) }));
        let name = format!("mock.{}.{}", resource.version, resource.kind);
        schemas.insert(name, schema(resource));
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": { "title": "Kubernetes", "version": "v1.37.2" },
            "paths": paths,
            "components": { "schemas": schemas },
        })
    })
}

fn schema(resource: &Resource) -> Value {
    let mut schema = match &resource.custom {
        Some(version) => version.written.clone(),
        None => json!({ "type": "object" }),
    };
    if resource.custom.is_some() {
        for (field, kind, description) in [
            (
                "apiVersion",
                "string",
                "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources",
            ),
            (
                "kind",
                "string",
                "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
            ),
            (
                "metadata",
                "object",
                "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
            ),
        ] {
            schema["properties"][field] = json!({ "type": kind, "description": description });
        }
    }
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(resource)]);
    schema
}

fn base(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn object_path(resource: &Resource) -> String {
    let base = base(&resource.group, &resource.version);
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
