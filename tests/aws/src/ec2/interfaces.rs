//! Network interfaces: those of instances, and those that load balancers hold in each subnet.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::{Value, json};

use super::filters::Filters;
use super::listing::{Listing, chosen, of_family, shown_tags, texts};
use super::{Ec2, SecurityGroup};
use crate::Map;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

/// A network interface.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Interface {
    /// `eni-…`
    pub id: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// The name of its Availability Zone.
    pub zone: String,
    /// Its addresses; the first is its primary one.
    pub addresses: Vec<IpAddr>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// The instance that it is attached to.
    pub instance: Option<String>,
    /// What it is for: `ELB net/NAME/HEX` for a load balancer.
    pub description: String,
    /// The Elastic IP address on it, as its allocation.
    pub allocation: Option<String>,
    /// Its tags.
    pub tags: Map,
}

impl Interface {
    pub(super) fn shown_ipv4(&self) -> Value {
        let all = self.addresses.iter().filter(|it| it.is_ipv4()).enumerate();
        all.map(|(index, it)| json!({"privateIpAddress": it, "primary": index == 0}))
            .collect()
    }

    pub(super) fn shown_ipv6(&self) -> Value {
        let all = self.addresses.iter().filter(|it| it.is_ipv6());
        all.map(|it| json!({"ipv6Address": it})).collect()
    }
}

/// What an interface of a load balancer is made of. The subnet must be there.
#[derive(Debug)]
pub(crate) struct NewInterface<'a> {
    pub(crate) id: String,
    pub(crate) subnet: &'a str,
    pub(crate) ipv4: Option<Ipv4Addr>,
    pub(crate) ipv6: Option<Ipv6Addr>,
    pub(crate) groups: Vec<String>,
    pub(crate) description: String,
    pub(crate) allocation: Option<String>,
}

impl Ec2 {
    /// Adds an interface, and takes an address for it if none is given. `None`: the subnet is not
    /// there, or full.
    pub(crate) fn add_interface(&mut self, new: NewInterface<'_>) -> Option<&Interface> {
        let subnet = self.subnets.get_mut(new.subnet)?;
        let ipv4 = match new.ipv4 {
            Some(address) => {
                subnet.taken.insert(address);
                address
            }
            None => subnet.take()?,
        };
        let mut addresses = vec![IpAddr::V4(ipv4)];
        addresses.extend(new.ipv6.map(IpAddr::V6));
        let interface = Interface {
            id: new.id.clone(),
            vpc: subnet.vpc.clone(),
            subnet: subnet.id.clone(),
            zone: subnet.zone.clone(),
            addresses,
            groups: new.groups,
            instance: None,
            description: new.description,
            allocation: new.allocation,
            tags: Map::new(),
        };
        if let Some(address) = interface
            .allocation
            .as_ref()
            .and_then(|it| self.addresses.get_mut(it))
        {
            address.interface = Some(new.id.clone());
        }
        Some(self.interfaces.entry(new.id).or_insert(interface))
    }

    /// Removes an interface at once, and frees its addresses.
    pub(crate) fn remove_interface(&mut self, id: &str) {
        let Some(interface) = self.interfaces.remove(id) else {
            return;
        };
        if let Some(subnet) = self.subnets.get_mut(&interface.subnet) {
            for address in &interface.addresses {
                if let IpAddr::V4(address) = address {
                    subnet.taken.remove(address);
                }
            }
        }
        if let Some(address) = interface
            .allocation
            .and_then(|it| self.addresses.get_mut(&it))
        {
            address.interface = None;
        }
    }

    pub(crate) fn remove_outlived_interfaces(&mut self, now: Duration) {
        let (gone, stay) = std::mem::take(&mut self.outlived)
            .into_iter()
            .partition(|(when, _)| *when <= now);
        self.outlived = stay;
        Vec::into_iter(gone).for_each(|(_, id)| self.remove_interface(&id));
    }
}

const FILTERS: &[&str] = &[
    "network-interface-id",
    "vpc-id",
    "subnet-id",
    "availability-zone",
    "group-id",
    "group-name",
    "addresses.private-ip-address",
    "private-ip-address",
    "ipv6-addresses.ipv6-address",
    "attachment.instance-id",
    "description",
    "status",
];

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, FILTERS)?;
    let ids = parameters.list("NetworkInterfaceId");
    let code = "InvalidNetworkInterfaceID.NotFound";
    let ec2 = &state.ec2;
    let found = chosen(&ec2.interfaces, &ids, code, "networkInterface ID")?.into_iter();
    let found = found.filter(|(_, it)| filters.pass(&it.tags, |name| ec2.of_interface(it, name)));
    let found = found.map(|(id, it)| (id.clone(), it)).collect();
    Listing::of("networkInterfaceSet").answer(parameters, found, |it: &Interface| {
        let attachment = it.instance.as_ref().map(|instance| {
            json!({
                "attachmentId": it.id.replacen("eni-", "eni-attach-", 1),
                "instanceId": instance, "status": "attached",
            })
        });
        let allocated = it.allocation.as_ref().and_then(|id| ec2.addresses.get(id));
        let public = allocated.map(|address| {
            json!({"publicIp": address.public_ip, "allocationId": address.allocation})
        });
        json!({
            "networkInterfaceId": it.id, "vpcId": it.vpc, "subnetId": it.subnet,
            "availabilityZone": it.zone, "description": it.description, "status": "in-use",
            "ownerId": state.options.account,
            "requesterManaged": it.instance.is_none(),
            "interfaceType": if it.instance.is_some() { "interface" } else { "network_load_balancer" },
            "privateIpAddress": it.addresses.iter().find(|it| it.is_ipv4()),
            "privateIpAddressesSet": it.shown_ipv4(), "ipv6AddressesSet": it.shown_ipv6(),
            "groupSet": shown_groups(&it.groups, &ec2.security_groups),
            "attachment": attachment, "association": public, "tagSet": shown_tags(&it.tags),
        })
    })
}

impl Ec2 {
    fn of_interface(&self, it: &Interface, filter: &str) -> Vec<String> {
        match filter {
            "network-interface-id" => vec![it.id.clone()],
            "vpc-id" => vec![it.vpc.clone()],
            "subnet-id" => vec![it.subnet.clone()],
            "availability-zone" => vec![it.zone.clone()],
            "group-id" => it.groups.clone(),
            "group-name" => {
                let groups = it.groups.iter();
                let groups = groups.filter_map(|it| self.security_groups.get(it));
                texts(groups.map(|it| &it.name))
            }
            "addresses.private-ip-address" => of_family(&it.addresses, false),
            "private-ip-address" => texts(it.addresses.first()),
            "ipv6-addresses.ipv6-address" => of_family(&it.addresses, true),
            "attachment.instance-id" => texts(&it.instance),
            "description" => vec![it.description.clone()],
            _ => vec!["in-use".to_owned()],
        }
    }
}

pub(super) fn shown_groups(ids: &[String], all: &BTreeMap<String, SecurityGroup>) -> Value {
    let groups = ids.iter();
    groups
        .map(|id| json!({"groupId": id, "groupName": all.get(id).map(|it| &it.name)}))
        .collect()
}
