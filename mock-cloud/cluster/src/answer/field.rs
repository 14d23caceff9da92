//! What is wrong with a field, in the words of apimachinery's `field.Error`, and how values stand
//! in them.

use serde_json::{Value, json};

/// A value in a message. Go's JSON, in which it writes what is not plain, is safe within HTML.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => escaped(&value.to_string()),
        Value::Number(number) if number.is_f64() => spell(number.as_f64().unwrap_or_default()),
        plain => plain.to_string(),
    }
}

/// A number as Go writes it (`%v` of a float64): with an exponent from seven digits on.
pub(crate) fn spell(number: f64) -> String {
    if number == 0.0 || (1e-4..1e6).contains(&number.abs()) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// JSON as Go writes it: without the letters that mean something in HTML.
pub(crate) fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// One fault of one field (apimachinery's `field.Error`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    field: String,
    reason: &'static str,
    body: String,
}

impl FieldError {
    fn new(field: impl Into<String>, reason: &'static str, body: String) -> Self {
        Self {
            field: field.into(),
            reason,
            body,
        }
    }

    /// A value that must be there; `detail` may be empty.
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let body = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self::new(field, "FieldValueRequired", body)
    }

    /// A value that is wrong.
    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl AsRef<str>,
    ) -> Self {
        let value = shown(&value.into());
        Self::invalid_as(field, &value, detail)
    }

    /// The same with a value that is spelt already.
    pub(crate) fn invalid_as(
        field: impl Into<String>,
        value: &str,
        detail: impl AsRef<str>,
    ) -> Self {
        let body = format!("Invalid value: {value}: {}", detail.as_ref());
        Self::new(field, "FieldValueInvalid", body)
    }

    /// A value outside an enumeration.
    pub(crate) fn not_supported<T: AsRef<str>>(
        field: impl Into<String>,
        value: impl Into<Value>,
        supported: &[T],
    ) -> Self {
        let list: Vec<String> = supported
            .iter()
            .map(|one| format!("{:?}", one.as_ref()))
            .collect();
        let value: Value = value.into();
        Self::new(
            field,
            "FieldValueNotSupported",
            format!(
                "Unsupported value: {value}: supported values: {}",
                list.join(", ")
            ),
        )
    }

    /// A value of the wrong type.
    pub(crate) fn wrong_type(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        let body = format!("Invalid value: {value}: {detail}");
        Self::new(field, "FieldValueTypeInvalid", body)
    }

    /// A value that is wrong and too large to be shown.
    pub(crate) fn invalid_whole(field: impl Into<String>, detail: &str) -> Self {
        Self::new(
            field,
            "FieldValueInvalid",
            format!("Invalid value: {detail}"),
        )
    }

    /// More elements than allowed.
    pub(crate) fn too_many(field: impl Into<String>, count: usize, limit: u64) -> Self {
        let body = format!("Too many: {count}: must have at most {limit} items");
        Self::new(field, "FieldValueTooMany", body)
    }

    /// Whether a schema that it offends is of no use for rules any more (the real server's
    /// `hasBlockingErr`).
    pub(crate) fn blocks_rules(&self) -> bool {
        matches!(
            self.reason,
            "FieldValueNotSupported"
                | "FieldValueRequired"
                | "FieldValueTooLong"
                | "FieldValueTooMany"
                | "FieldValueTypeInvalid"
        )
    }

    /// A field that may not be there.
    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, "FieldValueForbidden", format!("Forbidden: {detail}"))
    }

    /// A value that is there twice.
    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = shown(&value.into());
        Self::new(
            field,
            "FieldValueDuplicate",
            format!("Duplicate value: {value}"),
        )
    }

    /// A value that is there twice and too large to be shown.
    pub(crate) fn duplicate_whole(field: impl Into<String>) -> Self {
        Self::new(field, "FieldValueDuplicate", "Duplicate value".to_owned())
    }

    /// A value that is longer than allowed.
    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new(
            field,
            "FieldValueTooLong",
            format!("Too long: may not be more than {limit} bytes"),
        )
    }

    /// All of it in a line.
    pub(crate) fn message(&self) -> String {
        format!("{}: {}", self.field, self.body)
    }

    pub(super) fn cause(&self) -> Value {
        json!({ "reason": self.reason, "message": self.body, "field": self.field })
    }

    pub(super) fn join(faults: &[Self]) -> String {
        let all: Vec<String> = faults.iter().map(Self::message).collect();
        match all.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::spell;

    #[test]
    fn numbers_as_go_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (100.0, "100"),
            (65535.0, "65535"),
            (1_000_000.0, "1e+06"),
            (4_294_967_295.0, "4.294967295e+09"),
            (0.00001, "1e-05"),
        ] {
            assert_eq!(spell(number), text);
        }
    }
}
