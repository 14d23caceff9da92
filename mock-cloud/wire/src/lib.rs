//! The bodies that the mock cloud and its client exchange, and the names of its problems.
//!
//! It owns shapes and words only: what they mean for the state of the cloud is the server's, and
//! what they mean for a Service is the client's.

mod answer;
mod change;
mod interval;
mod problem;
mod serving;
mod specification;

pub use answer::{
    Listener, ListenerStatus, LoadBalancer, LoadBalancerList, LoadBalancerState, TargetHealth,
    TargetStatus,
};
pub use change::{CloudCapabilities, FreedCapacity, LoadBalancerChange, event};
pub use interval::{Interval, NoInterval};
pub use problem::{FieldError, PROBLEM_TYPE, Problem, code};
pub use serving::{Serving, ServingChange, ServingState};
pub use specification::{
    Affinity, Family, FamilyPolicy, HealthCheck, HealthCheckProtocol, ListenerSpec,
    LoadBalancerSpec, Protocol, Target,
};
