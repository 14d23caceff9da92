//! The controllers.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// Runs all.
pub(crate) async fn run(store: Arc<Store>, shutdown: CancellationToken) {
    let _ = store;
    shutdown.cancelled().await;
}
