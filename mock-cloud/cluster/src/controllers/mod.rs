//! The few controllers without which a cluster is none. Each follows the store's event log, keeps
//! what it needs to know of it, and writes through `registry` as a client would. They wait for
//! changes: an idle cluster costs nothing.

mod deployments;
mod endpoint_slices;
mod endpoints;
mod expiry;
mod feed;
mod garbage;
mod namespaces;
mod recorder;
mod rollout;
mod scheduler;
mod slice_plan;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::feed::{Feed, Scope};
use crate::store::{Event, Store};

/// One controller: events in, writes out.
trait Controller: Send {
    /// What it follows.
    const SCOPE: Scope;
    /// How long it waits after a change for more of them, so that a burst is one write.
    const SETTLE: Duration;

    /// A controller that has seen nothing yet.
    fn new(store: Arc<Store>) -> Self;
    /// Takes note of a change. No writes here.
    fn observe(&mut self, event: &Event);
    /// Does one thing of what is to be done. False when there is nothing left.
    fn act(&mut self) -> bool;
}

/// Runs all controllers until the shutdown.
pub(crate) async fn run(store: Arc<Store>, shutdown: CancellationToken) {
    let all = async {
        tokio::join!(
            follow::<deployments::Deployments>(&store),
            follow::<scheduler::Scheduler>(&store),
            follow::<endpoint_slices::EndpointSlices>(&store),
            follow::<garbage::Garbage>(&store),
            follow::<namespaces::Namespaces>(&store),
            follow::<expiry::Expiry>(&store),
        )
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        _ = all => {}
    }
}

/// Runs one controller for ever. One that fell behind the log starts anew from a list.
async fn follow<C: Controller>(store: &Arc<Store>) {
    loop {
        let mut controller = C::new(store.clone());
        let mut feed = Feed::start(store.clone(), C::SCOPE);
        while feed.wait(|event| controller.observe(event)).await.is_ok() {
            if !C::SETTLE.is_zero() {
                tokio::time::sleep(C::SETTLE).await;
                if feed.drain(|event| controller.observe(event)).is_err() {
                    break;
                }
            }
            while controller.act() {
                tokio::task::yield_now().await;
            }
        }
        tracing::debug!("a controller fell behind the event log and lists again");
    }
}
