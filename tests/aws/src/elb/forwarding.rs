//! Where a listener sends its traffic: one target group, or several with weights.

use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::parameters::Parameters;

/// A forward action.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Forward {
    /// The target groups, five at most.
    pub target_groups: Vec<Weighted>,
    /// Whether a client stays with its target group.
    pub sticky: bool,
    /// Seconds that it stays.
    pub sticky_seconds: Option<u32>,
}

/// A target group with its part of the traffic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Weighted {
    /// The ARN of the target group.
    pub arn: String,
    /// Its weight, 0 to 999.
    pub weight: u32,
}

impl Forward {
    pub(super) fn shown(&self) -> Value {
        let groups = self.target_groups.iter();
        let groups: Vec<_> = groups
            .map(|it| json!({"TargetGroupArn": it.arn, "Weight": it.weight}))
            .collect();
        let only = self.target_groups.first().filter(|_| groups.len() == 1);
        json!({
            "Type": "forward", "Order": 1, "TargetGroupArn": only.map(|it| &it.arn),
            "ForwardConfig": {
                "TargetGroups": groups,
                "TargetGroupStickinessConfig": {
                    "Enabled": self.sticky, "DurationSeconds": self.sticky_seconds,
                },
            },
        })
    }
}

/// The one action that a request names; `None` if it names none.
pub(super) fn default_actions(parameters: &Parameters) -> Result<Option<Forward>, Refusal> {
    let actions = parameters.structures("DefaultActions");
    let action = match actions.as_slice() {
        [] => return Ok(None),
        [action] => action,
        _ => {
            let text = "A listener of a network load balancer has one default action";
            return Err(Refusal::new("TooManyActions", text));
        }
    };
    if action.need("Type")? != "forward" {
        let text = "Listeners of network load balancers only forward";
        return Err(Refusal::new("InvalidLoadBalancerAction", text));
    }
    let config = action.inner("ForwardConfig");
    let mut groups = vec![];
    for it in config.structures("TargetGroups") {
        groups.push(Weighted {
            arn: it.need("TargetGroupArn")?.to_owned(),
            weight: it.number("Weight")?.unwrap_or(1),
        });
    }
    match (action.get("TargetGroupArn"), groups.as_slice()) {
        (None, _) => {}
        (Some(arn), []) => groups.push(Weighted {
            arn: arn.to_owned(),
            weight: 1,
        }),
        (Some(arn), [only]) if only.arn == arn => {}
        _ => {
            let text = "TargetGroupArn and ForwardConfig must name the same target group";
            return Err(Refusal::validation(text));
        }
    }
    check(&groups)?;
    let sticky = config.inner("TargetGroupStickinessConfig");
    let forward = Forward {
        target_groups: groups,
        sticky: sticky.get("Enabled") == Some("true"),
        sticky_seconds: sticky.number("DurationSeconds")?,
    };
    Ok(Some(forward))
}

fn check(groups: &[Weighted]) -> Result<(), Refusal> {
    if groups.is_empty() {
        return Err(Refusal::validation("A target group must be specified"));
    }
    if groups.len() > 5 {
        let text = "A forward action has 5 target groups at most";
        return Err(Refusal::new(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            text,
        ));
    }
    if groups.iter().any(|it| it.weight > 999) {
        return Err(Refusal::validation("Weights must be between 0 and 999"));
    }
    let arns: std::collections::BTreeSet<_> = groups.iter().map(|it| &it.arn).collect();
    if arns.len() < groups.len() {
        return Err(Refusal::validation(
            "A target group stands twice in a forward action",
        ));
    }
    Ok(())
}
