//! The configuration file of `landfall speaker`.

use std::time::Duration;

use serde_json::Value;

use super::fields::Fields;
use super::{Faults, ReadMetalLb};

/// From one heartbeat to the next, where it is not set.
const HEARTBEAT: Duration = Duration::from_millis(25);
/// The shortest and the longest that make sense: a process is woken to the millisecond, and what takes
/// longer than a second is found by others sooner.
const HEARTBEATS: [Duration; 2] = [Duration::from_millis(5), Duration::from_secs(1)];

/// A valid configuration. The same for all speakers of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakerConfig {
    /// `heartbeat`: from one to the next.
    pub heartbeat: Duration,
    /// `peerPort`: the UDP port on which speakers hear each other.
    pub peer_port: u16,
    /// `readMetalLB`: MetalLB's objects are read as well. As in the controller's configuration.
    pub read_metallb: Option<ReadMetalLb>,
}

impl Default for SpeakerConfig {
    fn default() -> Self {
        Self {
            heartbeat: HEARTBEAT,
            peer_port: landfall_speaker::PORT,
            read_metallb: None,
        }
    }
}

impl SpeakerConfig {
    /// Parses a configuration.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let document: Value = serde_saphyr::from_str(text)
            .map_err(|error| Faults(vec![format!("is not YAML: {error}")]))?;
        // An empty file says nothing, and that is enough.
        let document = match document {
            Value::Null => Value::Object(serde_json::Map::default()),
            other => other,
        };
        let mut faults = Vec::new();
        let mut fields = Fields::of(&document, "", &mut faults);
        let heartbeat = fields.duration("heartbeat", HEARTBEAT);
        let [shortest, longest] = HEARTBEATS;
        if heartbeat.is_some_and(|it| !(shortest..=longest).contains(&it)) {
            fields.fault("heartbeat", "must be from 5ms to 1s");
        }
        let peer_port = fields.port("peerPort", landfall_speaker::PORT);
        let read_metallb = ReadMetalLb::parse("", &mut fields);
        fields.no_others();
        match heartbeat.zip(peer_port) {
            Some((heartbeat, peer_port)) if faults.is_empty() => Ok(Self {
                heartbeat,
                peer_port,
                read_metallb,
            }),
            _ => Err(Faults(faults)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_usual() {
        let default = SpeakerConfig::default();
        assert_eq!(SpeakerConfig::parse(""), Ok(default.clone()));
        assert_eq!(SpeakerConfig::parse("{}"), Ok(default));
        let tuned = SpeakerConfig {
            heartbeat: Duration::from_millis(10),
            peer_port: 7000,
            read_metallb: Some(ReadMetalLb {
                namespace: "metallb-system".to_owned(),
            }),
        };
        let text = "heartbeat: 10ms\npeerPort: 7000\nreadMetalLB: {namespace: metallb-system}\n";
        assert_eq!(SpeakerConfig::parse(text), Ok(tuned));
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        let rows = [
            ("heartbeat: 1ms", "heartbeat: must be from 5ms to 1s"),
            ("heartbeat: 2s", "heartbeat: must be from 5ms to 1s"),
            (
                "heartbeat: 25",
                "heartbeat: must be a length of time such as 90s or 10m",
            ),
            ("peerPort: 0", "peerPort: must be a number from 1 to 65535"),
            (
                "peerPort: 70000",
                "peerPort: must be a number from 1 to 65535",
            ),
            (
                "peerPort: many",
                "peerPort: must be a number from 1 to 65535",
            ),
            ("readMetalLB: {}", "readMetalLB.namespace: is missing"),
            ("readMetalLB: {a: b}", "readMetalLB.a: is not known"),
            ("heart: 10ms", "heart: is not known"),
            ("- a", "must be a mapping"),
        ];
        for (text, expected) in rows {
            let faults = SpeakerConfig::parse(text).unwrap_err().to_string();
            assert!(faults.contains(expected), "{text}: {faults}");
        }
    }
}
