//! `AddressPool`: the addresses that may be handed out, and to whom.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Addresses that Landfall may give to Services, and to which of them.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "AddressPool",
    status = "AddressPoolStatus",
    derive = "PartialEq",
    category = "landfall",
    shortname = "pool",
    shortname = "pools",
    doc = "Addresses that Landfall's bare-metal provider may give to Services of type LoadBalancer, and to which of them. A pool by itself makes no address reachable: an L2Advertisement or a BGPAdvertisement does.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Addresses",
        type_ = "string",
        json_path = ".spec.addresses",
        description = "The addresses, as they were written"
    ),
    printcolumn(
        name = "Allocation",
        type_ = "string",
        json_path = ".spec.allocation",
        description = "Who gets addresses: every Service (Automatic), those that ask (OnRequest), nobody new (Closed)"
    ),
    printcolumn(
        name = "Assigned v4",
        type_ = "integer",
        json_path = ".status.ipv4.assigned",
        description = "IPv4 addresses that Services have"
    ),
    printcolumn(
        name = "Available v4",
        type_ = "integer",
        json_path = ".status.ipv4.available",
        description = "IPv4 addresses that could be given now"
    ),
    printcolumn(
        name = "Assigned v6",
        type_ = "integer",
        json_path = ".status.ipv6.assigned",
        priority = "1",
        description = "IPv6 addresses that Services have"
    ),
    printcolumn(
        name = "Available v6",
        type_ = "integer",
        json_path = ".status.ipv6.available",
        priority = "1",
        description = "IPv6 addresses that could be given now"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether addresses can be given"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::join_lines)]
pub struct AddressPoolSpec {
    /// The addresses of the pool, IPv4 and IPv6 in any mix. Each item is a network (192.0.2.0/24), a
    /// range with both ends included (192.0.2.10-192.0.2.20), or one address (2001:db8::1). Items
    /// must not overlap. Of the unspecified address, multicast and 255.255.255.255 none is ever
    /// given.
    #[schemars(schema_with = "schema::pool_addresses")]
    pub addresses: Vec<String>,

    /// Addresses out of `addresses` that are never given: a gateway, a machine that stands there
    /// already. The same three forms. An item that takes nothing from `addresses` is refused, since
    /// it is most likely a typing error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::excluded_addresses")]
    pub exclude: Vec<String>,

    /// Who gets an address from the pool. Automatic: every Service that the selectors let in.
    /// OnRequest: of those, only Services that ask for this pool or for one of its addresses.
    /// Closed: nobody new; what is assigned stays, so that a pool can be emptied. Default: Automatic.
    #[serde(default)]
    pub allocation: Allocation,

    /// Where several pools could serve a Service, the one with the lowest number does; of equals, the
    /// first by name. From 0 to 1000000. Default: 100.
    #[serde(default = "default_priority")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub priority: i32,

    /// Only Services in namespaces with such labels get addresses from the pool. Absent or empty:
    /// Services of all namespaces. The label kubernetes.io/metadata.name is a namespace's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub namespace_selector: Option<LabelSelector>,

    /// Only Services with such labels get addresses from the pool. Absent or empty: all Services.
    /// With namespaceSelector, both must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub service_selector: Option<LabelSelector>,

    /// Never give the first and the last address of an IPv4 network of /30 or larger in `addresses`
    /// (its network and broadcast address), nor an IPv4 address that ends in .0 or .255, which some
    /// old equipment does not pass. Default: false.
    #[serde(default)]
    pub skip_network_and_broadcast: bool,

    /// How long a released address rests before another Service may get it, so that clients that
    /// remember it don't land elsewhere: a number with a unit, such as 90s, 5m or 1h; 0s for not at
    /// all; at most 168h. Default: 60s.
    #[serde(default = "default_reuse_after")]
    #[schemars(schema_with = "schema::reuse_after")]
    pub reuse_after: String,

    /// Whether Services with the same value of the annotation landfall.dev/sharing-key may have one
    /// address together, on different ports: Never, only Services of one namespace (SameNamespace),
    /// or Services of different namespaces, too (AnyNamespace). Default: SameNamespace.
    #[serde(default)]
    pub sharing: Sharing,
}

fn default_priority() -> i32 {
    100
}

fn default_reuse_after() -> String {
    "60s".to_owned()
}

impl Default for AddressPoolSpec {
    /// A pool without addresses, all else as if it had not been written.
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            exclude: Vec::new(),
            allocation: Allocation::default(),
            priority: default_priority(),
            namespace_selector: None,
            service_selector: None,
            skip_network_and_broadcast: false,
            reuse_after: default_reuse_after(),
            sharing: Sharing::default(),
        }
    }
}

/// Who gets an address from a pool.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
)]
pub enum Allocation {
    /// Every Service that the selectors let in.
    #[default]
    Automatic,
    /// Of those, Services that ask for the pool or one of its addresses.
    OnRequest,
    /// Nobody new; what is assigned stays.
    Closed,
}

/// Who may have one address of a pool together.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
)]
pub enum Sharing {
    /// Nobody.
    Never,
    /// Services of one namespace.
    #[default]
    SameNamespace,
    /// Services of all namespaces that the pool serves.
    AnyNamespace,
}

/// What Landfall found out about a pool.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::join_lines)]
pub struct AddressPoolStatus {
    /// The pool's IPv4 addresses in numbers; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<FamilyCount>")]
    pub ipv4: Option<FamilyCount>,

    /// The pool's IPv6 addresses in numbers; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<FamilyCount>")]
    pub ipv6: Option<FamilyCount>,

    /// The ranges that addresses are given from now, in order, neighbours joined and exclusions taken
    /// out. If there are more than 1000, the first 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::status_ranges")]
    pub addresses: Vec<String>,

    /// Addresses that an edit took out of the pool and that Services still use. They are served until
    /// those Services change or the pool is annotated landfall.dev/reclaim: "true". If there are more
    /// than 1000 ranges, the first 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::status_ranges")]
    pub retained: Vec<String>,

    /// Ready: whether addresses can be given, and if not, why. Conflicting: whether another pool has
    /// some of the same addresses, and which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Addresses of one family, in numbers. Numbers above 9223372036854775807 are shown as that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub struct FamilyCount {
    /// Addresses that can be given, now or when they are free: without those that are excluded or
    /// skipped.
    pub total: i64,
    /// Addresses that Services and reservations have, each counted once however many share it.
    pub assigned: i64,
    /// Addresses that could be given now; those that rest after their release are not among them.
    pub available: i64,
}
