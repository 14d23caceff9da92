//! What the cloud's task tells by itself.

use std::time::Instant;

use super::Owner;
use crate::book::Entry;
use crate::changes::What;
use crate::cloud::Watch;
use crate::id::Id;

impl Owner {
    pub(super) fn watch(&self, last_event_id: Option<&str>) -> Watch {
        Watch {
            epoch: self.log.epoch().to_owned(),
            last: self.log.last(),
            missed: self.log.since(last_event_id),
            changes: self.streams.subscribe(),
        }
    }

    /// `before` is what it was before the change.
    pub(super) fn tell_changed(&mut self, id: &Id, before: Option<Entry>) {
        let Some(entry) = self.book.get(id) else {
            return;
        };
        let tags = entry.spec.tags.clone();
        let (had_tags, had) = before
            .map(|entry| (entry.spec.tags, entry.addresses))
            .unzip();
        let mut freed = had.unwrap_or_default();
        freed.retain(|address| !entry.addresses.contains(address));
        let what = What::Changed {
            id: id.clone(),
            before: had_tags.filter(|before| *before != tags),
            tags,
            etag: self.etag(entry),
        };
        self.tell(what);
        if !freed.is_empty() {
            self.tell(What::FreedCapacity { addresses: freed });
        }
    }

    pub(super) fn tell(&mut self, what: What) {
        let change = self.log.add(what);
        // Without streams there is nobody to tell.
        let _ = self.streams.send(change);
    }

    /// The targets of a load balancer have news, or are others now.
    pub(super) fn look(&mut self, id: &Id) {
        let (Some(entry), Some(front)) = (self.book.get(id), self.fronts.get(id)) else {
            return;
        };
        let verdict = front.judge(&entry.spec.listeners);
        if !self.vigil.look(id, verdict, Instant::now()) {
            return;
        }
        let tags = entry.spec.tags.clone();
        let Some(serving) = self.vigil.told(id) else {
            return;
        };
        tracing::info!(
            load_balancer = %id, serving = ?serving.state, code = serving.code,
            "{}", serving.message
        );
        let id = id.clone();
        self.tell(What::Serving { id, tags, serving });
    }

    /// What was found a while ago may have held for long enough.
    pub(super) fn look_at_ripe(&mut self) {
        for id in self.vigil.ripe(Instant::now()) {
            self.look(&id);
        }
    }
}
