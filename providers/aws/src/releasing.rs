//! Removes all that one Service has at AWS: who uses something before what is used.

use landfall_provider_api::{Error, LoadBalancerId};

use crate::account::Account;
use crate::act;
use crate::calls::{Priority, RefusalKind};
use crate::plan::{Step, release};
use crate::read::{self, Names};

impl Account {
    /// Removes a load balancer with all its parts. What AWS cannot remove yet is an error, and whoever tries
    /// again goes on from there.
    pub(crate) async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        let uid = &id.service_uid;
        let priority = Priority::Change;
        self.waiting.forget(id);
        self.pending.forget(uid);
        let mut work = self.view.work(uid);
        self.inherit_to_remove(id, &mut work).await?;
        if work.is_unsure {
            let known = work.seen.clone();
            let Self { calls, cluster, .. } = self;
            let names = Names::default().and(&work.tried);
            let read = read::of_service(calls, priority, cluster, uid, &known, names);
            let read = read
                .await
                .map_err(|refusal| refusal.into_error("metadata.uid"))?;
            work.seen = read;
            work.is_unsure = false;
        }
        let had_any = !work.seen.is_empty();
        loop {
            let step = release(&work.seen);
            if matches!(step, Step::Done) {
                break;
            }
            let what = what(&step);
            let Err(refusal) = act::take(&self.calls, priority, step, &mut work.seen).await else {
                continue;
            };
            if refusal.kind == RefusalKind::InUse {
                let message = format!("{what} cannot be removed yet: {}", refusal.message);
                work.finish(false);
                return Err(Error::unavailable(message));
            }
            let is_unsure = refusal.is_unsure() || refusal.is_not_found();
            if !is_unsure {
                work.finish(false);
            }
            return Err(refusal.into_error("metadata.uid"));
        }
        work.finish(true);
        self.ways.forget(uid).await;
        self.close_ways().await;
        if had_any {
            self.waiting.something_is_free();
        }
        if self.view.is_empty() {
            self.remove_shared().await;
        }
        Ok(())
    }

    /// What nodes let in that nobody needs goes. Where it cannot, the next reading of all tries again.
    pub(crate) async fn close_ways(&self) {
        let users = || self.view.without_groups();
        let Self { calls, cluster, .. } = self;
        let closed = self.ways.close(calls, Priority::Change, cluster, users);
        if let Err(refusal) = closed.await {
            tracing::info!(%refusal, "what nodes let in for load balancers that are gone stays for now");
        }
    }

    /// Nobody has what load balancers share. Where it cannot be removed yet, the next reading of all tries
    /// again.
    pub(crate) async fn remove_shared(&self) {
        if let Err(refusal) = self.gates.remove(&self.calls, Priority::Change).await {
            tracing::info!(%refusal, "the shared security group stays for now");
        }
    }
}

/// What a step removes, for people.
fn what(step: &Step) -> String {
    match step {
        Step::RemoveBalancer(arn) => format!("the load balancer {arn}"),
        Step::RemoveGroup(arn) => format!("the target group {arn}"),
        Step::RemoveFront(id) => format!("the security group {id}"),
        _ => "a part".to_owned(),
    }
}
