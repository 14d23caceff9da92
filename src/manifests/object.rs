//! The objects of manifests, those in lists too.

use std::fmt;

use serde_json::Value;

use super::{Document, Manifests, Place};

/// An object, and where it stands.
#[derive(Clone)]
pub(crate) struct Object<'a> {
    /// Which of the files it stands in, and what that is called.
    file: (usize, &'a str),
    document: &'a Document,
    place: Place,
    /// Its content.
    pub(crate) value: &'a Value,
}

impl Object<'_> {
    /// `FILE:LINE` of a field; of the object, for none.
    pub(crate) fn at(&self, field: &str) -> String {
        format!("{}:{}", self.file.1, self.order(field).1)
    }

    /// What comes earlier in the files is less: number of the file, and line.
    pub(crate) fn order(&self, field: &str) -> (usize, u64) {
        (self.file.0, self.document.line(&self.place, field))
    }

    /// Its API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        match self.text("/apiVersion").split_once('/') {
            Some((group, _)) => group,
            None => "",
        }
    }

    /// A text of its content, by JSON pointer; empty if it is not there.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        let found = self.value.pointer(pointer);
        found.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Kind and name, with the namespace if it has one.
impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text("/kind") {
            "" => f.write_str("an object without a kind")?,
            kind => f.write_str(kind)?,
        }
        let (namespace, name) = (
            self.text("/metadata/namespace"),
            self.text("/metadata/name"),
        );
        match (namespace, name) {
            (_, "") => Ok(()),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

/// The objects of all documents that could be parsed, in the order of the files.
pub(crate) fn objects(manifests: &[Manifests]) -> Vec<Object<'_>> {
    let mut objects = Vec::new();
    for (number, file) in manifests.iter().enumerate() {
        for document in &file.documents {
            expand(
                Object {
                    file: (number, &file.name),
                    document,
                    place: Place::default(),
                    value: &document.value,
                },
                &mut objects,
            );
        }
    }
    objects
}

/// A list is its items.
fn expand<'a>(object: Object<'a>, objects: &mut Vec<Object<'a>>) {
    let items = object.value.get("items").and_then(Value::as_array);
    match items {
        Some(items) if object.text("/kind").ends_with("List") => {
            let around = match object.place.path.as_str() {
                "" => String::new(),
                path => format!("{path}."),
            };
            for (at, value) in items.iter().enumerate() {
                let item = Object {
                    place: Place {
                        path: format!("{around}items[{at}]"),
                    },
                    value,
                    ..object.clone()
                };
                expand(item, objects);
            }
        }
        _ => objects.push(object),
    }
}
