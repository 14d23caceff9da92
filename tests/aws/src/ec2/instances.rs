//! Instances: the nodes of a cluster.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::Ec2;
use super::filters::Filters;
use super::interfaces::shown_groups;
use super::listing::{Listing, chosen, of_family, shown_tags, texts};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// An instance.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// Its type, as `m6i.large`.
    pub kind: String,
    /// `running`, `stopped`, `terminated`, …
    pub state: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// The name of its Availability Zone.
    pub zone: String,
    /// Its network interfaces; the first is its primary one.
    pub interfaces: Vec<String>,
    /// Its tags.
    pub tags: Map,
}

const FILTERS: &[&str] = &[
    "instance-id",
    "vpc-id",
    "subnet-id",
    "availability-zone",
    "instance-state-name",
    "instance-type",
    "private-ip-address",
    "private-dns-name",
    "instance.group-id",
    "network-interface.addresses.private-ip-address",
];

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, FILTERS)?;
    let ids = parameters.list("InstanceId");
    if !ids.is_empty() && parameters.get("MaxResults").is_some() {
        let text = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Refusal::new("InvalidParameterCombination", text));
    }
    for id in &ids {
        let digits = id
            .strip_prefix("i-")
            .filter(|it| [8, 17].contains(&it.len()));
        if !digits.is_some_and(|it| it.bytes().all(|it| it.is_ascii_hexdigit())) {
            let text = format!("Invalid id: \"{id}\"");
            return Err(Refusal::new("InvalidInstanceID.Malformed", text));
        }
    }
    let code = "InvalidInstanceID.NotFound";
    let ec2 = &state.ec2;
    let found = chosen(&ec2.instances, &ids, code, "instance ID")?.into_iter();
    let found = found.filter(|(_, it)| filters.pass(&it.tags, |name| ec2.values(it, name)));
    let found = found.map(|(id, it)| (id.clone(), it)).collect();
    let account = &state.options.account;
    Listing::of("reservationSet").answer(parameters, found, |it: &Instance| {
        json!({
            "reservationId": it.id.replacen("i-", "r-", 1),
            "ownerId": account,
            "instancesSet": [ec2.shown(it)],
        })
    })
}

impl Ec2 {
    fn addresses_of(&self, instance: &Instance) -> Vec<IpAddr> {
        let interfaces = instance.interfaces.iter();
        let interfaces = interfaces.filter_map(|it| self.interfaces.get(it));
        interfaces.flat_map(|it| it.addresses.clone()).collect()
    }

    fn values(&self, it: &Instance, filter: &str) -> Vec<String> {
        let primary = it.interfaces.first().and_then(|it| self.interfaces.get(it));
        match filter {
            "instance-id" => vec![it.id.clone()],
            "vpc-id" => vec![it.vpc.clone()],
            "subnet-id" => vec![it.subnet.clone()],
            "availability-zone" => vec![it.zone.clone()],
            "instance-state-name" => vec![it.state.clone()],
            "instance-type" => vec![it.kind.clone()],
            "private-ip-address" => texts(primary.and_then(|it| it.addresses.first())),
            "private-dns-name" => vec![private_name(primary.and_then(|it| it.addresses.first()))],
            "instance.group-id" => primary.map(|it| it.groups.clone()).unwrap_or_default(),
            _ => of_family(&self.addresses_of(it), false),
        }
    }

    fn shown(&self, it: &Instance) -> Value {
        let interfaces = it.interfaces.iter();
        let interfaces: Vec<_> = interfaces
            .filter_map(|it| self.interfaces.get(it))
            .enumerate()
            .map(|(index, interface)| {
                json!({
                    "networkInterfaceId": interface.id,
                    "subnetId": interface.subnet, "vpcId": interface.vpc, "status": "in-use",
                    "privateIpAddress": interface.addresses.iter().find(|it| it.is_ipv4()),
                    "privateIpAddressesSet": interface.shown_ipv4(),
                    "ipv6AddressesSet": interface.shown_ipv6(),
                    "groupSet": shown_groups(&interface.groups, &self.security_groups),
                    "attachment": {"deviceIndex": index, "status": "attached"},
                })
            })
            .collect();
        let primary = it.interfaces.first().and_then(|it| self.interfaces.get(it));
        let address = primary.and_then(|it| it.addresses.first());
        let groups = primary.map(|it| shown_groups(&it.groups, &self.security_groups));
        json!({
            "instanceId": it.id, "instanceType": it.kind,
            "instanceState": {"code": state_code(&it.state), "name": it.state},
            "privateIpAddress": address, "privateDnsName": private_name(address),
            "vpcId": it.vpc, "subnetId": it.subnet,
            "placement": {"availabilityZone": it.zone, "tenancy": "default"},
            "groupSet": groups, "networkInterfaceSet": interfaces, "tagSet": shown_tags(&it.tags),
        })
    }
}

fn private_name(address: Option<&IpAddr>) -> String {
    let dashed = address.map(|it| it.to_string().replace('.', "-"));
    format!("ip-{}.ec2.internal", dashed.unwrap_or_default())
}

fn state_code(state: &str) -> u8 {
    match state {
        "pending" => 0,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        "stopped" => 80,
        _ => 16,
    }
}
