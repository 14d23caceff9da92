//! Events on Services (`events.k8s.io/v1`). They are for people: written beside the work, never
//! waited for, and counted up instead of repeated when the same thing is told again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use landfall_provider_api::ServiceName;
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Name under which our events stand.
const REPORTER: &str = "landfall-controller";
/// Writers, each with the Services that fall to it, so that what is told of one stays in order.
const WRITERS: usize = 8;
/// Events that may wait for one writer. Beyond that they are dropped, and the log says so.
const BACKLOG: usize = 4096;
/// Longest `note` that the API takes, in bytes.
const NOTE_LIMIT: usize = 1024;
/// How long the same is counted up; later it is told anew.
const SERIES: Duration = Duration::from_mins(6);

/// What happened, by its `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    EnsuredLoadBalancer,
    EnsuringLoadBalancer,
    DeletedLoadBalancer,
    SyncLoadBalancerFailed,
    HandedOver,
    Contested,
    /// What a provider warns of, by the reason that it gives.
    Warned(&'static str),
}

impl Reason {
    fn kind(self) -> &'static str {
        match self {
            Self::SyncLoadBalancerFailed | Self::Contested | Self::Warned(_) => "Warning",
            _ => "Normal",
        }
    }

    fn name(self) -> String {
        match self {
            Self::Warned(reason) => reason.to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// Something to tell.
struct Told {
    about: ObjectReference,
    reason: Reason,
    note: String,
}

/// Takes events from the controller.
#[derive(Debug, Clone)]
pub(super) struct Events(Vec<mpsc::Sender<Told>>);

impl Events {
    /// The sender, and the writers to be run beside the controller.
    pub(super) fn new(client: &Client) -> (Self, impl Future<Output = ()> + use<>) {
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

    /// Tells something about a Service.
    pub(super) fn tell(&self, about: ObjectReference, reason: Reason, mut note: String) {
        if note.len() > NOTE_LIMIT {
            note.truncate(note.floor_char_boundary(NOTE_LIMIT - '…'.len_utf8()));
            note.push('…');
        }
        let mut hasher = DefaultHasher::new();
        about.uid.hash(&mut hasher);
        let writers = u64::try_from(self.0.len()).unwrap_or(1);
        let writer = usize::try_from(hasher.finish() % writers).unwrap_or_default();
        if self.0[writer]
            .try_send(Told {
                about,
                reason,
                note,
            })
            .is_err()
        {
            tracing::warn!(?reason, "an event was dropped: too many wait to be written");
        }
    }
}

/// The reference by which an event names a Service.
pub(super) fn reference(service: &Service) -> ObjectReference {
    service.object_ref(&())
}

/// The same for a Service that is gone.
pub(super) fn reference_to_gone(name: &ServiceName, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        namespace: Some(name.namespace.clone()),
        name: Some(name.name.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
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
            .hash_one((&told.about.uid, told.reason, &told.note))
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
                let (service, reason) = (&told.about.name, told.reason);
                tracing::debug!(?service, ?reason, %error, "an event was not written");
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
    let Told {
        about,
        reason,
        note,
    } = told;
    let mut event = Event {
        event_time: Some(time()),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(REPORTER.to_owned()),
        action: Some("Sync".to_owned()),
        reason: Some(reason.name()),
        regarding: Some(about.clone()),
        note: Some(note.clone()),
        type_: Some(reason.kind().to_owned()),
        ..Event::default()
    };
    event.metadata.name = Some(name(told, id));
    event.metadata.namespace.clone_from(&about.namespace);
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
