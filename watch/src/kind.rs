//! Objects of a kind, taken in as a watch tells of them, and forgotten only when the API server itself
//! says that they are gone.

use std::collections::BTreeSet;

use futures::{Stream, StreamExt};
use kube::runtime::watcher::Event;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::explain;

/// What is done with the objects of a kind that is followed.
#[derive(Debug)]
pub struct Kind<Key, Put, Remove, Known, At> {
    /// What tells its objects apart.
    pub key: Key,
    /// Takes one in, new or changed.
    pub put: Put,
    /// Forgets one.
    pub remove: Remove,
    /// Those that are known.
    pub known: Known,
    /// Where one is, to be asked for past a list.
    pub at: At,
}

impl<Key, Put, Remove, Known, At> Kind<Key, Put, Remove, Known, At> {
    /// Takes in what a watch tells; `read` counts the kinds that were read whole.
    pub async fn follow<K, I>(
        &self,
        events: impl Stream<Item = Event<K>>,
        read: &watch::Sender<usize>,
    ) where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
        I: Ord,
        Key: Fn(&K) -> I,
        Put: Fn(K),
        Remove: Fn(&I),
        Known: Fn() -> BTreeSet<I>,
        At: Fn(&I) -> (Api<K>, String),
    {
        let mut events = std::pin::pin!(events);
        let mut listed = BTreeSet::new();
        let mut is_first = true;
        while let Some(event) = events.next().await {
            match event {
                Event::Apply(object) => (self.put)(object),
                Event::Delete(object) => (self.remove)(&(self.key)(&object)),
                Event::Init => listed.clear(),
                Event::InitApply(object) => {
                    listed.insert((self.key)(&object));
                    (self.put)(object);
                }
                Event::InitDone => {
                    for key in (self.known)().difference(&listed) {
                        self.missing(key).await;
                    }
                    if std::mem::take(&mut is_first) {
                        read.send_modify(|kinds| *kinds += 1);
                    }
                }
            }
        }
    }

    /// Forgets what a list does not name, if the API server itself says that it is gone.
    async fn missing<K, I>(&self, key: &I)
    where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
        Put: Fn(K),
        Remove: Fn(&I),
        At: Fn(&I) -> (Api<K>, String),
    {
        let (api, name) = (self.at)(key);
        match api.get_opt(&name).await {
            Ok(None) => (self.remove)(key),
            Ok(Some(object)) => (self.put)(object),
            // The watch will tell.
            Err(error) => {
                let path = api.resource_url();
                tracing::warn!(path, name, error = explain(&error), "could not be read");
            }
        }
    }
}
