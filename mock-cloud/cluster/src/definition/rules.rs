//! Whether the rules of a schema compile, and compare only what can be compared.

use serde_json::Value;

use super::text;
use crate::answer::{FieldError, escaped};
use crate::custom::{Additional, Rule, Schema, declared, is_correlatable};

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

/// Every fault of the rules of a schema and of those in it.
pub(super) fn faults(path: &str, schema: &Schema, faults: &mut Vec<FieldError>) {
    visit(path, schema, true, None, faults);
}

fn visit(
    path: &str,
    schema: &Schema,
    is_resource: bool,
    apart: Option<&str>,
    faults: &mut Vec<FieldError>,
) {
    for (name, field) in &schema.properties {
        let at = format!("{path}.properties[{name}]");
        visit(&at, field, field.embedded, apart, faults);
    }
    if let Additional::Of(inner) = &schema.additional {
        let at = format!("{path}.additionalProperties");
        visit(&at, inner, inner.embedded, apart, faults);
    }
    if let Some(items) = &schema.items {
        let apart = match apart {
            None if !is_correlatable(schema) => Some(path),
            apart => apart,
        };
        visit(
            &format!("{path}.items"),
            items,
            items.embedded,
            apart,
            faults,
        );
    }
    for (index, written) in schema.written_rules.iter().enumerate() {
        let at = format!("{path}.x-kubernetes-validations[{index}]");
        let before = faults.len();
        shape(&at, written, schema, faults);
        if faults.len() == before {
            rule(&at, written, schema, is_resource, apart, faults);
        }
    }
}

/// Its fields, as texts.
fn shape(at: &str, rule: &Value, schema: &Schema, faults: &mut Vec<FieldError>) {
    let field = |name: &str| format!("{at}.{name}");
    let broken = |text: &str| text.trim().contains(['\n', '\r']);
    let (written, message) = (text(&rule["rule"]), text(&rule["message"]));
    if written.trim().is_empty() {
        faults.push(FieldError::required(field("rule"), "rule is not specified"));
    } else if !message.is_empty() && message.trim().is_empty() {
        let why = "must be non-empty if specified";
        faults.push(FieldError::invalid(field("message"), message, why));
    } else if broken(message) {
        let why = "must not contain line breaks";
        faults.push(FieldError::invalid(field("message"), message, why));
    } else if broken(written) && message.is_empty() {
        let why = "message must be specified if rule contains line breaks";
        faults.push(FieldError::required(field("message"), why));
    }
    if let Some(reason) = rule["reason"]
        .as_str()
        .filter(|reason| !REASONS.contains(reason))
    {
        faults.push(FieldError::not_supported(field("reason"), reason, &REASONS));
    }
    let path = text(&rule["fieldPath"]);
    if !path.is_empty() && !leads_somewhere(path, schema) {
        let why = "must be a valid path";
        faults.push(FieldError::invalid(field("fieldPath"), path, why));
    }
}

/// `.spec.map['key']`: fields and quoted keys that the schema has.
fn leads_somewhere(path: &str, schema: &Schema) -> bool {
    let mut schema = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let (name, after) = if let Some(after) = rest.strip_prefix("['") {
            match after.split_once("']") {
                Some(both) => both,
                None => return false,
            }
        } else if let Some(after) = rest.strip_prefix('.') {
            after.split_at(after.find(['.', '[']).unwrap_or(after.len()))
        } else {
            return false;
        };
        match schema.field(name) {
            Some(inner) => schema = inner,
            None => return false,
        }
        rest = after;
    }
    true
}

fn rule(
    at: &str,
    written: &Value,
    schema: &Schema,
    is_resource: bool,
    apart: Option<&str>,
    faults: &mut Vec<FieldError>,
) {
    let Some(own) = declared(schema, is_resource) else {
        let why = "failed to convert to declType for CEL validation rules";
        faults.push(FieldError::invalid(at, written.clone(), why));
        return;
    };
    match Rule::compile(written, &own) {
        Err(refusal) => {
            let field = format!("{at}.{}", refusal.field);
            let value = match refusal.field {
                "optionalOldSelf" => written["optionalOldSelf"].to_string(),
                _ => shown(written),
            };
            faults.push(FieldError::invalid_as(field, &value, refusal.why));
        }
        Ok(rule) => {
            if let Some(apart) = apart.filter(|_| rule.is_transition()) {
                let why = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {apart}"
                );
                let field = format!("{at}.rule");
                faults.push(FieldError::invalid(field, text(&written["rule"]), why));
            }
        }
    }
}

/// A rule as the real server's messages show it: with the names of its Go type.
fn shown(rule: &Value) -> String {
    let text = |field: &str| Value::from(text(&rule[field]));
    let fields = [
        ("Rule", text("rule")),
        ("Message", text("message")),
        ("MessageExpression", text("messageExpression")),
        ("Reason", rule["reason"].clone()),
        ("FieldPath", text("fieldPath")),
        ("OptionalOldSelf", rule["optionalOldSelf"].clone()),
    ];
    let fields = fields.map(|(name, value)| format!("\"{name}\":{value}"));
    escaped(&format!("{{{}}}", fields.join(",")))
}
