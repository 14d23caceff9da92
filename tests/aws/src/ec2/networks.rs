//! VPCs, route tables and Availability Zones. They are built by the test, and only read here.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::{Value, json};

use super::filters::Filters;
use super::listing::{Listing, chosen, shown_tags};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// A VPC.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// Its first block of IPv4, and any others.
    pub blocks: Vec<Ipv4Net>,
    /// Its blocks of IPv6.
    pub ipv6_blocks: Vec<Ipv6Net>,
    /// Its tags.
    pub tags: Map,
}

/// A route table.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Whether it holds for subnets without a table of their own.
    pub main: bool,
    /// The subnets that it holds for.
    pub subnets: BTreeSet<String>,
    /// Where `0.0.0.0/0` and `::/0` go: `igw-…` or `nat-…`; nowhere if absent.
    pub gateway: Option<String>,
    /// Its tags.
    pub tags: Map,
}

pub(super) fn vpcs(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, &["vpc-id", "state", "cidr"])?;
    let ids = parameters.list("VpcId");
    let found = chosen(&state.ec2.vpcs, &ids, "InvalidVpcID.NotFound", "vpc ID")?;
    let found = found.into_iter().filter(|(id, vpc)| {
        filters.pass(&vpc.tags, |name| match name {
            "vpc-id" => vec![(*id).clone()],
            "state" => vec!["available".to_owned()],
            _ => vpc.blocks.iter().take(1).map(ToString::to_string).collect(),
        })
    });
    let found = found.map(|(id, vpc)| (id.clone(), vpc)).collect();
    Listing::of("vpcSet").answer(parameters, found, |vpc: &Vpc| {
        let blocks = vpc.blocks.iter();
        let blocks: Vec<_> = blocks
            .map(|it| json!({"cidrBlock": it, "cidrBlockState": {"state": "associated"}}))
            .collect();
        let ipv6 = vpc.ipv6_blocks.iter();
        let ipv6: Vec<_> = ipv6
            .map(|it| json!({"ipv6CidrBlock": it, "ipv6CidrBlockState": {"state": "associated"}}))
            .collect();
        json!({
            "vpcId": vpc.id,
            "state": "available",
            "cidrBlock": vpc.blocks.first(),
            "cidrBlockAssociationSet": blocks,
            "ipv6CidrBlockAssociationSet": ipv6,
            "isDefault": false,
            "tagSet": shown_tags(&vpc.tags),
        })
    })
}

pub(super) fn route_tables(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let known = [
        "route-table-id",
        "vpc-id",
        "association.subnet-id",
        "association.main",
        "route.gateway-id",
        "route.destination-cidr-block",
    ];
    let filters = Filters::of(parameters, &known)?;
    let ids = parameters.list("RouteTableId");
    let code = "InvalidRouteTableID.NotFound";
    let found = chosen(&state.ec2.route_tables, &ids, code, "routeTable ID")?;
    let found = found.into_iter().filter(|(id, table)| {
        filters.pass(&table.tags, |name| match name {
            "route-table-id" => vec![(*id).clone()],
            "vpc-id" => vec![table.vpc.clone()],
            "association.subnet-id" => table.subnets.iter().cloned().collect(),
            "association.main" => vec![table.main.to_string()],
            "route.gateway-id" => table.gateway.iter().cloned().collect(),
            _ => vec!["0.0.0.0/0".to_owned()],
        })
    });
    let found = found.map(|(id, table)| (id.clone(), table)).collect();
    let ec2 = &state.ec2;
    Listing::of("routeTableSet").answer(parameters, found, |table: &RouteTable| {
        let local = ec2.vpcs.get(&table.vpc).and_then(|it| it.blocks.first());
        shown_table(table, local)
    })
}

fn shown_table(table: &RouteTable, local: Option<&Ipv4Net>) -> Value {
    let mut routes = vec![json!({
        "destinationCidrBlock": local, "gatewayId": "local", "state": "active",
        "origin": "CreateRouteTable",
    })];
    if let Some(gateway) = &table.gateway {
        let kind = if gateway.starts_with("nat-") {
            "natGatewayId"
        } else {
            "gatewayId"
        };
        for (key, all) in [
            ("destinationCidrBlock", "0.0.0.0/0"),
            ("destinationIpv6CidrBlock", "::/0"),
        ] {
            routes
                .push(json!({key: all, kind: gateway, "state": "active", "origin": "CreateRoute"}));
        }
    }
    let bond = |subnet: Option<&String>| {
        json!({
            "routeTableAssociationId": format!("rtbassoc-{}", subnet.unwrap_or(&table.id)),
            "routeTableId": table.id,
            "subnetId": subnet,
            "main": subnet.is_none(),
            "associationState": {"state": "associated"},
        })
    };
    let mut bonds: Vec<_> = table.subnets.iter().map(|it| bond(Some(it))).collect();
    if table.main {
        bonds.push(bond(None));
    }
    json!({
        "routeTableId": table.id, "vpcId": table.vpc, "routeSet": routes,
        "associationSet": bonds, "tagSet": shown_tags(&table.tags),
    })
}

pub(super) fn zones(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let known = [
        "zone-name",
        "zone-id",
        "zone-type",
        "state",
        "region-name",
        "opt-in-status",
    ];
    let filters = Filters::of(parameters, &known)?;
    let zones = state.ec2.subnets.values();
    let zones: BTreeSet<_> = zones
        .map(|it| (it.zone.clone(), it.zone_id.clone()))
        .collect();
    let (names, ids) = (parameters.list("ZoneName"), parameters.list("ZoneId"));
    for (asked, known) in [
        (
            &names,
            zones.iter().map(|it| &it.0).collect::<BTreeSet<_>>(),
        ),
        (&ids, zones.iter().map(|it| &it.1).collect()),
    ] {
        if let Some(unknown) = asked.iter().find(|it| !known.contains(it)) {
            return Err(Refusal::value(format!(
                "Invalid availability zone: [{unknown}]"
            )));
        }
    }
    let region = &state.options.region;
    let found = zones.iter().filter(|(name, id)| {
        (names.is_empty() || names.contains(name))
            && (ids.is_empty() || ids.contains(id))
            && filters.pass(&Map::new(), |filter| {
                let value = match filter {
                    "zone-name" => name,
                    "zone-id" => id,
                    "zone-type" => "availability-zone",
                    "state" => "available",
                    "region-name" => region,
                    _ => "opt-in-not-required",
                };
                vec![value.to_owned()]
            })
    });
    let found: Vec<_> = found
        .map(|(name, id)| {
            json!({
                "zoneName": name, "zoneId": id, "zoneState": "available", "regionName": region,
                "zoneType": "availability-zone", "optInStatus": "opt-in-not-required",
                "groupName": region, "networkBorderGroup": region,
            })
        })
        .collect();
    Ok(json!({"availabilityZoneInfo": found}))
}
