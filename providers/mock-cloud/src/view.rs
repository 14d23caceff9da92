//! What the cluster is known to own in the mock cloud. It holds no more than is needed to say
//! whether a PUT would change anything and put right what others did, and it forgets what is no
//! longer certain.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use landfall_mock_cloud_wire::Serving;
use landfall_provider_api::LoadBalancerId;

use crate::known::{Digest, Known};
use crate::wanted;

/// What is known, by the UID of the Service. Where nothing is known, there may be nothing or
/// anything.
#[derive(Debug, Default)]
pub(crate) struct View(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Counts what happens, so that what was read before a change does not undo it.
    clock: u64,
    /// When the refresh began that is in force.
    refreshed: u64,
    slots: HashMap<String, Slot>,
    /// Calls under way that change a load balancer.
    under_way: HashMap<String, UnderWay>,
}

/// What somebody else made of a load balancer: its entity tag, none if it is gone.
type Told = Option<String>;

#[derive(Debug, Default)]
struct Slot {
    /// When it was last written.
    written: u64,
    known: Option<Known>,
    /// Its id, where that is not the one that we give: it was adopted.
    id: Option<Box<str>>,
    /// What was last asked for, and had.
    asked: Option<Digest>,
    /// What somebody else made of it since.
    heard: Option<Told>,
    /// Whether that is being put right, which takes longer than a call.
    is_repaired: bool,
    /// Whether a call has failed since, so that it may have had an effect.
    is_unsure: bool,
    /// UID of the cluster that has adopted it.
    lost_to: Option<Box<str>>,
}

/// What the stream of changes told since a call began.
#[derive(Debug, Default)]
struct UnderWay {
    asked: Option<Digest>,
    told: Option<Told>,
    serving: Option<Serving>,
}

/// A call under way that changes a load balancer. Dropped before it is known what came of it,
/// because the call failed or was cut off, what is there is not known.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    view: &'a View,
    service_uid: &'a str,
    is_done: bool,
}

/// What a PUT came to.
#[derive(Debug)]
pub(crate) struct Put {
    /// What is there now, with the newest word about how it serves.
    pub(crate) known: Known,
    /// Whether somebody else has changed it since, as far as the stream of changes has told: then
    /// it is not certain.
    pub(crate) is_another: bool,
    /// Whether this put right what somebody else had done.
    pub(crate) is_repaired: bool,
}

/// A load balancer as it was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) known: Known,
    /// Its id, where that is not the one that we give.
    pub(crate) id: Option<Box<str>>,
}

impl View {
    pub(crate) fn known(&self, service_uid: &str) -> Option<Known> {
        self.state().slots.get(service_uid)?.known.clone()
    }

    /// Its id in the mock cloud.
    pub(crate) fn id(&self, of: &LoadBalancerId) -> String {
        let state = self.state();
        let adopted = state
            .slots
            .get(&of.service_uid)
            .and_then(|it| it.id.as_deref());
        adopted.map_or_else(|| wanted::wire_id(of), str::to_owned)
    }

    /// A call that changes this load balancer is about to be made; a PUT `asks` for something.
    pub(crate) fn change<'a>(&'a self, service_uid: &'a str, asks: Option<Digest>) -> Change<'a> {
        let under_way = UnderWay {
            asked: asks,
            ..UnderWay::default()
        };
        self.state()
            .under_way
            .insert(service_uid.to_owned(), under_way);
        Change {
            view: self,
            service_uid,
            is_done: false,
        }
    }

    /// UID of the cluster that has adopted it, if one has.
    pub(crate) fn lost_to(&self, service_uid: &str) -> Option<Box<str>> {
        self.state().slots.get(service_uid)?.lost_to.clone()
    }

    /// Whether there is none, as far as anybody has told.
    pub(crate) fn is_absent(&self, service_uid: &str) -> bool {
        let state = self.state();
        let slot = state.slots.get(service_uid);
        slot.is_none_or(|slot| slot.heard == Some(None) && slot.known.is_none() && !slot.is_unsure)
    }

    /// What is asked for is there already. Tells whether it is so because it was put right, and
    /// that has not been told.
    pub(crate) fn agrees(&self, service_uid: &str, asked: Digest) -> bool {
        let mut state = self.state();
        let Some(slot) = state.slots.get_mut(service_uid) else {
            return false;
        };
        slot.asked = Some(asked);
        slot.heard = None;
        std::mem::take(&mut slot.is_repaired)
    }

    /// UIDs of the Services whose load balancers are known.
    pub(crate) fn service_uids(&self) -> Vec<String> {
        let state = self.state();
        let known = state.slots.iter().filter(|(_, slot)| slot.known.is_some());
        known.map(|(service_uid, _)| service_uid.clone()).collect()
    }

    /// Whether all was ever read.
    pub(crate) fn is_refreshed(&self) -> bool {
        self.state().refreshed > 0
    }

    /// A load balancer has this entity tag now, or is gone. Tells whether that is news: then what
    /// was known is not certain any more. What a call under way has done is told only when it ends.
    pub(crate) fn told(&self, service_uid: &str, etag: Option<&str>) -> bool {
        let mut state = self.state();
        let State {
            slots, under_way, ..
        } = &mut *state;
        let slot = slots.get(service_uid);
        let known = slot.and_then(|slot| slot.known.as_ref());
        if known.is_some_and(|known| known.etag() == etag) {
            return false;
        }
        if let Some(under_way) = under_way.get_mut(service_uid) {
            under_way.told = Some(etag.map(str::to_owned));
            return false;
        }
        let before = slot.and_then(|slot| slot.heard.as_ref());
        let is_old = match before {
            Some(before) => before.as_deref() == etag,
            None => known.is_none() && etag.is_none(),
        };
        state.write(service_uid).alter(etag.map(str::to_owned));
        !is_old
    }

    /// The cluster with this UID has adopted it. Tells whether that is news.
    pub(crate) fn lost(&self, service_uid: &str, to: &str) -> bool {
        let mut state = self.state();
        let slot = state.write(service_uid);
        slot.known = None;
        slot.lost_to.replace(to.into()).as_deref() != Some(to)
    }

    /// How a load balancer serves now. Tells whether that is news.
    pub(crate) fn told_serving(&self, service_uid: &str, serving: &Serving) -> bool {
        let mut state = self.state();
        let under_way = state.under_way.get_mut(service_uid);
        let is_idle = under_way.is_none();
        if let Some(under_way) = under_way {
            under_way.serving = Some(serving.clone());
        }
        let slot = state.slots.get_mut(service_uid);
        let known = slot.and_then(|slot| slot.known.as_mut());
        known.is_some_and(|known| known.serves(serving)) && is_idle
    }

    /// All is about to be read; tells when.
    pub(crate) fn begin_refresh(&self) -> u64 {
        self.state().tick()
    }

    /// All was read, and it is this, by the UID of the Service. What was changed since the reading
    /// began is not touched. Tells which are others than was thought.
    pub(crate) fn refresh(&self, began: u64, mut all: HashMap<String, Read>) -> Vec<String> {
        let mut state = self.state();
        let State {
            refreshed,
            slots,
            under_way,
            ..
        } = &mut *state;
        if began < *refreshed {
            return Vec::new();
        }
        *refreshed = began;
        let mut news = Vec::new();
        slots.retain(|service_uid, slot| {
            let read = all.remove(service_uid);
            if slot.written > began {
                return true;
            }
            slot.written = began;
            let is_idle = !under_way.contains_key(service_uid);
            if slot.read(read, is_idle) && is_idle {
                news.push(service_uid.clone());
            }
            slot.known.is_some() || slot.asked.is_some() || slot.lost_to.is_some()
        });
        for (service_uid, Read { known, id }) in all {
            news.push(service_uid.clone());
            let slot = Slot {
                written: began,
                known: Some(known),
                id,
                ..Slot::default()
            };
            slots.insert(service_uid, slot);
        }
        news
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it leaves a half-made change behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn write(&mut self, service_uid: &str) -> &mut Slot {
        let written = self.tick();
        let slot = self.slots.entry(service_uid.to_owned()).or_default();
        slot.written = written;
        slot
    }
}

impl Slot {
    /// Somebody else made this of it.
    fn alter(&mut self, told: Told) {
        self.known = None;
        self.is_unsure = false;
        if told.is_none() {
            self.id = None;
        }
        self.heard = Some(told);
    }

    /// It was read. Tells whether it is another than was thought.
    fn read(&mut self, read: Option<Read>, is_idle: bool) -> bool {
        let Some(Read { mut known, id }) = read else {
            let was_there = self.known.is_some();
            if is_idle {
                self.alter(None);
            }
            return was_there;
        };
        self.id = id;
        self.lost_to = None;
        self.is_unsure = false;
        let is_news = match &self.known {
            Some(before) if before.etag() == known.etag() => known.is_news_after(before),
            Some(_) => true,
            None => false,
        };
        self.known = Some(known);
        is_news
    }

    /// What it is while a PUT that asks for this is under way, if that is somebody else's doing.
    fn altered(&self, asked: Digest) -> Option<Told> {
        let known = self.known.as_ref().filter(|known| !known.is(asked));
        let known = known.map(|known| known.etag().map(str::to_owned));
        let altered = self.heard.clone().or(known);
        altered.filter(|_| self.asked == Some(asked))
    }
}

impl Change<'_> {
    /// The PUT succeeded, and this is there now.
    pub(crate) fn put(mut self, mut known: Known, asked: Digest) -> Put {
        self.is_done = true;
        let mut state = self.view.state();
        let under_way = state.under_way.remove(self.service_uid).unwrap_or_default();
        if let Some(serving) = &under_way.serving {
            known.serves(serving);
        }
        let etag = known.etag().map(str::to_owned);
        let slot = state.write(self.service_uid);
        slot.is_repaired |= slot.altered(asked).is_some_and(|it| it != etag);
        let is_repaired = known.is_active() && std::mem::take(&mut slot.is_repaired);
        slot.asked = Some(asked);
        (slot.heard, slot.lost_to) = (None, None);
        slot.is_unsure = false;
        slot.known = Some(known.clone());
        // Whether it was told of what came before ours or after it is not known, so nothing is heard.
        let is_another = under_way.told.is_some_and(|told| told != etag);
        if is_another {
            slot.known = None;
        }
        Put {
            known,
            is_another,
            is_repaired,
        }
    }

    /// Nothing of it is there, and nothing is to be.
    pub(crate) fn gone(mut self) {
        self.is_done = true;
        let mut state = self.view.state();
        state.under_way.remove(self.service_uid);
        let written = state.tick();
        let slot = Slot {
            written,
            ..Slot::default()
        };
        state.slots.insert(self.service_uid.to_owned(), slot);
    }

    /// It was only read, and this is there.
    pub(crate) fn read(mut self, known: Option<Known>) {
        self.is_done = true;
        let mut state = self.view.state();
        let under_way = state.under_way.remove(self.service_uid).unwrap_or_default();
        let slot = state.write(self.service_uid);
        let etag = known.as_ref().and_then(Known::etag).map(str::to_owned);
        match under_way.told.filter(|told| *told != etag) {
            Some(told) => slot.alter(told),
            None if known.is_none() => slot.alter(None),
            None => {
                (slot.known, slot.lost_to) = (known, None);
                slot.is_unsure = false;
            }
        }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.view.state();
        let under_way = state.under_way.remove(self.service_uid).unwrap_or_default();
        let slot = state.write(self.service_uid);
        match under_way.asked {
            // It is not put right yet, or nobody knows.
            Some(asked) if slot.asked == Some(asked) => slot.heard = slot.altered(asked),
            // What will be there may be this or that.
            Some(_) => (slot.asked, slot.heard) = (None, None),
            None => {}
        }
        slot.known = None;
        slot.is_unsure = true;
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
