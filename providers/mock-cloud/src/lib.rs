//! The provider that makes load balancers in the mock cloud.
//!
//! Nodes are its targets, at their node ports; clients' connections end at the mock cloud, so the
//! ingress has `ipMode: Proxy`. It keeps a view of what the cluster owns there and calls the cloud
//! only where that differs from what is wanted. It knows the mock cloud by its HTTP API alone.

mod answer;
mod api;
mod refusal;
mod view;
mod waiting;
mod wanted;

use async_trait::async_trait;
use futures::stream::BoxStream;
use landfall_mock_cloud_wire as wire;
use landfall_provider_api::{
    Capabilities, ClusterId, Error, Family, LoadBalancer, LoadBalancerId, Outcome, Owned, Protocol,
    Provider, Snapshot, tags,
};

pub use api::NewError;
use api::{Api, Failure};
use view::{Known, View};
use waiting::{Need, Waiting};

/// A client of one mock cloud, for one cluster.
#[derive(Debug)]
pub struct MockCloud {
    cluster: ClusterId,
    families: Vec<Family>,
    api: Api,
    view: View,
    waiting: Waiting,
}

impl MockCloud {
    /// A client of the mock cloud at `url` (`http://127.0.0.1:9090`), whose bearer token is
    /// `token`. It calls nothing yet. The process must have a default rustls crypto provider,
    /// whatever the scheme of `url`: reqwest cannot be made without one.
    pub fn new(url: &str, token: &str, cluster: ClusterId) -> Result<Self, NewError> {
        wanted::check_cluster(&cluster)?;
        Ok(Self {
            api: Api::new(url, token)?,
            cluster,
            families: vec![Family::IPv4],
            view: View::default(),
            waiting: Waiting::default(),
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

    /// Reads all that the cluster owns, and renews the view.
    async fn list(&self) -> Result<Vec<wire::LoadBalancer>, Error> {
        let started = self.view.begin_refresh();
        let items = self
            .api
            .list(&tags::of_cluster(&self.cluster))
            .await
            .map_err(|failure| failure.into_error(|_| "spec".to_owned()))?;
        let known = items.iter().filter_map(|item| {
            let id = self.id_of(item)?;
            // What has our tags under another name is owned, but not what a PUT would change.
            (item.id == wanted::wire_id(&id)).then(|| (id.service_uid, Known::of(item.clone())))
        });
        self.view.refresh(started, known.collect());
        Ok(items)
    }

    fn id_of(&self, item: &wire::LoadBalancer) -> Option<LoadBalancerId> {
        tags::load_balancer(&self.cluster, tag_of(item))
    }

    /// Puts the load balancer, once.
    async fn put(
        &self,
        wanted: &LoadBalancer,
        spec: &wire::LoadBalancerSpec,
    ) -> Result<Outcome, Error> {
        // Unless the call ends well, what we knew about it is no longer certain.
        let change = self.view.change(&wanted.id.service_uid);
        match self.api.put(&wanted::wire_id(&wanted.id), spec).await {
            Ok(item) => {
                let known = Known::of(item);
                if !known.is(spec) {
                    return Err(self.api.senseless("it answered a PUT with something else"));
                }
                let outcome = self.outcome(&known, wanted)?;
                change.done(Some(known));
                self.waiting.forget(&wanted.id);
                Ok(outcome)
            }
            Err(failure) => {
                self.wait(&wanted.id, spec, &failure);
                Err(failure.into_error(|pointer| wanted::field(wanted, pointer)))
            }
        }
    }

    /// Remembers who waits for something to become free.
    fn wait(&self, id: &LoadBalancerId, spec: &wire::LoadBalancerSpec, failure: &Failure) {
        let need = match failure.code() {
            Some(wire::code::POOL_EXHAUSTED | wire::code::QUOTA_EXCEEDED) => Need::Any,
            Some(wire::code::ADDRESS_TAKEN) => match spec.requested_addresses.first() {
                Some(address) => Need::Address(*address),
                None => Need::Any,
            },
            _ => return,
        };
        self.waiting.add(id.clone(), need);
        if let Some(after) = failure.retry_after() {
            self.waiting.wake_later(id.clone(), after);
        }
    }

    fn outcome(&self, known: &Known, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        answer::assigned(known, &wanted.families)
            .map(Outcome::Provisioned)
            .map_err(|nonsense| self.api.senseless(&nonsense.to_string()))
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
        }
    }

    async fn begin(&self, _snapshot: Snapshot) -> Result<Vec<Owned>, Error> {
        self.owned().await
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        let spec = wanted::specification(wanted);
        if let Some(known) = self.view.known(&wanted.id.service_uid)
            && known.is(&spec)
            && known.all_listen()
            && let Ok(outcome) = self.outcome(&known, wanted)
        {
            return Ok(outcome);
        }
        self.put(wanted, &spec).await
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        self.waiting.forget(id);
        let known = self.view.known(&id.service_uid);
        let change = self.view.change(&id.service_uid);
        self.api
            .delete(&wanted::wire_id(id))
            .await
            .map_err(|failure| failure.into_error(|_| "metadata.uid".to_owned()))?;
        change.done(None);
        let addresses = known.map(|known| known.addresses().to_vec());
        self.waiting
            .something_is_free(&addresses.unwrap_or_default());
        Ok(())
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        let owned = |item: &wire::LoadBalancer| Owned {
            id: self.id_of(item),
            service: tags::service(tag_of(item)),
            description: answer::description(item),
        };
        Ok(self.list().await?.iter().map(owned).collect())
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        self.waiting.wakes()
    }
}

fn tag_of<'a>(item: &'a wire::LoadBalancer) -> impl Fn(&str) -> Option<&'a str> {
    |key| item.tags.get(key).map(String::as_str)
}
