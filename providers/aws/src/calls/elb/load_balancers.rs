//! Load balancers: found, made and removed.

use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::builders::DescribeLoadBalancersFluentBuilder;
use aws_sdk_elasticloadbalancingv2::types::{
    self as sdk, EnablePrefixForIpv6SourceNatEnum as SourceNat,
    EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum as PrivateLink, IpAddressType,
    LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
};
use futures::TryFutureExt;

use super::existing::Existing;
use super::network::{SubnetMapping, mapping, source_nat};
use super::sdk::{Lacking, arn, failure, present, strings, tags};
use crate::calls::actions::{CREATE_LOAD_BALANCER, DELETE_LOAD_BALANCER, DESCRIBE_LOAD_BALANCERS};
use crate::calls::or_gone;
use crate::calls::{Arn, Calls, Priority, Result, Tags};

/// Which load balancers are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    /// All of the account in the region, of every type.
    All,
    /// These. One that does not exist is left out of the answer.
    Arns(&'a [Arn]),
    /// Those with these names. A name that nobody has is left out of the answer.
    Names(&'a [String]),
}

/// From where a load balancer is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// `internal`: from the VPC and what is connected with it.
    Internal,
    /// `internet-facing`: from everywhere.
    InternetFacing,
}

/// Families of a load balancer's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum AddressType {
    /// `ipv4`
    Ipv4,
    /// `dualstack`
    DualStack,
    /// Another, that only Application Load Balancers have, as AWS writes it.
    Other(String),
}

/// What becomes of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum LoadBalancerState {
    /// It is being made.
    Provisioning,
    /// It works.
    Active,
    /// `active_impaired`: it works, but has not the resources to grow.
    Impaired,
    /// It could not be made.
    Failed,
    /// Another, as AWS writes it.
    Other(String),
}

/// A load balancer (`LoadBalancer`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadBalancer {
    /// `LoadBalancerArn`
    pub(crate) arn: Arn,
    /// `LoadBalancerName`
    pub(crate) name: String,
    /// `DNSName`; empty while AWS has not given one.
    pub(crate) dns_name: String,
    /// `CanonicalHostedZoneId`, for alias records.
    pub(crate) hosted_zone: Option<String>,
    /// Whether it is a Network Load Balancer (`Type` is `network`).
    pub(crate) network: bool,
    /// `Scheme`; `None` for a Gateway Load Balancer, which has none.
    pub(crate) scheme: Option<Scheme>,
    /// `VpcId`
    pub(crate) vpc: String,
    /// `State.Code`
    pub(crate) state: LoadBalancerState,
    /// `State.Reason`
    pub(crate) reason: Option<String>,
    /// `IpAddressType`
    pub(crate) address_type: AddressType,
    /// `AvailabilityZones`: one for each subnet.
    pub(crate) zones: Vec<Zone>,
    /// `SecurityGroups`
    pub(crate) security_groups: Vec<String>,
    /// `EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic` is `on`; `None` without security
    /// groups.
    pub(crate) enforce_private_link: Option<bool>,
    /// `EnablePrefixForIpv6SourceNat` is `on`.
    pub(crate) prefix_for_ipv6_source_nat: Option<bool>,
}

/// Where a load balancer stands in a zone (`AvailabilityZone`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    /// `ZoneName`
    pub(crate) name: String,
    /// `SubnetId`
    pub(crate) subnet: String,
    /// `LoadBalancerAddresses`: those that were chosen, not those that AWS chose.
    pub(crate) addresses: Vec<ZoneAddress>,
    /// `SourceNatIpv6Prefixes`
    pub(crate) source_nat_ipv6_prefixes: Vec<String>,
}

/// Addresses of a load balancer in a zone (`LoadBalancerAddress`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ZoneAddress {
    /// `AllocationId` of an Elastic IP address.
    pub(crate) allocation: Option<String>,
    /// `PrivateIPv4Address`
    pub(crate) private_ipv4: Option<String>,
    /// `IPv6Address`
    pub(crate) ipv6: Option<String>,
}

/// A Network Load Balancer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewLoadBalancer {
    /// At most 32 letters, digits and hyphens.
    pub(crate) name: String,
    pub(crate) scheme: Scheme,
    pub(crate) address_type: AddressType,
    /// One in each zone.
    pub(crate) subnets: Vec<SubnetMapping>,
    /// None at its making means none for ever.
    pub(crate) security_groups: Vec<String>,
    /// `EnablePrefixForIpv6SourceNat`: needed for UDP on `dualstack`.
    pub(crate) prefix_for_ipv6_source_nat: Option<bool>,
    pub(crate) tags: Tags,
}

impl Calls {
    /// Load balancers (`DescribeLoadBalancers`).
    pub(crate) async fn load_balancers(
        &self,
        priority: Priority,
        which: Which<'_>,
    ) -> Result<Vec<LoadBalancer>> {
        let request = self.0.elb.describe_load_balancers();
        let (by_name, mut existing) = match which {
            Which::All => return self.load_balancer_pages(priority, request).await,
            Which::Arns(arns) => (false, Existing::new(&strings(arns))),
            Which::Names(names) => (true, Existing::new(names)),
        };
        let mut all = Vec::new();
        while let Some(asked) = existing.next() {
            let these = Some(asked.clone());
            let request = if by_name {
                request.clone().set_names(these)
            } else {
                request.clone().set_load_balancer_arns(these)
            };
            match self.load_balancer_pages(priority, request).await {
                Ok(found) => all.extend(found),
                Err(refusal) if refusal.is_not_found() => {
                    existing.refused(asked, &refusal.message);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(all)
    }

    /// Makes a load balancer. One of the same name and settings that is there already is the
    /// answer too; one of other settings is `Exists`.
    pub(crate) async fn create_load_balancer(
        &self,
        priority: Priority,
        new: &NewLoadBalancer,
    ) -> Result<LoadBalancer> {
        let mappings = new.subnets.iter().map(mapping).collect();
        let groups = (!new.security_groups.is_empty()).then(|| new.security_groups.clone());
        let request = self
            .0
            .elb
            .create_load_balancer()
            .name(&new.name)
            .r#type(LoadBalancerTypeEnum::Network)
            .scheme(match new.scheme {
                Scheme::Internal => LoadBalancerSchemeEnum::Internal,
                Scheme::InternetFacing => LoadBalancerSchemeEnum::InternetFacing,
            })
            .ip_address_type(new.address_type.sdk())
            .set_subnet_mappings(Some(mappings))
            .set_security_groups(groups)
            .set_enable_prefix_for_ipv6_source_nat(new.prefix_for_ipv6_source_nat.map(source_nat))
            .set_tags(tags(&new.tags));
        let (action, on) = (&CREATE_LOAD_BALANCER, &*new.name);
        let answer = self
            .call(action, priority, on, || {
                request.clone().send().map_err(failure)
            })
            .await?;
        let made = answer.load_balancers().first();
        let made = present(made, "load balancer").and_then(load_balancer);
        made.map_err(|lacking| lacking.refusal(action, on))
    }

    /// Removes a load balancer and its listeners. Gone already is success.
    pub(crate) async fn delete_load_balancer(&self, priority: Priority, arn: &Arn) -> Result<()> {
        let request = self
            .0
            .elb
            .delete_load_balancer()
            .load_balancer_arn(arn.as_str());
        let deleted = self.call(&DELETE_LOAD_BALANCER, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        });
        or_gone(deleted.await)
    }
}

impl Calls {
    async fn load_balancer_pages(
        &self,
        priority: Priority,
        request: DescribeLoadBalancersFluentBuilder,
    ) -> Result<Vec<LoadBalancer>> {
        let (action, mut all, mut marker) = (&DESCRIBE_LOAD_BALANCERS, Vec::new(), None);
        loop {
            let page = request.clone().set_marker(marker.clone());
            let answer = self
                .call(action, priority, "", || {
                    page.clone().send().map_err(failure)
                })
                .await?;
            for it in answer.load_balancers() {
                all.push(load_balancer(it).map_err(|lacking| lacking.refusal(action, ""))?);
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

impl AddressType {
    pub(super) fn sdk(&self) -> IpAddressType {
        match self {
            Self::Ipv4 => IpAddressType::Ipv4,
            Self::DualStack => IpAddressType::Dualstack,
            Self::Other(name) => name.as_str().into(),
        }
    }
}

fn load_balancer(it: &sdk::LoadBalancer) -> std::result::Result<LoadBalancer, Lacking> {
    let state = it.state();
    Ok(LoadBalancer {
        arn: arn(it.load_balancer_arn(), "LoadBalancerArn")?,
        name: it.load_balancer_name().unwrap_or_default().to_owned(),
        dns_name: it.dns_name().unwrap_or_default().to_owned(),
        hosted_zone: it.canonical_hosted_zone_id().map(str::to_owned),
        network: it.r#type() == Some(&LoadBalancerTypeEnum::Network),
        scheme: match it.scheme() {
            Some(LoadBalancerSchemeEnum::Internal) => Some(Scheme::Internal),
            Some(LoadBalancerSchemeEnum::InternetFacing) => Some(Scheme::InternetFacing),
            _ => None,
        },
        vpc: it.vpc_id().unwrap_or_default().to_owned(),
        state: match present(state.and_then(|it| it.code()), "State")? {
            LoadBalancerStateEnum::Provisioning => LoadBalancerState::Provisioning,
            LoadBalancerStateEnum::Active => LoadBalancerState::Active,
            LoadBalancerStateEnum::ActiveImpaired => LoadBalancerState::Impaired,
            LoadBalancerStateEnum::Failed => LoadBalancerState::Failed,
            other => LoadBalancerState::Other(other.as_str().to_owned()),
        },
        reason: state.and_then(|it| it.reason()).map(str::to_owned),
        address_type: match it.ip_address_type() {
            Some(IpAddressType::Ipv4) | None => AddressType::Ipv4,
            Some(IpAddressType::Dualstack) => AddressType::DualStack,
            Some(other) => AddressType::Other(other.as_str().to_owned()),
        },
        zones: it.availability_zones().iter().map(zone).collect(),
        security_groups: it.security_groups().to_vec(),
        enforce_private_link: it
            .enforce_security_group_inbound_rules_on_private_link_traffic()
            .map(|it| it == PrivateLink::On.as_str()),
        prefix_for_ipv6_source_nat: it
            .enable_prefix_for_ipv6_source_nat()
            .map(|it| *it == SourceNat::On),
    })
}

fn zone(it: &sdk::AvailabilityZone) -> Zone {
    let addresses = it.load_balancer_addresses().iter().map(|it| ZoneAddress {
        allocation: it.allocation_id().map(str::to_owned),
        private_ipv4: it.private_ipv4_address().map(str::to_owned),
        ipv6: it.ipv6_address().map(str::to_owned),
    });
    Zone {
        name: it.zone_name().unwrap_or_default().to_owned(),
        subnet: it.subnet_id().unwrap_or_default().to_owned(),
        addresses: addresses.collect(),
        source_nat_ipv6_prefixes: it.source_nat_ipv6_prefixes().to_vec(),
    }
}
