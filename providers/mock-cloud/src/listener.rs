//! Listening to the mock cloud's stream of changes: a task that connects again whenever the stream
//! ends, goes on where it was, and tells who deserves another look.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::StreamExt;
use landfall_mock_cloud_wire::{FreedCapacity, LoadBalancerChange, ServingChange, event};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::api::Failure;
use crate::cluster::Cluster;
use crate::sse::{Event, Parser};

/// Longest silence; the mock cloud gives a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(45);

/// Longest that a start waits for the stream: without it only the comparison finds changes.
const PATIENCE: Duration = Duration::from_secs(2);

/// How it stands with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first attempt is under way.
    Starting,
    Listening,
    /// The last attempt failed, or the stream ended; there will be another.
    Away,
}

/// A task that listens until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    state: watch::Receiver<State>,
    _task: AbortOnDropHandle<()>,
}

impl Listener {
    pub(crate) fn start(cluster: Arc<Cluster>) -> Self {
        let (state, seen) = watch::channel(State::Starting);
        let task = Task {
            cluster,
            state,
            last: None,
        };
        Self {
            state: seen,
            _task: AbortOnDropHandle::new(tokio::spawn(task.run())),
        }
    }

    /// Waits until it listens: nothing that happens after that is missed. Not for long, and not for
    /// a second attempt: the call that follows says what is wrong, and what is missed is found when
    /// it listens at last.
    pub(crate) async fn started(&self) {
        let mut state = self.state.clone();
        let started = state.wait_for(|state| *state != State::Starting);
        let _ = tokio::time::timeout(PATIENCE, started).await;
    }
}

struct Task {
    cluster: Arc<Cluster>,
    state: watch::Sender<State>,
    /// The id of the last event.
    last: Option<String>,
}

impl Task {
    async fn run(mut self) {
        let mut delays = delays();
        loop {
            if let Err(failure) = self.listen().await {
                let error = failure.into_error(|_| "spec".to_owned());
                tracing::debug!(%error, "cannot listen to the mock cloud's changes");
            }
            if self.state.send_replace(State::Away) == State::Listening {
                delays = self::delays();
            }
            tokio::time::sleep(delays.next().unwrap_or(SILENCE)).await;
        }
    }

    /// Listens until the stream ends.
    async fn listen(&mut self) -> Result<(), Failure> {
        let mut stream = self.cluster.watch(self.last.as_deref()).await?;
        // A stream that goes on somewhere tells itself what was missed.
        if self.last.is_none() && self.cluster.has_read() {
            self.cluster.look_again().await?;
        }
        self.state.send_replace(State::Listening);
        let mut parser = Parser::new();
        while let Ok(Some(bytes)) = tokio::time::timeout(SILENCE, stream.next()).await {
            for event in parser
                .read(&bytes?)
                .map_err(|error| Failure::lost(error.to_string(), error))?
            {
                self.take(event).await?;
            }
        }
        Ok(())
    }

    async fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event.name.as_str() {
            event::CHANGED | event::DELETED => {
                if let Ok(change) = serde_json::from_str::<LoadBalancerChange>(&event.data) {
                    self.cluster.told(&change);
                }
            }
            event::SERVING => {
                if let Ok(change) = serde_json::from_str::<ServingChange>(&event.data) {
                    self.cluster.told_serving(&change);
                }
            }
            event::FREED_CAPACITY => {
                let freed: FreedCapacity = serde_json::from_str(&event.data).unwrap_or_default();
                self.cluster.waiting.something_is_free(&freed.addresses);
            }
            event::RESET => self.cluster.look_at_everything().await?,
            // An event of a later version, or none.
            _ => {}
        }
        // Only now: one that could not be dealt with is asked for again.
        self.last = event.id.or(self.last.take());
        Ok(())
    }
}

/// From one attempt to connect to the next.
fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times()
        .with_jitter()
        .build()
}
