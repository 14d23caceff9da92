//! What the controller does next for one Service.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use landfall_provider_api::{LoadBalancer, LoadBalancerId};

use crate::claim::{Claim, Claims, Class};
use crate::marks::{
    Mark, has_finalizer, is_handed_over, is_load_balancer, is_marked_for, load_balancer_id,
    mark_of, uid_of,
};
use crate::parse::{Surroundings, parse};
use crate::record::{Attempt, Record, Tenure};
use crate::status::Status;
use crate::write::Write;

/// How long a terminating Service that was handed over waits for its new owner to remove the
/// finalizer, before we do.
const HAND_OVER_GRACE: Duration = Duration::from_mins(5);

/// What is known besides the Service.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// What our providers claim.
    pub claims: &'a Claims,
    /// What lies around the Service.
    pub around: &'a Surroundings,
    /// The time, on the clock that `metadata.deletionTimestamp` was read from.
    pub now: Timestamp,
}

/// One thing to do. When it is done, and what came of it is in the [`Record`], plan again.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing, until the Service, the nodes or a provider change.
    Rest,
    /// Nothing, but look again after this long.
    Later(Duration),
    /// Nothing now, but what failed is tried again soon, however long its back-off: what lies around
    /// the Service has changed since.
    Soon,
    /// Write to the Service, through its status sub-resource.
    Write(Write),
    /// Have the provider of this class make this.
    Ensure {
        /// The provider.
        class: Class,
        /// What it is to make.
        wanted: Box<LoadBalancer>,
    },
    /// Have the provider of this class remove this.
    Release {
        /// The provider.
        class: Class,
        /// What it is to remove.
        id: LoadBalancerId,
    },
}

/// What the controller does next for the Service of one name, if there is one. No I/O, no clock.
pub fn plan(service: Option<&Service>, record: &Record, world: &World<'_>) -> Step {
    let current = service.map(uid_of);
    if let Some((uid, tenure)) = record.predecessors(current).next()
        && let Some(step) = release(uid, tenure, None, world)
    {
        return step;
    }
    let Some(service) = service else {
        return Step::Rest;
    };
    let absent = Tenure::default();
    let tenure = record.tenure(uid_of(service)).unwrap_or(&absent);
    match world.claims.claimant(service) {
        Some(claim) if service.metadata.deletion_timestamp.is_none() => {
            provide(service, tenure, claim, world)
        }
        _ => let_go(service, tenure, world),
    }
}

/// A Service that we claim gets its load balancer, and its status says so.
fn provide(service: &Service, tenure: &Tenure, claim: &Claim, world: &World<'_>) -> Step {
    let class = &claim.class;
    if let Some(step) = release(uid_of(service), tenure, Some(class), world) {
        return step;
    }
    let parsed = match parse(service, &claim.capabilities, world.around) {
        Ok(parsed) => parsed,
        Err(faults) => return publish(service, class, Status::invalid(service, &faults)),
    };
    let attempt = tenure.attempt.as_ref();
    if let Some(attempt) = attempt.filter(|attempt| attempt.class == *class) {
        let status = Status::of(service, &parsed, &attempt.result);
        if attempt.answers(&parsed.wanted) {
            return match (publish(service, class, status), &attempt.result) {
                // What it was given before is the provider's by now, and the Service says so.
                (Step::Rest, Ok(_)) => world
                    .claims
                    .left_on(service, class)
                    .map_or(Step::Rest, |left| Step::Write(Write::Succeed(left))),
                (Step::Rest, Err(_)) if attempt.is_outdated(&parsed.wanted) => Step::Soon,
                (step, _) => step,
            };
        }
        // Meanwhile something else is wanted, and is asked for next. First is told what came of
        // this, or who is asked over and over while nodes or pods change is never told anything.
        let told = told_late(service, attempt, &parsed.wanted, status);
        if let Some(told) = told.filter(|told| !told.holds_for(service)) {
            return Step::Write(Write::Publish(class.clone(), Box::new(told)));
        }
    }
    if claim.capabilities.outside_effects && !is_marked_for(service, class.as_str()) {
        return Step::Write(Write::Claim(class.clone()));
    }
    Step::Ensure {
        class: class.clone(),
        wanted: Box::new(parsed.wanted),
    }
}

/// What is still to be told of an attempt at something other than what is wanted now. A failure
/// is, whatever has changed. A success is only while the Service asks for the same: its ports may be
/// others now than those that are served.
fn told_late(
    service: &Service,
    attempt: &Attempt,
    wanted: &LoadBalancer,
    status: Status,
) -> Option<Status> {
    match (&attempt.result, attempt.wanted.asks_the_same(wanted)) {
        (Err(_), true) => Some(status),
        (Err(_), false) => Some(status.of_earlier(service)),
        (Ok(_), true) if !attempt.stale => Some(status),
        (Ok(_), _) => None,
    }
}

/// A Service that is none of our business, or no longer.
fn let_go(service: &Service, tenure: &Tenure, world: &World<'_>) -> Step {
    if let Some(step) = release(uid_of(service), tenure, None, world) {
        return step;
    }
    let left = left_behind(service, world);
    if let Some((class, _)) = &left
        && service.metadata.deletion_timestamp.is_some()
        && !tenure.ours
    {
        // Whose it was is gone. What it has left, if anything, only the provider can tell.
        return Step::Release {
            class: class.clone(),
            id: load_balancer_id(service, &world.around.cluster),
        };
    }
    let left = left.map(|(_, finalizer)| finalizer);
    let is_ours = match mark_of(service) {
        Mark::None => tenure.ours && (has_finalizer(service) || left.is_some()),
        Mark::Class(_) | Mark::Unnamed => world.claims.marked(service).is_some(),
    };
    if !is_ours {
        return Step::Rest;
    }
    let Some(deleted) = &service.metadata.deletion_timestamp else {
        // Of another class now: the finalizer may be needed by whoever claims it.
        return match (is_load_balancer(service), is_handed_over(service)) {
            (false, _) => Step::Write(Write::LetGo(left)),
            (true, false) => Step::Write(Write::HandOver),
            (true, true) => Step::Rest,
        };
    };
    if is_handed_over(service) {
        let terminating = Duration::try_from(world.now - deleted.0).unwrap_or_default();
        if let Some(left) = HAND_OVER_GRACE
            .checked_sub(terminating)
            .filter(|d| !d.is_zero())
        {
            return Step::Later(left);
        }
    }
    Step::Write(Write::LetGo(left))
}

/// The finalizer that a predecessor has left on a Service, and the class of the provider that takes it over: who claims the
/// Service, or whose marks it bears where its type says nothing any more.
fn left_behind(service: &Service, world: &World<'_>) -> Option<(Class, &'static str)> {
    let claims = world.claims;
    let claimant = claims.claimant(service).map(|claim| &claim.class);
    let marked = claims.marked(service).unwrap_or_default();
    let mut classes = claimant.into_iter().chain(marked);
    classes.find_map(|class| Some((class.clone(), claims.left_on(service, class)?)))
}

/// Has one provider that may hold something, other than `keeper`, release it.
fn release(uid: &str, tenure: &Tenure, keeper: Option<&Class>, world: &World<'_>) -> Option<Step> {
    let class = tenure.holders.iter().find(|class| Some(*class) != keeper)?;
    Some(Step::Release {
        class: class.clone(),
        id: LoadBalancerId {
            cluster: world.around.cluster.clone(),
            service_uid: uid.to_owned(),
        },
    })
}

/// The status, and with it whatever is missing of the marks.
fn publish(service: &Service, class: &Class, status: Status) -> Step {
    if !status.holds_for(service) {
        Step::Write(Write::Publish(class.clone(), Box::new(status)))
    } else if !is_marked_for(service, class.as_str()) {
        Step::Write(Write::Claim(class.clone()))
    } else {
        Step::Rest
    }
}

#[cfg(test)]
#[path = "plan_tests/mod.rs"]
mod tests;
