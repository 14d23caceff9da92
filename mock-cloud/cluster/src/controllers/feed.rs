//! The events of several kinds, from a list on.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::select_all;
use tokio::sync::watch::Receiver;

use crate::resource::Kind;
use crate::store::{Change, Event, Store};

/// Events taken from the log at once.
const BATCH: usize = 512;

/// The log no longer reaches back to where the reader is.
#[derive(Debug)]
pub(super) struct Behind;

struct Cursor {
    kind: Kind,
    revision: u64,
    changed: Receiver<u64>,
}

/// A reader of several kinds.
pub(super) struct Feed {
    store: Arc<Store>,
    cursors: Vec<Cursor>,
    initial: Vec<Arc<Event>>,
}

impl Feed {
    /// Starts with what there is, as additions.
    pub(super) fn start(store: Arc<Store>, kinds: &[Kind]) -> Self {
        let state = store.lock();
        let revision = state.revision();
        let mut initial = Vec::new();
        let mut cursors = Vec::new();
        for &kind in kinds {
            initial.extend(state.list(kind, None).map(|object| {
                Arc::new(Event {
                    change: Change::Added,
                    object: object.clone(),
                    previous: None,
                })
            }));
            cursors.push(Cursor {
                kind,
                revision,
                changed: state.changes(kind),
            });
        }
        drop(state);
        Self {
            store,
            cursors,
            initial,
        }
    }

    /// Waits for at least one event and hands over all that there are.
    pub(super) async fn wait(&mut self, mut observe: impl FnMut(&Event)) -> Result<(), Behind> {
        loop {
            if self.drain(&mut observe)? {
                return Ok(());
            }
            let changes = self
                .cursors
                .iter_mut()
                .map(|cursor| cursor.changed.changed().boxed());
            let (outcome, _, _) = select_all(changes).await;
            outcome.map_err(|_| Behind)?;
        }
    }

    /// Hands over all events that there are. True if there was one.
    pub(super) fn drain(&mut self, mut observe: impl FnMut(&Event)) -> Result<bool, Behind> {
        let mut some = !self.initial.is_empty();
        for event in self.initial.drain(..) {
            observe(&event);
        }
        for cursor in &mut self.cursors {
            cursor.changed.borrow_and_update();
            loop {
                let (events, current) = {
                    let state = self.store.lock();
                    let events = state.events_after(cursor.kind, cursor.revision, BATCH);
                    (events.ok_or(Behind)?, state.revision())
                };
                let Some(last) = events.last() else {
                    cursor.revision = cursor.revision.max(current);
                    break;
                };
                cursor.revision = last.object.revision;
                some = true;
                for event in &events {
                    observe(event);
                }
            }
        }
        Ok(some)
    }
}
