//! Network Load Balancers: what they are, who sees them, and how they go.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::{Value, json};

use super::listing::{answer, check_arn, not_found};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::clock::written;
use crate::ec2::Address;
use crate::parameters::Parameters;
use crate::state::State;

/// A Network Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LoadBalancer {
    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/net/NAME/HEX`
    pub arn: String,
    /// Its name, one of its kind in the region.
    pub name: String,
    /// `NAME-HEX.elb.REGION.amazonaws.com`
    pub dns_name: String,
    /// `internal` or `internet-facing`.
    pub scheme: String,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Where it stands: one subnet in each Availability Zone.
    pub zones: Vec<Zone>,
    /// Its security groups; empty for ever if it was created without any.
    pub security_groups: Vec<String>,
    /// `EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic`: `on` or `off`; `None` without
    /// security groups.
    pub private_link_rules: Option<String>,
    /// `EnablePrefixForIpv6SourceNat`: `on` or `off`.
    pub source_nat: String,
    /// Capacity units that are reserved.
    pub capacity: Option<u32>,
    /// Its attributes, those with AWS's defaults included.
    pub attributes: Map,
    /// Its tags.
    pub tags: Map,
    /// When it was created, on the stand-in's clock.
    pub created: Duration,
    /// When it is no longer `provisioning`.
    pub active_at: Duration,
    /// A state that a test gave it, as `failed` or `active_impaired`.
    pub forced_state: Option<String>,
}

/// Where a load balancer stands in one Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Zone {
    /// The name of the Availability Zone.
    pub name: String,
    /// The subnet.
    pub subnet: String,
    /// The Elastic IP address there, as its allocation.
    pub allocation: Option<String>,
    /// The IPv4 address that was asked for there.
    pub private_ipv4: Option<Ipv4Addr>,
    /// The IPv6 address there, of a dual-stack load balancer.
    pub ipv6: Option<Ipv6Addr>,
    /// The prefix that IPv6 traffic is sent from.
    pub source_nat_prefix: Option<String>,
    /// The network interface there.
    pub interface: String,
}

impl LoadBalancer {
    /// Whether it has IPv6.
    pub fn is_dualstack(&self) -> bool {
        self.ip_address_type == "dualstack"
    }

    /// Its state at a time.
    pub(crate) fn state(&self, now: Duration) -> &str {
        let real = if now < self.active_at {
            "provisioning"
        } else {
            "active"
        };
        self.forced_state.as_deref().unwrap_or(real)
    }
}

pub(super) fn shown(state: &State, it: &LoadBalancer, now: Duration) -> Value {
    json!({
        "LoadBalancerArn": it.arn, "LoadBalancerName": it.name, "DNSName": it.dns_name,
        "CanonicalHostedZoneId": "Z3F0SRJ5LGBH90", "CreatedTime": written(state.epoch + it.created),
        "Scheme": it.scheme, "Type": "network", "VpcId": it.vpc,
        "IpAddressType": it.ip_address_type, "State": {"Code": it.state(now)},
        "SecurityGroups": it.security_groups, "AvailabilityZones": shown_zones(state, it),
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": it.private_link_rules,
        "EnablePrefixForIpv6SourceNat": it.source_nat,
    })
}

/// AWS names only the addresses that were chosen: Elastic IP, private IPv4, and IPv6.
pub(super) fn shown_zones(state: &State, it: &LoadBalancer) -> Value {
    let zones = it.zones.iter().map(|zone| {
        let public = zone.allocation.as_ref();
        let public = public.and_then(|it| state.ec2.addresses.get(it));
        let mut addresses = vec![];
        if zone.allocation.is_some() || zone.private_ipv4.is_some() || zone.ipv6.is_some() {
            addresses.push(json!({
                "IpAddress": public.map(|it: &Address| it.public_ip),
                "AllocationId": zone.allocation,
                "PrivateIPv4Address": zone.private_ipv4,
                "IPv6Address": zone.ipv6,
            }));
        }
        json!({
            "ZoneName": zone.name, "SubnetId": zone.subnet, "LoadBalancerAddresses": addresses,
            "SourceNatIpv6Prefixes": zone.source_nat_prefix.iter().collect::<Vec<_>>(),
        })
    });
    zones.collect()
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let (arns, names) = (
        parameters.list("LoadBalancerArns"),
        parameters.list("Names"),
    );
    if !arns.is_empty() && !names.is_empty() {
        let text =
            "Load balancer names and load balancer ARNs cannot be specified at the same time";
        return Err(Refusal::validation(text));
    }
    if arns.len() > 20 || names.len() > 20 {
        let text = "Up to 20 load balancers can be described in a single call";
        return Err(Refusal::validation(text));
    }
    let all = &state.elb.load_balancers;
    let found: Vec<&LoadBalancer> = if !arns.is_empty() {
        arns.iter()
            .try_for_each(|it| check_arn(it, "loadbalancer"))?;
        let arns: BTreeSet<_> = arns.iter().collect();
        let found: Option<_> = arns.into_iter().map(|it| all.get(it)).collect();
        found.ok_or_else(|| not_found("loadbalancer"))?
    } else if names.is_empty() {
        all.values().collect()
    } else {
        let mut found = vec![];
        for name in names.iter().collect::<BTreeSet<_>>() {
            let text = format!("Load balancers '[{name}]' not found");
            let missing = || Refusal::new("LoadBalancerNotFound", text);
            found.push(state.elb.load_balancer_named(name).ok_or_else(missing)?);
        }
        found
    };
    let mut found: Vec<_> = found.into_iter().map(|it| (it.arn.clone(), it)).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    answer(parameters, "LoadBalancers", found, |it| {
        shown(state, it, now)
    })
}

impl super::Elb {
    pub(crate) fn load_balancer_named(&self, name: &str) -> Option<&LoadBalancer> {
        let first = self.load_balancers.keys().next()?;
        let (head, _) = first.split_once(":loadbalancer/")?;
        let prefix = format!("{head}:loadbalancer/net/{name}/");
        let (arn, found) = self.load_balancers.range(prefix.clone()..).next()?;
        arn.starts_with(&prefix).then_some(found)
    }
}

pub(super) fn delete(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    check_arn(arn, "loadbalancer")?;
    let protection = "deletion_protection.enabled";
    let protected = state.elb.load_balancers.get(arn);
    if protected.is_some_and(|it| it.attributes.get(protection).is_some_and(|it| it == "true")) {
        let text = format!(
            "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        );
        return Err(Refusal::new("OperationNotPermitted", text));
    }
    state.remove_load_balancer(arn, now);
    Ok(json!({}))
}

impl State {
    /// Removes a load balancer and its listeners. Its interfaces go later.
    pub(crate) fn remove_load_balancer(&mut self, arn: &str, now: Duration) {
        let listeners: Vec<_> = self
            .elb
            .listeners_of(arn)
            .map(|it| it.arn.clone())
            .collect();
        for listener in listeners {
            self.remove_listener(&listener, now);
        }
        let Some(gone) = self.elb.load_balancers.remove(arn) else {
            return;
        };
        self.tagging.note(arn, None, now);
        for zone in gone.zones {
            self.outlive(zone.interface, now);
        }
    }

    /// Lets an interface of a load balancer go after the lag that was chosen.
    pub(crate) fn outlive(&mut self, interface: String, now: Duration) {
        let gone = now + self.options.interface_lag;
        self.ec2.outlived.push((gone, interface));
        self.ec2.remove_outlived_interfaces(now);
    }

    pub(crate) fn remove_listener(&mut self, arn: &str, now: Duration) {
        if self.elb.take_listener(arn).is_some() {
            self.tagging.note(arn, None, now);
        }
    }
}
