//! Secrets: `stringData`, which is only ever written, and what may not change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::FieldError;

pub(super) fn default(secret: &mut Value) {
    if secret["type"].as_str().unwrap_or_default().is_empty() {
        secret["type"] = json!("Opaque");
    }
    let Some(fields) = secret.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(texts)) = fields.remove("stringData") {
        for (name, text) in texts {
            let bytes = text.as_str().unwrap_or_default();
            let data = fields.entry("data").or_insert(Value::Null);
            data[name] = json!(STANDARD.encode(bytes));
        }
    }
}

pub(super) fn validate(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for name in new["data"].as_object().into_iter().flat_map(|it| it.keys()) {
        let fits = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        if name.is_empty() || name.len() > 253 || !name.chars().all(fits) {
            faults.push(FieldError::invalid(
                format!("data[{name}]"),
                name.as_str(),
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            ));
        }
    }
    let Some(old) = old else {
        return faults;
    };
    if new["type"] != old["type"] {
        faults.push(FieldError::invalid(
            "type",
            new["type"].clone(),
            "field is immutable",
        ));
    }
    if old["immutable"] == json!(true)
        && (&new["data"], &new["immutable"]) != (&old["data"], &old["immutable"])
    {
        faults.push(FieldError::forbidden(
            "data",
            "field is immutable when `immutable` is set",
        ));
    }
    faults
}
