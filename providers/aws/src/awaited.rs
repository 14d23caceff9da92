//! Pods that wait, by a readiness gate, until AWS finds their targets healthy: which targets that are, and
//! what there is to say of each pod. Pure; what AWS says of the targets is in `seen`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use landfall_provider_api::Finding;

use crate::asked::TargetType;
use crate::calls::{HealthState, Target};
use crate::plan::{current, group_of};
use crate::seen::{Group, Place, Seen};
use crate::wanted::{Wanted, WantedPort};

/// Notes which targets are waited for. What is known of one that is waited for still, stays.
pub(crate) fn note(wanted: &Wanted, seen: &mut Seen) {
    let current = current(wanted, seen);
    let mut awaited: BTreeMap<_, BTreeSet<Place>> = BTreeMap::new();
    for port in &wanted.ports {
        if let Some(group) = group_of(wanted, seen, current, port) {
            // Whoever was refused is not there to be asked.
            let targets = targets(wanted, port).filter(|it| !group.refused.contains_key(&it.id));
            let places = awaited.entry(group.it.arn.clone()).or_default();
            places.extend(targets.map(place));
        }
    }
    for group in &mut seen.groups {
        let places = awaited.remove(&group.it.arn).unwrap_or_default();
        group.awaited.retain(|it, _| places.contains(it));
        for place in places {
            group.awaited.entry(place).or_insert(None);
        }
    }
}

/// What there is to say of each pod that waits.
pub(crate) fn findings(wanted: &Wanted, seen: &Seen) -> BTreeMap<IpAddr, Finding> {
    let awaited = wanted.awaited.iter();
    let findings = awaited.map(|it| (*it, finding(wanted, seen, *it)));
    findings.collect()
}

fn finding(wanted: &Wanted, seen: &Seen, address: IpAddr) -> Finding {
    let mut ports = wanted.ports.iter();
    if ports.all(|it| it.target_type == TargetType::Instance) {
        let message = "the load balancer sends to nodes, not to pods: there is nothing to wait for";
        return holds("NoPodTargets", message.to_owned());
    }
    let current = current(wanted, seen);
    let mut is_target = false;
    for port in &wanted.ports {
        let group = group_of(wanted, seen, current, port);
        let id = address.to_string();
        for target in port.targets.iter().filter(|it| it.id == id) {
            is_target = true;
            if let Some(lacks) = lacks(port, group, target) {
                return lacks;
            }
        }
    }
    if is_target {
        let message = "AWS finds it healthy on every port of the load balancer";
        holds("TargetHealthy", message.to_owned())
    } else {
        let message = format!("no port of the load balancer sends to {address}");
        holds("NoPodTargets", message)
    }
}

fn holds(reason: &'static str, message: String) -> Finding {
    Finding {
        holds: true,
        reason,
        message,
    }
}

/// What a target lacks to be waited for no more.
fn lacks(port: &WantedPort, group: Option<&Group>, target: &Target) -> Option<Finding> {
    let at = format!(
        "port {}: target {} port {}",
        port.port,
        target.id,
        target.port.unwrap_or_default()
    );
    let refused = group.and_then(|it| it.refused.get(&target.id));
    let state = group.and_then(|it| it.awaited.get(&place(target))?.as_ref());
    let (reason, message) = match (refused, state) {
        (Some(why), _) => ("TargetRefused", format!("{at} is not taken by AWS: {why}")),
        (None, Some(state)) if state.is_well() => return None,
        (None, None) => ("Registering", format!("{at} is being registered")),
        (None, Some(state)) => {
            let (reason, is) = match &state.health {
                HealthState::Initial => ("Registering", "is not healthy yet".to_owned()),
                HealthState::Unused => ("TargetUnused", "is not used".to_owned()),
                HealthState::Other(state) => ("TargetUnhealthy", format!("is {state}")),
                _ => ("TargetUnhealthy", "is not healthy".to_owned()),
            };
            let why = state.why.as_ref();
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            (reason, format!("{at} {is} at AWS{why}"))
        }
    };
    Some(Finding {
        holds: false,
        reason,
        message,
    })
}

/// Those that pods wait for.
fn targets<'a>(wanted: &'a Wanted, port: &'a WantedPort) -> impl Iterator<Item = &'a Target> {
    let is_awaited = |it: &&Target| {
        let address = it.id.parse();
        address.is_ok_and(|it: IpAddr| wanted.awaited.contains(&it))
    };
    port.targets.iter().filter(is_awaited)
}

fn place(target: &Target) -> Place {
    (target.id.clone(), target.port)
}
