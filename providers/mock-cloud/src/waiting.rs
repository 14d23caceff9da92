//! Load balancers that wait for something to become free, and the telling of it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use landfall_provider_api::LoadBalancerId;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Wakes that a listener may be behind before it loses some.
const BACKLOG: usize = 16_384;

/// What a load balancer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Any address.
    Any,
    /// This one.
    Address(IpAddr),
}

/// Who waits for what, first come first served.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: Mutex<VecDeque<(LoadBalancerId, Need)>>,
    wakes: broadcast::Sender<LoadBalancerId>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            wakes: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl Waiting {
    pub(crate) fn add(&self, id: LoadBalancerId, need: Need) {
        let mut queue = self.queue();
        queue.retain(|(waiting, _)| *waiting != id);
        queue.push_back((id, need));
    }

    /// It waits no longer.
    pub(crate) fn forget(&self, id: &LoadBalancerId) {
        self.queue().retain(|(waiting, _)| waiting != id);
    }

    /// A load balancer is gone, and these were its addresses, if they are known. Wakes the first
    /// that can use any address, and all that wait for one of these. Whoever is woken waits on, at
    /// the end of the queue, until it is provisioned or forgotten: it may have lost its interest,
    /// and then the next release wakes another.
    pub(crate) fn something_is_free(&self, addresses: &[IpAddr]) {
        let mut one_is_woken = false;
        let mut queue = self.queue();
        let (woken, others): (VecDeque<_>, VecDeque<_>) =
            queue.drain(..).partition(|(_, need)| match need {
                Need::Any => !std::mem::replace(&mut one_is_woken, true),
                Need::Address(address) => addresses.is_empty() || addresses.contains(address),
            });
        *queue = others;
        for (id, need) in woken {
            // Without listeners there is nobody to wake.
            let _ = self.wakes.send(id.clone());
            queue.push_back((id, need));
        }
    }

    /// It deserves another look.
    pub(crate) fn wake(&self, id: LoadBalancerId) {
        // Without listeners there is nobody to wake.
        let _ = self.wakes.send(id);
    }

    /// The mock cloud said when to try again.
    pub(crate) fn wake_later(&self, id: LoadBalancerId, after: Duration) {
        let wakes = self.wakes.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            // Without listeners there is nobody to wake.
            let _ = wakes.send(id);
        });
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

    fn queue(&self) -> MutexGuard<'_, VecDeque<(LoadBalancerId, Need)>> {
        // Nothing that holds it leaves a half-made change behind.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use landfall_provider_api::ClusterId;

    use super::*;

    fn id(service_uid: &str) -> LoadBalancerId {
        LoadBalancerId {
            cluster: ClusterId {
                name: "demo".into(),
                uid: "c1".into(),
            },
            service_uid: service_uid.into(),
        }
    }

    fn woken(wakes: &mut BoxStream<'static, LoadBalancerId>) -> Vec<String> {
        std::iter::from_fn(|| wakes.next().now_or_never().flatten())
            .map(|id| id.service_uid)
            .collect()
    }

    #[tokio::test]
    async fn one_address_wakes_one_that_takes_any_and_all_that_want_it() {
        let address = |last| Need::Address(IpAddr::from([127, 200, 0, last]));
        let waiting = Waiting::default();
        let mut wakes = waiting.wakes();
        waiting.add(id("gone"), Need::Any);
        waiting.add(id("first"), Need::Any);
        waiting.add(id("second"), Need::Any);
        waiting.add(id("picky"), address(7));
        waiting.add(id("other"), address(8));
        waiting.forget(&id("gone"));
        assert!(woken(&mut wakes).is_empty());
        waiting.something_is_free(&[IpAddr::from([127, 200, 0, 7])]);
        assert_eq!(woken(&mut wakes), ["first", "picky"]);
        waiting.something_is_free(&[]);
        assert_eq!(woken(&mut wakes), ["second", "other", "picky"]);
        for uid in ["second", "other", "picky"] {
            waiting.forget(&id(uid));
        }
        waiting.something_is_free(&[]);
        assert_eq!(woken(&mut wakes), ["first"], "it was woken in vain");
    }
}
