//! The events of several kinds, from a list on.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::select_all;
use tokio::sync::watch::Receiver;

use crate::resource::Kind;
use crate::store::{Change, Event, State, Store};

/// Events taken from the log at once.
const BATCH: usize = 512;

/// Which kinds a reader reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// Those that there are, and those that come.
    All,
    /// These.
    Only(&'static [Kind]),
}

impl Scope {
    fn kinds(self, state: &State) -> Vec<Kind> {
        match self {
            Self::All => state.kinds(),
            Self::Only(kinds) => kinds.to_vec(),
        }
    }
}

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
    scope: Scope,
    cursors: Vec<Cursor>,
    initial: Vec<Arc<Event>>,
}

impl Feed {
    /// Starts with what there is, as additions.
    pub(super) fn start(store: Arc<Store>, scope: Scope) -> Self {
        let state = store.lock();
        let revision = state.revision();
        let mut initial = Vec::new();
        let mut cursors = Vec::new();
        for kind in scope.kinds(&state) {
            initial.extend(state.list(kind, None).map(|object| {
                Arc::new(Event {
                    kind,
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
            scope,
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

    /// A kind that came with a definition is read from its first object on.
    fn follow_new_kinds(&mut self) {
        if matches!(self.scope, Scope::Only(_)) {
            return;
        }
        let state = self.store.lock();
        for kind in state.kinds() {
            if self.cursors.iter().all(|cursor| cursor.kind != kind) {
                self.cursors.push(Cursor {
                    kind,
                    revision: 0,
                    changed: state.changes(kind),
                });
            }
        }
    }

    /// Hands over all events that there are. True if there was one.
    pub(super) fn drain(&mut self, mut observe: impl FnMut(&Event)) -> Result<bool, Behind> {
        let mut some = !self.initial.is_empty();
        for event in self.initial.drain(..) {
            observe(&event);
        }
        self.follow_new_kinds();
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
