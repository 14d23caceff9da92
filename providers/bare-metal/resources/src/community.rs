//! BGP communities, as numbers and by name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A mark on a route that routers know a meaning for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Community {
    /// Two numbers of 16 bits (RFC 1997).
    Standard(u16, u16),
    /// Three numbers of 32 bits (RFC 8092).
    Large(u32, u32, u32),
}

/// Names that need no alias, from IANA's list of well-known communities.
const WELL_KNOWN: [(&str, Community); 6] = [
    ("graceful-shutdown", Community::Standard(0xffff, 0x0000)), // RFC 8326
    ("blackhole", Community::Standard(0xffff, 0x029a)),         // RFC 7999
    ("no-export", Community::Standard(0xffff, 0xff01)),         // RFC 1997
    ("no-advertise", Community::Standard(0xffff, 0xff02)),      // RFC 1997
    ("no-export-subconfed", Community::Standard(0xffff, 0xff03)), // RFC 1997
    ("no-peer", Community::Standard(0xffff, 0xff04)),           // RFC 3765
];

/// A text that is no community.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no community, such as 65000:100 or large:65000:1:2")]
pub struct CommunityError(String);

impl Community {
    /// Reads numbers, a well-known name, or an alias.
    pub fn parse(text: &str, aliases: &BTreeMap<String, Self>) -> Result<Self, CommunityError> {
        let well_known = WELL_KNOWN.iter().find(|(name, _)| *name == text);
        let named = aliases
            .get(text)
            .or(well_known.map(|(_, community)| community));
        match named {
            Some(community) => Ok(*community),
            None => text.parse(),
        }
    }

    /// Whether the name means a community to everybody.
    pub(crate) fn is_well_known(name: &str) -> bool {
        WELL_KNOWN.iter().any(|(known, _)| *known == name)
    }
}

impl FromStr for Community {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let large = text.strip_prefix("large:");
        let parts: Vec<_> = large.unwrap_or(text).split(':').collect();
        let community = match (large, &parts[..]) {
            (None, [a, b]) => number(a).zip(number(b)).map(|(a, b)| Self::Standard(a, b)),
            (Some(_), [a, b, c]) => number(a)
                .zip(number(b))
                .zip(number(c))
                .map(|((a, b), c)| Self::Large(a, b, c)),
            _ => None,
        };
        community.ok_or_else(|| CommunityError(text.to_owned()))
    }
}

/// Digits only: `+1` is a number to Rust.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|it| it.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(a, b) => write!(f, "{a}:{b}"),
            Self::Large(a, b, c) => write!(f, "large:{a}:{b}:{c}"),
        }
    }
}
