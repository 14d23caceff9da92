//! Targets of target groups and their health.

use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthDescription, TargetHealthStateEnum,
};
use futures::TryFutureExt;

use super::sdk::{Lacking, failure, port, present};
use crate::calls::actions::{DEREGISTER_TARGETS, DESCRIBE_TARGET_HEALTH, REGISTER_TARGETS};
use crate::calls::{Arn, Calls, Priority, Result};

/// How many targets one `register_targets` or `deregister_targets` may name.
pub(crate) const MAX_TARGETS: usize = 200;

/// Where a target group sends traffic (`TargetDescription`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Target {
    /// `Id`: that of an instance, or an address.
    pub(crate) id: String,
    /// `Port`; `None` is the port of the group.
    pub(crate) port: Option<u16>,
    /// `AvailabilityZone`: `all` for an address outside the VPC.
    pub(crate) zone: Option<String>,
}

/// How a target is (`TargetHealthStateEnum`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum HealthState {
    /// It is being registered, or its first checks run.
    Initial,
    /// It is well.
    Healthy,
    /// It fails its checks.
    Unhealthy,
    /// `unhealthy.draining`: it fails its checks, and connections to it are being closed.
    UnhealthyDraining,
    /// It is not asked: no listener sends to its group, or its zone is not enabled.
    Unused,
    /// It is being taken out, and its connections end.
    Draining,
    /// It is not checked.
    Unavailable,
    /// Another, as AWS writes it.
    Other(String),
}

/// A target and how it is (`TargetHealthDescription`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetHealth {
    pub(crate) target: Target,
    pub(crate) state: HealthState,
    /// `Description`, for people.
    pub(crate) why: Option<String>,
}

impl Calls {
    /// Adds targets, at most [`MAX_TARGETS`]. One that is there already is success.
    pub(crate) async fn register_targets(
        &self,
        priority: Priority,
        group: &Arn,
        targets: &[Target],
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .register_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(targets.iter().map(described).collect()));
        self.call(&REGISTER_TARGETS, priority, group.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Takes targets out, at most [`MAX_TARGETS`]. One that is not there is success.
    pub(crate) async fn deregister_targets(
        &self,
        priority: Priority,
        group: &Arn,
        targets: &[Target],
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .deregister_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(targets.iter().map(described).collect()));
        self.call(&DEREGISTER_TARGETS, priority, group.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// All targets of a group, those that drain included, and how they are.
    pub(crate) async fn target_health(
        &self,
        priority: Priority,
        group: &Arn,
    ) -> Result<Vec<TargetHealth>> {
        let (action, on) = (&DESCRIBE_TARGET_HEALTH, group.as_str());
        let request = self.0.elb.describe_target_health().target_group_arn(on);
        let answer = self
            .call(action, priority, on, || {
                request.clone().send().map_err(failure)
            })
            .await?;
        let all = answer.target_health_descriptions().iter().map(health);
        let all: std::result::Result<_, _> = all.collect();
        all.map_err(|lacking| lacking.refusal(action, on))
    }
}

fn described(target: &Target) -> TargetDescription {
    TargetDescription::builder()
        .id(&target.id)
        .set_port(target.port.map(i32::from))
        .set_availability_zone(target.zone.clone())
        .build()
}

fn health(it: &TargetHealthDescription) -> std::result::Result<TargetHealth, Lacking> {
    let target = present(it.target(), "Target")?;
    let health = present(it.target_health(), "TargetHealth")?;
    Ok(TargetHealth {
        why: health.description().map(str::to_owned),
        target: Target {
            id: present(target.id(), "Target.Id")?.to_owned(),
            port: target.port().map(port).transpose()?,
            zone: target.availability_zone().map(str::to_owned),
        },
        state: match present(health.state(), "TargetHealth.State")? {
            TargetHealthStateEnum::Initial => HealthState::Initial,
            TargetHealthStateEnum::Healthy => HealthState::Healthy,
            TargetHealthStateEnum::Unhealthy => HealthState::Unhealthy,
            TargetHealthStateEnum::UnhealthyDraining => HealthState::UnhealthyDraining,
            TargetHealthStateEnum::Unused => HealthState::Unused,
            TargetHealthStateEnum::Draining => HealthState::Draining,
            TargetHealthStateEnum::Unavailable => HealthState::Unavailable,
            other => HealthState::Other(other.as_str().to_owned()),
        },
    })
}
