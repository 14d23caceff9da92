//! Filters of `Describe…`: several values each, with `*` and `?`. All of them must hold.

use std::collections::HashSet;

use crate::Map;
use crate::answer::Refusal;
use crate::parameters::Parameters;

/// Most values of one filter.
const MOST_VALUES: usize = 200;

/// The filters of a request.
#[derive(Debug)]
pub(crate) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    name: String,
    words: HashSet<String>,
    patterns: Vec<String>,
}

impl Filters {
    /// Those of a request, which may name only `known` ones, `tag:KEY` and `tag-key`.
    pub(crate) fn of(parameters: &Parameters, known: &[&str]) -> Result<Self, Refusal> {
        let filters = parameters.structures("Filter").into_iter();
        let filters = filters.map(|given| {
            let name = given.ec2_need("Name")?.to_owned();
            let is_tag = name.starts_with("tag:") || name == "tag-key";
            if !is_tag && !known.contains(&name.as_str()) {
                return Err(Refusal::value(format!("The filter '{name}' is invalid")));
            }
            let values = given.list("Value");
            if values.is_empty() {
                return Err(Refusal::value(format!("The filter '{name}' has no value")));
            }
            if values.len() > MOST_VALUES {
                let text = "The maximum number of filter values specified on a single call is 200";
                return Err(Refusal::new("FilterLimitExceeded", text));
            }
            let (patterns, words) = values
                .into_iter()
                .partition(|it| it.contains(['*', '?', '\\']));
            let words = Vec::into_iter(words).collect();
            Ok(Filter {
                name,
                words,
                patterns,
            })
        });
        filters.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a thing with these tags passes; `values` gives what it has under a name.
    pub(crate) fn pass(&self, tags: &Map, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|filter| {
            if let Some(key) = filter.name.strip_prefix("tag:") {
                tags.get(key).is_some_and(|it| filter.takes(it))
            } else if filter.name == "tag-key" {
                tags.keys().any(|it| filter.takes(it))
            } else {
                values(&filter.name).iter().any(|it| filter.takes(it))
            }
        })
    }
}

impl Filter {
    fn takes(&self, value: &str) -> bool {
        self.words.contains(value)
            || self
                .patterns
                .iter()
                .any(|it| matches(it.as_bytes(), value.as_bytes()))
    }
}

/// `*` stands for any text, `?` for one letter, and a backslash takes either's meaning away.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => {
            matches(rest, text) || (!text.is_empty() && matches(pattern, &text[1..]))
        }
        ([b'?', rest @ ..], [_, after @ ..]) => matches(rest, after),
        ([b'\\', letter, rest @ ..] | [letter, rest @ ..], [first, after @ ..]) => {
            letter == first && matches(rest, after)
        }
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_letters() {
        let table = [
            ("k8s-*", "k8s-a", true),
            ("k8s-?", "k8s-ab", false),
            ("*b*", "abc", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("", "", true),
            ("a", "", false),
        ];
        for (pattern, text, wanted) in table {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, wanted, "{pattern} {text}");
        }
    }
}
