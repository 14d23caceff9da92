//! One look at one Service: plan a step, take it, plan again, until there is nothing to do.

use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use landfall_events::Events;
use landfall_provider_api::{LoadBalancer, LoadBalancerId, Outcome, Retry, ServiceName};
use landfall_service::{
    Attempt, Claims, Class, Condition, Failure, Step, World, Write, check, plan, uid_of,
};
use tokio::sync::watch;

use crate::lease::Gate;
use landfall_watch::explain;

use super::backend::{Backend, Backends};
use super::events::{Reason, reference, reference_to_gone};
use super::gated;
use super::memory::Memory;
use super::metrics::{ClassLabel, Metrics, WriteLabels};
use super::publish::{Publisher, Written};
use super::watches::Watches;

/// Steps that one look may take. A quiet Service needs three; whoever needs more is being changed
/// by somebody else at the same time, and waits a little.
const MOST_STEPS: usize = 12;

/// What every look shares.
pub(super) struct Context {
    /// What the providers claim now.
    pub(super) claims: watch::Sender<Arc<Claims>>,
    pub(super) backends: Backends,
    pub(super) watches: Watches,
    pub(super) publisher: Publisher,
    pub(super) events: Events,
    /// Asked right before each effect.
    pub(super) gate: Gate,
    pub(super) metrics: Metrics,
}

impl Context {
    /// What the providers claim now.
    pub(super) fn claims(&self) -> Arc<Claims> {
        self.claims.borrow().clone()
    }

    /// Notes whether a provider leaves Services that are not of its own class to somebody else, and says so.
    pub(super) fn stand(&self, backend: &Backend) {
        self.claims.send_replace(Arc::new(self.backends.claims()));
        let label = ClassLabel::of(&backend.class);
        let why = backend.aside().and_then(|aside| aside.borrow().clone());
        let gauge = self.metrics.stands_aside.get_or_create(&label);
        let before = gauge.set(i64::from(why.is_some()));
        drop(gauge);
        match why {
            Some(why) => tracing::warn!(class = %backend.class, "stands aside: {why}"),
            None if before != 0 => tracing::info!(
                class = %backend.class,
                "stands aside no more: it takes Services that are not of its own class, too"
            ),
            None => {}
        }
    }

    /// Whether the provider that claims a Service is being started for the first time.
    pub(super) fn is_starting(&self, service: &Service) -> bool {
        let claims = self.claims();
        let claim = claims.claimant(service);
        claim.is_some_and(|claim| self.backends.get(&claim.class).is_starting())
    }
}

/// What a step leaves to do.
enum After {
    /// Plan the next step.
    Plan,
    /// Nothing before this time, or before something changes.
    Wait(Option<Instant>),
}

/// Brings one Service to where it should be, as far as that can be done now. Returns when to look
/// again if nothing changes before.
pub(super) async fn look(
    context: &Context,
    name: &ServiceName,
    memory: &mut Memory,
) -> Option<Instant> {
    if !gated::before(context, name) {
        return None;
    }
    let again = take_steps(context, name, memory).await;
    gated::after(context, name, memory);
    again
}

async fn take_steps(context: &Context, name: &ServiceName, memory: &mut Memory) -> Option<Instant> {
    for _ in 0..MOST_STEPS {
        let service = memory.newest(context.watches.service(name));
        let uid = service.as_deref().map(uid_of);
        memory.wake(Instant::now(), uid);
        let world = World {
            claims: &context.claims(),
            around: &context.watches.around(name),
            now: Timestamp::now(),
        };
        let step = plan(service.as_deref(), &memory.record, &world);
        let after = match step {
            Step::Rest => After::Wait(memory.retry_at),
            Step::Soon => After::Wait(memory.hasten()),
            Step::Later(delay) => After::Wait(Some(Instant::now() + delay)),
            // Another replica works now; this one is about to end.
            _ if !context.gate.is_open() => After::Wait(None),
            Step::Write(write) => match &service {
                Some(service) => apply(context, name, service, &write, memory).await,
                None => unreachable!("nothing is written to a Service that is not there"),
            },
            Step::Ensure { class, wanted } => {
                let about = service.as_deref();
                ensure(context, about, class, *wanted, memory).await
            }
            Step::Release { class, id } => {
                release(context, name, service.as_deref(), &class, &id, memory).await
            }
        };
        if let After::Wait(until) = after {
            return until;
        }
    }
    tracing::warn!(service = %name, "is changed by somebody else over and over; looking again later");
    memory.failed(Retry::BackOff, Instant::now())
}

async fn apply(
    context: &Context,
    name: &ServiceName,
    service: &Arc<Service>,
    write: &Write,
    memory: &mut Memory,
) -> After {
    if let Err(until) = memory.pace.take(Instant::now()) {
        let note = "somebody else writes to this Service over and over; is it claimed by two \
                    controllers? Waiting a minute before it is put right again";
        tracing::warn!(service = %name, "{note}");
        let told = Reason::Contested.told(reference(service), note.to_owned());
        context.events.tell(told);
        return After::Wait(Some(until));
    }
    let written = context.publisher.write(service, name, write).await;
    let result = match &written {
        Ok(Written::Done(_)) => "Done",
        Ok(Written::Overtaken(_)) => "Overtaken",
        Ok(Written::Gone) => "Gone",
        Err(_) => "Failed",
    };
    context
        .metrics
        .service_writes
        .get_or_create(&WriteLabels { result })
        .inc();
    match written {
        Ok(Written::Done(fresh)) => {
            tell(context, name, service, write, memory);
            if matches!(write, Write::Claim(_) | Write::Publish(..)) {
                memory.record.tenure_mut(uid_of(service)).ours = true;
            }
            memory.seen = Some(fresh);
            After::Plan
        }
        Ok(Written::Overtaken(fresh)) => {
            memory.seen = Some(fresh);
            After::Plan
        }
        // The watch will say so, too.
        Ok(Written::Gone) => After::Wait(None),
        Err(error) => {
            tracing::warn!(service = %name, error = explain(&error), "the Service could not be written");
            After::Wait(memory.failed(Retry::BackOff, Instant::now()))
        }
    }
}

/// Logs a write and, where people wait for it, makes an event of it.
fn tell(context: &Context, name: &ServiceName, service: &Service, write: &Write, memory: &Memory) {
    let (reason, note) = match write {
        Write::Claim(_) | Write::LetGo(_) => return,
        Write::Succeed(left) => {
            tracing::info!(service = %name, finalizer = left, "taken over, so the finalizer of who had it goes");
            return;
        }
        Write::HandOver => {
            let note = "another implementation claims this Service; ours is released";
            (Reason::HandedOver, note.to_owned())
        }
        Write::Publish(_, status) => {
            if let Some(serving) = &status.serving {
                let Condition {
                    status,
                    reason,
                    message,
                    ..
                } = serving;
                tracing::info!(service = %name, serving = status, reason, "{message}");
            }
            for own in status.own.iter().flatten() {
                if own.warns && !own.holds_for(service) {
                    let Condition {
                        reason, message, ..
                    } = &own.condition;
                    tracing::warn!(service = %name, reason, "{message}");
                    let told = Reason::Warned(reason).told(reference(service), message.clone());
                    context.events.tell(told);
                }
            }
            if status.provisioning_holds_for(service) {
                return;
            }
            let condition = &status.provisioned;
            tracing::info!(
                service = %name, provisioned = condition.status, reason = condition.reason,
                "{}", condition.message
            );
            let reason = match (condition.status, condition.reason) {
                ("True", _) => Reason::EnsuredLoadBalancer,
                (_, "Provisioning") => Reason::EnsuringLoadBalancer,
                _ if has_told(memory, service, &condition.message) => return,
                _ => Reason::SyncLoadBalancerFailed,
            };
            (reason, condition.message.clone())
        }
    };
    context.events.tell(reason.told(reference(service), note));
}

/// Whether this is what a provider said, which was told when it said it.
fn has_told(memory: &Memory, service: &Service, message: &str) -> bool {
    let tenure = memory.record.tenure(uid_of(service));
    let attempt = tenure.and_then(|tenure| tenure.attempt.as_ref());
    attempt.is_some_and(|it| matches!(&it.result, Err(failure) if failure.message == message))
}

async fn ensure(
    context: &Context,
    service: Option<&Service>,
    class: Class,
    wanted: LoadBalancer,
    memory: &mut Memory,
) -> After {
    let uid = wanted.id.service_uid.clone();
    // Noted first: a call that is cut off may have made something all the same.
    let tenure = memory.record.tenure_mut(&uid);
    tenure.holders.insert(class.clone());
    tenure.ours = true;
    let Some(result) = context.backends.get(&class).ensure(&wanted).await else {
        return After::Wait(None);
    };
    let result = result.and_then(|outcome| check(&wanted, &outcome).map(|()| outcome));
    memory.asked_at = Some(Instant::now());
    if result.is_ok() {
        memory.ensured_at = memory.asked_at;
    }
    if let Ok(Outcome::Provisioned(assigned)) = &result
        && assigned.repaired
    {
        tracing::warn!(service = %wanted.service, %class, "its load balancer was altered or gone; put right");
        let repairs = &context.metrics.repairs;
        repairs.get_or_create(&ClassLabel::of(&class)).inc();
    }
    match &result {
        Ok(Outcome::Provisioned(assigned)) if !assigned.failed_ports.is_empty() => {
            memory.retry_at = memory.failed(Retry::BackOff, Instant::now());
        }
        Ok(_) => memory.succeeded(),
        Err(failure) => {
            memory.retry_at = memory.failed(failure.retry, Instant::now());
            tell_failure(context, service, &wanted.service, &uid, failure);
        }
    }
    memory.record.tenure_mut(&uid).attempt = Some(Attempt {
        class,
        wanted,
        result,
        stale: false,
    });
    After::Plan
}

async fn release(
    context: &Context,
    name: &ServiceName,
    service: Option<&Service>,
    class: &Class,
    id: &LoadBalancerId,
    memory: &mut Memory,
) -> After {
    // A Service that vanished without waiting for its finalizer is missed only if the API server
    // itself says so: nothing is released on a cache's word alone.
    if service.is_none() {
        match context.publisher.read(name).await {
            Ok(Some(live)) if uid_of(&live) == id.service_uid => {
                context.watches.doubt.notify_one();
                return After::Wait(memory.failed(Retry::BackOff, Instant::now()));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(service = %name, error = explain(&error), "the Service could not be read");
                return After::Wait(memory.failed(Retry::BackOff, Instant::now()));
            }
        }
    }
    match context.backends.get(class).release(id).await {
        None => After::Wait(None),
        Some(Ok(())) => {
            memory.succeeded();
            let tenure = memory.record.tenure_mut(&id.service_uid);
            tenure.holders.remove(class);
            tenure.attempt = None;
            tenure.ours = true;
            tracing::info!(service = %name, %class, uid = id.service_uid, "load balancer released");
            let about = about(service, name, &id.service_uid);
            let note = "the load balancer is gone".to_owned();
            context
                .events
                .tell(Reason::DeletedLoadBalancer.told(about, note));
            After::Plan
        }
        Some(Err(failure)) => {
            tell_failure(context, service, name, &id.service_uid, &failure);
            // What waits for a change of the Service waits in vain once it is gone.
            let retry = match failure.retry {
                Retry::WhenChanged => Retry::BackOff,
                retry => retry,
            };
            After::Wait(memory.failed(retry, Instant::now()))
        }
    }
}

fn tell_failure(
    context: &Context,
    service: Option<&Service>,
    name: &ServiceName,
    uid: &str,
    failure: &Failure,
) {
    tracing::warn!(service = %name, reason = failure.reason, "{}", failure.message);
    let about = about(service, name, uid);
    let told = Reason::SyncLoadBalancerFailed.told(about, failure.message.clone());
    context.events.tell(told);
}

fn about(
    service: Option<&Service>,
    name: &ServiceName,
    uid: &str,
) -> k8s_openapi::api::core::v1::ObjectReference {
    match service {
        Some(service) if uid_of(service) == uid => reference(service),
        _ => reference_to_gone(name, uid),
    }
}
