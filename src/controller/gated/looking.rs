//! What a look at a Service has to do with its pods' readiness gates: before it, its pods must have been read;
//! after it, they are told what the provider has found.

use landfall_provider_api::{Outcome, ServiceName};
use landfall_service::uid_of;

use crate::controller::act::Context;
use crate::controller::memory::Memory;

/// Whether a look at a Service can go on. If not, pods of it are being read that may wait for its load
/// balancer, and it is woken afterwards: to leave them out meanwhile would take out those that a
/// controller before this one has registered.
pub(in crate::controller) fn before(context: &Context, name: &ServiceName) -> bool {
    let Some(gated) = &context.watches.gated else {
        return true;
    };
    let claims = context.claims();
    let service = context.watches.service(name);
    let service = service.filter(|it| it.metadata.deletion_timestamp.is_none());
    let claim = service.as_deref().and_then(|it| claims.claimant(it));
    if claim.is_some_and(|it| it.capabilities.inputs.readiness_gates) {
        gated.listed(name, &context.watches.around(name).slices)
    } else {
        gated.listed(name, &[])
    }
}

/// Passes on what a provider has last found of the pods that wait. An error leaves what it said before.
pub(in crate::controller) fn after(context: &Context, name: &ServiceName, memory: &Memory) {
    let Some(gated) = &context.watches.gated else {
        return;
    };
    let Some(service) = context.watches.service(name) else {
        return;
    };
    let tenure = memory.record.tenure(uid_of(&service));
    let attempt = tenure.and_then(|it| it.attempt.as_ref());
    let Some(attempt) = attempt.filter(|it| !it.wanted.awaited.is_empty()) else {
        return;
    };
    let assigned = match &attempt.result {
        Ok(Outcome::Provisioned(assigned)) => Some(assigned),
        Ok(Outcome::Provisioning { assigned, .. }) => assigned.as_ref(),
        Ok(Outcome::Waiting { held, .. }) => held.as_ref(),
        Err(_) => return,
    };
    let findings = assigned.map(|it| it.awaited.clone());
    gated.answered(name, findings.unwrap_or_default());
}
