//! Events (`events.k8s.io/v1`). They are for people: written beside the work, never waited for, and
//! counted up instead of repeated when the same thing is told again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Name under which our events stand.
const REPORTER: &str = "landfall-controller";
/// Writers, each with the objects that fall to it, so that what is told of one stays in order.
const WRITERS: usize = 8;
/// Events that may wait for one writer. Beyond that they are dropped, and the log says so.
const BACKLOG: usize = 4096;
/// Longest `note` that the API takes, in bytes.
const NOTE_LIMIT: usize = 1024;
/// How long the same is counted up; later it is told anew.
const SERIES: Duration = Duration::from_mins(6);

/// How an event is meant: its `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All goes as it should.
    Normal,
    /// Somebody ought to look.
    Warning,
}

/// Something to tell.
#[derive(Debug, Clone)]
pub struct Told {
    /// Of what: `regarding`.
    pub about: ObjectReference,
    /// How it is meant.
    pub kind: Kind,
    /// What happened, in one word in CamelCase.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// The same for people; cut where it is longer than the API takes.
    pub note: String,
}

/// Takes what is to be told.
#[derive(Debug, Clone)]
pub struct Events(Vec<mpsc::Sender<Told>>);

impl Events {
    /// The sender, and the writers to be run beside the work.
    pub fn new(client: &Client) -> (Self, impl Future<Output = ()> + use<>) {
        let (senders, writers): (Vec<_>, Vec<_>) = (0..WRITERS)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(BACKLOG);
                (sender, Writer::new(client.clone()).run(receiver))
            })
            .unzip();
        (Self(senders), async {
            join_all(writers).await;
        })
    }

    /// Tells something.
    pub fn tell(&self, mut told: Told) {
        let note = &mut told.note;
        if note.len() > NOTE_LIMIT {
            note.truncate(note.floor_char_boundary(NOTE_LIMIT - '…'.len_utf8()));
            note.push('…');
        }
        let mut hasher = DefaultHasher::new();
        identity(&told.about).hash(&mut hasher);
        let writers = u64::try_from(self.0.len()).unwrap_or(1);
        let writer = usize::try_from(hasher.finish() % writers).unwrap_or_default();
        let reason = told.reason;
        if self.0[writer].try_send(told).is_err() {
            tracing::warn!(reason, "an event was dropped: too many wait to be written");
        }
    }
}

/// What tells objects apart, whether or not their UIDs are known.
fn identity(about: &ObjectReference) -> impl Hash {
    (&about.kind, &about.namespace, &about.name, &about.uid)
}

/// Writes events, and remembers for a while which it wrote.
struct Writer {
    client: Client,
    written: Recent,
}

/// What was told lately. There may be as many as Services, so of each no more is kept than it takes
/// to count it up.
#[derive(Debug, Default)]
struct Recent {
    hasher: RandomState,
    written: HashMap<u64, Written>,
    /// When each was last told, or before: the next to be forgotten is at the front.
    ends: VecDeque<(Instant, u64)>,
}

/// An event that was written.
#[derive(Debug, Clone, Copy)]
struct Written {
    id: Uuid,
    count: i32,
    last: Instant,
}

impl Recent {
    /// What makes two events the same: of one object, for one reason, with one note. Two that are
    /// not have the same key once in 2⁶⁴, and count as one then.
    fn key(&self, told: &Told) -> u64 {
        self.hasher
            .hash_one((identity(&told.about), told.reason, &told.note))
    }

    /// The same when it was last told, if that is not long ago.
    fn get(&mut self, key: u64, now: Instant) -> Option<Written> {
        while let Some((last, key)) = self.ends.front().copied()
            && now.duration_since(last) >= SERIES
        {
            self.ends.pop_front();
            match self.written.get(&key) {
                Some(written) if written.last > last => self.ends.push_back((written.last, key)),
                Some(_) | None => drop(self.written.remove(&key)),
            }
        }
        let written = self.written.get(&key).copied();
        written.filter(|it| now.duration_since(it.last) < SERIES)
    }

    /// It was told.
    fn put(&mut self, key: u64, written: Written) {
        if self.written.insert(key, written).is_none() {
            self.ends.push_back((written.last, key));
        }
    }
}

impl Writer {
    fn new(client: Client) -> Self {
        Self {
            client,
            written: Recent::default(),
        }
    }

    async fn run(mut self, mut told: mpsc::Receiver<Told>) {
        while let Some(told) = told.recv().await {
            if let Err(error) = self.write(&told).await {
                let (about, reason) = (&told.about.name, told.reason);
                tracing::debug!(about, reason, %error, "an event was not written");
            }
        }
    }

    async fn write(&mut self, told: &Told) -> Result<(), kube::Error> {
        let now = Instant::now();
        let namespace = told.about.namespace.as_deref().unwrap_or("default");
        let api = Api::<Event>::namespaced(self.client.clone(), namespace);
        let key = self.written.key(told);
        if let Some(before) = self.written.get(key, now) {
            let again = Written {
                count: before.count.saturating_add(1),
                last: now,
                ..before
            };
            let series = json!({"count": again.count, "lastObservedTime": time()});
            let patch = Patch::Merge(json!({ "series": series }));
            let name = name(told, before.id);
            match api.patch(&name, &PatchParams::default(), &patch).await {
                // Events go by themselves; the same is told anew then.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                patched => {
                    self.written.put(key, again);
                    return patched.map(drop);
                }
            }
        }
        let written = Written {
            id: Uuid::new_v4(),
            count: 1,
            last: now,
        };
        let event = event(told, written.id);
        api.create(&PostParams::default(), &event).await?;
        self.written.put(key, written);
        Ok(())
    }
}

fn time() -> MicroTime {
    MicroTime(k8s_openapi::jiff::Timestamp::now())
}

/// `metadata.name` of an event.
fn name(told: &Told, id: Uuid) -> String {
    let about = told.about.name.as_deref().unwrap_or_default();
    format!("{about}.{}", id.simple())
}

fn event(told: &Told, id: Uuid) -> Event {
    let mut event = Event {
        event_time: Some(time()),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(REPORTER.to_owned()),
        action: Some(told.action.to_owned()),
        reason: Some(told.reason.to_owned()),
        regarding: Some(told.about.clone()),
        note: Some(told.note.clone()),
        type_: Some(format!("{:?}", told.kind)),
        ..Event::default()
    };
    event.metadata.name = Some(name(told, id));
    event.metadata.namespace.clone_from(&told.about.namespace);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_remembered_for_a_while_and_then_takes_no_room() {
        let (mut recent, start) = (Recent::default(), Instant::now());
        let written = |last| Written {
            id: Uuid::new_v4(),
            count: 1,
            last,
        };
        let later = start + SERIES / 2;
        recent.put(1, written(start));
        recent.put(2, written(start));
        recent.put(2, written(later));
        assert!(recent.get(1, later).is_some());
        recent.put(3, written(later + Duration::from_secs(1)));
        assert!(recent.get(1, start + SERIES).is_none());
        assert!(recent.get(2, start + SERIES).is_some());
        assert!(recent.get(2, later + SERIES).is_none());
        assert!(recent.get(3, later + SERIES).is_some());
        assert!(recent.get(3, later + SERIES * 2).is_none());
        assert!(recent.written.is_empty() && recent.ends.is_empty());
    }
}
