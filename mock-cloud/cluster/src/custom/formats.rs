//! The `format`s of strings that the real server checks (its `strfmt` registry). Formats that
//! have nothing to do with a cluster (ISBNs, credit cards, colours) are let through.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

use super::schema::{Schema, Type};
use crate::cel::parse_duration;
use crate::names;

/// What the real server knows, without dashes; others mean nothing there either.
const KNOWN: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Whether a format of a type means something to the real server.
pub(crate) fn is_known(kind: &str, format: &str) -> bool {
    match kind {
        "" | "string" => KNOWN.contains(&format.replace('-', "").as_str()),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

/// The format of a schema, if it means something to the server.
pub(super) fn of(schema: &Schema) -> &str {
    let kind = schema.kind.map_or("", Type::name);
    if is_known(kind, &schema.format) {
        &schema.format
    } else {
        ""
    }
}

/// Whether a text is of a format.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format.replace('-', "").as_str() {
        "datetime" => text.contains(['T', 't']) && text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => duration(text),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text.parse::<IpNet>().is_ok(),
        "mac" => mac(text),
        "uuid" => uuid(text, None),
        "uuid3" => uuid(text, Some('3')),
        "uuid4" => uuid(text, Some('4')),
        "uuid5" => uuid(text, Some('5')),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "hostname" => hostname(text),
        "uri" => {
            text.starts_with('/')
                || text
                    .parse::<http::Uri>()
                    .is_ok_and(|uri| uri.scheme().is_some())
        }
        "byte" => STANDARD.decode(text).is_ok(),
        "k8sshortname" => names::label_fault(&text.to_lowercase()).is_none(),
        "k8slongname" => names::subdomain_fault(&text.to_lowercase()).is_none(),
        _ => true,
    }
}

/// Go's durations, and Scala's: one number and a word.
fn duration(text: &str) -> bool {
    const UNITS: [&str; 8] = ["ns", "us", "ms", "s", "m", "h", "d", "w"];
    if parse_duration(text).is_some() {
        return true;
    }
    let text = text.trim().to_lowercase();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let unit = text[digits..].trim();
    let word = [
        "nano", "micro", "milli", "sec", "second", "min", "minute", "hr", "hour", "day", "week",
    ];
    digits > 0
        && (UNITS.contains(&unit)
            || word.contains(&unit)
            || word.contains(&unit.trim_end_matches('s')))
}

/// Go's `net.ParseMAC`: 6, 8 or 20 bytes.
fn mac(text: &str) -> bool {
    let parts = |by: char, width: usize| {
        let parts: Vec<&str> = text.split(by).collect();
        let hex = parts
            .iter()
            .all(|part| part.len() == width && part.chars().all(|digit| digit.is_ascii_hexdigit()));
        if hex { parts.len() * width / 2 } else { 0 }
    };
    [parts(':', 2), parts('-', 2), parts('.', 4)]
        .into_iter()
        .any(|bytes| matches!(bytes, 6 | 8 | 20))
}

fn uuid(text: &str, version: Option<char>) -> bool {
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    let hex = digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    hex && version.is_none_or(|version| {
        let variant = digits
            .chars()
            .nth(16)
            .unwrap_or_default()
            .to_ascii_lowercase();
        digits.chars().nth(12) == Some(version) && (version == '3' || "89ab".contains(variant))
    })
}

/// RFC 1034 §3.1, with the lengths of RFC 1123.
fn hostname(text: &str) -> bool {
    text.len() <= 255
        && !text.is_empty()
        && text.trim_end_matches('.').split('.').all(|label| {
            let bytes = label.as_bytes();
            let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            label.len() <= 63
                && edge(bytes.first())
                && edge(bytes.last())
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn formats() {
        for (format, good, bad) in [
            ("date-time", "2026-01-02T03:04:05Z", "2026-01-02"),
            ("date", "2026-01-02", "2026-13-02"),
            ("duration", "1h30m", "soon"),
            ("duration", "22 ns", "22"),
            ("ipv4", "192.0.2.1", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "192.0.2.1"),
            ("cidr", "192.0.2.0/24", "192.0.2.0"),
            ("mac", "02:00:5e:00:53:01", "02:00:5e"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("hostname", "a.example", "a_b"),
            ("byte", "aGk=", "%"),
            ("uri", "https://a.example/x", "a b"),
        ] {
            assert!(fits(format, good), "{format} {good}");
            assert!(!fits(format, bad), "{format} {bad}");
        }
        assert!(fits("ip", "anything"), "the real server does not know it");
    }
}
