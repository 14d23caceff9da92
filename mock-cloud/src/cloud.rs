//! The cloud: the one task that owns the book and the data planes. Others send it orders; it
//! takes them one after the other, so that no two changes ever meet. It never waits for anything
//! but the closing of its own sockets.

mod owner;

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use landfall_mock_cloud_wire::{Family, LoadBalancer, LoadBalancerSpec, Serving};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::book::{Put, Quota, Refusal};
use crate::changes::{Change, Resumed, What};
use crate::id::Id;
use crate::precondition::Precondition;
use crate::timing::Timing;
use owner::Owner;

/// Orders that may wait before those who give more have to.
const WAITING: usize = 256;

/// Longest that a PUT waits for the first check of its targets.
const FIRST_CHECK: Duration = Duration::from_millis(250);

/// Where orders are given. Clones reach the same cloud.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    orders: mpsc::Sender<Order>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The book does not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such load balancer.
    #[error("there is no load balancer {0}")]
    NotFound(Id),
    /// It is not as the client thinks.
    #[error("{}", match etag {
        Some(etag) => format!("load balancer {id} has the entity tag {etag} by now; read it again"),
        None => format!("there is no load balancer {id} by now"),
    })]
    Precondition {
        /// The load balancer.
        id: Id,
        /// What it has; `None` if there is none.
        etag: Option<String>,
    },
    /// The cloud takes no more orders.
    #[error("the mock cloud is about to stop")]
    Stopping,
}

type Reply<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
enum Order {
    Put(Id, LoadBalancerSpec, Precondition, Reply<Done>),
    Get(Id, Reply<LoadBalancer>),
    List(Vec<(String, String)>, Reply<Vec<LoadBalancer>>),
    Delete(Id, Precondition, Reply<()>),
    Alter(Id, LoadBalancerSpec, bool, Reply<LoadBalancer>),
    Remove(Id, bool, Reply<()>),
    Watch(Option<String>, Reply<Watch>),
    EndStreams(Reply<()>),
    Families(Reply<Vec<Family>>),
    SetQuota(Quota, Reply<()>),
    SetProvisioning(Duration, Reply<()>),
}

/// What a PUT came to.
#[derive(Debug)]
struct Done {
    put: Put,
    now: LoadBalancer,
    /// While its targets have yet to be checked: what is told from now on.
    news: Option<broadcast::Receiver<Arc<Change>>>,
}

/// A client's place in the stream of changes.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) epoch: String,
    /// The last change before those that come.
    pub(crate) last: u64,
    /// What it missed.
    pub(crate) missed: Resumed,
    /// What comes.
    pub(crate) changes: broadcast::Receiver<Arc<Change>>,
}

impl Cloud {
    /// A cloud that has nothing yet and takes so long to provision, and its task, which runs until `stop` and then closes every
    /// socket.
    pub(crate) fn new(
        pool: &[IpNet],
        timing: Timing,
        provisioning: Duration,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (orders, given) = mpsc::channel(WAITING);
        let owner = Owner::new(pool, timing, provisioning);
        (Self { orders }, owner.run(given, stop))
    }

    /// Makes the load balancer exactly this, and tries again what failed. Where its targets have yet
    /// to be checked, waits a moment for that, so that its maker need not ask again.
    pub(crate) async fn put(
        &self,
        id: Id,
        spec: LoadBalancerSpec,
        condition: Precondition,
    ) -> Result<(Put, LoadBalancer), Error> {
        let done = self.order(|reply| Order::Put(id.clone(), spec, condition, reply));
        let Done { put, mut now, news } = done.await?;
        if let Some(news) = news
            && let Ok(Some(serving)) = tokio::time::timeout(FIRST_CHECK, serving(news, &id)).await
        {
            now.serving = Some(serving);
        }
        Ok((put, now))
    }

    pub(crate) async fn get(&self, id: Id) -> Result<LoadBalancer, Error> {
        self.order(|reply| Order::Get(id, reply)).await
    }

    /// All that have every one of these tags, in the order of their ids.
    pub(crate) async fn list(
        &self,
        tags: Vec<(String, String)>,
    ) -> Result<Vec<LoadBalancer>, Error> {
        self.order(|reply| Order::List(tags, reply)).await
    }

    /// Removes it. When this returns, its address no longer answers.
    pub(crate) async fn delete(&self, id: Id, condition: Precondition) -> Result<(), Error> {
        self.order(|reply| Order::Delete(id, condition, reply))
            .await
    }

    /// Makes a load balancer that is there this, behind its client's back; `quietly`, the stream of
    /// changes does not tell.
    pub(crate) async fn alter(
        &self,
        id: Id,
        spec: LoadBalancerSpec,
        quietly: bool,
    ) -> Result<LoadBalancer, Error> {
        self.order(|reply| Order::Alter(id, spec, quietly, reply))
            .await
    }

    /// Removes it behind its client's back; `quietly` as for [`alter`](Self::alter).
    pub(crate) async fn remove(&self, id: Id, quietly: bool) -> Result<(), Error> {
        self.order(|reply| Order::Remove(id, quietly, reply)).await
    }

    /// What happens from now on, and what happened since the event with this id.
    pub(crate) async fn watch(&self, last_event_id: Option<String>) -> Result<Watch, Error> {
        self.order(|reply| Order::Watch(last_event_id, reply)).await
    }

    /// Ends the streams of changes that there are.
    pub(crate) async fn end_streams(&self) -> Result<(), Error> {
        self.order(Order::EndStreams).await
    }

    /// From now on new load balancers are there only after so long.
    pub(crate) async fn set_provisioning(&self, time: Duration) -> Result<(), Error> {
        self.order(|reply| Order::SetProvisioning(time, reply))
            .await
    }

    /// Families that the pool has addresses of, the one that is given unasked first.
    pub(crate) async fn families(&self) -> Result<Vec<Family>, Error> {
        self.order(Order::Families).await
    }

    pub(crate) async fn set_quota(&self, quota: Quota) -> Result<(), Error> {
        self.order(|reply| Order::SetQuota(quota, reply)).await
    }

    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(order(reply))
            .await
            .map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)?
    }
}

/// What is told next of how a load balancer serves; nothing if the news end before, or come faster
/// than they are read.
async fn serving(mut news: broadcast::Receiver<Arc<Change>>, about: &Id) -> Option<Serving> {
    loop {
        if let What::Serving { id, serving, .. } = &news.recv().await.ok()?.what
            && id == about
        {
            return Some(serving.clone());
        }
    }
}
