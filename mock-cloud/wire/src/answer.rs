//! What the cloud answers. A client must accept fields that it does not know here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Affinity, Family, FamilyPolicy, HealthCheck, Interval, ListenerSpec, LoadBalancerSpec,
    Protocol, Serving, Target,
};

/// A load balancer as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// The client's name for it.
    pub id: String,
    /// Its entity tag, as in the header `ETag`: another one whenever what was asked for or given is
    /// another. How targets fare does not count.
    #[serde(default)]
    pub etag: String,
    /// As asked for.
    pub tags: BTreeMap<String, String>,
    /// As asked for.
    #[schema(value_type = Vec<String>)]
    pub requested_addresses: Vec<IpAddr>,
    /// As asked for.
    #[serde(default)]
    pub families: Vec<Family>,
    /// As asked for.
    #[serde(default)]
    pub family_policy: FamilyPolicy,
    /// As asked for.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub source_ranges: Vec<IpNet>,
    /// As asked for.
    #[serde(default)]
    pub affinity: Affinity,
    /// Whether it is there yet.
    #[serde(default)]
    pub state: LoadBalancerState,
    /// Where it answers, one for each family, as far as the policy requires it; its own until it is
    /// deleted. Empty while it is being provisioned.
    #[schema(value_type = Vec<String>, example = json!(["127.200.0.1"]))]
    pub addresses: Vec<IpAddr>,
    /// Whether what arrives there gets through; nothing while it is being provisioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Serving>,
    /// As asked for, in that order, with how each one fares.
    pub listeners: Vec<Listener>,
}

/// Whether a load balancer is there yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum LoadBalancerState {
    /// It is on its way: it has no address and listens nowhere. The stream of changes tells when
    /// that ends.
    Provisioning,
    /// It is what its listeners say.
    #[default]
    Active,
}

/// A port of a load balancer as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// As asked for.
    pub protocol: Protocol,
    /// As asked for.
    pub port: u16,
    /// As asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Interval>,
    /// As asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Whether clients can connect.
    pub status: ListenerStatus,
    /// As asked for, in that order; then those taken away whose connections are not yet done
    /// ([`TargetHealth::Draining`]).
    pub targets: Vec<TargetStatus>,
}

/// Whether clients can connect to a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state")]
pub enum ListenerStatus {
    /// They can.
    Listening,
    /// Not yet: the load balancer is being provisioned.
    Pending,
    /// They cannot, on one address at least. The next PUT tries again.
    Failed {
        /// Why, CamelCase: `PortTaken`, `PermissionDenied`, `AddressNotAvailable`,
        /// `TooManyOpenFiles`, `BindFailed`.
        code: String,
        /// Why, and what to do about it, for people.
        message: String,
    },
}

/// A target and how it fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// As asked for; the address and port of one that is draining.
    pub name: String,
    /// As asked for.
    #[schema(value_type = String, example = "127.0.0.1")]
    pub address: IpAddr,
    /// As asked for.
    pub port: u16,
    /// What the cloud knows about it.
    pub health: TargetHealth,
}

/// What the cloud knows about a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state")]
pub enum TargetHealth {
    /// Nothing yet. It gets traffic only while no target is healthy.
    Initial,
    /// The last check, or connection, succeeded.
    Healthy,
    /// The last check, or connection, failed. It gets traffic only while no target is healthy.
    Unhealthy {
        /// What the system said.
        reason: String,
    },
    /// No longer a target; it gets no new connections, and those that it has will be cut.
    Draining,
}

/// Load balancers in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerList {
    /// All that match.
    pub items: Vec<LoadBalancer>,
}

/// What it was asked to be. Every field is named here, so that one that is added to the answer
/// cannot be forgotten.
impl From<LoadBalancer> for LoadBalancerSpec {
    fn from(answer: LoadBalancer) -> Self {
        let LoadBalancer {
            id: _,
            etag: _,
            tags,
            requested_addresses,
            families,
            family_policy,
            source_ranges,
            affinity,
            state: _,
            addresses: _,
            serving: _,
            listeners,
        } = answer;
        Self {
            tags,
            requested_addresses,
            families,
            family_policy,
            source_ranges,
            affinity,
            listeners: listeners.into_iter().map(ListenerSpec::from).collect(),
        }
    }
}

impl From<Listener> for ListenerSpec {
    fn from(answer: Listener) -> Self {
        let Listener {
            protocol,
            port,
            idle_timeout,
            health_check,
            status: _,
            targets,
        } = answer;
        Self {
            protocol,
            port,
            idle_timeout,
            health_check,
            targets: targets
                .into_iter()
                .filter(|target| target.health != TargetHealth::Draining)
                .map(Target::from)
                .collect(),
        }
    }
}

impl From<TargetStatus> for Target {
    fn from(answer: TargetStatus) -> Self {
        let TargetStatus {
            name,
            address,
            port,
            health: _,
        } = answer;
        Self {
            name,
            address,
            port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_was_asked_for() {
        let answer: LoadBalancer = serde_json::from_value(serde_json::json!({
            "id": "web", "tags": {"team": "shop"}, "requestedAddresses": [],
            "addresses": ["127.200.0.1"], "added": "later", "families": ["IPv4"],
            "familyPolicy": "Prefer",
            "sourceRanges": ["10.0.0.0/8"], "affinity": {"type": "clientIp", "timeout": "180m"},
            "listeners": [{
                "protocol": "TCP", "port": 80,
                "status": {"state": "Failed", "code": "PortTaken", "message": "…"},
                "targets": [
                    {"name": "n1", "address": "127.0.0.2", "port": 1, "health": {"state": "Healthy"}},
                    {"name": "n2", "address": "127.0.0.3", "port": 1, "health": {"state": "Draining"}},
                ],
            }],
        }))
        .unwrap();
        let asked: LoadBalancerSpec = serde_json::from_value(serde_json::json!({
            "tags": {"team": "shop"}, "families": ["IPv4"], "familyPolicy": "Prefer",
            "sourceRanges": ["10.0.0.0/8"],
            "affinity": {"type": "clientIp", "timeout": "180m"},
            "listeners": [{
                "protocol": "TCP", "port": 80,
                "targets": [{"name": "n1", "address": "127.0.0.2", "port": 1}],
            }],
        }))
        .unwrap();
        assert_eq!(LoadBalancerSpec::from(answer), asked);
    }
}
