//! The task that owns the queue and all that is remembered. It hands a key together with its
//! memory to a worker and takes both back, so no lock guards either.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::{LoadBalancerId, Owned, ServiceName};
use landfall_service::{Class, is_provisioned, name_of, uid_of};
use landfall_watch::sleep_until;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::act::{Context, look};
use super::backend::Backend;
use super::memory::Memory;
use super::metrics::{ClassLabel, SyncLabels, Synced};
use super::sweep::Sweep;

/// Time that calls under way have to end when the controller stops.
const DRAIN: Duration = Duration::from_secs(3);

/// How far a Service that somebody has just changed, or that has nothing yet, goes ahead of those
/// that are looked at because all are. After that time these have their turn, so nobody waits for
/// ever.
const HEAD_START: Duration = Duration::from_secs(5);

/// What a watch or a provider has to tell.
#[derive(Debug)]
pub(super) enum Note {
    /// This Service deserves a look.
    Look(ServiceName),
    /// All Services that are ours or claimed do: the nodes changed, or the watch began anew.
    LookAtAll,
    /// Those in this namespace do.
    LookInto(String),
    /// A provider is ready, and holds something for Services with these UIDs.
    Holds(Class, Vec<String>),
    /// What a provider last answered for this one may no longer hold.
    Stale(LoadBalancerId),
    /// All that the cluster owns at a provider, as a read tells that was begun then.
    Compared(Class, Vec<Owned>, Instant),
}

/// A worker's return: the key, its memory, and when to look again.
type Finished = (ServiceName, Memory, Option<Instant>);

fn ahead(now: Instant) -> Instant {
    now.checked_sub(HEAD_START).unwrap_or(now)
}

pub(super) struct Dispatcher {
    context: Arc<Context>,
    notes: mpsc::UnboundedReceiver<Note>,
    concurrency: usize,
    queue: super::queue::Queue<ServiceName>,
    memories: HashMap<ServiceName, Memory>,
    /// Which name each UID of a remembered Service has.
    names: HashMap<String, ServiceName>,
    /// What providers hold, until the Service that it belongs to is looked at.
    held: HashMap<String, BTreeSet<Class>>,
    /// What of each provider's things belongs to nobody.
    sweeps: HashMap<Class, Sweep>,
    /// Keys whose answer became stale while they ran.
    stale: HashSet<ServiceName>,
    workers: JoinSet<Finished>,
    /// Which key each worker has, to find it again should the worker panic.
    keys: HashMap<tokio::task::Id, ServiceName>,
}

impl Dispatcher {
    pub(super) fn new(
        context: Arc<Context>,
        notes: mpsc::UnboundedReceiver<Note>,
        concurrency: usize,
    ) -> Self {
        let sweep = |backend: &Backend| (backend.class.clone(), Sweep::new(backend.sweep_after));
        let sweeps = context.backends.iter().map(sweep).collect();
        Self {
            context,
            notes,
            concurrency,
            queue: super::queue::Queue::new(),
            memories: HashMap::new(),
            names: HashMap::new(),
            held: HashMap::new(),
            sweeps,
            stale: HashSet::new(),
            workers: JoinSet::new(),
            keys: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.start_due();
            let depth = self.queue.len();
            self.context
                .metrics
                .queue_depth
                .set(i64::try_from(depth).unwrap_or(i64::MAX));
            let due = self
                .queue
                .next_due()
                .filter(|_| self.workers.len() < self.concurrency);
            tokio::select! {
                () = stop.cancelled() => break,
                note = self.notes.recv() => match note {
                    Some(note) => self.take_note(note),
                    None => break,
                },
                Some(done) = self.workers.join_next_with_id() => self.finish(done),
                () = sleep_until(due) => {}
            }
        }
        let drained = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("calls were still under way at the end; the next start takes them up");
        }
    }

    fn take_note(&mut self, note: Note) {
        let now = Instant::now();
        match note {
            Note::Look(name) => {
                let service = self.context.watches.service(&name);
                // Its turn may be far off; what the watch knows by now need not be kept twice.
                if let Some(memory) = self.memories.get_mut(&name) {
                    memory.newest(service.clone());
                }
                if self.is_of_interest(&name, service.as_deref()) {
                    self.queue.add(&name, ahead(now));
                }
            }
            Note::LookAtAll => self.look_at_all(now),
            Note::LookInto(namespace) => self.look_into(&namespace, now),
            Note::Holds(class, uids) => {
                for uid in uids {
                    self.held.entry(uid).or_default().insert(class.clone());
                }
                self.look_at_all(now);
            }
            Note::Stale(id) => {
                let Some(name) = self.names.get(&id.service_uid) else {
                    return;
                };
                match self.memories.get_mut(name) {
                    Some(memory) => memory.make_stale(Some(&id.service_uid)),
                    None => {
                        self.stale.insert(name.clone());
                    }
                }
                self.queue.add(name, now);
            }
            Note::Compared(class, owned, begun) => self.compare(&class, &owned, begun),
        }
    }

    /// Has what is missing made again, and what has belonged to nobody for long released.
    fn compare(&mut self, class: &Class, owned: &[Owned], begun: Instant) {
        let now = Instant::now();
        let Some(sweep) = self.sweeps.get_mut(class) else {
            return;
        };
        let services = self.context.watches.services.state();
        // Every cluster has at least the Service kubernetes.
        if services.is_empty() && !owned.is_empty() {
            self.context.watches.doubt.notify_one();
        }
        // What a worker has in hand is known, too.
        let known = services.iter().map(|service| uid_of(service));
        let known = known.chain(self.names.keys().map(String::as_str)).collect();
        // What was made since may not be in what was read.
        let settled = |memory: &&Memory| memory.ensured_at.is_some_and(|at| at < begun);
        let held = self.memories.values().filter(settled);
        let held = held.flat_map(|memory| memory.record.held_by(class));
        let found = sweep.compare(owned, &known, &held.map(str::to_owned).collect(), now);
        let label = ClassLabel::of(class);
        let metrics = &self.context.metrics;
        metrics
            .orphans
            .get_or_create(&label)
            .set(i64::try_from(found.orphans).unwrap_or(i64::MAX));
        metrics
            .orphans_held_back
            .get_or_create(&label)
            .set(i64::from(found.too_many));
        if found.too_many {
            tracing::error!(
                %class, orphans = found.orphans,
                "so much belongs to no Service that nothing of it is released; look at it with \
                 `landfall sweep`, and release it with `landfall sweep --confirm`"
            );
        }
        for uid in found.missing {
            let Some(name) = self.names.get(&uid) else {
                continue;
            };
            tracing::warn!(service = %name, %class, "its load balancer is missing; making it again");
            if let Some(memory) = self.memories.get_mut(name) {
                memory.make_stale(Some(&uid));
            }
            self.queue.add(name, now);
        }
        for (name, uid) in found.ripe {
            // While a worker has the key, the next comparison is early enough.
            if self.queue.is_running(&name) {
                continue;
            }
            tracing::warn!(service = %name, uid, %class, "something belongs to a Service that is gone; releasing it");
            let memory = self.memories.entry(name.clone()).or_default();
            memory.record.tenure_mut(&uid).holders.insert(class.clone());
            self.queue.add(&name, now);
        }
    }

    /// Services that nobody claims and that are not ours cost nothing.
    fn is_of_interest(&self, name: &ServiceName, service: Option<&Service>) -> bool {
        self.memories.contains_key(name)
            || self.queue.is_running(name)
            || service.is_some_and(|service| {
                self.context.claims().concern(service) || self.held.contains_key(uid_of(service))
            })
    }

    fn look_into(&mut self, namespace: &str, now: Instant) {
        for service in self.context.watches.services.state() {
            let name = name_of(&service);
            if name.namespace == namespace && self.is_of_interest(&name, Some(&service)) {
                self.queue.add(&name, now);
            }
        }
    }

    fn look_at_all(&mut self, now: Instant) {
        for service in self.context.watches.services.state() {
            let name = name_of(&service);
            // Whoever's provider is being started is looked at when it has been.
            if !self.context.is_starting(&service) && self.is_of_interest(&name, Some(&service)) {
                let due = if is_provisioned(&service) {
                    now
                } else {
                    ahead(now)
                };
                self.queue.add(&name, due);
            }
        }
        let remembered = self.memories.keys().chain(self.keys.values());
        for name in remembered {
            self.queue.add(name, now);
        }
    }

    fn start_due(&mut self) {
        while self.workers.len() < self.concurrency {
            let Some(name) = self.queue.take(Instant::now()) else {
                break;
            };
            let mut memory = self.memories.remove(&name).unwrap_or_default();
            self.meet(&name, &mut memory);
            let context = self.context.clone();
            let key = name.clone();
            let worker = self.workers.spawn(async move {
                let start = Instant::now();
                let again = look(&context, &name, &mut memory).await;
                let result = if again.is_some() {
                    Synced::Postponed
                } else {
                    Synced::Settled
                };
                let syncs = context.metrics.syncs.get_or_create(&SyncLabels { result });
                syncs.observe(start.elapsed().as_secs_f64());
                drop(syncs);
                (name, memory, again)
            });
            self.keys.insert(worker.id(), key);
        }
    }

    /// Brings the memory of a key up to date with who holds what.
    fn meet(&mut self, name: &ServiceName, memory: &mut Memory) {
        if let Some(service) = self.context.watches.service(name) {
            let uid = uid_of(&service);
            let held = self.held.remove(uid).unwrap_or_default();
            let known = memory.record.tenure(uid).is_some();
            if known {
                memory.record.tenure_mut(uid).holders.extend(held);
            } else {
                memory.record.meet(&service, held, &self.context.claims());
            }
            self.names.insert(uid.to_owned(), name.clone());
        }
    }

    fn finish(&mut self, done: Result<(tokio::task::Id, Finished), JoinError>) {
        let (name, mut memory, again) = match done {
            Ok((id, finished)) => {
                self.keys.remove(&id);
                finished
            }
            Err(error) => {
                // Its memory went with it; the next look starts from what the objects say.
                let Some(name) = self.keys.remove(&error.id()) else {
                    return;
                };
                tracing::error!(service = %name, %error, "a look at this Service ended in a panic");
                let mut memory = Memory::default();
                let again = memory.failed(landfall_provider_api::Retry::BackOff, Instant::now());
                (name, memory, again)
            }
        };
        let service = self.context.watches.service(&name);
        let uid = service.as_deref().map(uid_of);
        if self.stale.remove(&name) {
            memory.make_stale(uid);
        }
        let kept = service
            .as_deref()
            .filter(|service| self.context.claims().concern(service))
            .map(uid_of);
        self.queue.finish(&name, again);
        for uid in memory.record.tidy(kept) {
            self.names.remove(&uid);
        }
        if !memory.record.is_empty() || again.is_some() {
            self.memories.insert(name, memory);
        }
    }
}
