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

/// What there is to say of pods that wait. Of whom a target was not asked yet, nothing.
pub(crate) fn findings(wanted: &Wanted, seen: &Seen) -> BTreeMap<IpAddr, Finding> {
    let awaited = wanted.awaited.iter();
    let findings = awaited.filter_map(|it| Some((*it, finding(wanted, seen, *it)?)));
    findings.collect()
}

fn finding(wanted: &Wanted, seen: &Seen, address: IpAddr) -> Option<Finding> {
    let mut ports = wanted.ports.iter();
    if ports.all(|it| it.target_type == TargetType::Instance) {
        let message = "the load balancer sends to nodes, not to pods: there is nothing to wait for";
        return Some(holds("NoPodTargets", message.to_owned()));
    }
    let current = current(wanted, seen);
    let (mut is_target, mut is_known) = (false, true);
    let id = address.to_string();
    for port in &wanted.ports {
        let group = group_of(wanted, seen, current, port);
        for target in port.targets.iter().filter(|it| it.id == id) {
            is_target = true;
            match judge(port, group, target) {
                Judgement::Lacks(finding) => return Some(finding),
                Judgement::IsWell => {}
                Judgement::Unknown => is_known = false,
            }
        }
    }
    if !is_target {
        let message = format!("no port of the load balancer sends to {address}");
        return Some(holds("NoPodTargets", message));
    }
    let message = "AWS finds it healthy on every port of the load balancer";
    is_known.then(|| holds("TargetHealthy", message.to_owned()))
}

fn holds(reason: &'static str, message: String) -> Finding {
    Finding {
        holds: true,
        reason,
        message,
    }
}

/// How a target is.
enum Judgement {
    IsWell,
    /// It was not asked yet.
    Unknown,
    Lacks(Finding),
}

fn judge(port: &WantedPort, group: Option<&Group>, target: &Target) -> Judgement {
    let number = target.port.unwrap_or_default();
    let at = format!("port {}: target {} port {number}", port.port, target.id);
    let lacks = |reason, message| {
        Judgement::Lacks(Finding {
            holds: false,
            reason,
            message,
        })
    };
    if let Some(why) = group.and_then(|it| it.refused.get(&target.id)) {
        return lacks("TargetRefused", format!("{at} is not taken by AWS: {why}"));
    }
    let Some(state) = group.and_then(|it| it.awaited.get(&place(target))?.as_ref()) else {
        return Judgement::Unknown;
    };
    if state.is_well() {
        return Judgement::IsWell;
    }
    let (reason, is) = match &state.health {
        HealthState::Initial => ("Registering", "is not healthy yet"),
        HealthState::Unused => ("TargetUnused", "is not used"),
        HealthState::Other(state) => ("TargetUnhealthy", state.as_str()),
        _ => ("TargetUnhealthy", "is not healthy"),
    };
    let why = state.why.as_ref();
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    lacks(reason, format!("{at} {is} at AWS{why}"))
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
