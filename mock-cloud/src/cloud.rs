//! The cloud: the one task that owns the book and the data planes. Others send it orders; it
//! takes them one after the other, so that no two changes ever meet. It never waits for anything
//! but the closing of its own sockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use landfall_mock_cloud_wire::{Family, LoadBalancer, LoadBalancerSpec, LoadBalancerState};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::book::{Book, Put, Quota, Refusal};
use crate::front::{Front, Group};
use crate::id::Id;
use crate::timing::Timing;

/// Addresses that are tried for a new load balancer when other programs have its ports there.
const MOST_MOVES: usize = 1024;

/// Orders that may wait before those who give more have to.
const WAITING: usize = 256;

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
    /// The cloud takes no more orders.
    #[error("the mock cloud is about to stop")]
    Stopping,
}

type Reply<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
enum Order {
    Put(Id, LoadBalancerSpec, Reply<(Put, LoadBalancer)>),
    Get(Id, Reply<LoadBalancer>),
    List(Vec<(String, String)>, Reply<Vec<LoadBalancer>>),
    Delete(Id, Reply<()>),
    Families(Reply<Vec<Family>>),
    SetQuota(Quota, Reply<()>),
}

impl Cloud {
    /// A cloud that has nothing yet, and its task, which runs until `stop` and then closes every
    /// socket.
    pub(crate) fn new(
        pool: &[IpNet],
        timing: Timing,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (orders, given) = mpsc::channel(WAITING);
        let owner = Owner {
            book: Book::new(pool),
            pool: pool.into(),
            fronts: HashMap::new(),
            connections: Group::default(),
            leaving: JoinSet::new(),
            timing,
        };
        (Self { orders }, owner.run(given, stop))
    }

    /// Makes the load balancer exactly this, and tries again what failed.
    pub(crate) async fn put(
        &self,
        id: Id,
        spec: LoadBalancerSpec,
    ) -> Result<(Put, LoadBalancer), Error> {
        self.order(|reply| Order::Put(id, spec, reply)).await
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
    pub(crate) async fn delete(&self, id: Id) -> Result<(), Error> {
        self.order(|reply| Order::Delete(id, reply)).await
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

/// What the task owns.
struct Owner {
    book: Book,
    pool: Arc<[IpNet]>,
    fronts: HashMap<Id, Front>,
    /// Those of all load balancers, deleted ones included.
    connections: Group,
    /// The connections of deleted load balancers; each task ends with the addresses that are free
    /// then.
    leaving: JoinSet<Vec<IpAddr>>,
    timing: Timing,
}

impl Owner {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(Ok(addresses)) = self.leaving.join_next() => self.free(&addresses),
                order = orders.recv() => match order {
                    Some(order) => self.take(order).await,
                    None => break,
                },
            }
        }
        self.close().await;
    }

    /// Whether anybody still waits for the reply does not matter: what was done is done.
    async fn take(&mut self, order: Order) {
        match order {
            Order::Put(id, spec, reply) => drop(reply.send(self.put(id, spec).await)),
            Order::Get(id, reply) => drop(reply.send(self.describe(&id))),
            Order::List(tags, reply) => drop(reply.send(Ok(self.list(&tags)))),
            Order::Delete(id, reply) => drop(reply.send(self.delete(id).await)),
            Order::Families(reply) => drop(reply.send(Ok(self.book.families()))),
            Order::SetQuota(quota, reply) => {
                self.book.set_quota(quota);
                drop(reply.send(Ok(())));
            }
        }
    }

    async fn put(&mut self, id: Id, spec: LoadBalancerSpec) -> Result<(Put, LoadBalancer), Error> {
        let put = self.book.put(&id, spec)?;
        let entry = self.book.get(&id).expect("what was put is in the book");
        let front = self.fronts.entry(id.clone()).or_insert_with(|| {
            let connections = self.connections.subgroup();
            Front::new(self.pool.clone(), connections, self.timing)
        });
        front.apply(&entry.addresses, &entry.spec).await;
        if put == Put::Made {
            for _ in 0..MOST_MOVES {
                let Some(taken) = front.taken() else { break };
                if !self.book.relocate(&id, taken) {
                    break;
                }
                let entry = self.book.get(&id).expect("what was moved is in the book");
                front.move_to(&entry.addresses).await;
            }
        }
        let now = self.describe(&id)?;
        if put != Put::Unchanged {
            tracing::info!(load_balancer = %id, addresses = ?now.addresses, ?put, "put");
        }
        Ok((put, now))
    }

    async fn delete(&mut self, id: Id) -> Result<(), Error> {
        let until = Instant::now() + self.timing.drain_timeout;
        let Some(entry) = self.book.delete(&id, until) else {
            return Err(Error::NotFound(id));
        };
        tracing::info!(load_balancer = %id, addresses = ?entry.addresses, "deleted");
        let Some(front) = self.fronts.remove(&id) else {
            self.free(&entry.addresses);
            return Ok(());
        };
        let connections = front.close().await;
        if connections.is_empty() {
            self.free(&entry.addresses);
        } else {
            let drain = connections.drain(self.timing.drain_timeout);
            self.leaving.spawn(async move {
                drain.await;
                entry.addresses
            });
        }
        Ok(())
    }

    fn list(&self, tags: &[(String, String)]) -> Vec<LoadBalancer> {
        self.book
            .list(tags)
            .filter_map(|(id, _)| self.describe(id).ok())
            .collect()
    }

    fn describe(&self, id: &Id) -> Result<LoadBalancer, Error> {
        let (Some(entry), Some(front)) = (self.book.get(id), self.fronts.get(id)) else {
            return Err(Error::NotFound(id.clone()));
        };
        Ok(LoadBalancer {
            id: id.to_string(),
            tags: entry.spec.tags.clone(),
            requested_addresses: entry.spec.requested_addresses.clone(),
            families: entry.spec.families.clone(),
            source_ranges: entry.spec.source_ranges.clone(),
            affinity: entry.spec.affinity.clone(),
            state: LoadBalancerState::Active,
            addresses: entry.addresses.clone(),
            listeners: front.describe(&entry.spec.listeners),
        })
    }

    fn free(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            self.book.free(*address);
        }
    }

    /// Closes every socket at once.
    async fn close(self) {
        for front in self.fronts.into_values() {
            front.close().await;
        }
        self.connections.cut();
    }
}
