//! The provider that makes load balancers in the mock cloud.
//!
//! Nodes are its targets, at their node ports; clients' connections end at the mock cloud, so the
//! ingress has `ipMode: Proxy`. It keeps a view of what the cluster owns there and calls the cloud
//! only where that differs from what is wanted. It knows the mock cloud by its HTTP API alone.

mod adoption;
mod answer;
mod api;
mod call;
mod cluster;
mod known;
mod listener;
mod refusal;
mod sse;
mod trouble;
mod view;
mod waiting;
mod wanted;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use landfall_mock_cloud_wire as wire;
use landfall_provider_api::{
    Capabilities, ClusterId, Error, Family, Inputs, LoadBalancer, LoadBalancerId, Outcome, Owned,
    Protocol, Provider, Snapshot, tags,
};

pub use api::NewError;
use api::{Api, Failure, Only};
use cluster::{Cluster, tag_of};
use known::{Digest, Known};
use listener::Listener;
use view::Put;
use waiting::{Freed, Need};

/// A client of one mock cloud, for one cluster.
#[derive(Debug)]
pub struct MockCloud {
    families: Vec<Family>,
    cluster: Arc<Cluster>,
    /// Since somebody first asked for changes.
    listener: OnceLock<Listener>,
}

impl MockCloud {
    /// A client of the mock cloud at `url` (`http://127.0.0.1:9090`), whose bearer token is
    /// `token`. It calls nothing yet. The process must have a default rustls crypto provider,
    /// whatever the scheme of `url`: reqwest cannot be made without one.
    pub fn new(url: &str, token: &str, cluster: ClusterId) -> Result<Self, NewError> {
        wanted::check_cluster(&cluster)?;
        let api = Api::new(url, token)?;
        Ok(Self {
            families: vec![Family::IPv4],
            cluster: Arc::new(Cluster::new(cluster, api)),
            listener: OnceLock::new(),
        })
    }

    /// The families that its pool has addresses of, if they are not IPv4 alone. A provider must say
    /// what it can do before it has called anybody, so this cannot be read from the mock cloud; a
    /// family that it does not have is refused when a Service asks for it.
    #[must_use]
    pub fn with_families(mut self, families: impl IntoIterator<Item = Family>) -> Self {
        self.families = families.into_iter().collect();
        self
    }

    /// Puts the load balancer, once; where it is known, only if it is still what is known.
    async fn put(
        &self,
        wanted: &LoadBalancer,
        spec: &wire::LoadBalancerSpec,
        known: Option<&Known>,
    ) -> Result<Outcome, Error> {
        let Cluster {
            api, view, waiting, ..
        } = &*self.cluster;
        let id = view.id(&wanted.id);
        let asked = Digest::of(spec);
        // Unless the call ends well, what we knew about it is no longer certain.
        let change = view.change(&wanted.id.service_uid, Some(asked));
        let only = match known.and_then(Known::etag) {
            Some(etag) => Only::If(etag),
            None if view.is_absent(&wanted.id.service_uid) => Only::IfNone,
            None => Only::Anyway,
        };
        let seen = waiting.freed();
        match api.put(&id, spec, only).await {
            Ok(item) => {
                let known = Known::of(item);
                if !known.is(asked) {
                    return Err(api.senseless("it answered a PUT with something else"));
                }
                // Nonsense is not known.
                self.outcome(&known, wanted, false)?;
                let lacking = answer::lacking(&known, wanted);
                let Put {
                    known,
                    is_another,
                    is_repaired,
                } = change.put(known, asked);
                if is_another {
                    waiting.wake(wanted.id.clone());
                }
                if lacking.is_empty() {
                    waiting.forget(&wanted.id);
                } else {
                    waiting.add(wanted.id.clone(), Need::Family(lacking), seen);
                }
                self.outcome(&known, wanted, is_repaired)
            }
            Err(failure) if failure.code() == Some(wire::code::PRECONDITION_FAILED) => {
                drop(change);
                // Where that fails, too, the next attempt begins with nothing known.
                let found = self.cluster.look_up(&wanted.id).await;
                self.check_not_lost(&wanted.id)?;
                if let (Only::IfNone, Ok(Some(found))) = (only, found) {
                    // Made by a call of ours whose answer was lost, perhaps of a process before.
                    return Box::pin(self.put(wanted, spec, Some(&found))).await;
                }
                Err(failure.into_error(|pointer| wanted::field(wanted, pointer)))
            }
            Err(failure) => {
                self.wait(wanted, spec, &failure, seen);
                Err(failure.into_error(|pointer| wanted::field(wanted, pointer)))
            }
        }
    }

    /// Refuses one that another cluster has adopted.
    fn check_not_lost(&self, id: &LoadBalancerId) -> Result<(), Error> {
        match self.cluster.view.lost_to(&id.service_uid) {
            None => Ok(()),
            Some(uid) => Err(Error::NameTaken {
                name: id.cluster.name.clone(),
                uid: uid.into(),
            }),
        }
    }

    /// Remembers who waits for something to become free.
    fn wait(
        &self,
        wanted: &LoadBalancer,
        spec: &wire::LoadBalancerSpec,
        failure: &Failure,
        seen: Freed,
    ) {
        let need = match failure.code() {
            Some(wire::code::POOL_EXHAUSTED) => Need::Family(wanted.families.clone()),
            Some(wire::code::QUOTA_EXCEEDED) => Need::Any,
            Some(wire::code::ADDRESS_TAKEN) => match spec.requested_addresses.first() {
                Some(address) => Need::Address(*address),
                None => Need::Any,
            },
            _ => return,
        };
        let waiting = &self.cluster.waiting;
        waiting.add(wanted.id.clone(), need, seen);
        if let Some(after) = failure.retry_after() {
            waiting.wake_later(wanted.id.clone(), after);
        }
    }

    fn described(&self, items: &[wire::LoadBalancer]) -> Vec<Owned> {
        let owned = |item: &wire::LoadBalancer| Owned {
            id: self.cluster.id_of(item),
            service: tags::service(tag_of(item)),
            description: answer::description(item),
        };
        items.iter().map(owned).collect()
    }

    fn outcome(
        &self,
        known: &Known,
        wanted: &LoadBalancer,
        repaired: bool,
    ) -> Result<Outcome, Error> {
        if !known.is_active() {
            return Ok(Outcome::Provisioning {
                assigned: None,
                message: "the mock cloud is provisioning the load balancer".to_owned(),
            });
        }
        answer::assigned(known, wanted, repaired)
            .map(Outcome::Provisioned)
            .map_err(|nonsense| self.cluster.api.senseless(&nonsense.to_string()))
    }
}

#[async_trait]
impl Provider for MockCloud {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            protocols: vec![Protocol::Tcp, Protocol::Udp],
            families: self.families.clone(),
            node_ports: true,
            source_ranges: true,
            client_affinity: true,
            outside_effects: true,
            inputs: Inputs {
                nodes: true,
                ..Inputs::default()
            },
        }
    }

    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error> {
        // What happens between the reading and the listening would be missed.
        if let Some(listener) = self.listener.get() {
            listener.started().await;
        }
        let items = self.cluster.begin(snapshot).await?;
        Ok(self.described(&items))
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        let spec = wanted::specification(wanted);
        let asked = Digest::of(&spec);
        let view = &self.cluster.view;
        self.check_not_lost(&wanted.id)?;
        let known = view.known(&wanted.id.service_uid);
        if let Some(known) = &known
            && known.is(asked)
            && known.is_active()
            && known.all_listen()
            && answer::lacking(known, wanted).is_empty()
            && self.outcome(known, wanted, false).is_ok()
        {
            let repaired = view.agrees(&wanted.id.service_uid, asked);
            return self.outcome(known, wanted, repaired);
        }
        self.put(wanted, &spec, known.as_ref()).await
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        let Cluster {
            api, view, waiting, ..
        } = &*self.cluster;
        let error = |failure: Failure| failure.into_error(|_| "metadata.uid".to_owned());
        waiting.forget(id);
        // What is not known may be another cluster's by now.
        let known = match view.known(&id.service_uid) {
            Some(known) => Some(known),
            None => self.cluster.look_up(id).await.map_err(error)?,
        };
        let name = view.id(id);
        let change = view.change(&id.service_uid, None);
        if let Some(known) = &known
            && let Err(failure) = api.delete(&name, known.etag()).await
        {
            drop(change);
            let is_another = failure.code() == Some(wire::code::PRECONDITION_FAILED);
            if !is_another || self.cluster.look_up(id).await.map_err(error)?.is_some() {
                return Err(error(failure));
            }
            view.change(&id.service_uid, None).gone();
        } else {
            change.gone();
        }
        let addresses = known.map(|known| known.addresses().to_vec());
        waiting.something_is_free(&addresses.unwrap_or_default());
        Ok(())
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        let items = self.cluster.look_again().await;
        let items = items.map_err(|failure| failure.into_error(|_| "spec".to_owned()))?;
        Ok(self.described(&items))
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        let changes = self.cluster.waiting.wakes();
        self.listener
            .get_or_init(|| Listener::start(self.cluster.clone()));
        changes
    }
}
