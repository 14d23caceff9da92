//! The trait.

use std::time::SystemTime;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::{
    Capabilities, Error, Ingress, LoadBalancer, LoadBalancerId, Outcome, Owned, ServiceName,
};

/// A backend that makes load balancers for one cluster.
///
/// The controller never makes two calls for one load balancer at once; calls for different ones
/// run side by side. A call may be cut off at any await, and the process may end between any two:
/// whatever stands then is found again by [`owned`](Self::owned) and put right by the next
/// [`ensure`](Self::ensure) or [`release`](Self::release).
#[async_trait]
pub trait Provider: Send + Sync {
    /// What this backend can do. Does not change.
    fn capabilities(&self) -> Capabilities;

    /// Once, before the first `ensure`: every Service that is the provider's, with its present
    /// status, so that what is held is taken over before anything new is given. The snapshot comes
    /// when the cluster was read; what the backend has may be read meanwhile. Answers what
    /// [`owned`](Self::owned) would, from the one bulk read that a start costs. Called again if
    /// it failed.
    ///
    /// What bears the cluster's name with another UID is another cluster's:
    /// [`Error::NameTaken`], unless that UID is [`Snapshot::adopts`]. Then it is this cluster's
    /// from now on: it is tagged anew in place, for the Service of the same namespace and name
    /// where the snapshot has one.
    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error>;

    /// Makes the load balancer exactly this, from whatever is there. Idempotent; an address once
    /// assigned stays. Returns at once when the backend needs longer
    /// ([`Outcome::Provisioning`]).
    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error>;

    /// Removes everything that belongs to it, parts included. Gone already is success.
    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error>;

    /// All that this cluster owns here, read in bulk from the backend.
    async fn owned(&self) -> Result<Vec<Owned>, Error>;

    /// Load balancers that deserve another look: changed on the provider's side, or waiting for
    /// something that has just become free. What happened before the call is not told.
    fn changes(&self) -> BoxStream<'static, LoadBalancerId>;
}

/// What the cluster holds when a controller starts.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Each Service that bears the provider's marks or is to be given something by it.
    pub services: Vec<Held>,
    /// UID that this cluster had before it was restored, if what bears it is to be taken over.
    pub adopts: Option<String>,
}

impl Snapshot {
    /// As [`Provider::begin`] takes it, where it is known already.
    pub fn known(self) -> BoxFuture<'static, Self> {
        Box::pin(std::future::ready(self))
    }
}

/// A Service of one provider as a controller finds it when it starts.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its load balancer.
    pub id: LoadBalancerId,
    /// What people call it.
    pub service: ServiceName,
    /// `metadata.creationTimestamp`: of two that hold the same, the older keeps it.
    pub created: SystemTime,
    /// Whether its marks say that what its status names was given by this provider. Else somebody
    /// else may have written it.
    pub ours: bool,
    /// What its status says it has.
    pub ingress: Vec<Ingress>,
    /// What it asks for now; `None` if it is to be released, or asks for what cannot be.
    pub wanted: Option<LoadBalancer>,
}
