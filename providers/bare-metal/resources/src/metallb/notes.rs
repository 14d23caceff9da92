//! What has no equal here, and what is done instead.

use std::fmt;

use super::convert::Source;

/// Something of an object that could not be carried over as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// MetalLB's object.
    pub source: Source,
    /// The path of the field in it.
    pub field: String,
    /// What about it has no equal.
    pub message: String,
    /// What is done instead.
    pub instead: String,
    /// Whom it concerns.
    pub scope: Scope,
}

/// Whom a note concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Whoever uses the object, whether it is read from MetalLB or written anew.
    Meaning,
    /// Only who writes it anew: read from MetalLB it means here what it means there.
    Writing,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            field,
            message,
            instead,
            ..
        } = self;
        write!(f, "{source}: {field}: {message}; {instead}")
    }
}

/// Gathers notes about one object.
pub(super) struct Notes<'a> {
    pub(super) source: Source,
    pub(super) notes: &'a mut Vec<Note>,
}

impl Notes<'_> {
    pub(super) fn meaning(&mut self, field: &str, message: impl Into<String>, instead: &str) {
        self.add(field, message.into(), instead, Scope::Meaning);
    }

    pub(super) fn writing(&mut self, field: &str, message: impl Into<String>, instead: &str) {
        self.add(field, message.into(), instead, Scope::Writing);
    }

    pub(super) fn unknown(&mut self, fields: &[String]) {
        for field in fields {
            self.meaning(field, "this field is not known", "it is passed over");
        }
    }

    fn add(&mut self, field: &str, message: String, instead: &str, scope: Scope) {
        self.notes.push(Note {
            source: self.source.clone(),
            field: field.to_owned(),
            message,
            instead: instead.to_owned(),
            scope,
        });
    }
}
