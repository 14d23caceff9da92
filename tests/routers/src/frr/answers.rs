//! What FRR says of sessions, in JSON.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answers::{Capabilities, Family, GracefulRestartSeen, LastError, Session, SessionState};

pub(super) fn read<T: DeserializeOwned>(what: &str, said: &str) -> T {
    let read = serde_json::from_str(said);
    read.unwrap_or_else(|error| panic!("{what} of FRR: {error}: {said}"))
}

pub(super) fn known<T: FromStr<Err = impl Display>>(text: &str) -> T {
    let parsed = text.parse();
    parsed.unwrap_or_else(|error| panic!("of FRR: {text:?}: {error}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Neighbour {
    /// `none` before it is found; left out if it is the name.
    bgp_neighbor_addr: Option<String>,
    bgp_state: String,
    bgp_timer_up_msec: Option<u64>,
    bgp_timer_hold_time_msecs: u64,
    neighbor_capabilities: Option<Capable>,
    #[serde(default)]
    graceful_restart_info: Map<String, Value>,
    last_error_code_subcode: Option<String>,
    last_notification_reason: Option<String>,
    last_reset_due_to: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capable {
    #[serde(default)]
    multiprotocol_extensions: BTreeMap<String, Map<String, Value>>,
    #[serde(rename = "4byteAs")]
    four_octet_asn: Option<String>,
    route_refresh: Option<String>,
    extended_nexthop: Option<String>,
    graceful_restart: Option<String>,
    graceful_restart_remote_timer_msecs: Option<u64>,
    /// The families of the neighbour's graceful restart, or a word that there are none.
    address_families_by_peer: Option<Value>,
}

/// Of `show bgp neighbors json`.
pub(super) fn sessions(said: &str) -> Vec<Session> {
    let neighbours: BTreeMap<String, Neighbour> = read("neighbours", said);
    let sessions = neighbours.into_iter().map(|(name, it)| {
        let state = known(&it.bgp_state);
        let is_up = state == SessionState::Established;
        Session {
            address: it.address(&name),
            neighbour: name,
            state,
            up: it
                .bgp_timer_up_msec
                .filter(|_| is_up)
                .map(Duration::from_millis),
            hold_time: is_up.then(|| Duration::from_millis(it.bgp_timer_hold_time_msecs)),
            last_error: last_error(&it),
            capabilities: it.capabilities(),
        }
    });
    sessions.collect()
}

fn last_error(neighbour: &Neighbour) -> Option<LastError> {
    let notification = neighbour.last_error_code_subcode.as_deref().map(|text| {
        let number = u16::from_str_radix(text, 16);
        let [code, subcode] = number.expect("FRR writes two bytes").to_be_bytes();
        (code, subcode)
    });
    let reason = neighbour.last_notification_reason.as_ref();
    // What it says of a neighbour that it has not called yet.
    let due = neighbour.last_reset_due_to.as_ref();
    let due = due.filter(|it| *it != "Waiting for peer OPEN");
    let text = reason.or(due)?.clone();
    Some(LastError { notification, text })
}

impl Neighbour {
    fn address(&self, name: &str) -> Option<IpAddr> {
        match self.bgp_neighbor_addr.as_deref() {
            Some("none") => None,
            Some(address) => Some(known(address)),
            None => Some(known(name)),
        }
    }

    fn capabilities(&self) -> Capabilities {
        let Some(capable) = &self.neighbor_capabilities else {
            return Capabilities::default();
        };
        let families = capable.multiprotocol_extensions.iter();
        let families = families.filter(|(_, it)| it.keys().any(|it| is_received(it)));
        let received = |it: &Option<String>| it.as_deref().is_some_and(is_received);
        Capabilities {
            families: families.map(|(name, _)| family(name)).collect(),
            four_octet_asn: received(&capable.four_octet_asn),
            route_refresh: received(&capable.route_refresh),
            extended_next_hop: received(&capable.extended_nexthop),
            graceful_restart: received(&capable.graceful_restart).then(|| GracefulRestartSeen {
                restarting: self.graceful_restart_info.get("rBit") == Some(&Value::Bool(true)),
                time: capable
                    .graceful_restart_remote_timer_msecs
                    .map(Duration::from_millis),
                families: self.restarting_families(capable),
            }),
        }
    }

    fn restarting_families(&self, capable: &Capable) -> BTreeMap<Family, bool> {
        let Some(Value::Object(named)) = &capable.address_families_by_peer else {
            return BTreeMap::new();
        };
        let families = named.keys().map(|name| {
            let of_family = self.graceful_restart_info.get(name);
            let forwards = of_family.and_then(|it| it["fBit"].as_bool());
            (family(name), forwards.expect("FRR tells the F bit"))
        });
        families.collect()
    }
}

/// `advertisedAndReceived`, `received`, `advertisedAndReceivedOldNew`, …
fn is_received(text: &str) -> bool {
    text.to_ascii_lowercase().contains("received")
}

fn family(name: &str) -> Family {
    match name {
        "ipv4Unicast" => Family::Ipv4,
        "ipv6Unicast" => Family::Ipv6,
        _ => panic!("of FRR: no family: {name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEIGHBOURS: &str = r#"{
        "192.0.2.2": {"bgpState": "Established", "bgpTimerUpMsec": 14000,
            "bgpTimerHoldTimeMsecs": 9000, "neighborCapabilities": {
                "4byteAs": "advertisedAndReceived", "extendedNexthop": "received",
                "routeRefresh": "advertisedAndReceivedNew",
                "multiprotocolExtensions": {"ipv4Unicast": {"advertisedAndReceived": true},
                    "ipv6Unicast": {"advertised": true}},
                "gracefulRestart": "advertisedAndReceived",
                "gracefulRestartRemoteTimerMsecs": 120000,
                "addressFamiliesByPeer": {"ipv4Unicast": {}}},
            "gracefulRestartInfo": {"rBit": true, "ipv4Unicast": {"fBit": true}},
            "lastErrorCodeSubcode": "0602",
            "lastNotificationReason": "Cease/Administrative Shutdown",
            "lastResetDueTo": "BGP Notification received"},
        "p1": {"bgpNeighborAddr": "none", "bgpState": "Idle", "bgpTimerHoldTimeMsecs": 9000,
            "lastResetDueTo": "Waiting for peer OPEN"}}"#;

    #[test]
    fn sessions_are_read() {
        let sessions = sessions(NEIGHBOURS);
        let [up, down] = &sessions[..] else {
            panic!("{sessions:#?}")
        };
        assert_eq!(up.up, Some(Duration::from_secs(14)));
        assert_eq!(up.hold_time, Some(Duration::from_secs(9)));
        let error = up.last_error.as_ref().unwrap();
        assert_eq!(error.notification, Some((6, 2)));
        assert_eq!(error.text, "Cease/Administrative Shutdown");
        let can = &up.capabilities;
        assert_eq!(can.families, [Family::Ipv4].into());
        assert!(can.four_octet_asn && can.extended_next_hop && can.route_refresh);
        let restart = can.graceful_restart.as_ref().unwrap();
        assert!(restart.restarting);
        assert_eq!(restart.time, Some(Duration::from_mins(2)));
        assert_eq!(restart.families, [(Family::Ipv4, true)].into());
        assert_eq!((down.neighbour.as_str(), down.address), ("p1", None));
        assert_eq!((down.hold_time, &down.last_error), (None, &None));
    }

    #[test]
    #[should_panic(expected = "no state of a session")]
    fn an_unknown_state_is_told() {
        sessions(&NEIGHBOURS.replace("Idle", "Asleep"));
    }
}
