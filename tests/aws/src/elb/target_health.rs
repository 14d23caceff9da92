//! `DescribeTargetHealth`: what state each target is in.

use std::time::Duration;

use serde_json::{Value, json};

use super::protocols::port;
use super::target_groups::TargetGroup;
use super::targets::Target;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

/// A state, with AWS's code of the reason and its sentence.
type Health = (&'static str, Option<(&'static str, &'static str)>);

pub(super) fn describe(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?.to_owned();
    state.elb.settle_targets(&arn, state.options.draining, now);
    let group = state.elb.target_group(&arn)?.clone();
    let asked = parameters.structures("Targets");
    let mut shown = vec![];
    if asked.is_empty() {
        shown.extend(group.targets.iter().map(|it| state.shown(&group, it, now)));
    }
    for one in asked {
        let (id, port) = (one.need("Id")?, port(&one, "Port")?);
        let port = port.unwrap_or(group.port);
        let found = group
            .targets
            .iter()
            .find(|it| it.id == id && it.port == port);
        shown.push(match found {
            Some(it) => state.shown(&group, it, now),
            None => json!({
                "Target": {"Id": id, "Port": port},
                "TargetHealth": {
                    "State": "unused", "Reason": "Target.NotRegistered",
                    "Description": "Target is not registered to the target group",
                },
            }),
        });
    }
    Ok(json!({"TargetHealthDescriptions": shown}))
}

impl State {
    fn shown(&self, group: &TargetGroup, it: &Target, now: Duration) -> Value {
        let (state, reason) = self.health(group, it, now);
        let check = &group.health_check.port;
        let port = if check == "traffic-port" {
            it.port.to_string()
        } else {
            check.clone()
        };
        json!({
            "Target": {"Id": it.id, "Port": it.port, "AvailabilityZone": it.zone},
            "HealthCheckPort": port,
            "TargetHealth": {
                "State": state, "Reason": reason.map(|it| it.0), "Description": reason.map(|it| it.1),
            },
        })
    }

    fn health(&self, group: &TargetGroup, it: &Target, now: Duration) -> Health {
        let Some(used_since) = group.used_since else {
            let text = "Target group is not configured to receive traffic from the load balancer";
            return ("unused", Some(("Target.NotInUse", text)));
        };
        if it.draining_since.is_some() {
            let text = "Target deregistration is in progress";
            return ("draining", Some(("Target.DeregistrationInProgress", text)));
        }
        if let Some(instance) = self.ec2.instances.get(&it.id)
            && instance.state != "running"
        {
            let text = "Target is in the stopped state";
            return ("unused", Some(("Target.InvalidState", text)));
        }
        if !self.is_zone_enabled(group, it) {
            let text =
                "Target is in an Availability Zone that is not enabled for the load balancer";
            return ("unused", Some(("Target.NotInUse", text)));
        }
        if now < it.registered.max(used_since) + self.options.initial {
            let text = "Target registration is in progress";
            return ("initial", Some(("Elb.RegistrationInProgress", text)));
        }
        if it.failing {
            let text = "Health checks failed";
            return ("unhealthy", Some(("Target.FailedHealthChecks", text)));
        }
        ("healthy", None)
    }

    /// Whether a load balancer that uses the group stands in the zone of the target.
    fn is_zone_enabled(&self, group: &TargetGroup, it: &Target) -> bool {
        let instance = self.ec2.instances.get(&it.id);
        let zone = instance.map(|it| it.zone.as_str()).or(it.zone.as_deref());
        let Some(zone) = zone.filter(|it| *it != "all") else {
            return true;
        };
        let owners = self.elb.load_balancers_of(&group.arn).into_iter();
        let mut owners = owners.filter_map(|it| self.elb.load_balancers.get(it));
        owners.any(|it| it.zones.iter().any(|it| it.name == zone))
    }
}
