//! The seam between the controller and the backends that make load balancers.
//!
//! The controller knows only [`Provider`]; a provider knows only these types and its own backend.
//! Nothing here names a provider, does I/O, or knows Kubernetes' object types.

mod capabilities;
mod error;
mod identity;
mod listed;
mod load_balancer;
mod outcome;
mod provider;
pub mod tags;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use capabilities::{Capabilities, EndpointInput, Inputs};
pub use error::{Error, Retry};
pub use identity::{ClusterId, LoadBalancerId, ServiceName};
pub use listed::listed;
pub use load_balancer::{
    Affinity, Endpoint, Family, FamilyPolicy, LoadBalancer, Node, Port, Protocol, TrafficPolicy,
};
pub use outcome::{
    Assigned, Finding, Ingress, IpMode, Lack, Outcome, Owned, PortFailure, ProviderCondition,
    Serving,
};
pub use provider::{Held, Provider, Snapshot};
