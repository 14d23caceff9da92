//! What a backend can do, and what it needs to know.

use crate::{Family, Protocol};

/// What a backend can do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a yes or no of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Protocols that it forwards. Ports with others are never handed to it.
    pub protocols: Vec<Protocol>,
    /// Families that it has addresses of. Others are never asked of it.
    pub families: Vec<Family>,
    /// Whether it sends traffic to node ports, and so can serve no port without one.
    pub node_ports: bool,
    /// Whether it can restrict who may connect. Where it cannot, a Service that asks for it is
    /// refused rather than left open.
    pub source_ranges: bool,
    /// Whether it can keep a client on one target.
    pub client_affinity: bool,
    /// Whether `ensure` changes anything outside this process. If it does, the Service bears the
    /// finalizer before the first call; if not, finalizer and status are one write.
    pub outside_effects: bool,
    /// What it looks at besides a Service's `spec`.
    pub inputs: Inputs,
}

/// What a backend looks at besides a Service's `spec`. What is not named here is not handed to
/// it, and its changes are no call.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a yes or no of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The nodes of the cluster.
    pub nodes: bool,
    /// The labels of these nodes.
    pub node_labels: bool,
    /// Where the Service's pods are.
    pub endpoints: EndpointInput,
    /// Which pods wait, by a readiness gate, until the load balancer finds them healthy.
    pub readiness_gates: bool,
    /// The Service's labels.
    pub labels: bool,
    /// The labels of its namespace.
    pub namespace_labels: bool,
    /// How the names of its own annotations begin: `service.beta.kubernetes.io/aws-`.
    pub annotations: &'static [&'static str],
}

/// What a backend looks at of a Service's EndpointSlices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndpointInput {
    /// Nothing.
    #[default]
    Nothing,
    /// The nodes that have an endpoint.
    Nodes,
    /// Each pod and its ports.
    Pods,
}
