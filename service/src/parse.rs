//! From a Service to the load balancer that it asks for. Parsed once, here; providers never read
//! a raw Service. Releasing never depends on this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use landfall_provider_api::{
    Affinity, Capabilities, ClusterId, Family, FamilyPolicy, Inputs, LoadBalancer, Node, Port,
    PortFailure, Protocol, TrafficPolicy,
};

use crate::endpoints::{Endpoints, Slice};
use crate::marks::{created, load_balancer_id, name_of};
use crate::reach::{requested_addresses, source_ranges};

/// `sessionAffinityConfig.clientIP.timeoutSeconds` where it is not set.
const DEFAULT_AFFINITY: Duration = Duration::from_hours(3);

/// What lies around a Service, as far as a provider looks at it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The cluster that it lives in.
    pub cluster: ClusterId,
    /// The nodes that take traffic.
    pub nodes: Arc<[Node]>,
    /// The labels of its namespace.
    pub namespace_labels: Arc<BTreeMap<String, String>>,
    /// Its EndpointSlices.
    pub slices: Vec<Arc<Slice>>,
    /// UIDs of its pods that are not ready only because they wait, by a readiness gate, for its load
    /// balancer.
    pub waiting: Arc<BTreeSet<String>>,
}

/// What a Service asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The load balancer, with the ports that the provider can serve.
    pub wanted: LoadBalancer,
    /// The ports that it cannot serve, for the status.
    pub refused: Vec<PortFailure>,
}

/// Why a Service asks for what cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path in the Service.
    pub field: &'static str,
    /// What is wrong with it and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// What this Service asks for, from a provider that can do this. All faults at once.
pub fn parse(
    service: &Service,
    capabilities: &Capabilities,
    around: &Surroundings,
) -> Result<Parsed, Vec<Fault>> {
    let absent = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&absent);
    let mut faults = Vec::new();

    let (ports, refused) = ports(spec, capabilities, &mut faults);
    let (families, family_policy) = families(spec, capabilities, &mut faults);
    let requested_addresses = requested_addresses(service, &families, &mut faults);
    let source_ranges = source_ranges(service, capabilities, &mut faults);
    let affinity = affinity(spec, capabilities, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let inputs = &capabilities.inputs;
    let nobody = BTreeSet::new();
    let waiting = if inputs.readiness_gates {
        &around.waiting
    } else {
        &nobody
    };
    let endpoints = Endpoints::of(&around.slices, inputs.endpoints, waiting);
    let wanted = LoadBalancer {
        id: load_balancer_id(service, &around.cluster),
        service: name_of(service),
        created: created(service),
        ports,
        families,
        family_policy,
        requested_addresses,
        source_ranges,
        traffic_policy: traffic_policy(spec),
        affinity,
        nodes: nodes(&around.nodes, inputs),
        endpoint_nodes: endpoints.nodes,
        endpoints: endpoints.pods,
        awaited: endpoints.awaited,
        labels: if inputs.labels {
            service.metadata.labels.clone().unwrap_or_default()
        } else {
            BTreeMap::new()
        },
        namespace_labels: if inputs.namespace_labels {
            around.namespace_labels.clone()
        } else {
            Arc::default()
        },
        annotations: annotations(service, inputs),
    };
    Ok(Parsed { wanted, refused })
}

/// The nodes as the provider looks at them. Another provider of the process may look at more.
fn nodes(of: &Arc<[Node]>, inputs: &Inputs) -> Arc<[Node]> {
    if !inputs.nodes {
        Arc::default()
    } else if inputs.node_labels || of.iter().all(|it| it.labels.is_empty()) {
        of.clone()
    } else {
        let without = |node: &Node| Node {
            labels: BTreeMap::new(),
            ..node.clone()
        };
        of.iter().map(without).collect()
    }
}

/// The annotations that are the provider's own.
fn annotations(service: &Service, inputs: &Inputs) -> BTreeMap<String, String> {
    let is_own = |name: &str| {
        let mut prefixes = inputs.annotations.iter();
        prefixes.any(|prefix| name.starts_with(prefix))
    };
    let annotations = service.metadata.annotations.iter().flatten();
    annotations
        .filter(|(name, _)| is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn ports(
    spec: &ServiceSpec,
    capabilities: &Capabilities,
    faults: &mut Vec<Fault>,
) -> (Vec<Port>, Vec<PortFailure>) {
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    for port in spec.ports.iter().flatten() {
        let Some(port) = parse_port(port) else {
            faults.push(Fault {
                field: "spec.ports",
                message: format!("port {} is not one that exists", port.port),
            });
            continue;
        };
        match refusal(&port, capabilities) {
            None => served.push(port),
            Some((reason, message)) => refused.push(PortFailure {
                port: port.port,
                protocol: port.protocol,
                reason: reason.to_owned(),
                message,
            }),
        }
    }
    if served.is_empty() && faults.is_empty() {
        let reasons: Vec<_> = refused
            .iter()
            .map(|failure| failure.message.as_str())
            .collect();
        faults.push(Fault {
            field: "spec.ports",
            message: match reasons.as_slice() {
                [] => "there is none, so there is nothing to serve".to_owned(),
                reasons => reasons.join("; "),
            },
        });
    }
    (served, refused)
}

fn parse_port(port: &ServicePort) -> Option<Port> {
    let number = |value: i32| u16::try_from(value).ok().filter(|&number| number > 0);
    let protocol = match port.protocol.as_deref() {
        None | Some("TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        Some(_) => return None,
    };
    Some(Port {
        name: port.name.clone().unwrap_or_default(),
        protocol,
        port: number(port.port)?,
        node_port: port.node_port.and_then(number),
    })
}

fn refusal(port: &Port, capabilities: &Capabilities) -> Option<(&'static str, String)> {
    let Port {
        port: number,
        protocol,
        node_port,
        ..
    } = port;
    if !capabilities.protocols.contains(protocol) {
        let message = format!("port {number}: the provider does not forward {protocol}");
        return Some(("landfall.dev/ProtocolNotSupported", message));
    }
    if capabilities.node_ports && node_port.is_none() {
        let message = format!(
            "port {number}: has no node port, and the provider sends traffic to node ports; set \
             spec.allocateLoadBalancerNodePorts to true"
        );
        return Some(("landfall.dev/NodePortMissing", message));
    }
    None
}

fn families(
    spec: &ServiceSpec,
    capabilities: &Capabilities,
    faults: &mut Vec<Fault>,
) -> (Vec<Family>, FamilyPolicy) {
    let policy = match spec.ip_family_policy.as_deref() {
        Some("PreferDualStack") => FamilyPolicy::PreferDualStack,
        Some("RequireDualStack") => FamilyPolicy::RequireDualStack,
        _ => FamilyPolicy::SingleStack,
    };
    let named = spec
        .ip_families
        .iter()
        .flatten()
        .filter_map(|name| match name.as_str() {
            "IPv4" => Some(Family::IPv4),
            "IPv6" => Some(Family::IPv6),
            _ => None,
        });
    let mut wanted: Vec<_> = named.collect();
    if wanted.is_empty() {
        wanted.push(Family::IPv4);
    }
    let (had, lacking): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|family| capabilities.families.contains(family));
    let tolerates = policy == FamilyPolicy::PreferDualStack && !had.is_empty();
    if let Some(family) = lacking.first().filter(|_| !tolerates) {
        faults.push(Fault {
            field: "spec.ipFamilies",
            message: format!("the provider has no {family} addresses"),
        });
    }
    (had, policy)
}

fn affinity(spec: &ServiceSpec, capabilities: &Capabilities, faults: &mut Vec<Fault>) -> Affinity {
    if spec.session_affinity.as_deref() != Some("ClientIP") {
        return Affinity::None;
    }
    if !capabilities.client_affinity {
        faults.push(Fault {
            field: "spec.sessionAffinity",
            message: "the provider cannot keep a client on one target; set it to None".to_owned(),
        });
    }
    let config = spec.session_affinity_config.as_ref();
    let seconds = config
        .and_then(|config| config.client_ip.as_ref()?.timeout_seconds)
        .and_then(|seconds| u64::try_from(seconds).ok());
    Affinity::ClientIp(seconds.map_or(DEFAULT_AFFINITY, Duration::from_secs))
}

fn traffic_policy(spec: &ServiceSpec) -> TrafficPolicy {
    if spec.external_traffic_policy.as_deref() != Some("Local") {
        return TrafficPolicy::Cluster;
    }
    TrafficPolicy::Local {
        health_check_node_port: spec
            .health_check_node_port
            .and_then(|port| u16::try_from(port).ok())
            .filter(|&port| port > 0),
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
