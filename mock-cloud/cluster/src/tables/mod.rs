//! `meta.k8s.io/v1 Table`: the columns that kubectl prints for each kind. It reads objects in the
//! form in which they are served and changes nothing.

pub(crate) mod age;
mod definitions;
mod events;
mod nodes;
mod pods;
mod services;
mod workloads;

use serde_json::{Value, json};

use crate::resource::{Kind, Resource};

/// What of each object a row carries (`includeObject`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// `PartialObjectMetadata`, unless asked otherwise.
    Metadata,
    /// All of it.
    Object,
}

impl Include {
    /// From the query.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// One column.
struct Column {
    name: &'static str,
    /// `string` or `integer`.
    kind: &'static str,
    /// 0: always; 1: with `-o wide`.
    priority: u8,
}

const fn column(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 0,
    }
}

const fn wide(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 1,
    }
}

const NAMESPACES: [Column; 3] = [column("Name"), column("Status"), column("Age")];

fn columns(resource: &Resource) -> &[Column] {
    match resource.storage {
        Kind::Service => &services::COLUMNS,
        Kind::Pod => &pods::COLUMNS,
        Kind::Node => &nodes::COLUMNS,
        Kind::Event => &events::COLUMNS,
        Kind::Deployment => &workloads::DEPLOYMENTS,
        Kind::EndpointSlice => &workloads::ENDPOINT_SLICES,
        Kind::Lease => &workloads::LEASES,
        Kind::Secret => &workloads::SECRETS,
        Kind::Namespace => &NAMESPACES,
        Kind::CustomResourceDefinition => &definitions::COLUMNS,
        // Their columns are in their definition.
        Kind::Custom(_) => &[],
    }
}

fn cells(resource: &Resource, object: &Value) -> Vec<Value> {
    match resource.storage {
        Kind::Service => services::cells(object),
        Kind::Pod => pods::cells(object),
        Kind::Node => nodes::cells(object),
        Kind::Event => events::cells(object),
        Kind::Deployment => workloads::deployment(object),
        Kind::EndpointSlice => workloads::endpoint_slice(object),
        Kind::Lease => workloads::lease(object),
        Kind::Secret => workloads::secret(object),
        Kind::Namespace => vec![
            name(object),
            object["status"]["phase"].clone(),
            age::of(object),
        ],
        Kind::CustomResourceDefinition => definitions::cells(object),
        Kind::Custom(_) => match &resource.custom {
            Some(version) => version.columns.cells(object),
            None => Vec::new(),
        },
    }
}

/// A table of objects. A watch sends the columns with its first event only.
pub(crate) fn table<'a>(
    resource: &Resource,
    objects: impl Iterator<Item = &'a Value>,
    include: Include,
    metadata: &Value,
    with_columns: bool,
) -> Value {
    let definitions = if with_columns {
        headers(resource)
    } else {
        Vec::new()
    };
    let rows: Vec<Value> = objects
        .map(|object| {
            let mut row = json!({ "cells": cells(resource, object) });
            match include {
                Include::None => {}
                Include::Object => row["object"] = object.clone(),
                Include::Metadata => {
                    row["object"] = json!({
                        "kind": "PartialObjectMetadata",
                        "apiVersion": "meta.k8s.io/v1",
                        "metadata": object["metadata"],
                    });
                }
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn headers(resource: &Resource) -> Vec<Value> {
    if let Some(version) = &resource.custom {
        return version.columns.definitions();
    }
    let define = |column: &Column| {
        json!({
            "name": column.name,
            "type": column.kind,
            "format": if column.name == "Name" { "name" } else { "" },
            "description": "",
            "priority": column.priority,
        })
    };
    columns(resource).iter().map(define).collect()
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

/// A text, or kubectl's word for nothing.
fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { "<none>" } else { text })
}

/// `a=b,c=d`.
fn pairs(map: &Value) -> String {
    map.as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(",")
}

/// The strings of a field of each element, joined by commas.
fn joined(list: &Value, field: &str) -> String {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item[field].as_str())
        .collect::<Vec<_>>()
        .join(",")
}
