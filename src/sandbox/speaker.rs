//! The bare-metal provider of a sandbox. The sandbox takes in what arrives for an address, as nodes
//! would that announce it, so it also tells a Service, as their speakers would, where it cannot.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use landfall_provider_api::{
    Assigned, Capabilities, ClusterId, Error, LoadBalancer, LoadBalancerId, Outcome, Owned,
    Provider, ProviderCondition, Serving, Snapshot, listed,
};
use tokio::sync::watch;

use super::proxy::{Lack, Unserved};

/// Condition: something that it was given is not listened on.
const NOT_LISTENING: &str = "landfall.dev/NotListening";
const CANNOT_LISTEN: &str = "CannotListen";
/// Reasons that a condition has room for; each is a line with a command.
const MOST_REASONS: usize = 3;

/// A provider, and what of its addresses this machine cannot serve.
pub(super) struct Speaker {
    provider: Arc<dyn Provider>,
    cluster: ClusterId,
    unserved: watch::Receiver<Unserved>,
}

impl Speaker {
    /// Beside this provider of the cluster.
    pub(super) fn new(
        provider: Arc<dyn Provider>,
        cluster: ClusterId,
        unserved: watch::Receiver<Unserved>,
    ) -> Self {
        Self {
            provider,
            cluster,
            unserved,
        }
    }
}

#[async_trait]
impl Provider for Speaker {
    fn capabilities(&self) -> Capabilities {
        self.provider.capabilities()
    }

    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error> {
        self.provider.begin(snapshot).await
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        let mut outcome = self.provider.ensure(wanted).await?;
        let unserved = self.unserved.borrow();
        let lack = unserved.get(&wanted.service.to_string());
        if let Some(lack) = lack.filter(|lack| lack.uid == wanted.id.service_uid)
            && let Some(assigned) = assigned(&mut outcome)
        {
            tell(assigned, lack);
        }
        Ok(outcome)
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        self.provider.release(id).await
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        self.provider.owned().await
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        let mut unserved = self.unserved.clone();
        let (cluster, before) = (self.cluster.clone(), unserved.borrow_and_update().clone());
        let told = stream::unfold((unserved, before), move |(mut unserved, before)| {
            let cluster = cluster.clone();
            async move {
                unserved.changed().await.ok()?;
                let now = unserved.borrow_and_update().clone();
                let id = |service_uid| LoadBalancerId {
                    cluster: cluster.clone(),
                    service_uid,
                };
                let ids: Vec<_> = changed(&before, &now).into_iter().map(id).collect();
                Some((stream::iter(ids), (unserved, now)))
            }
        });
        stream::select(self.provider.changes(), told.flatten()).boxed()
    }
}

fn assigned(outcome: &mut Outcome) -> Option<&mut Assigned> {
    match outcome {
        Outcome::Provisioned(assigned) => Some(assigned),
        Outcome::Provisioning { assigned, .. } => assigned.as_mut(),
        Outcome::Waiting { held, .. } => held.as_mut(),
    }
}

fn tell(assigned: &mut Assigned, lack: &Lack) {
    let message = listed(&lack.reasons, MOST_REASONS, "; ");
    assigned.serving = Serving::No {
        reason: CANNOT_LISTEN,
        message: message.clone(),
    };
    assigned.conditions.push(ProviderCondition {
        type_: NOT_LISTENING,
        holds: Some(true),
        reason: CANNOT_LISTEN,
        message,
        warns: true,
    });
}

/// UIDs of the Services that lack something else now.
fn changed(before: &Unserved, now: &Unserved) -> Vec<String> {
    let differs = |a: &Unserved, b: &Unserved| -> Vec<String> {
        let differing = a.iter().filter(|(key, lack)| b.get(*key) != Some(lack));
        differing.map(|(_, lack)| lack.uid.clone()).collect()
    };
    let mut uids = [differs(before, now), differs(now, before)].concat();
    uids.sort_unstable();
    uids.dedup();
    uids
}
