//! Target groups and their health checks.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::builders::DescribeTargetGroupsFluentBuilder;
use aws_sdk_elasticloadbalancingv2::types::{
    self as sdk, Matcher, ProtocolEnum, TargetGroupIpAddressTypeEnum, TargetTypeEnum,
};
use futures::TryFutureExt;
use landfall_provider_api::Family;

use super::existing::Existing;
use super::sdk::{Lacking, arn, failure, number, port, present, signed, strings, tags};
use crate::calls::actions::{
    CREATE_TARGET_GROUP, DELETE_TARGET_GROUP, DESCRIBE_TARGET_GROUPS, MODIFY_TARGET_GROUP,
};
use crate::calls::or_gone;
use crate::calls::{Arn, Calls, Priority, Result, Tags};

/// Which target groups are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TargetGroups<'a> {
    /// All of the account in the region.
    All,
    /// These. One that does not exist is left out of the answer.
    Arns(&'a [Arn]),
    /// Those with these names. A name that nobody has is left out of the answer.
    Names(&'a [String]),
}

/// A target group (`TargetGroup`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    /// `TargetGroupArn`
    pub(crate) arn: Arn,
    /// `TargetGroupName`
    pub(crate) name: String,
    /// `Protocol`, as AWS writes it: `TCP`, `UDP`, `TCP_UDP`, `TLS`, `QUIC`, `TCP_QUIC`.
    pub(crate) protocol: String,
    /// `Port`; `None` where a group has none (Lambda).
    pub(crate) port: Option<u16>,
    /// `VpcId`
    pub(crate) vpc: Option<String>,
    /// `TargetType`, as AWS writes it: `instance`, `ip`, `alb`.
    pub(crate) target_type: String,
    /// `IpAddressType`
    pub(crate) family: Family,
    pub(crate) health_check: HealthCheck,
    /// `LoadBalancerArns`: who sends to it; one at most for a Network Load Balancer.
    pub(crate) load_balancers: Vec<Arn>,
}

/// How AWS finds out whether a target is well. What is `None` is left to AWS in a request, and is
/// not said or not meant for this protocol in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HealthCheck {
    /// `HealthCheckProtocol`: `TCP`, `HTTP`, `HTTPS`.
    pub(crate) protocol: Option<String>,
    /// `HealthCheckPort`: a number or `traffic-port`.
    pub(crate) port: Option<String>,
    /// `HealthCheckPath`, of HTTP and HTTPS.
    pub(crate) path: Option<String>,
    /// `HealthCheckIntervalSeconds`
    pub(crate) interval: Option<Duration>,
    /// `HealthCheckTimeoutSeconds`
    pub(crate) timeout: Option<Duration>,
    /// `HealthyThresholdCount`
    pub(crate) healthy: Option<u32>,
    /// `UnhealthyThresholdCount`
    pub(crate) unhealthy: Option<u32>,
    /// `Matcher.HttpCode`: `200-399`.
    pub(crate) codes: Option<String>,
}

/// A target group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewTargetGroup {
    /// At most 32 letters, digits and hyphens.
    pub(crate) name: String,
    /// As AWS writes it: `TCP`, `UDP`, `TCP_UDP`, `TLS`.
    pub(crate) protocol: String,
    /// The port of targets that come without one.
    pub(crate) port: u16,
    pub(crate) vpc: String,
    /// As AWS writes it: `instance`, `ip`.
    pub(crate) target_type: String,
    pub(crate) family: Family,
    pub(crate) health_check: HealthCheck,
    pub(crate) tags: Tags,
}

/// The setters of a health check, which two requests of the SDK have.
macro_rules! checked {
    ($request:expr, $check:expr) => {{
        let check: &HealthCheck = $check;
        let codes = check.codes.as_ref();
        $request
            .set_health_check_protocol(check.protocol.as_deref().map(ProtocolEnum::from))
            .set_health_check_port(check.port.clone())
            .set_health_check_path(check.path.clone())
            .set_health_check_interval_seconds(check.interval.map(|it| signed(it.as_secs())))
            .set_health_check_timeout_seconds(check.timeout.map(|it| signed(it.as_secs())))
            .set_healthy_threshold_count(check.healthy.map(signed))
            .set_unhealthy_threshold_count(check.unhealthy.map(signed))
            .set_matcher(codes.map(|it| Matcher::builder().http_code(it).build()))
    }};
}

impl Calls {
    /// Target groups (`DescribeTargetGroups`).
    pub(crate) async fn target_groups(
        &self,
        priority: Priority,
        which: TargetGroups<'_>,
    ) -> Result<Vec<TargetGroup>> {
        let request = self.0.elb.describe_target_groups();
        let (by_name, mut existing) = match which {
            TargetGroups::All => return self.target_group_pages(priority, request).await,
            TargetGroups::Arns(arns) => (false, Existing::new(&strings(arns))),
            TargetGroups::Names(names) => (true, Existing::new(names)),
        };
        let mut all = Vec::new();
        while let Some(asked) = existing.next() {
            let these = Some(asked.clone());
            let request = if by_name {
                request.clone().set_names(these)
            } else {
                request.clone().set_target_group_arns(these)
            };
            match self.target_group_pages(priority, request).await {
                Ok(found) => all.extend(found),
                Err(refusal) if refusal.is_not_found() => {
                    existing.refused(asked, &refusal.message);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(all)
    }

    /// Makes a target group. One of the same name and settings that is there already is the answer
    /// too; one of other settings is `Exists`.
    pub(crate) async fn create_target_group(
        &self,
        priority: Priority,
        new: &NewTargetGroup,
    ) -> Result<TargetGroup> {
        let request = self
            .0
            .elb
            .create_target_group()
            .name(&new.name)
            .protocol(ProtocolEnum::from(&*new.protocol))
            .port(i32::from(new.port))
            .vpc_id(&new.vpc)
            .target_type(TargetTypeEnum::from(&*new.target_type))
            .ip_address_type(match new.family {
                Family::IPv4 => TargetGroupIpAddressTypeEnum::Ipv4,
                Family::IPv6 => TargetGroupIpAddressTypeEnum::Ipv6,
            })
            .set_tags(tags(&new.tags));
        let request = checked!(request, &new.health_check);
        let (action, on) = (&CREATE_TARGET_GROUP, &*new.name);
        let answer = self
            .call(action, priority, on, || {
                request.clone().send().map_err(failure)
            })
            .await?;
        let made = answer.target_groups().first();
        let made = present(made, "target group").and_then(target_group);
        made.map_err(|lacking| lacking.refusal(action, on))
    }

    /// Changes the health check of a target group.
    pub(crate) async fn modify_target_group(
        &self,
        priority: Priority,
        arn: &Arn,
        health_check: &HealthCheck,
    ) -> Result<()> {
        let request = self.0.elb.modify_target_group();
        let request = checked!(request.target_group_arn(arn.as_str()), health_check);
        self.call(&MODIFY_TARGET_GROUP, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Removes a target group. Gone already is success; one that a listener sends to is `InUse`.
    pub(crate) async fn delete_target_group(&self, priority: Priority, arn: &Arn) -> Result<()> {
        let request = self
            .0
            .elb
            .delete_target_group()
            .target_group_arn(arn.as_str());
        let deleted = self.call(&DELETE_TARGET_GROUP, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        });
        or_gone(deleted.await)
    }
}

impl Calls {
    async fn target_group_pages(
        &self,
        priority: Priority,
        request: DescribeTargetGroupsFluentBuilder,
    ) -> Result<Vec<TargetGroup>> {
        let (action, mut all, mut marker) = (&DESCRIBE_TARGET_GROUPS, Vec::new(), None);
        loop {
            let page = request.clone().set_marker(marker.clone());
            let answer = self
                .call(action, priority, "", || {
                    page.clone().send().map_err(failure)
                })
                .await?;
            for it in answer.target_groups() {
                all.push(target_group(it).map_err(|lacking| lacking.refusal(action, ""))?);
            }
            let next = answer.next_marker.filter(|it| !it.is_empty());
            // The same marker twice would go on for ever.
            if next.is_none() || next == marker {
                return Ok(all);
            }
            marker = next;
        }
    }
}

fn target_group(it: &sdk::TargetGroup) -> std::result::Result<TargetGroup, Lacking> {
    let load_balancers = it.load_balancer_arns().iter();
    let load_balancers = load_balancers.map(|it| arn(Some(it), "LoadBalancerArns"));
    Ok(TargetGroup {
        arn: arn(it.target_group_arn(), "TargetGroupArn")?,
        name: it.target_group_name().unwrap_or_default().to_owned(),
        protocol: it
            .protocol()
            .map(|it| it.as_str().to_owned())
            .unwrap_or_default(),
        port: it.port().map(port).transpose()?,
        vpc: it.vpc_id().map(str::to_owned),
        target_type: it
            .target_type()
            .map(|it| it.as_str().to_owned())
            .unwrap_or_default(),
        family: match it.ip_address_type() {
            Some(TargetGroupIpAddressTypeEnum::Ipv6) => Family::IPv6,
            _ => Family::IPv4,
        },
        health_check: health_check(it),
        load_balancers: load_balancers.collect::<std::result::Result<_, _>>()?,
    })
}

fn health_check(it: &sdk::TargetGroup) -> HealthCheck {
    let seconds = |it: i32| Duration::from_secs(number(it).into());
    let codes = it.matcher().and_then(|it| it.http_code());
    HealthCheck {
        protocol: it.health_check_protocol().map(|it| it.as_str().to_owned()),
        port: it.health_check_port().map(str::to_owned),
        path: it.health_check_path().map(str::to_owned),
        interval: it.health_check_interval_seconds().map(seconds),
        timeout: it.health_check_timeout_seconds().map(seconds),
        healthy: it.healthy_threshold_count().map(number),
        unhealthy: it.unhealthy_threshold_count().map(number),
        codes: codes.map(str::to_owned),
    }
}
