//! The view, which several watches feed.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::view::View;

/// The view behind a lock, and who waits for its changes.
#[derive(Debug, Default)]
pub(super) struct Shared {
    view: Mutex<View>,
    /// Told after each change.
    pub(super) changed: Notify,
}

impl Shared {
    /// A view of the cluster by who is on this node.
    pub(super) fn of_node(own: &str) -> Self {
        Self {
            view: Mutex::new(View::of_node(own)),
            ..Self::default()
        }
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let result = self.change_quietly(change);
        self.changed.notify_one();
        result
    }

    /// The same, by who waits for the changes of others.
    pub(super) fn change_quietly<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        change(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
