//! One document of a file.

use std::collections::HashMap;

use serde_json::{Map, Value};
use serde_saphyr::{Budget, DuplicateKeyPolicy, Options, Spanned};

use super::NoYaml;
use super::node::Node;

/// A document, as JSON, and where its fields stand.
pub(crate) struct Document {
    /// Its content. Of a key that stands there twice, the last counts, as it does to the API server.
    pub(crate) value: Value,
    /// Keys that stand there already: path, and line of the second.
    pub(crate) repeated: Vec<(String, u64)>,
    /// Lines of the file above the part that it stands in.
    above: u64,
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

/// The documents of a text, without those that have no content, and what is none.
pub(super) fn parse(text: &str) -> (Vec<Document>, Vec<NoYaml>) {
    let (mut documents, mut broken) = (Vec::new(), Vec::new());
    for (above, part) in parts(text) {
        match serde_saphyr::from_multiple_with_options::<Spanned<Node>>(part, options()) {
            Ok(nodes) => documents.extend(nodes.into_iter().map(|it| Document::of(it, above))),
            Err(error) => {
                let message = error.without_snippet().to_string();
                // The line of the part, which begins somewhere below.
                let place = message.find(" at line ").unwrap_or(message.len());
                broken.push(NoYaml {
                    line: above + error.location().map_or(1, |it| it.line()),
                    message: message[..place].to_owned(),
                });
            }
        }
    }
    documents.retain(|document| !document.value.is_null());
    (documents, broken)
}

/// What people give us is as large as it is. Aliases alone can make much of little; how much is
/// limited by default.
fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_reader_input_bytes = None;
    budget.max_events = usize::MAX;
    budget.max_nodes = usize::MAX;
    budget.max_aliases = usize::MAX;
    budget.max_anchors = usize::MAX;
    budget.max_documents = usize::MAX;
    budget.max_total_scalar_bytes = usize::MAX;
    budget.enforce_alias_anchor_ratio = false;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options
}

/// A text cut where its documents begin (YAML 1.2.2 §9.1.2: `---` at the start of a line is never
/// content), each with how many lines stand above it.
fn parts(text: &str) -> Vec<(u64, &str)> {
    let (mut parts, mut start, mut above) = (Vec::new(), 0, 0);
    // Directives belong to the document below them.
    let (mut at, mut has_content) = (0, false);
    for (number, line) in (0..).zip(text.split_inclusive('\n')) {
        let begins = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if begins && has_content {
            parts.push((above, &text[start..at]));
            (start, above) = (at, number);
        }
        has_content |= begins || !(line.starts_with(['%', '#']) || line.trim().is_empty());
        at += line.len();
    }
    parts.push((above, &text[start..]));
    parts
}

impl Document {
    /// What stands in a text below so many lines.
    fn of(node: Spanned<Node>, above: u64) -> Self {
        let mut document = Self {
            value: Value::Null,
            repeated: Vec::new(),
            above,
            lines: HashMap::new(),
        };
        document.value = document.take(node, "");
        document
    }

    /// Notes the lines below a path. A field's is that of its key, which is noted already.
    fn take(&mut self, node: Spanned<Node>, path: &str) -> Value {
        let line = self.above + node.referenced.line();
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
                    let line = self.above + key.referenced.line();
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
        let (documents, broken) = parse(text);
        let broken: Vec<_> = broken.iter().map(|it| (it.line, &it.message)).collect();
        assert!(broken.is_empty(), "{broken:?}");
        documents
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
        let (documents, broken) = parse("a: 1\n---\na: 1\nb: [1, 2\nc: 3\n--- # another\nd: 1\n");
        assert_eq!(broken.len(), 1);
        let error = &broken[0];
        assert!((4..=6).contains(&error.line), "{}", error.line);
        assert!(!error.message.contains("line"), "{}", error.message);
        let values: Vec<_> = documents.iter().map(|it| &it.value).collect();
        assert_eq!(values, [&json!({"a": 1}), &json!({"d": 1})]);
        assert_eq!(documents[1].line(&Place::default(), "d"), 7);
    }

    #[test]
    fn a_document_begins_only_where_its_mark_does() {
        let text =
            "%YAML 1.2\r\n# First\r\n---\r\na: |\r\n  ---\r\n  ----\r\nb: ----\r\n--- {c: 1}\r\n";
        let documents = parsed(text);
        let values: Vec<_> = documents.iter().map(|it| &it.value).collect();
        let first = json!({"a": "---\n----\n", "b": "----"});
        assert_eq!(values, [&first, &json!({"c": 1})]);
        assert_eq!(documents[0].line(&Place::default(), "b"), 7);
        assert_eq!(documents[1].line(&Place::default(), "c"), 8);
    }

    #[test]
    fn there_may_be_many_documents_and_many_fields_but_no_explosion() {
        let many = "---\na: 1\n".repeat(2_000);
        assert_eq!(parsed(&many).len(), 2_000);
        let list = format!("a: &x 1\nlist:\n{}", "- {b: *x, c: 1}\n".repeat(60_000));
        assert_eq!(
            parsed(&list)[0].value["list"].as_array().unwrap().len(),
            60_000
        );
        let levels = ('b'..='k').zip('a'..).map(|(name, of)| {
            let aliases = vec![format!("*{of}"); 10].join(", ");
            format!("{name}: &{name} [{aliases}]\n")
        });
        let bomb = format!("a: &a [1, 1]\n{}", levels.collect::<String>());
        assert_eq!(parse(&bomb).1.len(), 1);
    }

    #[test]
    fn anchors_are_followed() {
        let document = &parsed("a: &x {b: 1}\nc: *x\n")[0];
        assert_eq!(document.value, json!({"a": {"b": 1}, "c": {"b": 1}}));
    }
}
