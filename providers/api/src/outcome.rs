//! What a provider answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{LoadBalancerId, Protocol, ServiceName};

/// What `ensure` achieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The load balancer is as it was wanted.
    Provisioned(Assigned),
    /// The backend is at work; [`Provider::changes`](crate::Provider::changes) tells when it
    /// deserves another look.
    Provisioning {
        /// What is known already, for the status; an address that is not yet served is left out.
        assigned: Option<Assigned>,
        /// What is being waited for, for people.
        message: String,
    },
    /// What is asked for cannot be had now: it is another's, or not there yet.
    /// [`Provider::changes`](crate::Provider::changes) tells when that is over.
    Waiting {
        /// What it holds meanwhile, and nothing else: `None` takes away what the status says.
        held: Option<Assigned>,
        /// What it waits for.
        lack: Lack,
    },
}

/// Why a load balancer lacks what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// CamelCase, for the condition: `AddressInUse`.
    pub reason: &'static str,
    /// What is in the way and what would help, for people.
    pub message: String,
}

/// What a load balancer was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// One entry for each family, or one for a host name. Never empty.
    pub ingress: Vec<Ingress>,
    /// Ports that it does not serve for now, each with its reason.
    pub failed_ports: Vec<PortFailure>,
    /// Whether traffic that arrives there gets through.
    pub serving: Serving,
    /// What else there is to say, each type at most once. A type that is not named here is taken
    /// away.
    pub conditions: Vec<ProviderCondition>,
    /// How it finds those of [`LoadBalancer::awaited`](crate::LoadBalancer::awaited); who is not here
    /// was not looked at yet.
    pub awaited: BTreeMap<IpAddr, Finding>,
    /// Whether this call put right what somebody else had altered or removed; such repairs are
    /// counted.
    pub repaired: bool,
}

/// How a load balancer finds a pod that waits for it, on all ports together; for the condition of the
/// pod's readiness gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the pod need not wait any longer.
    pub holds: bool,
    /// `reason`, CamelCase: `TargetUnhealthy`.
    pub reason: &'static str,
    /// `message`, for people.
    pub message: String,
}

/// Whether traffic gets through, as far as the backend knows. It may change at any time;
/// [`Provider::changes`](crate::Provider::changes) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// There is somebody who takes it, on every port.
    Yes,
    /// There is not.
    No {
        /// CamelCase, for the condition: `NoTargets`.
        reason: &'static str,
        /// What is missing, for people.
        message: String,
    },
    /// The backend does not know, or not yet.
    Unknown {
        /// CamelCase, for the condition: `NotChecked`.
        reason: &'static str,
        /// Why, for people.
        message: String,
    },
    /// The backend was not asked since this process began. What the status says of it stands.
    AsBefore {
        /// CamelCase, for the condition of a Service whose status says nothing of it, which is then
        /// Unknown: `NotChecked`.
        reason: &'static str,
        /// Why, for people.
        message: String,
    },
}

/// A condition of a provider's own, beside `landfall.dev/Provisioned` and `landfall.dev/Serving`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCondition {
    /// `type`: `landfall.dev/Announced`.
    pub type_: &'static str,
    /// `status`: `True`, `False`, or `None` for `Unknown`.
    pub holds: Option<bool>,
    /// `reason`, CamelCase.
    pub reason: &'static str,
    /// `message`, for people: what is so, and what to do about it.
    pub message: String,
    /// Whether it is also told by an event, as a warning, when it appears or changes.
    pub warns: bool,
}

/// An entry of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingress {
    /// An address.
    Ip {
        /// `ip`.
        address: IpAddr,
        /// `ipMode`.
        mode: IpMode,
    },
    /// A DNS name: lower case, RFC 1123.
    Hostname(String),
}

/// `ipMode` (KEP-1860): how traffic for the address reaches a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpMode {
    /// With the load balancer's address as destination; nodes may short-cut it.
    Vip,
    /// With a node's or pod's address as destination; nodes must let it out.
    Proxy,
}

/// A port that a load balancer does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFailure {
    /// `spec.ports[].port`.
    pub port: u16,
    /// `spec.ports[].protocol`.
    pub protocol: Protocol,
    /// CamelCase, for `status.loadBalancer.ingress[].ports[].error`.
    pub reason: String,
    /// What to do about it, for people.
    pub message: String,
}

/// Something that a cluster owns in a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Whose it is. `None` for a part that the whole cluster shares.
    pub id: Option<LoadBalancerId>,
    /// The Service it was made for, as its tags say.
    pub service: Option<ServiceName>,
    /// What it is, for people: `load balancer 127.200.0.1`.
    pub description: String,
}
