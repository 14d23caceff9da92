//! Subnets, and which of their addresses are taken.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::json;

use super::Ec2;
use super::filters::Filters;
use super::listing::{Listing, chosen, shown_tags};
use crate::Map;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

/// A subnet.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// The name of its Availability Zone, as `eu-central-1a`.
    pub zone: String,
    /// The identifier of its Availability Zone, as `euc1-az1`.
    pub zone_id: String,
    /// Its block of IPv4.
    pub block: Ipv4Net,
    /// Its block of IPv6.
    pub ipv6_block: Option<Ipv6Net>,
    /// Its tags.
    pub tags: Map,
    /// Addresses that interfaces hold.
    pub taken: BTreeSet<Ipv4Addr>,
    /// Addresses that something else holds, as many.
    pub reserved: u32,
}

impl Subnet {
    /// How many addresses are free: five of each block are AWS's own.
    pub fn free(&self) -> u32 {
        let size = 1_u32 << (32 - u32::from(self.block.prefix_len())).min(31);
        let taken = u32::try_from(self.taken.len()).unwrap_or(u32::MAX);
        size.saturating_sub(5)
            .saturating_sub(taken)
            .saturating_sub(self.reserved)
    }

    /// Whether an address of its block can be taken.
    pub(crate) fn can_take(&self, address: Ipv4Addr) -> bool {
        let place = address
            .to_bits()
            .wrapping_sub(self.block.network().to_bits());
        self.block.contains(&address)
            && place >= 4
            && address != self.block.broadcast()
            && !self.taken.contains(&address)
    }

    /// Takes the first free address.
    pub(crate) fn take(&mut self) -> Option<Ipv4Addr> {
        let first = self.block.network().to_bits() + 4;
        let last = self
            .taken
            .last()
            .map_or(first, |it| (it.to_bits() + 1).max(first));
        let all = (last..self.block.broadcast().to_bits()).chain(first..last);
        let free = all.map(Ipv4Addr::from_bits).find(|it| self.can_take(*it))?;
        self.taken.insert(free);
        Some(free)
    }
}

impl Ec2 {
    /// Whether the routes of a subnet lead to an internet gateway.
    pub(crate) fn is_public(&self, subnet: &Subnet) -> bool {
        let mut all = self.route_tables.values();
        let own = all.find(|it| it.subnets.contains(&subnet.id));
        let mut all = self.route_tables.values();
        let main = || all.find(|it| it.main && it.vpc == subnet.vpc);
        own.or_else(main)
            .and_then(|it| it.gateway.as_ref())
            .is_some_and(|it| it.starts_with("igw-"))
    }
}

const FILTERS: &[&str] = &[
    "subnet-id",
    "vpc-id",
    "availability-zone",
    "availability-zone-id",
    "cidr-block",
    "state",
];

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, FILTERS)?;
    let ids = parameters.list("SubnetId");
    let code = "InvalidSubnetID.NotFound";
    let found = chosen(&state.ec2.subnets, &ids, code, "subnet ID")?;
    let found = found.into_iter().filter(|(id, subnet)| {
        filters.pass(&subnet.tags, |name| {
            vec![match name {
                "subnet-id" => (*id).clone(),
                "vpc-id" => subnet.vpc.clone(),
                "availability-zone" => subnet.zone.clone(),
                "availability-zone-id" => subnet.zone_id.clone(),
                "cidr-block" => subnet.block.to_string(),
                _ => "available".to_owned(),
            }]
        })
    });
    let found = found.map(|(id, subnet)| (id.clone(), subnet)).collect();
    let account = &state.options.account;
    let region = &state.options.region;
    Listing::of("subnetSet").answer(parameters, found, |subnet: &Subnet| {
        let ipv6 = subnet.ipv6_block.iter();
        let ipv6: Vec<_> = ipv6
            .map(|it| json!({"ipv6CidrBlock": it, "ipv6CidrBlockState": {"state": "associated"}}))
            .collect();
        json!({
            "subnetId": subnet.id, "vpcId": subnet.vpc, "state": "available", "ownerId": account,
            "availabilityZone": subnet.zone, "availabilityZoneId": subnet.zone_id,
            "cidrBlock": subnet.block, "ipv6CidrBlockAssociationSet": ipv6,
            "availableIpAddressCount": subnet.free(),
            "subnetArn": format!("arn:aws:ec2:{region}:{account}:subnet/{}", subnet.id),
            "mapPublicIpOnLaunch": false, "defaultForAz": false,
            "tagSet": shown_tags(&subnet.tags),
        })
    })
}
