//! What the cloud tells by itself: the events of its stream of changes, and what it can do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Family, Protocol};

/// Names of the events in the stream of changes (`event:` of server-sent events).
pub mod event {
    /// A load balancer was made, altered or provisioned; data: [`LoadBalancerChange`](super::LoadBalancerChange).
    pub const CHANGED: &str = "changed";
    /// A load balancer is gone; data: [`LoadBalancerChange`](super::LoadBalancerChange).
    pub const DELETED: &str = "deleted";
    /// Whether what arrives at a load balancer gets through is another now; data:
    /// [`ServingChange`](crate::ServingChange).
    pub const SERVING: &str = "serving";
    /// Something that a client may wait for is free; data: [`FreedCapacity`](super::FreedCapacity).
    pub const FREED_CAPACITY: &str = "freed-capacity";
    /// What happened since the client was last here is not known any more: it must look at
    /// everything. The first event of a stream that cannot go on where the client says.
    pub const RESET: &str = "reset";
}

/// A load balancer that is another now, or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerChange {
    /// The client's name for it.
    pub id: String,
    /// Its tags now, or when it was deleted. A stream that is filtered also tells when a load
    /// balancer ceases to match.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its entity tag now; none if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// What became free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreedCapacity {
    /// Addresses that can be had now. None if something else, such as a quota, became free.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
}

/// What this cloud can do; it stays so while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudCapabilities {
    /// What it forwards.
    pub protocols: Vec<Protocol>,
    /// Families that its pool has addresses of; the first is given where none is asked for.
    pub families: Vec<Family>,
}
