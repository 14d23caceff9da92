//! Reading, following and writing one pod. Decides nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use landfall_watch::explain;
use tokio::sync::{Semaphore, mpsc};

use super::Word;
use super::pod::{Seen, gate};
use super::state::{Key, LONGEST_PAUSE, Write};
use crate::controller::memory::backoff;
use crate::lease::Gate;

/// Pods that are read at once: a rollout makes many at a time, and each is read.
const READS: usize = 8;
/// How long one reading may take before its Service no longer waits for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// Does what the task has decided. Clones share all.
#[derive(Clone)]
pub(super) struct Follower {
    client: Client,
    words: mpsc::UnboundedSender<Word>,
    reads: Arc<Semaphore>,
    gate: Gate,
}

impl Follower {
    pub(super) fn new(client: Client, words: mpsc::UnboundedSender<Word>, gate: Gate) -> Self {
        Self {
            client,
            words,
            reads: Arc::new(Semaphore::new(READS)),
            gate,
        }
    }

    /// Reads a pod. If it has the gate, follows it until it is gone.
    pub(super) async fn follow(self, key: Key, name: String) {
        let mut pauses = backoff();
        loop {
            match self.read(&key, &name).await {
                Ok((seen, version)) => {
                    let is_gated = matches!(seen, Seen::Gated(_));
                    self.tell(Word::Seen(key.clone(), seen));
                    let Some(version) = version.filter(|_| is_gated) else {
                        return;
                    };
                    let began = Instant::now();
                    match self.watch(&key, &name, &version).await {
                        Ok(true) => return,
                        // The API server ends every watch after a while.
                        Ok(false) => {}
                        Err(error) => {
                            let (pod, error) = (&name, explain(&error));
                            tracing::warn!(service = %key.service, pod, error, "the watch of a pod broke; trying again");
                        }
                    }
                    if began.elapsed() > LONGEST_PAUSE {
                        pauses = backoff();
                    }
                }
                Err(why) => {
                    tracing::warn!(service = %key.service, pod = name, why, "a pod cannot be read; trying again");
                    self.tell(Word::Unreadable(key.clone(), why));
                }
            }
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }

    /// What a pod says, and the version that a watch can go on from.
    async fn read(&self, key: &Key, name: &str) -> Result<(Seen, Option<String>), String> {
        let _turn = self.reads.acquire().await;
        let api = self.api(key);
        match tokio::time::timeout(DEADLINE, api.get_opt(name)).await {
            Ok(Ok(None)) => Ok((Seen::Gone, None)),
            Ok(Ok(Some(pod))) => Ok((seen(&pod, key), pod.metadata.resource_version)),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
        }
    }

    /// Tells each change of a pod. Whether it is gone; else the watch has ended.
    async fn watch(&self, key: &Key, name: &str, version: &str) -> Result<bool, kube::Error> {
        let selected = WatchParams::default().fields(&format!("metadata.name={name}"));
        let api = self.api(key);
        let mut events = api.watch(&selected, version).await?.boxed();
        while let Some(event) = events.try_next().await? {
            let now = match event {
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) => seen(&pod, key),
                WatchEvent::Deleted(_) => Seen::Gone,
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            };
            let is_gone = now == Seen::Gone;
            self.tell(Word::Seen(key.clone(), now));
            if is_gone {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes a condition, and tells what came of it.
    pub(super) async fn write(self, write: Write) {
        let Write {
            key,
            name,
            condition,
            before,
        } = write;
        // Another replica works once it is closed; this one is about to end.
        if !self.gate.is_open() {
            return self.tell(Word::Written(key, None));
        }
        let body = condition.patch(
            &key.uid,
            &gate(&key.service.name),
            before.as_ref(),
            Timestamp::now(),
        );
        let parameters = PatchParams {
            field_manager: Some("landfall".to_owned()),
            ..PatchParams::default()
        };
        let (api, body) = (self.api(&key), Patch::Strategic(body));
        let patched = api.patch_status(&name, &parameters, &body);
        let done = match patched.await {
            Ok(pod) => {
                let (status, reason) = (&condition.status, &condition.reason);
                tracing::info!(service = %key.service, pod = name, status, reason, "readiness gate: {}", condition.message);
                Some(seen(&pod, &key))
            }
            Err(error) => {
                let (pod, error) = (&name, explain(&error));
                tracing::warn!(service = %key.service, pod, error, "a readiness gate cannot be written; trying again");
                None
            }
        };
        self.tell(Word::Written(key, done));
    }

    fn api(&self, key: &Key) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &key.service.namespace)
    }

    fn tell(&self, word: Word) {
        // Without a receiver the controller is about to end.
        let _ = self.words.send(word);
    }
}

fn seen(pod: &Pod, key: &Key) -> Seen {
    Seen::of(pod, &key.uid, &gate(&key.service.name))
}
