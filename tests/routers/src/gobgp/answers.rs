//! GoBGP's JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::capability::{self, Any};
use crate::answers::{Community, LargeCommunity, LastError, Origin, Path, Session, SessionState};

fn read<T: DeserializeOwned>(what: &str, said: &str) -> T {
    let read = serde_json::from_str(said);
    read.unwrap_or_else(|error| panic!("{what} of GoBGP: {error}: {said}"))
}

#[derive(Deserialize)]
struct Neighbour {
    state: State,
    timers: Timers,
}

#[derive(Deserialize)]
struct State {
    neighbor_address: IpAddr,
    /// 0, which is left out, before the first attempt.
    #[serde(default, rename = "session_state")]
    number: u8,
    #[serde(default)]
    remote_cap: Vec<Any>,
}

#[derive(Deserialize)]
struct Timers {
    state: Times,
}

#[derive(Deserialize)]
struct Times {
    /// Seconds; a fraction can be proposed to GoBGP, and not to a neighbour.
    negotiated_hold_time: Option<u64>,
    uptime: Option<Time>,
}

#[derive(Deserialize)]
struct Time {
    seconds: u64,
}

/// Of `gobgp -j neighbor`. Why a session was ended stands in the log.
pub(super) fn sessions(said: &str, log: &str) -> Vec<Session> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let neighbours: Vec<Neighbour> = read("neighbours", said);
    let sessions = neighbours.into_iter().map(|it| {
        let state = state(it.state.number);
        let is_up = state == SessionState::Established;
        let times = it.timers.state;
        let address = it.state.neighbor_address;
        let since = times.uptime.map(|it| Duration::from_secs(it.seconds));
        Session {
            neighbour: address.to_string(),
            address: Some(address),
            state,
            up: since.filter(|_| is_up).map(|it| now.saturating_sub(it)),
            last_error: last_error(address, log),
            hold_time: times
                .negotiated_hold_time
                .filter(|_| is_up)
                .map(Duration::from_secs),
            capabilities: capability::read(&it.state.remote_cap),
        }
    });
    sessions.collect()
}

/// `PeerState.SessionState` of GoBGP's API.
fn state(number: u8) -> SessionState {
    match number {
        0 | 1 => SessionState::Idle,
        2 => SessionState::Connect,
        3 => SessionState::Active,
        4 => SessionState::OpenSent,
        5 => SessionState::OpenConfirm,
        6 => SessionState::Established,
        _ => panic!("of GoBGP: no state of a session: {number}"),
    }
}

#[derive(Deserialize)]
struct Logged {
    #[serde(rename = "Key")]
    key: Option<String>,
    msg: String,
    #[serde(rename = "Reason")]
    reason: Option<String>,
    #[serde(rename = "Data")]
    data: Option<Value>,
    #[serde(rename = "Code")]
    code: Option<u8>,
    #[serde(rename = "Subcode")]
    subcode: Option<u8>,
}

fn last_error(address: IpAddr, log: &str) -> Option<LastError> {
    let address = address.to_string();
    // What an ended program said last may be no whole line, nor JSON.
    let lines = log.lines().rev();
    let lines = lines.filter_map(|it| serde_json::from_str::<Logged>(it).ok());
    let mut errors = lines.filter_map(|it| {
        if it.key.as_ref() != Some(&address) {
            return None;
        }
        let notification = it.code.zip(it.subcode);
        match it.msg.as_str() {
            "Peer Down" => {
                let text = it.reason?;
                Some(LastError {
                    notification: codes(&text),
                    text,
                })
            }
            "received notification" | "sent notification" => Some(LastError {
                notification,
                text: format!("{}: {}", it.msg, it.data.unwrap_or_default()),
            }),
            _ => None,
        }
    });
    errors.next()
}

/// `notification-received code 6(cease) subcode 2(administrative shutdown)`
fn codes(reason: &str) -> Option<(u8, u8)> {
    let number = |word: &str| {
        let (_, rest) = reason.split_once(word)?;
        rest.split('(').next()?.trim().parse().ok()
    };
    Some((number(" code ")?, number(" subcode ")?))
}

#[derive(Deserialize)]
struct OnePath {
    best: bool,
    stale: bool,
    attrs: Vec<Attribute>,
    #[serde(rename = "neighbor-ip")]
    neighbor: Option<IpAddr>,
}

/// A path attribute by its number.
#[derive(Deserialize)]
struct Attribute {
    r#type: u8,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    as_paths: Vec<Segment>,
    nexthop: Option<IpAddr>,
    metric: Option<u32>,
    #[serde(default)]
    communities: Vec<u32>,
}

#[derive(Deserialize)]
struct Segment {
    segment_type: u8,
    asns: Vec<u32>,
}

#[derive(Deserialize)]
struct Large {
    #[serde(rename = "ASN")]
    asn: u32,
    #[serde(rename = "LocalData1")]
    first: u32,
    #[serde(rename = "LocalData2")]
    second: u32,
}

/// Of `gobgp -j global rib`.
pub(super) fn routes(said: &str) -> BTreeMap<IpNet, Vec<Path>> {
    let routes: BTreeMap<IpNet, Vec<OnePath>> = read("routes", said);
    let routes = routes
        .into_iter()
        .map(|(prefix, paths)| (prefix, paths.into_iter().map(path).collect()));
    routes.collect()
}

fn path(one: OnePath) -> Path {
    let mut path = Path {
        from: one.neighbor,
        next_hops: Vec::new(),
        as_path: Vec::new(),
        origin: None,
        med: None,
        local_pref: None,
        communities: Vec::new(),
        large_communities: Vec::new(),
        stale: one.stale,
        is_used: one.best,
    };
    for attribute in one.attrs {
        read_attribute(&mut path, attribute);
    }
    path
}

fn read_attribute(path: &mut Path, attribute: Attribute) {
    let value = attribute.value;
    match attribute.r#type {
        1 => {
            path.origin = Some(match value.as_u64() {
                Some(0) => Origin::Igp,
                Some(1) => Origin::Egp,
                Some(2) => Origin::Incomplete,
                _ => panic!("of GoBGP: no origin: {value}"),
            });
        }
        2 => {
            let asns = attribute.as_paths.into_iter().flat_map(|segment| {
                assert_eq!(segment.segment_type, 2, "of GoBGP: a segment");
                segment.asns
            });
            path.as_path = asns.collect();
        }
        // NEXT_HOP, and MP_REACH_NLRI, of which GoBGP does not tell the link-local one.
        3 | 14 => path.next_hops = attribute.nexthop.into_iter().collect(),
        4 => path.med = attribute.metric,
        5 => path.local_pref = value.as_u64().map(|it| u32::try_from(it).unwrap()),
        8 => {
            let all = attribute.communities.into_iter().map(|it| {
                let [a, b, c, d] = it.to_be_bytes();
                Community(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
            });
            path.communities = all.collect();
        }
        32 => {
            let all: Vec<Large> = serde_json::from_value(value).expect("large communities");
            let all = all.into_iter();
            path.large_communities = all
                .map(|it| LargeCommunity(it.asn, it.first, it.second))
                .collect();
        }
        other => panic!("of GoBGP: no attribute of number {other}: {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let said = r#"{"203.0.113.2/32":[{"nlri":{"prefix":"203.0.113.2/32"},"age":1,"best":true,
            "attrs":[{"type":1,"value":0},{"type":2,"as_paths":[{"segment_type":2,"num":1,
            "asns":[64500,64512]}]},{"type":3,"nexthop":"192.0.2.2"},{"type":4,"metric":5},
            {"type":8,"communities":[4227858441]},
            {"type":32,"value":[{"ASN":64512,"LocalData1":3,"LocalData2":4}]}],
            "stale":true,"source-id":"192.0.2.2","neighbor-ip":"192.0.2.2"}]}"#;
        let routes = routes(said);
        let path = &routes[&"203.0.113.2/32".parse().unwrap()][0];
        assert_eq!(path.from, Some([192, 0, 2, 2].into()));
        assert_eq!(path.as_path, [64500, 64512]);
        assert_eq!(path.communities, [Community(64512, 9)]);
        assert_eq!(path.large_communities, [LargeCommunity(64512, 3, 4)]);
        assert_eq!((path.origin, path.med), (Some(Origin::Igp), Some(5)));
        assert!(path.stale && path.is_used);
    }

    #[test]
    fn the_last_error_is_that_of_the_neighbour() {
        let log = r#"{"Key":"192.0.2.2","Reason":"notification-received code 6(cease) subcode 2(administrative shutdown)","msg":"Peer Down"}
            {"Key":"192.0.2.3","Reason":"read-failed","msg":"Peer Down"}
            {"Key":"192.0.2.2","msg":"Peer Up"}
            panic: no"#;
        let error = |host| last_error(IpAddr::from([192, 0, 2, host]), log);
        assert_eq!(error(2).unwrap().notification, Some((6, 2)));
        assert_eq!(error(3).unwrap().notification, None);
        assert_eq!(error(4), None);
    }
}
