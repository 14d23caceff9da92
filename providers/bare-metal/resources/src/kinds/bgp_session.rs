//! What a speaker reports of its sessions with routers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reservation::IpFamily;
use super::schema;
use super::speaker_status::{field, items};

/// Sessions that a report lists at most.
pub const MOST_SESSIONS: usize = 256;
/// Characters of the longest error that is reported.
pub const LONGEST_ERROR: usize = 512;

/// A BGP session of a node, and how it is.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BgpSession {
    /// The name of the BGPPeer.
    #[schemars(length(min = 1, max = 253))]
    pub peer: String,

    /// The router's address, if it is known.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_address")]
    pub address: Option<String>,

    /// The state of the session (RFC 4271 §8.2.2). Only in Established routes are exchanged.
    pub state: BgpState,

    /// Since when it is in this state.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<Time>")]
    pub since: Option<Time>,

    /// The router's autonomous system, while the session is established.
    #[serde(
        default,
        rename = "peerASN",
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_count")]
    pub peer_asn: Option<u32>,

    /// How many prefixes the router was told.
    #[serde(default, deserialize_with = "field")]
    #[schemars(schema_with = "schema::reported_count")]
    pub prefixes: u32,

    /// How many prefixes it could not be told, as there is no next hop for their family: the node has no
    /// address of it that the router reaches.
    #[serde(default, deserialize_with = "field", skip_serializing_if = "is_zero")]
    #[schemars(schema_with = "schema::reported_count")]
    pub without_next_hop: u32,

    /// Families of routes that the BGPPeer names and the router does not take.
    #[serde(
        default,
        deserialize_with = "items",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub missing_families: Vec<IpFamily>,

    /// The state of the BFD session beside it, if there is to be one (RFC 5880 §6.2).
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<BfdState>")]
    pub bfd_state: Option<BfdState>,

    /// What went wrong last: until the session is established.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::reported_error")]
    pub last_error: Option<String>,

    /// When that was.
    #[serde(
        default,
        deserialize_with = "field",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<Time>")]
    pub last_error_at: Option<Time>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The states of a BGP session (RFC 4271 §8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum BgpState {
    /// Nothing is tried: something is wrong, or it waits after an error.
    Idle,
    /// The node opens a connection.
    Connect,
    /// The node waits for the router, or to try again.
    Active,
    /// The node has said what it offers.
    OpenSent,
    /// Both have.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

/// The states of a BFD session (RFC 5880 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum BfdState {
    /// An administrator holds it down.
    AdminDown,
    /// The router is not heard.
    Down,
    /// The router is heard, and does not hear the node yet.
    Init,
    /// Both hear each other: a failure is noticed.
    Up,
}
