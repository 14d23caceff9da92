//! What is served, as clients ask for it: `/api`, `/apis`, one group, one version, `/version`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::resource::{Resource, Subresource, join};
use crate::store::group_versions;

/// `/`.
pub(super) fn paths(served: &[Arc<Resource>]) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in named(served) {
        paths.push(format!("/apis/{group}"));
        for version in versions {
            paths.push(format!("/apis/{group}/{version}"));
        }
    }
    for path in ["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"] {
        paths.push(path.to_owned());
    }
    json!({ "paths": paths })
}

/// `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "37",
        "gitVersion": "v1.37.2",
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-11-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "mock-cluster",
    })
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [],
    })
}

/// `/apis`.
pub(super) fn groups(served: &[Arc<Resource>]) -> Value {
    let groups: Vec<Value> = named(served)
        .iter()
        .map(|(group, versions)| describe_group(group, versions))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/G`.
pub(super) fn group(served: &[Arc<Resource>], name: &str) -> Option<Value> {
    let all = named(served);
    let (group, versions) = all.iter().find(|(group, _)| *group == name)?;
    let mut value = describe_group(group, versions);
    value["kind"] = json!("APIGroup");
    value["apiVersion"] = json!("v1");
    Some(value)
}

/// `/api/v1` and `/apis/G/V`.
pub(super) fn resources(served: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let mut list = Vec::new();
    for resource in served
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
    {
        list.push(describe(resource));
        for subresource in &resource.subresources {
            list.push(describe_subresource(resource, *subresource));
        }
    }
    if list.is_empty() {
        return None;
    }
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": join(group, version),
        "resources": list,
    }))
}

/// The groups with a name, and their versions, the preferred one first.
fn named(served: &[Arc<Resource>]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (group, version) in group_versions(served) {
        match groups.last_mut() {
            Some((last, versions)) if *last == group => versions.push(version),
            _ if group.is_empty() => {}
            _ => groups.push((group, vec![version])),
        }
    }
    groups
}

fn describe_group(group: &str, versions: &[String]) -> Value {
    let describe =
        |version: &String| json!({ "groupVersion": join(group, version), "version": version });
    let all: Vec<Value> = versions.iter().map(describe).collect();
    json!({ "name": group, "versions": all, "preferredVersion": all[0] })
}

fn describe(resource: &Resource) -> Value {
    let mut value = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": [
            "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
        ],
    });
    if !resource.short_names.is_empty() {
        value["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        value["categories"] = json!(resource.categories);
    }
    value
}

fn describe_subresource(resource: &Resource, subresource: Subresource) -> Value {
    let (kind, verbs): (&str, &[&str]) = match subresource {
        Subresource::Status => (&resource.kind, &["get", "patch", "update"]),
        Subresource::Scale => ("Scale", &["get", "patch", "update"]),
        Subresource::Binding => ("Binding", &["create"]),
        Subresource::Finalize => (&resource.kind, &["update"]),
    };
    let mut value = json!({
        "name": format!("{}/{}", resource.plural, subresource.name()),
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": verbs,
    });
    if subresource == Subresource::Scale {
        value["group"] = json!("autoscaling");
        value["version"] = json!("v1");
    }
    value
}
