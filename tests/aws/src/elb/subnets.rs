//! Where a load balancer may stand: subnets, and the addresses that are chosen in them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::json;

use super::load_balancers::{LoadBalancer, Zone, shown_zones};
use super::protocols;
use crate::answer::{Answer, Refusal};
use crate::ec2::{NewInterface, Subnet};
use crate::parameters::Parameters;
use crate::state::State;

/// Free addresses that a subnet must have.
const LEAST_FREE: u32 = 8;

const TWICE: &str =
    "A load balancer cannot be attached to multiple subnets in the same Availability Zone";

/// A subnet, and what is chosen in it.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub(super) subnet: String,
    pub(super) allocation: Option<String>,
    pub(super) private_ipv4: Option<Ipv4Addr>,
    pub(super) ipv6: Option<Ipv6Addr>,
    pub(super) prefix: Option<String>,
}

/// What subnets are wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) mappings: &'a [Mapping],
    pub(super) scheme: &'a str,
    pub(super) dualstack: bool,
    pub(super) source_nat: bool,
}

/// The subnets that a request names, in one of the two ways.
pub(super) fn mappings(parameters: &Parameters) -> Result<Vec<Mapping>, Refusal> {
    let subnets = parameters.list("Subnets");
    let given = parameters.structures("SubnetMappings");
    if subnets.is_empty() == given.is_empty() {
        let text = "You must specify subnets either as subnets or as subnet mappings";
        return Err(Refusal::validation(text));
    }
    let mut all: Vec<_> = subnets
        .into_iter()
        .map(|subnet| Mapping {
            subnet,
            allocation: None,
            private_ipv4: None,
            ipv6: None,
            prefix: None,
        })
        .collect();
    for it in given {
        all.push(Mapping {
            subnet: it.need("SubnetId")?.to_owned(),
            allocation: it.get("AllocationId").map(str::to_owned),
            private_ipv4: it.number("PrivateIPv4Address")?,
            ipv6: it.number("IPv6Address")?,
            prefix: it.get("SourceNatIpv6Prefix").map(str::to_owned),
        });
    }
    Ok(all)
}

impl State {
    fn subnet(&self, id: &str) -> Result<&Subnet, Refusal> {
        let missing = || {
            let text = format!("The subnet ID '{id}' does not exist");
            Refusal::new("SubnetNotFound", text)
        };
        self.ec2.subnets.get(id).ok_or_else(missing)
    }

    /// The VPC that all these subnets are in.
    pub(super) fn vpc_of(&self, mappings: &[Mapping]) -> Result<String, Refusal> {
        let mut vpcs = BTreeSet::new();
        for it in mappings {
            vpcs.insert(self.subnet(&it.subnet)?.vpc.clone());
        }
        let several = Refusal::new("InvalidSubnet", "All subnets must belong to the same VPC");
        match (vpcs.pop_first(), vpcs.is_empty()) {
            (Some(vpc), true) => Ok(vpc),
            _ => Err(several),
        }
    }

    /// An address of IPv6 in a subnet that no other interface has.
    fn ipv6_in(&self, subnet: &str, interface: &str) -> Option<Ipv6Addr> {
        let block = self.ec2.subnets.get(subnet)?.ipv6_block?;
        let digits = interface.trim_start_matches("eni-0");
        let unlike = u64::from_str_radix(digits, 16).ok()?;
        Some(Ipv6Addr::from_bits(
            block.network().to_bits() | u128::from(unlike),
        ))
    }

    /// Gives a load balancer IPv6 addresses where it stands, or takes them away.
    pub(super) fn set_dualstack(&mut self, it: &mut LoadBalancer) {
        for zone in &mut it.zones {
            let ipv6 = if it.ip_address_type == "dualstack" {
                zone.ipv6
                    .or_else(|| self.ipv6_in(&zone.subnet, &zone.interface))
            } else {
                None
            };
            zone.ipv6 = ipv6;
            let prefix = zone.source_nat_prefix.take();
            let auto = || Some("auto_assigned".to_owned());
            if it.source_nat == "on" {
                zone.source_nat_prefix = prefix.or_else(auto);
            }
            if let Some(interface) = self.ec2.interfaces.get_mut(&zone.interface) {
                interface.addresses.retain(IpAddr::is_ipv4);
                interface.addresses.extend(ipv6.map(IpAddr::V6));
            }
        }
    }

    /// Puts a load balancer into a subnet that was checked: it holds an interface there.
    pub(super) fn stand(
        &mut self,
        mapping: &Mapping,
        place: &str,
        groups: &[String],
        wanted: Wanted<'_>,
    ) -> Zone {
        let id = self.identifiers.ec2("eni");
        let subnet = &self.ec2.subnets[&mapping.subnet];
        let name = subnet.zone.clone();
        let chosen = wanted.dualstack.then(|| self.ipv6_in(&mapping.subnet, &id));
        let ipv6 = mapping.ipv6.or(chosen.flatten());
        let new = NewInterface {
            id: id.clone(),
            subnet: &mapping.subnet,
            ipv4: mapping.private_ipv4,
            ipv6,
            groups: groups.to_vec(),
            description: format!("ELB {place}"),
            allocation: mapping.allocation.clone(),
        };
        self.ec2
            .add_interface(new)
            .expect("the subnet was found to have room");
        let prefix = mapping.prefix.clone();
        Zone {
            name,
            subnet: mapping.subnet.clone(),
            allocation: mapping.allocation.clone(),
            private_ipv4: mapping.private_ipv4,
            ipv6,
            source_nat_prefix: prefix
                .or_else(|| wanted.source_nat.then(|| "auto_assigned".to_owned())),
            interface: id,
        }
    }
}

impl Wanted<'_> {
    /// Refuses what AWS would not build.
    pub(super) fn check(&self, state: &State) -> Result<(), Refusal> {
        let mut zones = BTreeSet::new();
        for it in self.mappings {
            let subnet = state.subnet(&it.subnet)?;
            if !zones.insert(&subnet.zone) {
                return Err(Refusal::configuration(TWICE));
            }
            self.check_subnet(state, subnet)?;
            self.check_choices(state, subnet, it)?;
        }
        let chosen: BTreeSet<_> = self
            .mappings
            .iter()
            .map(|it| it.allocation.as_ref())
            .collect();
        let some = chosen.iter().any(Option::is_some);
        if some && (chosen.contains(&None) || chosen.len() < self.mappings.len()) {
            let text = "You must specify one allocation ID for each subnet";
            return Err(Refusal::configuration(text));
        }
        Ok(())
    }

    fn check_subnet(&self, state: &State, subnet: &Subnet) -> Result<(), Refusal> {
        let id = &subnet.id;
        if subnet.free() < LEAST_FREE {
            let text = format!(
                "Not enough IP space available in {id}. ELB requires at least 8 free IP addresses in each subnet."
            );
            return Err(Refusal::new("InvalidSubnet", text));
        }
        if self.scheme == "internet-facing" && !state.ec2.is_public(subnet) {
            let text = format!(
                "Subnet {id} of VPC {} has no route to an internet gateway",
                subnet.vpc
            );
            return Err(Refusal::new("InvalidSubnet", text));
        }
        if self.dualstack && subnet.ipv6_block.is_none() {
            let text = format!("You must specify subnets with an associated IPv6 CIDR block: {id}");
            return Err(Refusal::configuration(text));
        }
        Ok(())
    }

    fn check_choices(&self, state: &State, subnet: &Subnet, it: &Mapping) -> Result<(), Refusal> {
        let refuse = |text: &str| Err(Refusal::configuration(text));
        if let Some(id) = &it.allocation {
            if self.scheme != "internet-facing" {
                return refuse("Allocation IDs are for internet-facing load balancers only");
            }
            let free = state.ec2.addresses.get(id).map(|it| it.interface.is_none());
            let text = match free {
                Some(true) => None,
                Some(false) => Some(format!(
                    "The allocation IDs '{id}' are not available for use"
                )),
                None => Some(format!("The allocation ID '{id}' does not exist")),
            };
            if let Some(text) = text {
                return Err(Refusal::new("AllocationIdNotFound", text));
            }
        }
        if let Some(address) = it.private_ipv4 {
            if self.scheme != "internal" {
                return refuse("Private IPv4 addresses are for internal load balancers only");
            }
            if !subnet.can_take(address) {
                let text = format!(
                    "The private IPv4 address {address} is not free in {}",
                    subnet.id
                );
                return refuse(&text);
            }
        }
        if let Some(address) = it.ipv6 {
            let fits = subnet.ipv6_block.is_some_and(|it| it.contains(&address));
            if !self.dualstack || !fits {
                let text = format!("The IPv6 address {address} cannot be had in {}", subnet.id);
                return refuse(&text);
            }
        }
        if it.prefix.is_some() && !self.source_nat {
            return refuse("SourceNatIpv6Prefix needs EnablePrefixForIpv6SourceNat");
        }
        Ok(())
    }
}

/// `SetSubnets`: zones come and go, but the subnet and address of one that stays do not change.
pub(super) fn set(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    let mut there = state.elb.load_balancer(arn)?.clone();
    let asked = mappings(parameters)?;
    check_asked(state, &there, &asked)?;
    let types = ["ipv4", "dualstack"];
    let kind = protocols::one_of(parameters, "IpAddressType", &types, &there.ip_address_type)?;
    let switch = "EnablePrefixForIpv6SourceNat";
    let source_nat = protocols::one_of(parameters, switch, &["on", "off"], &there.source_nat)?;
    if source_nat == "on" && kind != "dualstack" {
        let text = "EnablePrefixForIpv6SourceNat needs the IP address type dualstack";
        return Err(Refusal::configuration(text));
    }
    let is_new = |it: &&Mapping| !there.zones.iter().any(|zone| zone.subnet == it.subnet);
    let new: Vec<_> = asked.iter().filter(is_new).cloned().collect();
    let scheme = there.scheme.clone();
    let wanted = Wanted {
        mappings: &new,
        scheme: &scheme,
        dualstack: kind == "dualstack",
        source_nat: source_nat == "on",
    };
    wanted.check(state)?;
    there.ip_address_type = kind;
    there.source_nat = source_nat;
    let stays = |zone: &Zone| asked.iter().any(|it| it.subnet == zone.subnet);
    let (stay, gone): (Vec<_>, Vec<_>) = there.zones.into_iter().partition(stays);
    there.zones = stay;
    state.check_families(&there)?;
    for zone in gone {
        state.outlive(zone.interface, now);
    }
    let parts = there.arn.split_once(":loadbalancer/");
    let place = parts.map_or("", |it| it.1).to_owned();
    for it in &new {
        let zone = state.stand(it, &place, &there.security_groups, wanted);
        there.zones.push(zone);
    }
    state.set_dualstack(&mut there);
    let answer = json!({
        "AvailabilityZones": shown_zones(state, &there), "IpAddressType": there.ip_address_type,
        switch: there.source_nat,
    });
    state.elb.load_balancers.insert(there.arn.clone(), there);
    Ok(answer)
}

fn check_asked(state: &State, there: &LoadBalancer, asked: &[Mapping]) -> Result<(), Refusal> {
    if state.vpc_of(asked)? != there.vpc {
        let text = format!("All subnets must belong to the VPC {}", there.vpc);
        return Err(Refusal::new("InvalidSubnet", text));
    }
    let zones: BTreeSet<_> = asked
        .iter()
        .map(|it| &state.ec2.subnets[&it.subnet].zone)
        .collect();
    if zones.len() < asked.len() {
        return Err(Refusal::configuration(TWICE));
    }
    asked
        .iter()
        .try_for_each(|it| check_staying(state, there, it))
}

fn check_staying(state: &State, there: &LoadBalancer, asked: &Mapping) -> Result<(), Refusal> {
    let zone = &state.subnet(&asked.subnet)?.zone;
    let Some(has) = there.zones.iter().find(|it| it.name == *zone) else {
        return Ok(());
    };
    let changes = asked.allocation.is_some() && asked.allocation != has.allocation
        || asked.private_ipv4.is_some() && asked.private_ipv4 != has.private_ipv4;
    if has.subnet == asked.subnet && !changes {
        return Ok(());
    }
    let text =
        format!("The subnet and address of the enabled Availability Zone {zone} cannot be changed");
    Err(Refusal::configuration(text))
}
