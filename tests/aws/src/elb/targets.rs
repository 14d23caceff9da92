//! Targets of a group, told apart by identifier and port.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::protocols::port;
use super::target_groups::TargetGroup;
use crate::answer::{Answer, Refusal};
use crate::ec2::Ec2;
use crate::parameters::Parameters;
use crate::state::State;

/// A target.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Target {
    /// Identifier of an instance, or an address.
    pub id: String,
    /// Where it listens.
    pub port: u16,
    /// Its Availability Zone as it was given, or as the address tells it; `all` for addresses
    /// outside the VPC.
    pub zone: Option<String>,
    /// When it was registered, on the stand-in's clock.
    pub registered: Duration,
    /// Since when it is draining.
    pub draining_since: Option<Duration>,
    /// Whether its health checks fail.
    pub failing: bool,
}

/// Families of instances that Network Load Balancers do not take.
const UNSUPPORTED: &[&str] = &[
    "c1", "cc1", "cc2", "cg1", "cg2", "cr1", "cs1", "g1", "g2", "hi1", "hs1", "m1", "m2", "m3",
    "t1",
];

/// What a request names: identifier, port and zone.
struct Asked {
    id: String,
    port: u16,
    zone: Option<String>,
}

fn asked(group: &TargetGroup, parameters: &Parameters) -> Result<Vec<Asked>, Refusal> {
    let targets = parameters.structures("Targets").into_iter();
    let targets = targets.map(|it| {
        Ok(Asked {
            id: it.need("Id")?.to_owned(),
            port: port(&it, "Port")?.unwrap_or(group.port),
            zone: it.get("AvailabilityZone").map(str::to_owned),
        })
    });
    let targets: Vec<_> = targets.collect::<Result<_, Refusal>>()?;
    if targets.is_empty() {
        return Err(Refusal::validation("At least one target must be specified"));
    }
    Ok(targets)
}

fn invalid(text: String) -> Refusal {
    Refusal::new("InvalidTarget", text)
}

pub(super) fn register(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?.to_owned();
    state.elb.settle_targets(&arn, state.options.draining, now);
    let group = state.elb.target_group(&arn)?.clone();
    let mut new = vec![];
    for it in asked(&group, parameters)? {
        let zone = match group.target_type.as_str() {
            "instance" => check_instance(&state.ec2, &group, &it.id).map(|()| it.zone)?,
            "ip" => check_address(&state.ec2, &group, &it)?,
            _ => {
                return Err(invalid(format!(
                    "The load balancer '{}' is not found",
                    it.id
                )));
            }
        };
        new.push(Target {
            id: it.id,
            port: it.port,
            zone,
            registered: now,
            draining_since: None,
            failing: false,
        });
    }
    let mut targets = group.targets;
    for it in new {
        let same = |there: &Target| there.id == it.id && there.port == it.port;
        match targets.iter_mut().find(|there| same(there)) {
            Some(there) if there.draining_since.is_none() => there.zone = it.zone,
            Some(there) => *there = it,
            None => targets.push(it),
        }
    }
    state.check_counts(&arn, targets.len())?;
    state.elb.target_group(&arn)?.targets = targets;
    Ok(json!({}))
}

fn check_instance(ec2: &Ec2, group: &TargetGroup, id: &str) -> Result<(), Refusal> {
    let Some(instance) = ec2.instances.get(id) else {
        return Err(invalid(format!(
            "The following targets are not in a running state and cannot be registered: '{id}'"
        )));
    };
    if instance.state != "running" {
        return Err(invalid(format!(
            "The following targets are not in a running state and cannot be registered: '{id}'"
        )));
    }
    if instance.vpc != group.vpc {
        return Err(invalid(format!(
            "The following targets are not in the target group VPC '{}': '{id}'",
            group.vpc
        )));
    }
    let family = instance.kind.split('.').next().unwrap_or_default();
    if UNSUPPORTED.contains(&family) {
        return Err(invalid(format!(
            "The following targets have instance types that are not supported: '{id}'"
        )));
    }
    Ok(())
}

/// Refuses an address that cannot be a target, and says in which zone it is.
fn check_address(ec2: &Ec2, group: &TargetGroup, it: &Asked) -> Result<Option<String>, Refusal> {
    let id = &it.id;
    let address: IpAddr = id
        .parse()
        .map_err(|_| Refusal::validation(format!("The IP address '{id}' is not valid")))?;
    if address.is_ipv6() != (group.ip_address_type == "ipv6") {
        let kind = &group.ip_address_type;
        return Err(Refusal::validation(format!(
            "The IP address '{id}' is not a valid {kind} address"
        )));
    }
    let vpc = ec2.vpcs.get(&group.vpc);
    let inside = vpc.is_some_and(|vpc| match address {
        IpAddr::V4(it) => vpc.blocks.iter().any(|block| block.contains(&it)),
        IpAddr::V6(it) => vpc.ipv6_blocks.iter().any(|block| block.contains(&it)),
    });
    let all = it.zone.as_deref() == Some("all");
    if inside {
        return in_vpc(ec2, group, it, address);
    }
    if !all {
        let text = format!(
            "The IP address '{id}' is not within the VPC's CIDR blocks: Availability Zone must be 'all'"
        );
        return Err(invalid(text));
    }
    let private = match address {
        IpAddr::V4(it) => {
            it.is_private() || (it.octets()[0] == 100 && (64..128).contains(&it.octets()[1]))
        }
        IpAddr::V6(_) => false,
    };
    if !private {
        let text = format!(
            "The IP address '{id}' is publicly routable or not in a range that targets may have"
        );
        return Err(invalid(text));
    }
    Ok(Some("all".to_owned()))
}

fn in_vpc(
    ec2: &Ec2,
    group: &TargetGroup,
    it: &Asked,
    address: IpAddr,
) -> Result<Option<String>, Refusal> {
    let mut subnets = ec2.subnets.values().filter(|it| it.vpc == group.vpc);
    let subnet = subnets.find(|it| match address {
        IpAddr::V4(address) => it.block.contains(&address),
        IpAddr::V6(address) => it.ipv6_block.is_some_and(|it| it.contains(&address)),
    });
    let Some(subnet) = subnet else {
        let text = format!(
            "The IP address '{}' is not within any subnet of the VPC",
            it.id
        );
        return Err(invalid(text));
    };
    if it
        .zone
        .as_deref()
        .is_some_and(|zone| zone != "all" && zone != subnet.zone)
    {
        let text = format!(
            "The IP address '{}' is in the Availability Zone {}",
            it.id, subnet.zone
        );
        return Err(invalid(text));
    }
    Ok(it.zone.clone().or_else(|| Some(subnet.zone.clone())))
}

pub(super) fn deregister(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?.to_owned();
    state.elb.settle_targets(&arn, state.options.draining, now);
    let group = state.elb.target_group(&arn)?;
    let is_named = |it: &Target, asked: &Asked| it.id == asked.id && it.port == asked.port;
    let in_use = group.used_since.is_some();
    for asked in asked(group, parameters)? {
        let targets = &mut group.targets;
        if !in_use {
            targets.retain(|it| !is_named(it, &asked));
        } else if let Some(it) = targets.iter_mut().find(|it| is_named(it, &asked)) {
            it.draining_since.get_or_insert(now);
        }
    }
    Ok(json!({}))
}

impl super::Elb {
    /// Lets go the targets of all groups that have drained.
    pub(crate) fn settle_all_targets(&mut self, most: Duration, now: Duration) {
        let arns: Vec<_> = self.target_groups.keys().cloned().collect();
        for arn in arns {
            self.settle_targets(&arn, most, now);
        }
    }

    /// Lets go the targets of a group that have drained.
    pub(super) fn settle_targets(&mut self, arn: &str, most: Duration, now: Duration) {
        let lasting = self.draining(arn).min(most);
        if let Some(group) = self.target_groups.get_mut(arn) {
            let in_use = group.used_since.is_some();
            group.targets.retain(|it| {
                it.draining_since
                    .is_none_or(|since| in_use && now < since + lasting)
            });
        }
    }
}

impl State {
    /// Refuses more targets than the quotas allow, if a group has as many.
    fn check_counts(&self, arn: &str, count: usize) -> Result<(), Refusal> {
        let quotas = &self.options.quotas;
        let refuse = |text: &str| Err(Refusal::new("TooManyTargets", text));
        if count > quotas.targets {
            return refuse("The maximum number of targets per target group has been reached");
        }
        for owner in self.elb.load_balancers_of(arn) {
            let listeners = self.elb.listeners_of(owner);
            let groups = listeners.flat_map(|it| &it.forward.target_groups);
            let others: BTreeSet<_> = groups.map(|it| &it.arn).filter(|it| *it != arn).collect();
            let others = others
                .into_iter()
                .filter_map(|it| self.elb.target_groups.get(it));
            let others: usize = others.map(|it| it.targets.len()).sum();
            if count + others > quotas.targets_of_load_balancer {
                return refuse("The maximum number of targets per load balancer has been reached");
            }
        }
        Ok(())
    }
}
