//! What can be set on a load balancer by calls of their own.

use std::time::Duration;

use serde_json::json;

use super::load_balancers::LoadBalancer;
use super::protocols::{has_udp, one_of};
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

pub(super) fn set_security_groups(
    state: &mut State,
    parameters: &Parameters,
    _: Duration,
) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?.to_owned();
    let it = state.elb.load_balancer(&arn)?.clone();
    let groups = parameters.list("SecurityGroups");
    if it.security_groups.is_empty() {
        let text = format!(
            "You can't set security groups on the load balancer '{arn}', which was created without any"
        );
        return Err(Refusal::configuration(text));
    }
    if groups.is_empty() {
        let text = "A load balancer that has security groups must keep at least one";
        return Err(Refusal::configuration(text));
    }
    state.check_security_groups(&groups, &it.vpc)?;
    let switch = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    let before = it.private_link_rules.as_deref().unwrap_or("on");
    let enforced = one_of(parameters, switch, &["on", "off"], before)?;
    for zone in &it.zones {
        if let Some(interface) = state.ec2.interfaces.get_mut(&zone.interface) {
            interface.groups.clone_from(&groups);
        }
    }
    let it = state.elb.load_balancer(&arn)?;
    it.security_groups.clone_from(&groups);
    it.private_link_rules = Some(enforced.clone());
    Ok(json!({"SecurityGroupIds": groups, switch: enforced}))
}

pub(super) fn set_ip_address_type(
    state: &mut State,
    parameters: &Parameters,
    _: Duration,
) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?.to_owned();
    parameters.need("IpAddressType")?;
    let mut it = state.elb.load_balancer(&arn)?.clone();
    it.ip_address_type = one_of(parameters, "IpAddressType", &["ipv4", "dualstack"], "")?;
    if !it.is_dualstack() {
        "off".clone_into(&mut it.source_nat);
    }
    state.check_families(&it)?;
    state.set_dualstack(&mut it);
    let kind = it.ip_address_type.clone();
    state.elb.load_balancers.insert(arn, it);
    Ok(json!({"IpAddressType": kind}))
}

impl State {
    /// Refuses what does not suit the families of addresses that a load balancer shall have.
    pub(super) fn check_families(&self, it: &LoadBalancer) -> Result<(), Refusal> {
        if !it.is_dualstack() {
            if self.forwards_to_ipv6(&it.arn) {
                let text = "The load balancer forwards to target groups of IP address type ipv6";
                return Err(Refusal::configuration(text));
            }
            return Ok(());
        }
        let subnets = it
            .zones
            .iter()
            .map(|zone| self.ec2.subnets.get(&zone.subnet));
        if subnets.flatten().any(|it| it.ipv6_block.is_none()) {
            let text = "You must specify subnets with an associated IPv6 CIDR block";
            return Err(Refusal::new("InvalidSubnet", text));
        }
        let mut listeners = self.elb.listeners_of(&it.arn);
        if it.source_nat != "on" && listeners.any(|it| has_udp(&it.protocol)) {
            let text =
                "UDP listeners of a dualstack load balancer need EnablePrefixForIpv6SourceNat";
            return Err(Refusal::configuration(text));
        }
        Ok(())
    }

    fn forwards_to_ipv6(&self, arn: &str) -> bool {
        let listeners = self.elb.listeners_of(arn);
        let groups = listeners.flat_map(|it| &it.forward.target_groups);
        let mut groups = groups.filter_map(|it| self.elb.target_groups.get(&it.arn));
        groups.any(|it| it.ip_address_type == "ipv6")
    }
}
