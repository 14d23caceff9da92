//! What is known, behind one lock, and what runs beside the calls of the controller.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kube::Client;
use landfall_provider_api::{ClusterId, LoadBalancerId};
use landfall_watch::{Health, sleep_until};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::advertising::Protocol;
use crate::metallb::Told;
use crate::state::State;
use crate::{following, following_metallb};
use landfall_bare_metal_allocator::ReservationName;

/// Why Services without a class are left alone.
const METALLB_RUNS: &str = "MetalLB's controller runs, and Services without a class are its own; \
                            scale it down to have them served here";

/// What calls and tasks share.
#[derive(Debug)]
pub(crate) struct Keeper {
    cluster: ClusterId,
    pub(crate) state: Mutex<State>,
    listeners: Mutex<Vec<mpsc::UnboundedSender<LoadBalancerId>>>,
    pub(crate) dirty: Mutex<Dirty>,
    /// Told when there is a status to be written.
    pub(crate) to_write: Notify,
    /// Why Services without a class are left to somebody else, if they are.
    pub(crate) aside: watch::Sender<Option<String>>,
    notes: mpsc::UnboundedSender<Told>,
    untold: Mutex<Option<mpsc::UnboundedReceiver<Told>>>,
    /// Told when what is due next may be so at another time.
    to_wait: Notify,
}

/// Objects whose statuses may have to be written.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) pools: BTreeSet<String>,
    pub(crate) reservations: BTreeSet<ReservationName>,
    pub(crate) advertisements: BTreeSet<(Protocol, String)>,
    pub(crate) peers: BTreeSet<String>,
}

impl Dirty {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pools.is_empty()
            && self.reservations.is_empty()
            && self.advertisements.is_empty()
            && self.peers.is_empty()
    }
}

impl Keeper {
    pub(crate) fn new(cluster: ClusterId) -> Self {
        let (notes, untold) = mpsc::unbounded_channel();
        Self {
            aside: watch::Sender::default(),
            notes,
            untold: Mutex::new(Some(untold)),
            cluster,
            state: Mutex::default(),
            listeners: Mutex::default(),
            dirty: Mutex::default(),
            to_write: Notify::new(),
            to_wait: Notify::new(),
        }
    }

    /// Does something to what is known, and passes on what that changes for others.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let (result, changed, advertisements, peers, is_another_time) = {
            let mut state = locked(&self.state);
            let before = state.next_tick();
            let result = act(&mut state, Instant::now());
            let next = state.next_tick();
            for told in state.metallb.untold.drain(..) {
                // Without a receiver the process is about to end.
                let _ = self.notes.send(told);
            }
            let is_running = state.metallb.is_running();
            self.aside.send_if_modified(|aside| {
                let is_another = aside.is_some() != is_running;
                if is_another {
                    *aside = is_running.then(|| METALLB_RUNS.to_owned());
                }
                is_another
            });
            let mut changed = state.allocator.take_changed();
            changed.services.append(&mut state.pace.take_asked());
            (
                result,
                changed,
                std::mem::take(&mut state.touched),
                std::mem::take(&mut state.touched_peers),
                next != before,
            )
        };
        if !changed.services.is_empty() {
            let ids = changed.services.iter().map(|uid| LoadBalancerId {
                cluster: self.cluster.clone(),
                service_uid: uid.to_string(),
            });
            let ids: Vec<_> = ids.collect();
            // Whoever listens no more is forgotten.
            locked(&self.listeners)
                .retain(|listener| ids.iter().all(|id| listener.send(id.clone()).is_ok()));
        }
        let is_dirty = !changed.pools.is_empty()
            || !changed.reservations.is_empty()
            || !advertisements.is_empty()
            || !peers.is_empty();
        if is_dirty {
            let mut dirty = locked(&self.dirty);
            dirty
                .pools
                .extend(changed.pools.iter().map(ToString::to_string));
            dirty.reservations.extend(changed.reservations);
            dirty.advertisements.extend(advertisements);
            dirty.peers.extend(peers);
            self.to_write.notify_one();
        }
        if is_another_time {
            self.to_wait.notify_one();
        }
        result
    }

    /// What is to be told of MetalLB's objects; for the first who asks.
    pub(crate) fn untold(&self) -> mpsc::UnboundedReceiver<Told> {
        let none = || mpsc::unbounded_channel().1;
        locked(&self.untold).take().unwrap_or_else(none)
    }

    /// Load balancers that ought to be looked at, from now on.
    pub(crate) fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        let (sender, receiver) = mpsc::unbounded_channel();
        locked(&self.listeners).push(sender);
        stream::unfold(receiver, async |mut receiver| {
            let id = receiver.recv().await?;
            Some((id, receiver))
        })
        .boxed()
    }

    /// Does what is due: rests of addresses end, and what speakers report is told.
    async fn wait(self: Arc<Self>) {
        loop {
            let next = locked(&self.state).next_tick();
            tokio::select! {
                () = self.to_wait.notified() => {}
                () = sleep_until(next) => self.with(State::tick),
            }
        }
    }
}

/// Starts the tasks. What is sent becomes the number of kinds that were read whole,
/// and when it is `all_kinds` statuses are written.
pub(crate) fn start(
    keeper: &Arc<Keeper>,
    client: &Client,
    health: &Health,
    metallb: Option<&str>,
    all_kinds: usize,
) -> (JoinSet<()>, watch::Receiver<usize>) {
    let mut tasks = JoinSet::new();
    let (read, kinds) = watch::channel(0);
    following::start(&mut tasks, keeper, client, health, read.clone());
    if let Some(namespace) = metallb {
        following_metallb::start(&mut tasks, keeper, client, health, namespace, read);
    }
    tasks.spawn(keeper.clone().wait());
    let writing = keeper.clone().write(client.clone());
    let mut known = kinds.clone();
    tasks.spawn(async move {
        // What is known by half would be told wrong: of routers whose reports are not read, for one. Without
        // a task that tells, the process is about to end.
        if known.wait_for(|kinds| *kinds >= all_kinds).await.is_ok() {
            writing.await;
        }
    });
    (tasks, kinds)
}

/// Nothing that holds a lock here panics half way.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
