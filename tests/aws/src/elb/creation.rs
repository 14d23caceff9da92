//! `CreateLoadBalancer`, which gives what is there already if it is the same.

use std::time::Duration;

use serde_json::json;

use super::listing::{check_name, tags};
use super::load_balancers::{LoadBalancer, shown};
use super::subnets::{Mapping, Wanted, mappings};
use super::{attributes, protocols};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// What is asked for.
struct Plan {
    name: String,
    scheme: String,
    ip_address_type: String,
    source_nat: String,
    vpc: String,
    mappings: Vec<Mapping>,
    security_groups: Vec<String>,
    tags: Map,
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let plan = plan(state, parameters)?;
    let given =
        |it: &LoadBalancer, state: &State| json!({"LoadBalancers": [shown(state, it, now)]});
    if let Some(there) = state.elb.load_balancer_named(&plan.name) {
        if plan.is(there) {
            return Ok(given(there, state));
        }
        let name = &plan.name;
        let text = format!(
            "A load balancer with the same name '{name}' exists, but with different settings"
        );
        return Err(Refusal::new("DuplicateLoadBalancerName", text));
    }
    plan.wanted().check(state)?;
    if state.elb.load_balancers.len() >= state.options.quotas.load_balancers {
        let text = "The maximum number of load balancers has been reached";
        return Err(Refusal::new("TooManyLoadBalancers", text));
    }
    let it = build(state, plan, now);
    let answer = given(&it, state);
    state.tagging.note(&it.arn, Some(it.tags.clone()), now);
    state.elb.load_balancers.insert(it.arn.clone(), it);
    Ok(answer)
}

fn plan(state: &State, parameters: &Parameters) -> Result<Plan, Refusal> {
    let name = parameters.need("Name")?.to_owned();
    check_name(&name, "Load balancer")?;
    if parameters.get("Type") != Some("network") {
        return Err(Refusal::validation(
            "Only load balancers of type 'network' are here",
        ));
    }
    let scheme = protocols::one_of(
        parameters,
        "Scheme",
        &["internet-facing", "internal"],
        "internet-facing",
    )?;
    let types = ["ipv4", "dualstack"];
    let ip_address_type = protocols::one_of(parameters, "IpAddressType", &types, "ipv4")?;
    let switch = "EnablePrefixForIpv6SourceNat";
    let source_nat = protocols::one_of(parameters, switch, &["on", "off"], "off")?;
    if source_nat == "on" && ip_address_type != "dualstack" {
        let text = "EnablePrefixForIpv6SourceNat needs the IP address type dualstack";
        return Err(Refusal::configuration(text));
    }
    let tags = tags(parameters)?;
    let mappings = mappings(parameters)?;
    let vpc = state.vpc_of(&mappings)?;
    let mut security_groups = parameters.list("SecurityGroups");
    security_groups.sort();
    state.check_security_groups(&security_groups, &vpc)?;
    Ok(Plan {
        name,
        scheme,
        ip_address_type,
        source_nat,
        vpc,
        mappings,
        security_groups,
        tags,
    })
}

impl Plan {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            mappings: &self.mappings,
            scheme: &self.scheme,
            dualstack: self.ip_address_type == "dualstack",
            source_nat: self.source_nat == "on",
        }
    }

    /// Whether what is there is what is asked for.
    fn is(&self, there: &LoadBalancer) -> bool {
        let mut groups = there.security_groups.clone();
        groups.sort();
        let same_zones = there.zones.len() == self.mappings.len()
            && self.mappings.iter().all(|it| {
                let mut zones = there.zones.iter();
                zones.any(|zone| {
                    zone.subnet == it.subnet
                        && zone.allocation == it.allocation
                        && zone.private_ipv4 == it.private_ipv4
                        && (it.ipv6.is_none() || zone.ipv6 == it.ipv6)
                })
            });
        same_zones
            && there.scheme == self.scheme
            && there.ip_address_type == self.ip_address_type
            && there.source_nat == self.source_nat
            && groups == self.security_groups
            && there.tags == self.tags
    }
}

fn build(state: &mut State, plan: Plan, now: Duration) -> LoadBalancer {
    let hex = state.identifiers.hex16();
    let name = &plan.name;
    let arn = state.elb_arn(&format!("loadbalancer/net/{name}/{hex}"));
    let place = format!("net/{name}/{hex}");
    let mappings = plan.mappings.iter();
    let zones = mappings
        .map(|it| state.stand(it, &place, &plan.security_groups, plan.wanted()))
        .collect();
    LoadBalancer {
        dns_name: format!("{name}-{hex}.elb.{}.amazonaws.com", state.options.region),
        arn,
        name: plan.name,
        attributes: attributes::load_balancer_defaults(&plan.scheme),
        scheme: plan.scheme,
        ip_address_type: plan.ip_address_type,
        vpc: plan.vpc,
        zones,
        private_link_rules: (!plan.security_groups.is_empty()).then(|| "on".to_owned()),
        security_groups: plan.security_groups,
        source_nat: plan.source_nat,
        capacity: None,
        tags: plan.tags,
        created: now,
        active_at: now + state.options.provisioning,
        forced_state: None,
    }
}

impl State {
    /// Refuses security groups that are not there, or in another VPC.
    pub(super) fn check_security_groups(&self, ids: &[String], vpc: &str) -> Result<(), Refusal> {
        for id in ids {
            let found = self.ec2.security_groups.get(id);
            if found.is_none_or(|it| it.vpc != vpc) {
                let text = format!("One or more security groups are invalid: {id}");
                return Err(Refusal::new("InvalidSecurityGroup", text));
            }
        }
        Ok(())
    }
}
