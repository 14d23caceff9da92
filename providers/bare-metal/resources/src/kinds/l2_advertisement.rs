//! `L2Advertisement`: addresses that nodes answer for on their own networks (ARP, NDP).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Which addresses are announced on the local network, by which nodes, and how.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "L2Advertisement",
    plural = "l2advertisements",
    status = "L2AdvertisementStatus",
    derive = "PartialEq",
    category = "landfall",
    shortname = "l2ad",
    doc = "Makes the addresses of pools reachable on the nodes' local networks: for each address one node answers ARP (IPv4) and NDP (IPv6). Where several advertisements concern an address, each adds what it allows.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Pools",
        type_ = "string",
        json_path = ".spec.pools",
        description = "The pools that are named; empty with no selector: all"
    ),
    printcolumn(
        name = "Interfaces",
        type_ = "string",
        json_path = ".spec.interfaces",
        priority = "1",
        description = "The interfaces that are named; empty: all that fit"
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
#[schemars(transform = schema::join_lines)]
pub struct L2AdvertisementSpec {
    /// Names of AddressPools whose addresses are announced. With poolSelector: these, and those that
    /// it selects. Neither: all pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::object_names")]
    pub pools: Vec<String>,

    /// Selects AddressPools by their labels, beside those in `pools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub pool_selector: Option<LabelSelector>,

    /// Only addresses of Services with such labels are announced. Of an address that is shared, one
    /// such Service is enough. Absent or empty: of all Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub service_selector: Option<LabelSelector>,

    /// Only nodes with such labels announce. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub node_selector: Option<LabelSelector>,

    /// Only on these interfaces: names (eth0) or patterns, in which * stands for any characters and ?
    /// for one (bond*, eth?.10). Absent or empty: on every interface whose subnet has the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::interfaces")]
    pub interfaces: Vec<String>,

    /// Nodes that should rather announce than others, as long as they can. The weights of all items
    /// that select a node are added up; the highest sum is preferred. An address that is announced
    /// already does not move for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub preferred_nodes: Vec<PreferredNodes>,

    /// Whether a node may announce an address that is in no subnet of its interfaces. Never: such an
    /// address is not announced here. Allow: it is, on all interfaces that `interfaces` lets; needed
    /// where a router has a route for the addresses to the nodes' network. Default: Never.
    #[serde(default)]
    pub off_subnet: OffSubnet,

    /// How long to listen whether another machine has the address before announcing it. Fast: one
    /// probe and 20 milliseconds, two more probes right after. Strict: as RFC 5227 asks, about 3 to 7
    /// seconds. Default: Fast.
    #[serde(default)]
    pub probe: Probe,
}

/// Nodes, and how much they are preferred.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct PreferredNodes {
    /// How much: 1 a little, 100 most.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,
    /// The labels of the nodes. An empty selector selects every node, which prefers none.
    #[schemars(schema_with = "schema::selector")]
    pub selector: LabelSelector,
}

/// Whether a node may announce an address outside of its own subnets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum OffSubnet {
    /// It may.
    Allow,
    /// It may not.
    #[default]
    Never,
}

/// How long to listen for another owner before announcing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Probe {
    /// One probe and 20 ms, two more probes right after.
    #[default]
    Fast,
    /// The timing of RFC 5227.
    Strict,
}

/// Whether an advertisement is in effect.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(transform = schema::join_lines)]
pub struct L2AdvertisementStatus {
    /// Ready: whether the advertisement is in effect, and if not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
