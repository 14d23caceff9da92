//! Capabilities as GoBGP tells them: messages of Protocol Buffers in base64, each with its name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::answers::{Capabilities, Family, GracefulRestartSeen};

/// `google.protobuf.Any`
#[derive(Deserialize)]
pub(super) struct Any {
    type_url: String,
    /// Left out if it is empty.
    #[serde(default)]
    value: String,
}

/// What a neighbour said. GoBGP names others that are nobody's question here.
pub(super) fn read(all: &[Any]) -> Capabilities {
    let mut seen = Capabilities::default();
    for any in all {
        let bytes = STANDARD.decode(&any.value).expect("GoBGP writes base64");
        let fields = fields(&bytes);
        let name = any.type_url.rsplit('.').next().unwrap_or_default();
        match name {
            "MultiProtocolCapability" => seen.families.extend(family(message(&fields, 1))),
            "FourOctetASNCapability" => seen.four_octet_asn = true,
            "RouteRefreshCapability" => seen.route_refresh = true,
            "ExtendedNexthopCapability" => {
                let tuples = fields.iter().filter(|it| it.0 == 1);
                let mut tuples = tuples.map(|(_, it)| it.message());
                seen.extended_next_hop = tuples.any(|it| {
                    let (nlri, hop) = (family(message(&it, 1)), family(message(&it, 2)));
                    (nlri, hop) == (Some(Family::Ipv4), Some(Family::Ipv6))
                });
            }
            "GracefulRestartCapability" => seen.graceful_restart = Some(restart(&fields)),
            "EnhancedRouteRefreshCapability"
            | "RouteRefreshCiscoCapability"
            | "AddPathCapability"
            | "FqdnCapability"
            | "LongLivedGracefulRestartCapability"
            | "UnknownCapability" => {}
            _ => panic!("of GoBGP: no capability: {name:?}"),
        }
    }
    seen
}

/// Flags are those of RFC 4724 §3: 8 in four bits for R, 0x80 for F.
fn restart(fields: &[(u64, Field)]) -> GracefulRestartSeen {
    let tuples = fields.iter().filter(|it| it.0 == 3);
    let families = tuples.filter_map(|(_, it)| {
        let tuple = it.message();
        Some((family(message(&tuple, 1))?, number(&tuple, 2) & 0x80 != 0))
    });
    GracefulRestartSeen {
        restarting: number(fields, 1) & 8 != 0,
        time: Some(std::time::Duration::from_secs(number(fields, 2))),
        families: families.collect(),
    }
}

/// Unicast only.
fn family(fields: Option<Vec<(u64, Field)>>) -> Option<Family> {
    let fields = fields?;
    match (number(&fields, 1), number(&fields, 2)) {
        (1, 1) => Some(Family::Ipv4),
        (2, 1) => Some(Family::Ipv6),
        _ => None,
    }
}

/// A value of a message.
#[derive(Debug, PartialEq, Eq)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Field {
    fn message(&self) -> Vec<(u64, Self)> {
        match self {
            Self::Bytes(bytes) => fields(bytes),
            Self::Number(it) => panic!("of GoBGP: no message: {it}"),
        }
    }
}

/// A field that is not there is 0.
fn number(fields: &[(u64, Field)], name: u64) -> u64 {
    match fields.iter().find(|it| it.0 == name) {
        None => 0,
        Some((_, Field::Number(it))) => *it,
        Some((_, Field::Bytes(it))) => panic!("of GoBGP: no number: {it:?}"),
    }
}

fn message(fields: &[(u64, Field)], name: u64) -> Option<Vec<(u64, Field)>> {
    let found = fields.iter().find(|it| it.0 == name);
    found.map(|(_, it)| it.message())
}

/// The fields of a message with their numbers. Only the wire types that these messages have.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).expect("a short message");
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value.to_vec())
            }
            other => panic!("of GoBGP: wire type {other}"),
        };
        fields.push((tag >> 3, field));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("of GoBGP: a number without end")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn any(name: &str, value: &str) -> Any {
        Any {
            type_url: format!("type.googleapis.com/apipb.{name}"),
            value: value.to_owned(),
        }
    }

    #[test]
    fn capabilities_are_read() {
        let seen = read(&[
            any("MultiProtocolCapability", "CgQIARAB"),
            any("MultiProtocolCapability", "CgQIAhAB"),
            any("FourOctetASNCapability", "CIH4Aw=="),
            any("ExtendedNexthopCapability", "CgwKBAgBEAESBAgCEAE="),
            any("GracefulRestartCapability", "CAwQeBoGCgQIARABGgYKBAgCEAE="),
        ]);
        assert_eq!(seen.families, [Family::Ipv4, Family::Ipv6].into());
        assert!(seen.four_octet_asn && seen.extended_next_hop && !seen.route_refresh);
        let restart = seen.graceful_restart.unwrap();
        assert!(restart.restarting);
        assert_eq!(restart.time, Some(Duration::from_mins(2)));
        let families = [(Family::Ipv4, false), (Family::Ipv6, false)];
        assert_eq!(restart.families, families.into());
    }

    #[test]
    #[should_panic(expected = "no capability")]
    fn an_unknown_capability_is_told() {
        read(&[any("TelepathyCapability", "")]);
    }
}
