//! Load balancers that wait for something to become free, and the telling of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::stream::BoxStream;
use landfall_provider_api::LoadBalancerId;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Wakes that a listener may be behind before it loses some.
const BACKLOG: usize = 16_384;

/// Who waits, and who is told. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    waiting: Arc<Mutex<BTreeSet<LoadBalancerId>>>,
    wakes: broadcast::Sender<LoadBalancerId>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            waiting: Arc::default(),
            wakes: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl Waiting {
    /// It found nothing left. A quota is of the account, so whatever is released may help it.
    pub(crate) fn add(&self, id: LoadBalancerId) {
        self.waiting().insert(id);
    }

    /// It waits no longer.
    pub(crate) fn forget(&self, id: &LoadBalancerId) {
        self.waiting().remove(id);
    }

    /// Something was released: all that wait may look again. Whoever finds nothing waits on.
    pub(crate) fn something_is_free(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        for id in waiting {
            self.wake(id);
        }
    }

    /// It deserves another look.
    pub(crate) fn wake(&self, id: LoadBalancerId) {
        // Without listeners there is nobody to wake.
        let _ = self.wakes.send(id);
    }

    /// All wakes from now on.
    pub(crate) fn wakes(&self) -> BoxStream<'static, LoadBalancerId> {
        BroadcastStream::new(self.wakes.subscribe())
            .filter_map(async |wake| match wake {
                Ok(id) => Some(id),
                Err(BroadcastStreamRecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "load balancers that wait were not woken");
                    None
                }
            })
            .boxed()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<LoadBalancerId>> {
        // Nothing that holds it leaves a half-made change behind.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
