//! The bare-metal provider: which Service gets which address. It hands them out from AddressPools;
//! what makes the network send them to a node is the speakers'.
//!
//! Nothing outside the process changes when a load balancer is ensured: the Service's status is
//! the only record, and from it the provider knows at its start what is held.

mod advertising;
mod announced;
mod asking;
mod counting;
mod following;
mod following_metallb;
mod keeper;
mod key;
mod metallb;
mod routing;
mod speakers;
mod state;
mod status;
mod telling;
#[cfg(test)]
mod tests;
mod writing;

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use kube::Client;
use landfall_provider_api::{
    Capabilities, ClusterId, EndpointInput, Error, Family, Held, Ingress, Inputs, LoadBalancer,
    LoadBalancerId, Outcome, Owned, Protocol, Provider, Snapshot,
};
use landfall_watch::Health;
use prometheus_client::collector::Collector;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use state::RECLAIM;

use counting::Counting;
use keeper::Keeper;
use landfall_bare_metal_allocator::{Holding, Uid};

/// Hands out the addresses of AddressPools to the Services of one cluster.
pub struct BareMetal {
    cluster: ClusterId,
    client: Client,
    health: Health,
    keeper: Arc<Keeper>,
    /// The namespace whose MetalLB objects are read, if they are.
    metallb: Option<String>,
    /// The namespace that is to have the key of the speakers, if any is.
    key: Option<String>,
    /// Since the first start: what runs, and how many kinds were read whole.
    running: OnceLock<(JoinSet<()>, watch::Receiver<usize>)>,
}

impl BareMetal {
    /// For a cluster, whose API server the client speaks to. It calls nothing yet. What keeps it
    /// from reading its objects goes to `health`.
    pub fn new(client: Client, cluster: ClusterId, health: Health) -> Self {
        Self {
            keeper: Arc::new(Keeper::new(cluster.clone())),
            cluster,
            client,
            health,
            metallb: None,
            key: None,
            running: OnceLock::new(),
        }
    }

    /// Reads MetalLB's objects of this namespace as well.
    #[must_use]
    pub fn reading_metallb(mut self, namespace: Option<String>) -> Self {
        self.metallb = namespace;
        self
    }

    /// Makes the Secret with the speakers' key in this namespace where there is none.
    #[must_use]
    pub fn keeping_key(mut self, namespace: Option<String>) -> Self {
        self.key = namespace;
        self
    }

    /// Why Services without a class are left to somebody else, if they are: MetalLB's controller
    /// runs beside this one.
    pub fn aside(&self) -> watch::Receiver<Option<String>> {
        self.keeper.aside.subscribe()
    }

    /// Tells a scrape of the metrics how many addresses each pool has.
    pub fn collector(&self) -> Box<dyn Collector> {
        Box::new(Counting(self.keeper.clone()))
    }

    fn owned_now(&self) -> Vec<Owned> {
        let cluster = &self.cluster;
        self.keeper.with(|state, _| {
            let provided = state.allocator.provided();
            let owned = provided.map(|(uid, service, addresses)| {
                let addresses = addresses.iter().map(ToString::to_string);
                let addresses = addresses.collect::<Vec<_>>().join(", ");
                Owned {
                    id: Some(LoadBalancerId {
                        cluster: cluster.clone(),
                        service_uid: uid.to_string(),
                    }),
                    service: Some(service),
                    description: format!("address {addresses}"),
                }
            });
            owned.collect()
        })
    }
}

impl fmt::Debug for BareMetal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BareMetal")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

fn holding(held: &Held) -> Holding {
    let addresses = held.ingress.iter().filter_map(|ingress| match ingress {
        Ingress::Ip { address, .. } => Some(*address),
        Ingress::Hostname(_) => None,
    });
    Holding {
        uid: held.id.service_uid.as_str().into(),
        service: held.service.clone(),
        created: held.created,
        ours: held.ours,
        addresses: addresses.collect(),
        // What asks for what cannot be is told when it is ensured.
        need: held.wanted.as_ref().and_then(|it| asking::need(it).ok()),
    }
}

#[async_trait]
impl Provider for BareMetal {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            protocols: vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp],
            families: vec![Family::IPv4, Family::IPv6],
            // Traffic arrives with the load balancer's address as destination, and kube-proxy takes
            // it from there: so it needs no node port, and keeps to ranges and affinity.
            node_ports: false,
            source_ranges: true,
            client_affinity: true,
            outside_effects: false,
            inputs: Inputs {
                nodes: false,
                node_labels: false,
                endpoints: EndpointInput::Nodes,
                readiness_gates: false,
                labels: true,
                namespace_labels: true,
                annotations: match self.metallb {
                    None => asking::ANNOTATIONS,
                    Some(_) => asking::WITH_METALLB,
                },
            },
        }
    }

    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error> {
        following::check(&self.client).await?;
        let metallb = self.metallb.as_deref();
        let all = following::COUNT + metallb.map_or(0, |_| following_metallb::COUNT);
        let (_, kinds) = self.running.get_or_init(|| {
            let (mut tasks, kinds) =
                keeper::start(&self.keeper, &self.client, &self.health, metallb, all);
            if let Some(namespace) = &self.key {
                tasks.spawn(key::keep(self.client.clone(), namespace.clone()));
            }
            (tasks, kinds)
        });
        let mut kinds = kinds.clone();
        let read = async {
            // Without a task that tells, the process is about to end.
            let _ = kinds.wait_for(|kinds| *kinds >= all).await;
        };
        let (snapshot, ()) = futures::join!(snapshot, read);
        let holdings = snapshot.services.iter().map(holding).collect();
        self.keeper.with(|state, now| state.begin(holdings, now));
        Ok(self.owned_now())
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        self.keeper.with(|state, now| state.ensure(wanted, now))
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        let uid = Uid::from(&*id.service_uid);
        self.keeper.with(|state, now| state.release(&uid, now));
        Ok(())
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        Ok(self.owned_now())
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        self.keeper.changes()
    }
}
