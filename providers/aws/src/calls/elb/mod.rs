//! Calls to Elastic Load Balancing v2, through the SDK. Each file holds a noun, its types and its
//! calls; `sdk` holds what they share.

mod attributes;
mod capacity;
mod existing;
mod listeners;
mod load_balancers;
mod network;
mod sdk;
mod tags;
mod target_groups;
mod targets;

pub(crate) use listeners::{Forward, Listener, ListenerChange, Listeners, NewListener};
pub(crate) use load_balancers::{
    AddressType, LoadBalancer, LoadBalancerState, NewLoadBalancer, Scheme, Which, Zone, ZoneAddress,
};
pub(crate) use network::SubnetMapping;
pub(crate) use target_groups::{HealthCheck, NewTargetGroup, TargetGroup, TargetGroups};
pub(crate) use targets::{HealthState, MAX_TARGETS, Target, TargetHealth};

/// Load balancers, target groups or listeners that one call may name.
pub(crate) const MAX_ARNS: usize = 20;
