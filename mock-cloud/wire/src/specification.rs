//! What a client asks for: the body of a PUT.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Where their traffic goes. With none, a connection is closed at once.
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
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
        })
    }
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
