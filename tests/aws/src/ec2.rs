//! EC2: networks, instances, security groups and addresses, as far as a provider of load
//! balancers asks for them. It knows nothing of load balancers but the interfaces they hold.

mod addresses;
mod filters;
mod instances;
mod interfaces;
mod listing;
mod networks;
mod permissions;
mod prefix_lists;
mod rules;
mod security_groups;
mod subnets;
mod tags;

use std::collections::BTreeMap;
use std::time::Duration;

pub use addresses::Address;
pub use instances::Instance;
pub use interfaces::Interface;
pub use networks::{RouteTable, Vpc};
pub use prefix_lists::PrefixList;
pub use rules::{Rule, Source};
pub use security_groups::SecurityGroup;
pub use subnets::Subnet;

pub(crate) use interfaces::NewInterface;

use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::request::Request;
use crate::state::State;

/// What EC2 holds, by identifier.
#[derive(Debug, Default)]
pub(crate) struct Ec2 {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) interfaces: BTreeMap<String, Interface>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) prefix_lists: BTreeMap<String, PrefixList>,
    pub(crate) addresses: BTreeMap<String, Address>,
    /// Interfaces that go at a time, with it.
    pub(crate) outlived: Vec<(Duration, String)>,
}

type Do = fn(&mut State, &Parameters, Duration) -> Answer;

/// Actions, each with the parameters that it knows, at the top.
const ACTIONS: &[(&str, Do, &str)] = &[
    (
        "DescribeVpcs",
        networks::vpcs,
        "Filter VpcId MaxResults NextToken",
    ),
    (
        "DescribeRouteTables",
        networks::route_tables,
        "Filter RouteTableId MaxResults NextToken",
    ),
    (
        "DescribeAvailabilityZones",
        networks::zones,
        "Filter ZoneName ZoneId AllAvailabilityZones",
    ),
    (
        "DescribeSubnets",
        subnets::describe,
        "Filter SubnetId MaxResults NextToken",
    ),
    (
        "DescribeInstances",
        instances::describe,
        "Filter InstanceId MaxResults NextToken",
    ),
    (
        "DescribeNetworkInterfaces",
        interfaces::describe,
        "Filter NetworkInterfaceId MaxResults NextToken",
    ),
    (
        "DescribeSecurityGroups",
        security_groups::describe,
        "Filter GroupId GroupName MaxResults NextToken",
    ),
    (
        "CreateSecurityGroup",
        security_groups::create,
        "GroupName GroupDescription VpcId TagSpecification",
    ),
    (
        "DeleteSecurityGroup",
        security_groups::delete,
        "GroupId GroupName",
    ),
    (
        "AuthorizeSecurityGroupIngress",
        permissions::authorize,
        "GroupId IpPermissions TagSpecification",
    ),
    (
        "RevokeSecurityGroupIngress",
        permissions::revoke,
        "GroupId IpPermissions SecurityGroupRuleId",
    ),
    (
        "DescribeSecurityGroupRules",
        rules::describe,
        "Filter SecurityGroupRuleId MaxResults NextToken",
    ),
    (
        "DescribeManagedPrefixLists",
        prefix_lists::describe,
        "Filter PrefixListId MaxResults NextToken",
    ),
    ("CreateTags", tags::create, "ResourceId Tag"),
    ("DeleteTags", tags::delete, "ResourceId Tag"),
    (
        "DescribeAddresses",
        addresses::describe,
        "Filter AllocationId PublicIp",
    ),
    (
        "AllocateAddress",
        addresses::allocate,
        "Domain TagSpecification",
    ),
    ("ReleaseAddress", addresses::release, "AllocationId"),
];

pub(crate) fn handle(state: &mut State, request: &Request, now: Duration) -> Answer {
    let action = ACTIONS.iter().find(|(name, ..)| *name == request.action);
    let Some((_, act, known)) = action else {
        let text = format!(
            "The action {} is not valid for this web service.",
            request.action
        );
        return Err(Refusal::new("InvalidAction", text));
    };
    for name in request.parameters.names() {
        let common = ["Action", "Version", "DryRun"].contains(&name);
        if !common && !known.split(' ').any(|it| it == name) {
            let text = format!("The parameter {name} is not recognized");
            return Err(Refusal::new("UnknownParameter", text));
        }
    }
    if request.parameters.get("DryRun") == Some("true") {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with(412, "DryRunOperation", text));
    }
    act(state, &request.parameters, now)
}
