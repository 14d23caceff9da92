//! What a client asks for: the body of a PUT.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Interval;

/// A load balancer as it is wanted. The server keeps it word for word, order included, so that a
/// client may compare what it wants with what an answer holds ([`From<LoadBalancer>`]).
///
/// [`From<LoadBalancer>`]: crate::LoadBalancer
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancerSpec {
    /// What a list can be filtered by. At most 50; keys of 1 to 128 characters without `=`,
    /// values of up to 256.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Addresses that it must have, at most one for each family. Empty means any of the pool.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!([]))]
    pub requested_addresses: Vec<IpAddr>,
    /// Families that it has an address of, the first one first. Empty means those of the requested
    /// addresses, and without any the first family of the pool.
    #[serde(default)]
    pub families: Vec<Family>,
    /// What happens where an address of one of `families` is not to be had.
    #[serde(default)]
    pub family_policy: FamilyPolicy,
    /// Nets whose clients are served, over TCP and UDP alike. Empty means all; one that is not
    /// empty admits nobody whom it does not name, so it shuts a family that it names no net of.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["10.0.0.0/8"]))]
    pub source_ranges: Vec<IpNet>,
    /// Whether a client stays with its target.
    #[serde(default)]
    pub affinity: Affinity,
    /// Where it listens. At most 256, each with a protocol and port of its own.
    #[serde(default)]
    pub listeners: Vec<ListenerSpec>,
}

/// A port of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerSpec {
    /// What it forwards.
    pub protocol: Protocol,
    /// Where clients connect; not 0.
    #[schema(minimum = 1)]
    pub port: u16,
    /// UDP: how long a flow is kept after its last datagram; 60 s unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Interval>,
    /// How its targets are checked. Without it a TCP target is by connecting to it, and a UDP
    /// target is taken for healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Where their traffic goes. With none, a connection is closed at once and a datagram dropped.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// A transport protocol that the cloud forwards.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub enum Protocol {
    /// RFC 9293.
    #[serde(rename = "TCP")]
    Tcp,
    /// RFC 768.
    #[serde(rename = "UDP")]
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// An IP family.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub enum Family {
    /// RFC 791.
    IPv4,
    /// RFC 8200.
    IPv6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::IPv4
        } else {
            Self::IPv6
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How much the families of a load balancer matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum FamilyPolicy {
    /// An address of each, or the load balancer is refused.
    #[default]
    Require,
    /// An address of each that is to be had, at least one. Every PUT tries again for those that it
    /// lacks.
    Prefer,
}

/// Whether a client stays with its target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Affinity {
    /// Each connection or flow goes to the target whose turn it is.
    #[default]
    None,
    /// All of one client address go to the same target of a listener, while that is healthy.
    ClientIp {
        /// Time after which the client is forgotten, from its last connection or flow.
        timeout: Interval,
    },
}

/// How the targets of a listener are checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// What a check does.
    pub protocol: HealthCheckProtocol,
    /// HTTP: what is asked for; `/` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Port of the target that is checked; that of its traffic unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// From one check to the next, give or take a quarter; the server's own unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Checks in a row that must succeed before an unhealthy target is healthy; 1 unless said
    /// otherwise, at most 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_threshold: Option<u32>,
    /// Checks in a row that must fail before a healthy target is unhealthy; 1 unless said
    /// otherwise, at most 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy_threshold: Option<u32>,
}

/// What a health check does.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub enum HealthCheckProtocol {
    /// It connects.
    #[serde(rename = "TCP")]
    Tcp,
    /// It asks for a path and wants a status from 200 to 299.
    #[serde(rename = "HTTP")]
    Http,
}

/// A place that traffic is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// What people call it.
    pub name: String,
    /// Its address.
    #[schema(value_type = String, example = "127.0.0.1")]
    pub address: IpAddr,
    /// Its port; not 0.
    #[schema(minimum = 1)]
    pub port: u16,
}
