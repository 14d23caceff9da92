//! What FRR says of routes and of BFD, in JSON.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answers::{known, read};
use crate::answers::{BfdDetails, BfdSession, BfdTimers, Path};

#[derive(Deserialize)]
struct Table {
    routes: Map<String, Value>,
}

/// Of `show bgp ipv4 unicast json`, and of several such in a row.
pub(super) fn prefixes(said: &str) -> Vec<IpNet> {
    let tables = serde_json::Deserializer::from_str(said).into_iter::<Table>();
    let tables =
        tables.map(|it| it.unwrap_or_else(|error| panic!("routes of FRR: {error}: {said}")));
    let names = tables.flat_map(|it| it.routes.into_iter().map(|(name, _)| name));
    names.map(|it| known(&it)).collect()
}

#[derive(Deserialize)]
struct Route {
    /// The empty object stands for no such route.
    prefix: Option<IpNet>,
    #[serde(default)]
    paths: Vec<OnePath>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnePath {
    aspath: AsPath,
    origin: String,
    metric: Option<u32>,
    loc_prf: Option<u32>,
    #[serde(default)]
    stale: bool,
    #[serde(default)]
    multipath: bool,
    #[serde(default)]
    bestpath: Map<String, Value>,
    community: Option<List>,
    large_community: Option<List>,
    nexthops: Vec<NextHop>,
    peer: PeerOfPath,
}

#[derive(Deserialize)]
struct AsPath {
    segments: Vec<Segment>,
}

#[derive(Deserialize)]
struct Segment {
    r#type: String,
    list: Vec<u32>,
}

#[derive(Deserialize)]
struct List {
    string: String,
}

#[derive(Deserialize)]
struct NextHop {
    ip: IpAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeerOfPath {
    peer_id: IpAddr,
}

/// Of `show bgp ipv4 unicast PREFIX json`, which answers with the longest match.
pub(super) fn paths(prefix: IpNet, said: &str) -> Vec<Path> {
    let route: Route = read("a route", said);
    if route.prefix != Some(prefix) {
        return Vec::new();
    }
    route.paths.into_iter().map(path).collect()
}

fn words<T: FromStr<Err = String>>(list: Option<List>) -> Vec<T> {
    let text = list.map(|it| it.string).unwrap_or_default();
    text.split_whitespace().map(known).collect()
}

fn path(it: OnePath) -> Path {
    let segments = it.aspath.segments.into_iter().flat_map(|segment| {
        assert_eq!(segment.r#type, "as-sequence", "of FRR: a segment");
        segment.list
    });
    let mut next_hops: Vec<_> = it.nexthops.into_iter().map(|hop| hop.ip).collect();
    next_hops.dedup();
    let from = it.peer.peer_id;
    Path {
        from: (!from.is_unspecified()).then_some(from),
        next_hops,
        as_path: segments.collect(),
        origin: Some(known(&it.origin)),
        med: it.metric,
        local_pref: it.loc_prf,
        communities: words(it.community),
        large_communities: words(it.large_community),
        stale: it.stale,
        is_used: it.multipath || it.bestpath.get("overall") == Some(&Value::Bool(true)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BfdPeer {
    multihop: bool,
    peer: IpAddr,
    interface: Option<String>,
    status: String,
    diagnostic: String,
    remote_diagnostic: String,
    receive_interval: u64,
    transmit_interval: u64,
    detect_multiplier: u8,
    remote_receive_interval: u64,
    remote_transmit_interval: u64,
    remote_detect_multiplier: u8,
}

/// Of `show bfd peers json`.
pub(super) fn bfd_sessions(said: &str) -> Vec<BfdSession> {
    let peers: Vec<BfdPeer> = read("BFD sessions", said);
    let timers = |receive, transmit, multiplier| BfdTimers {
        receive: Duration::from_millis(receive),
        transmit: Duration::from_millis(transmit),
        multiplier,
    };
    let sessions = peers.into_iter().map(|it| BfdSession {
        address: it.peer,
        interface: it.interface,
        state: known(&it.status),
        interval: None,
        detection_time: None,
        details: Some(BfdDetails {
            multihop: it.multihop,
            diagnostic: it.diagnostic,
            remote_diagnostic: it.remote_diagnostic,
            own: timers(
                it.receive_interval,
                it.transmit_interval,
                it.detect_multiplier,
            ),
            remote: timers(
                it.remote_receive_interval,
                it.remote_transmit_interval,
                it.remote_detect_multiplier,
            ),
        }),
    });
    sessions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{BfdState, Community, LargeCommunity, Origin};

    #[test]
    fn paths_are_read() {
        let said = r#"{"prefix": "203.0.113.2/32", "paths": [
            {"aspath": {"segments": [{"type": "as-sequence", "list": [64500, 64512]}]},
             "origin": "IGP", "metric": 13, "locPrf": 100, "stale": true, "multipath": true,
             "community": {"string": "64512:9 no-export"},
             "largeCommunity": {"string": "64512:3:4"},
             "nexthops": [{"ip": "::"}, {"ip": "fe80::1"}], "peer": {"peerId": "fe80::1"}},
            {"aspath": {"segments": []}, "origin": "incomplete",
             "bestpath": {"bestpathFromAs": 64500},
             "nexthops": [{"ip": "0.0.0.0"}], "peer": {"peerId": "0.0.0.0"}}]}"#;
        let prefix = "203.0.113.2/32".parse().unwrap();
        let all = paths(prefix, said);
        let [told, own] = &all[..] else {
            panic!("{all:#?}")
        };
        assert_eq!(told.as_path, [64500, 64512]);
        assert_eq!((told.med, told.local_pref), (Some(13), Some(100)));
        assert_eq!(
            told.communities,
            [Community(64512, 9), Community::NO_EXPORT]
        );
        assert_eq!(told.large_communities, [LargeCommunity(64512, 3, 4)]);
        assert_eq!(told.next_hops.len(), 2);
        assert!(told.stale && told.is_used);
        assert_eq!((own.from, own.origin), (None, Some(Origin::Incomplete)));
        assert!(!own.stale && !own.is_used);
        // The longest match is not what was asked for.
        assert_eq!(paths("203.0.113.2/31".parse().unwrap(), said), []);
        assert_eq!(paths(prefix, "{\n}"), []);
    }

    #[test]
    fn tables_in_a_row_are_read() {
        let said = r#"{"routes": {"203.0.113.2/32": []}}{"routes": {"2001:db8::/32": []}}"#;
        let expected = ["203.0.113.2/32", "2001:db8::/32"].map(|it| it.parse().unwrap());
        assert_eq!(prefixes(said), expected);
    }

    #[test]
    fn sessions_of_bfd_are_read() {
        let said = r#"[{"multihop": false, "peer": "fe80::1", "interface": "p1", "status": "up",
            "diagnostic": "ok", "remote-diagnostic": "ok", "receive-interval": 100,
            "transmit-interval": 200, "detect-multiplier": 3, "remote-receive-interval": 300,
            "remote-transmit-interval": 400, "remote-detect-multiplier": 5}]"#;
        let session = bfd_sessions(said).remove(0);
        assert_eq!(session.state, BfdState::Up);
        assert_eq!(session.interface.as_deref(), Some("p1"));
        let details = session.details.unwrap();
        assert_eq!(details.own.transmit, Duration::from_millis(200));
        assert_eq!(details.remote.receive, Duration::from_millis(300));
        assert_eq!(details.remote.multiplier, 5);
    }
}
