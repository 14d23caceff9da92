//! The bare-metal provider of a sandbox. The sandbox takes in what arrives for an address, as nodes
//! would that announce it: so it stands for their speakers, and tells a Service where it cannot.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use landfall_bare_metal_resources::speaker::ANNOUNCED;
use landfall_provider_api::{
    Assigned, Capabilities, ClusterId, Error, Ingress, LoadBalancer, LoadBalancerId, Outcome,
    Owned, Provider, ProviderCondition, Serving, Snapshot, listed,
};
use tokio::sync::watch;

use super::proxy::{Lack, Unserved};

/// Condition: something that it was given is not listened on.
const NOT_LISTENING: &str = "landfall.dev/NotListening";
const CANNOT_LISTEN: &str = "CannotListen";
/// Why the provider says that an address is not announced, where only a speaker is missing.
const LACKS_SPEAKER: [&str; 2] = ["NoSpeaker", "NoEndpoints"];
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
        if let Some(assigned) = assigned(&mut outcome) {
            let unserved = self.unserved.borrow();
            let lack = unserved.get(&wanted.service.to_string());
            match lack.filter(|lack| lack.uid == wanted.id.service_uid) {
                Some(lack) => tell(assigned, lack),
                None => announce(assigned, !wanted.endpoint_nodes.is_empty()),
            }
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

/// The condition that says who announces the addresses, where only a speaker is missing.
fn lacks_speaker(assigned: &mut Assigned) -> Option<&mut ProviderCondition> {
    let mut conditions = assigned.conditions.iter_mut();
    conditions.find(|it| it.type_ == ANNOUNCED && LACKS_SPEAKER.contains(&it.reason))
}

/// All of it is listened on. `is_ready` says whether a pod takes what arrives.
fn announce(assigned: &mut Assigned, is_ready: bool) {
    let addresses: Vec<_> = assigned.ingress.iter().filter_map(address).collect();
    let Some(announced) = lacks_speaker(assigned) else {
        return;
    };
    announced.holds = Some(true);
    announced.reason = "Announced";
    announced.message = format!("{} by this sandbox", addresses.join("; "));
    if is_ready {
        assigned.serving = Serving::Yes;
    }
}

fn address(ingress: &Ingress) -> Option<String> {
    match ingress {
        Ingress::Ip { address, .. } => Some(address.to_string()),
        Ingress::Hostname(_) => None,
    }
}

fn tell(assigned: &mut Assigned, lack: &Lack) {
    let message = listed(&lack.reasons, MOST_REASONS, "; ");
    if let Some(announced) = lacks_speaker(assigned) {
        announced.holds = Some(false);
        announced.reason = CANNOT_LISTEN;
        announced.message.clone_from(&message);
    }
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
