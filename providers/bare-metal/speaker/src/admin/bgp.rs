//! What is told of sessions with routers: lists, and metrics by the names that others give them, too.

use std::fmt;
use std::net::IpAddr;

use landfall_bare_metal_bfd as bfd;
use landfall_bare_metal_bgp::{Attributes, State};
use prometheus_client::encoding::DescriptorEncoder;
use serde::Serialize;

use super::{Labels, counters, gauges, seconds};
use crate::sessions::{DroppedPackets, ListedRoutes, SessionId, SessionReport, SessionReports};

/// A session with a router.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSession {
    /// The name of the `BGPPeer`.
    pub peer: String,
    /// The router's address, if it is known.
    pub address: Option<IpAddr>,
    /// The state of the session (RFC 4271 §8.2.2).
    pub state: &'static str,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The router's autonomous system, while the session is established.
    #[serde(rename = "peerASN")]
    pub peer_asn: Option<u32>,
    /// The hold time that was agreed on, in seconds; 0: for ever.
    pub hold_time: Option<u64>,
    /// Whether the router keeps our routes over a restart of the speaker (RFC 4724).
    pub kept_over_restart: bool,
    /// Prefixes that are to be announced, that the router was told, and that have no next hop.
    pub wanted: usize,
    /// See `wanted`.
    pub announced: usize,
    /// See `wanted`.
    pub without_next_hop: usize,
    /// The state of the BFD session beside it.
    pub bfd: Option<&'static str>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// A route that a router was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedRoute {
    /// The name of the `BGPPeer`.
    pub peer: String,
    /// The router's address.
    pub address: Option<IpAddr>,
    /// The prefix.
    pub prefix: String,
    /// `LOCAL_PREF`, for internal routers.
    pub local_pref: Option<u32>,
    /// `MULTI_EXIT_DISC`.
    pub med: Option<u32>,
    /// How many more times our ASN stands in `AS_PATH`.
    pub as_path_prepend: u8,
    /// Communities, and large communities.
    pub communities: Vec<String>,
    /// The next hop, where it is not this node.
    pub next_hop: Option<IpAddr>,
}

pub(super) fn sessions(reports: &SessionReports) -> Vec<ListedSession> {
    let sessions = reports.iter().map(|((peer, address), it)| {
        let agreed = it.agreed.as_ref();
        let [wanted, announced, without_next_hop] = it.routes;
        ListedSession {
            peer: peer.to_string(),
            address: *address,
            state: it.state.name(),
            since: seconds(it.since),
            peer_asn: agreed.map(|it| it.remote_asn),
            hold_time: agreed.map(|it| it.hold_time.unwrap_or_default().as_secs()),
            kept_over_restart: agreed.is_some_and(|it| it.is_kept_over_restart),
            wanted,
            announced,
            without_next_hop,
            bfd: it.bfd.as_ref().map(|it| bfd_state(it.state)),
            last_error: it.error.as_ref().map(|it| it.why.clone()),
        }
    });
    sessions.collect()
}

fn bfd_state(state: bfd::State) -> &'static str {
    match state {
        bfd::State::AdminDown => "AdminDown",
        bfd::State::Down => "Down",
        bfd::State::Init => "Init",
        bfd::State::Up => "Up",
    }
}

pub(super) fn routes(listed: ListedRoutes) -> Vec<ListedRoute> {
    let routes = listed.into_iter().flat_map(|((peer, address), routes)| {
        routes.into_iter().map(move |(prefix, attributes)| {
            let Attributes {
                local_pref,
                med,
                prepend,
                ..
            } = attributes;
            let next_hop = match prefix.addr() {
                IpAddr::V4(_) => attributes.next_hop_v4.map(IpAddr::from),
                IpAddr::V6(_) => attributes.next_hop_v6.map(IpAddr::from),
            };
            let large = attributes.large_communities.iter();
            let large = large.map(|[a, b, c]| format!("large:{a}:{b}:{c}"));
            let standard = attributes.communities.iter();
            let standard = standard.map(|it| format!("{}:{}", it >> 16, it & 0xffff));
            ListedRoute {
                peer: peer.to_string(),
                address,
                prefix: prefix.to_string(),
                local_pref,
                med,
                as_path_prepend: prepend,
                communities: standard.chain(large).collect(),
                next_hop,
            }
        })
    });
    routes.collect()
}

type Each = fn(&SessionReport) -> u64;

/// Numbers of each session, by their names.
pub(super) fn encode(
    reports: &SessionReports,
    strangers: &DroppedPackets,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), fmt::Error> {
    let labels = |(peer, address): &SessionId| -> Labels {
        let address = address.map(|it| it.to_string()).unwrap_or_default();
        vec![("peer", peer.to_string()), ("address", address)]
    };
    let now: [(&str, &str, Each); 4] = [
        (
            "bgp_session_up",
            "Whether a session with a router is established.",
            |it| u64::from(it.state == State::Established),
        ),
        (
            "bgp_announced_prefixes",
            "Prefixes that a router was told.",
            |it| it.routes[1] as u64,
        ),
        (
            "bgp_pending_prefixes",
            "Prefixes that a router is still to be told.",
            |it| it.routes[0].saturating_sub(it.routes[1] + it.routes[2]) as u64,
        ),
        (
            "bgp_prefixes_without_next_hop",
            "Prefixes that a router cannot be told, as this node has no address of their family.",
            |it| it.routes[2] as u64,
        ),
    ];
    for (name, help, value) in now {
        let values = reports.iter().map(|(id, it)| (labels(id), value(it)));
        gauges(encoder, name, help, values)?;
    }
    let ever: [(&str, &str, Each); 8] = [
        (
            "bgp_sessions_established",
            "Times that a session was established.",
            |it| it.counters.established,
        ),
        ("bgp_messages_sent", "Messages sent.", |it| it.counters.sent),
        ("bgp_messages_received", "Messages received.", |it| {
            it.counters.received
        }),
        ("bgp_updates_sent", "UPDATE messages sent.", |it| {
            it.counters.updates_sent
        }),
        (
            "bgp_updates_received",
            "UPDATE messages received, whose routes are not kept.",
            |it| it.counters.updates_received,
        ),
        (
            "bgp_updates_malformed",
            "UPDATE messages received with attributes that are wrong (RFC 7606).",
            |it| it.counters.malformed,
        ),
        (
            "bgp_notifications_sent",
            "NOTIFICATION messages sent.",
            |it| it.counters.notifications[0],
        ),
        (
            "bgp_notifications_received",
            "NOTIFICATION messages received.",
            |it| it.counters.notifications[1],
        ),
    ];
    for (name, help, value) in ever {
        let values = reports.iter().map(|(id, it)| (labels(id), value(it)));
        counters(encoder, name, help, values)?;
    }
    let watched = || {
        let watched = reports.iter();
        watched.filter_map(|(id, it)| Some((labels(id), it.bfd.as_ref()?)))
    };
    let up = watched().map(|(labels, it)| (labels, u64::from(it.state == bfd::State::Up)));
    let help = "Whether a router is heard by BFD, and hears this node.";
    gauges(encoder, "bfd_session_up", help, up)?;
    let downs = watched().map(|(labels, it)| (labels, it.downs));
    let help = "Times that a session of BFD went down.";
    counters(encoder, "bfd_downs", help, downs)?;
    let help = "BFD packets that were dropped, by reason; without a peer those of no router that is watched.";
    let dropped = watched().flat_map(|(labels, it)| by_reason(labels, &it.dropped));
    let nobody = vec![("peer", String::new()), ("address", String::new())];
    let dropped = dropped.chain(by_reason(nobody, strangers));
    counters(encoder, "bfd_packets_dropped", help, dropped)
}

fn by_reason(labels: Labels, dropped: &DroppedPackets) -> impl Iterator<Item = (Labels, u64)> {
    dropped.iter().map(move |(why, count)| {
        let mut labels = labels.clone();
        labels.push(("reason", why.reason().to_owned()));
        (labels, *count)
    })
}
