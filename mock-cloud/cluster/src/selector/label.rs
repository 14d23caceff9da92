//! The label selector grammar: `a=b,c==d,e!=f,g in (h,i),j notin (k),l,!m`, and the
//! `LabelSelector` object of Deployments.

use serde_json::Value;

use crate::answer::ApiError;
use crate::names;

/// All requirements must hold; none means everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Greater(String, i64),
    Less(String, i64),
}

impl LabelSelector {
    /// Parses the query's form.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let requirements = split(text)
            .into_iter()
            .map(requirement)
            .collect::<Result<_, String>>()
            .map_err(|why| ApiError::bad_request(format!("unable to parse requirement: {why}")))?;
        Ok(Self { requirements })
    }

    /// Reads a `LabelSelector` object. An empty one matches everything.
    pub(crate) fn from_object(selector: &Value) -> Self {
        let mut requirements = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement::In(key.clone(), vec![value]));
        }
        for expression in selector["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect();
            requirements.push(match expression["operator"].as_str() {
                Some("In") => Requirement::In(key, values),
                Some("NotIn") => Requirement::NotIn(key, values),
                Some("DoesNotExist") => Requirement::Absent(key),
                _ => Requirement::Exists(key),
            });
        }
        Self { requirements }
    }

    /// Whether an object's labels (an object of strings, or null) satisfy it.
    pub(crate) fn matches(&self, labels: &Value) -> bool {
        self.requirements.iter().all(|requirement| {
            let number = |key: &String| labels[key].as_str()?.parse::<i64>().ok();
            match requirement {
                Requirement::In(key, values) => labels[key]
                    .as_str()
                    .is_some_and(|value| values.iter().any(|one| one == value)),
                Requirement::NotIn(key, values) => labels[key]
                    .as_str()
                    .is_none_or(|value| values.iter().all(|one| one != value)),
                Requirement::Exists(key) => labels[key].is_string(),
                Requirement::Absent(key) => !labels[key].is_string(),
                Requirement::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
                Requirement::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
            }
        })
    }
}

/// Splits at the commas that are not inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let text = text.trim();
    if let Some(key) = text.strip_prefix('!') {
        return Ok(Requirement::Absent(checked_key(key)?));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(
            checked_key(key)?,
            vec![checked_value(value)?],
        ));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(
            checked_key(key)?,
            vec![checked_value(value)?],
        ));
    }
    for (sign, build) in [
        ('>', Requirement::Greater as fn(String, i64) -> Requirement),
        ('<', Requirement::Less),
    ] {
        if let Some((key, value)) = text.split_once(sign) {
            let bound = value.trim().parse().map_err(|_| {
                format!("for 'Gt', 'Lt' operators, the value must be an integer: {value:?}")
            })?;
            return Ok(build(checked_key(key)?, bound));
        }
    }
    set_requirement(text)
}

fn set_requirement(text: &str) -> Result<Requirement, String> {
    let Some((head, list)) = text.split_once('(') else {
        return Ok(Requirement::Exists(checked_key(text)?));
    };
    let list = list
        .strip_suffix(')')
        .ok_or_else(|| format!("found '{text}', expected: ',' or ')'"))?;
    let values = list
        .split(',')
        .map(checked_value)
        .collect::<Result<_, _>>()?;
    match head.split_whitespace().collect::<Vec<_>>().as_slice() {
        [key, "in"] => Ok(Requirement::In(checked_key(key)?, values)),
        [key, "notin"] => Ok(Requirement::NotIn(checked_key(key)?, values)),
        _ => Err(format!(
            "found '{head}', expected: in, notin, =, ==, !=, gt, lt"
        )),
    }
}

fn checked_key(text: &str) -> Result<String, String> {
    let key = text.trim();
    match names::qualified_fault(key) {
        Some(fault) => Err(format!("key: Invalid value: {key:?}: {fault}")),
        None => Ok(key.to_owned()),
    }
}

fn checked_value(text: &str) -> Result<String, String> {
    let value = text.trim();
    match names::label_value_fault(value) {
        Some(fault) => Err(format!("values[0]: Invalid value: {value:?}: {fault}")),
        None => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::LabelSelector;

    #[test]
    fn the_grammar() {
        let labels = json!({ "app": "web", "tier": "front", "n": "5" });
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app = web", true),
            ("app in (web, api),tier notin (back)", true),
            ("app in (api)", false),
            ("missing notin (x)", true),
            ("missing!=x", true),
            ("app", true),
            ("missing", false),
            ("!missing", true),
            ("!app", false),
            ("n>4,n<6", true),
            ("n>5", false),
        ] {
            let parsed = LabelSelector::parse(selector).unwrap();
            assert_eq!(parsed.matches(&labels), expected, "{selector}");
        }
        for bad in ["a b", "a in (x", "in (x)", "a=b c", "=x", "a>b"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }
}
