//! What AWS is to have for one Service: what it asks for, with everything that was found around it.
//! Plain values that `plan` compares with what is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use landfall_provider_api::{Family, LoadBalancer, LoadBalancerId};

use crate::asked::{TargetType, Tls, Transport};
use crate::calls::{
    AddressType, Attributes, HealthCheck, NewTargetGroup, Rule, Scheme, SubnetMapping, Tags, Target,
};
use crate::given;
use crate::names::{self, Part};

/// What AWS is to have for one Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) id: LoadBalancerId,
    /// Tags of each part, but for the one that says which part it is.
    pub(crate) tags: Tags,
    pub(crate) vpc: String,
    /// A name that the Service gives, for a first load balancer.
    pub(crate) name: Option<String>,
    /// `None`: as it is.
    pub(crate) scheme: Option<Scheme>,
    pub(crate) address_type: AddressType,
    pub(crate) source_nat: Option<bool>,
    pub(crate) subnets: Subnets,
    pub(crate) groups: Groups,
    pub(crate) private_link_rules: Option<bool>,
    /// Those that are declared.
    pub(crate) attributes: Attributes,
    pub(crate) capacity: Option<u32>,
    /// By port number.
    pub(crate) ports: Vec<WantedPort>,
    /// Pods that wait until their targets are healthy.
    pub(crate) awaited: BTreeSet<IpAddr>,
}

/// Where a load balancer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnets {
    /// One in each zone.
    pub(crate) places: Vec<Place>,
    /// Whether the Service names them, so that it is to have no others.
    pub(crate) are_named: bool,
}

/// A subnet of a load balancer, and the addresses that it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) zone: String,
    pub(crate) mapping: SubnetMapping,
}

/// Security groups of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Groups {
    /// None for ever.
    None,
    /// These.
    Own(Vec<String>),
    /// One of ours with these rules, and others beside it.
    Managed {
        rules: BTreeSet<Rule>,
        beside: Vec<String>,
    },
}

/// A listener and its target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedPort {
    pub(crate) port: u16,
    pub(crate) protocol: Transport,
    pub(crate) group_protocol: Transport,
    pub(crate) target_type: TargetType,
    pub(crate) family: Family,
    pub(crate) health: HealthCheck,
    /// Those that are declared.
    pub(crate) group_attributes: Attributes,
    /// Those that are declared.
    pub(crate) attributes: Attributes,
    pub(crate) tls: Option<Tls>,
    pub(crate) targets: BTreeSet<Target>,
}

impl Wanted {
    /// Tags of a part.
    pub(crate) fn tags_of(&self, part: Part) -> Tags {
        let mut tags = self.tags.clone();
        tags.insert(names::PART.to_owned(), part.as_str().to_owned());
        tags
    }

    /// The name of a load balancer of this scheme. Another name is another load balancer.
    pub(crate) fn balancer_name(&self, scheme: Scheme) -> String {
        let scheme = match scheme {
            Scheme::Internal => "internal",
            Scheme::InternetFacing => "internet-facing",
        };
        let groups = match self.groups {
            Groups::None => "no groups",
            _ => "groups",
        };
        let mut of = vec![scheme.to_owned(), groups.to_owned()];
        for place in self
            .subnets
            .places
            .iter()
            .filter(|_| self.subnets.are_named)
        {
            let SubnetMapping {
                subnet,
                allocation,
                private_ipv4,
                ipv6,
                ..
            } = &place.mapping;
            of.extend([place.zone.clone(), subnet.clone()]);
            for address in [allocation, private_ipv4, ipv6] {
                of.push(address.clone().unwrap_or_default());
            }
        }
        let of: Vec<_> = of.iter().map(String::as_str).collect();
        names::name(&self.id, Part::Balancer, &of)
    }

    /// The name of the security group that lets clients in.
    pub(crate) fn front_name(&self) -> String {
        names::name(&self.id, Part::Front, &[&self.vpc])
    }

    /// A target group behind a load balancer with this name: it cannot be behind two.
    pub(crate) fn new_group(&self, port: &WantedPort, balancer_name: &str) -> NewTargetGroup {
        let number = port.port.to_string();
        let family = port.family.to_string();
        let of = [
            balancer_name,
            &number,
            port.group_protocol.as_str(),
            port.target_type.as_str(),
            &family,
            &self.vpc,
        ];
        NewTargetGroup {
            name: names::name(&self.id, Part::Group, &of),
            protocol: port.group_protocol.as_str().to_owned(),
            port: port.port,
            vpc: self.vpc.clone(),
            target_type: port.target_type.as_str().to_owned(),
            family: port.family,
            health_check: port.health.clone(),
            tags: self.tags_of(Part::Group),
        }
    }
}

/// Tags that are ours, and those that the Service gives, with what notes which these are.
pub(crate) fn tags(wanted: &LoadBalancer, given: &BTreeMap<String, String>) -> Tags {
    let mut tags = names::tags_of(&wanted.id, &wanted.service, Part::Balancer);
    tags.remove(names::PART);
    let given = given.iter().filter(|(key, _)| !tags.contains_key(*key));
    let given: Vec<_> = given
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !given.is_empty() {
        let note = given::note(given.iter().map(|(key, _)| key.as_str()));
        tags.insert(given::NOTE.to_owned(), note);
    }
    tags.extend(given);
    tags
}
