//! Where in a network a load balancer stands: subnets, security groups, families of addresses.

use aws_sdk_elasticloadbalancingv2::types::{
    self as sdk, EnablePrefixForIpv6SourceNatEnum as SourceNat,
    EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum as PrivateLink,
};
use futures::TryFutureExt;

use super::load_balancers::AddressType;
use super::sdk::failure;
use crate::calls::actions::{SET_IP_ADDRESS_TYPE, SET_SECURITY_GROUPS, SET_SUBNETS};
use crate::calls::{Arn, Calls, Priority, Result};

/// A subnet of a load balancer, and the addresses that it is to have there (`SubnetMapping`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SubnetMapping {
    /// `SubnetId`
    pub(crate) subnet: String,
    /// `AllocationId` of an Elastic IP address, for an internet-facing one.
    pub(crate) allocation: Option<String>,
    /// `PrivateIPv4Address`, for an internal one.
    pub(crate) private_ipv4: Option<String>,
    /// `IPv6Address`
    pub(crate) ipv6: Option<String>,
    /// `SourceNatIpv6Prefix`: a /80 of the subnet, or `auto_assigned`.
    pub(crate) source_nat_ipv6_prefix: Option<String>,
}

impl Calls {
    /// Makes these the subnets of a load balancer.
    pub(crate) async fn set_subnets(
        &self,
        priority: Priority,
        arn: &Arn,
        subnets: &[SubnetMapping],
        address_type: Option<&AddressType>,
        prefix_for_ipv6_source_nat: Option<bool>,
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .set_subnets()
            .load_balancer_arn(arn.as_str())
            .set_subnet_mappings(Some(subnets.iter().map(mapping).collect()))
            .set_ip_address_type(address_type.map(AddressType::sdk))
            .set_enable_prefix_for_ipv6_source_nat(prefix_for_ipv6_source_nat.map(source_nat));
        self.call(&SET_SUBNETS, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Makes these the security groups of a load balancer that has had some from its making.
    pub(crate) async fn set_security_groups(
        &self,
        priority: Priority,
        arn: &Arn,
        groups: &[String],
        enforce_private_link: Option<bool>,
    ) -> Result<()> {
        let enforce = enforce_private_link.map(|on| {
            if on {
                PrivateLink::On
            } else {
                PrivateLink::Off
            }
        });
        let request = self
            .0
            .elb
            .set_security_groups()
            .load_balancer_arn(arn.as_str())
            .set_security_groups(Some(groups.to_vec()))
            .set_enforce_security_group_inbound_rules_on_private_link_traffic(enforce);
        self.call(&SET_SECURITY_GROUPS, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Changes the families of a load balancer's addresses.
    pub(crate) async fn set_address_type(
        &self,
        priority: Priority,
        arn: &Arn,
        address_type: &AddressType,
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .set_ip_address_type()
            .load_balancer_arn(arn.as_str())
            .ip_address_type(address_type.sdk());
        self.call(&SET_IP_ADDRESS_TYPE, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }
}

pub(super) fn source_nat(on: bool) -> SourceNat {
    if on { SourceNat::On } else { SourceNat::Off }
}

pub(super) fn mapping(subnet: &SubnetMapping) -> sdk::SubnetMapping {
    sdk::SubnetMapping::builder()
        .subnet_id(&subnet.subnet)
        .set_allocation_id(subnet.allocation.clone())
        .set_private_ipv4_address(subnet.private_ipv4.clone())
        .set_ipv6_address(subnet.ipv6.clone())
        .set_source_nat_ipv6_prefix(subnet.source_nat_ipv6_prefix.clone())
        .build()
}
