//! Pods that wait, by a readiness gate, for the load balancer of a Service. Kubernetes calls them ready only
//! when the gate says so, and the gate does when their target is healthy: so they become targets as soon
//! as their containers are ready, whatever their EndpointSlice says.
//!
//! A look at a Service tells which pods its slices list as unready (`looking`). One task, here, has these read,
//! follows the few that have the gate (`follow`), and wakes the Service; what it decides is pure (`state`,
//! `pod`). No other pod is ever read.

mod follow;
mod looking;
mod pod;
mod state;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::FutureExt;
use kube::Client;
use landfall_provider_api::{Finding, ServiceName};
use landfall_service::{Slice, Unready};
use landfall_watch::{Health, sleep_until};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::dispatch::Note;
use super::indexed::Task;
use crate::lease::Gate;
use follow::Follower;
pub(super) use looking::{after, before};
use pod::Seen;
use state::{Key, Shown, State};

/// How `/readyz` calls what is done here.
const PART: &str = "Pods with readiness gates";

/// What looks at Services tell and are told.
pub(super) struct Gated {
    words: mpsc::UnboundedSender<Word>,
    shown: Arc<Mutex<HashMap<ServiceName, Shown>>>,
}

/// What the task is told.
#[derive(Debug)]
enum Word {
    /// The slices of a Service list these pods as unready, and all in all these addresses. Whoever
    /// looked waits to be woken, if `is_awaited`, when all of them were read.
    Listed {
        service: ServiceName,
        unready: Vec<Unready>,
        addresses: BTreeSet<IpAddr>,
        is_awaited: bool,
    },
    /// This was found of the pods of a Service.
    Answered(ServiceName, BTreeMap<IpAddr, Finding>),
    /// A pod is like this.
    Seen(Key, Seen),
    /// A pod cannot be read, and why.
    Unreadable(Key, String),
    /// A write has ended: the pod is like this since; `None` if it failed.
    Written(Key, Option<Seen>),
}

impl Gated {
    /// Nobody's pods yet. The task keeps it up to date, and writes while `gate` is open.
    pub(super) fn new(
        client: &Client,
        gate: Gate,
        health: &Health,
        notes: &mpsc::UnboundedSender<Note>,
    ) -> (Self, Task) {
        let (words, told) = mpsc::unbounded_channel();
        let shown = Arc::<Mutex<HashMap<_, _>>>::default();
        let keeper = Keeper {
            follower: Follower::new(client.clone(), words.clone(), gate),
            health: health.clone(),
            state: State::default(),
            shown: shown.clone(),
            notes: notes.clone(),
            tasks: JoinSet::new(),
            followed: HashMap::new(),
        };
        (Self { words, shown }, keeper.run(told).boxed())
    }

    /// UIDs of a Service's pods that are not ready only because they wait for its load balancer.
    pub(super) fn waiting(&self, service: &ServiceName) -> Arc<BTreeSet<String>> {
        let shown = locked(&self.shown);
        let shown = shown.get(service);
        shown.map(|it| it.waiting.clone()).unwrap_or_default()
    }

    /// Takes in which pods a Service's slices list. Tells whether all that matter were read; else
    /// the Service is woken when they have been.
    fn listed(&self, service: &ServiceName, slices: &[Arc<Slice>]) -> bool {
        let unready: Vec<_> = slices.iter().flat_map(|it| it.unready()).collect();
        let is_settled = match locked(&self.shown).get(service) {
            None if unready.is_empty() => return true,
            None => false,
            Some(shown) => unready.iter().all(|it| shown.settled.contains(&it.uid)),
        };
        let addresses = slices.iter().flat_map(|it| it.addresses());
        self.tell(Word::Listed {
            service: service.clone(),
            unready,
            addresses: addresses.collect(),
            is_awaited: !is_settled,
        });
        is_settled
    }

    fn answered(&self, service: &ServiceName, findings: BTreeMap<IpAddr, Finding>) {
        self.tell(Word::Answered(service.clone(), findings));
    }

    fn tell(&self, word: Word) {
        // Without a receiver the controller is about to end.
        let _ = self.words.send(word);
    }
}

/// Only the task writes; a panic in it leaves nothing half done.
fn locked(
    shown: &Mutex<HashMap<ServiceName, Shown>>,
) -> MutexGuard<'_, HashMap<ServiceName, Shown>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that owns what is known of these pods.
struct Keeper {
    follower: Follower,
    health: Health,
    state: State,
    shown: Arc<Mutex<HashMap<ServiceName, Shown>>>,
    notes: mpsc::UnboundedSender<Note>,
    /// Whoever reads, follows or writes a pod.
    tasks: JoinSet<()>,
    /// Whoever reads or follows a pod.
    followed: HashMap<Key, AbortHandle>,
}

impl Keeper {
    async fn run(mut self, mut words: mpsc::UnboundedReceiver<Word>) {
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.hear(word),
                    None => break,
                },
                Some(ended) = self.tasks.join_next() => self.end(ended),
                () = sleep_until(self.state.next_retry()) => {
                    for service in self.state.retried(Instant::now()) {
                        self.write(&service);
                    }
                }
            }
        }
    }

    fn end(&mut self, ended: Result<(), JoinError>) {
        let Err(error) = ended else {
            return;
        };
        if error.is_panic() {
            tracing::error!(%error, "the reading or writing of a pod ended in a panic");
            let mut followed = self.followed.iter();
            // Nobody may wait for it.
            if let Some((key, _)) = followed.find(|(_, task)| task.id() == error.id()) {
                let key = key.clone();
                self.hear(Word::Unreadable(key, error.to_string()));
            }
        }
    }

    fn hear(&mut self, word: Word) {
        let (service, is_awaited) = match word {
            Word::Listed {
                service,
                unready,
                addresses,
                is_awaited,
            } => {
                let changes = self.state.listed(&service, unready, &addresses);
                for key in changes.leave {
                    if let Some(task) = self.followed.remove(&key) {
                        task.abort();
                    }
                }
                for (key, name) in changes.follow {
                    let task = self.follower.clone().follow(key.clone(), name);
                    self.followed.insert(key, self.tasks.spawn(task));
                }
                (service, is_awaited)
            }
            Word::Answered(service, findings) => {
                self.state.answered(&service, &findings);
                (service, false)
            }
            Word::Seen(key, seen) => {
                self.state.seen(&key, Some(seen));
                (key.service, false)
            }
            Word::Unreadable(key, why) => {
                self.state.seen(&key, None);
                if self.state.is_troubled() {
                    self.health.trouble(PART, format!("cannot be read: {why}"));
                }
                (key.service, false)
            }
            Word::Written(key, done) => {
                self.state.written(&key, done, Instant::now());
                (key.service, false)
            }
        };
        if !self.state.is_troubled() {
            self.health.well(PART);
        }
        self.show(&service, is_awaited);
        self.write(&service);
    }

    /// Has looks see what is known now, and wakes the Service if that is news.
    fn show(&self, service: &ServiceName, is_awaited: bool) {
        let now = self.state.shown(service);
        let is_settled = now.as_ref().is_none_or(|it| it.is_complete);
        let before = {
            let mut shown = locked(&self.shown);
            match now.clone() {
                Some(now) => shown.insert(service.clone(), now),
                None => shown.remove(service),
            }
        };
        let (now, before) = (now.unwrap_or_default(), before.unwrap_or_default());
        let is_news = now.waiting != before.waiting
            || is_settled && (is_awaited || now.settled != before.settled);
        if is_news {
            // Without a receiver the controller is about to end.
            let _ = self.notes.send(Note::Look(service.clone()));
        }
    }

    fn write(&mut self, service: &ServiceName) {
        for write in self.state.take_writes(service) {
            self.tasks.spawn(self.follower.clone().write(write));
        }
    }
}
