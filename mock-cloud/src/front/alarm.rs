//! Word from the targets of a load balancer that their health is another now.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::id::Id;

/// Tells whoever minds a load balancer that it deserves a look: once, until it was looked at,
/// however many of its targets have news.
#[derive(Debug)]
pub(crate) struct Alarm {
    id: Id,
    is_raised: AtomicBool,
    told: mpsc::UnboundedSender<Id>,
}

impl Alarm {
    pub(crate) fn new(id: Id, told: mpsc::UnboundedSender<Id>) -> Self {
        Self {
            id,
            is_raised: AtomicBool::new(false),
            told,
        }
    }

    pub(super) fn raise(&self) {
        if !self.is_raised.swap(true, Ordering::AcqRel) {
            // Without a receiver the cloud is about to stop.
            let _ = self.told.send(self.id.clone());
        }
    }

    /// It is about to be looked at.
    pub(super) fn lower(&self) {
        self.is_raised.store(false, Ordering::Release);
    }
}
