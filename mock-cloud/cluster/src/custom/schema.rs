//! The schema of a custom resource (`openAPIV3Schema`, structural), taken apart once so that
//! objects can be pruned, defaulted and judged by it. It holds data; the files beside it act.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::rules::Rule;

/// What values a schema takes (`type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// As JSON schema names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListType {
    /// One value.
    Atomic,
    /// Each element once.
    Set,
    /// Elements by these keys.
    Map(Vec<String>),
}

/// A number that bounds another.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// As it stands in the schema.
    pub(crate) number: serde_json::Number,
    /// Whether it is itself out of bounds.
    pub(crate) exclusive: bool,
}

/// `additionalProperties`.
#[derive(Clone, Debug)]
pub(crate) enum Additional {
    /// Nothing said.
    Unsaid,
    /// `true`.
    Any,
    /// `false`.
    None,
    /// By this schema.
    Of(Box<Schema>),
}

/// One node of a schema.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the flags that the API has"
)]
pub(crate) struct Schema {
    pub(crate) kind: Option<Type>,
    pub(crate) format: String,
    pub(crate) nullable: bool,
    pub(crate) default: Option<Value>,
    pub(crate) allowed: Vec<Value>,
    /// The expression as it was written, and compiled.
    pub(crate) pattern: Option<(String, Regex)>,
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<f64>,
    /// Of strings, in characters.
    pub(crate) length: Limits,
    /// Of lists, in items.
    pub(crate) size: Limits,
    /// Of maps, in entries.
    pub(crate) entries: Limits,
    pub(crate) required: Vec<String>,
    pub(crate) properties: BTreeMap<String, Schema>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub(crate) preserves: bool,
    /// `x-kubernetes-embedded-resource`.
    pub(crate) embedded: bool,
    /// `x-kubernetes-int-or-string`.
    pub(crate) int_or_string: bool,
    pub(crate) list: ListType,
    pub(crate) atomic_map: bool,
    /// `x-kubernetes-validations`, as written.
    pub(crate) written_rules: Vec<Value>,
    /// The same, compiled; empty until `rules::compile`.
    pub(crate) rules: Vec<Rule>,
}

/// How many of something there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) least: Option<u64>,
    pub(crate) most: Option<u64>,
}

impl Schema {
    /// Takes a schema apart. A definition was validated before, so what does not fit here (an
    /// expression that does not compile, a type that does not exist) counts as not being there.
    pub(crate) fn parse(value: &Value) -> Self {
        let flag = |name: &str| value[name] == true;
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let list = |name: &str| {
            let items = value[name].as_array().into_iter().flatten();
            items.map(Self::parse).collect()
        };
        let boxed = |name: &str| {
            let inner = value.get(name).filter(|inner| inner.is_object());
            inner.map(|inner| Box::new(Self::parse(inner)))
        };
        let limits = |least: &str, most: &str| Limits {
            least: value[least].as_u64(),
            most: value[most].as_u64(),
        };
        let bound = |name: &str, exclusive: &str| match &value[name] {
            Value::Number(number) => Some(Bound {
                number: number.clone(),
                exclusive: flag(exclusive),
            }),
            _ => None,
        };
        let fields = value["properties"].as_object().into_iter().flatten();
        Self {
            kind: Type::parse(value["type"].as_str().unwrap_or_default()),
            format: text("format"),
            nullable: flag("nullable"),
            default: value
                .get("default")
                .filter(|value| !value.is_null())
                .cloned(),
            allowed: value["enum"].as_array().cloned().unwrap_or_default(),
            pattern: value["pattern"]
                .as_str()
                .filter(|pattern| !pattern.is_empty())
                .and_then(|pattern| Some((pattern.to_owned(), Regex::new(pattern).ok()?))),
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: value["multipleOf"].as_f64(),
            length: limits("minLength", "maxLength"),
            size: limits("minItems", "maxItems"),
            entries: limits("minProperties", "maxProperties"),
            required: strings(&value["required"]),
            properties: fields
                .map(|(name, field)| (name.clone(), Self::parse(field)))
                .collect(),
            additional: match &value["additionalProperties"] {
                Value::Bool(false) => Additional::None,
                schema @ Value::Object(_) => Additional::Of(Box::new(Self::parse(schema))),
                Value::Bool(true) => Additional::Any,
                _ => Additional::Unsaid,
            },
            items: boxed("items"),
            all_of: list("allOf"),
            any_of: list("anyOf"),
            one_of: list("oneOf"),
            not: boxed("not"),
            preserves: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            list: match value["x-kubernetes-list-type"].as_str() {
                Some("set") => ListType::Set,
                Some("map") => ListType::Map(strings(&value["x-kubernetes-list-map-keys"])),
                _ => ListType::Atomic,
            },
            atomic_map: value["x-kubernetes-map-type"] == "atomic",
            written_rules: value["x-kubernetes-validations"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
            rules: Vec::new(),
        }
    }

    /// The schema of a field, if it has one.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match (self.properties.get(name), &self.additional) {
            (Some(field), _) => Some(field),
            (None, Additional::Of(schema)) => Some(schema),
            (None, _) => None,
        }
    }
}

/// The strings of a list.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
