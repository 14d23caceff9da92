//! What all `Describe…` of EC2 share: chosen identifiers, pages, and how tags are written.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map as Json, Value, json};

use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::pages::page;
use crate::parameters::Parameters;

/// How an action pages.
pub(crate) struct Listing<'a> {
    /// The element that holds the list.
    pub(crate) set: &'a str,
    /// Fewest and most of `MaxResults`.
    pub(crate) size: (usize, usize),
    /// What a page has at most if nothing is said.
    pub(crate) whole: usize,
}

impl<'a> Listing<'a> {
    pub(crate) fn of(set: &'a str) -> Self {
        Self {
            set,
            size: (5, 1000),
            whole: 1000,
        }
    }

    /// Writes the page that is asked for.
    pub(crate) fn answer<T>(
        &self,
        parameters: &Parameters,
        items: Vec<(String, T)>,
        show: impl Fn(T) -> Value,
    ) -> Answer {
        let (least, most) = self.size;
        let size = match parameters.get("MaxResults") {
            None => self.whole,
            Some(text) => text
                .parse()
                .ok()
                .filter(|it| (least..=most).contains(it))
                .ok_or_else(|| {
                    let text = format!("Value ( {text} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}.");
                    Refusal::value(text)
                })?,
        };
        let page = page(items, size, parameters.get("NextToken"))
            .map_err(|_| Refusal::new("InvalidNextToken", "The token is none that was given."))?;
        let mut answer = Json::new();
        let list = page.items.into_iter().map(show).collect();
        answer.insert(self.set.to_owned(), Value::Array(list));
        answer.insert("nextToken".to_owned(), page.next.into());
        Ok(Value::Object(answer))
    }
}

/// The things that a request chooses by identifier, or all. One that is not there fails it.
pub(crate) fn chosen<'a, T>(
    all: &'a BTreeMap<String, T>,
    ids: &[String],
    code: &str,
    noun: &str,
) -> Result<Vec<(&'a String, &'a T)>, Refusal> {
    if ids.is_empty() {
        return Ok(all.iter().collect());
    }
    let missing: Vec<&str> = ids
        .iter()
        .filter(|id| !all.contains_key(*id))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(not_found(code, noun, &missing));
    }
    Ok(all.iter().filter(|(id, _)| ids.contains(id)).collect())
}

/// AWS's sentence for things that are not there.
pub(crate) fn not_found(code: &str, noun: &str, ids: &[&str]) -> Refusal {
    let list = ids.join(", ");
    let text = match ids.len() {
        1 => format!("The {noun} '{list}' does not exist"),
        _ => format!("The {noun}s '{list}' do not exist"),
    };
    Refusal::new(code, text)
}

pub(crate) fn shown_tags(tags: &Map) -> Value {
    let tags = tags.iter();
    tags.map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// The tags that a request wants of a new thing. They must be for things of that kind.
pub(crate) fn new_tags(parameters: &Parameters, kind: &str) -> Result<Map, Refusal> {
    let mut tags = Map::new();
    for given in parameters.structures("TagSpecification") {
        let named = given.ec2_need("ResourceType")?;
        if named != kind {
            let text =
                format!("'{named}' is not a valid taggable resource type for this operation.");
            return Err(Refusal::value(text));
        }
        let (more, twice) = given.pairs("Tag");
        if twice {
            return Err(Refusal::value("Duplicate tag keys are not allowed."));
        }
        tags.extend(more);
    }
    check_tags(&tags)?;
    Ok(tags)
}

/// What EC2 allows of the tags of one thing.
pub(crate) fn check_tags(tags: &Map) -> Result<(), Refusal> {
    for (key, value) in tags {
        if key.starts_with("aws:") {
            let text =
                format!("Tag keys starting with 'aws:' are reserved for internal use: {key}");
            return Err(Refusal::value(text));
        }
        if key.is_empty() || key.chars().count() > 127 || value.chars().count() > 255 {
            let text = format!("Tag {key} is longer than 127 letters, or its value than 255");
            return Err(Refusal::value(text));
        }
    }
    if tags.len() > 50 {
        let text = "The maximum number of Tags for a resource has been reached.";
        return Err(Refusal::new("TagLimitExceeded", text));
    }
    Ok(())
}

pub(crate) fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|it| it.to_string()).collect()
}

/// Addresses of one family, as text.
pub(crate) fn of_family(addresses: &[IpAddr], ipv6: bool) -> Vec<String> {
    texts(addresses.iter().filter(|it| it.is_ipv6() == ipv6))
}
