//! What is wrong with an object.

use std::fmt;

use crate::range::EntryError;

/// One field of an object that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The path of the field, such as `spec.addresses[2]`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right, if that can be said.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault without a hint.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// What is wrong with addresses in a field.
    pub(crate) fn entry(field: impl Into<String>, error: &EntryError) -> Self {
        Self {
            field: field.into(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
