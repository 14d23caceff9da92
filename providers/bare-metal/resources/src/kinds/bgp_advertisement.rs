//! `BGPAdvertisement`: addresses that nodes announce to routers, and with which attributes.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Which addresses are announced to which BGP peers, by which nodes, and as what.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "BGPAdvertisement",
    plural = "bgpadvertisements",
    status = "BGPAdvertisementStatus",
    derive = "PartialEq",
    category = "landfall",
    shortname = "bgpad",
    doc = "Makes the addresses of pools reachable through routers: nodes announce them to BGP peers. Where several advertisements concern one prefix, their communities are joined; what else differs is resolved and shown in their conditions.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Pools",
        type_ = "string",
        json_path = ".spec.pools",
        description = "The pools that are named; empty with no selector: all"
    ),
    printcolumn(
        name = "Peers",
        type_ = "string",
        json_path = ".spec.peers",
        description = "The peers that are named; empty: all"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether it is in effect"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.serviceSelector) || (self.aggregationLength == 32 && self.aggregationLengthV6 == 128)",
    "message": "an aggregate is announced for all its addresses: serviceSelector goes with the default aggregation lengths only",
    "fieldPath": ".serviceSelector",
}]))]
#[schemars(transform = schema::join_lines)]
pub struct BGPAdvertisementSpec {
    /// Names of AddressPools whose addresses are announced. With poolSelector: these, and those that
    /// it selects. Neither: all pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::object_names")]
    pub pools: Vec<String>,

    /// Selects AddressPools by their labels, beside those in `pools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub pool_selector: Option<LabelSelector>,

    /// Names of the BGPPeers to announce to. Absent or empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::object_names")]
    pub peers: Vec<String>,

    /// Only nodes with such labels announce. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub node_selector: Option<LabelSelector>,

    /// Only addresses of Services with such labels are announced. Absent or empty: of all Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub service_selector: Option<LabelSelector>,

    /// The prefix length that IPv4 addresses are announced with. 32: each address by itself. Less: the
    /// network around it, as long as one address of it is to be announced. Default: 32.
    #[serde(default = "default_aggregation_length")]
    #[schemars(range(min = 1, max = 32))]
    pub aggregation_length: i32,

    /// The prefix length that IPv6 addresses are announced with. 128: each address by itself. Default: 128.
    #[serde(
        default = "default_aggregation_length_v6",
        rename = "aggregationLengthV6"
    )]
    #[schemars(range(min = 1, max = 128))]
    pub aggregation_length_v6: i32,

    /// LOCAL_PREF of the routes, higher is preferred; sent to internal peers only (RFC 4271 §5.1.5).
    /// Absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        schema_with = "schema::present::<i64>",
        range(min = 0, max = 4_294_967_295_i64)
    )]
    pub local_pref: Option<i64>,

    /// MULTI_EXIT_DISC of the routes, lower is preferred (RFC 4271 §5.1.4). Absent: not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        schema_with = "schema::present::<i64>",
        range(min = 0, max = 4_294_967_295_i64)
    )]
    pub med: Option<i64>,

    /// How many more times our own ASN stands in AS_PATH, which makes the routes look farther away, 0
    /// to 32. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 32))]
    pub as_path_prepend: i32,

    /// Communities of the routes: 65000:100 (RFC 1997), large:65000:1:2 (RFC 8092), one of the names
    /// no-export, no-advertise, no-export-subconfed, no-peer, blackhole, graceful-shutdown, or a name
    /// out of communityAliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::communities")]
    pub communities: Vec<String>,

    /// Names for communities, for use in `communities` and in annotations of Services.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::community_aliases")]
    pub community_aliases: BTreeMap<String, String>,

    /// The NEXT_HOP of the routes. Absent: the announcing node's own address on the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<NextHop>")]
    pub next_hop: Option<NextHop>,

    /// Which attributes a Service may set for its own routes by annotations: none if absent or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub service_attributes: Vec<ServiceAttribute>,
}

fn default_aggregation_length() -> i32 {
    32
}

fn default_aggregation_length_v6() -> i32 {
    128
}

impl Default for BGPAdvertisementSpec {
    /// Each address of all pools, by all nodes, to all peers.
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            pool_selector: None,
            peers: Vec::new(),
            node_selector: None,
            service_selector: None,
            aggregation_length: default_aggregation_length(),
            aggregation_length_v6: default_aggregation_length_v6(),
            local_pref: None,
            med: None,
            as_path_prepend: 0,
            communities: Vec::new(),
            community_aliases: BTreeMap::new(),
            next_hop: None,
            service_attributes: Vec::new(),
        }
    }
}

/// Where routers are told to send traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.ipv4) || has(self.ipv6)",
    "message": "name an address in ipv4, in ipv6 or in both; leave nextHop out for the node's own",
}]))]
pub struct NextHop {
    /// The next hop of IPv4 routes. Absent: the node's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ipv4_address")]
    pub ipv4: Option<String>,
    /// The next hop of IPv6 routes. Absent: the node's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ipv6_address")]
    pub ipv6: Option<String>,
}

/// An attribute that Services may be let to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ServiceAttribute {
    /// `LOCAL_PREF`.
    LocalPref,
    /// `MULTI_EXIT_DISC`.
    #[serde(rename = "MED")]
    Med,
    /// The length of `AS_PATH`.
    #[serde(rename = "ASPathPrepend")]
    AsPathPrepend,
    /// Communities, beside those of the advertisement.
    Communities,
}

/// Whether an advertisement is in effect.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(transform = schema::join_lines)]
pub struct BGPAdvertisementStatus {
    /// Ready: whether the advertisement is in effect, and if not, why. Conflicting: whether another one
    /// says something else about the same routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
