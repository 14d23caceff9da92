//! Elastic Load Balancing v2, as far as Network Load Balancers go. It carries no traffic: whether
//! a target is healthy is what the test says.

mod attributes;
mod capacity;
mod certificates;
mod creation;
mod forwarding;
mod health_checks;
mod limits;
mod listeners;
mod listing;
mod load_balancers;
mod protocols;
mod settings;
mod subnets;
mod tags;
mod target_groups;
mod target_health;
mod targets;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use forwarding::{Forward, Weighted};
pub use health_checks::HealthCheck;
pub use listeners::Listener;
pub use load_balancers::{LoadBalancer, Zone};
pub use target_groups::TargetGroup;
pub use targets::Target;

use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::request::Request;
use crate::state::State;

/// What Elastic Load Balancing holds, by ARN.
#[derive(Debug, Default)]
pub(crate) struct Elb {
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// The listeners that forward to each target group.
    pub(crate) users: BTreeMap<String, BTreeSet<String>>,
    /// Certificates that ACM has.
    pub(crate) certificates: BTreeSet<String>,
}

type Do = fn(&mut State, &Parameters, Duration) -> Answer;

fn action(name: &str) -> Option<Do> {
    Some(match name {
        "CreateLoadBalancer" => creation::create,
        "DescribeLoadBalancers" => load_balancers::describe,
        "DeleteLoadBalancer" => load_balancers::delete,
        "DescribeLoadBalancerAttributes" => attributes::of_load_balancer,
        "ModifyLoadBalancerAttributes" => attributes::modify_load_balancer,
        "SetSubnets" => subnets::set,
        "SetSecurityGroups" => settings::set_security_groups,
        "SetIpAddressType" => settings::set_ip_address_type,
        "CreateTargetGroup" => target_groups::create,
        "DescribeTargetGroups" => target_groups::describe,
        "ModifyTargetGroup" => health_checks::modify,
        "DeleteTargetGroup" => target_groups::delete,
        "DescribeTargetGroupAttributes" => attributes::of_target_group,
        "ModifyTargetGroupAttributes" => attributes::modify_target_group,
        "RegisterTargets" => targets::register,
        "DeregisterTargets" => targets::deregister,
        "DescribeTargetHealth" => target_health::describe,
        "CreateListener" => listeners::create,
        "DescribeListeners" => listeners::describe,
        "ModifyListener" => listeners::modify,
        "DeleteListener" => listeners::delete,
        "DescribeListenerAttributes" => attributes::of_listener,
        "ModifyListenerAttributes" => attributes::modify_listener,
        "AddListenerCertificates" => certificates::add,
        "RemoveListenerCertificates" => certificates::remove,
        "DescribeListenerCertificates" => certificates::describe,
        "AddTags" => tags::add,
        "RemoveTags" => tags::remove,
        "DescribeTags" => tags::describe,
        "DescribeAccountLimits" => limits::describe,
        "DescribeCapacityReservation" => capacity::describe,
        "ModifyCapacityReservation" => capacity::modify,
        _ => return None,
    })
}

pub(crate) fn handle(state: &mut State, request: &Request, now: Duration) -> Answer {
    let name = &request.action;
    let Some(act) = action(name) else {
        let text = format!("Could not find operation {name} for version 2015-12-01");
        return Err(Refusal::new("InvalidAction", text));
    };
    act(state, &request.parameters, now)
}

impl Elb {
    pub(crate) fn load_balancer(&mut self, arn: &str) -> Result<&mut LoadBalancer, Refusal> {
        listing::check_arn(arn, "loadbalancer")?;
        let found = self.load_balancers.get_mut(arn);
        found.ok_or_else(|| listing::not_found("loadbalancer"))
    }

    pub(crate) fn target_group(&mut self, arn: &str) -> Result<&mut TargetGroup, Refusal> {
        listing::check_arn(arn, "targetgroup")?;
        let found = self.target_groups.get_mut(arn);
        found.ok_or_else(|| listing::not_found("targetgroup"))
    }

    pub(crate) fn listener(&mut self, arn: &str) -> Result<&mut Listener, Refusal> {
        listing::check_arn(arn, "listener")?;
        let found = self.listeners.get_mut(arn);
        found.ok_or_else(|| listing::not_found("listener"))
    }

    /// The listeners of a load balancer, in the order of their ARNs.
    pub(crate) fn listeners_of<'a>(
        &'a self,
        load_balancer: &str,
    ) -> impl Iterator<Item = &'a Listener> + use<'a> {
        let prefix = format!("{}/", load_balancer.replace(":loadbalancer/", ":listener/"));
        let from = self.listeners.range(prefix.clone()..);
        let all = from.take_while(move |(arn, _)| arn.starts_with(&prefix));
        all.map(|(_, it)| it)
    }

    /// The load balancers whose listeners forward to a target group: one at most, unless a test
    /// made it otherwise.
    pub(crate) fn load_balancers_of(&self, target_group: &str) -> BTreeSet<&str> {
        let users = self.users.get(target_group).into_iter().flatten();
        let users = users.filter_map(|it| self.listeners.get(it));
        users.map(|it| it.load_balancer.as_str()).collect()
    }

    /// Puts a listener in its place, and what it forwards to in use.
    pub(crate) fn put_listener(&mut self, listener: Listener, now: Duration) {
        self.take_listener(&listener.arn);
        for group in &listener.forward.target_groups {
            let users = self.users.entry(group.arn.clone()).or_default();
            users.insert(listener.arn.clone());
            if let Some(group) = self.target_groups.get_mut(&group.arn) {
                group.used_since.get_or_insert(now);
            }
        }
        self.listeners.insert(listener.arn.clone(), listener);
    }

    /// Takes a listener out, and what it forwards to out of use.
    pub(crate) fn take_listener(&mut self, arn: &str) -> Option<Listener> {
        let listener = self.listeners.remove(arn)?;
        for group in &listener.forward.target_groups {
            let Some(users) = self.users.get_mut(&group.arn) else {
                continue;
            };
            users.remove(arn);
            if users.is_empty() {
                self.users.remove(&group.arn);
                if let Some(group) = self.target_groups.get_mut(&group.arn) {
                    group.used_since = None;
                }
            }
        }
        Some(listener)
    }
}
