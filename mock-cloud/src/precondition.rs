//! Conditions that a client sets for a change (RFC 9110 §13.1). Pure.

/// When a change is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Precondition {
    /// `If-Match`: only if the entity tag now is one of these.
    matching: Option<Match>,
    /// `If-None-Match: *`: only if there is none.
    absent: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    Any,
    OneOf(Vec<String>),
}

/// A header that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPrecondition {
    #[error("`If-Match` must be `*` or entity tags in double quotes")]
    Match,
    #[error("`If-None-Match` can only be `*` here")]
    NoneMatch,
}

impl Precondition {
    /// From the values of the two headers.
    pub(crate) fn parse(
        if_match: Option<&str>,
        if_none_match: Option<&str>,
    ) -> Result<Self, NoPrecondition> {
        let matching = if_match.map(parse_match).transpose()?;
        let absent = match if_none_match.map(str::trim) {
            None => false,
            Some("*") => true,
            Some(_) => return Err(NoPrecondition::NoneMatch),
        };
        Ok(Self { matching, absent })
    }

    /// Whether a change may be made to what has this entity tag, or to nothing.
    pub(crate) fn holds(&self, etag: Option<&str>) -> bool {
        let matches = match (&self.matching, etag) {
            (None, _) | (Some(Match::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(Match::OneOf(tags)), Some(etag)) => tags.iter().any(|tag| tag == etag),
        };
        matches && !(self.absent && etag.is_some())
    }
}

/// Entity tags hold no comma here, so there is no more to splitting them. A weak one is kept as it
/// stands, and so matches nothing (§13.1.1: comparison is strong).
fn parse_match(text: &str) -> Result<Match, NoPrecondition> {
    if text.trim() == "*" {
        return Ok(Match::Any);
    }
    let tag = |tag: &str| {
        let tag = tag.trim();
        let strong = tag.strip_prefix("W/").unwrap_or(tag);
        let quoted = strong.len() >= 2 && strong.starts_with('"') && strong.ends_with('"');
        quoted.then(|| tag.to_owned()).ok_or(NoPrecondition::Match)
    };
    text.split(',')
        .map(tag)
        .collect::<Result<_, _>>()
        .map(Match::OneOf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_about_what_is_there() {
        let (one, two) = (Some("\"1\""), Some("\"2\""));
        for (if_match, if_none_match, etag, holds) in [
            (None, None, None, true),
            (None, None, one, true),
            (one, None, one, true),
            (one, None, two, false),
            (one, None, None, false),
            (Some("\"0\", \"1\""), None, one, true),
            (Some("*"), None, one, true),
            (Some("*"), None, None, false),
            (Some("W/\"1\""), None, one, false),
            (None, Some("*"), None, true),
            (None, Some("*"), one, false),
            (one, Some("*"), one, false),
        ] {
            let condition = Precondition::parse(if_match, if_none_match).unwrap();
            assert_eq!(
                condition.holds(etag),
                holds,
                "{if_match:?} {if_none_match:?} {etag:?}"
            );
        }
        for wrong in ["", "1", "\"1", "\"1\",", "\""] {
            assert_eq!(
                Precondition::parse(Some(wrong), None),
                Err(NoPrecondition::Match),
                "{wrong}"
            );
        }
        assert_eq!(
            Precondition::parse(None, one),
            Err(NoPrecondition::NoneMatch)
        );
    }
}
