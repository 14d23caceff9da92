//! What a schema is to CEL: the type that rules are compiled against, and values of that type.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::schema::{Additional, ListType, Schema, Type};
use crate::cel;

/// Words of CEL that a field may be called, too.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A field's name in expressions; none for a name that cannot be written there.
fn escape(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let allowed = |one: char| one.is_ascii_alphanumeric() || "_.-/".contains(one);
    if name.is_empty()
        || name.starts_with(|one: char| one.is_ascii_digit())
        || !name.chars().all(allowed)
    {
        return None;
    }
    Some(
        name.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
            .replace('/', "__slash__"),
    )
}

/// The type of a schema's values; none if rules cannot see them.
pub(crate) fn declared(schema: &Schema, is_resource: bool) -> Option<cel::Type> {
    if schema.int_or_string {
        return Some(cel::Type::Dyn);
    }
    Some(match schema.kind {
        _ if is_resource => object(schema, true),
        None => return None,
        Some(Type::Boolean) => cel::Type::Bool,
        Some(Type::Integer) => cel::Type::Int,
        Some(Type::Number) => cel::Type::Double,
        Some(Type::String) => match schema.format.as_str() {
            "byte" => cel::Type::Bytes,
            "duration" => cel::Type::Duration,
            "date" | "date-time" => cel::Type::Timestamp,
            _ => cel::Type::String,
        },
        Some(Type::Array) => {
            let items = schema.items.as_deref()?;
            cel::Type::list_of(declared(items, items.embedded)?)
        }
        Some(Type::Object) => match &schema.additional {
            Additional::Of(inner) => cel::Type::Map(
                Arc::new(cel::Type::String),
                Arc::new(declared(inner, inner.embedded)?),
            ),
            _ => object(schema, false),
        },
    })
}

fn object(schema: &Schema, is_resource: bool) -> cel::Type {
    let mut fields: BTreeMap<String, cel::Type> = schema
        .properties
        .iter()
        .filter_map(|(name, field)| Some((escape(name)?, declared(field, field.embedded)?)))
        .collect();
    if is_resource {
        let named = ["name", "generateName"].map(|name| (name.to_owned(), cel::Type::String));
        let metadata = cel::Object {
            name: "object".to_owned(),
            fields: named.into(),
        };
        fields.insert("apiVersion".to_owned(), cel::Type::String);
        fields.insert("kind".to_owned(), cel::Type::String);
        fields.insert("metadata".to_owned(), cel::Type::Object(metadata.into()));
    }
    let name = "object".to_owned();
    cel::Type::Object(cel::Object { name, fields }.into())
}

/// A value as rules see it. What does not fit its schema is not hidden: rules run on sound values.
pub(super) fn to_cel(value: &Value, schema: Option<&Schema>, is_resource: bool) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => {
            let whole = number
                .as_i64()
                .filter(|_| schema.is_none_or(|schema| schema.kind != Some(Type::Number)));
            match whole {
                Some(whole) => cel::Value::Int(whole),
                None => cel::Value::Double(number.as_f64().unwrap_or_default()),
            }
        }
        Value::String(text) => self::text(text, schema),
        Value::Array(items) => {
            let inner = schema.and_then(|schema| schema.items.as_deref());
            let embedded = inner.is_some_and(|inner| inner.embedded);
            let by = match schema.map(|schema| &schema.list) {
                Some(ListType::Set) => cel::By::Value,
                Some(ListType::Map(keys)) => cel::By::Keys(keys.clone()),
                _ => cel::By::Order,
            };
            let items = items.iter().map(|item| to_cel(item, inner, embedded));
            let items = items.collect();
            cel::Value::List(Arc::new(cel::List { items, by }))
        }
        Value::Object(fields) => {
            let entry = |(name, value): (&String, &Value)| {
                let meta =
                    is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
                let inner = schema
                    .and_then(|schema| schema.field(name))
                    .filter(|_| !meta);
                let named = schema.is_some_and(|schema| schema.properties.contains_key(name));
                let key = if named || meta {
                    escape(name)?
                } else {
                    name.clone()
                };
                let value = to_cel(value, inner, inner.is_some_and(|inner| inner.embedded));
                Some((cel::Key::String(key.as_str().into()), value))
            };
            cel::Value::Map(Arc::new(fields.iter().filter_map(entry).collect()))
        }
    }
}

fn text(text: &str, schema: Option<&Schema>) -> cel::Value {
    let plain = || cel::Value::text(text);
    let Some(schema) = schema.filter(|schema| schema.kind == Some(Type::String)) else {
        return plain();
    };
    let read = match schema.format.as_str() {
        "byte" => STANDARD
            .decode(text)
            .ok()
            .map(|bytes| cel::Value::Bytes(bytes.into())),
        "duration" => cel::parse_duration(text).map(cel::Value::Duration),
        "date-time" => text.parse().ok().map(cel::Value::Timestamp),
        "date" => format!("{text}T00:00:00Z")
            .parse()
            .ok()
            .map(cel::Value::Timestamp),
        _ => None,
    };
    read.unwrap_or_else(plain)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn names_in_expressions() {
        for (name, written) in [
            ("spec", Some("spec")),
            ("a-b.c/d", Some("a__dash__b__dot__c__slash__d")),
            ("a__b", Some("a__underscores__b")),
            ("namespace", Some("__namespace__")),
            ("1a", None),
            ("a b", None),
        ] {
            assert_eq!(escape(name).as_deref(), written, "{name}");
        }
    }
}
