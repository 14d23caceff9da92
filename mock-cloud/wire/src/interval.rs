//! Lengths of time as people write them: `250ms`, `10s`, `2m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A length of time that is written as a whole number with its unit: `ms`, `s` or `m`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "250ms")]
pub struct Interval(pub Duration);

/// A text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time; write a whole number with ms, s or m, such as 250ms or 10s")]
pub struct NoInterval(String);

impl FromStr for Interval {
    type Err = NoInterval;

    fn from_str(text: &str) -> Result<Self, NoInterval> {
        let refused = || NoInterval(text.to_owned());
        let unit = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(refused)?;
        let (number, unit) = text.split_at(unit);
        let number: u32 = number.parse().map_err(|_| refused())?;
        let one = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            _ => return Err(refused()),
        };
        Ok(Self(one * number))
    }
}

impl TryFrom<String> for Interval {
    type Error = NoInterval;

    fn try_from(text: String) -> Result<Self, NoInterval> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else {
            write!(f, "{}ms", self.0.as_millis())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_a_unit() {
        for (text, expected) in [
            ("250ms", Some(Duration::from_millis(250))),
            ("10s", Some(Duration::from_secs(10))),
            ("2m", Some(Duration::from_mins(2))),
            ("0s", Some(Duration::ZERO)),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1h", None),
            ("", None),
            ("99999999999s", None),
        ] {
            let parsed = text.parse::<Interval>().ok().map(|interval| interval.0);
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in ["250ms", "10s", "1500ms"] {
            assert_eq!(text.parse::<Interval>().unwrap().to_string(), text);
        }
    }
}
