//! What is there and not wanted: parts of before, and all of it when a Service is gone.

use std::time::{Duration, Instant};

use super::{Step, fronts, group_of};
use crate::seen::{Balancer, Group, Seen};
use crate::wanted::{Groups, Wanted};

pub(super) fn step(
    wanted: &Wanted,
    seen: &Seen,
    current: &Balancer,
    now: Instant,
    farewell: Duration,
) -> Option<Step> {
    balancers(wanted, seen, current, now, farewell)
        .or_else(|| groups(wanted, seen, current))
        .or_else(|| spare_fronts(wanted, seen))
}

/// Load balancers whose place another takes: they go when that one has served for a while.
fn balancers(
    wanted: &Wanted,
    seen: &Seen,
    current: &Balancer,
    now: Instant,
    farewell: Duration,
) -> Option<Step> {
    let mut others = seen
        .balancers
        .iter()
        .filter(|it| it.it.arn != current.it.arn);
    let before = others.next()?;
    match seen.switched {
        None if serves(wanted, seen, current) => Some(Step::Switch),
        None => Some(Step::Wait {
            until: None,
            message: format!(
                "the load balancer {} takes the place of {} when it serves",
                current.it.name, before.it.name
            ),
        }),
        Some(since) if now < since + farewell => Some(Step::Wait {
            until: Some(since + farewell),
            message: format!("the load balancer {} is about to go", before.it.name),
        }),
        Some(_) => Some(Step::RemoveBalancer(before.it.arn.clone())),
    }
}

/// Whether traffic that comes to it gets through, or would never.
fn serves(wanted: &Wanted, seen: &Seen, current: &Balancer) -> bool {
    let is_served = |group: &Group| group.health.is_some_and(|it| it.healthy > 0);
    current.is_active()
        && wanted.ports.iter().all(|port| {
            let group = group_of(wanted, seen, Some(current), port);
            port.targets.is_empty() || group.is_some_and(is_served)
        })
}

/// Target groups that no listener of ours sends to.
fn groups(wanted: &Wanted, seen: &Seen, current: &Balancer) -> Option<Step> {
    let kept = wanted.ports.iter();
    let kept = kept.filter_map(|port| group_of(wanted, seen, Some(current), port));
    let kept: Vec<_> = kept.map(|it| &it.it.arn).collect();
    let is_used = |it: &&Group| {
        let listeners = seen.balancers.iter().flat_map(|it| &it.listeners);
        let mut actions = listeners.flat_map(|it| &it.it.action.groups);
        actions.any(|(arn, _)| *arn == it.it.arn)
    };
    let surplus = || seen.groups.iter().filter(|it| !kept.contains(&&it.it.arn));
    if let Some(unused) = surplus().find(|it| !is_used(it)) {
        return Some(Step::RemoveGroup(unused.it.arn.clone()));
    }
    surplus().next().map(|used| Step::Wait {
        until: None,
        message: format!(
            "the target group {} goes when another has taken over",
            used.it.name
        ),
    })
}

/// Security groups that no load balancer has.
fn spare_fronts(wanted: &Wanted, seen: &Seen) -> Option<Step> {
    let kept = match wanted.groups {
        Groups::Managed { .. } => fronts::front(seen).map(|it| &it.id),
        _ => None,
    };
    let has = |id: &String| {
        seen.balancers
            .iter()
            .any(|it| it.it.security_groups.contains(id))
    };
    let mut surplus = seen
        .fronts
        .iter()
        .filter(|it| Some(&it.id) != kept && !has(&it.id));
    surplus.next().map(|it| Step::RemoveFront(it.id.clone()))
}

/// What to do next where nothing is wanted.
pub(crate) fn release(seen: &Seen) -> Step {
    if let Some(balancer) = seen.balancers.first() {
        Step::RemoveBalancer(balancer.it.arn.clone())
    } else if let Some(group) = seen.groups.first() {
        Step::RemoveGroup(group.it.arn.clone())
    } else if let Some(front) = seen.fronts.first() {
        Step::RemoveFront(front.id.clone())
    } else {
        Step::Done
    }
}
