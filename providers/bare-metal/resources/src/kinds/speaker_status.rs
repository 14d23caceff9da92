//! `SpeakerStatus`: what the speaker of a node reports.
//!
//! Speakers of other versions write these objects too, and whoever reads them reads all at once: so a
//! field that is not understood counts as absent, and an item that is not understood as not there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::bgp_session::BgpSession;
use super::schema;

/// Addresses that a report lists at most; [`SpeakerReport::address_count`] counts all.
pub const MOST_ADDRESSES: usize = 1000;
/// Interfaces that a report lists at most.
pub const MOST_INTERFACES: usize = 64;
/// Peers that a report lists at most.
pub const MOST_PEERS: usize = 1000;

/// Nothing: a speaker is told by advertisements what to do, and reports in the status.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "SpeakerStatus",
    plural = "speakerstatuses",
    status = "SpeakerReport",
    derive = "PartialEq",
    category = "landfall",
    shortname = "speaker",
    shortname = "speakers",
    doc = "What the speaker of a node reports, in an object of the node's name: which addresses it announces, on which interfaces, which other speakers it hears, and its sessions with routers. Speakers write it; there is nothing in it to be set.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Addresses",
        type_ = "integer",
        json_path = ".status.addressCount",
        description = "Addresses that it announces"
    ),
    printcolumn(
        name = "Peers",
        type_ = "integer",
        json_path = ".status.peersAlive",
        description = "Other speakers that are alive, as it sees them"
    ),
    printcolumn(
        name = "BGP",
        type_ = "integer",
        json_path = ".status.bgpEstablished",
        description = "Sessions with routers that are established"
    ),
    printcolumn(
        name = "Draining",
        type_ = "boolean",
        json_path = ".status.draining",
        description = "Whether it hands its addresses over to other nodes"
    ),
    printcolumn(
        name = "Interfaces",
        type_ = "string",
        json_path = ".status.interfaces[*].name",
        priority = "1",
        description = "The node's interfaces"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[schemars(transform = schema::join_lines)]
pub struct SpeakerStatusSpec {}

/// What a speaker says of itself, written when it changes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::join_lines)]
pub struct SpeakerReport {
    /// Where other speakers reach it, by UDP: at most one address of each family.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::reported_addresses")]
    pub peer_addresses: Vec<String>,

    /// The UDP port that belongs to peerAddresses.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_port")]
    pub peer_port: Option<u16>,

    /// When it was started.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<Time>")]
    pub started_at: Option<Time>,

    /// Whether it hands its addresses over to other nodes and takes no new ones: its node is being
    /// drained, or it is about to end.
    #[serde(default, deserialize_with = "field")]
    pub draining: bool,

    /// How many addresses it announces, also where `addresses` has no room for all of them.
    #[serde(default, deserialize_with = "field")]
    #[schemars(schema_with = "schema::reported_count")]
    pub address_count: u32,

    /// The addresses that it announces or is about to, in the order of the addresses; at most 1000.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"))]
    pub addresses: Vec<AnnouncedAddress>,

    /// The node's interfaces that addresses can be announced on; at most 64.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub interfaces: Vec<SpeakerInterface>,

    /// The other speakers, as this one sees them; at most 1000.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"))]
    pub peers: Vec<SpeakerPeer>,

    /// How many other speakers are alive, as this one sees them.
    #[serde(default, deserialize_with = "field")]
    #[schemars(schema_with = "schema::reported_count")]
    pub peers_alive: u32,

    /// Its sessions with routers, in the order of the names of their BGPPeers; at most 256.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub bgp_sessions: Vec<BgpSession>,

    /// How many of them are established.
    #[serde(default, deserialize_with = "field")]
    #[schemars(schema_with = "schema::reported_count")]
    pub bgp_established: u32,

    /// Which heartbeat key it signs with: a short digest that tells keys apart and nothing about
    /// them.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_key_id")]
    pub key_id: Option<String>,
}

/// An address that a speaker announces, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedAddress {
    /// The address.
    #[schemars(schema_with = "schema::reported_address")]
    pub address: String,

    /// The names of the interfaces that it is announced on.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::reported_interfaces")]
    pub interfaces: Vec<String>,

    /// Since when it is in this state.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<Time>")]
    pub since: Option<Time>,

    /// Announced: the node answers for it. Probing: it listens whether another host has the address,
    /// and answers soon. Contested: another host has it, and the node does not answer. An address
    /// that is Announced and has contestedBy is defended: both answer for it.
    pub state: AddressState,

    /// The MAC address of a host that answers for the address besides, or instead.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_mac")]
    pub contested_by: Option<String>,
}

/// How far the announcing of an address has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
pub enum AddressState {
    /// The node answers for it.
    Announced,
    /// The node listens first whether another host has it.
    Probing,
    /// Another host has it, and the node does not answer.
    Contested,
}

/// A network interface of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct SpeakerInterface {
    /// Its name.
    #[schemars(length(min = 1, max = 15))]
    pub name: String,

    /// Its MAC address.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_mac")]
    pub mac: Option<String>,

    /// The subnets of its addresses: 192.0.2.0/24.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::reported_subnets")]
    pub subnets: Vec<String>,

    /// Whether it is up and has a carrier.
    #[serde(default, deserialize_with = "field")]
    pub up: bool,
}

/// Another speaker, as one sees it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SpeakerPeer {
    /// The name of its node.
    #[schemars(length(min = 1, max = 253))]
    pub node: String,

    /// Whether it is alive.
    #[serde(default, deserialize_with = "field")]
    pub alive: bool,

    /// Since when that is so.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<Time>")]
    pub since: Option<Time>,
}

/// A field; what is not understood counts as absent.
pub(super) fn field<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A list, without the items that are not understood.
pub(super) fn items<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = match Value::deserialize(deserializer)? {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let understood = items.into_iter().map(serde_json::from_value);
    Ok(understood.filter_map(Result::ok).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::bgp_session::BgpState;
    use super::*;

    fn read(status: Value) -> SpeakerReport {
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn what_is_not_understood_counts_as_absent() {
        let odd = json!({
            "peerAddresses": "10.0.0.1",
            "peerPort": 70000,
            "startedAt": "yesterday",
            "draining": "no",
            "addressCount": -1,
            "addresses": [
                7,
                {"address": "192.0.2.1", "state": "Glowing"},
                {"address": "192.0.2.2", "state": "Announced", "since": "soon", "interfaces": [1, "eth0"]},
            ],
            "interfaces": {"name": "eth0"},
            "peers": [{"alive": true}, {"node": "node-2", "alive": 1}],
            "peersAlive": null,
            "bgpSessions": [{"peer": "tor-1", "state": "Sleeping"}, {"peer": "tor-2", "state": "Idle", "peerASN": -1}],
            "keyId": ["a"],
            "colour": "blue",
        });
        let expected = SpeakerReport {
            addresses: vec![AnnouncedAddress {
                address: "192.0.2.2".to_owned(),
                interfaces: vec!["eth0".to_owned()],
                since: None,
                state: AddressState::Announced,
                contested_by: None,
            }],
            peers: vec![SpeakerPeer {
                node: "node-2".to_owned(),
                ..SpeakerPeer::default()
            }],
            bgp_sessions: vec![BgpSession {
                peer: "tor-2".to_owned(),
                address: None,
                state: BgpState::Idle,
                since: None,
                peer_asn: None,
                prefixes: 0,
                without_next_hop: 0,
                missing_families: Vec::new(),
                bfd_state: None,
                last_error: None,
                last_error_at: None,
            }],
            ..SpeakerReport::default()
        };
        assert_eq!(read(odd), expected);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let whole = json!({
            "peerAddresses": ["10.0.0.1", "2001:db8::1"],
            "peerPort": 7946,
            "startedAt": "2026-01-02T03:04:05Z",
            "draining": true,
            "addressCount": 1,
            "addresses": [{
                "address": "192.0.2.1", "interfaces": ["eth0"], "since": "2026-01-02T03:04:06Z",
                "state": "Contested", "contestedBy": "02:00:00:00:00:01",
            }],
            "interfaces": [{
                "name": "eth0", "mac": "02:00:00:00:00:02", "subnets": ["192.0.2.0/24"], "up": true,
            }],
            "peers": [{"node": "node-2", "alive": true, "since": "2026-01-02T03:04:07Z"}],
            "peersAlive": 1,
            "bgpSessions": [{
                "peer": "tor-1", "address": "192.0.2.1", "state": "Established", "peerASN": 64500,
                "since": "2026-01-02T03:04:08Z", "prefixes": 7, "withoutNextHop": 1,
                "missingFamilies": ["IPv6"], "bfdState": "Up", "lastError": "sent: Cease (6/2)",
                "lastErrorAt": "2026-01-02T03:04:09Z",
            }],
            "bgpEstablished": 1,
            "keyId": "0f1e2d3c",
        });
        assert_eq!(json!(read(whole.clone())), whole);
    }
}
