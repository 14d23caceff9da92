//! Which node ports there are in the sandbox and where each leads, as kube-proxy would have it: a
//! pure function of Services and EndpointSlices.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;

/// A protocol that node ports are served for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// A node's own port. TCP and UDP may have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodePort {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
}

/// What a node port does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Passes connections and datagrams on.
    Forward(Endpoints),
    /// Tells whether the node has endpoints of its own (`healthCheckNodePort`).
    Health {
        /// How many are ready.
        local_endpoints: usize,
    },
}

/// Where a node port leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// In turn; at least one.
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether pods see the client's address (`externalTrafficPolicy: Local`), not the node's.
    pub(super) keeps_client: bool,
}

impl Endpoints {
    /// The address that pods see of a client at a node.
    pub(super) fn source(&self, client: IpAddr, node: IpAddr) -> IpAddr {
        if self.keeps_client { client } else { node }
    }

    /// All, the one whose turn it is first.
    pub(super) fn in_turn(&self, turn: usize) -> impl Iterator<Item = SocketAddr> {
        let first = turn % self.addresses.len().max(1);
        let (after, before) = (&self.addresses[first..], &self.addresses[..first]);
        after.iter().chain(before).copied()
    }
}

/// The node ports of one Service. A port without an endpoint that its node may use is not there:
/// what is sent to it is refused.
pub(super) fn routes(
    service: &Service,
    slices: &[Arc<EndpointSlice>],
    nodes: &[(String, IpAddr)],
) -> BTreeMap<NodePort, Route> {
    let Some(spec) = &service.spec else {
        return BTreeMap::new();
    };
    let local = spec.external_traffic_policy.as_deref() == Some("Local");
    let mut routes = BTreeMap::new();
    for port in spec.ports.iter().flatten() {
        let number = port.node_port.and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| *number > 0);
        let (Some(number), Some(protocol)) = (number, protocol(port)) else {
            continue;
        };
        for (name, address) in nodes {
            let addresses = endpoints(port, slices, local.then_some(name));
            if !addresses.is_empty() {
                let endpoints = Endpoints {
                    addresses,
                    keeps_client: local,
                };
                let node_port = NodePort {
                    address: SocketAddr::new(*address, number),
                    protocol,
                };
                routes.insert(node_port, Route::Forward(endpoints));
            }
        }
    }
    let health = spec
        .health_check_node_port
        .and_then(|number| u16::try_from(number).ok());
    if let Some(number) = health.filter(|number| *number > 0 && local) {
        for (name, address) in nodes {
            let local_endpoints = ready_on(name, slices);
            let node_port = NodePort {
                address: SocketAddr::new(*address, number),
                protocol: Protocol::Tcp,
            };
            routes.insert(node_port, Route::Health { local_endpoints });
        }
    }
    routes
}

fn ready_on(node: &str, slices: &[Arc<EndpointSlice>]) -> usize {
    let endpoints = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let here = endpoints.filter(|endpoint| endpoint.node_name.as_deref() == Some(node));
    here.filter(|endpoint| {
        endpoint
            .conditions
            .as_ref()
            .is_none_or(|it| it.ready.unwrap_or(true))
    })
    .count()
}

fn protocol(port: &ServicePort) -> Option<Protocol> {
    match port.protocol.as_deref() {
        None | Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}

/// Ready endpoints; if there are none, those that still serve while they end (KEP-1669).
fn endpoints(
    port: &ServicePort,
    slices: &[Arc<EndpointSlice>],
    node: Option<&String>,
) -> Vec<SocketAddr> {
    let (mut ready, mut ending) = (Vec::new(), Vec::new());
    for slice in slices {
        let Some(number) = slice_port(slice, port) else {
            continue;
        };
        for endpoint in slice.endpoints.iter().flatten() {
            let elsewhere = node.is_some() && endpoint.node_name.as_ref() != node;
            let Some(address) = endpoint
                .addresses
                .first()
                .and_then(|text| text.parse().ok())
            else {
                continue;
            };
            let conditions = endpoint.conditions.clone().unwrap_or_default();
            let address = SocketAddr::new(address, number);
            if elsewhere {
            } else if conditions.ready.unwrap_or(true) {
                ready.push(address);
            } else if conditions.serving.unwrap_or(true) {
                ending.push(address);
            }
        }
    }
    let mut chosen = if ready.is_empty() { ending } else { ready };
    chosen.sort_unstable();
    chosen
}

fn slice_port(slice: &EndpointSlice, port: &ServicePort) -> Option<u16> {
    let name = port.name.as_deref().unwrap_or_default();
    let ports = slice.ports.iter().flatten();
    let mut matching = ports.filter(|it| it.name.as_deref().unwrap_or_default() == name);
    matching.find_map(|it| u16::try_from(it.port?).ok())
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
