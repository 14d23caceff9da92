//! Durations as people write them in objects.

use std::time::Duration;

/// Why a text is not a duration.
pub(crate) const FORM: &str = "a number with a unit is needed, such as 300ms, 90s, 5m or 1h";

/// Reads numbers with the units ms, s, m and h, such as `1h30m`. The same texts as the rules in CEL:
/// sixteen characters, six digits at once, no fractions.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text.len() > 16 {
        return None;
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit())?;
        if digits > 6 {
            return None;
        }
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let (milliseconds, length) = match unit.as_bytes() {
            [b'm', b's', ..] => (1, 2),
            [b's', ..] => (1_000, 1),
            [b'm', ..] => (60_000, 1),
            [b'h', ..] => (3_600_000, 1),
            _ => return None,
        };
        sum += Duration::from_millis(number * milliseconds);
        rest = &unit[length..];
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("300ms", 300),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1s500ms", 1_500),
            ("999999h999999h", 7_199_992_800_000),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(duration(text), expected, "{text}");
        }
        for text in [
            "",
            "60",
            "s",
            "ms",
            "1.5s",
            "-5s",
            "+5s",
            " 5s",
            "5 s",
            "5d",
            "5µs",
            "1000000s",
            "5s5",
            "1h1h1h1h1h1h1h1h1h",
            "٣s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
