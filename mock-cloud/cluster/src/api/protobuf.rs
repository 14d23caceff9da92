//! Kubernetes' protobuf, as far as kubectl sends it: since 1.32 `kubectl create deployment`,
//! `namespace` and `service` post protobuf and do not fall back to JSON. Bodies of these three
//! kinds are read; everything else is 415. Nothing is ever written as protobuf.

use serde_json::{Map, Value, json};

use super::protobuf_schema::{Field, Message, message_of};
use crate::answer::ApiError;

/// The envelope's first bytes (apimachinery's protobuf serializer).
const MAGIC: &[u8] = b"k8s\0";

/// Why a body cannot be read.
type Fault = &'static str;

/// Reads a body.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let malformed = |fault: Fault| {
        ApiError::bad_request(format!("couldn't parse the body as protobuf: {fault}"))
    };
    let unknown = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| malformed("no envelope"))?;
    let mut type_meta = (String::new(), String::new());
    let mut raw = &[][..];
    for field in fields(unknown) {
        match field.map_err(malformed)? {
            (1, Wire::Bytes(inner)) => type_meta = read_type(inner).map_err(malformed)?,
            (2, Wire::Bytes(inner)) => raw = inner,
            _ => {}
        }
    }
    let (api_version, kind) = type_meta;
    let Some(message) = message_of(&api_version, &kind) else {
        return Err(ApiError::unsupported_media_type(&[
            "application/json",
            "application/yaml",
        ]));
    };
    let mut value = read(message, raw).map_err(malformed)?;
    value["apiVersion"] = json!(api_version);
    value["kind"] = json!(kind);
    Ok(value)
}

fn read_type(bytes: &[u8]) -> Result<(String, String), Fault> {
    let mut found = (String::new(), String::new());
    for field in fields(bytes) {
        match field? {
            (1, Wire::Bytes(inner)) => found.0 = text(inner)?,
            (2, Wire::Bytes(inner)) => found.1 = text(inner)?,
            _ => {}
        }
    }
    Ok(found)
}

/// A field's content as it stands on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Splits a message into its fields.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Wire<'_>), Fault>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = next(&mut bytes);
        if field.is_err() {
            bytes = &[];
        }
        Some(field)
    })
}

fn next<'a>(bytes: &mut &'a [u8]) -> Result<(u64, Wire<'a>), Fault> {
    let tag = varint(bytes)?;
    let content = match tag & 7 {
        0 => Wire::Number(varint(bytes)?),
        2 => {
            let length = usize::try_from(varint(bytes)?).map_err(|_| "a length is too large")?;
            let (inner, rest) = bytes.split_at_checked(length).ok_or("it ends early")?;
            *bytes = rest;
            Wire::Bytes(inner)
        }
        _ => return Err("it has a wire type that Kubernetes does not use"),
    };
    Ok((tag >> 3, content))
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("it ends early")?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long")
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8")
}

fn read(message: &Message, bytes: &[u8]) -> Result<Value, Fault> {
    let mut object = Map::new();
    for field in fields(bytes) {
        let (number, content) = field?;
        let Some((_, name, kind)) = message.iter().find(|(known, _, _)| *known == number) else {
            // Go writes zero values, too: only a field that says something is missed.
            if matches!(content, Wire::Number(0) | Wire::Bytes([])) {
                continue;
            }
            return Err("it has a field that this server reads from JSON only");
        };
        if let Some(value) = convert(kind, &content, object.get(*name))? {
            object.insert((*name).to_owned(), value);
        }
    }
    Ok(Value::Object(object))
}

/// A field's value, with what was read of a repeated one before. `None` is Go's zero value,
/// which JSON leaves out.
fn convert(
    kind: &Field,
    content: &Wire<'_>,
    before: Option<&Value>,
) -> Result<Option<Value>, Fault> {
    let list = |item: Value| {
        let mut items = before
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        items.push(item);
        Value::Array(items)
    };
    let value = match (kind, content) {
        (Field::Text, Wire::Bytes(inner)) => {
            let text = text(inner)?;
            (!text.is_empty()).then(|| json!(text))
        }
        // Negative numbers are sign-extended to 64 bits.
        (Field::Number, Wire::Number(number)) => {
            (*number != 0).then(|| json!(number.cast_signed()))
        }
        (Field::Pointer, Wire::Number(number)) => Some(json!(number.cast_signed())),
        (Field::Flag, Wire::Number(number)) => (*number != 0).then_some(json!(true)),
        (Field::FlagPointer, Wire::Number(number)) => Some(json!(*number != 0)),
        (Field::Texts, Wire::Bytes(inner)) => Some(list(json!(text(inner)?))),
        (Field::Object(message), Wire::Bytes(inner)) => {
            let object = read(message, inner)?;
            (object != json!({})).then_some(object)
        }
        (Field::Objects(message), Wire::Bytes(inner)) => Some(list(read(message, inner)?)),
        (Field::Pairs, Wire::Bytes(inner)) => {
            let (key, value) = read_type(inner)?;
            let mut map = before.cloned().unwrap_or_else(|| json!({}));
            map[key] = json!(value);
            Some(map)
        }
        (Field::IntOrString, Wire::Bytes(inner)) => Some(int_or_string(inner)?),
        // Only the server sets times and statuses.
        (Field::Ignored, _) => None,
        _ => return Err("a field has another wire type than its kind"),
    };
    Ok(value)
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Fault> {
    let (mut is_text, mut number, mut string) = (false, 0, String::new());
    for field in fields(bytes) {
        match field? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(inner)) => string = text(inner)?,
            _ => {}
        }
    }
    Ok(if is_text {
        json!(string)
    } else {
        json!(number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MAGIC, parse};

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[number << 3 | 2, length], content].concat()
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC, &field(1, &type_meta), &field(2, raw)].concat()
    }

    #[test]
    fn a_namespace() {
        let label = [field(1, b"a"), field(2, b"b")].concat();
        let metadata = [field(1, b"blue"), field(2, b""), field(11, &label)].concat();
        let raw = [field(1, &metadata), field(2, b""), field(3, b"")].concat();
        assert_eq!(
            parse(&envelope("Namespace", &raw)).unwrap(),
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "blue", "labels": { "a": "b" } } })
        );
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(parse(b"{}").unwrap_err().code, 400);
        assert_eq!(parse(&envelope("Secret", b"")).unwrap_err().code, 415);
        assert_eq!(
            parse(&envelope("Namespace", &[0x0a, 0x7f]))
                .unwrap_err()
                .code,
            400
        );
    }
}
