//! What the cloud's task owns, and what it does with each order.

mod telling;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use landfall_mock_cloud_wire::{
    self as wire, ListenerSpec, ListenerStatus, LoadBalancer, LoadBalancerSpec, LoadBalancerState,
    TargetHealth,
};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Done, Error, Order};
use crate::book::{Book, Entry, Put};
use crate::changes::{Change, ChangeLog, What};
use crate::front::{Alarm, Front, Group};
use crate::id::Id;
use crate::precondition::Precondition;
use crate::timing::{Timing, until};
use crate::vigil::Vigil;

/// Addresses that are tried for a new load balancer when other programs have its ports there.
const MOST_MOVES: usize = 1024;

/// Changes that a client may have missed and still go on where it was.
const CHANGES_KEPT: usize = 4096;

/// Changes that a stream may be behind; one that is further behind begins anew.
const CHANGES_BEHIND: usize = 1024;

/// What the task owns.
pub(super) struct Owner {
    book: Book,
    pool: Arc<[IpNet]>,
    fronts: HashMap<Id, Front>,
    /// Those of all load balancers, deleted ones included.
    connections: Group,
    /// The connections of deleted load balancers; each task ends with the addresses that are free
    /// then.
    leaving: JoinSet<Vec<IpAddr>>,
    timing: Timing,
    /// Time until a new load balancer is there.
    provisioning: Duration,
    /// Load balancers that are not there yet, by the revision that they were made with.
    pending: HashMap<Id, u64>,
    /// The times of those; some may be deleted meanwhile.
    ready: JoinSet<(Id, u64)>,
    /// What was told of how they serve.
    vigil: Vigil,
    /// Load balancers of whose targets one has news.
    alarms: mpsc::UnboundedReceiver<Id>,
    /// Where those come from.
    alarm: mpsc::UnboundedSender<Id>,
    log: ChangeLog,
    streams: broadcast::Sender<Arc<Change>>,
}

impl Owner {
    pub(super) fn new(pool: &[IpNet], timing: Timing, provisioning: Duration) -> Self {
        let epoch = format!("{:x}", RandomState::new().hash_one(0));
        let (alarm, alarms) = mpsc::unbounded_channel();
        Self {
            book: Book::new(pool),
            pool: pool.into(),
            fronts: HashMap::new(),
            connections: Group::default(),
            leaving: JoinSet::new(),
            timing,
            provisioning,
            pending: HashMap::new(),
            ready: JoinSet::new(),
            vigil: Vigil::default(),
            alarms,
            alarm,
            log: ChangeLog::new(epoch, CHANGES_KEPT),
            streams: broadcast::Sender::new(CHANGES_BEHIND),
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(Ok(addresses)) = self.leaving.join_next() => self.free(&addresses),
                Some(Ok((id, revision))) = self.ready.join_next() => {
                    self.provision(id, revision).await;
                }
                Some(id) = self.alarms.recv() => self.look(&id),
                () = until(self.vigil.next()) => self.look_at_ripe(),
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
            Order::Put(id, spec, condition, reply) => {
                drop(reply.send(self.put(id, spec, &condition).await));
            }
            Order::Get(id, reply) => drop(reply.send(self.describe(&id))),
            Order::List(tags, reply) => drop(reply.send(Ok(self.list(&tags)))),
            Order::Delete(id, condition, reply) => {
                let result = match self.check(&id, &condition) {
                    Ok(()) => self.delete(id, false).await,
                    Err(error) => Err(error),
                };
                drop(reply.send(result));
            }
            Order::Alter(id, spec, quietly, reply) => {
                drop(reply.send(self.alter(id, spec, quietly).await));
            }
            Order::Remove(id, quietly, reply) => {
                drop(reply.send(self.delete(id, quietly).await));
            }
            Order::Watch(last_event_id, reply) => {
                drop(reply.send(Ok(self.watch(last_event_id.as_deref()))));
            }
            Order::EndStreams(reply) => {
                self.streams = broadcast::Sender::new(CHANGES_BEHIND);
                drop(reply.send(Ok(())));
            }
            Order::Families(reply) => drop(reply.send(Ok(self.book.families()))),
            Order::SetQuota(quota, reply) => {
                self.book.set_quota(quota);
                let addresses = Vec::new();
                self.tell(What::FreedCapacity { addresses });
                drop(reply.send(Ok(())));
            }
            Order::SetProvisioning(time, reply) => {
                self.provisioning = time;
                drop(reply.send(Ok(())));
            }
        }
    }

    async fn put(
        &mut self,
        id: Id,
        spec: LoadBalancerSpec,
        condition: &Precondition,
    ) -> Result<Done, Error> {
        self.check(&id, condition)?;
        let before = self.book.get(&id).cloned();
        let put = self.book.put(&id, spec)?;
        if put == Put::Made && !self.provisioning.is_zero() {
            self.begin_provisioning(&id);
        }
        if !self.pending.contains_key(&id) {
            self.apply(&id, put == Put::Made).await;
        }
        if put != Put::Unchanged {
            self.tell_changed(&id, before);
        }
        self.look(&id);
        let now = self.describe(&id)?;
        if put != Put::Unchanged {
            tracing::info!(load_balancer = %id, addresses = ?now.addresses, ?put, "put");
        }
        let is_passing = self.vigil.is_passing(&id);
        let news = is_passing.then(|| self.streams.subscribe());
        Ok(Done { put, now, news })
    }

    async fn alter(
        &mut self,
        id: Id,
        spec: LoadBalancerSpec,
        quietly: bool,
    ) -> Result<LoadBalancer, Error> {
        let Some(before) = self.book.get(&id).cloned() else {
            return Err(Error::NotFound(id));
        };
        self.book.put(&id, spec)?;
        if !self.pending.contains_key(&id) {
            self.apply(&id, false).await;
        }
        tracing::info!(load_balancer = %id, "altered behind its client's back");
        if !quietly {
            self.tell_changed(&id, Some(before));
        }
        self.look(&id);
        self.describe(&id)
    }

    /// Makes the data plane what the book says. A `new` load balancer may get another address
    /// where others have its ports.
    async fn apply(&mut self, id: &Id, new: bool) {
        let Some(entry) = self.book.get(id) else {
            return;
        };
        let front = self.fronts.entry(id.clone()).or_insert_with(|| {
            let connections = self.connections.subgroup();
            let alarm = Alarm::new(id.clone(), self.alarm.clone());
            Front::new(self.pool.clone(), connections, alarm, self.timing)
        });
        front.apply(&entry.addresses, &entry.spec).await;
        if !new {
            return;
        }
        for _ in 0..MOST_MOVES {
            let Some(taken) = front.taken() else { break };
            if !self.book.relocate(id, taken) {
                break;
            }
            let entry = self.book.get(id).expect("what was moved is in the book");
            front.move_to(&entry.addresses).await;
        }
    }

    fn begin_provisioning(&mut self, id: &Id) {
        let Some(entry) = self.book.get(id) else {
            return;
        };
        let (id, revision, time) = (id.clone(), entry.revision, self.provisioning);
        self.pending.insert(id.clone(), revision);
        self.ready.spawn(async move {
            tokio::time::sleep(time).await;
            (id, revision)
        });
    }

    /// The time of a new load balancer has come, unless it is gone, or another has its name.
    async fn provision(&mut self, id: Id, revision: u64) {
        if self.pending.get(&id) != Some(&revision) {
            return;
        }
        self.pending.remove(&id);
        self.apply(&id, true).await;
        self.book.touch(&id);
        tracing::info!(load_balancer = %id, "provisioned");
        self.tell_changed(&id, None);
        self.look(&id);
    }

    async fn delete(&mut self, id: Id, quietly: bool) -> Result<(), Error> {
        let until = Instant::now() + self.timing.drain_timeout;
        let Some(entry) = self.book.delete(&id, until) else {
            return Err(Error::NotFound(id));
        };
        tracing::info!(load_balancer = %id, addresses = ?entry.addresses, "deleted");
        self.pending.remove(&id);
        self.vigil.forget(&id);
        let connections = match self.fronts.remove(&id) {
            Some(front) => front.close().await,
            None => Group::default(),
        };
        if !quietly {
            let tags = entry.spec.tags;
            self.tell(What::Deleted { id, tags });
        }
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
        let Some(entry) = self.book.get(id) else {
            return Err(Error::NotFound(id.clone()));
        };
        let is_pending = self.pending.contains_key(id);
        let (state, addresses, listeners) = match self.fronts.get(id) {
            Some(front) if !is_pending => (
                LoadBalancerState::Active,
                entry.addresses.clone(),
                front.describe(&entry.spec.listeners),
            ),
            _ => {
                let listeners = entry.spec.listeners.iter().map(not_yet).collect();
                (LoadBalancerState::Provisioning, Vec::new(), listeners)
            }
        };
        Ok(LoadBalancer {
            id: id.to_string(),
            etag: self.etag(entry),
            tags: entry.spec.tags.clone(),
            requested_addresses: entry.spec.requested_addresses.clone(),
            families: entry.spec.families.clone(),
            family_policy: entry.spec.family_policy,
            source_ranges: entry.spec.source_ranges.clone(),
            affinity: entry.spec.affinity.clone(),
            state,
            addresses,
            serving: self.vigil.told(id),
            listeners,
        })
    }

    fn etag(&self, entry: &Entry) -> String {
        format!("\"{}.{}\"", self.log.epoch(), entry.revision)
    }

    fn check(&self, id: &Id, condition: &Precondition) -> Result<(), Error> {
        let etag = self.book.get(id).map(|entry| self.etag(entry));
        if condition.holds(etag.as_deref()) {
            return Ok(());
        }
        let id = id.clone();
        Err(Error::Precondition { id, etag })
    }

    fn free(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            self.book.free(*address);
        }
        let addresses = addresses.to_vec();
        self.tell(What::FreedCapacity { addresses });
    }

    /// Closes every socket at once.
    async fn close(self) {
        for front in self.fronts.into_values() {
            front.close().await;
        }
        self.connections.cut();
    }
}

/// A listener of a load balancer that is not there yet.
fn not_yet(spec: &ListenerSpec) -> wire::Listener {
    let target = |target: &wire::Target| wire::TargetStatus {
        name: target.name.clone(),
        address: target.address,
        port: target.port,
        health: TargetHealth::Initial,
    };
    wire::Listener {
        protocol: spec.protocol,
        port: spec.port,
        idle_timeout: spec.idle_timeout,
        health_check: spec.health_check.clone(),
        status: ListenerStatus::Pending,
        targets: spec.targets.iter().map(target).collect(),
    }
}
