//! What a Service asks for, in terms that every backend understands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;

use crate::{LoadBalancerId, ServiceName};

/// A load balancer as it is wanted. Valid by construction: it was parsed from a Service once.
///
/// Two that are equal ask a provider for the same, so an equal one need not be asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Whose it is; never changes.
    pub id: LoadBalancerId,
    /// What people call it; for tags and messages only.
    pub service: ServiceName,
    /// `metadata.creationTimestamp`: of two that ask for the same, the older gets it.
    pub created: SystemTime,
    /// `spec.ports`, those that the provider can serve; at least one.
    pub ports: Vec<Port>,
    /// `spec.ipFamilies`, primary first; one or two.
    pub families: Vec<Family>,
    /// `spec.ipFamilyPolicy`.
    pub family_policy: FamilyPolicy,
    /// Addresses asked for by `spec.loadBalancerIP`; empty means any.
    pub requested_addresses: Vec<IpAddr>,
    /// `spec.loadBalancerSourceRanges`; empty means everybody.
    pub source_ranges: Vec<IpNet>,
    /// `spec.externalTrafficPolicy`.
    pub traffic_policy: TrafficPolicy,
    /// `spec.sessionAffinity`.
    pub affinity: Affinity,
    /// Where its traffic may go, by name; the same allocation for all load balancers. Empty
    /// unless [`Inputs::nodes`](crate::Inputs::nodes), as are the fields below unless their input
    /// is named.
    pub nodes: Arc<[Node]>,
    /// Names of the nodes that have an endpoint.
    pub endpoint_nodes: BTreeSet<String>,
    /// Pods that take its traffic, in order, none twice.
    pub endpoints: Vec<Endpoint>,
    /// Addresses of pods that wait, by a readiness gate, until the load balancer finds them healthy.
    /// Those that have a port of the Service are among `endpoints`. What is found
    /// of them is in [`Assigned::awaited`](crate::Assigned::awaited).
    pub awaited: BTreeSet<IpAddr>,
    /// The Service's `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The `metadata.labels` of its namespace.
    pub namespace_labels: Arc<BTreeMap<String, String>>,
    /// Those of the Service's `metadata.annotations` that are the provider's own.
    pub annotations: BTreeMap<String, String>,
}

impl LoadBalancer {
    /// Whether the Service itself asks for the same: what differs, if anything, lies around it.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let Self {
            id,
            service,
            created,
            ports,
            families,
            family_policy,
            requested_addresses,
            source_ranges,
            traffic_policy,
            affinity,
            nodes: _,
            endpoint_nodes: _,
            endpoints: _,
            awaited: _,
            labels,
            namespace_labels: _,
            annotations,
        } = other;
        (&self.id, &self.service, &self.created) == (id, service, created)
            && (&self.ports, &self.families, &self.family_policy)
                == (ports, families, family_policy)
            && (&self.requested_addresses, &self.source_ranges)
                == (requested_addresses, source_ranges)
            && (&self.traffic_policy, &self.affinity) == (traffic_policy, affinity)
            && (&self.labels, &self.annotations) == (labels, annotations)
    }
}

/// One of `spec.ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// `name`; empty for the only port of a Service.
    pub name: String,
    /// `protocol`.
    pub protocol: Protocol,
    /// `port`: where clients connect.
    pub port: u16,
    /// `nodePort`: where each node takes this port's traffic. `None` while none is allocated.
    pub node_port: Option<u16>,
}

/// A transport protocol of a Service port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 9260.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// An IP family of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// RFC 791.
    IPv4,
    /// RFC 8200.
    IPv6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPv4,
            IpAddr::V6(_) => Self::IPv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        })
    }
}

/// `spec.ipFamilyPolicy`: how many families are wanted, and how much they matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FamilyPolicy {
    /// The one family named.
    SingleStack,
    /// Both if they can be had.
    PreferDualStack,
    /// Both or nothing.
    RequireDualStack,
}

/// `spec.externalTrafficPolicy`: which nodes may take traffic from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrafficPolicy {
    /// Every node; each may pass traffic on to another.
    Cluster,
    /// Nodes with an endpoint of their own, which this port answers for
    /// (`spec.healthCheckNodePort`).
    Local {
        /// Answers 200 on `/healthz` where there is an endpoint. `None` while none is allocated.
        health_check_node_port: Option<u16>,
    },
}

/// `spec.sessionAffinity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// Each connection goes where it likes.
    None,
    /// Connections of one client address go to one target until it was silent for this long.
    ClientIp(Duration),
}

/// A node that traffic may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// Its `InternalIP` addresses, or the external ones where it has none.
    pub addresses: Vec<IpAddr>,
    /// `spec.providerID`.
    pub provider_id: Option<String>,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// Its `metadata.labels`; empty unless [`Inputs::node_labels`](crate::Inputs::node_labels).
    pub labels: BTreeMap<String, String>,
}

/// A pod's port, where it takes traffic of one of the Service's ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// [`Port::name`] of the Service's port.
    pub port_name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// The pod's address.
    pub address: IpAddr,
    /// The pod's port.
    pub port: u16,
    /// `nodeName`.
    pub node: Option<String>,
    /// `zone`.
    pub zone: Option<String>,
}
