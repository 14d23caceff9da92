//! Bearer tokens (RFC 6750).

use std::fmt;
use std::hint::black_box;

/// A secret that a caller must know. Never shown, and compared without telling by the time that
/// it takes how much of it was right.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Whether `offered` is this token.
    pub(crate) fn matches(&self, offered: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), offered.as_bytes());
        // As many steps as the offer is long, whatever our own length is; an empty secret is
        // never right.
        let mut differences = usize::from(ours.len() != theirs.len() || ours.is_empty());
        for (index, byte) in theirs.iter().enumerate() {
            let own = ours.get(index % ours.len().max(1)).copied().unwrap_or(0);
            differences |= usize::from(black_box(own ^ byte));
        }
        black_box(differences) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_matches() {
        let token = Token::new("s3cret".into());
        assert!(token.matches("s3cret"));
        for wrong in ["", "s3cre", "s3cret2", "S3cret", "s3crets3cret"] {
            assert!(!token.matches(wrong), "{wrong}");
        }
        assert!(!Token::new(String::new()).matches(""));
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
