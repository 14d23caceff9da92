//! The objects of `metallb.io`, as far as their documented fields go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;
use crate::read::read;

/// The API group of MetalLB's objects.
pub const GROUP: &str = "metallb.io";

/// An object of a kind that says what MetalLB does.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `IPAddressPool` v1beta1.
    Pool(Item<IPAddressPoolSpec>),
    /// `L2Advertisement` v1beta1.
    L2Advertisement(Item<L2AdvertisementSpec>),
    /// `BGPAdvertisement` v1beta1.
    BGPAdvertisement(Item<BGPAdvertisementSpec>),
    /// `BGPPeer` v1beta2, and v1beta1, which has some of its fields.
    Peer(Box<Item<BGPPeerSpec>>),
    /// `BFDProfile` v1beta1.
    BFDProfile(Item<BFDProfileSpec>),
    /// `Community` v1beta1.
    Community(Item<CommunitySpec>),
}

impl Object {
    /// Reads an object. None if its kind says nothing about what MetalLB does: not of MetalLB, or one
    /// of those that it writes itself.
    pub fn read(value: &Value) -> Result<Option<Self>, Fault> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").split_once('/').map(|(group, _)| group) != Some(GROUP) {
            return Ok(None);
        }
        Ok(Some(match text("kind") {
            "IPAddressPool" => Self::Pool(item(value)?),
            "L2Advertisement" => Self::L2Advertisement(item(value)?),
            "BGPAdvertisement" => Self::BGPAdvertisement(item(value)?),
            "BGPPeer" => Self::Peer(Box::new(item(value)?)),
            "BFDProfile" => Self::BFDProfile(item(value)?),
            "Community" => Self::Community(item(value)?),
            _ => return Ok(None),
        }))
    }
}

/// Name and fields of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<S> {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it says.
    pub spec: S,
    /// Paths of fields that are not among the documented ones.
    pub unknown: Vec<String>,
}

fn item<S: DeserializeOwned + Default>(value: &Value) -> Result<Item<S>, Fault> {
    #[derive(Deserialize)]
    #[serde(bound = "S: DeserializeOwned + Default")]
    struct Whole<S> {
        metadata: ObjectMeta,
        #[serde(default)]
        spec: S,
        /// What MetalLB found out; not looked at.
        #[serde(default, rename = "status")]
        _status: Value,
    }
    let read = read::<Whole<S>>(value)?;
    Ok(Item {
        metadata: read.object.metadata,
        spec: read.object.spec,
        unknown: read.unknown,
    })
}

/// `IPAddressPool.spec`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IPAddressPoolSpec {
    /// Networks and ranges.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether Services that do not ask get addresses; true where it is not said.
    pub auto_assign: Option<bool>,
    /// Never give an IPv4 address that ends in .0 or .255.
    #[serde(default, rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,
    /// Which Services get addresses.
    pub service_allocation: Option<ServiceAllocation>,
}

/// Which Services get addresses from a pool.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceAllocation {
    /// Lower is taken first; 0 last.
    pub priority: i64,
    /// Names of namespaces.
    pub namespaces: Vec<String>,
    /// Namespaces by their labels; one selector is enough, as is a name.
    pub namespace_selectors: Vec<LabelSelector>,
    /// Services by their labels; one selector is enough.
    pub service_selectors: Vec<LabelSelector>,
}

/// `L2Advertisement.spec`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct L2AdvertisementSpec {
    /// Names of pools.
    #[serde(rename = "ipAddressPools")]
    pub ip_address_pools: Vec<String>,
    /// Pools by their labels.
    #[serde(rename = "ipAddressPoolSelectors")]
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    /// Nodes by their labels.
    pub node_selectors: Vec<LabelSelector>,
    /// Names of interfaces.
    pub interfaces: Vec<String>,
    /// Services by their labels.
    pub service_selectors: Vec<LabelSelector>,
    /// Nodes that are preferred.
    pub preferred_node_selectors: Vec<PreferredNodeSelector>,
}

/// Nodes that are preferred, and how much.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct PreferredNodeSelector {
    /// 1 to 100.
    pub weight: i32,
    /// Nodes by their labels.
    pub preference: LabelSelector,
}

/// `BGPAdvertisement.spec`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BGPAdvertisementSpec {
    /// Prefix length of IPv4 routes; 32 where it is not said.
    pub aggregation_length: Option<i32>,
    /// Prefix length of IPv6 routes; 128 where it is not said.
    #[serde(rename = "aggregationLengthV6")]
    pub aggregation_length_v6: Option<i32>,
    /// Local preference; 0 is as good as none.
    pub local_pref: i64,
    /// Numbers or aliases.
    pub communities: Vec<String>,
    /// Names of pools.
    #[serde(rename = "ipAddressPools")]
    pub ip_address_pools: Vec<String>,
    /// Pools by their labels.
    #[serde(rename = "ipAddressPoolSelectors")]
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    /// Nodes by their labels.
    pub node_selectors: Vec<LabelSelector>,
    /// Names of peers.
    pub peers: Vec<String>,
    /// Services by their labels.
    pub service_selectors: Vec<LabelSelector>,
}

/// `BGPPeer.spec`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "MetalLB's object has them")]
pub struct BGPPeerSpec {
    /// Our autonomous system.
    #[serde(rename = "myASN")]
    pub my_asn: i64,
    /// The router's.
    #[serde(rename = "peerASN")]
    pub peer_asn: i64,
    /// `internal` or `external`, in place of a number.
    #[serde(rename = "dynamicASN")]
    pub dynamic_asn: Option<String>,
    /// The autonomous system to be towards this peer, in place of `myASN`.
    #[serde(rename = "localASN")]
    pub local_asn: Option<i64>,
    /// The router's address.
    pub peer_address: Option<String>,
    /// The interface of a router without an address.
    pub interface: Option<String>,
    /// Our address.
    pub source_address: Option<String>,
    /// The router's port; 179 where it is not said.
    pub peer_port: Option<i32>,
    /// As Go writes durations.
    pub hold_time: Option<String>,
    /// As Go writes durations.
    pub keepalive_time: Option<String>,
    /// As Go writes durations.
    pub connect_time: Option<String>,
    /// Our identifier.
    #[serde(rename = "routerID")]
    pub router_id: Option<String>,
    /// Nodes by their labels.
    pub node_selectors: Vec<LabelSelector>,
    /// In plain text.
    pub password: Option<String>,
    /// A Secret with it.
    pub password_secret: Option<SecretReference>,
    /// The name of a `BFDProfile`.
    pub bfd_profile: Option<String>,
    /// Ask for graceful restart.
    pub enable_graceful_restart: bool,
    /// The router is several hops away.
    pub ebgp_multi_hop: bool,
    /// The routing domain of the session.
    pub vrf: Option<String>,
    /// Has no effect any more.
    #[serde(rename = "disableMP")]
    pub disable_mp: bool,
    /// Carry both families on one session.
    pub dual_stack_address_family: bool,
}

/// Names a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SecretReference {
    /// Its name.
    pub name: Option<String>,
    /// Its namespace; MetalLB's own where it is not said.
    pub namespace: Option<String>,
}

/// `BFDProfile.spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BFDProfileSpec {
    /// Milliseconds.
    pub receive_interval: Option<u32>,
    /// Milliseconds.
    pub transmit_interval: Option<u32>,
    /// Packets.
    pub detect_multiplier: Option<i32>,
    /// Milliseconds.
    pub echo_interval: Option<u32>,
    /// Let the router send packets back through us.
    pub echo_mode: Option<bool>,
    /// Wait for the router's first packet.
    pub passive_mode: Option<bool>,
    /// For routers several hops away.
    pub minimum_ttl: Option<i32>,
}

/// `Community.spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CommunitySpec {
    /// Names and what they stand for.
    pub communities: Vec<CommunityAlias>,
}

/// A name for a community.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CommunityAlias {
    /// The name.
    pub name: String,
    /// `65000:100` or `large:65000:1:2`.
    pub value: String,
}
