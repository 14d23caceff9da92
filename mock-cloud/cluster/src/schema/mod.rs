//! What shape each kind has: typed decoding that finds wrong types and unknown fields by path,
//! and (in `place`) the lists and maps that are merged by key. It never fills in or judges a value.

mod place;

use std::borrow::Cow;

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v1::Scale,
    coordination::v1::Lease,
    core::v1::{Event as CoreEvent, Namespace, Node, Pod, Secret, Service},
    discovery::v1::EndpointSlice,
    events::v1::Event,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::place::{List, Place};
use crate::resource::{Kind, Resource};

/// One step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// The type that a body is decoded as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'a> {
    /// An object of a served resource.
    Of(&'a Resource),
    /// autoscaling/v1 Scale.
    Scale,
}

impl<'a> Shape<'a> {
    /// Kind and version as the API server's messages put them.
    pub(crate) fn name(self) -> (&'a str, &'a str) {
        match self {
            Self::Of(resource) => (&resource.kind, &resource.version),
            Self::Scale => ("Scale", "v1"),
        }
    }
}

/// Decodes and drops the fields that the type does not know. Returns their paths.
///
/// # Errors
/// Where a value of the wrong type stands, and what is wrong with it.
pub(crate) fn prune(shape: Shape<'_>, value: &mut Value) -> Result<Vec<String>, String> {
    if let Shape::Of(Resource {
        custom: Some(version),
        ..
    }) = shape
    {
        let mut unknown = prune_metadata(value)?;
        unknown.extend(version.schema.prune(value));
        return Ok(unknown);
    }
    let is_definition =
        matches!(shape, Shape::Of(resource) if resource.storage == Kind::CustomResourceDefinition);
    // A property of a schema may have the name of a list of quantities.
    if !is_definition {
        spell_out_quantities(value);
    }
    let unknown = match shape {
        Shape::Scale => decode::<Scale>(value)?,
        Shape::Of(resource) => match resource.storage {
            Kind::Namespace => decode::<Namespace>(value)?,
            Kind::Node => decode::<Node>(value)?,
            Kind::Service => decode::<Service>(&with_times(value))?,
            Kind::Pod => decode::<Pod>(value)?,
            Kind::Event if resource.group.is_empty() => decode::<CoreEvent>(value)?,
            Kind::Event => decode::<Event>(value)?,
            Kind::Deployment => decode::<Deployment>(value)?,
            Kind::EndpointSlice => decode::<EndpointSlice>(value)?,
            Kind::Lease => decode::<Lease>(value)?,
            Kind::Secret => decode::<Secret>(value)?,
            Kind::CustomResourceDefinition => decode::<CustomResourceDefinition>(value)?,
            Kind::Custom(_) => decode::<Metadata>(value)?,
        },
    };
    remove_all(value, &unknown);
    drop_nulls(value);
    Ok(unknown.iter().map(|path| render(path)).collect())
}

/// What is typed of a custom object.
#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "metadata")]
    _metadata: Option<ObjectMeta>,
}

/// Drops what the metadata of a custom object does not know.
fn prune_metadata(object: &mut Value) -> Result<Vec<String>, String> {
    let Some(metadata) = object.get_mut("metadata") else {
        return Ok(Vec::new());
    };
    let mut alone = serde_json::json!({ "metadata": metadata.take() });
    let unknown = decode::<Metadata>(&alone)?;
    remove_all(&mut alone, &unknown);
    drop_nulls(&mut alone);
    *metadata = alone["metadata"].take();
    Ok(unknown.iter().map(|path| render(path)).collect())
}

fn remove_all(value: &mut Value, unknown: &[Vec<Step>]) {
    // From the back, so that an index stays right while its later siblings go.
    for path in unknown.iter().rev() {
        remove(value, path);
    }
}

/// The conditions of a Service may lack their time (the real server stores that), but the Rust
/// type insists on it: for the decoding alone it gets one.
fn with_times(service: &Value) -> Cow<'_, Value> {
    let timeless =
        |condition: &Value| condition.is_object() && condition["lastTransitionTime"].is_null();
    let conditions = service["status"]["conditions"].as_array();
    if !conditions.is_some_and(|list| list.iter().any(timeless)) {
        return Cow::Borrowed(service);
    }
    let mut service = service.clone();
    let conditions = service["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        if timeless(condition) {
            condition["lastTransitionTime"] = Value::from("1970-01-01T00:00:00Z");
        }
    }
    Cow::Owned(service)
}

fn decode<T: DeserializeOwned>(value: &Value) -> Result<Vec<Vec<Step>>, String> {
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| {
        let mut steps = Vec::new();
        collect(&path, &mut steps);
        unknown.push(steps);
    };
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let decoded: Result<T, _> = serde_ignored::deserialize(tracked, &mut note);
    match decoded {
        Ok(_) => Ok(unknown),
        Err(error) => Err(format!("{}: {error}", track.path())),
    }
}

fn collect(path: &serde_ignored::Path<'_>, steps: &mut Vec<Step>) {
    use serde_ignored::Path;
    match path {
        Path::Root => {}
        Path::Seq { parent, index } => {
            collect(parent, steps);
            steps.push(Step::Index(*index));
        }
        Path::Map { parent, key } => {
            collect(parent, steps);
            steps.push(Step::Field(key.clone()));
        }
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => collect(parent, steps),
    }
}

fn render(path: &[Step]) -> String {
    path.iter().fold(String::new(), |text, step| match step {
        Step::Field(name) if text.is_empty() => name.clone(),
        Step::Field(name) => format!("{text}.{name}"),
        Step::Index(index) => format!("{text}[{index}]"),
    })
}

fn remove(value: &mut Value, path: &[Step]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut at = value;
    for step in parents {
        let next = match step {
            Step::Field(name) => at.get_mut(name),
            Step::Index(index) => at.get_mut(*index),
        };
        let Some(next) = next else { return };
        at = next;
    }
    if let (Step::Field(name), Some(object)) = (last, at.as_object_mut()) {
        object.remove(name);
    }
}

/// A quantity may be written as a number (`cpu: 1`); it is stored as text, as on the real server.
fn spell_out_quantities(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (
                    "limits" | "requests" | "capacity" | "allocatable",
                    Value::Object(amounts),
                ) = (name.as_str(), &mut *field)
                {
                    for amount in amounts.values_mut().filter(|amount| amount.is_number()) {
                        *amount = Value::String(amount.to_string());
                    }
                } else {
                    spell_out_quantities(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spell_out_quantities),
        _ => {}
    }
}

/// Go's decoder turns `null` into the zero value, which is then not written.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Shape, prune};
    use crate::resource;

    fn service() -> Shape<'static> {
        Shape::Of(resource::find("", "v1", "services").unwrap())
    }

    #[test]
    fn unknown_fields_are_named_and_dropped() {
        let mut value = json!({
            "metadata": { "name": "a", "colour": "blue" },
            "spec": { "ports": [{ "port": 1, "x": 1, "y": 2 }, { "port": 2, "z": {} }], "selector": null },
        });
        let unknown = prune(service(), &mut value).unwrap();
        assert_eq!(
            unknown,
            [
                "metadata.colour",
                "spec.ports[0].x",
                "spec.ports[0].y",
                "spec.ports[1].z"
            ]
        );
        assert_eq!(
            value,
            json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 1 }, { "port": 2 }] } })
        );
    }

    #[test]
    fn a_quantity_may_be_a_number() {
        let limits = json!({ "cpu": 1, "memory": "1Gi" });
        let mut pod = json!({ "spec": { "containers": [{ "name": "a", "resources": { "limits": limits } }] } });
        let shape = Shape::Of(resource::find("", "v1", "pods").unwrap());
        assert!(prune(shape, &mut pod).unwrap().is_empty());
        let limits = &pod["spec"]["containers"][0]["resources"]["limits"];
        assert_eq!(*limits, json!({ "cpu": "1", "memory": "1Gi" }));
    }

    #[test]
    fn a_wrong_type_is_found_by_path() {
        let mut value = json!({ "spec": { "ports": [{ "port": "eighty" }] } });
        let error = prune(service(), &mut value).unwrap_err();
        assert!(error.starts_with("spec.ports[0].port: "), "{error}");
    }
}
