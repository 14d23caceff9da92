//! Kubernetes' `JSONPath`, as far as printer columns and selectable fields use it: fields, quoted
//! fields, indices, `[*]`, and filters that compare a field with a text.

use serde_json::Value;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// `[?(@.type=="Ready")]`.
    Where {
        path: Path,
        equal: bool,
        value: Value,
    },
}

impl Path {
    /// Parses `.spec.list[0].name`. None if it is not understood.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let (inside, after) = bracket(after)?;
                steps.push(step(inside)?);
                rest = after;
            } else {
                let after = rest.strip_prefix('.').unwrap_or(rest);
                let (name, after) = name(after);
                match name.as_str() {
                    "" if after.is_empty() || after.starts_with('[') => {}
                    "" => return None,
                    "*" => steps.push(Step::All),
                    _ => steps.push(Step::Field(name)),
                }
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// Everything that it leads to.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![value];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| step.take(value))
                .collect();
        }
        found
    }

    /// As a JSON pointer, if it is one of fields alone.
    pub(crate) fn pointer(&self) -> Option<String> {
        let part = |step: &Step| match step {
            Step::Field(name) => Some(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
            _ => None,
        };
        self.0.iter().map(part).collect()
    }
}

impl Step {
    fn take<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Field(name), value) => value.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(items)) => {
                let place = if *index < 0 {
                    i64::try_from(items.len()).ok().map(|length| length + index)
                } else {
                    Some(*index)
                };
                let place = place.and_then(|place| usize::try_from(place).ok());
                place
                    .and_then(|place| items.get(place))
                    .into_iter()
                    .collect()
            }
            (Self::All, Value::Array(items)) => items.iter().collect(),
            (Self::All, Value::Object(fields)) => fields.values().collect(),
            (Self::Where { path, equal, value }, Value::Array(items)) => items
                .iter()
                .filter(|item| path.find(item).contains(&value) == *equal)
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A name up to the next separator; a backslash takes what follows as it is.
fn name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '.' | '[' => return (name, &text[at..]),
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            letter => name.push(letter),
        }
    }
    (name, "")
}

/// What stands up to the closing bracket, quotes respected, and what follows.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (None, ']') => return Some((&text[..at], &text[at + 1..])),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

fn step(inside: &str) -> Option<Step> {
    let inside = inside.trim();
    if inside == "*" {
        return Some(Step::All);
    }
    if let Some(name) = quoted(inside) {
        return Some(Step::Field(name.to_owned()));
    }
    if let Some(filter) = inside
        .strip_prefix("?(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let (equal, (path, value)) = match filter.split_once("==") {
            Some(both) => (true, both),
            None => (false, filter.split_once("!=")?),
        };
        let value = value.trim();
        let value = match quoted(value) {
            Some(text) => Value::from(text),
            None => serde_json::from_str(value).ok()?,
        };
        let path = Path::parse(path.trim().strip_prefix('@')?)?;
        return Some(Step::Where { path, equal, value });
    }
    inside.parse().ok().map(Step::Index)
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Path;

    #[test]
    fn paths() {
        let object = json!({
            "spec": { "list": ["a", "b"], "a.b": 1 },
            "status": { "conditions": [{ "type": "X", "status": "False" }, { "type": "Ready", "status": "True" }] },
        });
        for (path, found) in [
            (".spec.list[0]", vec![json!("a")]),
            (".spec.list[-1]", vec![json!("b")]),
            (".spec.list[*]", vec![json!("a"), json!("b")]),
            (".spec['a.b']", vec![json!(1)]),
            (r".spec.a\.b", vec![json!(1)]),
            (
                ".status.conditions[?(@.type==\"Ready\")].status",
                vec![json!("True")],
            ),
            (
                ".status.conditions[?(@.type=='X')].status",
                vec![json!("False")],
            ),
            (".spec.missing.deeper", vec![]),
        ] {
            let parsed = Path::parse(path).unwrap();
            let all: Vec<Value> = parsed.find(&object).into_iter().cloned().collect();
            assert_eq!(all, found, "{path}");
        }
        assert_eq!(
            Path::parse(".spec.mode").unwrap().pointer().unwrap(),
            "/spec/mode"
        );
        assert!(Path::parse(".spec.list[").is_none());
        assert!(Path::parse(".spec..x").is_none());
    }
}
