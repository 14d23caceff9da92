//! `additionalPrinterColumns`: what kubectl prints of a custom object, besides its name.

use serde_json::{Value, json};

use super::path::Path;
use crate::tables::age;

/// The columns of a version.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<Column>);

#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: String,
    format: String,
    description: String,
    priority: i64,
    path: Option<Path>,
}

impl Columns {
    /// From the version of a definition; without any there is the age.
    pub(crate) fn parse(written: &Value) -> Self {
        let columns: Vec<Column> = match written.as_array().map(Vec::as_slice) {
            None | Some([]) => vec![Column::parse(&json!({
                "name": "Age",
                "type": "date",
                "description": "CreationTimestamp is a timestamp representing the server time when this object was created.",
                "jsonPath": ".metadata.creationTimestamp",
            }))],
            Some(columns) => columns.iter().map(Column::parse).collect(),
        };
        Self(columns)
    }

    /// `columnDefinitions` of a Table.
    pub(crate) fn definitions(&self) -> Vec<Value> {
        let name = json!({
            "name": "Name", "type": "string", "format": "name", "description": "", "priority": 0,
        });
        let define = |column: &Column| {
            json!({
                "name": column.name,
                "type": column.kind,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            })
        };
        std::iter::once(name)
            .chain(self.0.iter().map(define))
            .collect()
    }

    /// One row.
    pub(crate) fn cells(&self, object: &Value) -> Vec<Value> {
        let name = object["metadata"]["name"].clone();
        let cells = self.0.iter().map(|column| column.cell(object));
        std::iter::once(name).chain(cells).collect()
    }
}

impl Column {
    fn parse(written: &Value) -> Self {
        let text = |field: &str| written[field].as_str().unwrap_or_default().to_owned();
        let path = text("jsonPath");
        let description = match text("description") {
            described if !described.is_empty() => described,
            _ => format!("Custom resource definition column (in JSONPath format): {path}"),
        };
        Self {
            name: text("name"),
            kind: text("type"),
            format: text("format"),
            description,
            priority: written["priority"].as_i64().unwrap_or_default(),
            path: Path::parse(&path),
        }
    }

    fn cell(&self, object: &Value) -> Value {
        let found = self.path.as_ref().map(|path| path.find(object));
        let Some(value) = found.and_then(|found| found.first().copied()) else {
            return Value::Null;
        };
        match (self.kind.as_str(), value) {
            (_, Value::Null) => Value::Null,
            ("string", Value::String(text)) => json!(text),
            ("string", other) => json!(other.to_string()),
            ("integer", Value::Number(number)) => whole(number),
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
            ("date", Value::String(text)) => match text.parse::<jiff::Timestamp>() {
                Ok(_) => age::since(value),
                Err(_) => json!("<invalid>"),
            },
            _ => Value::Null,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the real server cuts the fraction off, too"
)]
fn whole(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => json!(whole),
        (None, Some(double)) => json!(double as i64),
        (None, None) => Value::Null,
    }
}
