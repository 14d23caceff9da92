//! Reads annotations one by one, each into a type, and notes every fault with the annotation that it
//! is in. Knows afterwards which nobody asked for. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::Fault;

/// How the names of all annotations begin but for one.
pub(crate) const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";
/// The one that does not.
pub(crate) const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// The annotations of a Service, while they are read.
pub(super) struct Reader<'a> {
    annotations: &'a BTreeMap<String, String>,
    asked: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(annotations: &'a BTreeMap<String, String>) -> Self {
        Self {
            annotations,
            asked: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// The value of an annotation, by the end of its name, without blanks around it. An empty one is
    /// none.
    pub(super) fn text(&mut self, suffix: &str) -> Option<&'a str> {
        self.raw(&format!("{PREFIX}{suffix}"))
    }

    /// The same by its whole name.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a str> {
        self.asked.insert(name.to_owned());
        let value = self.annotations.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The annotations whose names go on after this, with what follows.
    pub(super) fn each(&mut self, suffix: &str) -> Vec<(&'a str, &'a str)> {
        let prefix = format!("{PREFIX}{suffix}");
        let found: Vec<_> = self
            .annotations
            .iter()
            .filter_map(|(name, value)| Some((name, name.strip_prefix(&prefix)?, value.trim())))
            .collect();
        for (name, ..) in &found {
            self.asked.insert((*name).clone());
        }
        found
            .into_iter()
            .map(|(_, rest, value)| (rest, value))
            .collect()
    }

    pub(super) fn fault(&mut self, suffix: &str, message: impl Into<String>) {
        self.faults.push(Fault {
            annotation: format!("{PREFIX}{suffix}"),
            message: message.into(),
        });
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(&mut self, suffix: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.text(suffix)?;
        let found = words.iter().find(|(word, _)| *word == value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(
                suffix,
                format!("{value:?} is none of: {}", known.join(", ")),
            );
        }
        found.map(|(_, it)| *it)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, suffix: &str) -> Option<bool> {
        self.word(suffix, &[("true", true), ("false", false)])
    }

    /// `on` or `off`.
    pub(super) fn switch(&mut self, suffix: &str) -> Option<bool> {
        self.word(suffix, &[("on", true), ("off", false)])
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, suffix: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.text(suffix)?;
        let number = value.parse().ok().filter(|it| (least..=most).contains(it));
        if number.is_none() {
            self.fault(
                suffix,
                format!("{value:?} is not a number from {least} to {most}"),
            );
        }
        number
    }

    /// Texts, divided by commas; none is empty, none stands there twice.
    pub(super) fn list(&mut self, suffix: &str) -> Option<Vec<String>> {
        let value = self.text(suffix)?;
        let mut items: Vec<String> = Vec::new();
        for item in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            if items.iter().any(|it| it == item) {
                self.fault(suffix, format!("{item} stands there twice"));
                return None;
            }
            items.push(item.to_owned());
        }
        if items.is_empty() {
            self.fault(suffix, "names nothing; remove it, or name something");
            return None;
        }
        Some(items)
    }

    /// A list, each item of one kind, which is named where one is not.
    pub(super) fn parsed<T: FromStr>(&mut self, suffix: &str, kind: &str) -> Option<Vec<T>> {
        let items = self.list(suffix)?;
        let mut parsed = Vec::new();
        for item in &items {
            match item.parse() {
                Ok(it) => parsed.push(it),
                Err(_) => self.fault(suffix, format!("{item:?} is not {kind}")),
            }
        }
        (parsed.len() == items.len()).then_some(parsed)
    }

    /// `key=value,key=value`.
    pub(super) fn map(&mut self, suffix: &str) -> Option<BTreeMap<String, String>> {
        let value = self.text(suffix)?;
        self.map_of(suffix, value)
    }

    /// The same of a value that was read already.
    pub(super) fn map_of(&mut self, suffix: &str, value: &str) -> Option<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for item in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (key, value) = match item.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => (key.trim(), value.trim()),
                _ => {
                    self.fault(suffix, format!("{item:?} is not of the form key=value"));
                    return None;
                }
            };
            if map.insert(key.to_owned(), value.to_owned()).is_some() {
                self.fault(suffix, format!("{key} stands there twice"));
                return None;
            }
        }
        Some(map)
    }

    /// It was read, and cannot be followed.
    pub(super) fn leave(&mut self, suffix: &str) {
        self.asked.remove(&format!("{PREFIX}{suffix}"));
    }

    /// The names of those that nobody has asked for.
    pub(super) fn rest(&self) -> Vec<String> {
        let all = self.annotations.keys();
        let rest = all.filter(|name| !self.asked.contains(*name));
        rest.cloned().collect()
    }
}
