//! Names of load balancers.

use std::fmt;
use std::str::FromStr;

/// A client's name for a load balancer: 1 to 255 of `a-z`, `0-9`, `.`, `_` and `-`, the first one
/// a letter or digit. So it needs no escaping in a path, a log or a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(String);

/// A text that is no [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id is 1 to 255 of a-z, 0-9, `.`, `_` and `-`, of which the first is a letter or a digit"
)]
pub(crate) struct NoId;

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let simple = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let first = text.bytes().next().is_some_and(simple);
        let rest = text
            .bytes()
            .all(|c| simple(c) || matches!(c, b'.' | b'_' | b'-'));
        if first && rest && text.len() <= 255 {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoId)
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_needs_no_escaping() {
        let long = "a".repeat(255);
        for right in ["a", "0", "k8s.demo.c1.s1", "a_b-c", &long] {
            assert_eq!(right.parse::<Id>().unwrap().to_string(), right);
        }
        let longer = "a".repeat(256);
        for wrong in ["", ".", "..", "-a", "A", "a b", "a/b", "ä", &longer] {
            assert_eq!(wrong.parse::<Id>(), Err(NoId), "{wrong}");
        }
    }
}
