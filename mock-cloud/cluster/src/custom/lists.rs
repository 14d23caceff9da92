//! `x-kubernetes-list-type`: what a set holds it holds once, and so does a list with keys.

use serde_json::{Map, Value};

use super::schema::{ListType, Schema};
use crate::answer::FieldError;

/// Every element that is there twice; each is named once.
pub(super) fn faults(schema: &Schema, value: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    visit(schema, value, "", &mut faults);
    faults
}

fn visit(schema: &Schema, value: &Value, path: &str, faults: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(inner) = schema.properties.get(name) {
                    let at = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    visit(inner, field, &at, faults);
                } else if let Some(inner) = schema.field(name) {
                    visit(inner, field, &format!("{path}[{name}]"), faults);
                }
            }
        }
        Value::Array(items) => {
            match &schema.list {
                ListType::Atomic => {}
                ListType::Set => repeated(items, path, faults),
                ListType::Map(keys) => {
                    let keys: Vec<Value> = items.iter().map(|item| key(item, keys)).collect();
                    repeated(&keys, path, faults);
                }
            }
            for (index, item) in items.iter().enumerate() {
                if let Some(inner) = &schema.items {
                    visit(inner, item, &format!("{path}[{index}]"), faults);
                }
            }
        }
        _ => {}
    }
}

fn key(item: &Value, keys: &[String]) -> Value {
    let fields = keys
        .iter()
        .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// The second appearance is named, and no further one.
fn repeated(items: &[Value], path: &str, faults: &mut Vec<FieldError>) {
    for (index, item) in items.iter().enumerate() {
        let before = items[..index].iter().filter(|one| *one == item).count();
        if before == 1 {
            faults.push(FieldError::duplicate(
                format!("{path}[{index}]"),
                item.clone(),
            ));
        }
    }
}
