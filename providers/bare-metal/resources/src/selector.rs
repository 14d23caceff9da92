//! Label selectors that have been judged, and the "any of these" of which lists of them speak.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube_core::{Selector, SelectorExt as _};

use crate::fault::Fault;

/// Selectors of which one is enough. None at all match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors(Vec<Selector>);

impl Selectors {
    /// What matches everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// What one of these matches. An empty selector matches everything, and so does an empty list.
    #[must_use]
    pub fn any_of(selectors: Vec<Selector>) -> Self {
        if selectors.iter().any(Selector::selects_all) {
            return Self::everything();
        }
        Self(selectors)
    }

    /// Whether it matches everything, so that labels need not be looked at.
    pub fn selects_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object with such labels is matched.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.selects_all() || self.0.iter().any(|it| it.matches(labels))
    }

    /// The selectors of which one is enough; none: everything is matched.
    pub fn alternatives(&self) -> &[Selector] {
        &self.0
    }

    /// The selector of a field: absent and empty select everything.
    pub(crate) fn parse(
        field: &str,
        written: Option<&LabelSelector>,
        faults: &mut Vec<Fault>,
    ) -> Self {
        match written {
            Some(written) => Self::any_of(selector(field, written, faults).into_iter().collect()),
            None => Self::everything(),
        }
    }
}

/// Judges a selector as Kubernetes does where it stands in its own kinds.
pub(crate) fn selector(
    field: &str,
    written: &LabelSelector,
    faults: &mut Vec<Fault>,
) -> Option<Selector> {
    let before = faults.len();
    for (key, value) in written.match_labels.iter().flatten() {
        let field = format!("{field}.matchLabels");
        if !is_key(key) {
            faults.push(Fault::new(
                field.clone(),
                format!("'{key}' is no name of a label"),
            ));
        }
        if !is_value(value) {
            faults.push(Fault::new(
                field,
                format!("'{value}' is no value of a label"),
            ));
        }
    }
    for (at, expression) in written.match_expressions.iter().flatten().enumerate() {
        judge(
            &format!("{field}.matchExpressions[{at}]"),
            expression,
            faults,
        );
    }
    if faults.len() > before {
        return None;
    }
    match written.clone().try_into() {
        Ok(selector) => Some(selector),
        Err(error) => {
            let error: kube_core::ParseExpressionError = error;
            faults.push(Fault::new(field, error.to_string()));
            None
        }
    }
}

fn judge(field: &str, expression: &LabelSelectorRequirement, faults: &mut Vec<Fault>) {
    if !is_key(&expression.key) {
        let message = format!("'{}' is no name of a label", expression.key);
        faults.push(Fault::new(format!("{field}.key"), message));
    }
    let values = expression.values.as_deref().unwrap_or_default();
    match expression.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            faults.push(Fault::new(field, "In and NotIn need values"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            faults.push(Fault::new(field, "Exists and DoesNotExist take no values"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => faults.push(
            Fault::new(
                format!("{field}.operator"),
                format!("'{other}' is no operator"),
            )
            .hint("In, NotIn, Exists or DoesNotExist"),
        ),
    }
    for (at, value) in values.iter().enumerate() {
        if !is_value(value) {
            let message = format!("'{value}' is no value of a label");
            faults.push(Fault::new(format!("{field}.values[{at}]"), message));
        }
    }
}

/// A name of at most 63 characters, perhaps with a DNS name and a slash before it.
fn is_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let dns = |it: &str| {
        it.len() <= 253
            && it.split('.').all(|label| {
                is_bounded(label)
                    && label
                        .bytes()
                        .all(|it| it == b'-' || it.is_ascii_lowercase() || it.is_ascii_digit())
            })
    };
    !name.is_empty() && is_value(name) && prefix.is_none_or(dns)
}

/// At most 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit; or nothing.
fn is_value(text: &str) -> bool {
    text.is_empty()
        || is_bounded(text)
            && text
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
}

fn is_bounded(text: &str) -> bool {
    let edge = |it: Option<&u8>| it.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= 63 && edge(text.as_bytes().first()) && edge(text.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(written: Value) -> Result<Selectors, Vec<String>> {
        let written: LabelSelector = serde_json::from_value(written).unwrap();
        let mut faults = Vec::new();
        let selectors = Selectors::parse("spec.s", Some(&written), &mut faults);
        if faults.is_empty() {
            return Ok(selectors);
        }
        Err(faults.iter().map(ToString::to_string).collect())
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_selector_means_what_it_means_to_kubernetes() {
        let rows = [
            (json!({}), labels(&[]), true),
            (
                json!({"matchLabels": {"a": "b"}}),
                labels(&[("a", "b")]),
                true,
            ),
            (
                json!({"matchLabels": {"a": "b"}}),
                labels(&[("a", "c")]),
                false,
            ),
            (json!({"matchLabels": {"a": ""}}), labels(&[]), false),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}),
                labels(&[("a", "c")]),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}),
                labels(&[]),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
                labels(&[("a", "")]),
                true,
            ),
            (
                json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]}),
                labels(&[("a", "b"), ("c", "d")]),
                false,
            ),
        ];
        for (written, labels, matches) in rows {
            let selectors = parse(written.clone()).unwrap();
            assert_eq!(selectors.matches(&labels), matches, "{written} {labels:?}");
        }
    }

    #[test]
    fn one_of_several_selectors_is_enough_and_none_select_all() {
        let selector = |text: &str| Selector::from_iter(Some(("a".to_owned(), text.to_owned())));
        let any = Selectors::any_of(vec![selector("b"), selector("c")]);
        assert!(any.matches(&labels(&[("a", "c")])));
        assert!(!any.matches(&labels(&[("a", "d")])));
        assert!(Selectors::any_of(vec![]).matches(&labels(&[])));
        let with_empty = Selectors::any_of(vec![selector("b"), Selector::default()]);
        assert!(with_empty.selects_all() && with_empty.matches(&labels(&[])));
    }

    #[test]
    fn a_selector_that_means_nothing_is_refused() {
        let expression = |it: Value| json!({"matchExpressions": [it]});
        let rows = [
            (
                json!({"matchLabels": {"a b": "c"}}),
                "spec.s.matchLabels: 'a b' is no name",
            ),
            (
                json!({"matchLabels": {"a": "-c"}}),
                "spec.s.matchLabels: '-c' is no value",
            ),
            (
                json!({"matchLabels": {"A.example/b": "c"}}),
                "spec.s.matchLabels: 'A.example/b'",
            ),
            (
                expression(json!({"key": "a", "operator": "In", "values": []})),
                "spec.s.matchExpressions[0]: In and NotIn need values",
            ),
            (
                expression(json!({"key": "a", "operator": "Exists", "values": ["b"]})),
                "spec.s.matchExpressions[0]: Exists",
            ),
            (
                expression(json!({"key": "a", "operator": "Gt", "values": ["1"]})),
                "spec.s.matchExpressions[0].operator: 'Gt'",
            ),
            (
                expression(json!({"key": "a", "operator": "In", "values": ["b", "c/d"]})),
                "spec.s.matchExpressions[0].values[1]: 'c/d'",
            ),
        ];
        for (written, begin) in rows {
            let faults = parse(written.clone()).unwrap_err();
            assert!(
                faults.len() == 1 && faults[0].starts_with(begin),
                "{written}: {faults:?}"
            );
        }
    }
}
