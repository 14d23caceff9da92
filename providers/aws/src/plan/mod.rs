//! What to do next, of what is wanted and what is seen: one step, which is one call to AWS. Pure: it calls
//! nobody, and time is an argument. Creation goes from what is used to who uses it, removal the other way,
//! so that each part can be found again, wherever a process ends.

mod balancer;
mod fronts;
mod groups;
mod leftovers;
mod listeners;
mod tagging;
mod targets;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use landfall_provider_api::Error;

use crate::calls::{
    AddressType, Arn, Attributes, HealthCheck, ListenerChange, NewListener, NewLoadBalancer,
    NewTargetGroup, Rule, SubnetMapping, Tags, Target,
};
use crate::seen::{Balancer, Believed, Group, Seen};
use crate::wanted::{Wanted, WantedPort};

pub(crate) use leftovers::release;

/// How long a load balancer stays whose place another has taken: by then nobody uses what its name
/// resolved to (AWS gives names of load balancers for 60 s).
pub(crate) const FAREWELL: Duration = Duration::from_secs(90);

/// One call, or the end of them.
#[derive(Debug)]
pub(crate) enum Step {
    MakeFront {
        name: String,
        tags: Tags,
    },
    /// Rules that are missing; what is there in vain goes first only if there is no room.
    Admit {
        front: String,
        rules: Vec<Rule>,
        surplus: Vec<Rule>,
    },
    Expel {
        front: String,
        rules: Vec<Rule>,
    },
    MakeGroup(Box<NewTargetGroup>),
    Probe {
        group: Arn,
        health: Box<HealthCheck>,
    },
    SetGroupAttributes {
        group: Arn,
        attributes: Attributes,
    },
    MakeBalancer(Box<NewLoadBalancer>),
    SetAddressType {
        balancer: Arn,
        to: AddressType,
    },
    SetSubnets {
        balancer: Arn,
        mappings: Vec<SubnetMapping>,
        address_type: AddressType,
        source_nat: Option<bool>,
    },
    SetGroups {
        balancer: Arn,
        groups: Vec<String>,
        private_link: Option<bool>,
    },
    SetAttributes {
        balancer: Arn,
        attributes: Attributes,
    },
    SetCapacity {
        balancer: Arn,
        units: Option<u32>,
    },
    Register {
        group: Arn,
        targets: Vec<Target>,
    },
    Deregister {
        group: Arn,
        targets: Vec<Target>,
    },
    MakeListener(Box<NewListener>),
    ChangeListener {
        listener: Arn,
        change: Box<ListenerChange>,
    },
    SetListenerAttributes {
        listener: Arn,
        attributes: Attributes,
    },
    AddCertificates {
        listener: Arn,
        certificates: Vec<String>,
    },
    RemoveCertificates {
        listener: Arn,
        certificates: Vec<String>,
    },
    RemoveListener(Arn),
    /// Tags of load balancers, listeners and target groups.
    Tag {
        arns: Vec<Arn>,
        tags: Tags,
    },
    /// Tags of a security group.
    TagFront {
        front: String,
        tags: Tags,
    },
    /// Keys of tags that load balancers, listeners and target groups are to have no longer.
    Untag {
        arns: Vec<Arn>,
        keys: Vec<String>,
    },
    /// Keys of tags that a security group is to have no longer.
    UntagFront {
        front: String,
        keys: Vec<String>,
    },
    Read(Unread),
    /// From now on the status may name the new load balancer.
    Switch,
    RemoveBalancer(Arn),
    RemoveGroup(Arn),
    RemoveFront(String),
    /// It cannot be done.
    Refuse(Error),
    /// Nothing more can be done before this, or before something is seen to change.
    Wait {
        until: Option<Instant>,
        message: String,
    },
    Done,
}

/// What has to be read before it can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    Rules(String),
    Targets(Arn),
    GroupAttributes(Arn),
    BalancerAttributes(Arn),
    Capacity(Arn),
    ListenerAttributes(Arn),
    Certificates(Arn),
}

/// What to do next. A load balancer whose place another has taken stays for `farewell`.
pub(crate) fn plan(wanted: &Wanted, seen: &Seen, now: Instant, farewell: Duration) -> Step {
    let current = current(wanted, seen);
    fronts::step(wanted, seen)
        .or_else(|| groups::step(wanted, seen, current))
        .or_else(|| balancer::step(wanted, seen, current))
        .or_else(|| targets::step(wanted, seen, current))
        .or_else(|| listeners::step(wanted, seen, current?))
        .or_else(|| tagging::step(wanted, seen, current?))
        .or_else(|| leftovers::step(wanted, seen, current?, now, farewell))
        .unwrap_or(Step::Done)
}

/// The load balancer that is to be there in the end, if it is there: what cannot be changed of it is as
/// it is wanted.
pub(crate) fn current<'a>(wanted: &Wanted, seen: &'a Seen) -> Option<&'a Balancer> {
    let fitting = seen
        .balancers
        .iter()
        .filter(|it| balancer::fits(wanted, it));
    fitting.min_by(|one, other| {
        let is_other_name = |it: &Balancer| it.it.name != wanted.balancer_name(scheme_of(it));
        (is_other_name(one), &one.it.arn).cmp(&(is_other_name(other), &other.it.arn))
    })
}

fn scheme_of(balancer: &Balancer) -> crate::calls::Scheme {
    let scheme = balancer.it.scheme;
    scheme.unwrap_or(crate::calls::Scheme::Internal)
}

/// The name of the load balancer that is there or is to be made.
fn balancer_name(wanted: &Wanted, seen: &Seen, current: Option<&Balancer>) -> String {
    match current {
        Some(current) => current.it.name.clone(),
        None => balancer::new_name(wanted, seen),
    }
}

/// The target group of a port, behind the load balancer that is to be there in the end.
pub(crate) fn group_of<'a>(
    wanted: &Wanted,
    seen: &'a Seen,
    current: Option<&Balancer>,
    port: &WantedPort,
) -> Option<&'a Group> {
    let fits = |it: &&Group| {
        let used_by = &it.it.load_balancers;
        let is_free = match current {
            Some(current) => used_by.iter().all(|it| *it == current.it.arn),
            None => used_by.is_empty(),
        };
        is_free
            && it.it.protocol == port.group_protocol.as_str()
            && it.it.target_type == port.target_type.as_str()
            && it.it.family == port.family
            && it.it.vpc.as_ref() == Some(&wanted.vpc)
    };
    let is_of = |number| move |it: &&Group| it.port() == Some(number);
    let exact = seen.groups.iter().filter(fits).filter(is_of(port.port));
    // Of several, one that is used already, and then always the same.
    let exact = exact.min_by_key(|it| (it.it.load_balancers.is_empty(), &it.it.arn));
    exact.or_else(|| {
        // Where only the number of a port has changed, its targets stay where they are: they are
        // registered with ports of their own, and that of the group means nothing.
        let alike = wanted.ports.iter().filter(|it| {
            it.group_protocol == port.group_protocol
                && it.target_type == port.target_type
                && it.family == port.family
        });
        let is_missing = |number| !seen.groups.iter().filter(fits).any(|it| is_of(number)(&it));
        let mut missing = alike.map(|it| it.port).filter(|it| is_missing(*it));
        let place = missing.position(|it| it == port.port)?;
        let is_wanted = |it: &&Group| wanted.ports.iter().any(|port| Some(port.port) == it.port());
        let mut spare: Vec<_> = seen
            .groups
            .iter()
            .filter(fits)
            .filter(|it| !is_wanted(it))
            .collect();
        spare.sort_by_key(|it| &it.it.arn);
        spare.get(place).copied()
    })
}

/// What is declared and differs, or `Err` if that is not known. What nobody declared is left alone.
fn differing(
    declared: &Attributes,
    believed: &Believed<Attributes>,
) -> Result<Attributes, NotKnown> {
    if declared.is_empty() {
        return Ok(Attributes::new());
    }
    let known = match believed {
        Believed::Assumed => return Ok(Attributes::new()),
        Believed::Unknown => return Err(NotKnown),
        Believed::Known(known) => known,
    };
    let differing = declared
        .iter()
        .filter(|(key, value)| known.get(*key) != Some(value));
    Ok(differing
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect())
}

/// It must be read first.
struct NotKnown;

/// Sets what is declared of a thing, if it differs.
fn declare(
    declared: &Attributes,
    believed: &Believed<Attributes>,
    unread: impl FnOnce() -> Unread,
    set: impl FnOnce(Attributes) -> Step,
) -> Option<Step> {
    match differing(declared, believed) {
        Err(NotKnown) => Some(Step::Read(unread())),
        Ok(differing) if differing.is_empty() => None,
        Ok(differing) => Some(set(differing)),
    }
}

/// Takes what is assumed for what is wanted now, so that what is wanted later is compared with it.
pub(crate) fn settle(wanted: &Wanted, seen: &mut Seen) {
    let Some(arn) = current(wanted, seen).map(|it| it.it.arn.clone()) else {
        return;
    };
    for port in &wanted.ports {
        let current = current(wanted, seen);
        let group = group_of(wanted, seen, current, port).map(|it| it.it.arn.clone());
        if let Some(group) = group.and_then(|it| seen.group(&it)) {
            assume(&mut group.attributes, || port.group_attributes.clone());
            assume(&mut group.targets, || port.targets.clone());
        }
        let listeners = seen.balancer(&arn).map(|it| &mut it.listeners);
        let mut listeners = listeners.into_iter().flatten();
        if let Some(listener) = listeners.find(|it| it.it.port == port.port) {
            assume(&mut listener.attributes, || port.attributes.clone());
            assume(&mut listener.certificates, || beside_default(port));
        }
    }
    if let Some(balancer) = seen.balancer(&arn) {
        assume(&mut balancer.attributes, || wanted.attributes.clone());
        assume(&mut balancer.capacity, || {
            wanted.capacity.filter(|it| *it > 0)
        });
    }
}

fn assume<T>(believed: &mut Believed<T>, wanted: impl FnOnce() -> T) {
    if matches!(believed, Believed::Assumed) {
        *believed = Believed::Known(wanted());
    }
}

/// Certificates that are chosen by SNI.
pub(crate) fn beside_default(port: &WantedPort) -> BTreeSet<String> {
    let tls = port.tls.iter();
    tls.flat_map(|it| it.certificates.iter().skip(1).cloned())
        .collect()
}

#[cfg(test)]
mod tests;
