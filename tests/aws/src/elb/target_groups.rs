//! Target groups: what traffic is sent to.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::health_checks::HealthCheck;
use super::listing::{answer, check_arn, check_name, not_found, tags};
use super::protocols::{OF_GROUPS, one_of, port};
use super::targets::Target;
use super::{Elb, attributes};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TargetGroup {
    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/HEX`
    pub arn: String,
    /// Its name, one of its kind in the region.
    pub name: String,
    /// `TCP`, `UDP`, `TCP_UDP`, `TLS`, …
    pub protocol: String,
    /// The port of targets that name none.
    pub port: u16,
    /// The VPC that it is in.
    pub vpc: String,
    /// `instance`, `ip` or `alb`.
    pub target_type: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: String,
    /// How its targets are probed.
    pub health_check: HealthCheck,
    /// Its attributes, those with AWS's defaults included.
    pub attributes: Map,
    /// Its tags.
    pub tags: Map,
    /// Its targets, those that are draining included.
    pub targets: Vec<Target>,
    /// Since when a listener forwards to it, on the stand-in's clock.
    pub used_since: Option<Duration>,
}

fn shown(elb: &Elb, it: &TargetGroup) -> Value {
    let check = &it.health_check;
    json!({
        "TargetGroupArn": it.arn, "TargetGroupName": it.name, "Protocol": it.protocol,
        "Port": it.port, "VpcId": it.vpc, "TargetType": it.target_type,
        "IpAddressType": it.ip_address_type, "LoadBalancerArns": elb.load_balancers_of(&it.arn),
        "HealthCheckProtocol": check.protocol, "HealthCheckPort": check.port,
        "HealthCheckEnabled": true, "HealthCheckPath": check.path,
        "HealthCheckIntervalSeconds": check.interval, "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "Matcher": check.matcher.as_ref().map(|it| json!({"HttpCode": it})),
    })
}

/// The answer that shows one group.
pub(super) fn shown_one(elb: &Elb, arn: &str) -> Value {
    let found = elb.target_groups.get(arn).map(|it| shown(elb, it));
    json!({"TargetGroups": found.into_iter().collect::<Vec<_>>()})
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let wanted = wanted(state, parameters)?;
    if let Some(there) = state.elb.target_group_named(&wanted.name) {
        let same = TargetGroup {
            arn: there.arn.clone(),
            attributes: there.attributes.clone(),
            targets: there.targets.clone(),
            used_since: there.used_since,
            ..wanted
        };
        if same == *there {
            return Ok(shown_one(&state.elb, &there.arn));
        }
        let text = format!(
            "A target group with the same name '{}' exists, but with different settings",
            there.name
        );
        return Err(Refusal::new("DuplicateTargetGroupName", text));
    }
    if state.elb.target_groups.len() >= state.options.quotas.target_groups {
        let text = "The maximum number of target groups has been reached";
        return Err(Refusal::new("TooManyTargetGroups", text));
    }
    let hex = state.identifiers.hex16();
    let arn = state.elb_arn(&format!("targetgroup/{}/{hex}", wanted.name));
    let it = TargetGroup {
        arn: arn.clone(),
        ..wanted
    };
    state.tagging.note(&arn, Some(it.tags.clone()), now);
    state.elb.target_groups.insert(arn.clone(), it);
    Ok(shown_one(&state.elb, &arn))
}

/// The group that a request asks for, without an ARN.
fn wanted(state: &State, parameters: &Parameters) -> Result<TargetGroup, Refusal> {
    let name = parameters.need("Name")?.to_owned();
    check_name(&name, "Target group")?;
    parameters.need("Protocol")?;
    let protocol = one_of(parameters, "Protocol", OF_GROUPS, "")?;
    let port = port(parameters, "Port")?;
    let port = port.ok_or_else(|| Refusal::validation("A port must be specified"))?;
    let vpc = parameters.need("VpcId")?.to_owned();
    if !state.ec2.vpcs.contains_key(&vpc) {
        return Err(Refusal::validation(format!(
            "The VPC ID '{vpc}' is not found"
        )));
    }
    let kinds = ["instance", "ip", "alb"];
    let target_type = one_of(parameters, "TargetType", &kinds, "instance")?;
    if target_type == "alb" && protocol != "TCP" {
        let text = "Target groups of type alb need the protocol TCP";
        return Err(Refusal::configuration(text));
    }
    let ip_address_type = one_of(parameters, "IpAddressType", &["ipv4", "ipv6"], "ipv4")?;
    Ok(TargetGroup {
        arn: String::new(),
        name,
        port,
        vpc,
        ip_address_type,
        health_check: HealthCheck::of_new(parameters)?,
        attributes: attributes::target_group_defaults(&protocol, &target_type),
        protocol,
        target_type,
        tags: tags(parameters)?,
        targets: vec![],
        used_since: None,
    })
}

impl Elb {
    pub(crate) fn target_group_named(&self, name: &str) -> Option<&TargetGroup> {
        let first = self.target_groups.keys().next()?;
        let (head, _) = first.split_once(":targetgroup/")?;
        let prefix = format!("{head}:targetgroup/{name}/");
        let (arn, found) = self.target_groups.range(prefix.clone()..).next()?;
        arn.starts_with(&prefix).then_some(found)
    }
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arns: BTreeSet<_> = parameters.list("TargetGroupArns").into_iter().collect();
    let names: BTreeSet<_> = parameters.list("Names").into_iter().collect();
    let owner = parameters.get("LoadBalancerArn");
    let ways = [!arns.is_empty(), !names.is_empty(), owner.is_some()];
    if ways.iter().filter(|it| **it).count() > 1 {
        let text = "Target group ARNs, target group names, and a load balancer ARN cannot be specified at the same time";
        return Err(Refusal::validation(text));
    }
    if let Some(owner) = owner {
        state.elb.load_balancer(owner)?;
    }
    let elb = &state.elb;
    let found: Vec<&TargetGroup> = if !arns.is_empty() {
        arns.iter()
            .try_for_each(|it| check_arn(it, "targetgroup"))?;
        let found: Option<_> = arns.iter().map(|it| elb.target_groups.get(it)).collect();
        found.ok_or_else(|| not_found("targetgroup"))?
    } else if !names.is_empty() {
        let found: Option<_> = names.iter().map(|it| elb.target_group_named(it)).collect();
        found.ok_or_else(|| not_found("targetgroup"))?
    } else if let Some(owner) = owner {
        let groups = elb
            .listeners_of(owner)
            .flat_map(|it| &it.forward.target_groups);
        let arns: BTreeSet<_> = groups.map(|it| &it.arn).collect();
        arns.into_iter()
            .filter_map(|it| elb.target_groups.get(it))
            .collect()
    } else {
        elb.target_groups.values().collect()
    };
    let mut found: Vec<_> = found.into_iter().map(|it| (it.arn.clone(), it)).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    answer(parameters, "TargetGroups", found, |it| shown(elb, it))
}

pub(super) fn delete(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?;
    check_arn(arn, "targetgroup")?;
    if state.elb.users.contains_key(arn) {
        let text = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Refusal::new("ResourceInUse", text));
    }
    state.remove_target_group(arn, now);
    Ok(json!({}))
}

impl State {
    pub(crate) fn remove_target_group(&mut self, arn: &str, now: Duration) {
        if self.elb.target_groups.remove(arn).is_some() {
            self.tagging.note(arn, None, now);
        }
    }
}
