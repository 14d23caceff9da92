//! `BGPPeer`: a router that nodes announce addresses to.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reservation::IpFamily;
use super::schema;

/// A BGP session that each selected node has with a router.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "BGPPeer",
    plural = "bgppeers",
    status = "BGPPeerStatus",
    derive = "PartialEq",
    category = "landfall",
    shortname = "peer",
    doc = "A router that nodes announce addresses to by BGP (RFC 4271). Every node that nodeSelector selects has a session of its own with it.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".spec.address",
        description = "The router's address"
    ),
    printcolumn(
        name = "Interface",
        type_ = "string",
        json_path = ".spec.interface",
        description = "The interface that it is found on"
    ),
    printcolumn(
        name = "Local ASN",
        type_ = "integer",
        json_path = ".spec.localASN",
        description = "Our autonomous system"
    ),
    printcolumn(
        name = "Peer ASN",
        type_ = "string",
        json_path = ".spec.peerASN",
        description = "The router's autonomous system"
    ),
    printcolumn(
        name = "BFD",
        type_ = "string",
        json_path = ".spec.bfd.transmitInterval",
        priority = "1",
        description = "The interval of BFD packets, if BFD is used"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether it can be used"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::peer_rules()))]
#[schemars(transform = schema::join_lines)]
pub struct BGPPeerSpec {
    /// Our autonomous system number, 1 to 4294967295 (RFC 6793).
    #[serde(rename = "localASN")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub local_asn: i64,

    /// The router's autonomous system number, 1 to 4294967295; or Internal, for our own; or External,
    /// for any other.
    #[serde(rename = "peerASN")]
    #[schemars(schema_with = "schema::peer_asn")]
    pub peer_asn: PeerAsn,

    /// The router's IPv4 or IPv6 address; of a link-local one, `interface` says where. With passive, a
    /// network (192.0.2.0/24) lets every router in it open a session. Without an address, the router is
    /// found by its router advertisements on `interface` (unnumbered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::peer_address")]
    pub address: Option<String>,

    /// The interface that the router is on: needed without an address, and with a link-local one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interface")]
    pub interface: Option<String>,

    /// The router's TCP port; with passive, the port that the node listens on. Default: 179.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// The node's address that the session is opened from, and BFD packets are sent from. It must be the
    /// node's own, so nodeSelector should select one node. With passive only BFD uses it: sessions are
    /// taken at any address of the node. Absent: as the node's routes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::address")]
    pub source_address: Option<String>,

    /// Wait for the router to open the session, never open it. Default: false.
    #[serde(default)]
    pub passive: bool,

    /// How long the session lives without a message from the router (RFC 4271 §4.2): 0s for ever,
    /// else whole seconds from 3s to 65535s. The lower of this and the router's counts.
    /// Default: 90s.
    #[serde(default = "default_hold_time")]
    #[schemars(schema_with = "schema::hold_time")]
    pub hold_time: String,

    /// How often the node sends a message at least, in whole seconds, not longer than holdTime.
    /// Absent: a third of the hold time that was agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::keepalive_time")]
    pub keepalive_time: Option<String>,

    /// How long to wait at most before a router that refuses the connection is tried again, 1s to 65535s:
    /// the waits begin with 0.5s and double up to it. A connection that gets no answer is tried for so long,
    /// and then again. After an error that a message names, the wait is this or 5s, whichever is less, and
    /// doubles up to a minute or this, whichever is more. All vary by a quarter. Default: 5s.
    #[serde(default = "default_connect_retry_time")]
    #[schemars(schema_with = "schema::connect_retry_time")]
    pub connect_retry_time: String,

    /// The BGP identifier of the node, written as an IPv4 address. It must differ between nodes, so
    /// nodeSelector should select one node. Absent: the node's IPv4 address, or one made from its name.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ipv4_address")]
    pub router_id: Option<String>,

    /// The Secret with the session's password (TCP MD5 signature, RFC 2385). Absent: no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<PasswordSecretRef>")]
    pub password_secret_ref: Option<PasswordSecretRef>,

    /// Accept only packets that no router has forwarded: sent with a TTL of 255, and refused below it
    /// (GTSM, RFC 5082). The router must do the same. Default: false.
    #[serde(default)]
    pub ttl_security: bool,

    /// The greatest number of hops to an external peer that is not on a network of the node, 2 to 255.
    /// Absent: it must be on one. Internal peers may be anywhere. BFD with either needs its own
    /// `bfd.multihop`, if a router is between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<i32>", range(min = 2, max = 255))]
    pub multihop: Option<i32>,

    /// Ask the router to keep our routes while the speaker is restarted (RFC 4724). Absent: it drops
    /// them at once. With bfd, BFD wins: the router notices the restart and drops them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<GracefulRestart>")]
    pub graceful_restart: Option<GracefulRestart>,

    /// The families of the routes that the session carries (RFC 4760), whatever its own address is.
    /// Default: IPv4 and IPv6.
    #[serde(default = "default_families")]
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub families: Vec<IpFamily>,

    /// Only nodes with such labels have this session. Absent or empty: all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::selector")]
    pub node_selector: Option<LabelSelector>,

    /// Watch the router by BFD (RFC 5880), which notices in a fraction of a second when it is gone.
    /// The router must do the same. Absent: only holdTime tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<Bfd>")]
    pub bfd: Option<Bfd>,
}

fn default_port() -> i32 {
    179
}

fn default_hold_time() -> String {
    "90s".to_owned()
}

fn default_connect_retry_time() -> String {
    "5s".to_owned()
}

fn default_families() -> Vec<IpFamily> {
    vec![IpFamily::Ipv4, IpFamily::Ipv6]
}

impl BGPPeerSpec {
    /// A session with a peer, all else as if it had not been written.
    #[must_use]
    pub fn new(local_asn: i64, peer_asn: PeerAsn) -> Self {
        Self {
            local_asn,
            peer_asn,
            address: None,
            interface: None,
            port: default_port(),
            source_address: None,
            passive: false,
            hold_time: default_hold_time(),
            keepalive_time: None,
            connect_retry_time: default_connect_retry_time(),
            router_id: None,
            password_secret_ref: None,
            ttl_security: false,
            multihop: None,
            graceful_restart: None,
            families: default_families(),
            node_selector: None,
            bfd: None,
        }
    }
}

/// A peer's autonomous system: a number, or a relation to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "a number from 1 to 4294967295, Internal or External is needed"
)]
pub enum PeerAsn {
    /// That number.
    Number(i64),
    /// What the number has to be.
    Kind(PeerKind),
}

/// What a peer's autonomous system has to be, compared with ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum PeerKind {
    /// The same.
    Internal,
    /// Another.
    External,
}

/// Names a Secret in the speaker's namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct PasswordSecretRef {
    /// The name of a Secret of type kubernetes.io/basic-auth in the speaker's namespace; the password
    /// is its key `password`.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

/// Graceful restart of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GracefulRestart {
    /// How long the router keeps the routes without a session, in whole seconds from 1s to 4095s.
    /// Default: 120s.
    #[serde(default = "default_restart_time")]
    #[schemars(schema_with = "schema::restart_time")]
    pub restart_time: String,
}

fn default_restart_time() -> String {
    "120s".to_owned()
}

impl Default for GracefulRestart {
    fn default() -> Self {
        Self {
            restart_time: default_restart_time(),
        }
    }
}

/// A BFD session beside the BGP session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.minimumTTL) || self.multihop",
    "message": "minimumTTL goes with multihop: over a single hop only 255 is accepted (RFC 5881 §5)",
    "fieldPath": ".minimumTTL",
}]))]
pub struct Bfd {
    /// How often the node sends packets, 10ms to 60s. The router may ask for fewer. Default: 300ms.
    #[serde(default = "default_interval")]
    #[schemars(schema_with = "schema::bfd_interval")]
    pub transmit_interval: String,

    /// How often the node can take packets, 10ms to 60s. The router sends no more than that.
    /// Default: 300ms.
    #[serde(default = "default_interval")]
    #[schemars(schema_with = "schema::bfd_interval")]
    pub receive_interval: String,

    /// After how many intervals without a packet from the node the router takes it for gone, 1 to
    /// 255. Default: 3.
    #[serde(default = "default_multiplier")]
    #[schemars(range(min = 1, max = 255))]
    pub multiplier: i32,

    /// Send nothing before the router has sent something (RFC 5880 §6.1). Default: false.
    #[serde(default)]
    pub passive: bool,

    /// The router is more than one hop away (RFC 5883). Default: false.
    #[serde(default)]
    pub multihop: bool,

    /// With multihop: packets that arrive with a lower TTL are dropped, 1 to 254; each router between
    /// takes one from 255. Absent: 254.
    #[serde(
        default,
        rename = "minimumTTL",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "schema::present::<i32>", range(min = 1, max = 254))]
    pub minimum_ttl: Option<i32>,
}

fn default_interval() -> String {
    "300ms".to_owned()
}

fn default_multiplier() -> i32 {
    3
}

impl Default for Bfd {
    fn default() -> Self {
        Self {
            transmit_interval: default_interval(),
            receive_interval: default_interval(),
            multiplier: default_multiplier(),
            passive: false,
            multihop: false,
            minimum_ttl: None,
        }
    }
}

/// Whether a peer can be used.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(transform = schema::join_lines)]
pub struct BGPPeerStatus {
    /// Ready: whether the peer can be used, and if not, why. Established: whether every node that reports
    /// a session with it has it, and if not, which do not and why. Conflicting: whether another BGPPeer is
    /// for the same router. GracefulRestart, where bfd keeps it from working. More of each session is in
    /// the nodes' SpeakerStatus.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
