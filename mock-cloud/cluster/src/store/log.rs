//! The bounded log of one kind's changes, oldest first. A reader keeps nothing but the revision
//! it has seen, so a slow one costs no memory and finds out by itself that it fell behind.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Object;
use crate::resource::Kind;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is new.
    Added,
    /// It has another version.
    Modified,
    /// It is gone.
    Deleted,
}

/// One entry of the log.
#[derive(Debug)]
pub(crate) struct Event {
    /// What kind of object it is.
    pub(crate) kind: Kind,
    /// What happened.
    pub(crate) change: Change,
    /// The object after it; for a deletion its last state, under the deletion's revision.
    pub(crate) object: Arc<Object>,
    /// The object before it, which says whether it matched a selector.
    pub(crate) previous: Option<Arc<Object>>,
}

#[derive(Debug)]
pub(super) struct Log {
    events: VecDeque<Arc<Event>>,
    capacity: usize,
    compacted: u64,
}

impl Log {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            events: VecDeque::new(),
            capacity,
            compacted: 0,
        }
    }

    pub(super) fn push(&mut self, event: Arc<Event>) {
        self.events.push_back(event);
        if self.events.len() > self.capacity
            && let Some(dropped) = self.events.pop_front()
        {
            self.compacted = dropped.object.revision;
        }
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.events.clear();
        self.compacted = revision;
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Events after `revision`, or `None` when some of them were dropped.
    pub(super) fn after(
        &self,
        revision: u64,
    ) -> Option<impl DoubleEndedIterator<Item = &Arc<Event>>> {
        if revision < self.compacted {
            return None;
        }
        let start = self
            .events
            .partition_point(|event| event.object.revision <= revision);
        Some(self.events.range(start..))
    }
}
