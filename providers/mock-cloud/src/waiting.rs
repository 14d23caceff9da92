//! Load balancers that wait for something to become free, and the telling of it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use landfall_provider_api::{Family, LoadBalancerId};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Wakes that a listener may be behind before it loses some.
const BACKLOG: usize = 16_384;

/// What a load balancer waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// That another is gone, whatever it had.
    Any,
    /// Any address of this family; of two, which of them is not known.
    Family(Vec<Family>),
    /// This address.
    Address(IpAddr),
}

/// How often something has become free, as seen at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Freed(u64);

/// Who waits for what, first come first served.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: Mutex<Queue>,
    wakes: broadcast::Sender<LoadBalancerId>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(LoadBalancerId, Need)>,
    freed: Freed,
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
    /// What has become free so far. To be read before a call that may find nothing free.
    pub(crate) fn freed(&self) -> Freed {
        self.queue().freed
    }

    /// It waits, since a call before which this was `seen`. Where something has become free
    /// meanwhile, it is woken at once: the call may have come too early, and the news too.
    pub(crate) fn add(&self, id: LoadBalancerId, need: Need, seen: Freed) {
        let mut queue = self.queue();
        queue.waiting.retain(|(waiting, _)| *waiting != id);
        queue.waiting.push_back((id.clone(), need));
        if queue.freed != seen {
            self.wake(id);
        }
    }

    /// It waits no longer.
    pub(crate) fn forget(&self, id: &LoadBalancerId) {
        self.queue().waiting.retain(|(waiting, _)| waiting != id);
    }

    /// A load balancer is gone, and these were its addresses, if they are known. Wakes the first
    /// that waits for just that, for each family the first that waits for no other, those before it
    /// that may wait for it, and all that wait for one of these. Whoever is woken waits on, at the
    /// end of the queue, until it is provisioned or forgotten: it may have lost its interest, and
    /// then the next release wakes another.
    pub(crate) fn something_is_free(&self, addresses: &[IpAddr]) {
        let mut one_is_woken = false;
        let mut free: Vec<Family> = addresses.iter().copied().map(Family::of).collect();
        if free.is_empty() {
            free = vec![Family::IPv4, Family::IPv6];
        }
        let mut queue = self.queue();
        queue.freed.0 += 1;
        let (woken, others): (VecDeque<_>, VecDeque<_>) =
            queue.waiting.drain(..).partition(|(_, need)| match need {
                Need::Any => !std::mem::replace(&mut one_is_woken, true),
                Need::Family(families) => {
                    let is_woken = families.iter().any(|family| free.contains(family));
                    if let [only] = families.as_slice() {
                        free.retain(|family| family != only);
                    }
                    is_woken
                }
                Need::Address(address) => addresses.is_empty() || addresses.contains(address),
            });
        queue.waiting = others;
        for (id, need) in woken {
            // Without listeners there is nobody to wake.
            let _ = self.wakes.send(id.clone());
            queue.waiting.push_back((id, need));
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

    fn queue(&self) -> MutexGuard<'_, Queue> {
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
    async fn what_becomes_free_during_a_call_is_not_missed() {
        let waiting = Waiting::default();
        let mut wakes = waiting.wakes();
        let seen = waiting.freed();
        waiting.something_is_free(&[]);
        waiting.add(id("late"), Need::Any, seen);
        assert_eq!(woken(&mut wakes), ["late"]);
        waiting.add(id("late"), Need::Any, waiting.freed());
        assert!(woken(&mut wakes).is_empty());
    }

    #[tokio::test]
    async fn an_address_is_offered_to_those_who_can_use_its_family() {
        let (v4, v6) = (Family::IPv4, Family::IPv6);
        let waiting = Waiting::default();
        let mut wakes = waiting.wakes();
        waiting.add(id("lacks-6"), Need::Family(vec![v6]), Freed::default());
        waiting.add(id("either"), Need::Family(vec![v4, v6]), Freed::default());
        waiting.add(id("first-4"), Need::Family(vec![v4]), Freed::default());
        waiting.add(id("second-4"), Need::Family(vec![v4]), Freed::default());
        waiting.something_is_free(&[IpAddr::from([127, 200, 0, 7])]);
        assert_eq!(
            woken(&mut wakes),
            ["either", "first-4"],
            "the first may need the other family, so another is woken, too"
        );
        waiting.something_is_free(&["fd00::1".parse().unwrap()]);
        assert_eq!(woken(&mut wakes), ["lacks-6"]);
        waiting.something_is_free(&[]);
        assert_eq!(woken(&mut wakes), ["second-4", "either", "lacks-6"]);
    }

    #[tokio::test]
    async fn one_address_wakes_one_that_takes_any_and_all_that_want_it() {
        let address = |last| Need::Address(IpAddr::from([127, 200, 0, last]));
        let waiting = Waiting::default();
        let mut wakes = waiting.wakes();
        waiting.add(id("gone"), Need::Any, Freed::default());
        waiting.add(id("first"), Need::Any, Freed::default());
        waiting.add(id("second"), Need::Any, Freed::default());
        waiting.add(id("picky"), address(7), Freed::default());
        waiting.add(id("other"), address(8), Freed::default());
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
