//! What a watch tells, kept by what the controller asks for.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::watcher::Event;
use kube::{Api, Client, Resource};
use landfall_watch::{Health, watched};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use super::dispatch::Note;

/// What a running watch does until nobody listens any more.
pub(super) type Task = BoxFuture<'static, ()>;

/// As much of a kind's objects as the controller asks for.
pub(super) trait Index: Default + Send + 'static {
    type Object: Resource<DynamicType = ()> + Clone + DeserializeOwned + fmt::Debug + Send;

    /// Takes in an object as it is now, and returns whom that concerns.
    fn put(&mut self, object: &Self::Object) -> Vec<Note>;
    /// The object is gone. Returns whom that concerns.
    fn remove(&mut self, object: &Self::Object) -> Vec<Note>;
}

/// An index that a watch keeps up to date.
pub(super) struct Indexed<I> {
    index: Arc<Mutex<I>>,
    /// Becomes true once all objects were read.
    read: watch::Receiver<bool>,
}

impl<I: Index> Indexed<I> {
    /// An index of all objects of the kind that `what` names, each thinned out before it is kept;
    /// and the task that follows them into it.
    pub(super) fn watch(
        client: &Client,
        what: &'static str,
        health: &Health,
        thin: fn(&mut I::Object),
        notes: &mpsc::UnboundedSender<Note>,
    ) -> (Self, Task) {
        let api = Api::<I::Object>::all(client.clone());
        let events = watched(api, what, health.clone(), Arc::default(), thin);
        let index = Arc::<Mutex<I>>::default();
        let (sender, read) = watch::channel(false);
        let task = follow(events, index.clone(), sender, notes.clone()).boxed();
        (Self { index, read }, task)
    }

    /// Waits until all objects were read once.
    pub(super) async fn complete(&self) {
        let mut read = self.read.clone();
        // Without a task that tells, the controller is about to end.
        let _ = read.wait_for(|read| *read).await;
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, I> {
        locked(&self.index)
    }
}

/// Only the task that follows the watch writes; a panic in it leaves nothing half done.
fn locked<I>(index: &Mutex<I>) -> MutexGuard<'_, I> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow<I: Index>(
    events: impl Stream<Item = Event<I::Object>>,
    index: Arc<Mutex<I>>,
    read: watch::Sender<bool>,
    notes: mpsc::UnboundedSender<Note>,
) {
    let mut events = std::pin::pin!(events);
    // What is listed, until the list is complete.
    let mut listed = I::default();
    while let Some(event) = events.next().await {
        let concerned = match event {
            Event::Apply(object) => locked(&index).put(&object),
            Event::Delete(object) => locked(&index).remove(&object),
            Event::Init => {
                listed = I::default();
                continue;
            }
            Event::InitApply(object) => {
                listed.put(&object);
                continue;
            }
            Event::InitDone => {
                *locked(&index) = std::mem::take(&mut listed);
                read.send_replace(true);
                vec![Note::LookAtAll]
            }
        };
        let mut concerned = concerned.into_iter();
        if !concerned.all(|note| notes.send(note).is_ok()) {
            break;
        }
    }
}
