//! Whether a value is what its schema asks for, told in the words of the real server's validator.
//! What did not change in an update is not judged again (ratcheting, KEP-4008).

use serde_json::{Number, Value};

use super::formats;
use super::schema::{Additional, Bound, Limits, ListType, Schema, Type};
use crate::answer::{FieldError, spell};

/// A value within an object, and where that is.
#[derive(Clone, Copy)]
struct Spot<'a> {
    value: &'a Value,
    /// The value that was there before, if it can be told which that is.
    old: Option<&'a Value>,
    /// Path from where the judging began, as messages name it.
    name: &'a str,
}

/// Judges everything below one field of an object, or the object itself.
struct Judge<'a> {
    /// Path of what is judged, before every field.
    prefix: &'a str,
    faults: Vec<FieldError>,
}

/// Every fault of a value. `prefix` is where it stands: empty for an object, or `status`.
pub(super) fn faults(
    schema: &Schema,
    value: &Value,
    old: Option<&Value>,
    prefix: &str,
) -> Vec<FieldError> {
    let mut judge = Judge {
        prefix,
        faults: Vec::new(),
    };
    judge.visit(
        schema,
        Spot {
            value,
            old,
            name: "",
        },
    );
    judge.faults
}

impl Judge<'_> {
    fn path(&self, name: &str) -> String {
        match (self.prefix, name.trim_start_matches('.')) {
            ("", "") => "<nil>".to_owned(),
            ("", name) => name.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, name) => format!("{prefix}.{name}"),
        }
    }

    fn invalid(&mut self, spot: Spot<'_>, value: Value, why: &str) {
        let message = format!("{} in body {why}", spot.name);
        let path = self.path(spot.name);
        self.faults.push(FieldError::invalid(path, value, message));
    }

    fn wrong_type(&mut self, spot: Spot<'_>, wanted: &str, found: &str) {
        let message = format!("{} in body must be of type {wanted}: {found:?}", spot.name);
        let fault = FieldError::wrong_type(self.path(spot.name), &found.into(), &message);
        self.faults.push(fault);
    }

    fn visit(&mut self, schema: &Schema, spot: Spot<'_>) {
        if spot.old == Some(spot.value) {
            return;
        }
        self.kind(schema, spot);
        if spot.value.is_null() {
            self.allowed(schema, spot);
            return;
        }
        self.combined(schema, spot);
        match spot.value {
            Value::String(text) => self.text(schema, spot, text),
            Value::Number(number) => self.number(schema, spot, number),
            Value::Array(items) => self.items(schema, spot, items),
            _ => {}
        }
        self.allowed(schema, spot);
        if let Value::Object(fields) = spot.value {
            self.fields(schema, spot, fields);
        }
    }

    fn kind(&mut self, schema: &Schema, spot: Spot<'_>) {
        let found = match spot.value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if is_whole(number) => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = |kind: Type| match (kind, found) {
            (Type::Number, "integer") => true,
            (kind, found) => kind.name() == found,
        };
        let format = formats::of(schema);
        if !format.is_empty() && !spot.value.is_null() && !schema.kind.is_some_and(fits) {
            // A type with a format is called by it, and so is what was found (Go's type).
            let found = match spot.value {
                Value::String(_) | Value::Array(_) => None,
                Value::Number(number) if number.is_f64() => Some("float64"),
                Value::Number(_) => Some("int64"),
                _ => Some(""),
            };
            let number = matches!(schema.kind, Some(Type::Integer | Type::Number));
            match found {
                Some(found) => return self.wrong_type(spot, format, found),
                None if !number => return,
                None => {}
            }
        }
        match schema.kind {
            None if schema.int_or_string && !matches!(found, "integer" | "string" | "null") => {
                self.wrong_type(spot, "integer,string", found);
            }
            None => {}
            Some(_) if spot.value.is_null() && schema.nullable => {}
            Some(kind) if fits(kind) => {}
            Some(kind) => self.wrong_type(spot, kind.name(), found),
        }
    }

    /// `allOf` and its like. What must hold besides is told by itself first.
    fn combined(&mut self, schema: &Schema, spot: Spot<'_>) {
        let path = self.path("");
        let composite = |why: String| {
            let field = path.clone();
            FieldError::invalid(field, "", format!("{:?} {why}", spot.name))
        };
        let tried = |schema: &Schema| {
            let mut judge = Judge {
                prefix: self.prefix,
                faults: Vec::new(),
            };
            judge.visit(schema, Spot { old: None, ..spot });
            judge.faults
        };
        let mut found = Vec::new();
        if !schema.any_of.is_empty() {
            let all: Vec<_> = schema.any_of.iter().map(tried).collect();
            if all.iter().all(|faults| !faults.is_empty()) {
                found.push(composite(
                    "must validate at least one schema (anyOf)".to_owned(),
                ));
                found.extend(all.into_iter().next().unwrap_or_default());
            }
        }
        if !schema.one_of.is_empty() {
            let all: Vec<_> = schema.one_of.iter().map(tried).collect();
            let valid = all.iter().filter(|faults| faults.is_empty()).count();
            if valid != 1 {
                let what = if valid == 0 {
                    "Found none valid".to_owned()
                } else {
                    format!("Found {valid} valid alternatives")
                };
                found.push(composite(format!(
                    "must validate one and only one schema (oneOf). {what}"
                )));
                if valid == 0 {
                    found.extend(all.into_iter().next().unwrap_or_default());
                }
            }
        }
        if !schema.all_of.is_empty() {
            let all: Vec<_> = schema.all_of.iter().map(tried).collect();
            let valid = all.iter().filter(|faults| faults.is_empty()).count();
            found.extend(all.into_iter().flatten());
            if valid != schema.all_of.len() {
                let none = if valid == 0 { ". None validated" } else { "" };
                found.push(composite(format!(
                    "must validate all the schemas (allOf){none}"
                )));
            }
        }
        if let Some(not) = &schema.not
            && tried(not).is_empty()
        {
            found.push(composite("must not validate the schema (not)".to_owned()));
        }
        self.faults.extend(found);
    }

    fn text(&mut self, schema: &Schema, spot: Spot<'_>, text: &str) {
        let length = text.chars().count() as u64;
        let shown = || Value::from(text);
        // The first of these is told, and no other.
        if let Some(most) = schema.length.most.filter(|most| length > *most) {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let fault = FieldError::too_long(self.path(spot.name), most);
            self.faults.push(fault);
        } else if let Some(least) = schema.length.least.filter(|least| length < *least) {
            let why = format!("should be at least {least} chars long");
            self.invalid(spot, shown(), &why);
        } else if let Some((written, pattern)) = &schema.pattern
            && !pattern.is_match(text)
        {
            self.invalid(spot, shown(), &format!("should match '{written}'"));
        }
        if matches!(schema.kind, None | Some(Type::String)) && !formats::fits(&schema.format, text)
        {
            self.wrong_type(spot, &schema.format, text);
        }
    }

    fn number(&mut self, schema: &Schema, spot: Spot<'_>, number: &Number) {
        let value = number.as_f64().unwrap_or_default();
        if let Some(what) = out_of_range(schema, number) {
            let why = format!("Checked value must be of type {what} in {}", spot.name);
            let fault = FieldError::invalid(self.path(""), "", why);
            self.faults.push(fault);
        }
        let shown = || Value::Number(number.clone());
        if let Some(factor) = schema.multiple_of
            && (value / factor).fract() != 0.0
        {
            let why = format!("should be a multiple of {}", limit_of(number, factor));
            self.invalid(spot, shown(), &why);
        }
        let bounds = [
            (&schema.maximum, "less than"),
            (&schema.minimum, "greater than"),
        ];
        for (bound, how) in bounds {
            let Some(Bound {
                number: bound,
                exclusive,
            }) = bound
            else {
                continue;
            };
            let limit = bound.as_f64().unwrap_or_default();
            let distance = if how == "less than" {
                limit - value
            } else {
                value - limit
            };
            if distance < 0.0 || (*exclusive && distance == 0.0) {
                let equal = if *exclusive { "" } else { " or equal to" };
                let why = format!("should be {how}{equal} {}", limit_of(number, limit));
                self.invalid(spot, shown(), &why);
            }
        }
    }

    fn items(&mut self, schema: &Schema, spot: Spot<'_>, items: &[Value]) {
        for (index, item) in items.iter().enumerate() {
            let Some(inner) = &schema.items else { break };
            let name = format!("{}[{index}]", spot.name);
            let old = spot.old.and_then(|old| correlated(schema, old, item));
            self.visit(
                inner,
                Spot {
                    value: item,
                    old,
                    name: &name,
                },
            );
        }
        self.counted(&schema.size, spot, items.len(), "items");
    }

    /// Whether there are as many of these as may be.
    fn counted(&mut self, limits: &Limits, spot: Spot<'_>, count: usize, what: &str) {
        let number = count as u64;
        if let Some(least) = limits.least.filter(|least| number < *least) {
            let why = format!("should have at least {least} {what}");
            self.invalid(spot, number.into(), &why);
        }
        if let Some(most) = limits.most.filter(|most| number > *most) {
            let fault = FieldError::too_many(self.path(spot.name), count, most);
            self.faults.push(fault);
        }
    }

    fn allowed(&mut self, schema: &Schema, spot: Spot<'_>) {
        if schema.allowed.is_empty() || schema.allowed.contains(spot.value) {
            return;
        }
        let supported: Vec<String> = schema
            .allowed
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect();
        let fault = FieldError::not_supported(self.path(spot.name), spot.value.clone(), &supported);
        self.faults.push(fault);
    }

    fn fields(&mut self, schema: &Schema, spot: Spot<'_>, fields: &serde_json::Map<String, Value>) {
        self.counted(&schema.entries, spot, fields.len(), "properties");
        for (key, value) in fields {
            let old = spot.old.and_then(|old| old.get(key));
            if let Some(inner) = schema.properties.get(key) {
                let name = match spot.name {
                    "" => key.clone(),
                    outer => format!("{outer}.{key}"),
                };
                self.visit(
                    inner,
                    Spot {
                        value,
                        old,
                        name: &name,
                    },
                );
                continue;
            }
            match &schema.additional {
                Additional::Of(inner) => {
                    let name = format!("{}.{key}", spot.name);
                    self.visit(
                        inner,
                        Spot {
                            value,
                            old,
                            name: &name,
                        },
                    );
                }
                Additional::None => {
                    let name = format!("{}.{key}", spot.name);
                    let message = format!("{name} in body is a forbidden property");
                    let fault = FieldError::invalid(self.path(&name), "", message);
                    self.faults.push(fault);
                }
                Additional::Any | Additional::Unsaid => {}
            }
        }
        for name in schema
            .required
            .iter()
            .filter(|name| !fields.contains_key(*name))
        {
            let name = format!("{}.{name}", spot.name);
            let fault = FieldError::required(self.path(&name), "");
            self.faults.push(fault);
        }
    }
}

/// The element of the former list that this one continues: only lists with keys tell.
pub(super) fn correlated<'a>(schema: &Schema, old: &'a Value, item: &Value) -> Option<&'a Value> {
    let ListType::Map(keys) = &schema.list else {
        return None;
    };
    let same = |one: &&Value| keys.iter().all(|key| one.get(key) == item.get(key));
    old.as_array()?.iter().find(same)
}

/// The type that a number does not fit into.
fn out_of_range(schema: &Schema, number: &Number) -> Option<String> {
    if schema.kind != Some(Type::Integer) {
        return None;
    }
    let whole = number.as_i64().or_else(|| is_whole(number).then_some(0));
    match (schema.format.as_str(), whole) {
        ("int32", Some(whole)) if i32::try_from(whole).is_ok() => None,
        (format @ ("int32" | "int64"), _) if format == "int32" || whole.is_none() => {
            Some(format!("integer with format {format}"))
        }
        (_, Some(_)) => None,
        (_, None) => Some("integer (default format)".to_owned()),
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64()
        || number.is_u64()
        || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// A limit as it is told of a number: a whole one of a whole one is written in full.
fn limit_of(number: &Number, limit: f64) -> String {
    if (number.is_i64() || number.is_u64()) && limit.fract() == 0.0 && limit.abs() < 1e18 {
        return format!("{limit:.0}");
    }
    spell(limit)
}
