//! Which subnets a load balancer stands in: those that the Service names, or those that are meant for it.
//! Pure choices over what was read.

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::Error;

use crate::asked::{Asked, PREFIX};
use crate::calls::{AddressType, RouteTable, Scheme, Subnet, SubnetMapping};
use crate::wanted::{Place, Subnets};

/// Addresses that AWS wants to be free in a subnet.
const FREE: u32 = 8;

/// The error of an annotation.
fn invalid(suffix: &str, message: String) -> Error {
    Error::Invalid {
        field: format!("{PREFIX}{suffix}"),
        message,
    }
}

/// Those that the Service names, by id or by their tag `Name`. `None` if one of them is not among
/// these, which may be old.
pub(crate) fn named(asked: &Asked, names: &[String], all: &[Subnet]) -> Result<Subnets, Error> {
    let mut chosen: Vec<&Subnet> = Vec::new();
    for name in names {
        let is_meant = |it: &&Subnet| it.id == *name || it.tags.get("Name") == Some(name);
        let mut found = all.iter().filter(is_meant);
        let Some(subnet) = found.next() else {
            return Err(invalid(
                "subnets",
                format!("there is no subnet {name} in the VPC: name one by its id or its tag Name"),
            ));
        };
        if let Some(other) = found.next() {
            let message = format!(
                "{name} is the tag Name of {} and {}: give the id",
                subnet.id, other.id
            );
            return Err(invalid("subnets", message));
        }
        if let Some(other) = chosen.iter().find(|it| it.zone == subnet.zone) {
            let message = format!(
                "{} and {} are both in the zone {}, and a load balancer stands in one subnet of a zone",
                other.id, subnet.id, subnet.zone
            );
            return Err(invalid("subnets", message));
        }
        if let Some(why) = unfit(subnet, &asked.address_type) {
            return Err(invalid("subnets", why));
        }
        chosen.push(subnet);
    }
    places(asked, &chosen, true)
}

/// Why a load balancer cannot stand in it.
fn unfit(subnet: &Subnet, address_type: &AddressType) -> Option<String> {
    let Subnet {
        id, free_addresses, ..
    } = subnet;
    if *free_addresses < FREE {
        Some(format!(
            "the subnet {id} has {free_addresses} free addresses, and AWS wants {FREE}"
        ))
    } else if *address_type == AddressType::DualStack && subnet.ipv6.is_empty() {
        Some(format!(
            "the subnet {id} has no IPv6 range, which a dual-stack load balancer needs"
        ))
    } else {
        None
    }
}

/// What tells which subnets are for load balancers.
pub(crate) struct Discovery<'a> {
    pub(crate) all: &'a [Subnet],
    /// Of the VPC; asked for only where no subnet is tagged.
    pub(crate) routes: Option<&'a [RouteTable]>,
    pub(crate) cluster_name: &'a str,
    pub(crate) scheme: Scheme,
}

impl Discovery<'_> {
    /// Whether a subnet is tagged as one for load balancers of this scheme. Then no others are.
    pub(crate) fn is_tagged(&self) -> bool {
        self.all.iter().any(|it| self.has_role(it))
    }

    fn has_role(&self, subnet: &Subnet) -> bool {
        let role = match self.scheme {
            Scheme::Internal => "kubernetes.io/role/internal-elb",
            Scheme::InternetFacing => "kubernetes.io/role/elb",
        };
        let value = subnet.tags.get(role);
        value.is_some_and(|it| it.is_empty() || it == "1")
    }

    /// By tags, else by whether the internet is reached from there.
    fn is_meant(&self, subnet: &Subnet) -> bool {
        match self.routes {
            Some(routes) if !self.is_tagged() => {
                let is_public = leads_out(subnet, routes);
                is_public == (self.scheme == Scheme::InternetFacing)
            }
            _ => self.has_role(subnet),
        }
    }

    /// Tagged for clusters, none of which is ours.
    fn is_others(&self, subnet: &Subnet) -> bool {
        let prefix = "kubernetes.io/cluster/";
        let mut clusters = subnet
            .tags
            .keys()
            .filter_map(|it| it.strip_prefix(prefix))
            .peekable();
        clusters.peek().is_some() && clusters.all(|it| it != self.cluster_name)
    }

    fn is_ours(&self, subnet: &Subnet) -> bool {
        let tag = format!("kubernetes.io/cluster/{}", self.cluster_name);
        subnet.tags.contains_key(&tag)
    }

    /// One in each zone: of several, one that is tagged for this cluster, then that with the lowest id.
    pub(crate) fn choose(&self, asked: &Asked) -> Result<Subnets, Error> {
        let meant = self
            .all
            .iter()
            .filter(|it| self.is_meant(it) && !self.is_others(it));
        let meant: Vec<_> = meant.collect();
        let fit = meant
            .iter()
            .filter(|it| unfit(it, &asked.address_type).is_none());
        let mut by_zone: BTreeMap<&str, &Subnet> = BTreeMap::new();
        for subnet in fit {
            let better = |it: &&Subnet| (self.is_ours(it), std::cmp::Reverse(it.id.clone()));
            let entry = by_zone.entry(&subnet.zone).or_insert(subnet);
            if better(subnet) > better(entry) {
                *entry = subnet;
            }
        }
        if by_zone.is_empty() {
            return Err(self.nowhere(asked, &meant));
        }
        let chosen: Vec<_> = by_zone.into_values().collect();
        places(asked, &chosen, false)
    }

    fn nowhere(&self, asked: &Asked, meant: &[&Subnet]) -> Error {
        let (word, role) = match self.scheme {
            Scheme::Internal => ("internal", "kubernetes.io/role/internal-elb"),
            Scheme::InternetFacing => ("internet-facing", "kubernetes.io/role/elb"),
        };
        let whys = meant.iter().filter_map(|it| unfit(it, &asked.address_type));
        let whys: Vec<_> = whys.take(3).collect();
        let theirs = self
            .all
            .iter()
            .find(|it| self.is_meant(it) && self.is_others(it));
        let why = match (whys.as_slice(), theirs) {
            ([], Some(theirs)) => format!(
                "the subnet {} and its like have tags of other clusters only, none of \
                 kubernetes.io/cluster/{}",
                theirs.id, self.cluster_name
            ),
            ([], None) => format!(
                "no subnet of the VPC has the tag {role}, and none has routes that suit an {word} load balancer"
            ),
            (whys, _) => whys.join("; "),
        };
        invalid(
            "subnets",
            format!("{why}: tag a subnet of each zone with {role}=1, or name them here"),
        )
    }
}

/// Whether the internet is reached from a subnet.
fn leads_out(subnet: &Subnet, routes: &[RouteTable]) -> bool {
    let own = routes.iter().find(|it| it.subnets.contains(&subnet.id));
    let table = own.or_else(|| routes.iter().find(|it| it.main));
    let mut routes = table.into_iter().flat_map(|it| &it.routes);
    routes.any(|it| it.active && it.through.starts_with("igw-"))
}

/// The subnets with the addresses that the Service names for them.
fn places(asked: &Asked, chosen: &[&Subnet], are_named: bool) -> Result<Subnets, Error> {
    let lists = [
        ("eip-allocations", asked.allocations.len()),
        ("private-ipv4-addresses", asked.private_ipv4.len()),
        ("ipv6-addresses", asked.ipv6.len()),
        ("source-nat-ipv6-prefixes", asked.source_nat_prefixes.len()),
    ];
    for (suffix, count) in lists {
        if count > 0 && count != chosen.len() {
            let zones: Vec<_> = chosen.iter().map(|it| it.zone.as_str()).collect();
            let message = format!(
                "names {count}, and the load balancer stands in {} subnets ({}): there must be one for each, or \
                 name the subnets",
                chosen.len(),
                zones.join(", ")
            );
            return Err(invalid(suffix, message));
        }
    }
    let is_fixed = lists[..3].iter().any(|(_, count)| *count > 0);
    let mut places = Vec::new();
    for (index, subnet) in chosen.iter().enumerate() {
        let mapping = SubnetMapping {
            subnet: subnet.id.clone(),
            allocation: asked.allocations.get(index).cloned(),
            private_ipv4: within(
                asked.private_ipv4.iter().copied().map(Into::into),
                subnet,
                "private-ipv4-addresses",
            )?,
            ipv6: within(
                asked.ipv6.iter().copied().map(Into::into),
                subnet,
                "ipv6-addresses",
            )?,
            source_nat_ipv6_prefix: asked.source_nat_prefixes.get(index).cloned(),
        };
        let zone = subnet.zone.clone();
        places.push(Place { zone, mapping });
    }
    Ok(Subnets {
        places,
        are_named: are_named || is_fixed,
    })
}

/// The one of the addresses that is in the subnet.
fn within(
    addresses: impl Iterator<Item = std::net::IpAddr>,
    subnet: &Subnet,
    suffix: &str,
) -> Result<Option<String>, Error> {
    let addresses: BTreeSet<_> = addresses.collect();
    if addresses.is_empty() {
        return Ok(None);
    }
    let ranges: Vec<_> = subnet.ipv4.iter().chain(&subnet.ipv6).collect();
    let mut inside = addresses
        .iter()
        .filter(|it| ranges.iter().any(|range| range.contains(*it)));
    match (inside.next(), inside.next()) {
        (Some(address), None) => Ok(Some(address.to_string())),
        (first, _) => {
            let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
            let count = if first.is_some() {
                "more than one"
            } else {
                "none"
            };
            let message = format!(
                "{count} of them is in the subnet {} ({})",
                subnet.id,
                ranges.join(", ")
            );
            Err(invalid(suffix, message))
        }
    }
}

#[cfg(test)]
mod tests;
