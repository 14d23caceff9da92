//! Events go after an hour (`--event-ttl`), so that a cluster that runs for days does not fill
//! up with them. There is no timer: the next Event that is written clears the old ones away.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Controller, Scope};
use crate::registry::{self, DeleteOptions, Target};
use crate::resource::Kind;
use crate::store::{Change, Event, Key, Store};

/// The real server's default.
const TTL: Duration = Duration::from_hours(1);

pub(super) struct Expiry {
    store: Arc<Store>,
    written: HashMap<Key, Instant>,
    queue: VecDeque<(Instant, Key)>,
}

impl Controller for Expiry {
    const SCOPE: Scope = Scope::Only(&[Kind::Event]);
    const SETTLE: Duration = Duration::ZERO;

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            written: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        let key = event.object.key();
        if event.change == Change::Deleted {
            self.written.remove(&key);
            return;
        }
        let now = Instant::now();
        self.written.insert(key.clone(), now);
        self.queue.push_back((now, key));
    }

    fn act(&mut self) -> bool {
        let due = |(since, _): &(Instant, Key)| since.elapsed() >= TTL;
        let Some((since, key)) = self.queue.pop_front_if(|first| due(first)) else {
            return false;
        };
        // A series that was continued has a later entry.
        if self.written.get(&key) == Some(&since) {
            let target = Target::new(Kind::Event.resource(), key);
            if let Err(error) = registry::delete(&self.store, &target, &DeleteOptions::default()) {
                tracing::debug!(%error, "an event was gone before its time");
            }
        }
        true
    }
}
