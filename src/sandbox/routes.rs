//! Where nodes take traffic in the sandbox and where it leads, as kube-proxy would have it: node
//! ports, and addresses of load balancers that leave the destination as it is (`ipMode: VIP`). A
//! pure function of Services and EndpointSlices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::block;

/// A protocol that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// An address and port where traffic is taken in. TCP and UDP may have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Frontend {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
}

/// What becomes of traffic.
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

/// Where traffic leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// In turn; at least one.
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether pods see the client's address (`externalTrafficPolicy: Local`), not the node's.
    pub(super) keeps_client: bool,
    /// Who may connect (`loadBalancerSourceRanges`, for a load balancer's address): everybody whose
    /// family none of these is of.
    pub(super) allowed: Vec<IpNet>,
}

impl Endpoints {
    /// The address from which an endpoint is spoken to for a client at a node: whichever the system
    /// takes, where the endpoint is of the other family.
    pub(super) fn source(&self, client: IpAddr, node: IpAddr, endpoint: IpAddr) -> IpAddr {
        let source = if self.keeps_client { client } else { node };
        match endpoint {
            IpAddr::V4(_) if source.is_ipv6() => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) if source.is_ipv4() => Ipv6Addr::UNSPECIFIED.into(),
            _ => source,
        }
    }

    /// Whether this client may connect.
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        let mut ranges = self.allowed.iter();
        let mut of_family = ranges.clone();
        let is_restricted = of_family.any(|it| it.addr().is_ipv4() == client.is_ipv4());
        !is_restricted || ranges.any(|it| it.contains(&client))
    }

    /// All, the one whose turn it is first.
    pub(super) fn in_turn(&self, turn: usize) -> impl Iterator<Item = SocketAddr> {
        let first = turn % self.addresses.len().max(1);
        let (after, before) = (&self.addresses[first..], &self.addresses[..first]);
        after.iter().chain(before).copied()
    }
}

/// Where traffic is taken in for one Service. A port without an endpoint that its node may use is
/// not there: what is sent to it is refused.
pub(super) fn routes(
    service: &Service,
    slices: &[Arc<EndpointSlice>],
    nodes: &[(String, IpAddr)],
) -> BTreeMap<Frontend, Route> {
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
                    allowed: Vec::new(),
                };
                let node_port = Frontend {
                    address: SocketAddr::new(*address, number),
                    protocol,
                };
                routes.insert(node_port, Route::Forward(endpoints));
            }
        }
    }
    routes.extend(load_balancer(service, slices, local));
    let health = spec
        .health_check_node_port
        .and_then(|number| u16::try_from(number).ok());
    if let Some(number) = health.filter(|number| *number > 0 && local) {
        for (name, address) in nodes {
            let local_endpoints = ready_on(name, slices);
            let node_port = Frontend {
                address: SocketAddr::new(*address, number),
                protocol: Protocol::Tcp,
            };
            routes.insert(node_port, Route::Health { local_endpoints });
        }
    }
    routes
}

/// The addresses of its load balancer that nodes take traffic for themselves. Here all nodes are
/// one machine: with `externalTrafficPolicy: Local`, the one that has an endpoint.
fn load_balancer(
    service: &Service,
    slices: &[Arc<EndpointSlice>],
    local: bool,
) -> Vec<(Frontend, Route)> {
    let spec = service.spec.as_ref();
    let ranges = spec.and_then(|spec| spec.load_balancer_source_ranges.as_ref());
    let allowed: Vec<IpNet> = ranges
        .into_iter()
        .flatten()
        .filter_map(|range| range.trim().parse().ok())
        .collect();
    let status = service.status.as_ref();
    let ingress = status.and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    let addresses = ingress.into_iter().flatten().filter_map(|entry| {
        let is_vip = entry.ip_mode.as_deref().unwrap_or("VIP") == "VIP";
        entry.ip.as_ref().filter(|_| is_vip)?.parse::<IpAddr>().ok()
    });
    let mut frontends = Vec::new();
    for address in addresses {
        let ports = spec.and_then(|spec| spec.ports.as_ref());
        for port in ports.into_iter().flatten() {
            let number = u16::try_from(port.port).ok();
            let (Some(number), Some(protocol)) = (number, protocol(port)) else {
                continue;
            };
            let addresses = endpoints(port, slices, None);
            if addresses.is_empty() {
                continue;
            }
            let frontend = Frontend {
                address: SocketAddr::new(address, number),
                protocol,
            };
            let endpoints = Endpoints {
                addresses,
                keeps_client: local,
                allowed: allowed.clone(),
            };
            frontends.push((frontend, Route::Forward(endpoints)));
        }
    }
    frontends
}

fn ready_on(node: &str, slices: &[Arc<EndpointSlice>]) -> usize {
    let endpoints = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let here = endpoints.filter(|endpoint| endpoint.node_name.as_deref() == Some(node));
    let ready = here.filter(|endpoint| {
        endpoint
            .conditions
            .as_ref()
            .is_none_or(|it| it.ready.unwrap_or(true))
    });
    ready.filter_map(place).collect::<BTreeSet<_>>().len()
}

/// The same for both addresses of a pod of two families.
fn place(endpoint: &Endpoint) -> Option<IpAddr> {
    let address = endpoint.addresses.first()?;
    address.parse().ok().map(block::place)
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
            let Some(address) = place(endpoint) else {
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
    chosen.dedup();
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
