//! Request bodies: their size, their type, and JSON in which a repeated field is noticed.

use std::fmt;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::protobuf;
use crate::answer::ApiError;

/// etcd's request limit in the real server: larger bodies are 413.
const LIMIT: usize = 3 * 1024 * 1024;

/// A parsed body.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) value: Value,
    /// Paths of the fields that stand there twice; the last one counts.
    pub(super) duplicates: Vec<String>,
}

/// Reads a body to its end.
pub(super) async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(LIMIT)),
        Err(error) => Err(ApiError::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}

/// The media type without its parameters.
pub(super) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Parses a body that is an object, as its content type says.
pub(super) fn parse(content_type: &str, bytes: &[u8]) -> Result<Parsed, ApiError> {
    match media_type(content_type) {
        "" | "application/json" => json(bytes),
        "application/yaml" => yaml(bytes),
        "application/vnd.kubernetes.protobuf" => Ok(Parsed {
            value: protobuf::parse(bytes)?,
            duplicates: Vec::new(),
        }),
        _ => Err(ApiError::unsupported_media_type(&[
            "application/json",
            "application/yaml",
        ])),
    }
}

/// Parses JSON.
pub(super) fn json(bytes: &[u8]) -> Result<Parsed, ApiError> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Noticing {
        path: String::new(),
        duplicates: &mut duplicates,
    };
    let value = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            ApiError::bad_request(format!("couldn't parse the body as JSON: {error}"))
        })?;
    Ok(Parsed { value, duplicates })
}

/// Parses YAML, of which JSON is a part.
pub(super) fn yaml(bytes: &[u8]) -> Result<Parsed, ApiError> {
    if let Ok(parsed) = json(bytes) {
        return Ok(parsed);
    }
    let malformed =
        |error: &dyn fmt::Display| ApiError::bad_request(format!("error decoding YAML: {error}"));
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
    let value = serde_saphyr::from_str(text).map_err(|error| malformed(&error))?;
    Ok(Parsed {
        value,
        duplicates: Vec::new(),
    })
}

/// Builds a `Value` and notes repeated fields on the way.
struct Noticing<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Noticing<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Noticing<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let seed = Noticing {
                path: format!("{}[{}]", self.path, list.len()),
                duplicates: &mut *self.duplicates,
            };
            match items.next_element_seed(seed)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = if self.path.is_empty() {
                name.clone()
            } else {
                format!("{}.{name}", self.path)
            };
            if map.contains_key(&name) {
                self.duplicates.push(path.clone());
            }
            let seed = Noticing {
                path,
                duplicates: &mut *self.duplicates,
            };
            let value = fields.next_value_seed(seed)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn repeated_fields_are_named() {
        let parsed = json(br#"{"a":1,"b":[{"c":1,"c":2}],"a":3}"#).unwrap();
        assert_eq!(parsed.duplicates, ["b[0].c", "a"]);
        assert_eq!(
            parsed.value,
            serde_json::json!({ "a": 3, "b": [{ "c": 2 }] })
        );
    }

    #[test]
    fn a_fault_says_where() {
        let error = json(b"{\"a\": 1,\n \"b\" 2}").unwrap_err();
        assert_eq!(error.code, 400);
        assert!(error.message.contains("line 2"), "{}", error.message);
    }
}
