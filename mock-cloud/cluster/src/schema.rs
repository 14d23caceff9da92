//! What shape each kind has: typed decoding that finds wrong types and unknown fields by path,
//! and the lists and maps that are merged by key. It never fills in or judges a value.

use std::borrow::Cow;

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v1::Scale,
    coordination::v1::Lease,
    core::v1::{Event as CoreEvent, Namespace, Node, Pod, Service},
    discovery::v1::EndpointSlice,
    events::v1::Event,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::resource::{Kind, Resource};

/// One step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// The type that a body is decoded as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// An object of a served resource.
    Of(&'static Resource),
    /// autoscaling/v1 Scale.
    Scale,
}

impl Shape {
    /// Kind and version as the API server's messages put them.
    pub(crate) fn name(self) -> (&'static str, String) {
        match self {
            Self::Of(resource) => (resource.kind, resource.version.to_owned()),
            Self::Scale => ("Scale", "v1".to_owned()),
        }
    }
}

/// Decodes and drops the fields that the type does not know. Returns their paths.
///
/// # Errors
/// Where a value of the wrong type stands, and what is wrong with it.
pub(crate) fn prune(shape: Shape, value: &mut Value) -> Result<Vec<String>, String> {
    spell_out_quantities(value);
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
        },
    };
    // From the back, so that an index stays right while its later siblings go.
    for path in unknown.iter().rev() {
        remove(value, path);
    }
    drop_nulls(value);
    Ok(unknown.iter().map(|path| render(path)).collect())
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

/// How a list is merged (`x-kubernetes-list-type`, `patchMergeKey` of the API's Go types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// As a whole.
    Atomic,
    /// As a set of plain values.
    Set,
    /// By keys: `merge` for strategic merge patches, `keys` for server-side apply.
    Map {
        /// `patchMergeKey`.
        merge: &'static str,
        /// `x-kubernetes-list-map-keys`.
        keys: &'static [&'static str],
    },
    /// By key in strategic merge patches, atomic for server-side apply.
    MergeOnly(&'static str),
}

/// How the list at a path (dotted, without indices) of a kind is merged.
pub(crate) fn list(kind: Kind, path: &str) -> List {
    match path {
        "metadata.finalizers" => return List::Set,
        "metadata.ownerReferences" => return keyed("uid", &["uid"]),
        "status.conditions" => return keyed("type", &["type"]),
        _ => {}
    }
    match kind {
        Kind::Service if path == "spec.ports" => keyed("port", &["port", "protocol"]),
        Kind::Node if path == "status.addresses" => keyed("type", &["type"]),
        Kind::Node if path == "spec.podCIDRs" => List::Set,
        Kind::Pod if path == "status.podIPs" => keyed("ip", &["ip"]),
        Kind::Pod if path == "status.hostIPs" => List::MergeOnly("ip"),
        Kind::Pod => path
            .strip_prefix("spec.")
            .map_or(List::Atomic, pod_spec_list),
        Kind::Deployment => path
            .strip_prefix("spec.template.spec.")
            .map_or(List::Atomic, pod_spec_list),
        _ => List::Atomic,
    }
}

fn keyed(merge: &'static str, keys: &'static [&'static str]) -> List {
    List::Map { merge, keys }
}

fn pod_spec_list(path: &str) -> List {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let in_container = matches!(
        parent,
        "containers" | "initContainers" | "ephemeralContainers"
    );
    match (parent, field) {
        (
            "",
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "imagePullSecrets"
            | "resourceClaims",
        ) => keyed("name", &["name"]),
        ("", "hostAliases") => keyed("ip", &["ip"]),
        ("", "topologySpreadConstraints") => {
            keyed("topologyKey", &["topologyKey", "whenUnsatisfiable"])
        }
        (_, "env") if in_container => keyed("name", &["name"]),
        (_, "ports") if in_container => keyed("containerPort", &["containerPort", "protocol"]),
        (_, "volumeMounts") if in_container => keyed("mountPath", &["mountPath"]),
        (_, "volumeDevices") if in_container => keyed("devicePath", &["devicePath"]),
        _ => List::Atomic,
    }
}

/// Whether the map at a path is owned as a whole in server-side apply
/// (`x-kubernetes-map-type: atomic`).
pub(crate) fn atomic_map(kind: Kind, path: &str) -> bool {
    match kind {
        Kind::Service => path == "spec.selector",
        Kind::Deployment => matches!(path, "spec.selector" | "spec.template.spec.nodeSelector"),
        Kind::Pod => path == "spec.nodeSelector",
        Kind::Event => matches!(path, "involvedObject" | "regarding" | "related"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Shape, prune};
    use crate::resource;

    fn service() -> Shape {
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
