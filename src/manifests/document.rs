//! One document of a file.

use std::collections::HashMap;

use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

use super::NoYaml;
use super::node::Node;

/// A document, as JSON, and where its fields stand.
pub(crate) struct Document {
    /// Its content. Of a key that stands there twice, the last counts, as it does to the API server.
    pub(crate) value: Value,
    /// Keys that stand there already: path, and line of the second.
    pub(crate) repeated: Vec<(String, u64)>,
    lines: HashMap<String, u64>,
}

/// Where an object begins in a document: at its root, or as an item of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its path in the document.
    pub(crate) path: String,
}

impl Document {
    /// The line of a field of an object; of what is around it, if it is not there itself.
    pub(crate) fn line(&self, place: &Place, field: &str) -> u64 {
        let mut path = child(&place.path, field);
        loop {
            if let Some(line) = self.lines.get(&path) {
                return *line;
            }
            // A key in brackets may have dots in it.
            let cut = match path.strip_suffix(']') {
                Some(rest) => rest.rfind('['),
                None => path.rfind('.'),
            };
            match cut {
                Some(cut) => path.truncate(cut),
                None if path.is_empty() => return 1,
                None => path.clear(),
            }
        }
    }
}

/// The documents of a text; those without content are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Document>, NoYaml> {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    let nodes: Vec<Spanned<Node>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| NoYaml {
            line: error.location().map_or(1, |it| it.line()),
            message: error.without_snippet().to_string(),
        })?;
    let mut documents = Vec::new();
    for node in nodes {
        let mut document = Document {
            value: Value::Null,
            repeated: Vec::new(),
            lines: HashMap::new(),
        };
        document.value = document.take(node, "");
        if !document.value.is_null() {
            documents.push(document);
        }
    }
    Ok(documents)
}

impl Document {
    /// Notes the lines below a path. A field's is that of its key, which is noted already.
    fn take(&mut self, node: Spanned<Node>, path: &str) -> Value {
        let line = node.referenced.line();
        self.lines.entry(path.to_owned()).or_insert(line);
        match node.value {
            Node::Scalar(value) => value,
            Node::List(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(at, item)| self.take(item, &format!("{path}[{at}]")))
                    .collect()
            }
            Node::Map(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    let below = child(path, &key.value);
                    let line = key.referenced.line();
                    if map.contains_key(&key.value) {
                        self.repeated.push((below.clone(), line));
                    }
                    self.lines.insert(below.clone(), line);
                    // As paths of annotations and labels are written.
                    self.lines.insert(format!("{path}[{}]", key.value), line);
                    let value = self.take(node, &below);
                    map.insert(key.value, value);
                }
                Value::Object(map)
            }
        }
    }
}

fn child(path: &str, key: &str) -> String {
    match (path, key) {
        (path, "") => path.to_owned(),
        ("", key) => key.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
# A comment
kind: A
metadata:
  annotations:
    example.org/a.b: x
spec:
  list:
  - 1
  - {a: 2, b: yes}
  kind: C
---
---
kind: B
kind: C
spec: {a: 1, a: 2}
";

    fn parsed(text: &str) -> Vec<Document> {
        parse(text).unwrap_or_else(|error| panic!("{}: {}", error.line, error.message))
    }

    #[test]
    fn every_field_has_its_line() {
        let documents = parsed(TEXT);
        assert_eq!(documents.len(), 2);
        let line = |field: &str| documents[0].line(&Place::default(), field);
        assert_eq!(line("kind"), 2);
        assert_eq!(line("metadata"), 3);
        assert_eq!(line("metadata.annotations[example.org/a.b]"), 5);
        assert_eq!(line("spec.list[0]"), 8);
        assert_eq!(line("spec.list[1].b"), 9);
        assert_eq!(line("spec.kind"), 10);
        // What is not there stands where it should.
        assert_eq!(line("spec.list[7].a"), 7);
        assert_eq!(line("spec.nothing.at.all"), 6);
        assert_eq!(line("metadata.annotations[example.org/c.d]"), 4);
        assert_eq!(line("status"), 2);
        let item = Place {
            path: "spec.list[1]".to_owned(),
        };
        assert_eq!(documents[0].line(&item, "a"), 9);
        assert_eq!(documents[0].value["spec"]["list"][1]["a"], json!(2));
    }

    #[test]
    fn keys_that_stand_there_twice_are_told_and_the_last_counts() {
        let document = &parsed(TEXT)[1];
        let repeated = [("kind".to_owned(), 14), ("spec.a".to_owned(), 15)];
        assert_eq!(document.repeated, repeated);
        assert_eq!(document.value, json!({"kind": "C", "spec": {"a": 2}}));
    }

    #[test]
    fn what_is_no_yaml_has_a_line() {
        let error = parse("a: 1\nb: [1, 2\nc: 3\n").err().unwrap();
        assert!(error.line >= 2, "{}", error.line);
    }

    #[test]
    fn anchors_are_followed() {
        let document = &parsed("a: &x {b: 1}\nc: *x\n")[0];
        assert_eq!(document.value, json!({"a": {"b": 1}, "c": {"b": 1}}));
    }
}
