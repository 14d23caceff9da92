//! The load balancer itself.

use std::collections::BTreeSet;

use landfall_provider_api::Error;

use super::{Step, Unread, declare, fronts};
use crate::asked::{DELETION_PROTECTION, PREFIX};
use crate::calls::{LoadBalancerState, NewLoadBalancer, Scheme, SubnetMapping, Zone};
use crate::names::Part;
use crate::seen::{Balancer, Believed, Seen};
use crate::wanted::{Groups, Place, Wanted};

/// Whether it can be made what is wanted without making another.
pub(super) fn fits(wanted: &Wanted, balancer: &Balancer) -> bool {
    let is_of_scheme = match wanted.scheme {
        Some(scheme) => balancer.it.scheme == Some(scheme),
        None => true,
    };
    let has_groups = !balancer.it.security_groups.is_empty();
    is_of_scheme
        && has_groups == (wanted.groups != Groups::None)
        && balancer.it.vpc == wanted.vpc
        && balancer.it.state != LoadBalancerState::Failed
        && stands_right(wanted, balancer)
}

/// Whether where it stands already, it stands right. That cannot be changed.
fn stands_right(wanted: &Wanted, balancer: &Balancer) -> bool {
    if !wanted.subnets.are_named {
        return true;
    }
    wanted.subnets.places.iter().all(|place| {
        let zone = balancer.it.zones.iter().find(|it| it.name == place.zone);
        zone.is_none_or(|zone| is_place(place, zone))
    })
}

fn is_place(place: &Place, zone: &Zone) -> bool {
    let SubnetMapping {
        subnet,
        allocation,
        private_ipv4,
        ipv6,
        ..
    } = &place.mapping;
    let has = |wanted: &Option<String>, is: fn(&crate::calls::ZoneAddress) -> &Option<String>| {
        wanted.is_none() || zone.addresses.iter().any(|it| is(it) == wanted)
    };
    zone.subnet == *subnet
        && has(allocation, |it| &it.allocation)
        && has(private_ipv4, |it| &it.private_ipv4)
        && has(ipv6, |it| &it.ipv6)
}

/// The scheme of one that is to be made: as that of the one whose place it takes, if nobody says.
fn scheme(wanted: &Wanted, seen: &Seen) -> Scheme {
    let before = seen.balancers.iter().find_map(|it| it.it.scheme);
    wanted.scheme.or(before).unwrap_or(Scheme::Internal)
}

/// The name of one that is to be made.
pub(super) fn new_name(wanted: &Wanted, seen: &Seen) -> String {
    match &wanted.name {
        // Two cannot have it.
        Some(name) if seen.balancers.iter().all(|it| it.it.name != *name) => name.clone(),
        _ => wanted.balancer_name(scheme(wanted, seen)),
    }
}

pub(super) fn step(wanted: &Wanted, seen: &Seen, current: Option<&Balancer>) -> Option<Step> {
    // What has failed has the name, perhaps, and never becomes anything.
    let mut balancers = seen.balancers.iter();
    if let Some(failed) = balancers.find(|it| it.it.state == LoadBalancerState::Failed) {
        return Some(Step::RemoveBalancer(failed.it.arn.clone()));
    }
    match current {
        None => Some(make(wanted, seen)),
        Some(current) => change(wanted, seen, current),
    }
}

fn make(wanted: &Wanted, seen: &Seen) -> Step {
    let protects = wanted.attributes.get(DELETION_PROTECTION);
    if let Some(before) = seen.balancers.first()
        && protects.is_some_and(|it| it == "true")
    {
        return Step::Refuse(Error::Invalid {
            field: format!("{PREFIX}attributes"),
            message: format!(
                "{DELETION_PROTECTION}=true keeps the load balancer {}, and what is asked for now (its scheme, \
                 subnets, addresses or having security groups) can only be had by another in its place: end the \
                 protection first",
                before.it.name
            ),
        });
    }
    let places = wanted.subnets.places.iter();
    Step::MakeBalancer(Box::new(NewLoadBalancer {
        name: new_name(wanted, seen),
        scheme: scheme(wanted, seen),
        address_type: wanted.address_type.clone(),
        subnets: places.map(|it| it.mapping.clone()).collect(),
        security_groups: groups(wanted, seen),
        prefix_for_ipv6_source_nat: wanted.source_nat,
        tags: wanted.tags_of(Part::Balancer),
    }))
}

/// The security groups that it is to have.
fn groups(wanted: &Wanted, seen: &Seen) -> Vec<String> {
    match &wanted.groups {
        Groups::None => Vec::new(),
        Groups::Own(groups) => groups.clone(),
        Groups::Managed { beside, .. } => {
            let front = fronts::front(seen).map(|it| it.id.clone());
            front.into_iter().chain(beside.iter().cloned()).collect()
        }
    }
}

fn change(wanted: &Wanted, seen: &Seen, current: &Balancer) -> Option<Step> {
    let balancer = || current.it.arn.clone();
    if let Some(step) = stand(wanted, current) {
        return Some(step);
    }
    let groups = groups(wanted, seen);
    let are: BTreeSet<_> = current.it.security_groups.iter().collect();
    let is_other_rule = wanted.private_link_rules.is_some()
        && wanted.private_link_rules != current.it.enforce_private_link;
    if are != groups.iter().collect() || (is_other_rule && !groups.is_empty()) {
        return Some(Step::SetGroups {
            balancer: balancer(),
            groups,
            private_link: wanted.private_link_rules,
        });
    }
    let attributes = declare(
        &wanted.attributes,
        &current.attributes,
        || Unread::BalancerAttributes(balancer()),
        |attributes| Step::SetAttributes {
            balancer: balancer(),
            attributes,
        },
    );
    attributes.or_else(|| reserve(wanted, current))
}

/// Where it stands, and by which families it is reached.
fn stand(wanted: &Wanted, current: &Balancer) -> Option<Step> {
    let it = &current.it;
    let is_other_type = it.address_type != wanted.address_type;
    let is_other_nat =
        wanted.source_nat.is_some() && wanted.source_nat != it.prefix_for_ipv6_source_nat;
    let are: BTreeSet<_> = it.zones.iter().map(|it| &it.name).collect();
    let to_be = wanted.subnets.places.iter().map(|it| &it.zone);
    let to_be: BTreeSet<_> = to_be.collect();
    let is_missing = to_be.difference(&are).next().is_some();
    let is_surplus = wanted.subnets.are_named && are != to_be;
    if is_missing || is_surplus || is_other_nat {
        return Some(Step::SetSubnets {
            balancer: it.arn.clone(),
            mappings: mappings(wanted, current),
            address_type: wanted.address_type.clone(),
            source_nat: wanted.source_nat,
        });
    }
    is_other_type.then(|| Step::SetAddressType {
        balancer: it.arn.clone(),
        to: wanted.address_type.clone(),
    })
}

/// Where it is to stand. Nobody has said that it should leave a zone, unless all are named.
fn mappings(wanted: &Wanted, current: &Balancer) -> Vec<SubnetMapping> {
    let places = wanted.subnets.places.iter();
    if wanted.subnets.are_named {
        return places.map(|it| it.mapping.clone()).collect();
    }
    let zones = current.it.zones.iter();
    let stays = zones.map(|zone| SubnetMapping {
        subnet: zone.subnet.clone(),
        ..SubnetMapping::default()
    });
    let is_new = |it: &&Place| current.it.zones.iter().all(|zone| zone.name != it.zone);
    let new = places.filter(is_new).map(|it| it.mapping.clone());
    stays.chain(new).collect()
}

fn reserve(wanted: &Wanted, current: &Balancer) -> Option<Step> {
    let units = wanted.capacity?;
    let units = (units > 0).then_some(units);
    let balancer = current.it.arn.clone();
    match &current.capacity {
        Believed::Unknown => Some(Step::Read(Unread::Capacity(balancer))),
        Believed::Known(is) if *is != units => Some(Step::SetCapacity { balancer, units }),
        Believed::Known(_) | Believed::Assumed => None,
    }
}
