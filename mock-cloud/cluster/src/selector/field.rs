//! Field selectors: `metadata.name=x,spec.type!=y`, over the few fields that each kind indexes.

use serde_json::Value;

use crate::answer::ApiError;
use crate::resource::{Kind, Resource};

/// All terms must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    /// JSON pointer into the stored form, with a second choice.
    pointers: Vec<String>,
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Parses it for a resource; a field that the resource does not index is refused.
    pub(crate) fn parse(resource: &Resource, text: &str) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (field, value, equal) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) =
                part.split_once("==").or_else(|| part.split_once('='))
            {
                (field, value, true)
            } else {
                return Err(ApiError::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                )));
            };
            let fixed = pointers(resource, field.trim());
            let fixed = fixed.map(|all| all.iter().map(|&one| one.to_owned()).collect());
            let found = fixed.or_else(|| selectable(resource, field.trim()));
            let pointers = found.ok_or_else(|| {
                ApiError::bad_request(format!("field label not supported: {field}"))
            })?;
            terms.push(Term {
                pointers,
                field: field.trim().to_owned(),
                value: value.trim().to_owned(),
                equal,
            });
        }
        Ok(Self { terms })
    }

    /// The name that it demands.
    pub(crate) fn name(&self) -> Option<&str> {
        self.terms
            .iter()
            .find(|term| term.equal && term.field == "metadata.name")
            .map(|term| term.value.as_str())
    }

    /// Whether an object, in its stored form, satisfies it. A missing field counts as empty.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| {
            let found = term
                .pointers
                .iter()
                .find_map(|pointer| object.pointer(pointer))
                .map_or_else(String::new, |value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
            (found == term.value) == term.equal
        })
    }
}

fn pointers(resource: &Resource, field: &str) -> Option<&'static [&'static str]> {
    match field {
        "metadata.name" => return Some(&["/metadata/name"]),
        "metadata.namespace" if resource.namespaced => return Some(&["/metadata/namespace"]),
        _ => {}
    }
    match resource.storage {
        Kind::Service => match field {
            "spec.clusterIP" => Some(&["/spec/clusterIP"]),
            "spec.type" => Some(&["/spec/type"]),
            _ => None,
        },
        Kind::Pod => match field {
            "spec.nodeName" => Some(&["/spec/nodeName"]),
            "spec.restartPolicy" => Some(&["/spec/restartPolicy"]),
            "spec.schedulerName" => Some(&["/spec/schedulerName"]),
            "spec.serviceAccountName" => Some(&["/spec/serviceAccountName"]),
            "spec.hostNetwork" => Some(&["/spec/hostNetwork"]),
            "status.phase" => Some(&["/status/phase"]),
            "status.podIP" | "status.podIPs" => Some(&["/status/podIP"]),
            "status.nominatedNodeName" => Some(&["/status/nominatedNodeName"]),
            _ => None,
        },
        Kind::Node if field == "spec.unschedulable" => Some(&["/spec/unschedulable"]),
        Kind::Namespace if field == "status.phase" => Some(&["/status/phase"]),
        Kind::Event => event_pointers(field),
        _ => None,
    }
}

/// What the definition of a custom resource lets be selected by.
fn selectable(resource: &Resource, field: &str) -> Option<Vec<String>> {
    let fields = &resource.custom.as_ref()?.selectable;
    let found = fields.iter().find(|(name, _)| name == field);
    found.map(|(_, pointer)| vec![pointer.clone()])
}

fn event_pointers(field: &str) -> Option<&'static [&'static str]> {
    let field = field.replacen("regarding.", "involvedObject.", 1);
    Some(match field.as_str() {
        "involvedObject.kind" => &["/involvedObject/kind"],
        "involvedObject.namespace" => &["/involvedObject/namespace"],
        "involvedObject.name" => &["/involvedObject/name"],
        "involvedObject.uid" => &["/involvedObject/uid"],
        "involvedObject.apiVersion" => &["/involvedObject/apiVersion"],
        "involvedObject.resourceVersion" => &["/involvedObject/resourceVersion"],
        "involvedObject.fieldPath" => &["/involvedObject/fieldPath"],
        "reason" => &["/reason"],
        "type" => &["/type"],
        "reportingComponent" | "reportingController" => &["/reportingComponent"],
        "source" => &["/source/component", "/reportingComponent"],
        _ => return None,
    })
}
