//! The UIDs of Services, in as few bytes as they need: there is one for every address.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// `metadata.uid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Uid {
    /// What API servers make: written in lower case with dashes.
    Uuid(Uuid),
    /// Any other text.
    Text(Arc<str>),
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.hyphenated().to_string() == text => Self::Uuid(uuid),
            _ => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_stays_what_it_is() {
        let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let texts = [
            uuid,
            "6BA7B810-9dad-11d1-80b4-00c04fd430c8",
            "6ba7b8109dad11d180b400c04fd430c8",
            "s1",
            "",
        ];
        for text in texts {
            let uid = Uid::from(text);
            assert_eq!(uid.to_string(), text);
            assert_eq!(matches!(uid, Uid::Uuid(_)), text == uuid);
        }
    }
}
