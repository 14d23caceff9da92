//! Which objects a list or watch is about: label and field selectors, parsed once and matched
//! against stored objects. They never touch the store.

mod field;
mod label;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::field::FieldSelector;
pub(crate) use self::label::LabelSelector;
use crate::answer::ApiError;
use crate::resource::Resource;
use crate::store::Key;

/// Namespace, labels and fields together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    namespace: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Parses what a query says.
    pub(crate) fn parse(
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: LabelSelector::parse(labels.unwrap_or_default())?,
            fields: FieldSelector::parse(resource, fields.unwrap_or_default())?,
        })
    }

    /// The namespace that all matches are in, if it is one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The key of the only object that can match, when a field names it.
    pub(crate) fn only(&self) -> Option<Key> {
        let name = self.fields.name()?;
        Some(Key::new(self.namespace.clone()?, name))
    }

    /// Whether an object, in its stored form, is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        if let Some(namespace) = &self.namespace
            && object["metadata"]["namespace"].as_str().unwrap_or_default() != namespace
        {
            return false;
        }
        self.labels.matches(&object["metadata"]["labels"]) && self.fields.matches(object)
    }
}

/// Whether every pair of a plain selector map (`spec.selector` of a Service) is among the labels.
pub(crate) fn map_matches(selector: &BTreeMap<String, String>, labels: &Value) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels[key].as_str() == Some(value))
}

/// A `LabelSelector` object in the query's form, as Scale and tables show it.
pub(crate) fn selector_text(selector: &Value) -> String {
    let mut parts: Vec<String> = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        parts.push(match expression["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}
