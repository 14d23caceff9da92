//! From JSON to a typed object: what has the wrong type, and what nobody knows, by its path.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;

/// An object, and what of it was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<T> {
    /// The object.
    pub object: T,
    /// Paths of fields that its type does not have, such as `spec.adresses`.
    pub unknown: Vec<String>,
}

/// Reads an object. The fault is the first field of a wrong type, or one that is missing.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<Read<T>, Fault> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown.push(render(&path)));
    // Every object says what it is; that is read elsewhere.
    unknown.retain(|path| path != "apiVersion" && path != "kind");
    match read {
        Ok(object) => Ok(Read { object, unknown }),
        Err(error) => {
            let error: serde_json::Error = error;
            let path = track.path().to_string();
            let field = if path == "." { "" } else { &path };
            Err(Fault::new(field, plain(&error)))
        }
    }
}

/// What is wrong, without the names that Rust has for integers.
fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let Some((before, expected)) = message.rsplit_once("expected ") else {
        return message;
    };
    let expected = match expected {
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "i32" | "u32" => "an integer of 32 bits",
        "i64" | "u64" => "an integer of 64 bits",
        _ => return message,
    };
    format!("{before}expected {expected}")
}

fn render(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", render(parent)),
        Path::Map { parent, key } => match render(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => render(parent),
    }
}
