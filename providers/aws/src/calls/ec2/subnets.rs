//! Subnets and the routes out of them.

use ipnet::IpNet;
use roxmltree::Node;

use super::query::Params;
use super::xml::{Element, Unreadable};
use crate::calls::actions::{DESCRIBE_ROUTE_TABLES, DESCRIBE_SUBNETS};
use crate::calls::{Calls, Priority, Result, Tags};

/// Which subnets are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subnets<'a> {
    /// All of a VPC.
    InVpc(&'a str),
}

/// A subnet (`Subnet`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnet {
    /// `subnetId`
    pub(crate) id: String,
    /// `vpcId`
    pub(crate) vpc: String,
    /// `availabilityZone`: the name, `eu-west-1a`.
    pub(crate) zone: String,
    /// `availabilityZoneId`: `euw1-az1`.
    pub(crate) zone_id: String,
    /// `cidrBlock`; `None` for a subnet of IPv6 only.
    pub(crate) ipv4: Option<IpNet>,
    /// `ipv6CidrBlockAssociationSet`, those that are `associated`.
    pub(crate) ipv6: Vec<IpNet>,
    /// `availableIpAddressCount`: free IPv4 addresses.
    pub(crate) free_addresses: u32,
    /// `tagSet`
    pub(crate) tags: Tags,
}

/// A route table (`RouteTable`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteTable {
    /// `routeTableId`
    pub(crate) id: String,
    /// Whether it is for the subnets of the VPC that have none of their own
    /// (`associationSet.item.main`).
    pub(crate) main: bool,
    /// Subnets that it is for (`associationSet.item.subnetId`).
    pub(crate) subnets: Vec<String>,
    /// `routeSet`
    pub(crate) routes: Vec<Route>,
}

/// A route (`Route`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// `destinationCidrBlock`, `destinationIpv6CidrBlock` or `destinationPrefixListId`.
    pub(crate) destination: String,
    /// Where it leads: `gatewayId` (`igw-…`, `local`), or another kind's id.
    pub(crate) through: String,
    /// `state` is `active`, not `blackhole`.
    pub(crate) active: bool,
}

impl Calls {
    /// Subnets (`DescribeSubnets`).
    pub(crate) async fn subnets(
        &self,
        priority: Priority,
        which: Subnets<'_>,
    ) -> Result<Vec<Subnet>> {
        let Subnets::InVpc(vpc) = which;
        let params = Params::new()
            .with("MaxResults", 1000)
            .filter("vpc-id", &[vpc]);
        let (action, set) = (&DESCRIBE_SUBNETS, "subnetSet");
        self.ec2_pages(action, priority, params, set, subnet).await
    }

    /// Route tables of a VPC.
    pub(crate) async fn route_tables(
        &self,
        priority: Priority,
        vpc: &str,
    ) -> Result<Vec<RouteTable>> {
        let params = Params::new()
            .with("MaxResults", 100)
            .filter("vpc-id", &[vpc]);
        self.ec2_pages(
            &DESCRIBE_ROUTE_TABLES,
            priority,
            params,
            "routeTableSet",
            route_table,
        )
        .await
    }
}

fn subnet(item: Node<'_, '_>) -> std::result::Result<Subnet, Unreadable> {
    Ok(Subnet {
        id: item.required("subnetId")?,
        vpc: item.required("vpcId")?,
        zone: item.required("availabilityZone")?,
        zone_id: item.string_of("availabilityZoneId"),
        ipv4: item.parsed("cidrBlock")?,
        ipv6: associated(item, "ipv6CidrBlockAssociationSet", "ipv6CidrBlock")?,
        free_addresses: item.parsed("availableIpAddressCount")?.unwrap_or_default(),
        tags: item.tags(),
    })
}

/// The ranges in a set of associations, those left out that are coming, going or failed.
pub(super) fn associated(
    item: Node<'_, '_>,
    set: &str,
    range: &str,
) -> std::result::Result<Vec<IpNet>, Unreadable> {
    let state = ["ipv6CidrBlockState", "cidrBlockState"];
    let is_there = |it: &Node<'_, '_>| {
        let state = state.iter().find_map(|name| it.inside(name));
        state.is_some_and(|it| it.text_of("state") == Some("associated"))
    };
    let ranges = item.items(set).filter(is_there);
    ranges
        .filter_map(|it| it.parsed(range).transpose())
        .collect()
}

fn route_table(item: Node<'_, '_>) -> std::result::Result<RouteTable, Unreadable> {
    let associations = || item.items("associationSet");
    let subnets = associations().filter_map(|it| it.text_of("subnetId"));
    Ok(RouteTable {
        id: item.required("routeTableId")?,
        main: associations().any(|it| it.text_of("main") == Some("true")),
        subnets: subnets.map(str::to_owned).collect(),
        routes: item.items("routeSet").map(route).collect(),
    })
}

fn route(item: Node<'_, '_>) -> Route {
    let first = |names: &[&str]| {
        let text = names.iter().find_map(|name| item.text_of(name));
        text.unwrap_or_default().to_owned()
    };
    Route {
        destination: first(&[
            "destinationCidrBlock",
            "destinationIpv6CidrBlock",
            "destinationPrefixListId",
        ]),
        through: first(&[
            "gatewayId",
            "natGatewayId",
            "transitGatewayId",
            "egressOnlyInternetGatewayId",
            "vpcPeeringConnectionId",
            "localGatewayId",
            "carrierGatewayId",
            "coreNetworkArn",
            "networkInterfaceId",
            "instanceId",
        ]),
        active: item.text_of("state") == Some("active"),
    }
}
