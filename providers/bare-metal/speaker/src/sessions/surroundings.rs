//! The interfaces of this node, as they change.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;

use tokio::sync::watch;

use super::RETRY;
use crate::network::{Interface, Links};

/// Whoever needs the interfaces, and what follows them for good.
pub(super) fn follow() -> (
    watch::Receiver<Arc<BTreeMap<u32, Interface>>>,
    impl Future<Output = ()> + Send,
) {
    let (tell, told) = watch::channel(Arc::default());
    let following = async move {
        let mut links = loop {
            match Links::open().await {
                Ok(links) => break links,
                Err(error) => {
                    tracing::warn!(%error, "the interfaces of this node cannot be read");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        loop {
            if links.is_behind()
                && let Err(error) = links.catch_up().await
            {
                tracing::warn!(%error, "the interfaces of this node cannot be read");
                tokio::time::sleep(RETRY).await;
                continue;
            }
            let now = Arc::new(links.interfaces());
            tell.send_if_modified(|it| {
                let is_new = *it != now;
                *it = now;
                is_new
            });
            poll_fn(|context| links.poll_changed(context)).await;
        }
    };
    (told, following)
}
